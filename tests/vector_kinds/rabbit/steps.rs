//! The step language of the vectors, run by a client that speaks the protocol frame by frame.

mod checks;
mod gets;
mod values;

pub use values::{arguments, same};

use pushpull::rabbit::Cluster;
use pushpull::rabbit::command::{Argument, Command, OutgoingMessage, Properties};
use pushpull::rabbit::content::Content;
use pushpull::rabbit::event::Event;
use pushpull::rabbit::message::{
    Arguments, Bind, Change, Consume, ExchangeDeclare, Frame, Method, QueueDeclare,
};
use pushpull::rabbit::names::Names;
use pushpull::rabbit::policy::{ApplyTo, Policy};
use pushpull::rabbit::spec::{Settings, Spec};
use pushpull::sim::{CostModel, Disk, MessageId, NodeId, Span, Status, Step};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use values::argument;

/// What an op came to that did not go well: code, and what it closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// 404, 406, ...
    pub code: u64,
    /// `channel` or `connection`.
    pub closes: &'static str,
    /// The server's words.
    pub text: String,
}

#[derive(Default)]
struct Delivered {
    messages: Vec<(String, bool, u64)>,
}

struct Channel {
    connection: String,
    number: u16,
    is_open: bool,
    confirms: bool,
    published: u64,
    outstanding: Vec<u64>,
}

/// One run of the step language.
pub struct Runner {
    /// The engine.
    pub cluster: Cluster,
    rabbit: NodeId,
    connections: BTreeMap<String, (NodeId, usize)>,
    channels: BTreeMap<String, Channel>,
    labels: BTreeMap<MessageId, String>,
    names: Names,
    delivered: BTreeMap<String, Delivered>,
    confirms: Vec<(String, u64)>,
    returns: Vec<(u64, String)>,
    /// The kinds of all frames that came, in order.
    pub heard: Vec<&'static str>,
    made: u64,
    last_refusal: Option<Refusal>,
    /// How many messages left a queue for each reason.
    deaths: BTreeMap<&'static str, u64>,
    /// Queues whose arguments are set as policies, as they will change.
    by_policy: BTreeSet<String>,
    /// The message that was got last.
    pub last_got: Option<Rc<Content>>,
    /// Why connections were told to be blocked.
    pub blocked: Vec<String>,
}

/// Nothing takes time, so that the clock moves only with `wait`.
fn no_cost() -> CostModel {
    let lesson = CostModel::preset("lesson").expect("it is a preset");
    CostModel { latency: Span::ZERO, ..lesson }
}

impl Runner {
    /// A fresh broker of this profile, with channel c1 on connection k1 open.
    pub fn new(profile: &str) -> Runner {
        Runner::with(profile, &[])
    }

    /// The same with these settings of the broker.
    pub fn with(profile: &str, settings: &[(&str, &str)]) -> Runner {
        let mut cluster = Cluster::new(1, no_cost());
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let all = settings.iter().copied().chain([("profile", profile)]);
        let settings: Settings = all.map(owned).collect();
        let spec = Spec::Broker { number: 1, settings };
        let rabbit = cluster.add("rabbit-1", spec, Disk::default());
        let mut runner = Runner {
            cluster,
            rabbit,
            connections: BTreeMap::new(),
            channels: BTreeMap::new(),
            labels: BTreeMap::new(),
            names: Names::default(),
            delivered: BTreeMap::new(),
            confirms: Vec::new(),
            returns: Vec::new(),
            heard: Vec::new(),
            made: 0,
            last_refusal: None,
            deaths: BTreeMap::new(),
            by_policy: BTreeSet::new(),
            last_got: None,
            blocked: Vec::new(),
        };
        runner.settle();
        runner.open_channel("c1", "k1");
        runner
    }

