//! The controller tells brokers what it has decided: each of them one thing after the other, again
//! and again until it is answered or the broker is gone.

use super::{Channel, Plan};
use crate::kafka::broker::channel::{Purpose, Quorum, REQUEST_TIMEOUT};
use crate::kafka::broker::server::Server;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::control::Order;
use crate::kafka::message::{Control, ControlBody, Request, Response};
use crate::kafka::metadata::{MetadataRecord, PartitionImage};
use crate::kafka::process::Out;
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{Span, Time};
use std::rc::Rc;

/// Before a broker that could not be told is told again.
const RETRY: Span = Span::millis(100);

/// Tells the lab that another leader or another ISR of a partition is written.
fn emit_change(
    partition: TopicPartition,
    old: Option<&PartitionImage>,
    new: &PartitionImage,
    out: &mut Out<'_>,
) {
    if old.is_none_or(|old| old.leader != new.leader) {
        out.emit(Event::LeaderElected {
            partition: partition.clone(),
            leader: new.leader,
            leader_epoch: new.leader_epoch,
            unclean: new.recovering,
        });
    }
    if old.is_none_or(|old| old.isr != new.isr) {
        out.emit(Event::IsrChanged { partition, isr: new.isr.clone() });
    }
}

impl Server {
    /// Tells a broker something, if it lives.
    pub(super) fn tell(&mut self, broker: i32, body: ControlBody, _out: &mut Out<'_>) {
        let me = self.id;
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        let Some(known) = elected.image.brokers.get(&broker) else { return };
        let control = Control {
            controller: me,
            controller_epoch: elected.epoch,
            broker_epoch: known.epoch,
            body,
        };
        elected.channels.entry(broker).or_insert_with(Channel::default).queue.push_back(control);
    }

    /// Sends what can be sent; says when to look again.
    pub(in crate::kafka::broker) fn pump_reign(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let (me, now) = (self.id, out.now());
        let mut due: Option<Time> = None;
        let Quorum::ZooKeeper(registry) = &mut self.quorum else { return None };
        let mut own = Vec::new();
        if let Some(elected) = &mut registry.elected {
            for (id, channel) in &mut elected.channels {
                if *id == me {
                    own.extend(channel.queue.drain(..));
                    continue;
                }
                let Some(control) = channel.queue.front().filter(|_| !channel.is_under_way) else {
                    continue;
                };
                if channel.retry_at > now {
                    due = Some(due.map_or(channel.retry_at, |due| due.min(channel.retry_at)));
                    continue;
                }
                let Some(broker) = elected.image.brokers.get(id) else { continue };
                if self.connections.connect(broker.node, out) {
                    let request = Request::Control(Box::new(control.clone()));
                    let purpose = Purpose::Control(*id, control.broker_epoch);
                    channel.is_under_way = true;
                    self.connections.send(broker.node, (request, purpose), REQUEST_TIMEOUT, out);
                }
            }
        }
        // It is a broker like the others.
        for control in own {
            self.controlled(None, control, out);
        }
        due
    }

    /// A broker has answered, or the connection was lost.
    pub(in crate::kafka::broker) fn told(
        &mut self,
        (broker, epoch): (i32, i64),
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        let Some(channel) = elected.channels.get_mut(&broker) else { return };
        let is_this = channel.queue.front().is_some_and(|it| it.broker_epoch == epoch);
        if !channel.is_under_way || !is_this {
            return;
        }
        channel.is_under_way = false;
        match response {
            Some(_) => drop(channel.queue.pop_front()),
            None => channel.retry_at = out.now() + RETRY,
        }
    }

    fn order_of(&self, key: &TopicPartition) -> Option<Order> {
        let image = &self.elected()?.image;
        let state = image.partition(key).filter(|state| state.partition_epoch >= 0)?.clone();
        Some(Order { partition: key.clone(), topic: image.topics.get(&key.topic)?.id, state })
    }

    /// Tells all brokers, for their clients, how these partitions are.
    pub(super) fn tell_metadata(&mut self, keys: &[TopicPartition], out: &mut Out<'_>) {
        let partitions: Vec<Order> = keys.iter().filter_map(|key| self.order_of(key)).collect();
        if partitions.is_empty() {
            return;
        }
        for id in self.living() {
            let (partitions, gone) = (partitions.clone(), Vec::new());
            let body = ControlBody::UpdateMetadata { brokers: None, partitions, gone };
            self.tell(id, body, out);
        }
    }

    fn living(&self) -> Vec<i32> {
        self.elected().map_or_else(Vec::new, |it| it.image.brokers.keys().copied().collect())
    }

    /// Tells the replicas of partitions their parts, and then everybody how they are.
    fn tell_parts(&mut self, keys: &[TopicPartition], out: &mut Out<'_>) {
        let mut parts: BTreeMap<i32, Vec<Order>> = BTreeMap::new();
        for order in keys.iter().filter_map(|key| self.order_of(key)) {
            for id in &order.state.replicas {
                parts.entry(*id).or_default().push(order.clone());
            }
        }
        for (id, orders) in parts {
            self.tell(id, ControlBody::LeaderAndIsr(orders), out);
        }
        self.tell_metadata(keys, out);
    }

