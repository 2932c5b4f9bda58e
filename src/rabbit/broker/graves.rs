//! Dead letters that are kept until they are safe: see [`graves`](crate::rabbit::quorum::graves).

use super::Broker;
use super::publish::HEAD_BYTES_MAX;
use crate::ordered::{BTreeMap, BTreeSet};
use crate::rabbit::confirms::Confirms;
use crate::rabbit::death::DeadLetter;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::graves::Grave;
use crate::sim::NodeId;
use std::rc::Rc;

/// The broker's own publishes come on no channel of a client.
const NOBODY: NodeId = NodeId(u32::MAX);

/// The dead letters of a node that are published and not confirmed.
#[derive(Clone, Debug, Default)]
pub struct Burials {
    /// Queues that keep dead letters.
    pub queues: BTreeSet<QueueId>,
    published: u64,
    waiting: Confirms<QueueId>,
    /// From which queue each came, and its sequence id there.
    from: BTreeMap<u64, (QueueId, u64)>,
    /// What is safe: to be told to its queue.
    safe: BTreeMap<QueueId, Vec<u64>>,
}

/// True if a publish is one of the broker's own.
pub fn is_own(publish: PublishId) -> bool {
    publish.channel.client == NOBODY
}

impl Burials {
    /// True if no dead letters are kept, and no queue has to hear of any.
    pub fn are_none(&self) -> bool {
        self.queues.is_empty() && self.safe.is_empty()
    }

    /// A queue has made a dead letter safe.
    pub fn confirm(&mut self, number: u64, by: QueueId) {
        if self.waiting.confirm(number, &by)
            && let Some((queue, seq)) = self.from.remove(&number)
        {
            self.safe.entry(queue).or_default().push(seq);
        }
    }

    /// A queue does not take a dead letter: it will be tried again.
    pub fn refuse(&mut self, number: u64) {
        self.waiting.reject(number);
        self.from.remove(&number);
    }

    /// A queue is gone. Nothing waits for it, and what came from it is not needed.
    pub fn queue_gone(&mut self, queue: QueueId) {
        for number in self.waiting.remove_queue(&queue) {
            if let Some((from, seq)) = self.from.remove(&number) {
                self.safe.entry(from).or_default().push(seq);
            }
        }
        self.queues.remove(&queue);
        self.safe.remove(&queue);
    }
}

impl Broker {
    /// Publishes dead letters that are kept, and lets their queues know what is safe.
    pub(super) fn bury_kept(&mut self, out: &mut Out<'_>) {
        if self.burials.are_none() {
            return;
        }
        while let Some((queue, seqs)) = self.burials.safe.pop_first() {
            self.submit(queue, &Command::Buried { seqs }, None, out);
        }
        for id in std::mem::take(&mut self.burials.queues) {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            let leads = queue.group.as_ref().is_some_and(|it| it.leads() && !it.is_replaying);
            if !leads {
                self.burials.queues.insert(id);
                continue;
            }
            let due = queue.graves.take_due(out.now());
            due.into_iter().for_each(|grave| self.bury_grave(id, grave, out));
            let queue = self.queues.get(&id);
            if let Some(at) = queue.and_then(|queue| queue.graves.retry_at()) {
                out.timer_at(Timer::Graves(id), at);
            }
        }
        if !self.burials.safe.is_empty() {
            self.bury_kept(out);
        }
    }

    fn bury_grave(&mut self, id: QueueId, grave: Grave, out: &mut Out<'_>) {
        let queue = &self.queues[&id];
        let Some(exchange) = queue.rules.dead_letter_exchange.clone() else { return };
        let (name, routing_key) = (queue.name.clone(), queue.rules.dead_letter_key.clone());
        let (content, reason, message) =
            (grave.item.content.clone(), grave.reason, grave.item.content.id);
        let dead = DeadLetter { content, queue: name.clone(), reason, exchange, routing_key };
        let now_seconds = out.now().micros() / 1_000_000;
        let content = Rc::new(dead.into_content(now_seconds, HEAD_BYTES_MAX, &mut self.names));
        let routed = self.route_dead(&content, reason);
        // Without an exchange or a queue it waits for one.
        if routed.is_empty() {
            return;
        }
        if !grave.is_known {
            let (exchange, reason) = (content.exchange.clone(), reason.name());
            out.emit(Event::DeadLettered { queue: name, message, exchange, reason });
        }
        self.burials.published += 1;
        let number = self.burials.published;
        self.burials.waiting.insert(number, &routed);
        self.burials.from.insert(number, (id, grave.item.seq));
        let channel = ChannelId { node: self.me, client: NOBODY, number: 0 };
        let publish = PublishId { channel, number };
        self.put_into(&routed, &content, Some(publish), out);
    }
}
