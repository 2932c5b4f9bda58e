//! The tail of a queue: messages that are on disk only.
//!
//! What is kept of them in memory is where they are, a segment of the index at a time, for the
//! first few segments and the last one. Of those between only their numbers are known, in runs,
//! until they come to the front and their index file is read again. So a queue of millions takes
//! no more memory than one of thousands.

use super::entry::{Entry, SEGMENT_ENTRIES, Stored};
use crate::sim::{MessageId, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// So many segments at the front are kept whole.
const SEGMENTS_AT_FRONT: usize = 3;

/// A message in the tail.
#[derive(Clone, Debug)]
pub struct TailEntry {
    /// What the index knows of it.
    pub entry: Entry,
    /// Its key, if this life of the broker has seen it.
    pub key: Option<Rc<str>>,
}

/// Messages that follow each other without a gap, both in the queue and in their numbers.
#[derive(Clone, Copy, Debug)]
struct Run {
    seq: u64,
    message: MessageId,
    count: u64,
}

#[derive(Clone, Debug)]
enum Entries {
    Known(Rc<VecDeque<TailEntry>>),
    OnDisk(Rc<[Run]>),
}

#[derive(Clone, Debug)]
struct Segment {
    number: u64,
    count: usize,
    /// When the first of those that are on disk expires.
    front_expires: Time,
    entries: Entries,
}

/// Messages that are on disk only, in their order.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    segments: VecDeque<Segment>,
    count: u64,
}

impl Tail {
    /// How many messages there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// True without messages.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a message behind all others.
    pub fn push(&mut self, entry: TailEntry) {
        let number = entry.entry.seq / SEGMENT_ENTRIES;
        if self.segments.back().is_none_or(|last| last.number != number) {
            let entries = Entries::Known(Rc::default());
            let front_expires = Time::NEVER;
            self.segments.push_back(Segment { number, count: 0, front_expires, entries });
        }
        let last = self.segments.back_mut().expect("it was just made");
        match &mut last.entries {
            Entries::Known(entries) => Rc::make_mut(entries).push_back(entry),
            Entries::OnDisk(_) => unreachable!("the last segment is never forgotten"),
        }
        last.count += 1;
        self.count += 1;
    }

    /// Adds a message before all others.
    pub fn push_front(&mut self, entry: TailEntry) {
        let number = entry.entry.seq / SEGMENT_ENTRIES;
        let is_known = |first: &Segment| matches!(first.entries, Entries::Known(_));
        if self.segments.front().is_none_or(|it| it.number != number || !is_known(it)) {
            let entries = Entries::Known(Rc::default());
            let front_expires = Time::NEVER;
            self.segments.push_front(Segment { number, count: 0, front_expires, entries });
        }
        let first = self.segments.front_mut().expect("it was just made");
        if let Entries::Known(entries) = &mut first.entries {
            Rc::make_mut(entries).push_front(entry);
        }
        first.count += 1;
        self.count += 1;
    }

    /// Forgets what is on disk of the segments that are neither at the front nor at the end.
    /// Messages from `unwritten` on are not on disk yet.
    pub fn forget_middle(&mut self, unwritten: u64) {
        let end = self.segments.len().saturating_sub(1);
        // Those before are forgotten already.
        let recent = SEGMENTS_AT_FRONT.max(end.saturating_sub(2));
        for segment in self.segments.range_mut(recent.min(end)..end) {
            let Entries::Known(entries) = &segment.entries else { continue };
            let in_queue_store =
                |entry: &TailEntry| matches!(entry.entry.stored, Stored::Queue { .. });
            if (segment.number + 1) * SEGMENT_ENTRIES <= unwritten
                && entries.iter().all(in_queue_store)
            {
                segment.front_expires = first_expires(entries);
                segment.entries = Entries::OnDisk(runs(entries));
            }
        }
    }

    /// When the first message expires.
    pub fn front_expires(&self) -> Time {
        match self.segments.front() {
            Some(Segment { entries: Entries::Known(entries), .. }) => first_expires(entries),
            Some(on_disk) => on_disk.front_expires,
            None => Time::NEVER,
        }
    }

