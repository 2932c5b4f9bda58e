//! What a leader knows of the other replicas: who is in sync, how far the high watermark may go.

use crate::kafka::metadata::PartitionImage;
use crate::ordered::BTreeMap;
use crate::sim::{Span, Time};

/// Another replica, as far as its fetches tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// The end of its log: where it fetched last. `None` before its first fetch in this epoch.
    pub log_end: Option<i64>,
    /// When it last had everything; `None` if never in this epoch.
    pub caught_up_at: Option<Time>,
    /// When it last fetched, and the leader's log end then.
    last_fetch: Option<(Time, i64)>,
    /// The broker epoch of its last fetch.
    pub broker_epoch: i64,
}

/// The leader's side of a partition.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// The ISR that the controller has written down.
    pub isr: Vec<i32>,
    /// The ISR that the controller was asked for.
    pub pending: Option<Vec<i32>>,
    /// Where the epoch began.
    pub epoch_start: i64,
    me: i32,
    replicas: Vec<i32>,
    followers: BTreeMap<i32, Follower>,
    lag_max: Span,
}

impl Leadership {
    /// A leadership begins: members of the ISR count as caught up now.
    pub fn begin(
        me: i32,
        image: &PartitionImage,
        epoch_start: i64,
        (now, lag_max): (Time, Span),
    ) -> Leadership {
        let others = image.replicas.iter().filter(|id| **id != me);
        let follower = |id: i32| Follower {
            log_end: None,
            caught_up_at: image.isr.contains(&id).then_some(now),
            last_fetch: None,
            broker_epoch: -1,
        };
        Leadership {
            isr: image.isr.clone(),
            pending: None,
            epoch_start,
            me,
            replicas: image.replicas.clone(),
            followers: others.map(|id| (*id, follower(*id))).collect(),
            lag_max,
        }
    }

    /// How many replicas there are.
    pub fn replicas(&self) -> usize {
        self.replicas.len()
    }

    /// A reassignment brought replicas. Those that one takes away go with the leader epoch.
    pub fn set_replicas(&mut self, replicas: &[i32]) {
        for id in replicas.iter().filter(|id| **id != self.me) {
            self.followers.entry(*id).or_insert(Follower {
                log_end: None,
                caught_up_at: None,
                last_fetch: None,
                broker_epoch: -1,
            });
        }
        self.replicas = replicas.to_vec();
    }

    /// Another replica.
    pub fn follower(&self, id: i32) -> Option<&Follower> {
        self.followers.get(&id)
    }

    /// The ISR with what is being added to it: who the high watermark waits for.
    pub fn maximal_isr(&self) -> Vec<i32> {
        let mut all = self.isr.clone();
        let added = self.pending.iter().flatten().filter(|id| !self.isr.contains(id));
        all.extend(added);
        all
    }

    /// True if the high watermark waits for a replica.
    fn is_waited_for(&self, id: i32) -> bool {
        self.isr.contains(&id) || self.pending.as_ref().is_some_and(|all| all.contains(&id))
    }

    /// A follower fetches from `offset`; the leader's log ends at `log_end`. False if it is no
    /// replica.
    pub fn fetched(
        &mut self,
        id: i32,
        broker_epoch: i64,
        offset: i64,
        (now, log_end): (Time, i64),
    ) -> bool {
        let Some(follower) = self.followers.get_mut(&id) else { return false };
        if offset >= log_end {
            follower.caught_up_at = follower.caught_up_at.max(Some(now));
        } else if let Some((then, end)) = follower.last_fetch
            && offset >= end
        {
            follower.caught_up_at = follower.caught_up_at.max(Some(then));
        }
        let end = follower.last_fetch.map_or(log_end, |(_, end)| end.max(log_end));
        follower.last_fetch = Some((now, end));
        follower.log_end = Some(offset);
        follower.broker_epoch = broker_epoch;
        true
    }

    fn is_caught_up(&self, follower: &Follower, now: Time, log_end: i64) -> bool {
        let in_time = |at: Time| now.since(at) <= self.lag_max;
        follower.log_end == Some(log_end) || follower.caught_up_at.is_some_and(in_time)
    }

    /// How far the high watermark may go: the smallest log end of the leader, the maximal ISR and
    /// those that have caught up and are about to join it. `None` while the ISR is too small.
    pub fn high_watermark(
        &self,
        (log_end, appended_end): (i64, i64),
        min_isr: usize,
        now: Time,
        is_eligible: impl Fn(i32) -> bool,
    ) -> Option<i64> {
        if self.isr.len() < min_isr.min(self.replicas.len()) {
            return None;
        }
        let waited_for = self.followers.iter().filter(|(id, follower)| {
            self.is_waited_for(**id)
                || is_eligible(**id) && self.is_caught_up(follower, now, log_end)
        });
        let ends = waited_for.map(|(_, follower)| follower.log_end.unwrap_or(-1));
        ends.chain([appended_end]).min()
    }

    /// The ISR without those that have fallen behind, if there are any and no change is under way.
    pub fn shrunk(&self, now: Time, log_end: i64) -> Option<Vec<i32>> {
        if self.pending.is_some() {
            return None;
        }
        let in_sync = |id: &&i32| {
            let follower = self.followers.get(id);
            **id == self.me || follower.is_some_and(|f| self.is_caught_up(f, now, log_end))
        };
        let isr: Vec<i32> = self.isr.iter().filter(in_sync).copied().collect();
        (isr.len() < self.isr.len()).then_some(isr)
    }

    /// The ISR with a follower that has caught up, if it may join and no change is under way.
    pub fn expanded(&self, id: i32, high_watermark: i64, is_eligible: bool) -> Option<Vec<i32>> {
        let end = self.followers.get(&id)?.log_end?;
        let joins = self.pending.is_none()
            && !self.isr.contains(&id)
            && is_eligible
            && end >= high_watermark
            && end >= self.epoch_start;
        joins.then(|| self.isr.iter().copied().chain([id]).collect())
    }
}
