//! One step of a member towards its target (KIP-848): give up first, then take, and only what
//! nobody else still has. There is no barrier over the whole group.

use crate::kafka::event::TopicPartition;
use crate::ordered::Order;

/// How far a member is with its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberState {
    /// It has what it is to have.
    Stable,
    /// It has to give something up, and has not said that it did.
    Unrevoked,
    /// It waits for something that another member still has.
    Unreleased,
}

/// A member's place on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How far it is.
    pub state: MemberState,
    /// The epoch that it has reached.
    pub epoch: i32,
    /// What it may read.
    pub assigned: Vec<TopicPartition>,
    /// What it has to give up.
    pub revoking: Vec<TopicPartition>,
}

impl Progress {
    /// The next step to the target of an epoch. `is_taken` says what other members still have;
    /// `owned` is what the member reports to have, `None` if its heartbeat did not say: then it
    /// may still have everything.
    pub fn step(
        &self,
        (target_epoch, target): (i32, &[TopicPartition]),
        is_taken: impl Fn(&TopicPartition) -> bool,
        owned: Option<&[TopicPartition]>,
    ) -> Progress {
        let still_has = |partitions: &[TopicPartition]| {
            let has = |p: &TopicPartition| owned.is_none_or(|owned| owned.contains(p));
            partitions.iter().any(has)
        };
        let from = match self.state {
            MemberState::Stable if self.epoch == target_epoch => return self.clone(),
            MemberState::Unrevoked if still_has(&self.revoking) => return self.clone(),
            // It has reached the epoch whose target asked for it.
            MemberState::Unrevoked => self.epoch + 1,
            MemberState::Stable | MemberState::Unreleased => self.epoch,
        };
        let split = |keep: bool| -> Vec<TopicPartition> {
            let all = self.assigned.iter().filter(|p| target.contains(p) == keep);
            all.cloned().collect()
        };
        let (mut assigned, revoking) = (split(true), split(false));
        if !revoking.is_empty() && still_has(&revoking) {
            return Progress { state: MemberState::Unrevoked, epoch: from, assigned, revoking };
        }
        let mut waits = false;
        for partition in target.iter().filter(|p| !self.assigned.contains(p)) {
            match is_taken(partition) {
                true => waits = true,
                false => assigned.push(partition.clone()),
            }
        }
        assigned.order();
        let state = if waits { MemberState::Unreleased } else { MemberState::Stable };
        Progress { state, epoch: target_epoch, assigned, revoking: Vec::new() }
    }
}
