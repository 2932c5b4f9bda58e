//! The snapshots that a node keeps of the metadata log: controllers and brokers alike take them of
//! what they know, and by them the log gets shorter.
//!
//! One is taken when records of `metadata.log.max.record.bytes.between.snapshots` bytes have come
//! since the last one, or `metadata.log.max.snapshot.interval.ms` after it if anything has come. It
//! is written beside its place, flushed, and renamed, so that what bears the name is whole. Then
//! the oldest ones go while all of it has more than `metadata.max.retention.bytes`, or while what
//! they end with is older than `metadata.max.retention.ms`; the last one stays. The log begins at
//! the oldest snapshot that is left, and segments before it go.
//!
//! Simplified: what is old is looked for when a snapshot is written, where the real one looks every
//! minute too; without one more snapshot nothing could go.

use crate::kafka::broker::life::Ticket;
use crate::kafka::log::Log;
use crate::kafka::metadata::snapshot::{self, SUFFIX, SnapshotHeader};
use crate::kafka::metadata::{Image, METADATA_TOPIC, SnapshotId};
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::record::BatchHeader;
use crate::sim::{Rope, Span, Time};
use bytes::Bytes;
use std::collections::VecDeque;

/// When snapshots are taken, and which go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotLimits {
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub bytes: u64,
    /// `metadata.log.max.snapshot.interval.ms`; `None` if it is 0.
    pub interval: Option<Span>,
    /// `metadata.max.retention.bytes`; any number if it is negative.
    pub retention_bytes: i64,
    /// `metadata.max.retention.ms`; for ever if it is negative.
    pub retention_ms: i64,
}

/// A snapshot on the disk.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// Up to where it goes.
    pub id: SnapshotId,
    /// What stands at its beginning.
    pub header: SnapshotHeader,
    bytes: u64,
}

/// The snapshots of a node.
#[derive(Clone, Debug)]
pub struct Snapshots {
    limits: SnapshotLimits,
    /// Those that a start has not read yet, the oldest first.
    to_read: VecDeque<SnapshotId>,
    /// Those that are there, the oldest first.
    kept: Vec<Kept>,
    /// What is in the last one.
    latest: Bytes,
    /// One that is being flushed.
    writing: Option<(Kept, Bytes)>,
    /// All that is known goes up to here.
    known: SnapshotId,
    header: SnapshotHeader,
    /// Bytes that came since the last one was taken, and when that was.
    fresh_bytes: u64,
    since: Time,
}

fn part(id: SnapshotId) -> String {
    format!("{}.part", id.file())
}

impl Snapshots {
    /// Looks for those that are on the disk. What was not finished goes.
    pub fn find(limits: SnapshotLimits, out: &mut Out<'_>) -> Snapshots {
        let prefix = format!("{METADATA_TOPIC}-0/");
        let names = out.files().with_prefix(&prefix).map(|(name, _)| name.to_owned());
        let names: Vec<String> = names.filter(|name| name.contains(SUFFIX)).collect();
        let mut to_read = VecDeque::new();
        for name in names {
            match SnapshotId::of_file(&name[prefix.len()..]) {
                Some(id) => to_read.push_back(id),
                None => out.delete(&name),
            }
        }
        Snapshots {
            limits,
            to_read,
            kept: Vec::new(),
            latest: Bytes::new(),
            writing: None,
            known: SnapshotId::default(),
            header: SnapshotHeader::default(),
            fresh_bytes: 0,
            since: out.now(),
        }
    }

    /// What a start has to read next: a file, and how much.
    pub fn next_read(&self, out: &Out<'_>) -> Option<(String, u64)> {
        let file = self.to_read.front()?.file();
        let len = out.files().len(&file);
        Some((file, len))
    }

    /// Takes what was read. One that cannot be read goes.
    pub fn take(&mut self, bytes: &Rope, out: &mut Out<'_>) {
        let Some(id) = self.to_read.pop_front() else { return };
        let bytes = bytes.bytes();
        match snapshot::decode(&bytes) {
            Some((header, _)) => {
                self.kept.push(Kept { id, header, bytes: bytes.len() as u64 });
                (self.known, self.header, self.latest) = (id, header, bytes);
            }
            None => out.delete(&id.file()),
        }
    }

    /// The state that the last one holds.
    pub fn image(&self) -> Image {
        let mut image = Image::default();
        let found = snapshot::decode(&self.latest);
        found.iter().flat_map(|(_, records)| records).for_each(|record| image.apply(record));
        image
    }

    /// Where the log begins by what a start has found: at the oldest snapshot that goes as far as
    /// the first segment does not.
    pub fn log_start(&self, out: &Out<'_>) -> i64 {
        let prefix = format!("{METADATA_TOPIC}-0/");
        let names = out.files().with_prefix(&prefix).map(|(name, _)| name);
        let mut bases = names
            .filter_map(|name| name.strip_suffix(".log")?.rsplit_once('/')?.1.parse::<i64>().ok());
        let first = bases.next().unwrap_or(0);
        let oldest = self.kept.iter().find(|kept| kept.id.offset >= first);
        oldest.filter(|_| first > 0).map_or(first, |kept| kept.id.offset)
    }

