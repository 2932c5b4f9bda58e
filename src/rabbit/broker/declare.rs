//! Queues, exchanges and bindings come and go.

use super::Broker;
use super::arguments;
use crate::rabbit::command::AmqpError;
use crate::rabbit::definitions::{Definition, SavedBinding, exchange_file, queue_file};
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::exchange::{self, Binding, Destination, Kind};
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::{Bind, ExchangeDeclare, Method, QueueDeclare};
use crate::rabbit::process::{Out, Ticket};
use crate::rabbit::queue::{self, Queue};
use crate::rabbit::storage_v2::Storage;
use std::rc::Rc;

/// Names have at most so many bytes: a short string of AMQP.
const NAME_BYTES_MAX: usize = 255;

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
            Some(id) => self.check_same_queue(&self.queues[id], channel, declare)?,
            None if declare.passive => return Err(error::no_queue(&name)),
            None => {
                arguments::check_queue(&name, &declare.arguments, self.profile)?;
                if !declare.durable && !declare.exclusive && !self.profile.transient_shared_queues()
                {
                    return Err(error::not_implemented(
                        "Feature `transient_nonexcl_queues` is deprecated.",
                    ));
                }
                self.make_queue(name.clone(), channel, declare, out);
                must_save = declare.durable && !declare.exclusive;
            }
        }
        self.channel(channel).last_declared = Some(name.clone());
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
        let names = arguments::queue_arguments();
        arguments::same_arguments(names, &of, &declare.arguments, &current.arguments)
    }

    fn make_queue(
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
        let storage = Storage::new(name.clone(), declare.durable, out.now());
        let id = self.next_queue_id();
        let exclusive = declare.exclusive.then_some(channel.client);
        let queue = Queue::new((id, name.clone()), declaration, exclusive, storage, out.now());
        self.add_queue(queue);
        out.emit(Event::QueueDeclared { queue: name });
    }

    pub(super) fn next_queue_id(&mut self) -> QueueId {
        self.queues_made += 1;
        QueueId(self.queues_made)
    }

    pub(super) fn add_queue(&mut self, queue: Queue) {
        self.queue_ids.insert(queue.name.clone(), queue.id);
        self.queues.insert(queue.id, queue);
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
        check_access(&self.queues[&id], channel)?;
        Ok(id)
    }

    fn last_declared(&mut self, channel: ChannelId) -> Result<Rc<str>, AmqpError> {
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

    /// Deletes a queue: its messages, its consumers, its bindings, its files. What waited for its
    /// confirm does not wait any more. Returns how many messages were ready.
    pub(super) fn remove_queue(&mut self, id: QueueId, out: &mut Out<'_>) -> u64 {
        let ready = self.with_queue(id, out, |queue, means| queue.delete(means)).unwrap_or(0);
        let Some(queue) = self.queues.remove(&id) else { return ready };
        self.queue_ids.remove(&queue.name);
        self.unwritten.remove(&id);
        self.exchanges.unbind_all(&Destination::Queue(id));
        self.forget_gone_exchanges(out);
        for (client, connection) in &mut self.connections {
            for (number, channel) in &mut connection.channels {
                let channel_id = ChannelId { client: *client, number: *number };
                if channel.queue_gone(id) {
                    self.news.insert(channel_id);
                }
            }
        }
        for consumer in queue.consumers.iter() {
            let (queue, tag) = (queue.name.clone(), consumer.tag.clone());
            out.emit(Event::ConsumerGone { queue, consumer: tag.clone() });
            // Clients are told that announced it (`consumer_cancel_notify`): all of ours do.
            self.send(consumer.channel, Method::BasicCancel { tag }, out);
        }
        for (waiting, _) in &queue.waiting_gets {
            self.send(*waiting, Method::BasicGetEmpty, out);
        }
        if queue.declaration.durable && queue.exclusive.is_none() {
            out.delete(&queue_file(&queue.name));
        }
        out.emit(Event::QueueDeleted { queue: queue.name });
        ready
    }

    // ---- exchanges ----

    /// `exchange.declare`.
    pub(super) fn declare_exchange(
        &mut self,
        channel: ChannelId,
        declare: &ExchangeDeclare,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let name = declare.exchange.replace(['\r', '\n'], "");
        if name.is_empty() {
            return Err(error::default_exchange());
        }
        if declare.passive {
            self.exchanges.get(&name)?;
            self.send(channel, Method::ExchangeDeclareOk, out);
            return Ok(());
        }
        let declaration = exchange::Declaration {
            kind: Kind::named(&declare.kind)?,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            arguments: declare.arguments.clone(),
        };
        if let Ok(there) = self.exchanges.get(&name) {
            check_same_exchange(&name, &declaration, &there.declaration)?;
            self.send(channel, Method::ExchangeDeclareOk, out);
            return Ok(());
        }
        check_name("exchange", &name, false)?;
        let name = self.names.shared(&name);
        self.exchanges.add(name.clone(), declaration);
        out.emit(Event::ExchangeDeclared { exchange: name.clone() });
        match declare.durable {
            true => self.save_exchange(&name, Some((channel, Method::ExchangeDeclareOk)), out),
            false => self.send(channel, Method::ExchangeDeclareOk, out),
        }
        Ok(())
    }

    /// `exchange.delete`. One that is not there is as good as deleted.
    pub(super) fn delete_exchange(
        &mut self,
        channel: ChannelId,
        name: &str,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        if name.is_empty() {
            return Err(error::default_exchange());
        }
        if name.starts_with("amq.") {
            let text = format!("deletion of system {} not allowed", error::exchange_in_vhost(name));
            return Err(error::access_refused(text));
        }
        if let Ok(exchange) = self.exchanges.get(name) {
            let bound: Vec<Destination> =
                exchange.bindings().iter().map(|binding| binding.destination.clone()).collect();
            self.exchanges.remove(name);
            out.delete(&exchange_file(name));
            self.forget_gone_exchanges(out);
            for destination in bound {
                // One that went with its last binding has no file any more.
                if self.is_there(&destination) {
                    self.save_destination(&destination, None, out);
                }
            }
        }
        self.send(channel, Method::ExchangeDeleteOk, out);
        Ok(())
    }

    // ---- bindings ----

    /// `queue.bind` and `queue.unbind`.
    pub(super) fn bind_queue(
        &mut self,
        channel: ChannelId,
        bind: &Bind,
        adds: bool,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        if bind.source.is_empty() {
            return Err(error::default_exchange());
        }
        // Without a queue and without a key, the key is the name of the queue declared last.
        let key = match (&*bind.destination, &*bind.key) {
            ("", "") => self.last_declared(channel)?,
            (_, key) => self.names.shared(key),
        };
        self.exchanges.get(&bind.source)?;
        let queue = self.queue_for(channel, &bind.destination)?;
        let destination = Destination::Queue(queue);
        self.change_binding(channel, bind, (key, destination), adds, out)
    }

    /// `exchange.bind` and `exchange.unbind`.
    pub(super) fn bind_exchange(
        &mut self,
        channel: ChannelId,
        bind: &Bind,
        adds: bool,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        if bind.source.is_empty() || bind.destination.is_empty() {
            return Err(error::default_exchange());
        }
        self.exchanges.get(&bind.source)?;
        let destination =
            Destination::Exchange(self.exchanges.get(&bind.destination)?.name.clone());
        let key = self.names.shared(&bind.key);
        self.change_binding(channel, bind, (key, destination), adds, out)
    }

    fn change_binding(
        &mut self,
        channel: ChannelId,
        bind: &Bind,
        (key, destination): (Rc<str>, Destination),
        adds: bool,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let answer = match (&destination, adds) {
            (Destination::Queue(_), true) => Method::QueueBindOk,
            (Destination::Queue(_), false) => Method::QueueUnbindOk,
            (Destination::Exchange(_), true) => Method::ExchangeBindOk,
            (Destination::Exchange(_), false) => Method::ExchangeUnbindOk,
        };
        let binding = Binding {
            key: key.clone(),
            destination: destination.clone(),
            arguments: bind.arguments.clone(),
        };
        let exchange = self.exchanges.get(&bind.source)?;
        exchange.check_binding(&key, &bind.arguments, self.profile)?;
        let changed = match adds {
            true => self.exchanges.bind(&bind.source, binding)?,
            false => self.exchanges.unbind(&bind.source, &binding)?,
        };
        self.forget_gone_exchanges(out);
        if changed && adds {
            let source = self.names.shared(&bind.source);
            let name = self.destination_name(&destination);
            out.emit(Event::Bound { source, destination: name, key });
        }
        match changed {
            true => self.save_destination(&destination, Some((channel, answer)), out),
            false => self.send(channel, answer, out),
        }
        Ok(())
    }

    fn is_there(&self, destination: &Destination) -> bool {
        match destination {
            Destination::Queue(queue) => self.queues.contains_key(queue),
            Destination::Exchange(name) => self.exchanges.get(name).is_ok(),
        }
    }

    pub(super) fn destination_name(&self, destination: &Destination) -> Rc<str> {
        match destination {
            Destination::Queue(queue) => self.queues[queue].name.clone(),
            Destination::Exchange(name) => name.clone(),
        }
    }

    // ---- definitions on disk ----

    /// Exchanges that went with their last binding are not there after a boot either.
    fn forget_gone_exchanges(&mut self, out: &mut Out<'_>) {
        for name in self.exchanges.take_gone() {
            out.delete(&exchange_file(&name));
        }
    }

    fn save_destination(
        &mut self,
        destination: &Destination,
        answer: Option<(ChannelId, Method)>,
        out: &mut Out<'_>,
    ) {
        let name = self.destination_name(destination);
        match destination {
            Destination::Queue(_) => self.save_queue(&name, answer, out),
            Destination::Exchange(_) => self.save_exchange(&name, answer, out),
        }
    }

    fn save_queue(
        &mut self,
        name: &Rc<str>,
        answer: Option<(ChannelId, Method)>,
        out: &mut Out<'_>,
    ) {
        let queue = &self.queues[&self.queue_ids[name]];
        let bindings = self.durable_bindings(&Destination::Queue(queue.id));
        let is_kept = queue.declaration.durable && queue.exclusive.is_none();
        let definition = Definition::Queue(name.to_string(), queue.declaration.clone(), bindings);
        self.save(&queue_file(name), is_kept.then_some(definition), answer, out);
    }

    fn save_exchange(
        &mut self,
        name: &Rc<str>,
        answer: Option<(ChannelId, Method)>,
        out: &mut Out<'_>,
    ) {
        let Ok(exchange) = self.exchanges.get(name) else { return };
        let bindings = self.durable_bindings(&Destination::Exchange(name.clone()));
        let declaration = exchange.declaration.clone();
        let is_kept = declaration.durable && (!exchange.predeclared || !bindings.is_empty());
        let definition = Definition::Exchange(name.to_string(), declaration, bindings);
        self.save(&exchange_file(name), is_kept.then_some(definition), answer, out);
    }

    fn durable_bindings(&self, destination: &Destination) -> Vec<SavedBinding> {
        let durable = self.exchanges.iter().filter(|exchange| exchange.declaration.durable);
        let bindings = durable.flat_map(|exchange| {
            let bindings = exchange.bindings().iter();
            let here = bindings.filter(|binding| binding.destination == *destination);
            here.map(|binding| SavedBinding {
                source: exchange.name.to_string(),
                key: binding.key.to_string(),
                arguments: binding.arguments.clone(),
            })
        });
        bindings.collect()
    }

    /// Writes a definition; who asked for it is answered when it is safe.
    fn save(
        &mut self,
        file: &str,
        definition: Option<Definition>,
        answer: Option<(ChannelId, Method)>,
        out: &mut Out<'_>,
    ) {
        let Some(definition) = definition else {
            if let Some((channel, method)) = answer {
                self.send(channel, method, out);
            }
            return;
        };
        out.replace(file, definition.encode());
        self.replies_made += 1;
        self.replies.extend(answer.map(|answer| (self.replies_made, answer)));
        out.flush(file, Ticket::Defined { reply: self.replies_made });
    }
}

