//! What is there of a stream after a boot.
//!
//! The index says which chunks a segment has. The last segment is looked through, chunk by chunk,
//! and what is torn at its end is cut off; so is any other whose index and file do not agree, and
//! then what lies behind it is deleted: a log has no gap.

use super::chunk::{self, INDEX_MAGIC, IndexEntry, SEGMENT_MAGIC};
use super::log::{Segment, Stream, index_file, segment_file};
use crate::ordered::BTreeMap;
use crate::rabbit::ids::QueueId;
use crate::rabbit::names::Names;
use crate::rabbit::process::Out;
use crate::sim::Rope;
use bytes::{Bytes, BytesMut};
use std::rc::Rc;

/// What a stream left on disk.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Index files by the first offset of their segments.
    indexes: BTreeMap<u64, Vec<IndexEntry>>,
    /// Segments that have to be looked through.
    scanned: BTreeMap<u64, Bytes>,
    /// The last epoch that it was in step with; where one node has it, the one that it writes in.
    epoch: u64,
}

impl Files {
    /// A file of the folder was read.
    pub fn add(&mut self, file: &str, bytes: &Rope) {
        if file == "epoch" {
            let epoch = bytes.bytes().iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            self.epoch = epoch.min(chunk::NUMBER_MAX - 1);
        }
        let Some((name, kind)) = file.split_once('.') else { return };
        let Some(first) = offset_of(name) else { return };
        match kind {
            "index" => drop(self.indexes.insert(first, chunk::parse_index(&bytes.bytes()))),
            _ => drop(self.scanned.insert(first, bytes.bytes())),
        }
    }

    /// The names of the segments that have to be looked through, once the indexes are known.
    pub fn doubtful(&self, directory: &str, out: &Out<'_>) -> Vec<String> {
        let files = out.files().with_prefix(directory);
        let segments = files.filter_map(|(name, file)| {
            let first = offset_of(name.strip_prefix(directory)?.strip_suffix(".segment")?)?;
            Some((first, file.len()))
        });
        let segments: Vec<(u64, u64)> = segments.collect();
        let last = segments.last().map(|(first, _)| *first);
        let doubtful = segments.into_iter().filter(|(first, len)| {
            let end = self.indexes.get(first).and_then(|index| index.last());
            Some(*first) == last || end.is_none_or(|end| end.position + end.bytes != *len)
        });
        doubtful.map(|(first, _)| format!("{first:020}.segment")).collect()
    }
}

/// The offset that the name of a file says.
fn offset_of(name: &str) -> Option<u64> {
    name.parse().ok().filter(|offset| *offset <= chunk::NUMBER_MAX)
}

impl Stream {
    /// The stream that these files hold.
    pub fn recovered(
        (name, shared): (Rc<str>, Option<QueueId>),
        files: Files,
        names: &mut Names,
        out: &mut Out<'_>,
    ) -> Stream {
        let mut stream = Stream::new(name, shared);
        match &mut stream.shared {
            Some(shared) => shared.synced = files.epoch,
            None => stream.epoch = files.epoch.max(1),
        }
        let directory = stream.directory.clone();
        let all = out.files().with_prefix(&directory);
        let firsts: Vec<u64> = all
            .filter_map(|(name, _)| {
                offset_of(name.strip_prefix(&*directory)?.strip_suffix(".segment")?)
            })
            .collect();
        let oldest = firsts.first().copied().unwrap_or(0);
        stream.segments = [Segment::new(oldest)].into();
        stream.next = oldest;
        for first in firsts {
            let (segment_name, index_name) =
                (segment_file(&directory, first), index_file(&directory, first));
            if first != stream.next {
                out.delete(&segment_name);
                out.delete(&index_name);
                continue;
            }
            let known = files.indexes.get(&first).map_or(&[][..], |entries| entries);
            let entries = match files.scanned.get(&first) {
                None => known.to_vec(),
                Some(bytes) => {
                    let entries = scan(first, bytes, names);
                    let sound = entries.last().map_or(0, |last| last.position + last.bytes);
                    if sound < bytes.len() as u64 {
                        out.truncate(&segment_name, sound);
                    }
                    if entries != known {
                        out.delete(&index_name);
                        out.append(&index_name, encoded(&entries));
                    }
                    entries
                }
            };
            let mut segment = Segment::new(first);
            let scanned = files.scanned.get(&first);
            for entry in &entries {
                if let Some(shared) = &mut stream.shared {
                    let bytes = scanned.and_then(|all| all.get(entry.position as usize..));
                    let head = bytes.and_then(chunk::header);
                    let marks = head.map(|head| chunk::marks(head, bytes.unwrap_or_default()));
                    shared.add(segment.clone(), entry, marks.unwrap_or_default());
                }
                segment.add(entry);
                stream.hold(&entry.runs);
                stream.next = entry.end();
            }
            if first == oldest {
                stream.segments.clear();
            }
            stream.segments.push_back(segment);
        }
        // Indexes without a segment.
        let all = out.files().with_prefix(&directory);
        let left = all.map(|(name, _)| name.to_owned()).filter(|name| {
            let first = name.strip_prefix(&*directory).and_then(|it| it.strip_suffix(".index"));
            let first = first.and_then(offset_of);
            first.is_some_and(|first| stream.segments.iter().all(|it| it.first != first))
        });
        for name in left.collect::<Vec<String>>() {
            out.delete(&name);
        }
        stream
    }
}

/// The chunks of a segment, as far as they are sound.
fn scan(first: u64, bytes: &Bytes, names: &mut Names) -> Vec<IndexEntry> {
    let mut entries: Vec<IndexEntry> = Vec::new();
    if bytes.get(..SEGMENT_MAGIC.len()) != Some(&SEGMENT_MAGIC[..]) {
        return entries;
    }
    let (mut at, mut next) = (SEGMENT_MAGIC.len(), first);
    while let Some((head, messages)) = chunk::decode(&bytes.slice(at..), names) {
        if head.first != next {
            break;
        }
        let ids = messages.iter().map(|(_, content)| content.id);
        let entry = IndexEntry::of(head, at as u64, ids);
        next = entry.end();
        entries.push(entry);
        at += head.bytes;
    }
    entries
}

fn encoded(entries: &[IndexEntry]) -> Bytes {
    let mut bytes = BytesMut::new();
    if !entries.is_empty() {
        bytes.extend_from_slice(INDEX_MAGIC);
    }
    entries.iter().for_each(|entry| entry.encode(&mut bytes));
    bytes.freeze()
}
