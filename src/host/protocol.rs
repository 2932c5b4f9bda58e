//! What page and host say to each other. Encoded with postcard; the page and its worker are
//! always of the same build, so the encoding has no versions.

pub use super::link::{Fault, LinkError};
pub use crate::lesson::player::LessonAct;
use crate::view::frame::{Frame, Selection};
use serde::{Deserialize, Serialize};

/// What the page asks of the host. Every request that changes something is answered by a frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// The first: open what storage keeps; if it keeps nothing, run this script in a fresh lab.
    Open {
        /// The name of the lab in storage.
        lab: String,
        /// Commands of a first visit.
        script: String,
        /// False: do not touch storage (an embed, a private lab).
        store: bool,
    },
    /// Run lines of the lab's language; answered by [`Reply::Ran`], line by line.
    Run {
        /// Told back in the answer.
        id: u64,
        /// The lines.
        text: String,
    },
    /// Let virtual time run: so many virtual seconds in a real one; 0 is as fast as possible.
    Play {
        /// Virtual seconds in a real second.
        speed: f64,
    },
    /// Stop virtual time, and any long command.
    Pause,
    /// One step forward or back.
    Step {
        /// How large a step.
        grain: Grain,
        /// True: back.
        back: bool,
    },
    /// Go to an instant.
    Seek {
        /// The instant.
        at_us: u64,
    },
    /// Take the last command back.
    Undo,
    /// Do again what was taken back.
    Redo,
    /// Show this in the inspector; nothing if `None`.
    Select(Option<Selection>),
    /// Words that could stand next at the end of this line; answered by [`Reply::Completions`].
    Complete {
        /// Told back in the answer.
        id: u64,
        /// The line so far.
        line: String,
    },
    /// Open a lesson in a fresh lab.
    OpenLesson {
        /// Its id.
        id: String,
        /// `en` or `ko`.
        language: String,
        /// The lesson as JSON.
        json: String,
        /// The seed of its lab, if it is not the lesson's own.
        seed: Option<u32>,
    },
    /// Something the learner does in the open lesson.
    Lesson(LessonAct),
    /// Close the lesson, keep the lab.
    CloseLesson,
    /// The page is out of sight: stop time and frames; saving goes on.
    Hidden(bool),
    /// Open what somebody shared, in memory; the user's own lab is saved and left alone. Answered
    /// by [`Reply::Opened`], [`Reply::LinkNeeds`] or [`Reply::LinkRefused`].
    OpenLink {
        /// The text of the link.
        text: String,
        /// True if it comes from a file, which may be longer.
        file: bool,
        /// The lesson that it names, once it was asked for: `en` or `ko`, and the lesson as JSON.
        lesson: Option<(String, String)>,
    },
    /// Take the lab from the tab that has it, as it was saved last.
    TakeOver,
    /// Make a shared lab the user's own; what is kept under its name is put aside first.
    Keep {
        /// The name of the lab in storage.
        lab: String,
    },
    /// The lab as a link; answered by [`Reply::Shared`].
    Share,
    /// The recorded lines; answered by [`Reply::Recorded`].
    Recorded,
    /// Empty the storage of this lab and begin anew with this script.
    Erase {
        /// Commands of a first visit.
        script: String,
    },
}

/// How large a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grain {
    /// To the next thing that can be seen.
    Event,
    /// To the next message that gets somewhere.
    Message,
    /// A tenth of a second.
    Tick,
}

/// What the host answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// The engine is loaded; nothing is open yet.
    Loaded {
        /// The version of the engine.
        version: String,
    },
    /// The lab is open: fresh, or as it was left.
    Opened {
        /// What storage gave.
        found: Found,
    },
    /// Something to draw.
    Frame(Box<Frame>),
    /// A line was run.
    Ran {
        /// Of the request.
        id: u64,
        /// The line, as it was given.
        line: String,
        /// Its output.
        output: Vec<String>,
        /// Why it failed.
        error: Option<String>,
        /// True after the last line of the request.
        last: bool,
    },
    /// Words that could stand next.
    Completions {
        /// Of the request.
        id: u64,
        /// Each word whole.
        words: Vec<String>,
        /// How many characters at the end of the line they take the place of.
        replaces: usize,
    },
    /// A lesson could not be read: where, what was found, what was expected.
    LessonRefused {
        /// The sentence.
        error: String,
    },
    /// A link opens a lesson: the same request is to come again with it.
    LinkNeeds {
        /// The id of the lesson.
        lesson: String,
    },
    /// A link is refused; if no lab was open, none is now.
    LinkRefused(LinkError),
    /// The recorded lines, the one that made the lab first.
    Recorded {
        /// The newest of them, one line each.
        lines: Vec<String>,
    },
    /// The lab as a link.
    Shared {
        /// The text of the link.
        text: String,
    },
    /// The lab stopped: nothing is saved, and memory would bear no more.
    MemoryFull {
        /// The limit.
        bytes: u64,
    },
    /// The host cannot go on; the page says so and offers to begin anew.
    Failed {
        /// The sentence.
        error: String,
    },
}

/// What storage gave when the lab was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Found {
    /// Nothing: a first visit.
    Nothing,
    /// The lab as it was left, recovered by its brokers.
    Lab {
        /// Up to this instant everything was saved.
        saved_us: u64,
    },
    /// Another tab has the lab; this is a copy in memory, as it was saved last.
    OtherTab,
    /// Nothing, as it was not asked: a link was opened.
    Link,
    /// Storage cannot be used; the lab is in memory only.
    NoStorage {
        /// As the browser names it.
        reason: String,
    },
    /// What storage keeps cannot be read; it is kept aside, and a fresh lab was opened.
    Unreadable {
        /// Where, what was found, what was expected.
        error: String,
    },
}
