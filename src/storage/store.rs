//! Where labs are kept, as a trait.

use super::manifest::{Manifest, Record};
use crate::ordered::BTreeSet;
use bytes::Bytes;
use std::fmt;

/// Why storage did not do what it was asked; each says who must react.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Storage cannot be used, now or at all: the browser's reason. The host goes on in memory.
    Unavailable(String),
    /// There is no more room: the browser's reason. The user has to make some.
    Full(String),
    /// What is kept is not what was written. The host keeps it aside and begins anew.
    Corrupt {
        /// Where: `the manifest of "main"`, `block 7 of "main"`.
        place: String,
        /// What was found there.
        found: String,
        /// What should be there.
        expected: String,
    },
    /// A newer version of the program wrote it: the host keeps it aside.
    Newer {
        /// The format's version.
        found: u32,
        /// The newest one that is known here.
        known: u32,
    },
    /// The lab is open in another tab, which saves it.
    OtherTab,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unavailable(reason) | StoreError::Full(reason) => f.write_str(reason),
            StoreError::Corrupt { place, found, expected } => {
                write!(f, "{place}: found {found}, expected {expected}")
            }
            StoreError::Newer { found, known } => {
                write!(f, "format {found} was found, written by a newer version; known is {known}")
            }
            StoreError::OtherTab => f.write_str("the lab is open in another tab"),
        }
    }
}

impl std::error::Error for StoreError {}

/// What was found when a lab was opened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// The lab as it was saved; `None` if there was nothing.
    pub manifest: Option<Manifest>,
    /// The next block id that was never used.
    pub next_block: u64,
}

/// What one transaction writes: all of it, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// New blocks by their ids.
    pub blocks: Vec<(u64, Bytes)>,
    /// What the lab is made of from now on.
    pub manifest: Manifest,
    /// Blocks that nothing needs any more.
    pub drop: Vec<u64>,
}

impl Commit {
    /// Bytes of the new blocks.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

/// A place where labs are kept. One value holds at most one lab open. At most one call that
/// writes is under way at a time; reading goes on beside it.
#[expect(async_fn_in_trait, reason = "a tab has one thread: no future needs to be Send")]
pub trait Store {
    /// Takes a lab for this tab, and collects its rubbish. After `Corrupt` and `Newer` it is
    /// taken, and [`Store::keep_aside`] is the way on.
    async fn open(&self, lab: &str) -> Result<Opened, StoreError>;

    /// The same, taken from the tab that has it, which is told [`StoreError::OtherTab`] from then
    /// on, whatever it asks.
    async fn take_over(&self, lab: &str) -> Result<Opened, StoreError>;

    /// What is kept of a lab, for somebody who only looks on.
    async fn peek(&self, lab: &str) -> Result<Option<Manifest>, StoreError>;

    /// Gives what is kept under the open lab's name the name `LAB (kept DATE-NUMBER)`; the lab is
    /// then empty.
    async fn keep_aside(&self, date: &str) -> Result<Opened, StoreError>;

    /// The content of blocks, in the order asked for.
    async fn read(&self, ids: &[u64]) -> Result<Vec<Bytes>, StoreError>;

    /// Writes blocks and manifest in one transaction. If it fails, all is as before.
    async fn commit(&self, commit: &Commit) -> Result<(), StoreError>;

    /// Removes everything of the open lab, and what was kept aside of it.
    async fn erase(&self) -> Result<(), StoreError>;

    /// The names of all labs that are kept.
    async fn labs(&self) -> Result<Vec<String>, StoreError>;
}

/// What an opened lab's blocks come to: which are rubbish, and where numbering goes on.
#[derive(Debug)]
pub struct Census {
    /// Blocks that the lab's manifest does not name.
    pub rubbish: Vec<u64>,
    /// The next id that was never used.
    pub next_block: u64,
}

impl Census {
    /// Takes the census of all blocks that are there. Blocks before `record.first_block` belong
    /// to what was kept aside. Fails if the manifest names a block that is missing.
    pub fn take(lab: &str, record: &Record, there: &BTreeSet<u64>) -> Result<Census, StoreError> {
        let named = record.manifest.block_ids();
        if let Some(missing) = named.difference(there).next() {
            return Err(StoreError::Corrupt {
                place: format!("block {missing} of \"{lab}\""),
                found: "nothing".into(),
                expected: "a block that the manifest names".into(),
            });
        }
        let rubbish = there.range(record.first_block..).filter(|id| !named.contains(id));
        let next_block = record.manifest.next_block.max(after(there));
        Ok(Census { rubbish: rubbish.copied().collect(), next_block })
    }
}

/// The first id after all of these.
pub fn after(there: &BTreeSet<u64>) -> u64 {
    there.last().map_or(0, |last| last + 1)
}

/// The name under which something is kept aside: the first one that is free.
pub fn kept_name(lab: &str, date: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut names = (1..).map(|number: u64| format!("{}{date}-{number})", kept_prefix(lab)));
    names.find(|name| !taken(name)).expect("numbers have no end")
}

/// What all names of what was kept aside of a lab begin with.
pub fn kept_prefix(lab: &str) -> String {
    format!("{lab} (kept ")
}
