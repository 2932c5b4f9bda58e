//! The manifest: the one record that says what a saved lab is made of. Swapping it is the commit
//! point; a block that no manifest names is rubbish to be collected.

use serde::{Deserialize, Serialize};

/// The version of this format that is written. Older ones are migrated, newer ones refused.
pub const FORMAT: u32 = 1;

/// A saved lab, all but the bytes of its blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that wrote it.
    pub engine: String,
    /// Grows by one with each commit.
    pub generation: u64,
    /// The virtual instant that is saved, in microseconds.
    pub time_us: u64,
    /// Events processed by then.
    pub steps: u64,
    /// What the lab is made of, as JSON.
    pub lab: String,
    /// Every command up to then.
    pub journal: Vec<JournalLine>,
    /// Every process with its files.
    pub nodes: Vec<SavedNode>,
    /// What the lab keeps beside its processes (workloads, ledger), in the lab's own format.
    pub rest: Vec<u8>,
    /// The next block id that was never used.
    pub next_block: u64,
}

/// A command and the place in time where it acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalLine {
    /// Events processed before it.
    pub steps: u64,
    /// The instant.
    pub time_us: u64,
    /// The line, with its standard input.
    pub text: String,
}

/// A process and its files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedNode {
    /// `kafka` or `rabbit`.
    pub world: String,
    /// Its name in that world.
    pub name: String,
    /// Its configuration, as JSON.
    pub spec: String,
    /// The machine it stands on.
    pub machine: u32,
    /// How often it has been started anew.
    pub life: u32,
    /// True if it was running or paused: then opening again starts it.
    pub alive: bool,
    /// Its files in the order of their names.
    pub files: Vec<SavedFile>,
}

/// A file as the list of its pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFile {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub pieces: Vec<SavedPiece>,
    /// What of it survives a power cut.
    pub flushed: SavedFlushed,
}

/// What of a file survives a power cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SavedFlushed {
    /// Of a log: its first bytes.
    Bytes(u64),
    /// Of a file that is replaced whole: an earlier content, or none.
    Whole(Option<Vec<SavedPiece>>),
}

/// A window on a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPiece {
    /// The block's id.
    pub block: u64,
    /// Bytes of the whole block.
    pub block_len: u64,
    /// Where in the block it begins.
    pub from: u64,
    /// How many bytes it takes.
    pub len: u64,
}
