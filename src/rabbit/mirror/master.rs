//! What a master knows of its mirrors.

use super::{Came, Mirror, Mirroring, Step};
use crate::ordered::BTreeSet;
use crate::rabbit::ids::PublishId;
use crate::rabbit::messages::Messages;
use crate::rabbit::queue::Queue;
use crate::rabbit::storage_v2::{Item, Means};
use crate::sim::{MessageId, NodeId};

/// A mirror, as its master knows it.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its node.
    pub node: NodeId,
    /// Its number.
    pub number: u64,
    /// What it was never told of.
    pub lacks: BTreeSet<u64>,
    /// It was said that it lacks nothing, or is about to be.
    pub is_complete: bool,
}

impl From<&Mirror> for Told {
    /// Of a mirror of another master: what it lacks is to be heard.
    fn from(mirror: &Mirror) -> Told {
        let (node, number) = (mirror.node, mirror.number);
        Told { node, number, lacks: BTreeSet::new(), is_complete: true }
    }
}

impl Mirroring {
    /// A node has a publish. True if nobody else is waited for.
    pub fn has(&mut self, publish: PublishId, node: NodeId) -> bool {
        let Some(others) = self.awaited.get_mut(&publish) else { return true };
        others.retain(|other| *other != node);
        let is_last = others.is_empty();
        if is_last {
            self.awaited.remove(&publish);
        }
        is_last
    }

    /// A mirror is gone: returns the publishes that waited for it alone.
    pub fn without(&mut self, node: NodeId) -> Vec<PublishId> {
        self.told.retain(|told| told.node != node);
        let theirs = self.awaited.iter().filter(|(_, who)| who.contains(&node));
        let theirs: Vec<PublishId> = theirs.map(|(publish, _)| *publish).collect();
        theirs.into_iter().filter(|publish| self.has(*publish, node)).collect()
    }

    /// What happened to the queue is told to its mirrors: `me` and they have to say of each publish
    /// that they have it. Returns the mirrors that lack nothing since.
    pub fn note(&mut self, step: &Step, me: NodeId) -> Vec<u64> {
        match step {
            Step::Came(Came { confirm: Some(publish), .. }) => {
                let mirrors = self.told.iter().map(|told| told.node);
                self.awaited.insert(*publish, std::iter::once(me).chain(mirrors).collect());
                Vec::new()
            }
            Step::Gone(seqs) => {
                for told in &mut self.told {
                    for seq in seqs {
                        told.lacks.remove(seq);
                    }
                }
                self.complete()
            }
            _ => Vec::new(),
        }
    }

    /// The mirrors that lack nothing, and of which that was not said before.
    pub fn complete(&mut self) -> Vec<u64> {
        let complete = self.told.iter_mut().filter(|it| it.lacks.is_empty() && !it.is_complete);
        let numbers = complete.map(|told| {
            told.is_complete = true;
            told.number
        });
        numbers.collect()
    }
}

impl Queue {
    /// True for a classic queue of more than one connection.
    pub fn can_be_mirrored(&self) -> bool {
        self.exclusive.is_none() && matches!(self.storage, Messages::Classic(_))
    }

    /// All its messages: sequence id and number.
    pub fn all_messages(&self) -> Vec<(u64, MessageId)> {
        let ready = self.storage.first(usize::MAX).into_iter().map(|(seq, id, ..)| (seq, id));
        let unacked = self.unacked_messages().map(|(seq, content)| (seq, content.id));
        ready.chain(unacked).collect()
    }

    /// True if a message of this sequence id is there.
    pub fn has_seq(&self, seq: u64) -> bool {
        self.channel_of(seq).is_some()
            || self.storage.first(usize::MAX).iter().any(|(ready, ..)| *ready == seq)
    }

    /// Brings all its messages into memory: true if they are there.
    pub fn load(&mut self, means: &mut Means<'_, '_>) -> bool {
        match &mut self.storage {
            Messages::Classic(levels) => levels.load(self.id, means),
            Messages::Quorum(_) | Messages::Stream(_) => true,
        }
    }

    /// Of messages that are in memory those with these sequence ids, as a mirror is told of them.
    pub fn told_of(&self, seqs: &BTreeSet<u64>) -> Vec<Came> {
        let came = |item: &Item, is_delivered: bool| {
            let (seq, content, expires) = (item.seq, item.content.clone(), item.expires);
            Came { seq, content, expires, confirm: None, is_delivered }
        };
        let mut all = Vec::new();
        if let Messages::Classic(levels) = &self.storage {
            let ready = levels.in_head().filter(|(item, _)| seqs.contains(&item.seq));
            all.extend(ready.map(|(item, was_delivered)| came(item, was_delivered)));
        }
        let unacked = self.unacked_items().filter(|(item, ..)| seqs.contains(&item.seq));
        all.extend(unacked.map(|(item, ..)| came(item, true)));
        crate::ordered::Order::order_by_key(&mut all[..], |came| came.seq);
        all
    }
}
