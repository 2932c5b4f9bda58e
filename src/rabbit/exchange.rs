//! Exchanges and bindings: which queues get a copy of a message.
//!
//! The result of routing is a **set** of queues: however many bindings lead to a queue, it gets one
//! copy. Routing goes over a list of exchanges that begins with the one that was published to: a
//! binding that leads to an exchange puts it on the list, and an exchange of which nothing matched
//! puts its alternate exchange there, each at most once, so that rings end.
//!
//! - `direct`: the binding key equals the routing key, byte for byte.
//! - `fanout`: every binding matches.
//! - `topic`: the binding key is a pattern, see [`topic`].
//! - `headers`: the binding arguments are compared with the headers, see [`headers`].
//! - the default exchange, whose name is empty: every queue is bound with its own name, and nothing
//!   else can be done to it.
//!
//! An identical binding (source, destination, key, arguments) made again changes nothing.

use super::command::{AmqpError, Argument};
use super::content::Content;
use super::error;
use super::headers;
use super::ids::QueueId;
use super::message::Arguments;
use super::profile::Profile;
use super::topic;
use crate::ordered::{BTreeMap, Order};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// How an exchange chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// By the routing key.
    Direct,
    /// Everything.
    Fanout,
    /// By the words of the routing key.
    Topic,
    /// By the headers.
    Headers,
}

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Result<Kind, AmqpError> {
        match name {
            "direct" => Ok(Kind::Direct),
            "fanout" => Ok(Kind::Fanout),
            "topic" => Ok(Kind::Topic),
            "headers" => Ok(Kind::Headers),
            "x-local-random" | "x-modulus-hash" | "x-consistent-hash" | "x-random" => {
                Err(error::not_here_yet(format_args!("exchange type {name}")))
            }
            _ => Err(error::precondition_failed(format_args!("unknown exchange type '{name}'"))),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Direct => "direct",
            Kind::Fanout => "fanout",
            Kind::Topic => "topic",
            Kind::Headers => "headers",
        }
    }
}

/// Where a binding leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// To a queue.
    Queue(QueueId),
    /// To another exchange.
    Exchange(Rc<str>),
}

/// A binding of an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The binding key.
    pub key: Rc<str>,
    /// Where it leads.
    pub destination: Destination,
    /// Arguments.
    pub arguments: Arguments,
}

/// With what an exchange was declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// How it chooses.
    pub kind: Kind,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last binding.
    pub auto_delete: bool,
    /// Only exchanges may route to it.
    pub internal: bool,
    /// `alternate-exchange`.
    pub arguments: Arguments,
}

/// An exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Its name; empty is the default exchange.
    pub name: Rc<str>,
    /// With what it was declared.
    pub declaration: Declaration,
    /// Made by the broker itself.
    pub predeclared: bool,
    /// The policy that holds for it.
    pub policy: Option<Rc<str>>,
    /// The alternate exchange that its policy sets.
    policy_alternate: Option<Rc<str>>,
    /// Its bindings, by key and destination.
    bindings: Vec<Binding>,
}

impl Exchange {
    /// Its bindings, by key and destination.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The exchange that is asked when nothing matched: its argument wins over its policy.
    pub fn alternate(&self) -> Option<&str> {
        match self.declaration.arguments.get("alternate-exchange") {
            Some(Argument::Text(name)) => Some(name),
            _ => self.policy_alternate.as_deref(),
        }
    }

