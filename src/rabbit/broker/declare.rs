//! Queues come and go.

use super::Broker;
use super::arguments;
use crate::ordered::Order;
use crate::rabbit::command::{AmqpError, Argument};
use crate::rabbit::definitions::queue_file;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::exchange::Destination;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::{Method, QueueDeclare};
use crate::rabbit::messages::Messages;
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::queue::{self, Queue};
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::fifo::Fifo;
use crate::rabbit::quorum::files::{self, Files};
use crate::rabbit::quorum::group::Group;
use crate::rabbit::storage_v2::levels::Levels;
use crate::rabbit::stream::Stream;
use crate::rabbit::talk::{Change, Deed, NewQueue};
use crate::sim::{NodeId, Time};
use std::rc::Rc;

/// Names have at most so many bytes: a short string of AMQP.
const NAME_BYTES_MAX: usize = 255;

/// A quorum queue has so many members (`quorum_cluster_size`).
const GROUP_SIZE: usize = 3;

impl Broker {
    // ---- queues ----

    /// `queue.declare`.
    pub(super) fn declare_queue(
        &mut self,
        channel: ChannelId,
        declare: &QueueDeclare,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let name = self.queue_name(channel, declare, out)?;
        let mut must_save = false;
        match self.queue_ids.get(&name) {
            Some(id) => {
                self.check_home(*id)?;
                self.check_same_queue(&self.queues[id], channel, declare)?;
            }
            None if declare.passive => return Err(error::no_queue(&name)),
            None => {
                arguments::check_queue(&name, &declare.arguments, self.profile)?;
                if declare.queue.is_empty() {
                    arguments::check_server_named(&declare.arguments)?;
                }
                arguments::check_properties(&name, declare)?;
                if !declare.durable && !declare.exclusive && !self.profile.transient_shared_queues()
                {
                    return Err(error::not_implemented(
                        "Feature `transient_nonexcl_queues` is deprecated.",
                    ));
                }
                if self.is_clustered() {
                    self.channel(channel).last_declared = Some(name.clone());
                    let queue = self.place_queue(&name, channel, declare)?;
                    let (message_count, consumer_count) = (0, 0);
                    let answer =
                        Method::QueueDeclareOk { queue: name, message_count, consumer_count };
                    self.change(&Change::Queue(queue), Some((channel, answer)), out);
                    return Ok(());
                }
                self.make_queue(name.clone(), channel, declare, out);
                must_save = declare.durable && !declare.exclusive;
            }
        }
        self.channel(channel).last_declared = Some(name.clone());
        self.used(self.queue_ids[&name], out);
        if self.goes_home(self.queue_ids[&name], channel, || Deed::Count, out) {
            return Ok(());
        }
        let queue = &self.queues[&self.queue_ids[&name]];
        let answer = Method::QueueDeclareOk {
            queue: name.clone(),
            message_count: queue.storage.ready(),
            consumer_count: queue.consumers.count() as u64,
        };
        match must_save {
            true => self.save_queue(&name, Some((channel, answer)), out),
            false => self.send(channel, answer, out),
        }
        Ok(())
    }

    /// The name that a declaration means: an empty one asks the server for a name, or, when it is
    /// passive, means the queue that was declared last.
    fn queue_name(
        &mut self,
        channel: ChannelId,
        declare: &QueueDeclare,
        out: &mut Out<'_>,
    ) -> Result<Rc<str>, AmqpError> {
        // The server ignores line ends in names.
        let name = declare.queue.replace(['\r', '\n'], "");
        if name.is_empty() {
            return match declare.passive {
                true => self.last_declared(channel),
                false => Ok(server_name(out)),
            };
        }
        check_name("queue", &name, declare.passive || self.queue_ids.contains_key(&*name))?;
        Ok(self.names.shared(&name))
    }

    fn check_same_queue(
        &self,
        queue: &Queue,
        channel: ChannelId,
        declare: &QueueDeclare,
    ) -> Result<(), AmqpError> {
        check_access(queue, channel)?;
        if declare.passive {
            return Ok(());
        }
        let of = error::queue_in_vhost(&queue.name);
        let current = &queue.declaration;
        arguments::same_flag("durable", &of, declare.durable, current.durable)?;
        arguments::same_flag("auto_delete", &of, declare.auto_delete, current.auto_delete)?;
        if declare.exclusive != queue.exclusive.is_some() {
            return Err(error::locked(&queue.name));
        }
        let names = arguments::queue_arguments(self.profile);
        arguments::same_arguments(names, &of, &declare.arguments, &current.arguments)
    }

