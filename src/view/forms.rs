//! Building by hand: what a form asks for, and the command that its answers make. The page shows
//! the command while the form is filled, and runs that and nothing else.

use super::scene::{Health, Scene};

/// What can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A client that sends to both sides.
    Producer,
    /// A client that pulls.
    KafkaConsumer,
    /// A client that is pushed to.
    RabbitConsumer,
    /// A topic.
    Topic,
    /// More partitions of a topic.
    Partitions,
    /// A queue.
    Queue,
    /// An exchange.
    Exchange,
    /// A way from an exchange to a queue.
    Binding,
    /// A Kafka broker that joins.
    Broker,
    /// A RabbitMQ node that joins.
    Node,
    /// A topic, queue, exchange, binding or client less.
    Remove,
}

/// All forms, in the order in which they stand.
pub const FORMS: [Form; 11] = [
    Form::Producer,
    Form::KafkaConsumer,
    Form::RabbitConsumer,
    Form::Topic,
    Form::Partitions,
    Form::Queue,
    Form::Exchange,
    Form::Binding,
    Form::Broker,
    Form::Node,
    Form::Remove,
];

/// What a field asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A name.
    Name,
    /// A topic that is there, or none.
    Topic,
    /// A queue that is there, or none.
    Queue,
    /// An exchange with a name.
    Exchange,
    /// What can be removed: its kind, then its name.
    Thing,
    /// A group.
    Group,
    /// Keys.
    Keys,
    /// A routing key.
    RoutingKey,
    /// Messages a second.
    Rate,
    /// Bytes of a message.
    Size,
    /// What its handler needs for a message.
    Process,
    /// Unacknowledged messages at most.
    Prefetch,
    /// `acks`.
    Acks,
    /// `linger.ms`.
    Linger,
    /// Partitions.
    Count,
    /// Replicas of each.
    Replicas,
    /// The type of a queue.
    QueueType,
    /// The type of an exchange.
    ExchangeType,
}

/// The stops of a slider, or the choices of a list.
const RATES: &[&str] = &["1", "2", "5", "10", "20", "50", "100", "200", "500", "1000"];
const SIZES: &[&str] = &["10", "100", "1000", "10000", "100000", "1000000"];
const SPANS: &[&str] = &[
    "0ms", "1ms", "5ms", "10ms", "20ms", "50ms", "100ms", "200ms", "500ms", "1s", "2s", "5s", "10s",
];
const PREFETCHES: &[&str] = &["0", "1", "2", "5", "10", "20", "50", "100", "500", "1000"];
const LINGERS: &[&str] = &["0", "5", "10", "20", "50", "100", "500", "1000"];
const COUNTS: &[&str] = &["1", "2", "3", "4", "6", "8", "12"];
const REPLICAS: &[&str] = &["1", "2", "3"];
const ACKS: &[&str] = &["all", "1", "0"];
const QUEUE_TYPES: &[&str] = &["classic", "quorum", "stream"];
const EXCHANGE_TYPES: &[&str] = &["direct", "fanout", "topic", "headers"];

impl Ask {
    /// The stops of its slider; none if it is no slider.
    pub fn stops(self) -> &'static [&'static str] {
        match self {
            Ask::Rate => RATES,
            Ask::Size => SIZES,
            Ask::Process => SPANS,
            Ask::Prefetch => PREFETCHES,
            Ask::Linger => LINGERS,
            Ask::Count => COUNTS,
            Ask::Replicas => REPLICAS,
            _ => &[],
        }
    }

    /// What can be chosen; `None` if it is no list.
    pub fn choices(self, scene: &Scene) -> Option<Vec<String>> {
        let topics = || scene.kafka.topics.iter().map(|topic| topic.name.clone());
        let queues = || scene.rabbit.queues.iter().map(|queue| queue.name.clone());
        let exchanges = || {
            scene.rabbit.exchanges.iter().map(|e| e.name.clone()).filter(|name| !name.is_empty())
        };
        let fixed = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
        Some(match self {
            Ask::Topic => topics().chain([String::new()]).collect(),
            Ask::Queue => queues().chain([String::new()]).collect(),
            Ask::Exchange => exchanges().collect(),
            Ask::Thing => topics()
                .map(|name| ["topic ", &name].concat())
                .chain(queues().map(|name| ["queue ", &name].concat()))
                .chain(exchanges().map(|name| ["exchange ", &name].concat()))
                .chain(bindings(scene).map(|binding| ["binding ", &binding.words()].concat()))
                .chain(clients(scene).map(|name| ["client ", name].concat()))
                .collect(),
            Ask::Acks => fixed(ACKS),
            Ask::QueueType => fixed(QUEUE_TYPES),
            Ask::ExchangeType => fixed(EXCHANGE_TYPES),
            _ => return None,
        })
    }
}