    /// Puts the destinations of the bindings that match into `into`.
    fn matches<'a>(&'a self, key: &str, headers: &Arguments, into: &mut Vec<&'a Destination>) {
        let all = self.bindings.iter();
        let to = |binding: &'a Binding| &binding.destination;
        match self.declaration.kind {
            Kind::Fanout => into.extend(all.map(to)),
            Kind::Direct => {
                let from = self.bindings.partition_point(|binding| *binding.key < *key);
                let later = self.bindings[from..].iter();
                into.extend(later.take_while(|binding| *binding.key == *key).map(to));
            }
            Kind::Topic => topic::search(&self.bindings, key, into),
            Kind::Headers => {
                let matching = all.filter(|binding| headers::matches(&binding.arguments, headers));
                into.extend(matching.map(to));
            }
        }
    }

    /// Refuses a binding that this kind of exchange cannot have.
    pub fn check_binding(
        &self,
        key: &str,
        arguments: &Arguments,
        profile: Profile,
    ) -> Result<(), AmqpError> {
        match self.declaration.kind {
            Kind::Headers => headers::check(arguments),
            Kind::Topic if profile == Profile::V4_3 && topic::count_hashes(key) > 2 => {
                let count = topic::count_hashes(key);
                Err(error::precondition_failed(format_args!(
                    "Topic binding key '{key}' uses {count} '#' wildcards, at most 2 are allowed"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// All exchanges of a virtual host.
#[derive(Clone, Debug)]
pub struct Exchanges {
    by_name: BTreeMap<Rc<str>, Exchange>,
    /// Those that went with their last binding and were not asked for yet.
    gone: Vec<Rc<str>>,
}

/// The exchanges that are there from the beginning.
const PREDECLARED: [(&str, Kind); 6] = [
    ("", Kind::Direct),
    ("amq.direct", Kind::Direct),
    ("amq.fanout", Kind::Fanout),
    ("amq.headers", Kind::Headers),
    ("amq.match", Kind::Headers),
    ("amq.topic", Kind::Topic),
];

impl Default for Exchanges {
    fn default() -> Exchanges {
        let mut exchanges = Exchanges { by_name: BTreeMap::new(), gone: Vec::new() };
        for (name, kind) in PREDECLARED {
            let declaration = Declaration {
                kind,
                durable: true,
                auto_delete: false,
                internal: false,
                arguments: Arguments::new(),
            };
            exchanges.add(name.into(), declaration).predeclared = true;
        }
        exchanges
    }
}

impl Exchanges {
    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.by_name.values()
    }

    /// The exchange of this name.
    pub fn get(&self, name: &str) -> Result<&Exchange, AmqpError> {
        self.by_name.get(name).ok_or_else(|| error::no_exchange(name))
    }

    /// Adds an exchange.
    pub fn add(&mut self, name: Rc<str>, declaration: Declaration) -> &mut Exchange {
        self.by_name.entry(name.clone()).or_insert(Exchange {
            name,
            declaration,
            predeclared: false,
            policy: None,
            policy_alternate: None,
            bindings: Vec::new(),
        })
    }

    /// A policy holds for an exchange, or none does any more.
    pub fn set_policy(&mut self, name: &str, policy: Option<&str>, definition: &Arguments) {
        let Some(exchange) = self.by_name.get_mut(name) else { return };
        exchange.policy = policy.map(Into::into);
        exchange.policy_alternate = match definition.get("alternate-exchange") {
            Some(Argument::Text(name)) => Some((&**name).into()),
            _ => None,
        };
    }

    /// Removes an exchange, with the bindings that lead to it and from it.
    pub fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
        self.unbind_all(&Destination::Exchange(name.into()));
    }

    /// Adds a binding; false if it was there.
    pub fn bind(&mut self, source: &str, binding: Binding) -> Result<bool, AmqpError> {
        let bindings = &mut self.source(source)?.bindings;
        let place = |other: &Binding| {
            (&other.key, &other.destination) <= (&binding.key, &binding.destination)
        };
        let place = bindings.partition_point(place);
        let mut alike = bindings[..place].iter().rev().take_while(|other| {
            (&other.key, &other.destination) == (&binding.key, &binding.destination)
        });
        if alike.any(|other| *other == binding) {
            return Ok(false);
        }
        bindings.insert(place, binding);
        Ok(true)
    }

    /// Adds many bindings at once that are all new.
    pub fn bind_all(&mut self, source: &str, bindings: impl Iterator<Item = Binding>) {
        if let Ok(exchange) = self.source(source) {
            exchange.bindings.extend(bindings);
            exchange
                .bindings
                .order_by(|a, b| (&a.key, &a.destination).cmp(&(&b.key, &b.destination)));
        }
    }

    /// Takes a binding away; false if there was none.
    pub fn unbind(&mut self, source: &str, binding: &Binding) -> Result<bool, AmqpError> {
        let exchange = self.source(source)?;
        let before = exchange.bindings.len();
        exchange.bindings.retain(|other| other != binding);
        let is_gone = exchange.bindings.len() < before;
        if is_gone && exchange.declaration.auto_delete && exchange.bindings.is_empty() {
            let name = exchange.name.clone();
            self.remove(&name);
            self.gone.push(name);
        }
        Ok(is_gone)
    }

    /// Takes all bindings to a destination away, and the exchanges that were to go with their
    /// last one.
    pub fn unbind_all(&mut self, destination: &Destination) {
        let mut emptied = Vec::new();
        for exchange in self.by_name.values_mut() {
            let before = exchange.bindings.len();
            exchange.bindings.retain(|binding| binding.destination != *destination);
            if exchange.bindings.len() < before
                && exchange.bindings.is_empty()
                && exchange.declaration.auto_delete
            {
                emptied.push(exchange.name.clone());
            }
        }
        for name in emptied {
            self.remove(&name);
            self.gone.push(name);
        }
    }

    /// The exchanges that went with their last binding since this was last called.
    pub fn take_gone(&mut self) -> Vec<Rc<str>> {
        std::mem::take(&mut self.gone)
    }

    fn source(&mut self, name: &str) -> Result<&mut Exchange, AmqpError> {
        self.by_name.get_mut(name).ok_or_else(|| error::no_exchange(name))
    }

    /// The queues that a message goes to, each once, put into `into` in the order of their ids.
    /// `queues` are all queues by name: the bindings of the default exchange.
    pub fn route(
        &self,
        content: &Content,
        queues: &BTreeMap<Rc<str>, QueueId>,
        into: &mut Vec<QueueId>,
    ) -> Result<(), AmqpError> {
        let is_default = content.exchange.is_empty();
        // Nearly always: one key, to one queue.
        if is_default && content.annotations.is_none() && content.properties.headers.is_empty() {
            if let Some(queue) = queues.get(&*content.routing_key) {
                into.push(*queue);
            }
            return Ok(());
        }
        let more_keys = more_keys(content)?;
        let keys = || std::iter::once(&*content.routing_key).chain(more_keys.iter().copied());
        if is_default {
            into.extend(keys().filter_map(|key| queues.get(key)));
        } else {
            self.walk(content, &mut keys(), queues, into);
        }
        if into.len() > 1 {
            into.order();
            into.dedup();
        }
        Ok(())
    }

    fn walk(
        &self,
        content: &Content,
        keys: &mut dyn Iterator<Item = &str>,
        queues: &BTreeMap<Rc<str>, QueueId>,
        into: &mut Vec<QueueId>,
    ) {
        let keys: Vec<&str> = keys.collect();
        let mut headers = Arguments::new();
        let mut list: Vec<&str> = vec![&content.exchange];
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(name) = list.get(at) {
            at += 1;
            if name.is_empty() {
                into.extend(keys.iter().filter_map(|key| queues.get(*key)));
                continue;
            }
            // One that is gone meanwhile is skipped without a word.
            let Some(exchange) = self.by_name.get(*name) else { continue };
            if exchange.declaration.kind == Kind::Headers && headers.is_empty() {
                headers = content.headers();
            }
            for key in &keys {
                exchange.matches(key, &headers, &mut found);
            }
            if found.is_empty() {
                let alternate = exchange.alternate();
                list.extend(alternate.filter(|next| !list.contains(next)));
            }
            for destination in found.drain(..) {
                match destination {
                    Destination::Queue(queue) => into.push(*queue),
                    Destination::Exchange(next) if list.contains(&&**next) => {}
                    Destination::Exchange(next) => list.push(next),
                }
            }
        }
    }
}

/// Routing keys of the headers `CC` and `BCC`; what was `BCC` is an annotation later.
fn more_keys(content: &Content) -> Result<Vec<&str>, AmqpError> {
    let mut keys = Vec::new();
    if let Some(annotations) = &content.annotations {
        if annotations.is_rekeyed {
            return Ok(keys);
        }
        keys.extend(annotations.blind_keys.iter().map(|key| &**key));
    }
    if content.properties.headers.is_empty() {
        return Ok(keys);
    }
    for name in ["CC", "BCC"] {
        match content.properties.headers.get(name) {
            None => {}
            Some(Argument::List(_)) => keys.extend(content.listed_keys(name)),
            Some(_) => {
                let text = format!("invalid message: {{unacceptable_type_in_{name}_header}}");
                return Err(error::precondition_failed(text));
            }
        }
    }
    Ok(keys)
}
