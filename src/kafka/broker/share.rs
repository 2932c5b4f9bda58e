//! The leader's side of share groups (KIP-932): it hands records out one by one, with a lock.
//!
//! A ShareFetch first says what became of earlier records, then acquires what is available and is
//! answered with the batches that hold it. If nothing is, it waits: for the high watermark, for a
//! record that comes back, or for its time. Locks are kept per connection too: what a member holds
//! comes back when its connection ends.
//!
//! Before anything is handed out it is known how far the group had come, and who says what became
//! of records is answered when that is written down ([`share_state`]). A leader that no member of a
//! group is connected to keeps nothing of it in mind: meanwhile its offsets may have been set.
//!
//! Simplified: a share partition begins at the high watermark (`share.auto.offset.reset=latest`).
//!
//! [`share_state`]: super::share_state

use super::server::{Call, Server};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::share::{Acknowledgement, ShareLimits, SharePartition};
use crate::kafka::message::Response;
use crate::kafka::message::request::{Fetch, FetchPartition, ShareFetch};
use crate::kafka::message::response::{Acquired, ShareFetched};
use crate::kafka::process::{Out, Timer};
use crate::sim::{NodeId, Span, Time};
use std::rc::Rc;

/// A partition as a share group has it.
#[derive(Clone, Debug)]
pub struct Shared {
    /// `group.id`.
    pub group: Rc<str>,
    /// Which.
    pub partition: TopicPartition,
    /// Its records in flight.
    pub state: SharePartition,
    /// True once it is known how far the group had come.
    pub is_restored: bool,
    /// The epoch of its written state.
    pub(super) state_epoch: i32,
    /// How often it changed in a way that is written down, and up to which change it is.
    pub(super) changes: u64,
    pub(super) stored: u64,
    /// True while the share coordinator is asked; it is not asked before this instant.
    pub(super) is_asking: bool,
    pub(super) retry_at: Time,
}

impl Shared {
    fn new(group: Rc<str>, partition: TopicPartition, limits: ShareLimits) -> Shared {
        Shared {
            group,
            partition,
            state: SharePartition::new(0, limits),
            is_restored: false,
            state_epoch: 0,
            changes: 0,
            stored: 0,
            is_asking: false,
            retry_at: Time::ZERO,
        }
    }

    /// True if something has to be read or written and is not yet.
    pub(super) fn wants_coordinator(&self) -> bool {
        !self.is_asking && (!self.is_restored || self.stored < self.changes)
    }
}

/// A ShareFetch that waits.
#[derive(Clone, Debug)]
struct Parked {
    id: u64,
    call: Call,
    fetch: ShareFetch,
    refused: Vec<(TopicPartition, ErrorCode)>,
    /// Changes that it made and that are to be written before it is answered.
    waits: Vec<(TopicPartition, u64)>,
    deadline: Time,
}

/// What a leader knows of share groups.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    /// Partitions with records in flight.
    pub all: Vec<Shared>,
    parked: Vec<Parked>,
    /// Where each member is, and of which group.
    members: Vec<(NodeId, Rc<str>, Rc<str>)>,
    wake: Option<Time>,
}

