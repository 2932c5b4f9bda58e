//! A lesson as the page shows it: rich text as data (never HTML), the bet, goals and hints.

pub use crate::lesson::text::{Block, Inline};
use serde::{Deserialize, Serialize};

/// A lesson and how far the learner is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LessonView {
    /// Its id: `first-message`.
    pub id: String,
    /// `en` or `ko`.
    pub language: String,
    /// Its title.
    pub title: String,
    /// Its unit: `A`.
    pub unit: String,
    /// Its place in the curriculum, from 1.
    pub order: u32,
    /// Minutes it takes.
    pub minutes: u32,
    /// Its steps.
    pub steps: Vec<StepView>,
    /// The step in sight.
    pub current: usize,
    /// True once all goals of all steps hold or held, none of them by a solution that was shown.
    pub solved: bool,
    /// True if a solution was shown before its goal was reached: then the lesson counts as viewed,
    /// not as solved.
    pub viewed: bool,
}

/// A step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepView {
    /// Its heading.
    pub title: String,
    /// Its text.
    pub text: Vec<Block>,
    /// Its commands, each with whether it was run.
    pub commands: Vec<(String, bool)>,
    /// Its question.
    pub question: Option<Question>,
    /// Values that the text names, shown live.
    pub observed: Vec<Observed>,
    /// Its goal, clause by clause.
    pub goals: Vec<Goal>,
    /// Hints that were asked for so far.
    pub hints: Vec<Vec<Block>>,
    /// How many hints there are.
    pub hints_total: usize,
    /// The solution's commands, once asked for.
    pub solution: Option<Vec<String>>,
    /// True if there is a solution.
    pub has_solution: bool,
    /// Protections that can be left out: what to look for, and whether the lab is without it now.
    pub without: Vec<(Vec<Inline>, bool)>,
    /// True once it is done.
    pub done: bool,
}

/// A prediction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The question.
    pub text: Vec<Inline>,
    /// The answers to choose from.
    pub options: Vec<Vec<Inline>>,
    /// The learner's choice.
    pub chosen: Option<usize>,
    /// True if the learner skipped it.
    pub skipped: bool,
    /// What the engine decided, after the run: the index of the right option.
    pub right: Option<usize>,
    /// One sentence why, shown with the decision.
    pub why: Vec<Inline>,
    /// What the learner's choice says in figures.
    pub bet: Vec<BetFigure>,
}

/// A figure of a choice.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BetFigure {
    /// What it is about, as a path.
    pub left: String,
    /// `==`, `<=` and so on.
    pub sign: String,
    /// The number that was expected.
    pub value: f64,
    /// The number that came, once the lab has decided.
    pub came: Option<f64>,
}

/// A value that the text names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// What is observed, in words.
    pub label: Vec<Inline>,
    /// The path or predicate.
    pub expression: String,
    /// Its value now; `None` if it has none.
    pub value: Option<String>,
}

/// A clause of a goal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Its sentence.
    pub text: Vec<Inline>,
    /// True if it holds now.
    pub holds: bool,
    /// The value on its left side now.
    pub value: Option<String>,
}

/// Rich text without its marks.
pub fn plain(text: &[Inline]) -> String {
    text.iter().map(Inline::words).collect()
}
