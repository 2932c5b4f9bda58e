//! A lesson as it was written: plain data, without a learner.
//!
//! The page gets a lesson in this form, as JSON that `cargo xtask build` makes of the Markdown: a
//! reader of Markdown would be a tenth of what a visitor downloads.

use super::condition::Condition;
use super::error::LessonError;
use super::text::{Block, Inline};
use serde::{Deserialize, Serialize};

/// A lesson in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lesson {
    /// Its id: the name of its file without `.md`.
    pub id: String,
    /// `en` or `ko`.
    pub language: String,
    /// Its head.
    pub front: FrontMatter,
    /// Commands that set the stage; they run when the lesson is opened.
    pub start: Vec<Command>,
    /// Its steps, at least one.
    pub steps: Vec<Step>,
}

impl Lesson {
    /// The lesson as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a lesson is plain data")
    }

    /// A lesson from its JSON, which must be of this id and language.
    pub fn from_json(id: &str, language: &str, json: &str) -> Result<Lesson, LessonError> {
        let wrong = |line, found: String, expected: &str| LessonError {
            file: id.into(),
            line,
            found,
            expected: expected.into(),
        };
        let lesson: Lesson = serde_json::from_str(json)
            .map_err(|error| wrong(error.line(), error.to_string(), "a lesson as it was built"))?;
        if (&*lesson.id, &*lesson.language) != (id, language) {
            let found = format!("the lesson {} in {}", lesson.id, lesson.language);
            return Err(wrong(0, found, &format!("{id} in {language}")));
        }
        match lesson.steps.is_empty() {
            true => Err(wrong(0, "no steps".into(), "one at the least")),
            false => Ok(lesson),
        }
    }

    /// The same lesson in a lab of another seed: what is left to chance comes out otherwise.
    pub fn with_seed(mut self, seed: u64) -> Lesson {
        if seed == self.front.seed {
            return self;
        }
        let named = |seed: u64| [" --seed ", &seed.to_string()].concat();
        if let Some(first) = self.start.first_mut() {
            // The seed 1 need not be written there.
            let bare = first.text.replacen(&named(self.front.seed), "", 1);
            first.text = bare + &named(seed);
        }
        self.front.seed = seed;
        self
    }
}

/// The head of a lesson.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrontMatter {
    /// Its title.
    pub title: String,
    /// Its unit: `A`.
    pub unit: String,
    /// Its place in the curriculum, from 1.
    pub order: u32,
    /// Minutes it takes.
    pub minutes: u32,
    /// Lessons that should come before it.
    pub prerequisites: Vec<String>,
    /// The seed of its lab.
    pub seed: u64,
    /// Controls in sight, by name; the others are under *More*.
    pub controls: Vec<String>,
    /// Numbers of the prose that nothing in the lab can confirm, as they are written.
    pub numbers: Vec<String>,
}

/// A step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The line of its heading.
    pub line: usize,
    /// Its heading.
    pub title: String,
    /// Its text.
    pub text: Vec<Block>,
    /// Its commands, run one by one by the learner.
    pub commands: Vec<Command>,
    /// Its question.
    pub prediction: Option<Prediction>,
    /// Values that the text names.
    pub observations: Vec<Statement>,
    /// Clauses of its goal.
    pub goals: Vec<Statement>,
    /// From vague to exact.
    pub hints: Vec<Vec<Block>>,
    /// Commands that reach the goal.
    pub solution: Vec<Command>,
    /// Protections to switch off.
    pub without: Vec<Without>,
    /// Every stretch of its text with its line, choices apart, for the check of numbers.
    pub prose: Vec<Prose>,
}

/// A command of the lab's language, with the standard input that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The line where it begins.
    pub line: usize,
    /// Its text; more than one line if it is continued or has standard input.
    pub text: String,
}

/// A question that is answered before the run and decided by the engine after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The line where it begins.
    pub line: usize,
    /// The question.
    pub question: Vec<Inline>,
    /// The answers to choose from.
    pub choices: Vec<Choice>,
}

/// An answer to choose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its line.
    pub line: usize,
    /// What it says.
    pub text: Vec<Inline>,
    /// It is right if this holds once the step's commands have run.
    pub when: Condition,
    /// The belief behind a wrong answer; `None` for the one that the author holds for right.
    pub belief: Option<Belief>,
    /// One sentence: why so, or why not so.
    pub why: Vec<Inline>,
}

impl Choice {
    /// All that is read of it.
    pub fn words(&self) -> String {
        let (text, why) = (self.text.iter(), self.why.iter());
        text.map(Inline::words).chain([". "]).chain(why.map(Inline::words)).collect()
    }
}

/// What is behind a wrong answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Belief {
    /// A belief that somebody has, by its id in the bank
    /// ([`misconception`](super::misconception)).
    Misconception(String),
    /// A slip of counting.
    Slip,
}

/// A sentence and what it says of the lab: a value to observe, or a clause of a goal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Its line.
    pub line: usize,
    /// In words.
    pub text: Vec<Inline>,
    /// For the engine.
    pub condition: Condition,
}

/// A protection to switch off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Without {
    /// Its line.
    pub line: usize,
    /// Its name.
    pub protection: String,
    /// What to look for.
    pub text: Vec<Inline>,
}

/// A stretch of text and its line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prose {
    /// Where it stands.
    pub line: usize,
    /// What it says.
    pub text: String,
}
