//! A partition of a share group (KIP-932): its records are handed out one by one, with a lock and
//! a count of deliveries, and come back or are done one by one. A partition may be read by many
//! members; order is not promised.
//!
//! `Available` → `Acquired` by a member → `Acknowledged` (accept) or `Archived` (reject), or back
//! to `Available` (release, or the lock's time is up), unless it was delivered too often: then it
//! is archived too. The start offset moves over what is done at the front.
//!
//! Simplified: the state is kept record by record, where the real one keeps batches.

use super::share_records::StateBatch;
use crate::kafka::error::ErrorCode;
use crate::sim::{Span, Time};
use std::rc::Rc;

/// What became of a record in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordState {
    /// Anybody may have it.
    Available,
    /// A member works on it.
    Acquired,
    /// It was accepted.
    Acknowledged,
    /// It was rejected, or delivered too often.
    Archived,
}

/// What a member says of a record that it acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It is done.
    Accept,
    /// Somebody else may try.
    Release,
    /// It cannot be processed.
    Reject,
    /// It needs longer: the lock begins anew (KIP-1222, since 4.2).
    Renew,
}

/// Limits of a share group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareLimits {
    /// `group.share.delivery.count.limit`.
    pub deliveries: u16,
    /// `group.share.record.lock.duration.ms`.
    pub lock: Span,
    /// `group.share.partition.max.record.locks`.
    pub in_flight: usize,
}

impl Default for ShareLimits {
    fn default() -> ShareLimits {
        ShareLimits { deliveries: 5, lock: Span::seconds(30), in_flight: 200 }
    }
}

/// A record in flight.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InFlight {
    state: RecordState,
    deliveries: u16,
    /// Who works on it, and until when.
    holder: Option<(Rc<str>, Time)>,
}

/// A partition of a share group.
#[derive(Clone, Debug)]
pub struct SharePartition {
    limits: ShareLimits,
    start: i64,
    /// The records from the start offset on.
    window: Vec<InFlight>,
}

impl SharePartition {
    /// Nothing is in flight; the first record to hand out is the one at `start`.
    pub fn new(start: i64, limits: ShareLimits) -> SharePartition {
        SharePartition { limits, start, window: Vec::new() }
    }

    /// As it was written: what somebody worked on then is available again.
    pub fn restored(start: i64, batches: &[StateBatch], limits: ShareLimits) -> SharePartition {
        let mut window = Vec::new();
        for batch in batches.iter().filter(|batch| batch.last >= start) {
            let upto = |end: i64| usize::try_from(end - start).unwrap_or(0);
            let blank = InFlight { state: RecordState::Available, deliveries: 0, holder: None };
            window.resize(upto(batch.first), blank);
            let state = match batch.state {
                2 => RecordState::Acknowledged,
                4 => RecordState::Archived,
                _ => RecordState::Available,
            };
            let record = InFlight { state, deliveries: batch.deliveries, holder: None };
            window.resize(upto(batch.last + 1), record);
        }
        let mut partition = SharePartition { limits, start, window };
        partition.move_start();
        partition
    }

    /// What is to be written: runs of records that are done behind others that are not, or that
    /// came back. What somebody works on is as it was before.
    pub fn batches(&self) -> Vec<StateBatch> {
        let mut batches: Vec<StateBatch> = Vec::new();
        for (offset, record) in (self.start..).zip(&self.window) {
            let held = u16::from(record.state == RecordState::Acquired);
            let deliveries = record.deliveries - held.min(record.deliveries);
            let state = match record.state {
                RecordState::Acknowledged => 2,
                RecordState::Archived => 4,
                RecordState::Available | RecordState::Acquired if deliveries > 0 => 0,
                RecordState::Available | RecordState::Acquired => continue,
            };
            match batches.last_mut() {
                Some(last)
                    if (last.last + 1, last.state, last.deliveries)
                        == (offset, state, deliveries) =>
                {
                    last.last = offset;
                }
                _ => batches.push(StateBatch { first: offset, last: offset, state, deliveries }),
            }
        }
        batches
    }

