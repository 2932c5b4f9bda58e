//! What each command does at the instant it is given, and what it then waits for.

use super::clients::kafka_accepts;
use super::command::{Command, ConsoleConsume, ConsoleProduce, ConsoleRecord, NetAct};
use super::command::{ProducerCommand, Settings};
use super::console::Console;
use super::event::LabEvent;
use super::nearest::nearest;
use super::outcome::{LabError, Outcome};
use super::predicate::Predicate;
use super::session::{CONSOLE_PATIENCE, KAFKA_ADMIN, RABBIT_ADMIN, Session};
use super::workload::Workload;
use crate::ordered::BTreeSet;
use crate::sim::network::DropRule;
use crate::sim::network::Network;
use crate::sim::{NodeId, Span, Status, Time};
use crate::{kafka, rabbit};
use std::rc::Rc;

/// A tool gives up by itself after `default.api.timeout.ms` (60 s); the lab waits a little longer.
pub(super) const TOOL_PATIENCE: Span = Span::seconds(90);

/// What a command that has acted waits for.
#[derive(Clone, Debug)]
pub(super) enum Wait {
    /// Nothing: this is what it came to.
    For(Box<Outcome>),
    /// That time reaches an instant.
    Until(Time),
    /// So many more steps.
    Steps(u64),
    /// That something holds, until an instant.
    Holds(Box<Predicate>, Time),
    /// A Kafka tool's answer, until an instant.
    Kafka(kafka::command::RequestId, Time),
    /// A RabbitMQ tool's answer, until an instant.
    Rabbit(rabbit::command::RequestId, Time),
    /// That a process has ended politely, until an instant.
    Ended(String, Time),
    /// That a console tool is over.
    Console(u64),
    /// That the second run has caught up.
    Beside,
}

/// Who may be meant by a name.
#[derive(Clone, Copy)]
pub(super) enum What {
    /// A server.
    Node,
    /// A producer or consumer.
    Client,
    /// Either.
    Any,
}

pub(super) type Acted = Result<Wait, LabError>;

pub(super) fn done() -> Acted {
    Ok(Wait::For(Box::new(Outcome::Done)))
}

pub(super) fn refused<T>(sentence: String) -> Result<T, LabError> {
    Err(LabError::Refused(sentence))
}

impl Command {
    /// True if it changes the lab, so that the journal keeps it.
    pub fn changes(&self) -> bool {
        !matches!(
            self,
            Command::RunFor(_)
                | Command::RunUntil { .. }
                | Command::Step(_)
                | Command::Ledger { .. }
                | Command::Passport(_)
                | Command::Metrics { .. }
                | Command::Events { .. }
                | Command::Check
                | Command::State { .. }
                | Command::Files(_)
                | Command::Compare(_)
        )
    }
}

impl Session {
    /// Does what a command does at this instant. A command that is refused has changed nothing.
    pub(super) fn act(&mut self, command: &Command) -> Acted {
        self.level();
        match command {
            Command::New(_) | Command::Compare(_) => {
                refused("this is for the whole timeline, and for nothing in it".into())
            }
            Command::RunFor(span) => Ok(Wait::Until(self.now + *span)),
            Command::RunUntil { predicate, max } => {
                Ok(Wait::Holds(Box::new(predicate.clone()), self.now + *max))
            }
            Command::Step(count) => Ok(Wait::Steps(*count)),
            Command::Producer(producer) => self.act_producer(producer),
            Command::KafkaConsumer(spec) => self.act_kafka_consumer(spec),
            Command::RabbitConsumer(spec) => self.act_rabbit_consumer(spec),
            Command::Client { name, act } => self.act_client(name, act),
            Command::Node { name, act } => self.act_node(name, *act),
            Command::AddNode(name) => self.act_add(name),
            Command::Net(act) => self.act_net(act),
            Command::CrashAll => {
                self.crash_all();
                done()
            }
            Command::PowerCut => {
                self.power_cut_all();
                done()
            }
            Command::Kafka(ask) => {
                let request = self.kafka_request();
                let admin = self.kafka.world.id(KAFKA_ADMIN).expect("every lab has it");
                let mut ask = ask.at(kafka::now_ms(self.now));
                if let kafka::command::Ask::ZooKeeper { servers, .. } = &mut ask {
                    if !self.spec.has_zookeeper() {
                        return refused(NO_ZOOKEEPER.into());
                    }
                    *servers = self.spec.controllers;
                }
                ask.show_lag(self.spec.kafka_version != "4.1");
                let ask = kafka::command::Command::Ask(request, ask.into());
                self.kafka.command(admin, ask);
                Ok(Wait::Kafka(request, self.now + TOOL_PATIENCE))
            }
            Command::Rabbit(ask) => self.act_rabbit_ask(ask),
            Command::KafkaProduce(produce) => self.act_produce(produce),
            Command::KafkaConsume(consume) => self.act_consume(consume),
            looking => self.look(looking).map(|outcome| Wait::For(Box::new(outcome))),
        }
    }

