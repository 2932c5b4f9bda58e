//! Group commits: what is new goes to storage at most every 250 ms, or as soon as there are 4 MiB
//! of it: each commit gathers the whole manifest, so under load there are few.
//!
//! Nothing is saved while the lab stands in its own past: what storage holds is then the latest
//! present, and stays so until somebody acts in the past and makes it the present.

use super::residency::Residency;
use super::teaching::Teaching;
use super::wish::Wish;
use crate::lab::saving::Save;
use crate::lab::{Moment, Session, Timeline};
use crate::sim::{Disk, Time};
use crate::storage::{Commit, Manifest, Opened, StoreError};
use crate::view::frame::Saving;

/// The least real time from one commit to the next.
pub const GAP_US: u64 = 250_000;

/// So many new bytes are committed at once.
pub const BYTES_AT_ONCE: u64 = 4 << 20;

/// With more new bytes than this behind a commit under way the lab waits for it, so that memory
/// stays bounded: what goes to storage is there several times over, in the engine and the browser.
/// Bytes that three replicas share count three times.
pub const BYTES_UNSAVED_MAX: u64 = 12 << 20;

/// With more new bytes than this a commit is due, whatever gathering the last one took.
const BYTES_RESTED_MAX: u64 = 20 << 20;

/// Without storage all that is written stays in memory: at most so many times what else would.
const MEMORY_FACTOR: u64 = 20;

/// And this much in any case.
const MEMORY_MIN: u64 = 1 << 20;

/// After a failed commit the next attempt waits so long, then twice as long, up to the last.
const RETRY_US: (u64, u64) = (1_000_000, 30_000_000);

/// The part of the real time that gathering what to save may take: one of so many.
const COST_PART: u64 = 25;

/// Whether this lab may write to storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Writes,
    /// There is no storage: why.
    Unavailable(String),
    /// Another tab writes.
    OtherTab,
    /// It came with a link, and is not the user's own.
    Shared,
}

/// Keeps storage up to date with a lab.
pub struct Saver {
    access: Access,
    /// The manifest in storage, as far as the next one follows from it.
    last: Manifest,
    /// The point of the lab that storage holds.
    written: Option<Point>,
    /// Bytes of all files at that point.
    written_bytes: u64,
    under_way: Option<UnderWay>,
    next_at_us: u64,
    /// Not before then, however much there is: gathering what to save took its part of the time.
    rested_at_us: u64,
    failure: Option<Failure>,
    residency: Residency,
}

struct UnderWay {
    save: Save,
    point: Point,
    bytes: u64,
    drop: Vec<u64>,
}

struct Failure {
    reason: String,
    full: bool,
    retry_at_us: u64,
    wait_us: u64,
}

/// A point of a lab's life, as far as saving is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    changes: u64,
    moment: Moment,
    at: Time,
    lesson: u64,
}

/// What is to be kept: a lab, and the lesson in progress.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The lab.
    pub timeline: &'a Timeline,
    /// The lesson in progress.
    pub teaching: &'a Teaching,
}

impl Subject<'_> {
    fn point(self) -> Point {
        let session = self.timeline.session();
        Point {
            changes: self.timeline.changes(),
            moment: session.moment(),
            at: session.now(),
            lesson: self.teaching.changes(),
        }
    }

    fn is_in_the_past(self) -> bool {
        self.timeline.is_seeking() || self.timeline.session().now() < self.timeline.end()
    }
}

impl Saver {
    /// A saver of a lab that is not in storage yet. Block ids begin at what was found there.
    pub fn new(access: Access, next_block: u64, resident_bytes_max: u64) -> Saver {
        Saver {
            access,
            last: Manifest { next_block: next_block.max(1), ..Manifest::default() },
            written: None,
            written_bytes: 0,
            under_way: None,
            next_at_us: 0,
            rested_at_us: 0,
            failure: None,
            residency: Residency::new(resident_bytes_max),
        }
    }

    /// A saver of a lab that takes the place of what was found in storage.
    pub fn succeeding(opened: &Opened, resident_bytes_max: u64) -> Saver {
        let mut saver = Saver::new(Access::Writes, opened.next_block, resident_bytes_max);
        if let Some(manifest) = &opened.manifest {
            saver.residency.inherit(manifest.block_ids());
            saver.last.generation = manifest.generation;
        }
        saver
    }