    /// Everything before it is done.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// The last offset in flight; the start offset if nothing is.
    pub fn end(&self) -> i64 {
        self.start + (self.window.len() as i64 - 1).max(0)
    }

    /// The first offset that can be handed out.
    pub fn next_fetch_offset(&self) -> i64 {
        let free = self.window.iter().position(|record| record.state == RecordState::Available);
        self.start + free.unwrap_or(self.window.len()) as i64
    }

    /// How many records are in flight, those included that are done behind others that are not.
    pub fn in_flight(&self) -> usize {
        self.window.len()
    }

    /// How many records somebody works on.
    pub fn held(&self) -> usize {
        self.window.iter().filter(|record| record.holder.is_some()).count()
    }

    /// A record's state and how often it was delivered, if it is in flight.
    pub fn record(&self, offset: i64) -> Option<(RecordState, u16)> {
        let at = usize::try_from(offset - self.start).ok()?;
        self.window.get(at).map(|record| (record.state, record.deliveries))
    }

    /// Hands up to `most` records to a member: what came back first, then what lies in the log
    /// before `log_end`. Returns their offsets, each with its delivery count.
    pub fn acquire(
        &mut self,
        member: &Rc<str>,
        (log_end, most): (i64, usize),
        now: Time,
    ) -> Vec<(i64, u16)> {
        let mut taken = Vec::new();
        let until = now + self.limits.lock;
        for at in 0.. {
            if taken.len() >= most || self.start + at as i64 >= log_end {
                break;
            }
            if at == self.window.len() {
                if at >= self.limits.in_flight {
                    break;
                }
                let state = RecordState::Available;
                self.window.push(InFlight { state, deliveries: 0, holder: None });
            }
            let record = &mut self.window[at];
            if record.state == RecordState::Available {
                record.state = RecordState::Acquired;
                record.deliveries += 1;
                record.holder = Some((member.clone(), until));
                taken.push((self.start + at as i64, record.deliveries));
            }
        }
        taken
    }

    /// A member says what became of records that it acquired: all of them or none.
    pub fn acknowledge(
        &mut self,
        member: &str,
        (first, last): (i64, i64),
        how: Acknowledgement,
        now: Time,
    ) -> Result<(), ErrorCode> {
        let place = |offset: i64| usize::try_from(offset - self.start).ok();
        let (Some(from), Some(to)) = (place(first), place(last)) else {
            return Err(ErrorCode::InvalidRecordState);
        };
        let records = self.window.get_mut(from..=to).ok_or(ErrorCode::InvalidRecordState)?;
        let is_theirs =
            |record: &InFlight| record.holder.as_ref().is_some_and(|(by, _)| **by == *member);
        if !records.iter().all(is_theirs) {
            return Err(ErrorCode::InvalidRecordState);
        }
        if how == Acknowledgement::Renew {
            let until = now + self.limits.lock;
            let held = records.iter_mut().filter_map(|record| record.holder.as_mut());
            held.for_each(|holder| holder.1 = until);
            return Ok(());
        }
        let limit = self.limits.deliveries;
        records.iter_mut().for_each(|record| record.end(how, limit));
        self.move_start();
        Ok(())
    }

    /// A member is gone: what it held comes back.
    pub fn leave(&mut self, member: &str) {
        self.release(|(by, _)| **by == *member);
    }

    /// Locks whose time is up: what they held comes back.
    pub fn expire(&mut self, now: Time) {
        self.release(|(_, until)| *until <= now);
    }

    fn release(&mut self, of: impl Fn(&(Rc<str>, Time)) -> bool) {
        let limit = self.limits.deliveries;
        let held = self.window.iter_mut().filter(|record| record.holder.as_ref().is_some_and(&of));
        held.for_each(|record| record.end(Acknowledgement::Release, limit));
        self.move_start();
    }