    // ---- clients ----

    fn act_producer(&mut self, command: &ProducerCommand) -> Acted {
        let name = &command.name;
        let earlier = self.workloads.get(name).cloned();
        if earlier.is_none() {
            self.name_is_free(name)?;
        }
        if earlier.as_ref().is_some_and(|earlier| !earlier.is_done()) {
            return refused(format!(
                "producer {name} is still sending; `client {name} stop` ends it, another name makes another"
            ));
        }
        let (kafka_settings, mut rabbit_settings) = split_settings(&command.settings);
        if command.kafka.is_empty() {
            // There is no other side that they could be meant for.
            rabbit_settings.clone_from(&command.settings);
        }
        let publisher =
            rabbit::spec::PublisherSpec { name: name.clone(), settings: rabbit_settings };
        let publisher = rabbit::spec::Spec::Publisher(publisher);
        self.rabbit_accepts(&publisher)?;
        if !command.kafka.is_empty() {
            let settings = self.producer_settings(kafka_settings);
            let spec = kafka::spec::ProducerSpec { name: name.clone(), settings };
            let spec = kafka::spec::Spec::Producer(spec);
            kafka_accepts(&spec)?;
            self.renew_kafka(name, spec);
        }
        if !command.rabbit.is_empty() {
            self.renew_rabbit(name, publisher);
        }
        let mut workload = Workload::new(command, self.now);
        match &earlier {
            Some(earlier) => workload = workload.following(earlier),
            None => self.order.push(name.clone()),
        }
        self.workloads.insert(name.clone(), workload.into());
        done()
    }

    /// The client of this name with this configuration: the one that runs if it has it already.
    fn renew_kafka(&mut self, name: &str, spec: kafka::spec::Spec) {
        if let Some(id) = self.kafka.world.id(name) {
            if *self.kafka.spec(id) == spec {
                return self.kafka.world.start(id);
            }
            self.kafka.world.remove(id);
        }
        self.add_kafka(name, spec);
    }

    fn renew_rabbit(&mut self, name: &str, spec: rabbit::spec::Spec) {
        if let Some(id) = self.rabbit.world.id(name) {
            if *self.rabbit.spec(id) == spec {
                return self.rabbit.world.start(id);
            }
            self.rabbit.world.remove(id);
        }
        self.add_rabbit(name, spec);
    }

    fn act_kafka_consumer(&mut self, spec: &kafka::spec::ConsumerSpec) -> Acted {
        self.consumer_may_begin(&spec.name)?;
        let reader = spec.reads.group().unwrap_or(&spec.name).clone();
        let name = &spec.name;
        let mut spec = spec.clone();
        let renews = spec.settings.contains_key(kafka::config::consumer::RENEW);
        if renews && self.spec().kafka_version == "4.1" {
            return refused("locks are renewed since Kafka 4.2: `lab new --kafka 4.2`".into());
        }
        // Some protections are the client's.
        if let Some(list) = self.spec().settings.get(kafka::protection::WITHOUT) {
            spec.settings.insert(kafka::protection::WITHOUT.to_owned(), list.clone());
        }
        self.suits_the_era(&spec)?;
        let spec = kafka::spec::Spec::Consumer(spec);
        kafka_accepts(&spec)?;
        self.readers.insert(name.clone(), reader);
        self.renew_kafka(name, spec);
        done()
    }

    /// Settings of a producer with the defaults of its time.
    fn producer_settings(&self, mut settings: Settings) -> Settings {
        if self.spec.has_zookeeper() {
            // 5 only since 4.0 (KIP-1030).
            settings.entry("linger.ms".to_owned()).or_insert_with(|| "0".to_owned());
        }
        settings
    }

