//! The files of a member of a group.
//!
//! They lie in one folder: `vote` with the term and the vote, `snapshot`, and log segments that are
//! appended. A frame of a segment is its length, a check of 32 bits, index, term, whether there is
//! a command, and the command. What is torn at the end of the last segment is cut off.

use crate::ordered::BTreeMap;
use crate::rabbit::ids::QueueId;
use crate::raft::Entry;
use crate::sim::Rope;
use bytes::Bytes;

/// Where the groups of all queues are.
pub const DIRECTORY: &str = "quorum/";

/// Frames have so many bytes before their command: length, check, index, term, whether there is
/// one.
pub(super) const FRAME_BYTES: usize = 4 + 4 + 8 + 8 + 1;

/// What was last applied of a node's commands: the life of the node, and the number in it.
pub(super) type Origins = BTreeMap<u32, (u64, u64)>;

/// The folder of a queue's group. Where there are several nodes, one of them can be down while a
/// queue is deleted and another of its name is made: so its number is part of it.
pub fn directory(queue: &str, number: Option<QueueId>) -> String {
    let queue = queue.replace('%', "%25").replace('/', "%2F");
    match number {
        None => format!("{DIRECTORY}{queue}/"),
        Some(QueueId(number)) => format!("{DIRECTORY}{queue}@{number}/"),
    }
}

/// What a group left on disk.
#[derive(Clone, Debug, Default)]
pub struct Files {
    pub(super) term: u64,
    pub(super) vote: Option<u32>,
    pub(super) snapshot: Option<((u64, u64), Bytes)>,
    /// By the first index of the segment.
    pub(super) segments: BTreeMap<u64, Rope>,
}

impl Files {
    /// True if there was nothing.
    pub fn is_new(&self) -> bool {
        self.term == 0 && self.segments.is_empty() && self.snapshot.is_none()
    }

    /// A file of the folder was read.
    pub fn add(&mut self, file: &str, bytes: &Rope) {
        match file {
            "vote" => {
                if let Ok(saved) = postcard::from_bytes(&bytes.bytes()) {
                    (self.term, self.vote) = saved;
                }
            }
            "snapshot" => {
                let bytes = bytes.bytes();
                if let Ok((last, rest)) = postcard::take_from_bytes::<(u64, u64)>(&bytes) {
                    self.snapshot = Some((last, bytes.slice(bytes.len() - rest.len()..)));
                }
            }
            segment => {
                if let Some(first) = segment.strip_suffix(".log").and_then(|it| it.parse().ok()) {
                    self.segments.insert(first, bytes.clone());
                }
            }
        }
    }
}

/// The entries of a segment with their indexes, and how many of its bytes are sound.
pub(super) fn frames(bytes: &Bytes) -> (Vec<(u64, Entry)>, usize) {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + FRAME_BYTES) {
        let number = |from: usize, to: usize| {
            head[from..to].iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte))
        };
        let end = at + FRAME_BYTES + number(0, 4) as usize;
        let Some(checked) = bytes.get(at + 8..end) else { break };
        if u64::from(crc32c::crc32c(checked)) != number(4, 8) {
            break;
        }
        let command = (head[24] == 1).then(|| bytes.slice(at + FRAME_BYTES..end));
        entries.push((number(8, 16), Entry { term: number(16, 24), command }));
        at = end;
    }
    (entries, at)
}

/// A snapshot begins with what was applied of each node's commands.
pub(super) fn join_origins(origins: &Origins, state: &Bytes) -> Bytes {
    let all: Vec<(u32, (u64, u64))> = origins.iter().map(|(node, last)| (*node, *last)).collect();
    let mut bytes = postcard::to_stdvec(&all).expect("numbers are plain");
    bytes.extend_from_slice(state);
    bytes.into()
}

pub(super) fn split_origins(snapshot: &Bytes) -> (Origins, Bytes) {
    match postcard::take_from_bytes::<Vec<(u32, (u64, u64))>>(snapshot) {
        Ok((all, rest)) => {
            (all.into_iter().collect(), snapshot.slice(snapshot.len() - rest.len()..))
        }
        Err(_) => (Origins::new(), Bytes::new()),
    }
}

pub(super) fn segment_file(directory: &str, first: u64) -> String {
    format!("{directory}{first:012}.log")
}