    /// Some brokers came, or only went: all are told who lives, and who came is told its parts.
    pub(super) fn tell_brokers(&mut self, came: &[i32], out: &mut Out<'_>) {
        let Some(elected) = self.elected() else { return };
        let brokers: Vec<_> =
            elected.image.brokers.iter().map(|(id, broker)| (*id, broker.clone())).collect();
        let keys: Vec<TopicPartition> = elected.image.partitions().map(|(key, _)| key).collect();
        let all: Vec<Order> = keys.iter().filter_map(|key| self.order_of(key)).collect();
        for id in self.living() {
            let is_new = came.contains(&id);
            let partitions = if is_new { all.clone() } else { Vec::new() };
            let (brokers, gone) = (Some(brokers.clone()), Vec::new());
            self.tell(id, ControlBody::UpdateMetadata { brokers, partitions, gone }, out);
            let mine = all.iter().filter(|order| order.state.replicas.contains(&id));
            let mine: Vec<Order> = mine.filter(|_| is_new).cloned().collect();
            if !mine.is_empty() {
                self.tell(id, ControlBody::LeaderAndIsr(mine), out);
            }
        }
    }

    /// A reign begins: everybody is told everything.
    pub(super) fn tell_everything(&mut self, out: &mut Out<'_>) {
        let all = self.living();
        self.tell_brokers(&all, out);
    }

    /// What was decided is written, where a version stands: now it is true, and brokers are told.
    pub(super) fn written(&mut self, plan: Plan, done: &[Option<i32>], out: &mut Out<'_>) {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        let (mut keys, mut made) = (Vec::new(), BTreeSet::new());
        for ((key, mut state), version) in plan.changes.into_iter().zip(done) {
            let Some(version) = version else { continue };
            state.partition_epoch = *version;
            let old = elected.image.partition(&key).cloned();
            elected.image.set_partition(&key, state.clone());
            keys.push(key.clone());
            match plan.is_new {
                true => drop(made.insert(key.topic)),
                false => emit_change(key, old.as_ref(), &state, out),
            }
        }
        for topic in made {
            let found = elected.image.topics.get(&topic);
            let partitions = found.map_or(0, |topic| topic.partitions.len() as i32);
            let first = keys.iter().any(|key| key.topic == topic && key.partition == 0);
            if first {
                out.emit(Event::TopicCreated { topic, partitions });
            }
        }
        self.tell_parts(&keys, out);
        for (id, key) in plan.taken.into_iter().filter(|(_, key)| keys.contains(key)) {
            let partitions = vec![key];
            self.tell(id, ControlBody::StopReplica { partitions, delete: true }, out);
        }
        self.topics_gone(plan.gone, out);
        let was_refused = done.iter().any(Option::is_none);
        match plan.answer {
            Some((to, _)) if was_refused => self.reply(to, Response::NotController(None), out),
            Some((to, response)) => self.reply(to, response, out),
            None => {}
        }
        if let Some((to, id)) = plan.shutdown {
            self.answer_shutdown(to, id, out);
        }
        self.answer_awaited(out);
    }

    /// Nobody else writes leader epochs in its reign: where another one stands than it knew it
    /// wrote that itself, and the answer was lost with a server of the ensemble. What is true now
    /// is told.
    pub(super) fn tell_own(
        &mut self,
        changed: &[(TopicPartition, PartitionImage)],
        out: &mut Out<'_>,
    ) {
        let Some(elected) = self.elected().filter(|_| !self.config.ways.hears_half) else { return };
        let mut keys = Vec::new();
        for (key, before) in changed {
            let Some(state) = elected.image.partition(key) else { continue };
            if state.leader_epoch != before.leader_epoch {
                let mut state = state.clone();
                state.recovering = state.leader.is_some_and(|id| !before.isr.contains(&id));
                emit_change(key.clone(), Some(before), &state, out);
                keys.push(key.clone());
            }
        }
        if !keys.is_empty() {
            self.tell_parts(&keys, out);
        }
    }

    fn topics_gone(&mut self, gone: Vec<Rc<str>>, out: &mut Out<'_>) {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        let mut ids = Vec::new();
        for topic in gone {
            if let Some(found) = elected.image.topics.get(&topic) {
                let id = found.id;
                ids.push(id);
                elected.image.apply(&MetadataRecord::RemoveTopic { id });
                elected.deleting.remove(&topic);
                out.emit(Event::TopicDeleted { topic });
            }
        }
        if ids.is_empty() {
            return;
        }
        for id in self.living() {
            let (partitions, gone) = (Vec::new(), ids.clone());
            self.tell(id, ControlBody::UpdateMetadata { brokers: None, partitions, gone }, out);
        }
    }

    /// A broker that stops follows no more, and hears how much it still leads.
    fn answer_shutdown(
        &mut self,
        to: crate::kafka::controller::ReplyTo,
        id: i32,
        out: &mut Out<'_>,
    ) {
        let Some(elected) = self.elected() else { return };
        let mine = elected.image.partitions().filter(|(_, it)| it.replicas.contains(&id));
        let (led, followed): (Vec<_>, Vec<_>) = mine.partition(|(_, it)| it.leader == Some(id));
        let left = led.iter().filter(|(_, it)| it.replicas.len() > 1).count();
        let partitions: Vec<TopicPartition> = followed.into_iter().map(|(key, _)| key).collect();
        if !partitions.is_empty() {
            self.tell(id, ControlBody::StopReplica { partitions, delete: false }, out);
        }
        self.reply(to, Response::ControlledShutdown(Ok(left)), out);
    }
}