    /// What came with KRaft, and what went with ZooKeeper; the sentences are the client's own.
    fn suits_the_era(&self, spec: &kafka::spec::ConsumerSpec) -> Result<(), LabError> {
        let is = |name: &str, value: &str| spec.settings.get(name).is_some_and(|it| it == value);
        let wants_zookeeper = is("offsets.storage", "zookeeper");
        if self.spec.has_zookeeper() {
            if spec.is_share {
                return refused(NO_SHARE_GROUPS.into());
            }
            if is("group.protocol", "consumer") {
                return refused(NO_CONSUMER_PROTOCOL.into());
            }
        } else if wants_zookeeper {
            return refused(NO_ZOOKEEPER.into());
        }
        Ok(())
    }

    fn act_rabbit_consumer(&mut self, spec: &rabbit::spec::ConsumerSpec) -> Acted {
        self.consumer_may_begin(&spec.name)?;
        let name = &spec.name;
        let spec = rabbit::spec::Spec::Consumer(spec.clone());
        self.rabbit_accepts(&spec)?;
        self.renew_rabbit(name, spec);
        done()
    }

    /// A consumer's name is free, or belongs to one that was stopped and may begin anew with other
    /// settings.
    fn consumer_may_begin(&self, name: &str) -> Result<(), LabError> {
        let kafka = self.kafka.world.id(name).map(|id| self.kafka.world.status(id));
        let rabbit = self.rabbit.world.id(name).map(|id| self.rabbit.world.status(id));
        match kafka.or(rabbit).filter(|_| self.is_consumer(name)) {
            None => self.name_is_free(name),
            Some(Status::Down | Status::Off) => Ok(()),
            Some(_) => refused(format!(
                "consumer {name} is running; `client {name} stop` ends it, another name makes another"
            )),
        }
    }

    fn is_consumer(&self, name: &str) -> bool {
        let (kafka, rabbit) = self.processes(name);
        kafka.is_some_and(|id| matches!(self.kafka.spec(id), kafka::spec::Spec::Consumer(_)))
            || rabbit
                .is_some_and(|id| matches!(self.rabbit.spec(id), rabbit::spec::Spec::Consumer(_)))
    }