    pub(super) fn make_queue(
        &mut self,
        name: Rc<str>,
        channel: ChannelId,
        declare: &QueueDeclare,
        out: &mut Out<'_>,
    ) {
        let declaration = queue::Declaration {
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            arguments: declare.arguments.clone(),
        };
        let is_quorum = arguments::queue_type(&declare.arguments) == "quorum";
        let storage = self.storage_of((&name, None), &declaration, out.now());
        let id = self.next_queue_id();
        let exclusive = declare.exclusive.then_some(channel.client);
        let queue = Queue::new((id, name.clone()), declaration, exclusive, storage, out.now());
        self.add_queue(queue);
        if is_quorum {
            let group = Group::new(&files::directory(&name, None), &[], Files::default(), out);
            self.begin_group(id, group, out);
            self.configure_group(id, out);
        }
        out.emit(Event::QueueDeclared { queue: name });
    }

    /// An empty storage for a queue; with its number if it is a stream that several nodes have.
    pub(super) fn storage_of(
        &self,
        (name, shared): (&Rc<str>, Option<QueueId>),
        declaration: &queue::Declaration,
        now: Time,
    ) -> Messages {
        match arguments::queue_type(&declaration.arguments) {
            "quorum" => Messages::Quorum(Fifo::new(self.profile)),
            "stream" => Messages::Stream(Box::new(Stream::new(name.clone(), shared))),
            _ => {
                let levels = arguments::levels(&declaration.arguments);
                Messages::Classic(Levels::new(name, levels, declaration.durable, now))
            }
        }
    }

    pub(super) fn next_queue_id(&mut self) -> QueueId {
        self.queues_made += 1;
        QueueId(self.queues_made)
    }

    pub(super) fn add_queue(&mut self, queue: Queue) {
        let id = queue.id;
        self.queue_ids.insert(queue.name.clone(), id);
        self.queues.insert(id, queue);
        self.apply_to_queue(id);
    }

    /// A queue that a client names on a channel; an empty name means the one declared last there.
    pub(super) fn queue_for(
        &mut self,
        channel: ChannelId,
        name: &str,
    ) -> Result<QueueId, AmqpError> {
        let name = match name {
            "" => &*self.last_declared(channel)?,
            name => name,
        };
        let id = *self.queue_ids.get(name).ok_or_else(|| error::no_queue(name))?;
        self.check_home(id)?;
        check_access(&self.queues[&id], channel)?;
        Ok(id)
    }

    pub(super) fn last_declared(&mut self, channel: ChannelId) -> Result<Rc<str>, AmqpError> {
        let last = self.channel(channel).last_declared.clone();
        last.ok_or_else(|| error::not_found("no previously declared queue"))
    }

    /// `queue.purge`.
    pub(super) fn purge(
        &mut self,
        channel: ChannelId,
        name: &str,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let id = self.queue_for(channel, name)?;
        if self.is_quorum(id) {
            self.submit(id, &Command::Purge, Some(channel), out);
            return Ok(());
        }
        if self.goes_home(id, channel, || Deed::Purge, out) {
            return Ok(());
        }
        if let Messages::Stream(_) = self.queues[&id].storage {
            let of = error::queue_in_vhost(&self.queues[&id].name);
            return Err(error::not_implemented(format_args!(
                "queue.purge not supported by stream queues {of}"
            )));
        }
        let count = self.with_queue(id, out, |queue, means| queue.purge(means));
        self.run(id, out);
        self.send(channel, Method::QueuePurgeOk { message_count: count.unwrap_or(0) }, out);
        Ok(())
    }

