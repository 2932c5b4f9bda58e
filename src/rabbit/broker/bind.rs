//! Exchanges and bindings come and go.

use super::Broker;
use super::arguments;
use super::declare::check_name;
use crate::rabbit::command::AmqpError;
use crate::rabbit::definitions::exchange_file;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::exchange::{self, Binding, Destination, Kind};
use crate::rabbit::ids::ChannelId;
use crate::rabbit::message::{Bind, ExchangeDeclare, Method};
use crate::rabbit::process::Out;
use crate::rabbit::talk::{Bound, Change};
use std::rc::Rc;

impl Broker {
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
        if self.is_clustered() {
            let change = Change::Exchange(name, declaration);
            self.change(&change, Some((channel, Method::ExchangeDeclareOk)), out);
            return Ok(());
        }
        let name = self.names.shared(&name);
        self.exchanges.add(name.clone(), declaration);
        self.apply_to_exchange(&name);
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
        if self.is_clustered() && self.exchanges.get(name).is_ok() {
            let change = Change::DeleteExchange(name.to_owned());
            self.change(&change, Some((channel, Method::ExchangeDeleteOk)), out);
            return Ok(());
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
        if self.is_clustered() {
            if exchange.bindings().contains(&binding) == adds {
                self.send(channel, answer, out);
                return Ok(());
            }
            let bound = Bound {
                source: bind.source.clone(),
                destination: self.destination_name(&destination).to_string(),
                to_exchange: matches!(destination, Destination::Exchange(_)),
                key: key.to_string(),
                arguments: bind.arguments.clone(),
            };
            self.change(&Change::Bind(bound, adds), Some((channel, answer)), out);
            return Ok(());
        }
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

    pub(super) fn is_there(&self, destination: &Destination) -> bool {
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
