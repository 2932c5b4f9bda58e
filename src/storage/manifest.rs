//! The manifest: the one record that says what a saved lab is made of. Swapping it is the commit
//! point; a block that no manifest names is rubbish to be collected.
//!
//! As bytes: `pushpull`, the format's version (4 bytes), the body's length (8), a CRC-32C (4) of
//! version, length and body, all little-endian; then the body, a [`Record`] in postcard.

use super::store::StoreError;
use crate::ordered::BTreeSet;
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 8] = b"pushpull";
const HEAD: usize = 24;

/// The version of this format that is written. Newer ones are refused by name.
pub const FORMAT: u32 = 4;

/// The oldest version that is read. The first was never published, and is put aside as damaged.
/// 2 and 3 differ in [`Manifest::rest`], 3 and 4 in the checksums of blocks.
pub const FORMAT_OLDEST: u32 = 2;

/// A saved lab, all but the bytes of its blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// So many versions before [`FORMAT`] is the one that it was read from.
    #[serde(skip)]
    pub older_by: u32,
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
    /// The lesson in progress, in the host's own format; empty without one.
    pub lesson: String,
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

/// What is kept: the manifest, and what the store itself has to remember.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The first block that is this lab's; those before belong to what was kept aside.
    pub first_block: u64,
    /// The manifest.
    pub manifest: Manifest,
}

impl Record {
    /// The record as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let body = postcard::to_allocvec(self).expect("plain data can always be written");
        let mut bytes = Vec::with_capacity(HEAD + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&checksum(FORMAT, &body).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// The record that these bytes are, or where they are not one.
    pub fn decode(lab: &str, bytes: &[u8]) -> Result<Record, StoreError> {
        let corrupt = |part: &str, found: String, expected: String| StoreError::Corrupt {
            place: format!("{part} of the manifest of \"{lab}\""),
            found,
            expected,
        };
        let Some((head, body)) = bytes.split_at_checked(HEAD) else {
            return Err(corrupt("head", format!("{} bytes", bytes.len()), HEAD.to_string()));
        };
        let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("4 bytes"));
        let len = u64::from_le_bytes(head[12..20].try_into().expect("8 bytes"));
        if &head[..8] != MAGIC {
            let found = head[..8].escape_ascii().to_string();
            return Err(corrupt("mark", found, MAGIC.escape_ascii().to_string()));
        }
        let format = word(8);
        if body.len() as u64 != len {
            return Err(corrupt("body", format!("{} bytes", body.len()), len.to_string()));
        }
        let (found, expected) = (checksum(format, body), word(20));
        if found != expected {
            return Err(corrupt("checksum", format!("{found:#010x}"), format!("{expected:#010x}")));
        }
        if format > FORMAT {
            return Err(StoreError::Newer { found: format, known: FORMAT });
        }
        if format < FORMAT_OLDEST {
            return Err(corrupt("format", format.to_string(), FORMAT.to_string()));
        }
        let mut record: Record = postcard::from_bytes(body)
            .map_err(|error| corrupt("body", error.to_string(), "a record".into()))?;
        record.manifest.older_by = FORMAT - format;
        Ok(record)
    }
}

fn checksum(format: u32, body: &[u8]) -> u32 {
    let head = crc32c::crc32c(&format.to_le_bytes());
    let head = crc32c::crc32c_append(head, &(body.len() as u64).to_le_bytes());
    crc32c::crc32c_append(head, body)
}

impl Manifest {
    /// The format that it was read from.
    pub fn format(&self) -> u32 {
        FORMAT - self.older_by
    }

    /// The blocks that it names.
    pub fn block_ids(&self) -> BTreeSet<u64> {
        let files = self.nodes.iter().flat_map(|node| &node.files);
        let pieces = files.flat_map(|file| {
            let flushed = match &file.flushed {
                SavedFlushed::Whole(Some(pieces)) => &pieces[..],
                SavedFlushed::Whole(None) | SavedFlushed::Bytes(_) => &[],
            };
            file.pieces.iter().chain(flushed)
        });
        pieces.map(|piece| piece.block).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let piece = |block| SavedPiece { block, block_len: 10, from: 0, len: 10 };
        let file = SavedFile {
            name: "t-0/00000000000000000000.log".into(),
            pieces: vec![piece(3), piece(4)],
            flushed: SavedFlushed::Bytes(10),
        };
        let whole = SavedFile {
            name: "recovery-point-offset-checkpoint".into(),
            pieces: vec![piece(5)],
            flushed: SavedFlushed::Whole(Some(vec![piece(2)])),
        };
        let node = SavedNode {
            world: "kafka".into(),
            name: "kafka-1".into(),
            spec: "{}".into(),
            machine: 0,
            life: 1,
            alive: true,
            files: vec![file, whole],
        };
        let manifest =
            Manifest { time_us: 5, nodes: vec![node], next_block: 6, ..Manifest::default() };
        Record { first_block: 1, manifest }
    }

    #[test]
    fn comes_back_as_it_was() {
        assert_eq!(Record::decode("main", &record().encode()), Ok(record()));
        assert_eq!(record().manifest.block_ids(), BTreeSet::from([2, 3, 4, 5]));
    }

    #[test]
    fn every_flipped_byte_and_every_cut_is_noticed() {
        let bytes = record().encode();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            let read = Record::decode("main", &broken);
            assert!(matches!(read, Err(StoreError::Corrupt { .. })), "byte {at}: {read:?}");
            let read = Record::decode("main", &bytes[..at]);
            assert!(matches!(read, Err(StoreError::Corrupt { .. })), "cut at {at}: {read:?}");
        }
    }

    #[test]
    fn a_newer_format_is_named_and_not_guessed_at() {
        let body = b"what only the future can read";
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&(FORMAT + 1).to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&checksum(FORMAT + 1, body).to_le_bytes());
        bytes.extend_from_slice(body);
        let error = Record::decode("main", &bytes).unwrap_err();
        assert_eq!(error, StoreError::Newer { found: FORMAT + 1, known: FORMAT });
    }

    #[test]
    fn an_error_says_where_what_was_found_and_what_was_expected() {
        let error = Record::decode("main", b"pushpull").unwrap_err();
        let sentence = "head of the manifest of \"main\": found 8 bytes, expected 24";
        assert_eq!(error.to_string(), sentence);
    }
}