    /// `queue.delete`. One that is not there is as good as deleted.
    pub(super) fn delete_queue(
        &mut self,
        channel: ChannelId,
        name: &str,
        (if_unused, if_empty): (bool, bool),
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let mut message_count = 0;
        if name.is_empty() || self.queue_ids.contains_key(name) {
            let id = self.queue_for(channel, name)?;
            if self.is_clustered() {
                if !self.goes_home(id, channel, || Deed::Delete(if_unused, if_empty), out) {
                    self.delete_here(channel, id, (if_unused, if_empty), out)?;
                }
                return Ok(());
            }
            let queue = &self.queues[&id];
            let of = error::queue_in_vhost(&queue.name);
            if if_unused && queue.consumers.count() > 0 {
                return Err(error::precondition_failed(format_args!("{of} in use")));
            }
            if if_empty && queue.storage.ready() > 0 {
                return Err(error::precondition_failed(format_args!("{of} not empty")));
            }
            message_count = self.remove_queue(id, out);
        }
        self.send(channel, Method::QueueDeleteOk { message_count }, out);
        Ok(())
    }

    /// Deletes a queue whose last consumer has left, if it was declared so.
    pub(super) fn remove_if_unused(&mut self, id: QueueId, out: &mut Out<'_>) -> bool {
        let is_to_go = self.queues.get(&id).is_some_and(Queue::is_to_go);
        if is_to_go {
            self.remove_queue(id, out);
        }
        is_to_go
    }

    /// Deletes a queue, in a cluster on all nodes. Returns how many messages were ready.
    pub(super) fn remove_queue(&mut self, id: QueueId, out: &mut Out<'_>) -> u64 {
        if !self.is_clustered() {
            return self.remove_queue_here(id, out);
        }
        let Some(queue) = self.queues.get(&id) else { return 0 };
        let (name, ready) = (queue.name.to_string(), queue.storage.ready());
        self.change(&Change::DeleteQueue(name), None, out);
        ready
    }

    /// `queue.delete` in a cluster, where the messages are.
    pub(super) fn delete_here(
        &mut self,
        channel: ChannelId,
        id: QueueId,
        (if_unused, if_empty): (bool, bool),
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let queue = &self.queues[&id];
        let of = error::queue_in_vhost(&queue.name);
        if if_unused && queue.consumers.count() > 0 {
            return Err(error::precondition_failed(format_args!("{of} in use")));
        }
        let message_count = queue.storage.ready();
        if if_empty && message_count > 0 {
            return Err(error::precondition_failed(format_args!("{of} not empty")));
        }
        let change = Change::DeleteQueue(queue.name.to_string());
        self.change(&change, Some((channel, Method::QueueDeleteOk { message_count })), out);
        Ok(())
    }

    /// Where a queue is to live: classic ones on the node that the client is connected to, or with
    /// the locator `balanced` on the node that has the fewest; so the leader of a quorum queue, and
    /// its other members on the nodes that follow, those that are up first.
    fn place_queue(
        &self,
        name: &str,
        channel: ChannelId,
        declare: &QueueDeclare,
    ) -> Result<NewQueue, AmqpError> {
        let arguments = &declare.arguments;
        let kind = arguments::queue_type(arguments);
        let policy = self.policies[0].of_queue(name, kind).map(|policy| &policy.definition);
        let argument = |name: &str| arguments.get(&format!("x-{name}"));
        let either = |name: &str| argument(name).or_else(|| policy?.get(name));
        let is = |value: Option<&Argument>, words: &[&str]| match value {
            Some(Argument::Text(text)) => words.contains(&&**text),
            _ => false,
        };
        // The last two are old names of the first.
        let balanced = ["balanced", "random", "least-leaders"];
        let is_balanced = is(either("queue-leader-locator"), &balanced)
            || kind == "classic" && is(argument("queue-master-locator"), &["min-masters"]);
        let mut nodes: Vec<NodeId> = vec![self.me];
        nodes.extend(self.others_up());
        if is_balanced && !declare.exclusive {
            nodes.order_by_key(|node| (self.led_by(*node), *node));
        }
        let home = nodes[0];
        let mut members = Vec::new();
        if kind != "classic" {
            // A stream has a member on every node.
            let (wanted, usual) = match kind {
                "stream" => (either("initial-cluster-size"), self.nodes.len()),
                _ => (argument("quorum-initial-group-size"), GROUP_SIZE),
            };
            let size = match wanted {
                Some(Argument::Integer(size)) => usize::try_from(*size).unwrap_or(usual),
                _ => usual,
            };
            nodes.extend(self.nodes.iter().filter(|node| !self.is_up(**node)));
            members = nodes;
            members.truncate(size.max(1));
            members.order();
        }
        let declaration = queue::Declaration {
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            arguments: arguments.clone(),
        };
        let exclusive = declare.exclusive.then_some(channel.client);
        Ok(NewQueue { name: name.to_owned(), declaration, exclusive, home, members })
    }