    fn name_is_free(&self, name: &str) -> Result<(), LabError> {
        let taken = self.kafka.world.id(name).is_some()
            || self.rabbit.world.id(name).is_some()
            || self.workloads.contains_key(name)
            || name == "lab";
        if taken {
            return refused(format!("the name {name} is taken; choose another"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
            return refused(format!(
                "{name:?} cannot be a name: 1 to 64 of a-z A-Z 0-9 . _ - are expected"
            ));
        }
        Ok(())
    }

    /// The processes of a client or node, on either side.
    pub(super) fn processes(&self, name: &str) -> (Option<NodeId>, Option<NodeId>) {
        (self.kafka.world.id(name), self.rabbit.world.id(name))
    }

    pub(super) fn known(
        &self,
        name: &str,
        what: What,
    ) -> Result<(Option<NodeId>, Option<NodeId>), LabError> {
        match self.processes(name) {
            (None, None) => refused(self.nobody(name, what)),
            found => Ok(found),
        }
    }

    /// That there is nobody of this name, who there is, and who is meant, perhaps.
    fn nobody(&self, name: &str, what: What) -> String {
        let kafka = self.kafka.world.ids().map(|id| self.kafka.world.name(id));
        let rabbit = self.rabbit.world.ids().map(|id| self.rabbit.world.name(id));
        let is_meant = |name: &&str| match what {
            What::Node => is_server(name),
            What::Client => !is_server(name),
            What::Any => true,
        };
        let names = kafka.chain(rabbit).filter(|name| !matches!(*name, KAFKA_ADMIN | RABBIT_ADMIN));
        let names: BTreeSet<&str> = names.filter(is_meant).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let what = match what {
            What::Node => "node",
            What::Client => "client",
            What::Any => "node or client",
        };
        let there = if names.is_empty() { "none yet".into() } else { names.join(", ") };
        let mut sentence = format!("there is no {what} {name}; there are {there}");
        if let Some(near) = nearest(name, names) {
            sentence.push_str(&format!("; did you mean {near}?"));
        }
        sentence
    }

    // ---- network ----

    fn act_net(&mut self, act: &NetAct) -> Acted {
        let change = match act {
            NetAct::Isolate(name) => {
                self.known(name, What::Any)?;
                format!("isolate {name}")
            }
            NetAct::Partition(left, right) => {
                for name in left.iter().chain(right) {
                    self.known(name, What::Any)?;
                }
                format!("partition {} {}", left.join(","), right.join(","))
            }
            NetAct::Slow { a, b, latency } => {
                for name in std::iter::once(a).chain(b) {
                    self.known(name, What::Any)?;
                }
                let b = b.as_deref().unwrap_or_default();
                format!("slow {a} {b} --latency {latency}").replace("  ", " ")
            }
            NetAct::Drop { a, b, kind, .. } => {
                let (a_kafka, a_rabbit) = self.known(a, What::Any)?;
                let (b_kafka, b_rabbit) = self.known(b, What::Any)?;
                let goes = |between: Option<_>, is_kind: fn(&str) -> bool| {
                    between.is_some() && kind.as_deref().is_none_or(is_kind)
                };
                if !goes(a_kafka.and(b_kafka), kafka::message::kinds::is_kind)
                    && !goes(a_rabbit.and(b_rabbit), rabbit::kinds::is_kind)
                {
                    let kind = kind.as_deref().unwrap_or("message");
                    return refused(format!(
                        "no {kind} goes between {a} and {b}: one side's messages do not reach the other"
                    ));
                }
                format!("drop {a} {b}")
            }
            NetAct::Heal => "heal".into(),
        };
        let kafka_id = |name: &str| self.kafka.world.id(name);
        let plan = plan_network(act, &kafka_id);
        self.kafka.world.change_network(plan);
        let rabbit_id = |name: &str| self.rabbit.world.id(name);
        let plan = plan_network(act, &rabbit_id);
        self.rabbit.world.change_network(plan);
        self.tell(LabEvent::Network { change });
        done()
    }

    // ---- console tools ----

    fn act_produce(&mut self, produce: &ConsoleProduce) -> Acted {
        let base = if produce.load.is_some() { "perf-producer-client" } else { "console-producer" };
        let name = self.console_name(base);
        let settings = self.producer_settings(produce.settings.clone());
        let spec = kafka::spec::ProducerSpec { name: name.clone(), settings };
        let spec = kafka::spec::Spec::Producer(spec);
        kafka::config::check(&spec).map_err(LabError::Kafka)?;
        let id = self.add_kafka(&name, spec);
        let topic: Rc<str> = produce.topic.as_str().into();
        for ConsoleRecord { key, value, headers } in &produce.records {
            let message = self.number_message(&name, key.as_deref());
            let record = kafka::command::OutgoingRecord {
                id: message,
                topic: topic.clone(),
                partition: None,
                key: key.clone().map(Into::into),
                value: value.clone().map(Into::into),
                headers: headers
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone().map(Into::into)))
                    .collect(),
            };
            self.kafka.command(id, kafka::command::Command::Send(record.into()));
        }
        if let Some(load) = produce.load.clone() {
            let workload = ProducerCommand {
                name: name.clone(),
                kafka: vec![produce.topic.clone()],
                rabbit: Vec::new(),
                count: Some(load.records),
                every: load.every,
                size: load.size,
                keys: Vec::new(),
                payload: None,
                settings: Settings::new(),
            };
            let mut workload = Workload::new(&workload, self.now).with_body(load.body.clone());
            if produce.settings.contains_key("transactional.id") {
                // First there is `initTransactions()`.
                workload.next_at = None;
            }
            self.workloads.insert(name.clone(), workload.into());
            let console = Console::measures(name, load, self.now);
            return Ok(Wait::Console(self.watch_console(console)));
        }
        self.kafka.command(id, kafka::command::Command::Flush);
        let records = produce.records.len() as u64;
        let console = Console::produces(name, records, self.now);
        Ok(Wait::Console(self.watch_console(console)))
    }

    fn act_consume(&mut self, consume: &ConsoleConsume) -> Acted {
        let name = self.console_name("console-consumer");
        let reader = consume.reads.group().unwrap_or(&name).clone();
        let is_member = consume.reads.group().is_some();
        self.readers.insert(name.clone(), reader);
        let spec = kafka::spec::ConsumerSpec {
            name: name.clone(),
            reads: consume.reads.clone(),
            work_per_batch: Span::ZERO,
            work_per_message: Span::ZERO,
            batch: None,
            commit: kafka::spec::CommitMode::Auto,
            effect: None,
            is_share: false,
            to: None,
            stop_after: consume.max_messages,
            settings: with_close(consume.settings.clone(), is_member),
        };
        self.add_kafka(&name, kafka::spec::Spec::Consumer(spec));
        let patience = consume.timeout.unwrap_or(CONSOLE_PATIENCE);
        let strict = consume.timeout.is_none() && consume.max_messages.is_some();
        let console = Console::consumes(name, patience, strict, self.now);
        let console = console.stamped(self.kafka.stamping_topics()).member(is_member);
        Ok(Wait::Console(self.watch_console(console)))
    }

