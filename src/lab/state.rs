//! The lab's state as JSON: what `state` prints and predicates see. Built part by part, so that a
//! predicate that names one queue does not pay for the whole lab.

use super::ledger::{FIGURES, LedgerReport};
use super::predicate::{Key, Lookup, Path, walk};
use super::session::{KAFKA_ADMIN, RABBIT_ADMIN, Session};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::rabbit::command::Argument;
use crate::sim::{NodeId, Status};
use crate::{kafka, rabbit};
use serde_json::{Map, Value, json};

impl Lookup for Session {
    fn value(&self, path: &Path) -> Option<Value> {
        let name = |at: usize| match path.keys.get(at) {
            Some(Key::Name(name)) => Some(name.as_str()),
            _ => None,
        };
        let (part, used) = match (name(0), name(1), name(2)) {
            (None, ..) => (self.state(), 0),
            (Some("time_us"), ..) => (json!(self.now().micros()), 1),
            (Some("seed"), ..) => (json!(self.spec().seed), 1),
            (Some("kafka"), Some("topics"), Some(topic)) => (self.state_topic(topic)?, 3),
            (Some("kafka"), Some("groups"), Some(group)) => (self.state_group(group)?, 3),
            (Some("kafka"), ..) => (self.state_kafka(), 1),
            (Some("rabbit"), Some("queues"), Some(queue)) => (self.state_queue(queue)?, 3),
            (Some("rabbit"), ..) => (self.state_rabbit(), 1),
            (Some("clients"), Some(client), _) => (self.state_client(client)?, 2),
            // These are asked of after every event, so they are not looked for in a whole ledger.
            (Some("ledger"), Some("kafka"), Some(figure)) => {
                (json!(self.ledger().figures().kafka.figure(figure)?), 3)
            }
            (Some("ledger"), Some("rabbit"), Some(figure)) => {
                (json!(self.ledger().figures().rabbit.figure(figure)?), 3)
            }
            (Some("ledger"), ..) => (self.state_ledger(), 1),
            _ => (self.state(), 0),
        };
        walk(&part, &path.keys[used..])
    }

    fn count(&self, event: &str) -> u64 {
        self.events().count(event)
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Paused => "paused",
        Status::Down => "down",
        Status::Off => "off",
        Status::Gone => "gone",
    }
}

impl Session {
    /// Everything.
    pub fn state(&self) -> Value {
        json!({
            "time_us": self.now().micros(),
            "seed": self.spec().seed,
            "kafka": self.state_kafka(),
            "rabbit": self.state_rabbit(),
            "clients": self.state_clients(),
            "ledger": self.state_ledger(),
            "events": self.events().counts().map(|(n, c)| (n.to_owned(), json!(c))).collect::<Map<_, _>>(),
        })
    }

