//! Definitions are kept on the disk.

use super::Broker;
use crate::rabbit::definitions::{Definition, SavedBinding, exchange_file, queue_file};
use crate::rabbit::exchange::Destination;
use crate::rabbit::ids::ChannelId;
use crate::rabbit::message::Method;
use crate::rabbit::process::{Out, Ticket};
use std::rc::Rc;

impl Broker {
    /// Exchanges that went with their last binding are not there after a boot either.
    pub(super) fn forget_gone_exchanges(&mut self, out: &mut Out<'_>) {
        for name in self.exchanges.take_gone() {
            out.delete(&exchange_file(&name));
        }
    }

    pub(super) fn save_destination(
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

    pub(super) fn save_queue(
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

    pub(super) fn save_exchange(
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
    pub(super) fn save(
        &mut self,
        file: &str,
        definition: Option<Definition>,
        answer: Option<(ChannelId, Method)>,
        out: &mut Out<'_>,
    ) {
        let Some(definition) = definition.filter(|_| !self.is_clustered()) else {
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