    /// A saver of a lab that came from storage.
    pub fn reopened(timeline: &Timeline, opened: &Opened, resident_bytes_max: u64) -> Saver {
        let mut saver = Saver::succeeding(opened, resident_bytes_max);
        saver.residency.opened(timeline.session());
        saver.last.time_us = opened.manifest.as_ref().map_or(0, |manifest| manifest.time_us);
        saver.written_bytes = written_bytes(timeline.session());
        saver
    }

    /// Whether this lab may write.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The next block id that was never used.
    pub fn next_block(&self) -> u64 {
        self.last.next_block
    }

    /// Which blocks are in memory.
    pub fn residency(&self) -> &Residency {
        &self.residency
    }

    /// Which blocks are in memory.
    pub fn residency_mut(&mut self) -> &mut Residency {
        &mut self.residency
    }

    /// True if storage holds the lab as it is, or never will.
    pub fn is_settled(&self, subject: Subject<'_>) -> bool {
        self.access != Access::Writes
            || self.failure.is_some()
            || subject.is_in_the_past()
            || self.written == Some(subject.point())
    }

    /// True while a commit is under way.
    pub fn is_writing(&self) -> bool {
        self.under_way.is_some()
    }

    /// True if so much is new since the commit under way was gathered that the lab should wait.
    pub fn is_overwhelmed(&self, timeline: &Timeline) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| {
            let written = written_bytes(timeline.session());
            written.saturating_sub(under_way.bytes) > BYTES_UNSAVED_MAX
        })
    }

    /// How many bytes the lab may write, if that is passed and none of it can leave memory.
    pub fn memory_limit_passed(&self, timeline: &Timeline) -> Option<u64> {
        let limit = (self.residency.bytes_max() * MEMORY_FACTOR).max(MEMORY_MIN);
        let passed = self.access != Access::Writes && written_bytes(timeline.session()) > limit;
        passed.then_some(limit)
    }

    /// When the next commit is due, if one will be.
    pub fn due_at_us(&self, subject: Subject<'_>) -> Option<u64> {
        let retry_at_us = self.failure.as_ref().map_or(0, |failure| failure.retry_at_us);
        let wanted = self.access == Access::Writes
            && !self.is_writing()
            && !subject.is_in_the_past()
            && self.written != Some(subject.point());
        wanted.then(|| match self.unsaved_bytes(subject.timeline) {
            BYTES_RESTED_MAX.. => retry_at_us,
            BYTES_AT_ONCE.. => retry_at_us.max(self.rested_at_us),
            _ => retry_at_us.max(self.rested_at_us).max(self.next_at_us),
        })
    }

    /// The commit that is due now, if one is; an urgent one does not wait for others to join.
    pub fn due(
        &mut self,
        timeline: &mut Timeline,
        teaching: &Teaching,
        now_us: u64,
        urgent: bool,
    ) -> Option<Wish> {
        let due_at_us = self.due_at_us(Subject { timeline, teaching })?;
        if now_us < due_at_us && (self.failure.is_some() || !urgent) {
            return None;
        }
        let mut save = timeline.save(env!("CARGO_PKG_VERSION"), Some(&self.last));
        let blocks = std::mem::take(&mut save.blocks);
        let heir = heir(&save.manifest);
        let mut manifest = std::mem::replace(&mut save.manifest, heir);
        manifest.lesson = teaching.kept();
        let drop = self.residency.unneeded(&manifest.block_ids());
        let bytes = written_bytes(timeline.session());
        let commit = Commit { blocks, manifest, drop: drop.clone() };
        let point = Subject { timeline, teaching }.point();
        self.under_way = Some(UnderWay { save, point, bytes, drop });
        self.next_at_us = now_us + GAP_US;
        Some(Wish::Commit(Box::new(commit)))
    }

    /// Gathering what to save took so long: where that is much, it is done less often.
    pub fn took(&mut self, began_us: u64, ended_us: u64) {
        let cost_us = ended_us.saturating_sub(began_us);
        self.rested_at_us = ended_us + cost_us.saturating_mul(COST_PART);
    }

    /// What came of the commit.
    pub fn committed(
        &mut self,
        timeline: &mut Timeline,
        result: Result<(), StoreError>,
        now_us: u64,
    ) {
        let Some(under_way) = self.under_way.take() else { return };
        match result {
            Ok(()) => {
                let UnderWay { save, point, bytes, drop } = under_way;
                timeline.saved(&save);
                self.residency.dropped(&drop);
                self.residency.saved(save.placed());
                self.last = save.manifest;
                self.written = Some(point);
                self.written_bytes = bytes;
                self.failure = None;
            }
            Err(StoreError::OtherTab) => self.access = Access::OtherTab,
            Err(error) => {
                let full = matches!(error, StoreError::Full(_));
                self.fail(error.to_string(), full, now_us);
            }
        }
    }

    /// Storage failed: what was saved is safe, and it is tried again later.
    pub fn fail(&mut self, reason: String, full: bool, now_us: u64) {
        let before_us = self.failure.as_ref().map(|failure| failure.wait_us);
        let wait_us = before_us.map_or(RETRY_US.0, |before| (before * 2).min(RETRY_US.1));
        self.failure = Some(Failure { reason, full, retry_at_us: now_us + wait_us, wait_us });
    }

    /// How saving stands.
    pub fn status(&self, subject: Subject<'_>) -> Saving {
        let saved_us = self.last.time_us;
        match (&self.access, &self.failure) {
            (Access::Unavailable(reason), _) => Saving::Unavailable(reason.clone()),
            (Access::OtherTab, _) => Saving::OtherTab,
            (Access::Shared, _) => Saving::Shared,
            (Access::Writes, Some(failure)) => {
                Saving::Failed { saved_us, reason: failure.reason.clone(), full: failure.full }
            }
            (Access::Writes, None) if self.is_settled(subject) => Saving::SavedUpTo(saved_us),
            (Access::Writes, None) => Saving::Behind(saved_us),
        }
    }

    /// True if there is so much to save that it does not wait for more.
    pub fn has_much(&self, timeline: &Timeline) -> bool {
        self.unsaved_bytes(timeline) >= BYTES_AT_ONCE
    }

    fn unsaved_bytes(&self, timeline: &Timeline) -> u64 {
        written_bytes(timeline.session()).saturating_sub(self.written_bytes)
    }
}

