//! How the controller changes a partition: who leads it, who is in sync, who else may lead.
//!
//! A replica may lead if it is acceptable (not fenced, not shutting down) and in the ISR; or, with
//! the ISR empty, among the **eligible leader replicas** (ELR, KIP-966): those that left the ISR
//! while it was smaller than `min.insync.replicas`. The high watermark stood still meanwhile, so
//! they have all that was committed. An unclean election takes any replica that lives, and the
//! ISR becomes that replica alone.

use super::image::PartitionImage;
use crate::ordered::Order;

/// What an election may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// Move the leadership to the first replica if that may lead.
    Preferred,
    /// Find a leader if the present one may not lead.
    Online,
    /// The same, out of sync if need be.
    Unclean,
}

/// A change of a partition that is being worked out.
pub struct PartitionChange<'a> {
    /// The partition as it is.
    pub partition: &'a PartitionImage,
    /// True for a replica that may lead if its log is good enough.
    pub is_acceptable: &'a dyn Fn(i32) -> bool,
    /// What the election may do.
    pub election: Election,
    /// The ISR that is wanted; the present one if `None`.
    pub target_isr: Option<Vec<i32>>,
    /// The replicas that are wanted, and which of them go and come; as they are if `None`.
    pub target: Option<Assignment>,
    /// `min.insync.replicas` of the topic.
    pub min_isr: usize,
    /// True if eligible leader replicas are tracked.
    pub elr: bool,
    /// True if the last known leader may be taken when nobody else is eligible
    /// (`unclean.recovery.strategy=Balanced`).
    pub last_known_leader: bool,
    /// Replicas that came back without having been stopped cleanly.
    pub unclean_shutdown: &'a [i32],
}

/// Replicas, and what of them a reassignment takes away and brings (KIP-455). While it is under
/// way all of them are replicas: the new ones catch up as any other, and once every one that is to
/// stay is in the ISR the old ones go, all in one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Replicas in assignment order.
    pub replicas: Vec<i32>,
    /// Those of them that go.
    pub removing: Vec<i32>,
    /// Those of them that come.
    pub adding: Vec<i32>,
}

impl Assignment {
    /// A partition's.
    pub fn of(partition: &PartitionImage) -> Assignment {
        Assignment {
            replicas: partition.replicas.clone(),
            removing: partition.removing.clone(),
            adding: partition.adding.clone(),
        }
    }

    /// The way from these replicas to those.
    pub fn towards(present: &[i32], wanted: &[i32]) -> Assignment {
        let (mut removing, mut adding) = (without(present, wanted), without(wanted, present));
        removing.order();
        adding.order();
        Assignment { replicas: [wanted, &removing].concat(), removing, adding }
    }

    /// A partition's replicas as they were before its reassignment began, and the ISR then; true
    /// with it if none of them is in sync, so that the first is taken whatever it has.
    pub fn reverted(partition: &PartitionImage) -> (Assignment, Vec<i32>, bool) {
        let replicas = without(&partition.replicas, &partition.adding);
        let mut isr = without(&partition.isr, &partition.adding);
        let unclean = isr.is_empty();
        if unclean {
            isr.extend(replicas.first());
        }
        (Assignment { replicas, removing: Vec::new(), adding: Vec::new() }, isr, unclean)
    }

    /// If every replica that is to stay is in the ISR, those that are to go are gone.
    fn complete(&mut self, isr: &mut Vec<i32>) {
        let stays = without(&self.replicas, &self.removing);
        let in_sync = without(isr, &self.removing);
        let is_moving = !self.removing.is_empty() || !self.adding.is_empty();
        if is_moving && !stays.is_empty() && stays.iter().all(|id| in_sync.contains(id)) {
            *isr = in_sync;
            *self = Assignment { replicas: stays, removing: Vec::new(), adding: Vec::new() };
        }
    }
}

/// Keeps what is in `list` and not in `out`.
pub fn without(list: &[i32], out: &[i32]) -> Vec<i32> {
    list.iter().copied().filter(|id| !out.contains(id)).collect()
}