fn check_access(queue: &Queue, channel: ChannelId) -> Result<(), AmqpError> {
    match queue.exclusive {
        Some(owner) if owner != channel.client => Err(error::locked(&queue.name)),
        _ => Ok(()),
    }
}

fn check_name(kind: &str, name: &str, is_there: bool) -> Result<(), AmqpError> {
    if name.len() > NAME_BYTES_MAX {
        let text = format!("{kind} name is longer than {NAME_BYTES_MAX} bytes");
        return Err(error::precondition_failed(text));
    }
    if name.starts_with("amq.") && !is_there {
        return Err(error::reserved(kind, name));
    }
    Ok(())
}

fn check_same_exchange(
    name: &str,
    received: &exchange::Declaration,
    current: &exchange::Declaration,
) -> Result<(), AmqpError> {
    let of = error::exchange_in_vhost(name);
    if received.kind != current.kind {
        let (received, current) = (received.kind.name(), current.kind.name());
        let quoted = |name| format!("'{name}'");
        return Err(error::inequivalent("type", &of, &quoted(received), &quoted(current)));
    }
    arguments::same_flag("durable", &of, received.durable, current.durable)?;
    arguments::same_flag("auto_delete", &of, received.auto_delete, current.auto_delete)?;
    arguments::same_flag("internal", &of, received.internal, current.internal)?;
    let names = ["alternate-exchange"].into_iter();
    arguments::same_arguments(names, &of, &received.arguments, &current.arguments)
}

/// A name that the server gives: `amq.gen-` and 22 signs.
fn server_name(out: &mut Out<'_>) -> Rc<str> {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut name = String::from("amq.gen-");
    for _ in 0..22 {
        name.push(char::from(SIGNS[out.random().below(64) as usize]));
    }
    name.into()
}