/// What the next manifest has to know of this one.
fn heir(manifest: &Manifest) -> Manifest {
    Manifest {
        generation: manifest.generation,
        next_block: manifest.next_block,
        time_us: manifest.time_us,
        ..Manifest::default()
    }
}

/// Bytes of all files of all processes.
fn written_bytes(session: &Session) -> u64 {
    let bytes = |disk: &Disk| disk.iter().map(|(_, file)| file.len()).sum::<u64>();
    let (kafka, rabbit) = (&session.kafka.world, &session.rabbit.world);
    let kafka: u64 = kafka.ids().map(|id| bytes(kafka.disk(id))).sum();
    kafka + rabbit.ids().map(|id| bytes(rabbit.disk(id))).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::command::LabSpec;
    use crate::shell::run::{Progress, Running};

    /// A lab that has written so many MiB.
    fn written(timeline: &mut Timeline, mib: u64) {
        let text = format!(
            "lab new --kafka-brokers 1 --cost lesson\n\
             kafka-topics --create --topic t --partitions 1 --replication-factor 1\n\
             producer p --kafka t --count {mib} --size 1000000 --rate 100/s\n\
             run --until ledger.kafka.acknowledged=={mib} --max 1m"
        );
        let mut running = Running::new(text.as_str());
        loop {
            match running.work(timeline, 100_000) {
                Progress::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
                Progress::More => {}
                Progress::Need(_) => panic!("nothing is stored"),
                Progress::End => return,
            }
        }
    }

    #[test]
    fn what_gathers_slowly_rests_but_not_for_ever_more_bytes() {
        let teaching = Teaching::default();
        let due_with = |mib| {
            let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab");
            written(&mut timeline, mib);
            let mut saver = Saver::new(Access::Writes, 1, u64::MAX);
            saver.took(0, 1_000_000);
            saver.due_at_us(Subject { timeline: &timeline, teaching: &teaching })
        };
        assert!(due_with(8) > Some(10_000_000), "much, but the last one cost a second");
        assert_eq!(due_with(24), Some(0), "too much to wait for anything");
    }
}
