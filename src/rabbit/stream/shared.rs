//! What a member knows of a stream that several nodes have: what is committed, in which epochs the
//! log was written, and whose messages are in it.
//!
//! Only what a majority of the members has is committed: before that no consumer gets it and no
//! publish is confirmed. What is behind it may have to go again, when a leader comes that does not
//! have it; so of each such chunk it is known what stood before it.

use super::chunk::{self, IndexEntry, Mark, Run};
use super::log::{Segment, Stream, index_file, segment_file};
use crate::rabbit::content::Content;
use crate::rabbit::event::{Event, GroupStep};
use crate::rabbit::ids::QueueId;
use crate::rabbit::process::Out;
use crate::rabbit::rules::Rules;
use crate::rabbit::storage_v2::Means;
use crate::sim::{MessageId, NodeId};
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

/// A chunk that is not known to be committed.
#[derive(Clone, Debug)]
struct Uncommitted {
    /// The offset of its first message.
    first: u64,
    /// The segment before it was written.
    before: Segment,
    /// How far the publishers were before it.
    marks_before: Vec<Mark>,
    /// What it brings.
    marks: Vec<Mark>,
    runs: Vec<Run>,
}

/// What is known of a stream with several members.
#[derive(Clone, Debug)]
pub struct Shared {
    queue: QueueId,
    /// The epoch in which it writes, as a leader.
    pub epoch: u64,
    /// True if it is the leader that tells what happens.
    pub leads: bool,
    /// The last epoch of whose leader it had all that was there when the epoch began.
    pub synced: u64,
    /// Epochs, and the offset at which each begins in this log.
    epochs: Vec<(u64, u64)>,
    tail: VecDeque<Uncommitted>,
    /// How far the publishers have come, with what waits to be written.
    accepted: Vec<Mark>,
    /// The same, as far as it is written.
    written: Vec<Mark>,
    /// The same, as far as it is committed.
    committed: Vec<Mark>,
}

/// The mark of a node.
fn of(marks: &[Mark], node: NodeId) -> Option<Mark> {
    marks.iter().find(|mark| mark.node == node).copied()
}

fn set(marks: &mut Vec<Mark>, mark: Mark) {
    match marks.iter_mut().find(|known| known.node == mark.node) {
        Some(known) => *known = mark,
        None => marks.push(mark),
    }
}

impl Shared {
    /// Of a stream that is empty.
    pub fn new(queue: QueueId) -> Shared {
        Shared {
            queue,
            epoch: 1,
            leads: false,
            synced: 0,
            epochs: Vec::new(),
            tail: VecDeque::new(),
            accepted: Vec::new(),
            written: Vec::new(),
            committed: Vec::new(),
        }
    }

    /// A chunk is behind all others now.
    pub(super) fn add(&mut self, before: Segment, entry: &IndexEntry, marks: Vec<Mark>) {
        if self.epochs.last().is_none_or(|(epoch, _)| *epoch < entry.epoch) {
            self.epochs.push((entry.epoch, entry.first));
        }
        let marks_before = self.written.clone();
        marks.iter().for_each(|mark| set(&mut self.written, *mark));
        let (first, runs) = (entry.first, entry.runs.clone());
        self.tail.push_back(Uncommitted { first, before, marks_before, marks, runs });
    }

    /// What the trailer of the next chunk holds, in which these nodes have messages.
    pub(super) fn trailer(&self, nodes: &[NodeId], is_first: bool) -> Vec<Mark> {
        let all = self.accepted.iter().copied();
        all.filter(|mark| is_first || nodes.contains(&mark.node)).collect()
    }
}

/// What a leader makes of a message of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It will be written.
    Yes,
    /// It is there already, and up to this number all is committed.
    Known(u64),
    /// One before it is missing.
    No,
}

impl Stream {
    /// True if several nodes have it.
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Before this offset all is committed.
    pub fn committed(&self) -> u64 {
        let front = self.shared.as_ref().and_then(|shared| shared.tail.front());
        front.map_or(self.next, |chunk| chunk.first)
    }

    /// The segment in which what is not committed begins, and where.
    pub(super) fn bound(&self) -> Option<(u64, u64)> {
        let front = self.shared.as_ref()?.tail.front()?;
        Some((front.before.first, front.before.bytes))
    }

    /// Where the last chunk is that is committed.
    pub(super) fn last_chunk(&self) -> (u64, u64) {
        let front = self.shared.as_ref().and_then(|shared| shared.tail.front());
        let last = front.map_or_else(|| self.segments.back(), |chunk| Some(&chunk.before));
        last.map_or((0, 0), |last| (last.first, last.last_position))
    }

    // ---- epochs ----

    /// How good its log is, compared with that of another member: the last epoch that it was in
    /// step with, and the offset behind its last message.
    pub fn tail(&self) -> (u64, u64) {
        (self.shared.as_ref().map_or(0, |shared| shared.synced), self.next)
    }

    /// The epoch of its last chunk; 0 if it has none.
    pub fn last_epoch(&self) -> u64 {
        let last = self.shared.as_ref().and_then(|shared| shared.epochs.last());
        last.map_or(0, |(epoch, _)| *epoch)
    }

    /// Of the epochs up to this one the last that it has, and the offset at which it ends here.
    pub fn end_of_epoch(&self, wanted: u64) -> (u64, u64) {
        let Some(shared) = &self.shared else { return (0, self.next) };
        let later = shared.epochs.iter().find(|(epoch, _)| *epoch > wanted);
        let end = later.map_or(self.next, |(_, first)| *first);
        let known = shared.epochs.iter().rev().find(|(epoch, _)| *epoch <= wanted);
        known.map_or((0, self.first()), |(epoch, _)| (*epoch, end))
    }