    /// How many queues live on a node, or are led from there.
    fn led_by(&self, node: NodeId) -> usize {
        let leader = |queue: &&Queue| match (&queue.group, &queue.member) {
            (Some(group), _) => group.leader() == Some(node),
            (_, Some(member)) => member.leader == Some(node),
            _ => queue.home.unwrap_or(self.me) == node,
        };
        self.queues.values().filter(leader).count()
    }

    /// Deletes a queue: its messages, its consumers, its bindings, its files. What waited for its
    /// confirm does not wait any more. Returns how many messages were ready.
    pub(super) fn remove_queue_here(&mut self, id: QueueId, out: &mut Out<'_>) -> u64 {
        let ready = self.with_queue(id, out, |queue, means| queue.delete(means)).unwrap_or(0);
        let Some(queue) = self.queues.remove(&id) else { return ready };
        self.queue_ids.remove(&queue.name);
        self.unwritten.remove(&id);
        self.burials.queue_gone(id);
        out.cancel(Timer::Expire(id));
        out.cancel(Timer::Ttl(id));
        self.exchanges.unbind_all(&Destination::Queue(id));
        self.forget_gone_exchanges(out);
        for (client, connection) in self.connections.iter_mut() {
            for (number, channel) in connection.channels.iter_mut() {
                let channel_id = ChannelId { node: self.me, client, number };
                if channel.queue_gone(id) {
                    self.news.insert(channel_id);
                }
            }
        }
        for (_, consumer) in queue.consumers.iter() {
            // Each node tells its own clients; the home of a classic queue those of others too.
            if queue.group.is_some() && consumer.channel.node != self.me {
                continue;
            }
            let (queue, tag) = (queue.name.clone(), consumer.tag.clone());
            out.emit(Event::ConsumerGone { queue, consumer: tag.clone() });
            // Clients are told that announced it (`consumer_cancel_notify`): all of ours do.
            self.send(consumer.channel, Method::BasicCancel { tag }, out);
        }
        for (waiting, _) in &queue.waiting_gets {
            self.send(*waiting, Method::BasicGetEmpty, out);
        }
        if let Some(group) = &queue.group {
            group.delete(out);
            out.cancel(Timer::Group(id));
            out.cancel(Timer::Overdue(id));
            for asking in group.asking() {
                self.fail(asking, error::no_queue(&queue.name), out);
            }
        }
        if self.is_clustered() {
            if queue.home.is_none() && self.leads_metadata() {
                out.emit(Event::QueueDeleted { queue: queue.name });
            }
            return ready;
        }
        if queue.declaration.durable && queue.exclusive.is_none() {
            out.delete(&queue_file(&queue.name));
        }
        out.emit(Event::QueueDeleted { queue: queue.name });
        ready
    }
}

fn check_access(queue: &Queue, channel: ChannelId) -> Result<(), AmqpError> {
    match queue.exclusive {
        Some(owner) if owner != channel.client => Err(error::locked(&queue.name)),
        _ => Ok(()),
    }
}

/// Refuses a name that clients must not give.
pub(super) fn check_name(kind: &str, name: &str, is_there: bool) -> Result<(), AmqpError> {
    if name.len() > NAME_BYTES_MAX {
        let text = format!("{kind} name is longer than {NAME_BYTES_MAX} bytes");
        return Err(error::precondition_failed(text));
    }
    if name.starts_with("amq.") && !is_there {
        return Err(error::reserved(kind, name));
    }
    Ok(())
}

fn server_name(out: &mut Out<'_>) -> Rc<str> {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut name = String::from("amq.gen-");
    for _ in 0..22 {
        name.push(char::from(SIGNS[out.random().below(64) as usize]));
    }
    name.into()
}