    /// A log that ends before the last snapshot does (what was behind was lost with the power, or a
    /// snapshot of somebody else was about to take its place) begins anew there.
    pub fn fit(&self, log: &mut Log, out: &mut Out<'_>) {
        if let Some(last) = self.last()
            && last.id.offset > log.log_end()
        {
            log.restart_at(last.id.offset, now_ms(out.now()), out);
        }
    }

    /// The last one.
    pub fn last(&self) -> Option<&Kept> {
        self.kept.last()
    }

    /// The one that goes up to this offset.
    pub fn at(&self, offset: i64) -> Option<&Kept> {
        self.kept.iter().find(|kept| kept.id.offset == offset)
    }

    /// What is in the last one.
    pub fn latest(&self) -> &Bytes {
        &self.latest
    }

    /// A batch of the log became part of what is known.
    pub fn added(&mut self, batch: &BatchHeader) {
        if batch.base_offset < self.known.offset {
            return;
        }
        self.known =
            SnapshotId { offset: batch.next_offset(), epoch: batch.partition_leader_epoch };
        self.header.last_contained_ms = batch.max_timestamp;
        self.header.batches += 1;
        self.fresh_bytes += batch.size_bytes() as u64;
    }

    /// Takes one of what is known if it is time, or sees to it that the node wakes for it.
    pub fn settle(&mut self, image: &Image, out: &mut Out<'_>) {
        if self.fresh_bytes == 0 || self.writing.is_some() {
            return;
        }
        let due = self.limits.interval.map(|interval| self.since + interval);
        if self.fresh_bytes >= self.limits.bytes || due.is_some_and(|due| due <= out.now()) {
            self.fresh_bytes = 0;
            self.since = out.now();
            let now_ms = now_ms(out.now());
            let bytes = snapshot::encode(self.known, self.header, &image.records(), now_ms);
            self.write(self.known, self.header, bytes, out);
        } else if let Some(due) = due {
            out.timer_at(Timer::Snapshot, due);
        }
    }

    /// Takes somebody else's; false if it cannot be read, or another one is being written.
    pub fn receive(&mut self, id: SnapshotId, bytes: Bytes, out: &mut Out<'_>) -> bool {
        let header = snapshot::decode(&bytes).map(|(header, _)| header);
        let Some(header) = header.filter(|_| self.writing.is_none()) else { return false };
        self.write(id, header, bytes, out);
        true
    }

    fn write(&mut self, id: SnapshotId, header: SnapshotHeader, bytes: Bytes, out: &mut Out<'_>) {
        let file = part(id);
        out.replace(&file, bytes.clone());
        out.flush(&file, Ticket::Snapshot(id));
        self.writing = Some((Kept { id, header, bytes: bytes.len() as u64 }, bytes));
    }

    /// One that is being written is not wanted any more.
    pub fn give_up(&mut self, out: &mut Out<'_>) {
        if let Some((kept, _)) = self.writing.take() {
            out.delete(&part(kept.id));
        }
    }

    /// It is on the disk.
    pub fn flushed(&mut self, id: SnapshotId, out: &mut Out<'_>) -> Option<Kept> {
        let (kept, bytes) = self.writing.take_if(|(kept, _)| kept.id == id)?;
        out.rename(&part(kept.id), &kept.id.file());
        self.kept.push(kept);
        self.latest = bytes;
        Some(kept)
    }

    /// It takes the place of all that was known, and of all snapshots before it.
    pub fn installed(&mut self, out: &mut Out<'_>) {
        let Some(last) = self.kept.pop() else { return };
        for old in std::mem::replace(&mut self.kept, vec![last]) {
            out.delete(&old.id.file());
        }
        (self.known, self.header, self.fresh_bytes) = (last.id, last.header, 0);
    }

    /// Lets the oldest ones go that need not be kept, and the log before the oldest that stays.
    pub fn clean(&mut self, log: &mut Log, committed: i64, out: &mut Out<'_>) {
        let now = now_ms(out.now());
        while let [oldest, next, ..] = self.kept[..] {
            let log_bytes: u64 = log.segments().map(|segment| segment.bytes).sum();
            let bytes = log_bytes + self.kept.iter().map(|kept| kept.bytes).sum::<u64>();
            let limits = self.limits;
            let is_much = limits.retention_bytes >= 0 && bytes as i64 > limits.retention_bytes;
            let age = now - oldest.header.last_contained_ms;
            if !is_much && (limits.retention_ms < 0 || age <= limits.retention_ms) {
                return;
            }
            self.kept.remove(0);
            out.delete(&oldest.id.file());
            log.set_log_start(next.id.offset);
            log.delete_old(now, committed, out);
        }
    }
}
