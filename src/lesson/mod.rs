//! Lessons: Markdown that reads well as it is, and that the lab can run, check and judge.
//!
//! A lesson is a file `www/lessons/LANGUAGE/ID.md`. It is read into a [`Lesson`] ([`parse`]), a
//! learner goes through it with a [`Player`], and [`check`] proves that it is true: that its
//! commands run, that its solutions reach its goals and nothing else does, that the engine decides
//! its questions as the text says, that its numbers are measured, and that both languages say the
//! same. A lesson stores no answer: what is right is what the lab says after the run.
//!
//! # The file
//!
//! The head stands between two lines `---`, one `key: value` a line (quotes around a value are
//! taken off):
//!
//! | key | value |
//! |---|---|
//! | `title` | at most 80 characters |
//! | `unit` | one letter, A to Z |
//! | `order` | the place in the curriculum, from 1 |
//! | `minutes` | 1 to 60 |
//! | `seed` | the seed of the lab |
//! | `prerequisites` | ids of lessons between commas, or `none` (the default) |
//! | `controls` | what is in sight: at most 5 of [`front_matter::CONTROLS`] |
//! | `numbers` | numbers of the prose that no statement or command of their step confirms |
//!
//! Then one fence `sh start`: the commands that set the stage, from `lab new` on. They run when the
//! lesson is opened, and may be as long as they like: the learner begins behind them. Then the
//! steps. A step is a heading `## ` with what is below it: text, and these fences.
//!
//! ````text
//! ```sh            commands, run one by one by the learner
//! ```predict       What is asked? (any number of lines)
//!                  - an answer
//!                    when: PREDICATE         it is right if this holds after the step's commands
//!                    why: one sentence
//!                  - another answer
//!                    when: PREDICATE
//!                    belief: ID              the misconception behind it, or `slip`
//!                    why: one sentence
//! ```observe       - words: PATH or PREDICATE   a value that the text names, shown live
//! ```goal          - sentence: PREDICATE        a clause; all must hold at the same time
//! ```hint          text; up to three in a step, from vague to exact
//! ```solution      commands that reach the goal
//! ```without       - PROTECTION: words          a protection to switch off
//! ```text          something to read in monospace
//! ````
//!
//! Two to four answers; the one without `belief:` is the one that the author holds for right. It is
//! not what decides: [`check`] demands that the engine agrees. A line that goes on is indented by
//! two blanks (by four below an answer). Observations are asserted at the end of the step, after
//! its solution if it has one. What a learner should find out first does not stand in the step that
//! asks for it, but in the next one.
//!
//! # What a file may not hold
//!
//! HTML; links other than `https:`; pictures other than `![words](ID/NAME)`, from the lesson's own
//! folder; slanted text, which is hard to read in Hangul; more than 64 KiB, 40 steps, 200 commands,
//! 3 hints or 8 clauses. Whatever is wrong is a [`LessonError`] that names file and line, what was
//! found and what was expected.
//!
//! # How a step is judged
//!
//! In the order of the file, from a fresh lab: a goal does not hold before its step; the commands
//! run; the prediction is decided; a goal that has a solution does not hold yet, and holds after
//! it; one without a solution holds now. A second run without any solution reaches no goal that has
//! one, and its commands run all the same: so a learner may go on without having solved a step.

pub mod bench;
pub mod bet;
pub mod catalog;
pub mod check;
pub mod compare;
pub mod condition;
pub mod document;
mod error;
mod fence;
pub mod front_matter;
mod markdown;
pub mod misconception;
mod number;
pub mod parse;
pub mod player;
pub mod progress;
mod script;
pub mod text;
pub mod trial;

pub use condition::Lookup;
pub use document::Lesson;
pub use error::LessonError;
pub use player::{LessonAct, Player};