impl<'a> PartitionChange<'a> {
    /// Nothing but an election of the given kind.
    pub fn of(
        partition: &'a PartitionImage,
        election: Election,
        is_acceptable: &'a dyn Fn(i32) -> bool,
    ) -> PartitionChange<'a> {
        PartitionChange {
            partition,
            is_acceptable,
            election,
            target_isr: None,
            target: None,
            min_isr: 1,
            elr: false,
            last_known_leader: false,
            unclean_shutdown: &[],
        }
    }

    /// The partition after the change; `None` if nothing changes. Epochs are counted.
    pub fn build(self) -> Option<PartitionImage> {
        let old = self.partition;
        let mut new = old.clone();
        let mut isr = self.target_isr.clone().unwrap_or_else(|| old.isr.clone());
        let mut target = self.target.clone().unwrap_or_else(|| Assignment::of(old));
        target.complete(&mut isr);
        let (mut elr, mut last_known) = self.target_elr(&isr);
        let (leader, unclean) = self.elect(&target.replicas, &isr, &elr);
        let loses_replica = !old.replicas.iter().all(|id| target.replicas.contains(id));
        (new.replicas, new.removing, new.adding) =
            (target.replicas, target.removing, target.adding);
        new.leader = leader;
        let mut isr_is_set = false;
        if let Some(leader) = leader
            && new.leader != old.leader
        {
            if unclean {
                isr = vec![leader];
                isr_is_set = true;
                new.recovering = true;
            } else if !isr.contains(&leader) {
                isr = vec![leader];
                elr.retain(|id| *id != leader);
            }
        }
        // Without ELR the last member stays in the ISR, so that it is known who has everything.
        if isr_is_set || !isr.is_empty() || self.elr {
            new.isr = isr;
        }
        if isr_is_set || !self.elr {
            elr.clear();
            last_known.clear();
        }
        if self.elr && self.last_known_leader {
            last_known = self.last_leader(&new);
        }
        (new.elr, new.last_known_elr) = (elr, last_known);
        if new == *old {
            return None;
        }
        new.partition_epoch += 1;
        // A replica that is no longer one must not be taken for one: its leadership is over.
        if new.leader != old.leader || loses_replica {
            new.leader_epoch += 1;
        }
        Some(new)
    }

    /// Where the last known leader may be taken it stands alone in the last known ELR, from when
    /// the ISR became empty until somebody leads.
    fn last_leader(&self, new: &PartitionImage) -> Vec<i32> {
        let old = self.partition;
        match old.leader {
            _ if new.leader.is_some() => Vec::new(),
            Some(leader) if new.isr.is_empty() && new.isr != old.isr => vec![leader],
            _ => old.last_known_elr.clone(),
        }
    }

    fn target_elr(&self, isr: &[i32]) -> (Vec<i32>, Vec<i32>) {
        let old = self.partition;
        if !self.elr || isr.len() >= self.min_isr.min(old.replicas.len()) {
            return (Vec::new(), Vec::new());
        }
        let mut candidates = old.elr.clone();
        candidates.extend(without(&old.isr, &old.elr));
        let mut elr = without(&without(&candidates, isr), self.unclean_shutdown);
        candidates.extend(without(&old.last_known_elr, &candidates));
        let mut last_known = without(&without(&candidates, isr), &elr);
        elr.order();
        last_known.order();
        (elr, last_known)
    }

    /// The leader, and whether it was taken although it may miss something.
    fn elect(&self, replicas: &[i32], isr: &[i32], elr: &[i32]) -> (Option<i32>, bool) {
        let old = self.partition;
        let may_lead = |id: &i32| {
            (isr.contains(id) || isr.is_empty() && elr.contains(id)) && (self.is_acceptable)(*id)
        };
        if self.election == Election::Preferred
            && let Some(first) = replicas.first().filter(|id| may_lead(id))
        {
            return (Some(*first), false);
        }
        if let Some(leader) = old.leader.filter(|id| may_lead(id)) {
            return (Some(leader), false);
        }
        if let Some(leader) = replicas.iter().find(|id| may_lead(id)) {
            return (Some(*leader), false);
        }
        if let ([last], true) = (&*old.last_known_elr, self.elr && self.last_known_leader)
            && isr.is_empty()
            && elr.is_empty()
            && (self.is_acceptable)(*last)
        {
            return (Some(*last), true);
        }
        let any = || replicas.iter().find(|id| (self.is_acceptable)(**id)).copied();
        match self.election {
            Election::Unclean => any().map_or((None, false), |leader| (Some(leader), true)),
            _ => (None, false),
        }
    }
}
