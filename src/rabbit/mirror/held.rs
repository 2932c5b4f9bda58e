//! What a mirror has of its queue.
//!
//! Its messages are written by the storage of the queue here, but none is in line: a mirror has
//! nobody to deliver to.

use super::Came;
use crate::ordered::BTreeMap;
use crate::rabbit::event::Event;
use crate::rabbit::ids::PublishId;
use crate::rabbit::messages::Messages;
use crate::rabbit::queue::Queue;
use crate::rabbit::storage_v2::{Item, METADATA_BYTES, Means};
use crate::sim::MessageId;

/// A message of a mirror.
#[derive(Clone, Debug)]
pub struct HeldItem {
    /// The message.
    pub item: Item,
    /// The publish, if it wanted a confirm.
    pub confirm: Option<PublishId>,
    /// It is delivered, and not acknowledged.
    pub is_delivered: bool,
}

/// What a mirror has.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// The number of this mirror.
    pub number: u64,
    /// By sequence id.
    pub items: BTreeMap<u64, HeldItem>,
    /// What the master has and it has not.
    pub lacks: BTreeMap<u64, MessageId>,
    /// Bytes of the bodies.
    bytes: u64,
}

impl Held {
    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        self.bytes + self.items.len() as u64 * METADATA_BYTES
    }
}

impl Queue {
    /// As a mirror: begins with nothing but the word of what it lacks.
    pub fn begin_mirror(
        &mut self,
        number: u64,
        lacks: &[(u64, MessageId)],
        means: &mut Means<'_, '_>,
    ) {
        self.drop_held(means);
        let lacks = lacks.iter().copied().collect();
        self.mirroring.held = Some(Held { number, lacks, ..Held::default() });
    }

    /// As a mirror: a message comes. Returns the publish, if it is confirmed without being written.
    pub fn hold(&mut self, came: &Came, means: &mut Means<'_, '_>) -> Option<PublishId> {
        let Came { seq, content, expires, confirm, is_delivered } = came;
        let (Messages::Classic(levels), Some(held)) = (&mut self.storage, &mut self.mirroring.held)
        else {
            return None;
        };
        held.lacks.remove(seq);
        if held.items.contains_key(seq) {
            return *confirm;
        }
        let is_written = self.declaration.durable && content.is_persistent();
        let message = (content.clone(), *expires);
        let item = levels.hold(*seq, message, confirm.filter(|_| is_written), means);
        held.bytes += content.body.len() as u64;
        let (confirm, is_delivered) = (*confirm, *is_delivered);
        held.items.insert(*seq, HeldItem { item, confirm, is_delivered });
        if is_delivered {
            self.mark_delivered(*seq);
        }
        confirm.filter(|_| !is_written)
    }

    /// As a mirror: a message was delivered.
    pub fn mark_delivered(&mut self, seq: u64) {
        let Some(held) = &mut self.mirroring.held else { return };
        let Some(found) = held.items.get_mut(&seq) else { return };
        found.is_delivered = true;
        if let Messages::Classic(levels) = &mut self.storage {
            levels.mark_delivered(&found.item);
        }
    }

    /// As a mirror: messages are ready again.
    pub fn mark_back(&mut self, seqs: &[u64]) {
        let Some(held) = &mut self.mirroring.held else { return };
        for seq in seqs {
            if let Some(found) = held.items.get_mut(seq) {
                found.is_delivered = false;
            }
        }
    }

    /// As a mirror: messages are gone.
    pub fn let_go(&mut self, seqs: &[u64], means: &mut Means<'_, '_>) {
        for seq in seqs {
            let Some(held) = &mut self.mirroring.held else { return };
            held.lacks.remove(seq);
            if let Some(gone) = held.items.remove(seq) {
                held.bytes -= gone.item.content.body.len() as u64;
                self.storage.settle(&gone.item, means);
            }
        }
    }

    /// As a mirror of a promoted master: keeps what that has, and returns what it lacks.
    pub fn compare(
        &mut self,
        there: &[(u64, MessageId)],
        means: &mut Means<'_, '_>,
    ) -> Option<Vec<u64>> {
        let held = self.mirroring.held.as_ref()?;
        let there: BTreeMap<u64, MessageId> = there.iter().copied().collect();
        let is_its = |seq: &u64, of: &HeldItem| there.get(seq) == Some(&of.item.content.id);
        let beyond = held.items.iter().filter(|(seq, of)| !is_its(seq, of)).map(|(seq, _)| *seq);
        let beyond: Vec<u64> = beyond.collect();
        self.let_go(&beyond, means);
        // Their places are given to others: first they are empty on the disk too.
        self.storage.flush(&self.rules, means);
        let held = self.mirroring.held.as_mut()?;
        held.lacks = there.into_iter().filter(|(seq, _)| !held.items.contains_key(seq)).collect();
        Some(held.lacks.keys().copied().collect())
    }

    /// It is no mirror any more: what it had is thrown away.
    pub fn drop_held(&mut self, means: &mut Means<'_, '_>) {
        let Some(held) = self.mirroring.held.take() else { return };
        let items: Vec<Item> = held.items.into_values().map(|held| held.item).collect();
        self.storage.delete(items.iter(), means);
        means.confirms.clear();
    }

    /// It is promoted: all that it had is ready, and what it lacked is lost.
    pub fn take_over(&mut self, means: &mut Means<'_, '_>) {
        let Some(held) = self.mirroring.held.take() else { return };
        for message in held.lacks.into_values() {
            let (queue, reason) = (self.name.clone(), "not_mirrored");
            means.emit(Event::Removed { queue, message, reason });
        }
        let mut back = Vec::new();
        for HeldItem { item, confirm, is_delivered } in held.items.into_values() {
            let (queue, message) = (self.name.clone(), item.content.id);
            if is_delivered {
                means.emit(Event::Requeued { queue, message });
            }
            if let Some(publish) = confirm {
                self.mirroring.inherited.insert(publish, (message, item.seq));
            }
            back.push(item);
        }
        self.storage.requeue(back, false);
    }
}
