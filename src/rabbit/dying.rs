//! How messages leave a queue before their time: dropped at its head, because there are too many or
//! because they have expired, or given up; and where they go then.

use super::content::Content;
use super::death::{DeadLetter, Reason};
use super::event::Event;
use super::messages::Messages;
use super::queue::Queue;
use super::rules::Overflow;
use super::storage_v2::{Item, Means};
use std::rc::Rc;

impl Queue {
    /// Drops messages at the head while there are too many; false if none had to go.
    pub fn drop_excess(&mut self, means: &mut Means<'_, '_>) -> bool {
        let mut dropped = false;
        if !self.rules.is_limited() {
            return dropped;
        }
        // The retention of a stream goes by segments.
        let is_stream = matches!(self.storage, Messages::Stream(_));
        while !is_stream
            && self.rules.overflow == Overflow::DropHead
            && self.rules.is_over(
                self.storage.ready() + self.storage.delayed_count(),
                self.storage.ready_bytes(),
            )
            && self.drop_head(Reason::MaxLength, means)
        {
            dropped = true;
        }
        dropped
    }

    /// Drops messages at the head that have expired.
    pub fn drop_expired(&mut self, means: &mut Means<'_, '_>) {
        let now = means.now;
        while self.storage.front_expires() <= now && self.drop_head(Reason::Expired, means) {}
    }

    /// Drops the message at the head; false if it has to be read first.
    fn drop_head(&mut self, reason: Reason, means: &mut Means<'_, '_>) -> bool {
        if self.keeps_dead() && self.storage.ready() == 0 {
            return false;
        }
        let message = if self.rules.dead_letter_exchange.is_some() {
            self.storage.fetch(self.id, means).and_then(|(item, _)| {
                let message = item.content.id;
                self.storage.settle(&item, means);
                self.dies(item, reason, means).then_some(message)
            })
        } else {
            self.storage.drop_front(self.id, means)
        };
        let Some(message) = message else { return self.keeps_dead() };
        let queue = self.name.clone();
        means.emit(Event::Removed { queue, message, reason: reason.name() });
        true
    }

    /// True if what dies stays with the queue until it is safe elsewhere.
    fn keeps_dead(&self) -> bool {
        self.rules.at_least_once && self.group.is_some()
    }

    /// A message has died. True if it is gone from the queue; false if it is kept until it is
    /// safe elsewhere.
    pub fn dies(&mut self, item: Item, reason: Reason, means: &mut Means<'_, '_>) -> bool {
        if self.keeps_dead() {
            self.graves.keep(item, reason);
            return false;
        }
        self.dead_letter(item.content, reason, means);
        true
    }

    /// Dead letters that were kept are safe elsewhere: now they are gone.
    pub fn buried(&mut self, seqs: &[u64], means: &mut Means<'_, '_>) {
        for (message, reason) in self.graves.release(seqs) {
            let (queue, reason) = (self.name.clone(), reason.name());
            means.emit(Event::Removed { queue, message, reason });
        }
    }

    /// A message goes to the dead letter exchange, if there is one.
    pub fn dead_letter(&self, content: Rc<Content>, reason: Reason, means: &mut Means<'_, '_>) {
        if let Some(exchange) =
            self.rules.dead_letter_exchange.as_ref().filter(|_| !means.is_silent)
        {
            let (queue, exchange) = (self.name.clone(), exchange.clone());
            let routing_key = self.rules.dead_letter_key.clone();
            means.dead.push_back(DeadLetter { content, queue, reason, exchange, routing_key });
        }
    }
}