impl Server {
    pub(super) fn share_fetch(&mut self, call: Call, fetch: ShareFetch, out: &mut Out<'_>) {
        let who = (call.from, fetch.member.clone(), fetch.group.clone());
        if !self.shares.members.contains(&who) {
            if !self.shares.members.iter().any(|(.., group)| *group == fetch.group) {
                self.forget_shared(&fetch.group);
            }
            self.shares.members.push(who);
        }
        let (mut refused, mut waits) = (Vec::new(), Vec::new());
        for (partition, range, how) in &fetch.acknowledged {
            let found = self.shared(&fetch.group, partition).filter(|shared| shared.is_restored);
            let result = match found {
                Some(found) => {
                    let done = found.state.acknowledge(&fetch.member, *range, *how, out.now());
                    if done.is_ok() && *how != Acknowledgement::Renew {
                        found.changes += 1;
                        waits.push((partition.clone(), found.changes));
                    }
                    done
                }
                None => Err(ErrorCode::InvalidRecordState),
            };
            match result {
                Err(error) => refused.push((partition.clone(), error)),
                Ok(()) => {
                    let records = (range.1 - range.0 + 1) as u64;
                    let reason = match how {
                        Acknowledgement::Release => "released",
                        Acknowledgement::Reject => "rejected",
                        Acknowledgement::Accept | Acknowledgement::Renew => continue,
                    };
                    self.tell_returned(&fetch.group, partition, records, reason, out);
                }
            }
        }
        let id = self.fresh_id();
        let deadline = out.now() + Span::millis(fetch.max_wait_ms);
        let parked = Parked { id, call, fetch, refused, waits, deadline };
        if let Some(parked) = self.try_share(parked, out) {
            out.timer_at(Timer::ShareWait(id), deadline);
            self.shares.parked.push(parked);
        }
        // What was given back, or made room, may be what another waits for.
        self.wake_shares(out);
        self.sleep_for_locks(out);
    }

    pub(super) fn shared(
        &mut self,
        group: &str,
        partition: &TopicPartition,
    ) -> Option<&mut Shared> {
        let mut all = self.shares.all.iter_mut();
        all.find(|shared| *shared.group == *group && shared.partition == *partition)
    }

    /// Forgets what is known of a group but for what is still to be written.
    fn forget_shared(&mut self, group: &str) {
        let is_whole = |shared: &Shared| !shared.is_asking && shared.stored == shared.changes;
        self.shares.all.retain(|shared| *shared.group != *group || !is_whole(shared));
    }

    fn tell_returned(
        &self,
        group: &Rc<str>,
        partition: &TopicPartition,
        records: u64,
        reason: &'static str,
        out: &mut Out<'_>,
    ) {
        let (group, partition) = (group.clone(), partition.clone());
        out.emit(Event::ShareReturned { group, partition, records, reason });
    }

    /// Answers a ShareFetch if there is something to answer; gives it back if it has to wait.
    fn try_share(&mut self, parked: Parked, out: &mut Out<'_>) -> Option<Parked> {
        let fetch = &parked.fetch;
        let is_written = |(partition, change): &(TopicPartition, u64)| {
            let mut all = self.shares.all.iter();
            let found = all.find(|s| s.group == fetch.group && s.partition == *partition);
            found.is_none_or(|shared| shared.stored >= *change)
        };
        if !parked.waits.iter().all(is_written) {
            return Some(parked);
        }
        let (mut acquired, mut asked, mut left) = (Vec::new(), Vec::new(), fetch.max_records);
        for partition in &fetch.partitions {
            let ask = |offset: i64| FetchPartition {
                partition: partition.clone(),
                offset,
                current_leader_epoch: -1,
                last_fetched_epoch: -1,
                max_bytes: fetch.max_bytes,
            };
            let found = self.partitions.get(partition).filter(|p| p.leadership().is_some());
            let Some(found) = found else {
                // The read below says what is wrong.
                self.shares.all.retain(|shared| shared.partition != *partition);
                asked.push(ask(0));
                continue;
            };
            let high_watermark = found.high_watermark();
            let group = &fetch.group;
            let at = self
                .shares
                .all
                .iter()
                .position(|shared| *shared.group == **group && shared.partition == *partition);
            let at = at.unwrap_or_else(|| {
                let limits = self.config.share_limits;
                let shared = Shared::new(group.clone(), partition.clone(), limits);
                self.shares.all.push(shared);
                self.shares.all.len() - 1
            });
            let shared = &mut self.shares.all[at];
            if !shared.is_restored {
                continue;
            }
            // One read is of one segment.
            let from = shared.state.next_fetch_offset();
            let segment = found.log.position_of(from).0.segment;
            let limit = found
                .log
                .next_segment(segment)
                .map_or(high_watermark, |next| next.min(high_watermark));
            let offsets = shared.state.acquire(&fetch.member, (limit, left), out.now());
            left -= offsets.len();
            if let Some((first, _)) = offsets.first() {
                asked.push(ask(*first));
                out.emit(Event::ShareAcquired {
                    group: group.clone(),
                    client: parked.call.client.clone(),
                    partition: partition.clone(),
                    offsets: offsets.clone(),
                });
                acquired.push((partition.clone(), offsets));
            }
        }
        if asked.is_empty() && out.now() < parked.deadline && !fetch.partitions.is_empty() {
            return Some(parked);
        }
        self.answer_share(parked, (acquired, asked), out);
        None
    }