    /// The Kafka side.
    pub fn state_kafka(&self) -> Value {
        let topics = self.kafka.topics();
        let groups = self.kafka.groups();
        let stable = groups.iter().filter(|group| group.state == "Stable").count();
        let brokers = servers(&self.kafka.world, |id| {
            matches!(self.kafka.spec(id), kafka::spec::Spec::Broker(_))
        });
        let mut controllers = servers(&self.kafka.world, |id| {
            matches!(self.kafka.spec(id), kafka::spec::Spec::Controller(_))
        });
        let active = self.kafka.active_controller().map(|(node, _)| node);
        for (name, known) in &mut controllers {
            let world = &self.kafka.world;
            let mut serving = self.kafka.serving_controllers();
            let found = serving.find(|(node, _)| world.name(*node) == name);
            let is_active = found.is_some_and(|(node, _)| active == Some(node));
            let it = found.map(|(_, controller)| controller);
            known["active"] = json!(is_active);
            known["epoch"] = json!(it.map(|it| it.epoch()));
            known["end_offset"] = json!(it.map(|it| it.log.log_end()));
            known["committed"] = json!(it.map(|it| it.committed()));
        }
        let mut ensemble = servers(&self.kafka.world, |id| {
            matches!(self.kafka.spec(id), kafka::spec::Spec::ZooKeeper(_))
        });
        for (name, known) in &mut ensemble {
            let world = &self.kafka.world;
            let found = self.kafka.ensemble().find(|(node, _)| world.name(*node) == name);
            let is_up = found.is_some_and(|(node, _)| world.status(node) == Status::Running);
            let it = found.and_then(|(_, it)| it.server()).filter(|_| is_up);
            known["mode"] = json!(it.map(|it| it.mode()));
            known["epoch"] = json!(it.map(|it| it.epoch()));
            known["zxid"] = json!(it.map(|it| format!("{:#x}", it.tree.zxid)));
            known["sessions"] = json!(it.map(|it| it.sessions.count()));
            known["connections"] = json!(it.map(|it| it.connections()));
        }
        let elected = self.kafka.elected_controller();
        let epoch = elected.map(|(_, elected)| elected.epoch);
        let active = active.or(elected.map(|(node, _)| node));
        let active = active.map(|node| self.kafka.world.name(node));
        let mut state = json!({
            "brokers": brokers,
            "controllers": controllers,
            "active_controller": active,
            "topics": topics.iter().filter(|topic| !topic.internal)
                .map(|topic| (topic.name.clone(), topic_json(topic))).collect::<Map<_, _>>(),
            "groups": groups.iter().map(|g| (g.id.clone(), group_json(g))).collect::<Map<_, _>>(),
            "groups_stable": stable,
            "transactions": self.kafka.transactions().iter()
                .map(|t| (t.id.clone(), transaction_json(t))).collect::<Map<_, _>>(),
        });
        if self.spec().has_zookeeper() {
            state["ensemble"] = json!(ensemble);
            state["controller_epoch"] = json!(epoch);
        }
        state
    }

    /// A topic, internal ones too.
    pub fn state_topic(&self, name: &str) -> Option<Value> {
        self.kafka.topic(name).as_ref().map(topic_json)
    }

    /// A consumer group.
    pub fn state_group(&self, id: &str) -> Option<Value> {
        self.kafka.groups().iter().find(|group| group.id == id).map(group_json)
    }

    /// The RabbitMQ side.
    pub fn state_rabbit(&self) -> Value {
        let nodes = servers(&self.rabbit.world, |id| {
            matches!(self.rabbit.spec(id), rabbit::spec::Spec::Broker { .. })
        });
        let exchanges = self.rabbit.exchanges().into_iter().map(|exchange| {
            let about = json!({
                "type": exchange.kind,
                "durable": exchange.durable,
                "auto_delete": exchange.auto_delete,
                "internal": exchange.internal,
                "arguments": table_json(&exchange.arguments),
                "policy": exchange.policy,
            });
            (exchange.name, about)
        });
        let bindings = self.rabbit.bindings().into_iter().map(|binding| {
            json!({
                "source": binding.source,
                "destination": binding.destination,
                "destination_type": binding.destination_kind,
                "key": binding.key,
                "arguments": table_json(&binding.arguments),
            })
        });
        let queues = self.rabbit.queues();
        let connections = self.rabbit.connections();
        let connections = connections.iter().map(|it| (it.name.clone(), json!(it.state)));
        let policies = self.rabbit.policies();
        let policies = policies.iter().map(|it| (it.name.clone(), json!(it.pattern)));
        json!({
            "nodes": nodes,
            "exchanges": exchanges.collect::<Map<_, _>>(),
            "bindings": bindings.collect::<Vec<_>>(),
            "queues": queues.iter().map(|q| (q.name.clone(), queue_json(q))).collect::<Map<_, _>>(),
            "alarms": self.rabbit.alarms(),
            "connections": connections.collect::<Map<_, _>>(),
            "policies": policies.collect::<Map<_, _>>(),
        })
    }

    /// A queue.
    pub fn state_queue(&self, name: &str) -> Option<Value> {
        self.rabbit.queue(name).as_ref().map(queue_json)
    }

    /// Producers and consumers by name. A producer to both sides has the figures of each under
    /// `kafka` and `rabbit`, and beside them the larger count of what it sent.
    pub fn state_clients(&self) -> Value {
        let kafka = self.kafka.clients().into_iter().map(|client| client.name);
        let rabbit = self.rabbit.clients().into_iter().map(|client| client.name);
        let names: BTreeSet<String> = kafka.chain(rabbit).collect();
        let states = names.into_iter().filter_map(|name| {
            let state = self.state_client(&name)?;
            Some((name, state))
        });
        Value::Object(states.collect())
    }

