//! What the page is like: its colours, how far it is, what stands where.

use crate::view::welcome::{Act, Pile};

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Those of the system.
    #[default]
    System,
    /// Light ones.
    Light,
    /// Dark ones.
    Dark,
}

/// How far the page is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// The engine is loading, or opens the lab.
    #[default]
    Opening,
    /// The lab is there.
    Open,
    /// It cannot go on: why.
    Failed(String),
}

/// What stands at the left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Left {
    /// Nothing.
    #[default]
    Nothing,
    /// The list of lessons.
    List,
    /// The open lesson.
    Lesson,
}

/// What the drawer shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// Commands and their outputs.
    #[default]
    Terminal,
    /// What happened.
    Events,
    /// What became of the messages.
    Ledger,
    /// Figures over time.
    Charts,
    /// Forms to build with.
    Build,
    /// Two runs.
    Compare,
}

/// In a narrow page: which lane, or both as a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Narrow {
    /// The upper lane.
    #[default]
    Kafka,
    /// The lower lane.
    Rabbit,
    /// Both, as a table.
    Compare,
}

/// The first half minute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Welcome {
    /// How far it is.
    pub act: Act,
    /// Where the learner expects the pile.
    pub bet: Option<Pile>,
    /// Where the lab has it.
    pub right: Option<Pile>,
    /// When the watching began.
    pub since_us: u64,
}