    fn move_start(&mut self) {
        let done = |record: &&InFlight| {
            matches!(record.state, RecordState::Acknowledged | RecordState::Archived)
        };
        let count = self.window.iter().take_while(done).count();
        self.window.drain(..count);
        self.start += count as i64;
    }

    /// When the next lock's time is up.
    pub fn next_due(&self) -> Option<Time> {
        self.window.iter().filter_map(|record| Some(record.holder.as_ref()?.1)).min()
    }
}

impl InFlight {
    fn end(&mut self, how: Acknowledgement, limit: u16) {
        self.holder = None;
        self.state = match how {
            Acknowledgement::Accept => RecordState::Acknowledged,
            Acknowledgement::Release if self.deliveries < limit => RecordState::Available,
            _ => RecordState::Archived,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// KIP-932: the lock's time is up twice with a limit of two deliveries.
    #[test]
    fn a_record_that_times_out_too_often_is_archived() {
        let limits = ShareLimits { deliveries: 2, ..ShareLimits::default() };
        let mut partition = SharePartition::new(0, limits);
        let member: Rc<str> = "c1".into();
        assert_eq!(partition.acquire(&member, (1, 10), Time::ZERO), [(0, 1)]);
        let first = Time::ZERO + Span::seconds(30);
        assert_eq!(partition.next_due(), Some(first));
        partition.expire(first);
        assert_eq!(partition.record(0), Some((RecordState::Available, 1)));
        assert_eq!(partition.acquire(&member, (1, 10), first), [(0, 2)]);
        partition.expire(first + Span::seconds(30));
        assert_eq!((partition.start(), partition.in_flight()), (1, 0), "archived, and passed");
    }

    /// What is done behind others, what came back, what is worked on, and what nobody had yet.
    #[test]
    fn a_partition_is_restored_as_it_was_written() {
        let limits = ShareLimits::default();
        let mut partition = SharePartition::new(10, limits);
        let member: Rc<str> = "c1".into();
        assert_eq!(partition.acquire(&member, (16, 5), Time::ZERO).len(), 5);
        let mut say = |range, how| partition.acknowledge("c1", range, how, Time::ZERO);
        assert_eq!(say((11, 11), Acknowledgement::Accept), Ok(()));
        assert_eq!(say((12, 12), Acknowledgement::Reject), Ok(()));
        assert_eq!(say((13, 13), Acknowledgement::Release), Ok(()));
        let batches = partition.batches();
        let batch = |at, state, deliveries| StateBatch { first: at, last: at, state, deliveries };
        assert_eq!(batches, [batch(11, 2, 1), batch(12, 4, 1), batch(13, 0, 1)]);
        let mut restored = SharePartition::restored(10, &batches, limits);
        let other: Rc<str> = "c2".into();
        let taken = restored.acquire(&other, (16, 9), Time::ZERO);
        assert_eq!(taken, [(10, 1), (13, 2), (14, 1), (15, 1)]);
    }

    #[test]
    fn a_leaving_member_gives_back_what_it_held_and_locks_are_bounded() {
        let limits = ShareLimits { in_flight: 3, ..ShareLimits::default() };
        let mut partition = SharePartition::new(0, limits);
        let (one, two): (Rc<str>, Rc<str>) = ("c1".into(), "c2".into());
        assert_eq!(partition.acquire(&one, (10, 2), Time::ZERO), [(0, 1), (1, 1)]);
        assert_eq!(partition.acquire(&two, (10, 9), Time::ZERO), [(2, 1)], "three at most");
        assert_eq!(
            partition.acknowledge("c2", (1, 2), Acknowledgement::Accept, Time::ZERO),
            Err(ErrorCode::InvalidRecordState)
        );
        partition.leave("c1");
        assert_eq!(partition.acquire(&two, (10, 9), Time::ZERO), [(0, 2), (1, 2)]);
    }
}