    /// Runs steps; the error names the one that went wrong.
    pub fn run(&mut self, steps: &[Value]) -> Result<(), String> {
        let changing = steps.iter().filter(|step| step["op"] == "set_arguments");
        self.by_policy.extend(changing.filter_map(|step| step["queue"].as_str().map(Into::into)));
        for (at, step) in steps.iter().enumerate() {
            let ran = self.step(step.as_object().ok_or("a step is an object")?);
            ran.map_err(|error| format!("step {}: {step}: {error}", at + 1))?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Map<String, Value>) -> Result<(), String> {
        let refusal = self.act(step)?;
        match (step.get("error"), refusal) {
            (None, None) => Ok(()),
            (None, Some(refusal)) => Err(format!("it was refused: {refusal:?}")),
            (Some(_), None) => Err("it was not refused".to_owned()),
            (Some(wanted), Some(refusal)) => {
                if wanted["code"] != refusal.code || wanted["closes"] != refusal.closes {
                    return Err(format!("it was refused otherwise: {refusal:?}"));
                }
                Ok(())
            }
        }
    }

    // ---- the world ----

    /// Lets everything happen that can happen at this instant.
    pub fn settle(&mut self) {
        let now = self.cluster.world.now();
        while self.cluster.world.next_time().is_some_and(|next| next <= now) {
            assert!(matches!(self.cluster.world.step(), Step::Ran), "bytes are in memory");
            self.watch();
        }
        self.listen();
    }

    /// Lets time pass.
    pub fn wait(&mut self, span: Span) {
        let until = self.cluster.world.now() + span;
        while self.cluster.world.next_time().is_some_and(|next| next <= until) {
            assert!(matches!(self.cluster.world.step(), Step::Ran), "bytes are in memory");
            self.watch();
        }
        self.cluster.world.advance_to(until);
        self.listen();
    }

    fn watch(&mut self) {
        for happening in self.cluster.take_happenings() {
            if let Event::Removed { reason, .. } = happening.event {
                *self.deaths.entry(reason).or_default() += 1;
            }
        }
    }

    fn open_channel(&mut self, name: &str, connection: &str) {
        if !self.connections.contains_key(connection) {
            self.made += 1;
            let probe = self.cluster.add_probe(&format!("{connection}-{}", self.made));
            self.connections.insert(connection.to_owned(), (probe, 0));
            self.settle();
        }
        let number = match self.channels.get(name) {
            Some(channel) => channel.number,
            None => self.channels.len() as u16 + 1,
        };
        let channel = Channel {
            connection: connection.to_owned(),
            number,
            is_open: true,
            confirms: false,
            published: 0,
            outstanding: Vec::new(),
        };
        self.channels.insert(name.to_owned(), channel);
        self.say(name, Method::ChannelOpen);
    }

    /// Says something on a channel and hears what comes.
    pub fn say(&mut self, channel: &str, method: Method) -> Vec<Method> {
        let channel = &self.channels[channel];
        let (probe, _) = self.connections[&channel.connection];
        let frame = Frame { channel: channel.number, method };
        self.cluster.command(probe, Command::Say(frame));
        let number = channel.number;
        let (_, before) = self.connections[&channel.connection];
        self.settle();
        let heard = &self.cluster.world.node(probe).heard()[before..];
        let ours = heard.iter().filter(|frame| frame.channel == number || frame.channel == 0);
        ours.map(|frame| frame.method.clone()).collect()
    }

    /// Takes note of what came on all connections.
    fn listen(&mut self) {
        let mut answers = Vec::new();
        let mut lost = Vec::new();
        for (connection, (probe, from)) in &mut self.connections {
            let heard = self.cluster.world.node(*probe).heard();
            for Frame { channel: number, method } in &heard[*from..] {
                self.heard.push(method.kind());
                let of = |channel: &&mut Channel| {
                    channel.connection == *connection && channel.number == *number
                };
                let channel = self.channels.values_mut().find(of);
                match method {
                    Method::BasicDeliver { tag, delivery_tag, redelivered, content } => {
                        let label = self.labels[&content.id].clone();
                        let to = self.delivered.entry(tag.to_string()).or_default();
                        to.messages.push((label, *redelivered, *delivery_tag));
                    }
                    Method::BasicReturn { content } => {
                        self.returns.push((312, self.labels[&content.id].clone()));
                    }
                    Method::BasicAck { delivery_tag, multiple }
                    | Method::BasicNack { delivery_tag, multiple, .. } => {
                        let word = match method {
                            Method::BasicAck { .. } => "ack",
                            _ => "nack",
                        };
                        let outstanding = &mut channel.expect("it is known").outstanding;
                        let (told, left) = outstanding.iter().partition(|number| {
                            **number == *delivery_tag || *multiple && **number < *delivery_tag
                        });
                        *outstanding = left;
                        let told: Vec<u64> = told;
                        self.confirms.extend(told.iter().map(|number| (word.to_owned(), *number)));
                    }
                    Method::ConnectionBlocked { reason } => self.blocked.push(reason.to_string()),
                    Method::ChannelClose(_) => {
                        channel.expect("it is known").is_open = false;
                        let method = Method::ChannelCloseOk;
                        answers.push((*probe, Frame { channel: *number, method }));
                    }
                    Method::ConnectionClose(_) => {
                        let method = Method::ConnectionCloseOk;
                        answers.push((*probe, Frame { channel: 0, method }));
                        lost.push(connection.clone());
                    }
                    _ => {}
                }
            }
            *from = heard.len();
        }
        for (probe, frame) in answers {
            self.cluster.command(probe, Command::Say(frame));
        }
        for connection in lost {
            self.lose(&connection);
        }
    }

    fn lose(&mut self, connection: &str) -> Option<NodeId> {
        for channel in self.channels.values_mut().filter(|it| it.connection == connection) {
            channel.is_open = false;
        }
        self.connections.remove(connection).map(|(probe, _)| probe)
    }

    /// Says something that may be refused; returns what came.
    pub fn ask(&mut self, channel: &str, method: Method) -> Result<Vec<Method>, Refusal> {
        if !self.channels.get(channel).is_some_and(|channel| channel.is_open) {
            let connection = self.channels.get(channel).map(|it| it.connection.clone());
            self.open_channel(channel, connection.as_deref().unwrap_or("k1"));
        }
        let heard = self.say(channel, method);
        for method in &heard {
            let (error, closes) = match method {
                Method::ChannelClose(Some(error)) => (error, "channel"),
                Method::ConnectionClose(Some(error)) => (error, "connection"),
                _ => continue,
            };
            let (code, text) = (u64::from(error.code), error.text.clone());
            // The channel understands before it is used again.
            self.settle();
            let refusal = Refusal { code, closes, text };
            self.last_refusal = Some(refusal.clone());
            return Err(refusal);
        }
        Ok(heard)
    }

    /// What was refused last.
    pub fn last_refusal(&self) -> Option<&Refusal> {
        self.last_refusal.as_ref()
    }

    /// What publishers were told since the last check.
    pub fn take_confirms(&mut self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.confirms)
    }