    /// A name that no client has: `console-consumer`, then `console-consumer-2`, ...
    fn console_name(&self, base: &str) -> String {
        let names = (1..).map(|n| if n == 1 { base.to_owned() } else { format!("{base}-{n}") });
        let mut free = names.filter(|name| self.processes(name) == (None, None));
        free.next().expect("there are more numbers than clients")
    }
}

/// What a tool of ZooKeeper hears in a lab without it.
const NO_ZOOKEEPER: &str = "this lab has controllers in the place of ZooKeeper; \
                            `lab new --coordinator zookeeper` has an ensemble";

/// `CONSUMER_PROTOCOL_NOT_SUPPORTED_MSG` and `SHARE_PROTOCOL_NOT_SUPPORTED_MSG` of the client.
const NO_CONSUMER_PROTOCOL: &str = "org.apache.kafka.common.errors.UnsupportedVersionException: The cluster does not support the \
     new CONSUMER group protocol. Set group.protocol=classic on the consumer configs to revert to \
     the CLASSIC protocol until the cluster is upgraded.";
const NO_SHARE_GROUPS: &str = "org.apache.kafka.common.errors.UnsupportedVersionException: The cluster does not support the \
     SHARE group protocol. To use share groups, the cluster must have the SHARE group protocol \
     enabled.";

/// Settings of a producer by side.
fn split_settings(settings: &Settings) -> (Settings, Settings) {
    let all = settings.iter().map(|(name, value)| (name.clone(), value.clone()));
    all.partition(|(name, _)| !rabbit::settings::is_publishers(name))
}

pub(super) fn is_server(name: &str) -> bool {
    ["kafka-", "rabbit-", "controller-", "zookeeper-"].iter().any(|kind| {
        name.strip_prefix(kind).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    })
}

/// A change of one world's network; names that are not in that world are left out.
fn plan_network(
    act: &NetAct,
    id: &dyn Fn(&str) -> Option<NodeId>,
) -> impl FnOnce(&mut Network) + use<> {
    let set = |names: &[String]| names.iter().filter_map(|name| id(name)).collect::<BTreeSet<_>>();
    enum Plan {
        Nothing,
        Isolate(NodeId),
        Partition(BTreeSet<NodeId>, BTreeSet<NodeId>),
        Slow(NodeId, Option<NodeId>, Span),
        Drop(DropRule),
        Heal,
    }
    let plan = match act {
        NetAct::Isolate(name) => id(name).map_or(Plan::Nothing, Plan::Isolate),
        NetAct::Partition(left, right) => Plan::Partition(set(left), set(right)),
        NetAct::Slow { a, b, latency } => match (id(a), b) {
            (Some(a), None) => Plan::Slow(a, None, *latency),
            (Some(a), Some(b)) => id(b).map_or(Plan::Nothing, |b| Plan::Slow(a, Some(b), *latency)),
            (None, _) => Plan::Nothing,
        },
        NetAct::Drop { a, b, kind, count } => match (id(a), id(b)) {
            (Some(a), Some(b)) => Plan::Drop(DropRule { a, b, kind: kind.clone(), left: *count }),
            _ => Plan::Nothing,
        },
        NetAct::Heal => Plan::Heal,
    };
    move |network| match plan {
        Plan::Nothing => {}
        Plan::Isolate(node) => network.isolate(node),
        Plan::Partition(left, right) => network.partition(left, right),
        Plan::Slow(a, b, latency) => network.slow(a, b, latency),
        Plan::Drop(rule) => network.swallow(rule),
        Plan::Heal => network.heal(),
    }
}

/// The console consumer closes its consumer whatever ends it, which matters to a group.
fn with_close(mut settings: Settings, is_member: bool) -> Settings {
    if is_member {
        settings.insert(kafka::config::consumer::CLOSES.into(), "true".into());
    }
    settings
}
