//! Messages that died go to dead letter exchanges.
//!
//! They are published anew, without a confirm and not `mandatory`: an exchange that is not there,
//! or one of which nothing matches, drops them without a word. So it is at most once; a quorum
//! queue may keep them until they are safe (`graves`).

use super::Broker;
use super::publish::HEAD_BYTES_MAX;
use crate::rabbit::content::Content;
use crate::rabbit::death::{DeadLetter, Reason};
use crate::rabbit::event::Event;
use crate::rabbit::ids::QueueId;
use crate::rabbit::process::Out;
use crate::rabbit::protection::Protection;
use std::rc::Rc;

impl Broker {
    /// Publishes all that died, and what dies of that.
    pub(super) fn bury(&mut self, out: &mut Out<'_>) {
        while let Some(dead) = self.dead.pop_front() {
            self.bury_one(dead, out);
        }
        self.bury_kept(out);
        if !self.dead.is_empty() {
            self.bury(out);
        }
    }

    fn bury_one(&mut self, dead: DeadLetter, out: &mut Out<'_>) {
        let (queue, reason, message) = (dead.queue.clone(), dead.reason, dead.content.id);
        if self.is_jms() {
            if !dead.content.is_persistent() {
                return;
            }
            self.dead_letters(out);
        }
        let now_seconds = out.now().micros() / 1_000_000;
        let content = Rc::new(dead.into_content(now_seconds, HEAD_BYTES_MAX, &mut self.names));
        if !content.exchange.is_empty() && self.exchanges.get(&content.exchange).is_err() {
            return;
        }
        let routed = self.route_dead(&content, reason);
        let (exchange, reason) = (content.exchange.clone(), reason.name());
        out.emit(Event::DeadLettered { queue, message, exchange, reason });
        if !routed.is_empty() {
            self.put_into(&routed, &content, None, out);
        }
    }

    /// The queues that a dead letter goes to: not those in which it has died by itself.
    pub(super) fn route_dead(&mut self, content: &Content, reason: Reason) -> Vec<QueueId> {
        let mut routed = Vec::new();
        // What its keys are was checked when it was first published; without the exchange there
        // are no queues.
        let _ = self.exchanges.route(content, &self.queue_ids, &mut routed);
        if reason != Reason::Rejected
            && !self.without.lacks(Protection::DeadLetterCycle)
            && let Some(annotations) = &content.annotations
        {
            routed.retain(|target| !annotations.is_cycle(&self.queues[target].name));
        }
        routed
    }
}