    /// What a consumer was sent since this was last asked: bodies, and whether redelivered.
    pub fn take_delivered(&mut self, consumer: &str) -> Vec<(String, bool)> {
        let messages = self.delivered.remove(consumer).unwrap_or_default().messages;
        messages.into_iter().map(|(body, redelivered, _)| (body, redelivered)).collect()
    }

    /// A message that was not published by a step is known by its number.
    pub fn label(&mut self, message: MessageId) {
        self.labels.insert(message, message.to_string());
    }

    /// The files of the broker.
    pub fn disk(&self) -> &Disk {
        self.cluster.world.disk(self.rabbit)
    }

    /// The client of a connection goes.
    pub fn close_connection(&mut self, connection: &str) {
        let probe = self.lose(connection).expect("it is open");
        self.cluster.world.crash(probe);
        self.settle();
    }

    /// Publishes so many persistent messages to a queue by the default exchange, without waiting.
    pub fn publish_many(&mut self, queue: &str, messages: u64, bytes: u64) {
        let (probe, _) = self.connections["k1"];
        for _ in 0..messages {
            self.made += 1;
            let message = OutgoingMessage {
                id: MessageId(self.made),
                exchange: "".into(),
                routing_key: queue.into(),
                key: None,
                body: vec![b'.'; bytes as usize].into(),
                properties: None,
            };
            let content = Rc::new(Content::new(message, &usual(), &mut self.names));
            let publish = Method::BasicPublish { mandatory: false, immediate: false, content };
            let frame = Frame { channel: self.channels["c1"].number, method: publish };
            self.cluster.command(probe, Command::Say(frame));
        }
        self.settle();
    }

    // ---- the ops ----