impl Form {
    /// Its fields.
    pub fn asks(self) -> &'static [Ask] {
        match self {
            Form::Producer => &[
                Ask::Name,
                Ask::Topic,
                Ask::Queue,
                Ask::Rate,
                Ask::Size,
                Ask::Keys,
                Ask::Acks,
                Ask::Linger,
            ],
            Form::KafkaConsumer => &[Ask::Name, Ask::Topic, Ask::Group, Ask::Process],
            Form::RabbitConsumer => &[Ask::Name, Ask::Queue, Ask::Prefetch, Ask::Process],
            Form::Topic => &[Ask::Name, Ask::Count, Ask::Replicas],
            Form::Partitions => &[Ask::Topic, Ask::Count],
            Form::Queue => &[Ask::Name, Ask::QueueType],
            Form::Exchange => &[Ask::Name, Ask::ExchangeType],
            Form::Binding => &[Ask::Exchange, Ask::Queue, Ask::RoutingKey],
            Form::Broker | Form::Node => &[Ask::Name],
            Form::Remove => &[Ask::Thing],
        }
    }

    /// What stands in a field at first.
    pub fn first(self, ask: Ask, scene: &Scene) -> String {
        if let Some(choices) = ask.choices(scene) {
            return choices.into_iter().next().unwrap_or_default();
        }
        match ask {
            Ask::Name => self.free_name(scene),
            Ask::Group => "g".into(),
            Ask::Rate => "10".into(),
            Ask::Size => "100".into(),
            Ask::Process => "50ms".into(),
            Ask::Prefetch => "10".into(),
            Ask::Linger => "5".into(),
            Ask::Count => "3".into(),
            Ask::Replicas => scene.kafka.brokers.len().clamp(1, 3).to_string(),
            _ => String::new(),
        }
    }

    /// A name of its kind that nobody has.
    fn free_name(self, scene: &Scene) -> String {
        let base = match self {
            Form::Producer => "p",
            Form::KafkaConsumer => "ck",
            Form::RabbitConsumer => "cr",
            Form::Topic => "t",
            Form::Queue => "q",
            Form::Broker => "kafka-",
            Form::Node => "rabbit-",
            _ => "x",
        };
        let taken = |name: &str| match self {
            Form::Topic => scene.kafka.topics.iter().any(|topic| topic.name == name),
            Form::Queue => scene.rabbit.queues.iter().any(|queue| queue.name == name),
            Form::Exchange => scene.rabbit.exchanges.iter().any(|exchange| exchange.name == name),
            Form::Broker => scene.kafka.brokers.iter().any(|broker| broker.name == name),
            Form::Node => scene.rabbit.nodes.iter().any(|node| node.name == name),
            _ => health_of(scene, name).is_some(),
        };
        let mut number = 1;
        loop {
            let name = [base, &number.to_string()].concat();
            if !taken(&name) {
                return name;
            }
            number += 1;
        }
    }

    /// The lines that the answers make; `None` while something is missing. A client that is there
    /// already is stopped first, and begins anew with these answers.
    pub fn command(self, answers: &[String], scene: &Scene) -> Option<String> {
        let answer = |ask: Ask| {
            let at = self.asks().iter().position(|asked| *asked == ask)?;
            answers.get(at).map(|answer| answer.trim()).filter(|answer| !answer.is_empty())
        };
        let mut line = String::new();
        let mut add = |pieces: &[&str]| pieces.iter().for_each(|piece| line.push_str(piece));
        match self {
            Form::Producer => {
                add(&["producer ", &quoted(answer(Ask::Name)?)]);
                let (topic, queue) = (answer(Ask::Topic), answer(Ask::Queue));
                topic.or(queue)?;
                if let Some(topic) = topic {
                    add(&[" --kafka ", topic]);
                }
                if let Some(queue) = queue {
                    add(&[" --rabbit ", &quoted(&["/", queue].concat())]);
                }
                add(&[" --rate ", answer(Ask::Rate)?, "/s --size ", answer(Ask::Size)?]);
                if let Some(keys) = answer(Ask::Keys) {
                    add(&[" --keys ", &quoted(keys)]);
                }
                let (acks, linger) = (answer(Ask::Acks)?, answer(Ask::Linger)?);
                if topic.is_some() && acks != "all" {
                    add(&[" --set acks=", acks]);
                }
                if topic.is_some() && linger != "5" {
                    add(&[" --set linger.ms=", linger]);
                }
            }
            Form::KafkaConsumer => {
                add(&["consumer ", &quoted(answer(Ask::Name)?), " --kafka ", answer(Ask::Topic)?]);
                add(&[" --group ", &quoted(answer(Ask::Group)?)]);
                add(&[" --process ", answer(Ask::Process)?]);
            }
            Form::RabbitConsumer => {
                add(&["consumer ", &quoted(answer(Ask::Name)?)]);
                add(&[" --rabbit ", &quoted(answer(Ask::Queue)?)]);
                add(&[
                    " --prefetch ",
                    answer(Ask::Prefetch)?,
                    " --process ",
                    answer(Ask::Process)?,
                ]);
            }
            Form::Topic => {
                add(&["kafka-topics --create --topic ", &quoted(answer(Ask::Name)?)]);
                add(&[" --partitions ", answer(Ask::Count)?]);
                add(&[" --replication-factor ", answer(Ask::Replicas)?]);
            }
            Form::Partitions => {
                add(&["kafka-topics --alter --topic ", answer(Ask::Topic)?]);
                add(&[" --partitions ", answer(Ask::Count)?]);
            }
            Form::Queue => {
                add(&["rabbitmqadmin declare queue --name ", &quoted(answer(Ask::Name)?)]);
                if let Some(kind) = answer(Ask::QueueType).filter(|kind| *kind != "classic") {
                    add(&[" --type ", kind]);
                }
            }
            Form::Exchange => {
                add(&["rabbitmqadmin declare exchange --name ", &quoted(answer(Ask::Name)?)]);
                add(&[" --type ", answer(Ask::ExchangeType)?]);
            }
            Form::Binding => {
                add(&["rabbitmqadmin declare binding --source ", &quoted(answer(Ask::Exchange)?)]);
                let queue = quoted(answer(Ask::Queue)?);
                add(&[" --destination ", &queue, " --destination-type queue"]);
                if let Some(key) = answer(Ask::RoutingKey) {
                    add(&[" --routing-key ", &quoted(key)]);
                }
            }
            Form::Broker | Form::Node => add(&["node ", answer(Ask::Name)?, " add"]),
            Form::Remove => match answer(Ask::Thing)?.split_once(' ')? {
                ("topic", name) => add(&["kafka-topics --delete --topic ", name]),
                ("client", name) => add(&["client ", &quoted(name), " stop"]),
                ("binding", of) => {
                    let binding = bindings(scene).find(|binding| binding.words() == of)?;
                    add(&["rabbitmqadmin delete binding --source ", &quoted(binding.source)]);
                    add(&[" --destination-type ", binding.kind(scene)]);
                    add(&[" --destination ", &quoted(binding.destination)]);
                    add(&[" --routing-key ", &quoted(binding.key)]);
                }
                (kind, name) => add(&["rabbitmqadmin delete ", kind, " --name ", &quoted(name)]),
            },
        }
        let is_client = matches!(self, Form::Producer | Form::KafkaConsumer | Form::RabbitConsumer);
        let name = answer(Ask::Name).unwrap_or_default();
        let runs = is_client && !matches!(health_of(scene, name), None | Some(Health::Down));
        Some(match runs {
            true => ["client ", name, " stop\n", &line].concat(),
            false => line,
        })
    }
}