    /// The segment at the front, if its index file has to be read before its messages are known.
    pub fn forgotten_front(&self) -> Option<u64> {
        let front = self.segments.front()?;
        matches!(front.entries, Entries::OnDisk(_)).then_some(front.number)
    }

    /// The index file of the segment at the front was read.
    pub fn know_front(&mut self, number: u64, entries: Vec<Entry>) {
        let Some(front) = self.segments.front_mut().filter(|front| front.number == number) else {
            return;
        };
        if matches!(front.entries, Entries::OnDisk(_)) {
            let entries = entries.into_iter().map(|entry| TailEntry { entry, key: None });
            let entries: VecDeque<TailEntry> = entries.collect();
            self.count = self.count + entries.len() as u64 - front.count as u64;
            front.count = entries.len();
            front.entries = Entries::Known(Rc::new(entries));
        }
    }

    /// Takes at most so many messages from the front, and no further than to the end of its
    /// segment. None if they are not known.
    pub fn take_front(&mut self, count_max: usize) -> Vec<TailEntry> {
        let mut taken = Vec::new();
        let Some(front) = self.segments.front_mut() else { return taken };
        if let Entries::Known(entries) = &mut front.entries {
            let count = count_max.min(entries.len());
            taken.extend(Rc::make_mut(entries).drain(..count));
            front.count -= count;
            self.count -= count as u64;
            if front.count == 0 {
                self.segments.pop_front();
            }
        }
        taken
    }

    /// A message that waited in the write buffer is written now.
    pub fn written(&mut self, seq: u64, stored: Stored, head_bytes: u16) {
        let number = seq / SEGMENT_ENTRIES;
        let at = self.segments.binary_search_by_key(&number, |segment| segment.number);
        let Some(segment) = at.ok().map(|at| &mut self.segments[at]) else { return };
        if let Entries::Known(entries) = &mut segment.entries {
            let at = entries.binary_search_by_key(&seq, |entry| entry.entry.seq);
            if let Ok(at) = at {
                let entry = &mut Rc::make_mut(entries)[at].entry;
                (entry.stored, entry.head_bytes) = (stored, head_bytes);
            }
        }
    }

    /// The messages, as far as they are known: sequence id, number, key.
    pub fn iter(&self) -> impl Iterator<Item = (u64, MessageId, Option<&Rc<str>>)> {
        self.segments.iter().flat_map(|segment| {
            let (known, runs): (Option<&VecDeque<TailEntry>>, &[Run]) = match &segment.entries {
                Entries::Known(entries) => (Some(entries), &[]),
                Entries::OnDisk(runs) => (None, runs),
            };
            let known = known.into_iter().flatten();
            let known =
                known.map(|entry| (entry.entry.seq, entry.entry.message, entry.key.as_ref()));
            let runs = runs.iter().flat_map(|run| {
                (0..run.count).map(|n| (run.seq + n, MessageId(run.message.0 + n), None))
            });
            known.chain(runs)
        })
    }

    /// Takes everything out: the messages whose place is known, and the segments of which all is
    /// on disk, with how many messages each has.
    pub fn take_all(&mut self) -> (Vec<Entry>, Vec<(u64, usize)>) {
        let (mut known, mut on_disk) = (Vec::new(), Vec::new());
        for segment in std::mem::take(self).segments {
            match segment.entries {
                Entries::Known(entries) => {
                    known.extend(entries.iter().map(|entry| entry.entry.clone()));
                }
                Entries::OnDisk(_) => on_disk.push((segment.number, segment.count)),
            }
        }
        (known, on_disk)
    }
}

fn first_expires(entries: &VecDeque<TailEntry>) -> Time {
    entries.front().map_or(Time::NEVER, |first| first.entry.expires)
}

fn runs(entries: &VecDeque<TailEntry>) -> Rc<[Run]> {
    let mut runs: Vec<Run> = Vec::new();
    for TailEntry { entry, .. } in entries {
        match runs.last_mut() {
            Some(run)
                if run.seq + run.count == entry.seq
                    && run.message.0 + run.count == entry.message.0 =>
            {
                run.count += 1;
            }
            _ => runs.push(Run { seq: entry.seq, message: entry.message, count: 1 }),
        }
    }
    runs.into()
}