    fn act(&mut self, step: &Map<String, Value>) -> Result<Option<Refusal>, String> {
        let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let flag =
            |name: &str, default: bool| step.get(name).and_then(Value::as_bool).unwrap_or(default);
        let number = |name: &str| step.get(name).and_then(Value::as_u64).unwrap_or(0);
        let channel = match text("channel") {
            name if name.is_empty() => "c1".to_owned(),
            name => name,
        };
        let op = text("op");
        let method = match &*op {
            "expect" => return self.check(step).map(|()| None),
            "wait" => {
                self.wait(Span::millis(number("ms")));
                return Ok(None);
            }
            "open_channel" => {
                let connection = text("connection");
                let connection = if connection.is_empty() { "k1" } else { &connection };
                self.open_channel(&channel, connection);
                return Ok(None);
            }
            "close_channel" => {
                self.say(&channel, Method::ChannelClose(None));
                self.channels.remove(&channel);
                return Ok(None);
            }
            "restart_broker" => return self.restart().map(|()| None),
            "publish" => return self.publish(&channel, step),
            "get" => return self.get(&channel, step),
            "get_many" => return self.get_many(&channel, step),
            "set_arguments" => return self.set_policy(step).map(|()| None),
            "declare_exchange" => {
                let mut arguments = Arguments::new();
                if let Some(alternate) = step.get("alternate") {
                    arguments.insert("alternate-exchange".to_owned(), argument(alternate));
                }
                let kind = text("type");
                Method::ExchangeDeclare(Rc::new(ExchangeDeclare {
                    exchange: text("exchange"),
                    kind: if kind.is_empty() { "direct".to_owned() } else { kind },
                    passive: false,
                    durable: true,
                    auto_delete: false,
                    internal: flag("internal", false),
                    arguments,
                }))
            }
            "delete_exchange" => Method::ExchangeDelete { exchange: text("exchange").into() },
            "declare_queue" | "declare_passive" => {
                let mut arguments = arguments(step.get("arguments"));
                if self.by_policy.contains(&text("queue")) {
                    self.set_policy(step)?;
                    arguments.clear();
                }
                if step.contains_key("type") {
                    arguments.insert("x-queue-type".to_owned(), Argument::Text(text("type")));
                }
                Method::QueueDeclare(Rc::new(QueueDeclare {
                    queue: text("queue"),
                    passive: op == "declare_passive",
                    durable: flag("durable", true),
                    exclusive: flag("exclusive", false),
                    auto_delete: flag("auto_delete", false),
                    arguments,
                }))
            }
            "delete_queue" => {
                let queue = text("queue").into();
                Method::QueueDelete { queue, if_unused: false, if_empty: false }
            }
            "purge" => Method::QueuePurge { queue: text("queue").into() },
            "bind" | "unbind" => {
                let bind = Rc::new(Bind {
                    source: text("source"),
                    destination: text("destination"),
                    key: text("key"),
                    arguments: arguments(step.get("arguments")),
                });
                match (&*op, &*text("destination_type")) {
                    ("bind", "exchange") => Method::ExchangeBind(bind),
                    ("bind", _) => Method::QueueBind(bind),
                    (_, "exchange") => Method::ExchangeUnbind(bind),
                    _ => Method::QueueUnbind(bind),
                }
            }
            "confirm_select" => Method::ConfirmSelect,
            "tx_select" => Method::TxSelect,
            "tx_commit" => Method::TxCommit,
            "qos" => Method::BasicQos {
                prefetch_count: number("prefetch") as u16,
                global: flag("is_global", false),
            },
            "consume" => {
                let mut arguments = arguments(step.get("arguments"));
                if let Some(priority) = step.get("priority") {
                    arguments.insert("x-priority".to_owned(), argument(priority));
                }
                Method::BasicConsume(Rc::new(Consume {
                    queue: text("queue"),
                    tag: text("consumer"),
                    no_ack: text("ack") == "auto",
                    exclusive: flag("exclusive", false),
                    arguments,
                }))
            }
            "cancel" => Method::BasicCancel { tag: text("consumer").into() },
            "ack" => {
                Method::BasicAck { delivery_tag: number("tag"), multiple: flag("multiple", false) }
            }
            "nack" => Method::BasicNack {
                delivery_tag: number("tag"),
                multiple: flag("multiple", false),
                requeue: flag("requeue", true),
            },
            "reject" => {
                Method::BasicReject { delivery_tag: number("tag"), requeue: flag("requeue", true) }
            }
            "recover" => Method::BasicRecover { requeue: true },
            "flow" => Method::ChannelFlow { active: flag("active", false) },
            other => return Err(format!("the step language has no op {other}")),
        };
        let heard = match self.ask(&channel, method) {
            Ok(heard) => heard,
            Err(refusal) => return Ok(Some(refusal)),
        };
        if op == "confirm_select" {
            self.channels.get_mut(&channel).expect("it was just used").confirms = true;
        }
        for method in heard {
            if let Method::QueueDeclareOk { message_count, consumer_count, .. } = method
                && let Some(expect) = step.get("expect")
            {
                same(&expect["message_count"], &message_count.into(), "message_count")?;
                same(&expect["consumer_count"], &consumer_count.into(), "consumer_count")?;
            }
        }
        Ok(None)
    }

