//! What the page is sent to draw: the scene, the new events, and how things stand.

use super::beside::Beside;
use super::lesson::LessonView;
use super::scene::{Place, Scene};
use serde::{Deserialize, Serialize};

/// Everything that may have changed since the frame before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Frame {
    /// Grows by one with each frame.
    pub number: u64,
    /// The picture.
    pub scene: Scene,
    /// New events, oldest first; after a jump in time `events_replaced` says that they are the
    /// whole list anew.
    pub events: Vec<EventLine>,
    /// True if `events` stands in the place of all that were sent before.
    pub events_replaced: bool,
    /// Events that were left out because there were too many for one frame.
    pub events_skipped: u64,
    /// How things stand.
    pub status: Status,
    /// What is known of the selected thing.
    pub inspector: Option<Inspector>,
    /// The lesson, if one is open.
    pub lesson: Option<LessonView>,
    /// The second run, if there is one.
    pub beside: Option<Box<Beside>>,
}

/// One event, language-free: its sentence is made from `name` and `fields` on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventLine {
    /// Its place in the stream.
    pub number: u64,
    /// When.
    pub at_us: u64,
    /// `kafka.appended`, `rabbit.pushed`, `lab.message_sent`.
    pub name: String,
    /// The process that told it.
    pub by: String,
    /// Its fields as text, by name.
    pub fields: Vec<(String, String)>,
}

/// How the lab and its host stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// True while the lab is on its way to where the reader finds it.
    pub opening: bool,
    /// True while virtual time runs by itself.
    pub playing: bool,
    /// Virtual seconds in a real second; 0 is as fast as possible.
    pub speed: f64,
    /// The present instant.
    pub now_us: u64,
    /// The end of what is recorded: beyond it the future is open.
    pub end_us: u64,
    /// True if nothing will happen by itself any more.
    pub idle: bool,
    /// The command that undo would take back.
    pub undo: Option<String>,
    /// The command that redo would do again.
    pub redo: Option<String>,
    /// True if the last act in the past dropped a future that undo brings back.
    pub future_dropped: bool,
    /// Events processed since the lab began.
    pub steps: u64,
    /// Times of a few recorded commands, as ticks of the time bar.
    pub marks_us: Vec<u64>,
    /// A long command under way: its text, and how far it is (0 to 1) if that is known.
    pub working: Option<(String, Option<f64>)>,
    /// How saving stands.
    pub saving: Saving,
}

/// How saving stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Saving {
    /// Storage was not asked yet.
    #[default]
    Opening,
    /// All up to this instant is in storage.
    SavedUpTo(u64),
    /// Something after this instant is not in storage yet.
    Behind(u64),
    /// There is no storage: the reason, as the browser names it.
    Unavailable(String),
    /// Saving failed; what was saved up to the instant is safe. The reason, and whether storage
    /// is full.
    Failed {
        /// All up to here is safe.
        saved_us: u64,
        /// As the browser names it.
        reason: String,
        /// True if there is no more room.
        full: bool,
    },
    /// The lab is open in another tab, which is the one that saves.
    OtherTab,
    /// The lab came with a link, and is not kept.
    Shared,
}

/// What is known of a selected thing: settings and figures by their real names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inspector {
    /// The thing.
    pub selection: Selection,
    /// Figures: (name, value), with real metric names where there are some.
    pub figures: Vec<(String, String)>,
    /// Settings: (name, value, true if it is the default).
    pub settings: Vec<(String, String, bool)>,
    /// Files of a node: (name, bytes written, bytes flushed).
    pub files: Vec<(String, u64, u64)>,
    /// The stages of a message, side by side: (Kafka?, time, stage name, facts).
    pub stages: Vec<StageLine>,
    /// The last events that concern it.
    pub events: Vec<EventLine>,
    /// The messages behind a number.
    pub lists: Vec<MessageList>,
}

/// The messages behind a number of the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageList {
    /// True on the Kafka side.
    pub kafka: bool,
    /// `lost`, `duplicated`, `reordered`.
    pub what: String,
    /// The first of them.
    pub messages: Vec<u64>,
    /// How many there are.
    pub count: u64,
}

/// A stage of a message's life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageLine {
    /// True on the Kafka side.
    pub kafka: bool,
    /// When; `None` for what it is waiting for.
    pub at_us: Option<u64>,
    /// The stage in snake case: `sent`, `appended`, `waiting`.
    pub stage: String,
    /// Facts, by name.
    pub facts: Vec<(String, String)>,
}

/// What can be selected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Selection {
    /// A thing of the picture.
    Place(Place),
    /// A message, by its number.
    Message(u64),
    /// A group.
    Group(String),
    /// The messages behind the numbers of the ledger.
    Ledger,
}
