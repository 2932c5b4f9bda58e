//! What the message at the lower edge can say.

use crate::host::protocol::LinkError;

/// A message at the lower edge.
#[derive(Clone, Debug, PartialEq)]
pub enum Toast {
    /// A future was dropped; undo brings it back.
    Forked,
    /// The lab is as it was left.
    Restored(u64),
    /// There is no storage: why.
    NoStorage(String),
    /// What storage kept could not be read.
    Unreadable(String),
    /// A command of a button failed: why.
    Refused(String),
    /// A lesson could not be fetched.
    NoLesson,
    /// A text was copied.
    Copied,
    /// Progress came from a file.
    Imported,
    /// A file held no progress: its line, what was found.
    NotImported(usize, String),
    /// What somebody shared is open.
    Shared,
    /// A link or file was refused: why.
    Link(LinkError),
    /// Another tab has the lab.
    OtherTab,
    /// A newer version of the page is here.
    Newer,
    /// Nothing is saved, and memory holds no more than so many bytes.
    MemoryFull(u64),
}