    /// The arguments of a step, as a policy for its queue.
    fn set_policy(&mut self, step: &Map<String, Value>) -> Result<(), String> {
        let queue = step["queue"].as_str().unwrap_or("");
        let set = arguments(step.get("arguments")).into_iter();
        let unprefixed = |name: String| name.trim_start_matches("x-").to_owned();
        let policy = Policy {
            name: queue.to_owned(),
            pattern: format!("^{queue}$"),
            apply_to: ApplyTo::Queues,
            priority: 0,
            definition: set.map(|(name, value)| (unprefixed(name), value)).collect(),
        };
        let change = Method::ManagementDo(Rc::new(Change::SetPolicy(policy, false)));
        self.ask("c1", change).map(drop).map_err(|refusal| refusal.text)
    }

    fn publish(
        &mut self,
        channel: &str,
        step: &Map<String, Value>,
    ) -> Result<Option<Refusal>, String> {
        let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let body = if step.contains_key("body") { text("body") } else { "m".to_owned() };
        let labels: Vec<String> = match step.get("count").and_then(Value::as_u64) {
            None => vec![body],
            Some(count) => (1..=count).map(|number| format!("{body}{number}")).collect(),
        };
        let mut headers = arguments(step.get("headers"));
        for (name, header) in [("cc", "CC"), ("bcc", "BCC")] {
            if let Some(keys) = step.get(name) {
                headers.insert(header.to_owned(), argument(keys));
            }
        }
        for label in labels {
            self.made += 1;
            let id = MessageId(self.made);
            let bytes = step.get("bytes").and_then(Value::as_u64);
            let mut body = label.clone().into_bytes();
            body.resize(bytes.unwrap_or(body.len() as u64) as usize, b'.');
            self.labels.insert(id, label);
            let persistent = step.get("persistent").and_then(Value::as_bool).unwrap_or(true);
            let message = OutgoingMessage {
                id,
                exchange: text("exchange").into(),
                routing_key: text("key").into(),
                key: None,
                body: body.into(),
                properties: Some(Rc::new(Properties {
                    delivery_mode: Some(if persistent { 2 } else { 1 }),
                    priority: step.get("priority").and_then(Value::as_u64).map(|it| it as u8),
                    expiration: step.get("expiration").map(|value| match value {
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    }),
                    headers: headers.clone(),
                    ..Properties::default()
                })),
            };
            let content = Rc::new(Content::new(message, &usual(), &mut self.names));
            if let Some(channel) = self.channels.get_mut(channel).filter(|it| it.confirms) {
                channel.published += 1;
                channel.outstanding.push(channel.published);
            }
            let mandatory = step.get("mandatory").and_then(Value::as_bool).unwrap_or(false);
            let immediate = step.get("immediate").and_then(Value::as_bool).unwrap_or(false);
            let publish = Method::BasicPublish { mandatory, immediate, content };
            if let Err(refusal) = self.ask(channel, publish) {
                return Ok(Some(refusal));
            }
        }
        Ok(None)
    }

    /// The machine of the broker loses its power, and gets it back.
    pub fn power_cut(&mut self) {
        let machine = self.cluster.world.machine(self.rabbit);
        self.cluster.world.power_cut(machine);
        self.settle();
        self.start_again();
    }

    fn restart(&mut self) -> Result<(), String> {
        self.cluster.world.stop(self.rabbit);
        self.settle();
        if self.cluster.world.status(self.rabbit) != Status::Down {
            return Err("the broker did not stop".to_owned());
        }
        self.start_again();
        Ok(())
    }

    fn start_again(&mut self) {
        self.cluster.world.start(self.rabbit);
        let connections: Vec<String> = self.connections.keys().cloned().collect();
        for connection in connections {
            self.lose(&connection);
        }
        self.settle();
        self.channels.clear();
        self.open_channel("c1", "k1");
    }
}

/// The properties that a publisher sets of itself.
fn usual() -> Rc<Properties> {
    Rc::new(Properties { delivery_mode: Some(2), ..Properties::default() })
}
