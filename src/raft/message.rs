//! What members say to each other, and what a member asks of its owner.

use super::member::Role;
use bytes::Bytes;

/// A member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemberId(pub u32);

/// An entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The term of the leader that made it.
    pub term: u64,
    /// What was proposed; in the first entry of every leader, which commits all before it, what
    /// its owner wants there, or `None`.
    pub command: Option<Bytes>,
}

/// What one member says to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The sender's term; in a pre-vote and its answer, the term that is thought of.
    pub term: u64,
    /// What it says.
    pub body: Body,
}

/// What is said in a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Asks for a vote; as a trial, whether it would be given.
    AskVote {
        /// True if nothing is decided yet.
        is_trial: bool,
        /// The last entry of the sender's log: index and term.
        last: (u64, u64),
    },
    /// Answers that.
    Vote {
        /// True if the question was a trial.
        is_trial: bool,
        /// Yes or no.
        granted: bool,
    },
    /// A leader sends entries, or none to say that it lives.
    Append {
        /// The entry before them: index and term.
        before: (u64, u64),
        /// The entries.
        entries: Vec<Entry>,
        /// Up to this index all is committed.
        commit: u64,
    },
    /// A leader sends its snapshot, as the entries that are asked for are not in its log any more.
    Snapshot {
        /// The last entry that is in it: index and term.
        last: (u64, u64),
        /// The state.
        state: Bytes,
    },
    /// A leader wants the receiver to lead.
    Stand,
    /// Answers both.
    Appended {
        /// The logs are the same up to this index, and flushed; if refused, where to try next.
        index: u64,
        /// False if the entry before did not match.
        is_same: bool,
    },
}

/// What a member asks of its owner, to be done in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send this.
    Send {
        /// To whom.
        to: MemberId,
        /// What.
        message: Message,
    },
    /// Write the term and the vote in it, in the place of the ones before.
    SaveVote {
        /// The number of this write.
        write: u64,
        /// The term.
        term: u64,
        /// Who got the vote in it.
        vote: Option<MemberId>,
    },
    /// Write these entries; what the log file has from the index on goes.
    Write {
        /// The number of this write.
        write: u64,
        /// The index of the first.
        from: u64,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// Write the snapshot in the place of the whole log, and take its state.
    Restore {
        /// The number of this write.
        write: u64,
        /// The last entry that is in it: index and term.
        last: (u64, u64),
        /// The state.
        state: Bytes,
    },
    /// All up to this index is committed: apply it.
    Commit {
        /// The index.
        index: u64,
    },
    /// The member has another role now, or knows another leader.
    Role(Role),
}