/// A way from a named exchange to a queue or another exchange.
struct Binding<'a> {
    source: &'a str,
    key: &'a str,
    destination: &'a str,
}

impl Binding<'_> {
    /// As it stands in the list of what can be removed.
    fn words(&self) -> String {
        let arrow = [self.source, " → ", self.destination].concat();
        if self.key.is_empty() { arrow } else { [&*arrow, " (", self.key, ")"].concat() }
    }

    fn kind(&self, scene: &Scene) -> &'static str {
        let is_queue = scene.rabbit.queues.iter().any(|queue| queue.name == self.destination);
        if is_queue { "queue" } else { "exchange" }
    }
}

fn bindings(scene: &Scene) -> impl Iterator<Item = Binding<'_>> {
    let named = scene.rabbit.exchanges.iter().filter(|exchange| !exchange.name.is_empty());
    named.flat_map(|exchange| {
        let own = exchange.bindings.iter();
        own.map(|(key, destination)| Binding { source: &exchange.name, key, destination })
    })
}

/// Clients that have not ended.
fn clients(scene: &Scene) -> impl Iterator<Item = &str> {
    let consumers = scene.kafka.consumers.iter().chain(&scene.rabbit.consumers);
    let consumers = consumers.map(|consumer| (&*consumer.name, consumer.health));
    let producers = scene.producers.iter().map(|producer| (&*producer.name, producer.health));
    producers.chain(consumers).filter(|(_, health)| *health != Health::Down).map(|(name, _)| name)
}

fn health_of(scene: &Scene, name: &str) -> Option<Health> {
    let consumers = scene.kafka.consumers.iter().chain(&scene.rabbit.consumers);
    let consumers = consumers.map(|consumer| (&consumer.name, consumer.health));
    let producers = scene.producers.iter().map(|producer| (&producer.name, producer.health));
    consumers.chain(producers).find(|(known, _)| **known == *name).map(|(_, health)| health)
}

/// A word as the lab's language reads it.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ',' | '/' | ':');
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => ["'", &word.replace('\'', "'\\''"), "'"].concat(),
    }
}

#[cfg(test)]
#[path = "forms_tests.rs"]
mod tests;