    /// A producer or consumer.
    pub fn state_client(&self, name: &str) -> Option<Value> {
        let kafka = self.kafka.client(name).map(|client| kafka_client_json(&client));
        let rabbit = self.rabbit.client(name).map(|client| rabbit_client_json(&client));
        let mut about = match (kafka, rabbit) {
            (Some(kafka), Some(rabbit)) => {
                json!({ "status": kafka["status"], "kafka": kafka, "rabbit": rabbit })
            }
            (one, other) => one.or(other)?,
        };
        let workload = self.workloads().find(|workload| *workload.name == *name);
        if let (Some(workload), Value::Object(about)) = (workload, &mut about) {
            about.insert("sent".into(), json!(workload.sent));
            about.insert("sending".into(), json!(workload.next_at.is_some()));
        }
        Some(about)
    }

    /// What became of the messages: each side, and the sum of what should be zero.
    pub fn state_ledger(&self) -> Value {
        ledger_json(&self.ledger().figures())
    }
}

/// A ledger as JSON.
pub fn ledger_json(report: &LedgerReport) -> Value {
    let figures = |of: &dyn Fn(&str) -> Option<u64>| -> Map<String, Value> {
        let found = FIGURES.iter().filter_map(|(name, _)| Some((*name, of(name)?)));
        found.map(|(name, figure)| (name.to_owned(), json!(figure))).collect()
    };
    let mut both = figures(&|name| report.both(name));
    both.insert("kafka".into(), figures(&|name| report.kafka.figure(name)).into());
    both.insert("rabbit".into(), figures(&|name| report.rabbit.figure(name)).into());
    both.into()
}

fn servers<N: crate::sim::Node>(
    world: &crate::sim::World<N>,
    is_server: impl Fn(NodeId) -> bool,
) -> Map<String, Value> {
    let ids = world.ids().filter(|id| is_server(*id));
    ids.filter(|id| !matches!(world.name(*id), KAFKA_ADMIN | RABBIT_ADMIN))
        .map(|id| (world.name(id).to_owned(), json!({ "status": status_name(world.status(id)) })))
        .collect()
}

fn topic_json(topic: &kafka::inspect::TopicState) -> Value {
    let records: i64 = topic.partitions.iter().map(|p| p.log_end - p.log_start).sum();
    let used = topic.partitions.iter().filter(|p| p.log_end > 0).count();
    let config = topic.settings.iter().map(|(name, value)| {
        let number = value.parse::<i64>().map(Value::from);
        (name.clone(), number.unwrap_or_else(|_| value.clone().into()))
    });
    let config: Map<String, Value> = config.collect();
    let partitions = topic.partitions.iter().map(|partition| {
        json!({
            "partition": partition.partition.partition,
            "leader": partition.leader,
            "leader_epoch": partition.leader_epoch,
            "replicas": partition.replicas,
            "isr": partition.isr,
            "elr": partition.elr,
            "log_start": partition.log_start,
            "high_watermark": partition.high_watermark,
            "last_stable_offset": partition.last_stable,
            "end_offset": partition.log_end,
            "records": partition.log_end - partition.log_start,
            "segments": partition.segments.len(),
            "bytes": partition.segments.iter().map(|segment| segment.bytes).sum::<u64>(),
            "logs": partition.logs.iter().map(log_json).collect::<Vec<_>>(),
        })
    });
    json!({
        "records": records,
        "partitions_used": used,
        "config": config,
        "partitions": partitions.collect::<Vec<_>>(),
    })
}

/// A partition's log at one broker.
fn log_json(log: &kafka::inspect::ReplicaState) -> Value {
    json!({
        "broker": log.broker,
        "leads": log.leads,
        "leader_epoch": log.leader_epoch,
        "log_start": log.log_start,
        "high_watermark": log.high_watermark,
        "end_offset": log.log_end,
    })
}