    fn answer_share(
        &mut self,
        parked: Parked,
        (acquired, partitions): (Vec<Acquired>, Vec<FetchPartition>),
        out: &mut Out<'_>,
    ) {
        out.cancel(Timer::ShareWait(parked.id));
        let share = ShareFetched { refused: parked.refused, fetched: Vec::new(), acquired };
        if partitions.is_empty() {
            return parked.call.answer(Response::ShareFetch(share), out);
        }
        let max_bytes = parked.fetch.max_bytes;
        let fetch = Fetch {
            rack: None,
            replica: None,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes,
            read_committed: false,
            partitions,
        };
        self.fetch(parked.call, fetch, Some(share), out);
    }

    /// Something may be available now.
    pub(super) fn wake_shares(&mut self, out: &mut Out<'_>) {
        for parked in std::mem::take(&mut self.shares.parked) {
            if let Some(parked) = self.try_share(parked, out) {
                self.shares.parked.push(parked);
            }
        }
        self.sleep_for_locks(out);
    }

    /// The time of a ShareFetch is up.
    pub(super) fn share_waited(&mut self, id: u64, out: &mut Out<'_>) {
        if let Some(at) = self.shares.parked.iter().position(|parked| parked.id == id) {
            let parked = self.shares.parked.remove(at);
            let still_waits = self.try_share(parked, out);
            self.shares.parked.extend(still_waits);
        }
    }

    /// The connection of a member ended: what it held comes back.
    pub(super) fn share_member_gone(&mut self, peer: NodeId, out: &mut Out<'_>) {
        let theirs = self.shares.members.iter().filter(|(node, ..)| *node == peer);
        let members: Vec<Rc<str>> = theirs.map(|(_, member, _)| member.clone()).collect();
        if members.is_empty() {
            return;
        }
        self.shares.members.retain(|(node, ..)| *node != peer);
        self.shares.parked.retain(|parked| parked.call.from != peer);
        for member in members {
            self.take_back("left", &mut |state| state.leave(&member), out);
        }
    }

    /// Locks whose time is up: what they held comes back.
    pub(super) fn share_locks_over(&mut self, out: &mut Out<'_>) {
        self.shares.wake = None;
        let now = out.now();
        self.take_back("lock_timeout", &mut |state| state.expire(now), out);
    }

    fn take_back(
        &mut self,
        reason: &'static str,
        act: &mut dyn FnMut(&mut SharePartition),
        out: &mut Out<'_>,
    ) {
        let mut returned = Vec::new();
        for shared in &mut self.shares.all {
            let before = shared.state.held();
            act(&mut shared.state);
            let records = before - shared.state.held();
            if records > 0 {
                shared.changes += 1;
                returned.push((shared.group.clone(), shared.partition.clone(), records as u64));
            }
        }
        for (group, partition, records) in returned {
            self.tell_returned(&group, &partition, records, reason, out);
        }
        self.wake_shares(out);
    }

    /// Sets the timer of the locks; it is only ever moved forward.
    fn sleep_for_locks(&mut self, out: &mut Out<'_>) {
        let due = self.shares.all.iter().filter_map(|shared| shared.state.next_due()).min();
        let Some(due) = due else { return };
        if self.shares.wake.is_none_or(|at| due < at) {
            self.shares.wake = Some(due);
            out.timer_at(Timer::ShareLocks, due);
        }
    }
}