    /// It had all that the leader of an epoch had when that began: kept for an election later.
    pub fn in_step(&mut self, epoch: u64, out: &mut Out<'_>) {
        let file = format!("{}epoch", self.directory);
        if let Some(shared) = &mut self.shared
            && shared.synced < epoch
        {
            shared.synced = epoch;
            out.replace(&file, Bytes::copy_from_slice(&epoch.to_be_bytes()));
        }
    }

    /// It leads from now on, or does not any more: what waits to be written is given up, as who
    /// published it sends it again.
    pub fn begin_epoch(&mut self, epoch: u64, leads: bool) {
        self.drop_unwritten();
        self.drop_feeds();
        if let Some(shared) = &mut self.shared {
            (shared.epoch, shared.leads) = (epoch, leads);
            shared.accepted = shared.written.clone();
        }
    }

    // ---- messages ----

    /// As the leader: a message that a node has numbered. Each is taken once, and in their order.
    pub fn accept(&mut self, mark: Mark, content: &Rc<Content>) -> Accepted {
        let Some(shared) = &mut self.shared else { return Accepted::No };
        let last = of(&shared.accepted, mark.node);
        let (life, number) = last.map_or((0, 0), |last| (last.life, last.number));
        let is_next = match mark.life == life {
            true => mark.number == number + 1,
            false => mark.life > life && mark.number == 1,
        };
        if is_next {
            set(&mut shared.accepted, mark);
            self.append_from(mark.node, content.clone());
            return Accepted::Yes;
        }
        let safe = of(&shared.committed, mark.node).filter(|safe| safe.life == mark.life);
        match mark.life == life && mark.number <= number {
            true => Accepted::Known(safe.map_or(0, |safe| safe.number)),
            false => Accepted::No,
        }
    }

    /// As a replica: chunks of the leader. Those that are there already are passed over.
    pub fn append_chunks(&mut self, bytes: &Bytes, rules: &Rules, means: &mut Means<'_, '_>) {
        let mut rest = bytes.clone();
        while let Some((head, messages)) = chunk::decode(&rest, means.names) {
            let bytes = rest.slice(..head.bytes);
            rest = rest.slice(head.bytes..);
            if head.first == self.next {
                self.roll(rules, means);
                let messages = messages.iter().map(|(_, content)| content.id);
                let marks = chunk::marks(head, &bytes);
                self.put(head, bytes, messages, marks, means);
            }
        }
        if let Some(shared) = &mut self.shared {
            shared.accepted = shared.written.clone();
        }
    }

    /// A majority has all before this offset. Returns how far the publishers have come with that.
    pub fn commit_to(&mut self, offset: u64, means: &mut Means<'_, '_>) -> Vec<Mark> {
        let mut news = Vec::new();
        let Some(shared) = &mut self.shared else { return news };
        let is_first = shared.tail.front().is_some();
        while let Some(front) = shared.tail.front()
            && shared.tail.get(1).map_or(self.next, |next| next.first) <= offset
        {
            for run in &front.runs {
                for n in 0..run.count {
                    let position = run.offset + n;
                    means.out.emit(Event::Applies(GroupStep::Entry(shared.queue.0, position + 1)));
                    let message = MessageId(run.message.0 + n);
                    let queue = self.name.clone();
                    means.out.emit(Event::Enqueued { queue, message, position });
                }
            }
            for mark in &front.marks {
                set(&mut shared.committed, *mark);
                set(&mut news, *mark);
            }
            shared.tail.pop_front();
        }
        if is_first {
            means.out.emit(Event::Applies(GroupStep::End));
        }
        news
    }

    /// Cuts the log: what lies at this offset and behind it was not committed. False if that is
    /// more than it can take back.
    pub fn truncate(&mut self, offset: u64, out: &mut Out<'_>) -> bool {
        if offset >= self.next {
            return true;
        }
        let Some(shared) = &mut self.shared else { return false };
        let Some(at) = shared.tail.iter().position(|chunk| chunk.first >= offset) else {
            return false;
        };
        let cut = shared.tail[at].clone();
        if cut.first != offset {
            return false;
        }
        shared.tail.truncate(at);
        shared.epochs.retain(|(_, first)| *first < offset);
        shared.written = cut.marks_before.clone();
        shared.accepted = cut.marks_before;
        while let Some(last) = self.segments.back()
            && last.first >= cut.before.first
        {
            let is_it = last.first == cut.before.first && cut.before.chunks > 0;
            let (segment, index) = (
                segment_file(&self.directory, last.first),
                index_file(&self.directory, last.first),
            );
            if is_it {
                out.truncate(&segment, cut.before.bytes);
                out.truncate(&index, cut.before.index_bytes);
            } else {
                out.delete(&segment);
                out.delete(&index);
            }
            self.segments.pop_back();
        }
        self.segments.push_back(cut.before);
        self.next = offset;
        while let Some(run) = self.runs.back_mut().filter(|run| run.offset + run.count > offset) {
            run.count = offset.saturating_sub(run.offset);
            if run.count == 0 {
                self.runs.pop_back();
            }
        }
        true
    }

    /// Forgets all it has: it is to begin at this offset.
    pub fn begin_at(&mut self, offset: u64, out: &mut Out<'_>) {
        for segment in std::mem::take(&mut self.segments) {
            out.delete(&segment_file(&self.directory, segment.first));
            out.delete(&index_file(&self.directory, segment.first));
        }
        self.segments.push_back(Segment::new(offset));
        self.runs.clear();
        self.next = offset;
        if let Some(shared) = &mut self.shared {
            let Shared { queue, epoch, .. } = **shared;
            **shared = Shared { epoch, ..Shared::new(queue) };
        }
    }
}