fn group_json(group: &kafka::inspect::GroupState) -> Value {
    let committed = group
        .offsets
        .iter()
        .map(|position| (position.partition.to_string(), json!(position.committed)));
    let assignment = group.members.iter().map(|member| {
        let partitions: Vec<String> = member.partitions.iter().map(|p| p.to_string()).collect();
        (member.client.clone(), json!({ "partitions": partitions }))
    });
    json!({
        "state": group.state,
        "generation": group.generation,
        "assignor": group.assignor,
        "members": group.members.iter().map(|member| &member.client).collect::<Vec<_>>(),
        "assignment": assignment.collect::<Map<_, _>>(),
        "idle": group.members.iter().filter(|member| member.partitions.is_empty()).count(),
        "lag": group.offsets.iter().map(|position| position.lag).sum::<i64>(),
        "committed": committed.collect::<Map<_, _>>(),
    })
}

fn transaction_json(transaction: &kafka::inspect::TransactionState) -> Value {
    let partitions: Vec<String> = transaction.partitions.iter().map(|p| p.to_string()).collect();
    json!({
        "state": transaction.state,
        "coordinator": transaction.coordinator,
        "producer_id": transaction.producer_id,
        "epoch": transaction.epoch,
        "partitions": partitions,
    })
}

fn queue_json(queue: &rabbit::inspect::QueueState) -> Value {
    json!({
        "type": queue.kind,
        "node": queue.node,
        "state": queue.state,
        "leader": queue.leader,
        "members": queue.members,
        "online": queue.online,
        "delivery_limit": queue.delivery_limit,
        "durable": queue.durable,
        "auto_delete": queue.auto_delete,
        "exclusive": queue.exclusive,
        "arguments": table_json(&queue.arguments),
        "policy": queue.policy,
        "operator_policy": queue.operator_policy,
        "messages": queue.messages(),
        "ready": queue.ready,
        "unacked": queue.unacked,
        "delayed": queue.delayed,
        "dead": queue.dead,
        "bytes": queue.bytes,
        "in_memory": queue.in_memory,
        "consumers": queue.consumers,
        "consumer_utilisation": queue.consumer_utilisation,
    })
}

/// An argument table as JSON.
fn table_json(table: &BTreeMap<String, Argument>) -> Map<String, Value> {
    table.iter().map(|(name, value)| (name.clone(), argument_json(value))).collect()
}

fn argument_json(value: &Argument) -> Value {
    match value {
        Argument::Void => Value::Null,
        Argument::Boolean(truth) => json!(truth),
        Argument::Integer(number) => json!(number),
        Argument::Double(number) => json!(number),
        Argument::Timestamp(seconds) => json!(seconds),
        Argument::Text(text) => json!(text),
        Argument::List(list) => list.iter().map(argument_json).collect(),
        Argument::Table(table) => Value::Object(table_json(table)),
    }
}

fn kafka_client_json(client: &kafka::inspect::ClientState) -> Value {
    let kind = match client.kind {
        kafka::inspect::ClientKind::Producer => "producer",
        kafka::inspect::ClientKind::Consumer => "consumer",
    };
    let store = client.store.iter().map(|(key, count)| (key.clone(), json!(count)));
    let positions = client.positions.iter().map(|(p, offset)| (p.to_string(), json!(offset)));
    json!({
        "kind": kind,
        "status": status_name(client.status),
        "group": client.group,
        "got": client.got,
        "done": client.done,
        "held": client.held_count,
        "held_bytes": client.held_bytes,
        "memory": client.memory,
        "busy": client.busy_until.is_some(),
        "parked": client.parked_since.is_some(),
        "position": positions.collect::<Map<_, _>>(),
        "failed": client.failed,
        "effects": client.effects,
        "store": store.collect::<Map<_, _>>(),
    })
}

fn rabbit_client_json(client: &rabbit::inspect::ClientState) -> Value {
    let kind = match client.kind {
        rabbit::inspect::ClientKind::Publisher => "producer",
        rabbit::inspect::ClientKind::Consumer => "consumer",
    };
    json!({
        "kind": kind,
        "status": if client.out_of_memory { "out_of_memory" } else { status_name(client.status) },
        "queue": client.queue,
        "prefetch": client.prefetch,
        "got": client.got,
        "done": client.done,
        "held": client.held_count,
        "held_bytes": client.held_bytes,
        "memory": client.memory,
        "busy": client.busy_until.is_some(),
        "unacked": client.unacked,
        "failed": client.failed,
        "effects": client.effects,
    })
}

/// A plain value as text, strings without their quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
