//! Reassignments that somebody writes into `/admin/reassign_partitions`: the way before KIP-455,
//! that the controller still takes up to 3.9 (`KafkaController.processZkPartitionReassignment`).
//!
//! The controller waits for the znode to be made; that what it holds changes later begins nothing.
//! Partitions that cannot be moved it takes out of it, and each that has moved, if what was asked
//! for then is what it has now (`maybeRemoveFromZkReassignment`). A reassignment by a request goes
//! before one by the znode. With the last partition the znode goes, and the next one is waited for.
//! Text that is no such JSON stays, and begins nothing.
//!
//! As in the real one nobody looks whether the new replicas live: the partition waits for them.
//!
//! Simplified: an empty list of replicas is taken out, where the real controller leaves the
//! partition without replicas; replicas in another order alone are written, and count as moved at
//! once; after a deletion by hand the next znode is noticed, where the real controller has lost its
//! watch.

use super::read::Found;
use super::reassign::towards;
use super::{Affair, Elected, Plan};
use crate::kafka::broker::znodes;
use crate::kafka::event::TopicPartition;
use crate::kafka::metadata::PartitionImage;
use crate::kafka::zookeeper::{Op, Reply};
use bytes::Bytes;

/// Partitions, each with the replicas that it is to have.
pub type Wanted = Vec<(TopicPartition, Vec<i32>)>;

/// A partition that is taken out: if these replicas are asked for, or whatever is.
pub type Struck = (TopicPartition, Option<Vec<i32>>);

/// What the znode holds, and the transaction that made it; `None` if it is not there.
fn held(found: &Found) -> Option<(Wanted, i64)> {
    match found.get(znodes::REASSIGNMENTS)? {
        Reply::Data(data, stat) => {
            Some((znodes::reassignments_of(data).unwrap_or_default(), stat.czxid))
        }
        _ => None,
    }
}

impl Elected {
    /// The znode was looked at: if it was made since the last time, what it asks for begins, but
    /// for what an earlier controller has begun.
    pub(super) fn take_up(&mut self, found: &Found) -> Plan {
        let (wanted, made) = held(found).unzip();
        let is_known = self.by_hand == made;
        self.by_hand = made;
        let wanted = wanted.filter(|_| !is_known).unwrap_or_default();
        let (mut decided, mut struck) = (Vec::new(), Vec::new());
        for (key, replicas) in wanted {
            match self.image.partition(&key) {
                Some(old) if !replicas.is_empty() && !self.deleting.contains(&key.topic) => {
                    let new = towards(old, &replicas);
                    if old.reassignment().is_some() && new == *old {
                        continue;
                    }
                    if new.reassignment().is_none() {
                        struck.push((key.clone(), Some(replicas)));
                    }
                    decided.push((key, new));
                }
                _ => struck.push((key, None)),
            }
        }
        if !struck.is_empty() {
            self.affairs.push_front(Affair::Strike(struck));
        }
        self.begin(decided, None)
    }

    /// Partitions are taken out of the znode, if there is one.
    pub(super) fn strike_later(&mut self, struck: Vec<Struck>) {
        if self.by_hand.is_some() && !struck.is_empty() {
            self.affairs.push_front(Affair::Strike(struck));
        }
    }

    /// A partition has moved.
    pub(super) fn strike_moved(&mut self, key: &TopicPartition, now: &PartitionImage) {
        self.strike_later(vec![(key.clone(), Some(now.replicas.clone()))]);
    }

    /// The znode without these partitions; without any it goes.
    pub(super) fn strike(&mut self, struck: &[Struck], found: &Found) -> Plan {
        let Some((mut wanted, _)) = held(found) else { return Plan::default() };
        wanted.retain(|(key, replicas)| {
            let is_it = |(other, asked): &Struck| {
                other == key && asked.as_ref().is_none_or(|asked| asked == replicas)
            };
            !struck.iter().any(is_it)
        });
        let (path, version) = (znodes::REASSIGNMENTS.into(), -1);
        let op = match wanted.is_empty() {
            true => {
                // The next one is waited for.
                self.affairs.push_front(Affair::ByHand);
                Op::Delete { path, version }
            }
            false => {
                let data = Bytes::from(znodes::reassignments_text(&wanted));
                Op::SetData { path, data, version }
            }
        };
        Plan { ops: vec![op], ..Plan::default() }
    }
}
