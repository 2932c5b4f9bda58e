//! How far a learner is in a lesson: plain data that can be kept, in any language of the lesson.

use serde::{Deserialize, Serialize};

/// How far a learner is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The step in sight.
    pub current: usize,
    /// Of each step.
    pub steps: Vec<StepProgress>,
}

/// How far a learner is in a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepProgress {
    /// How many of its commands have run, in their order.
    pub ran: usize,
    /// What became of its question.
    pub answer: Answer,
    /// The choice that the engine found right, once it has decided.
    pub right: Option<usize>,
    /// What came of each figure of the learner's choice when the lab decided; empty before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bet: Vec<Option<f64>>,
    /// Hints that were asked for.
    pub hints: usize,
    /// True if the solution was asked for.
    pub solution_shown: bool,
    /// True if it was asked for before the goal was reached: the step counts as viewed.
    pub viewed: bool,
    /// True once all clauses of its goal held at the same time.
    pub reached: bool,
}

/// What became of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It is not answered yet, or there is none.
    #[default]
    Open,
    /// The learner chose this one.
    Chosen(usize),
    /// The learner went on without choosing.
    Skipped,
}
