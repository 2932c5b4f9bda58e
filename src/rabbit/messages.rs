//! The ready messages of a queue, whatever its type.

use super::content::Content;
use super::ids::{PublishId, QueueId};
use super::mirror::Step;
use super::quorum::fifo::Fifo;
use super::rules::Rules;
use super::storage_v2::entry::{Shared, Stored};
use super::storage_v2::levels::Levels;
use super::storage_v2::{Item, Means, Tries};
use super::stream::Stream;
use crate::sim::{MessageId, Time};
use std::rc::Rc;

/// Where the ready messages are.
#[derive(Clone, Debug)]
pub enum Messages {
    /// A classic queue: the head in memory, the tail on disk.
    Classic(Levels),
    /// A quorum queue: all in memory, and in the log of its group.
    Quorum(Fifo),
    /// A stream: all on disk, and nothing is ever taken out.
    Stream(Box<Stream>),
}

impl Messages {
    /// How many messages wait.
    pub fn ready(&self) -> u64 {
        match self {
            Messages::Classic(levels) => levels.ready(),
            Messages::Quorum(fifo) => fifo.ready(),
            Messages::Stream(stream) => stream.count(),
        }
    }

    /// True if nothing waits, and nothing will be ready by itself.
    pub fn is_empty(&self) -> bool {
        match self {
            Messages::Classic(levels) => levels.ready() == 0,
            Messages::Quorum(_) | Messages::Stream(_) => false,
        }
    }

    /// The messages that came back and are not ready yet, and until when: of a quorum queue.
    pub fn delayed(&self) -> impl Iterator<Item = (Time, &Item)> {
        let fifo = match self {
            Messages::Quorum(fifo) => Some(fifo),
            Messages::Classic(_) | Messages::Stream(_) => None,
        };
        fifo.into_iter().flat_map(Fifo::delayed)
    }

    /// How many of these there are.
    pub fn delayed_count(&self) -> u64 {
        match self {
            Messages::Quorum(fifo) => fifo.delayed_count(),
            Messages::Classic(_) | Messages::Stream(_) => 0,
        }
    }

    /// When the first of them is ready again.
    pub fn next_due(&self) -> Time {
        match self {
            Messages::Quorum(fifo) => fifo.next_due(),
            Messages::Classic(_) | Messages::Stream(_) => Time::NEVER,
        }
    }

    /// Bytes of the bodies of the messages that wait.
    pub fn ready_bytes(&self) -> u64 {
        match self {
            Messages::Classic(levels) => levels.ready_bytes(),
            Messages::Quorum(fifo) => fifo.ready_bytes(),
            Messages::Stream(stream) => stream.bytes(),
        }
    }

    /// How many of the messages that wait are in memory.
    pub fn in_memory(&self) -> u64 {
        match self {
            Messages::Classic(levels) => levels.in_memory(),
            Messages::Quorum(fifo) => fifo.ready(),
            Messages::Stream(_) => 0,
        }
    }

    /// Bytes of memory that messages and what is known of them take.
    pub fn memory_bytes(&self) -> u64 {
        match self {
            Messages::Classic(levels) => levels.memory_bytes(),
            Messages::Quorum(fifo) => fifo.memory_bytes(),
            Messages::Stream(stream) => stream.memory_bytes(),
        }
    }

    /// True while something waits to be written out.
    #[inline(always)]
    pub fn is_unwritten(&self) -> bool {
        match self {
            Messages::Classic(levels) => levels.is_unwritten(),
            Messages::Quorum(_) => false,
            Messages::Stream(stream) => stream.is_unwritten(),
        }
    }

    /// True while a confirm waits for a write buffer, or readers do.
    pub fn owes_confirms(&self) -> bool {
        match self {
            Messages::Classic(levels) => levels.owes_confirms(),
            Messages::Quorum(_) => false,
            Messages::Stream(stream) => stream.is_unwritten(),
        }
    }

    /// When the message that is first in line expires.
    #[inline(always)]
    pub fn front_expires(&self) -> Time {
        match self {
            Messages::Classic(levels) => levels.front_expires(),
            Messages::Quorum(fifo) => fifo.front_expires(),
            Messages::Stream(_) => Time::NEVER,
        }
    }

    /// True while the message that is first in line is being read.
    pub fn reads_front(&self) -> bool {
        match self {
            Messages::Classic(levels) => levels.reads_front(),
            Messages::Quorum(_) | Messages::Stream(_) => false,
        }
    }

    /// The first messages that wait, as far as they are known: sequence id, number, key, and
    /// whether they were delivered before.
    pub fn first(&self, count: usize) -> Vec<(u64, MessageId, Option<&Rc<str>>, bool)> {
        match self {
            Messages::Classic(levels) => levels.iter().take(count).collect(),
            Messages::Quorum(fifo) => {
                let items = fifo.items().take(count).map(|item| {
                    let redelivered = item.tries.delivered > 0;
                    (item.seq, item.content.id, item.content.key.as_ref(), redelivered)
                });
                items.collect()
            }
            Messages::Stream(stream) => {
                let items = stream.iter().take(count);
                items.map(|(offset, message)| (offset, message, None, false)).collect()
            }
        }
    }

