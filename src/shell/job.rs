//! What a line becomes: a command of the lab, and the form of its output.

use crate::lab::{Command, LabError, Outcome};

/// Lines of output, or the text of an error as the tool prints it.
pub type Printed = Result<Vec<String>, String>;

/// Gives what a command came to the form of the tool's output.
pub type Print = Box<dyn Fn(Result<Outcome, LabError>) -> Printed>;

/// What a line becomes.
pub enum Job {
    /// Lines that are known without asking the lab.
    Say(Vec<String>),
    /// A command of the lab.
    Do {
        /// The command.
        command: Box<Command>,
        /// The form of its output.
        print: Print,
    },
}

impl Job {
    /// A command that says nothing when it succeeds.
    pub fn quiet(command: Command) -> Job {
        Job::printed(command, |_| Vec::new())
    }

    /// A command whose outcome is printed by `print`; errors say what they say.
    pub fn printed(command: Command, print: impl Fn(Outcome) -> Vec<String> + 'static) -> Job {
        Job::of(command, move |result| result.map(&print).map_err(|error| error.to_string()))
    }

    /// A command whose outcome and errors have a form of their own.
    pub fn of(
        command: Command,
        print: impl Fn(Result<Outcome, LabError>) -> Printed + 'static,
    ) -> Job {
        Job::Do { command: Box::new(command), print: Box::new(print) }
    }
}

/// An outcome of a kind that the command cannot have: a mistake of the program itself.
pub fn unexpected(outcome: &Outcome) -> Vec<String> {
    vec![format!("the lab answered with something else: {outcome:?}")]
}