    /// For each level of a classic queue, the number that tells which messages were delivered.
    pub fn next_deliver_seqs(&self) -> Vec<u64> {
        match self {
            Messages::Classic(levels) => levels.next_deliver_seqs(),
            Messages::Quorum(_) | Messages::Stream(_) => Vec::new(),
        }
    }

    /// Puts a message behind all others of its priority. `copy` is where another queue has already
    /// stored it.
    pub fn publish(
        &mut self,
        message: (Rc<Content>, Time),
        confirm: Option<PublishId>,
        copy: &mut Option<Shared>,
        means: &mut Means<'_, '_>,
    ) -> u64 {
        match self {
            Messages::Classic(levels) => {
                let told = levels.is_mirrored().then(|| message.clone());
                let seq = levels.entrance(&message.0).publish(message, confirm, copy, means);
                levels.note_came(seq, told, false);
                seq
            }
            Messages::Quorum(fifo) => fifo.publish(message, confirm, means),
            Messages::Stream(stream) => {
                let offset = stream.next;
                stream.append(message.0, confirm);
                offset
            }
        }
    }

    /// A message that goes to a consumer at once.
    #[inline(always)]
    pub fn publish_delivered(
        &mut self,
        message: (Rc<Content>, Time),
        confirm: Option<PublishId>,
        copy: &mut Option<Shared>,
        means: &mut Means<'_, '_>,
    ) -> Item {
        match self {
            Messages::Classic(levels) => {
                let told = levels.is_mirrored().then(|| message.clone());
                let entrance = levels.entrance(&message.0);
                let item = entrance.publish_delivered(message, confirm, copy, means);
                levels.note_came(item.seq, told, true);
                item
            }
            Messages::Quorum(fifo) => fifo.publish_delivered(message, confirm, means),
            Messages::Stream(stream) => {
                let (seq, content, expires) = (stream.next, message.0, message.1);
                stream.append(content.clone(), confirm);
                Item { seq, content, stored: Stored::No, expires, tries: Tries::default() }
            }
        }
    }

    /// The message that came last wants a confirm: its mirrors have to hear so.
    #[inline(always)]
    pub fn note_confirm(&mut self, publish: Option<PublishId>) {
        if let Messages::Classic(levels) = self {
            levels.note_confirm(publish);
        }
    }

    /// True if mirrors have to hear of something.
    #[inline(always)]
    pub fn has_news(&self) -> bool {
        match self {
            Messages::Classic(levels) => levels.has_news(),
            Messages::Quorum(_) | Messages::Stream(_) => false,
        }
    }

    /// What mirrors have to hear of.
    pub fn take_news(&mut self) -> Vec<Step> {
        match self {
            Messages::Classic(levels) => levels.take_news(),
            Messages::Quorum(_) | Messages::Stream(_) => Vec::new(),
        }
    }

    /// Takes the first message, and tells whether it had been delivered before. `None` if nothing
    /// waits, or if it has to be read first: then that has begun.
    pub fn fetch(&mut self, queue: QueueId, means: &mut Means<'_, '_>) -> Option<(Item, bool)> {
        match self {
            Messages::Classic(levels) => levels.fetch(queue, means),
            Messages::Quorum(fifo) => fifo.fetch(),
            Messages::Stream(_) => None,
        }
    }

    /// Removes the first message without bringing it into memory.
    pub fn drop_front(&mut self, queue: QueueId, means: &mut Means<'_, '_>) -> Option<MessageId> {
        match self {
            Messages::Classic(levels) => levels.drop_front(queue, means),
            Messages::Quorum(fifo) => fifo.fetch().map(|(item, _)| item.content.id),
            Messages::Stream(_) => None,
        }
    }

    /// Puts delivered messages back; `has_limit` if they cannot come back for ever.
    pub fn requeue(&mut self, items: Vec<Item>, has_limit: bool) {
        match self {
            Messages::Classic(levels) => levels.requeue(items),
            Messages::Quorum(fifo) => fifo.requeue(items, has_limit),
            Messages::Stream(_) => {}
        }
    }

    /// A delivered message is dealt with: it is gone for ever.
    #[inline(always)]
    pub fn settle(&mut self, item: &Item, means: &mut Means<'_, '_>) {
        if let Messages::Classic(levels) = self {
            levels.settle(item, means);
        }
    }

    /// Removes all that waits; returns the numbers of the messages.
    pub fn purge(&mut self, means: &mut Means<'_, '_>) -> Vec<MessageId> {
        match self {
            Messages::Classic(levels) => levels.purge(means),
            Messages::Quorum(fifo) => fifo.purge(),
            Messages::Stream(_) => Vec::new(),
        }
    }

    /// Deletes everything that the queue has on disk; `unacked` are its delivered messages.
    pub fn delete<'i>(
        &mut self,
        unacked: impl Iterator<Item = &'i Item>,
        means: &mut Means<'_, '_>,
    ) -> Vec<MessageId> {
        match self {
            Messages::Classic(levels) => levels.delete(unacked, means),
            Messages::Quorum(fifo) => fifo.purge(),
            Messages::Stream(stream) => stream.delete(means),
        }
    }

    /// Writes all buffers out.
    pub fn flush(&mut self, rules: &Rules, means: &mut Means<'_, '_>) {
        match self {
            Messages::Classic(levels) => levels.flush(means),
            Messages::Quorum(_) => {}
            Messages::Stream(stream) => stream.write(rules, means),
        }
    }
}
