//! The picture in words: one sentence of state, and tables. Made from the same scene as the
//! picture, so neither can lag behind the other.

use super::scene::{
    Caret, Consumer, Exchange, Health, LedgerSide, Mover, Partition, Place, Producer, Queue,
    Replica, Scene, Server,
};
use super::words::account::Account;
use super::words::{Language, fill, number, seconds};

/// The picture in words.
#[derive(Clone, Debug, PartialEq)]
pub struct TextView {
    /// The state in a sentence or a few.
    pub state: String,
    /// The tables, those without a row left out.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// What it is of.
    pub caption: &'static str,
    /// The head of each column; the first column names its row.
    pub head: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
}

/// So many messages of a partition or a queue are named.
const NAMED_MAX: usize = 12;

/// The picture in words.
pub fn text_view(scene: &Scene, language: Language) -> TextView {
    let texts = Account::of(language);
    let mut tables = vec![
        producers(&scene.producers, texts),
        partitions(scene, texts),
        queues(&scene.rabbit.queues, texts),
        exchanges(&scene.rabbit.exchanges, texts),
        consumers(scene, texts, language),
        servers(scene, texts),
        ledger(scene, texts),
        on_the_way(&scene.in_flight, texts),
    ];
    tables.retain(|table| !table.rows.is_empty());
    TextView { state: state(scene, language), tables }
}

/// The state in a sentence or a few: what a screen reader hears of the picture.
pub fn state(scene: &Scene, language: Language) -> String {
    let texts = Account::of(language);
    let time = seconds(scene.now_us, language);
    if scene.kafka.topics.is_empty() && scene.rabbit.queues.is_empty() {
        return fill(texts.empty, &[("time", &time)]);
    }
    let partitions = || scene.kafka.topics.iter().flat_map(|topic| &topic.partitions);
    let lag: i64 = partitions().flat_map(|p| &p.carets).map(|caret| caret.lag).sum();
    let sum = |value: fn(&Queue) -> u64| number(scene.rabbit.queues.iter().map(value).sum());
    let records = number(scene.kafka.records);
    let lag = number(lag.max(0) as u64);
    let mut sentences =
        vec![fill(texts.kafka_state, &[("time", &time), ("records", &records), ("lag", &lag)])];
    for consumer in &scene.kafka.consumers {
        let text = match consumer.health {
            Health::Paused => texts.kafka_paused,
            Health::Down | Health::Off => texts.kafka_down,
            Health::OutOfMemory => texts.kafka_full,
            _ if consumer.held_count > 0 => texts.kafka_holds,
            _ => continue,
        };
        sentences.push(about(text, consumer));
    }
    let (ready, unacked) = (sum(|queue| queue.ready), sum(|queue| queue.unacked));
    sentences.push(fill(texts.rabbit_state, &[("ready", &ready), ("unacked", &unacked)]));
    if scene.rabbit.queues.iter().any(|queue| queue.delayed > 0) {
        let delayed = sum(|queue| queue.delayed);
        sentences.push(fill(texts.rabbit_delayed, &[("delayed", &delayed)]));
    }
    for consumer in &scene.rabbit.consumers {
        let text = match consumer.health {
            Health::Paused => texts.rabbit_paused,
            Health::Down | Health::Off => texts.rabbit_down,
            Health::OutOfMemory => texts.rabbit_full,
            _ if consumer.held_count > 0 => texts.rabbit_holds,
            _ => continue,
        };
        sentences.push(about(text, consumer));
    }
    let (k, r) = (&scene.ledger.kafka, &scene.ledger.rabbit);
    let bad = [k.lost + r.lost, k.duplicated + r.duplicated, k.reordered + r.reordered];
    if bad.iter().any(|count| *count > 0) {
        let [lost, duplicated, reordered] = bad.map(number);
        let values = [("lost", &*lost), ("duplicated", &duplicated), ("reordered", &reordered)];
        sentences.push(fill(texts.ledger_bad, &values));
    }
    sentences.join(" ")
}

fn about(text: &str, consumer: &Consumer) -> String {
    fill(text, &[("name", &consumer.name), ("held", &number(consumer.held_count))])
}

/// How something is, in a word or two.
pub fn health(health: Health, language: Language) -> &'static str {
    health_word(health, Account::of(language))
}

fn health_word(health: Health, texts: &'static Account) -> &'static str {
    match health {
        Health::Running => texts.running,
        Health::Starting => texts.starting,
        Health::Paused => texts.paused,
        Health::Down => texts.down,
        Health::Off => texts.off,
        Health::OutOfMemory => texts.out_of_memory,
    }
}

fn producers(producers: &[Producer], texts: &'static Account) -> Table {
    let row = |producer: &Producer| {
        let exchanges =
            producer.exchanges.iter().map(|(exchange, key)| [exchange, "/", key].concat());
        let to: Vec<String> = producer.topics.iter().cloned().chain(exchanges).collect();
        let rate = match producer.rate_per_second {
            0.0 => texts.all_at_once.to_owned(),
            rate => rate_text(rate),
        };
        vec![
            producer.name.clone(),
            health_word(producer.health, texts).to_owned(),
            to.join(", "),
            rate,
            number(producer.sent),
            producer.count.map_or(texts.endless.to_owned(), number),
            number(producer.acknowledged),
            number(producer.confirmed),
            number(producer.failed),
        ]
    };
    Table {
        caption: texts.producers,
        head: vec![
            texts.name,
            texts.state,
            texts.to,
            texts.rate,
            texts.sent,
            texts.of,
            texts.acknowledged,
            texts.confirmed,
            texts.failed,
        ],
        rows: producers.iter().map(row).collect(),
    }
}

/// A rate: `100/s`, `0.5/s`.
pub fn rate_text(rate: f64) -> String {
    let tenths = (rate * 10.0).round() as u64;
    if tenths >= 100 || tenths.is_multiple_of(10) {
        return number((tenths + 5) / 10) + "/s";
    }
    number(tenths / 10) + "." + &(tenths % 10).to_string() + "/s"
}

fn partitions(scene: &Scene, texts: &'static Account) -> Table {
    let mut rows = Vec::new();
    for topic in &scene.kafka.topics {
        for partition in &topic.partitions {
            let groups = match partition.carets.is_empty() {
                true => vec![["-"; 4].map(str::to_owned)],
                false => partition.carets.iter().map(caret_cells).collect(),
            };
            for group in groups {
                rows.push(partition_row(&topic.name, partition, group, texts));
            }
        }
    }
    Table {
        caption: texts.partitions,
        head: vec![
            texts.partition,
            texts.leader,
            texts.isr_head,
            texts.log_end,
            texts.high_watermark,
            texts.group,
            texts.committed,
            texts.position,
            texts.lag,
            texts.log_start,
            texts.replicas,
            texts.bytes,
            texts.segments,
            texts.newest,
        ],
        rows,
    }
}

fn caret_cells(caret: &Caret) -> [String; 4] {
    let offset = |offset: Option<i64>| offset.map_or("-".to_owned(), |o| o.to_string());
    let (committed, position) = (offset(caret.committed), offset(caret.position));
    [caret.group.clone(), committed, position, caret.lag.to_string()]
}

/// Each broker with the end of its log.
fn replicas(replicas: &[Replica]) -> String {
    let each = replicas.iter().map(|replica| format!("{} ({})", replica.broker, replica.log_end));
    each.collect::<Vec<_>>().join(", ")
}

fn partition_row(
    topic: &str,
    partition: &Partition,
    [group, committed, position, lag]: [String; 4],
    texts: &'static Account,
) -> Vec<String> {
    let ids = |ids: &[i32]| {
        ids.iter().map(|id| ["kafka-", &id.to_string()].concat()).collect::<Vec<_>>().join(", ")
    };
    let from = partition.cells.len().saturating_sub(NAMED_MAX);
    let newest = partition.cells[from..].iter().map(|cell| {
        let mut text = message_text(cell.message, cell.key.as_deref());
        if !cell.visible {
            text = [&*text, " (", texts.not_visible, ")"].concat();
        }
        text
    });
    vec![
        [topic, "-", &partition.index.to_string()].concat(),
        partition.leader.clone().unwrap_or_else(|| texts.none.to_owned()),
        ids(&partition.isr),
        partition.log_end.to_string(),
        partition.high_watermark.to_string(),
        group,
        committed,
        position,
        lag,
        partition.log_start.to_string(),
        replicas(&partition.replicas),
        number(partition.bytes),
        partition.segments.to_string(),
        newest.collect::<Vec<_>>().join(", "),
    ]
}

fn message_text(message: Option<u64>, key: Option<&str>) -> String {
    let mut text = message.map_or("?".to_owned(), |message| ["m", &message.to_string()].concat());
    if let Some(key) = key {
        text = [&*text, " [", key, "]"].concat();
    }
    text
}

fn queues(queues: &[Queue], texts: &'static Account) -> Table {
    let row = |queue: &Queue| {
        let head = queue.cells.iter().take(NAMED_MAX).map(|cell| {
            let mut text = message_text(Some(cell.message), cell.key.as_deref());
            let state = match (cell.unacked, cell.delayed) {
                (true, _) => texts.unacked,
                (_, true) => texts.delayed,
                _ => return text,
            };
            text = [&*text, " (", &state.to_lowercase(), ")"].concat();
            text
        });
        let redelivered = queue.cells.iter().filter(|cell| cell.redelivered).count();
        vec![
            queue.name.clone(),
            queue.kind.clone(),
            if queue.durable { texts.yes } else { texts.no }.to_owned(),
            number(queue.ready),
            number(queue.unacked),
            number(queue.delayed),
            number(redelivered as u64),
            number(queue.bytes),
            head.collect::<Vec<_>>().join(", "),
        ]
    };
    Table {
        caption: texts.queues,
        head: vec![
            texts.queue,
            texts.kind,
            texts.durable,
            texts.ready,
            texts.unacked,
            texts.delayed,
            texts.redelivered,
            texts.bytes,
            texts.head,
        ],
        rows: queues.iter().map(row).collect(),
    }
}

fn exchanges(exchanges: &[Exchange], texts: &'static Account) -> Table {
    let row = |exchange: &Exchange| {
        let name = match exchange.name.as_str() {
            "" => texts.default_exchange.to_owned(),
            name => name.to_owned(),
        };
        let bindings = exchange.bindings.iter().map(|(key, queue)| [key, " → ", queue].concat());
        vec![name, exchange.kind.clone(), bindings.collect::<Vec<_>>().join(", ")]
    };
    Table {
        caption: texts.exchanges,
        head: vec![texts.exchange, texts.kind, texts.bindings],
        rows: exchanges.iter().map(row).collect(),
    }
}

fn consumers(scene: &Scene, texts: &'static Account, language: Language) -> Table {
    let row = |side: &str, consumer: &Consumer| {
        let mut limits = Vec::new();
        if consumer.prefetch > 0 {
            let value = consumer.prefetch.to_string();
            limits.push(fill(texts.prefetch, &[("value", &value)]));
        }
        if consumer.memory > 0 {
            limits.push(fill(texts.memory, &[("value", &number(consumer.memory))]));
        }
        if limits.is_empty() {
            limits.push(texts.unlimited.to_owned());
        }
        let mut state = health_word(consumer.health, texts).to_owned();
        if consumer.parked_since_us.is_some() {
            state = [&*state, ", ", texts.asking].concat();
        }
        if consumer.busy_until_us.is_some() {
            state = [&*state, ", ", texts.working].concat();
        }
        vec![
            consumer.name.clone(),
            side.to_owned(),
            state,
            consumer.group.clone().unwrap_or_else(|| "-".to_owned()),
            consumer.reads.join(", "),
            number(consumer.held_count),
            limits.join(", "),
            number(consumer.held_bytes),
            number(consumer.unacked),
            number(consumer.got),
            number(consumer.done),
            seconds(consumer.work_us, language),
        ]
    };
    let kafka = scene.kafka.consumers.iter().map(|consumer| row("Kafka", consumer));
    let rabbit = scene.rabbit.consumers.iter().map(|consumer| row("RabbitMQ", consumer));
    Table {
        caption: texts.consumers,
        head: vec![
            texts.name,
            texts.side,
            texts.state,
            texts.group,
            texts.reads,
            texts.held,
            texts.limit,
            texts.bytes,
            texts.unacked,
            texts.got,
            texts.done,
            texts.work,
        ],
        rows: kafka.chain(rabbit).collect(),
    }
}

fn servers(scene: &Scene, texts: &'static Account) -> Table {
    let row =
        |server: &Server| vec![server.name.clone(), health_word(server.health, texts).to_owned()];
    let all = scene.kafka.brokers.iter().chain(&scene.rabbit.nodes);
    Table {
        caption: texts.servers,
        head: vec![texts.name, texts.state],
        rows: all.map(row).collect(),
    }
}

fn ledger(scene: &Scene, texts: &'static Account) -> Table {
    let row = |name: &str, side: &LedgerSide| {
        let figures = [
            side.sent,
            side.acknowledged,
            side.delivered,
            side.processed,
            side.duplicated,
            side.lost,
            side.reordered,
        ];
        std::iter::once(name.to_owned()).chain(figures.map(number)).collect()
    };
    Table {
        caption: texts.ledger,
        head: vec![
            texts.side,
            texts.sent,
            texts.acknowledged,
            texts.delivered,
            texts.processed,
            texts.duplicated,
            texts.lost,
            texts.reordered,
        ],
        rows: vec![row("Kafka", &scene.ledger.kafka), row("RabbitMQ", &scene.ledger.rabbit)],
    }
}

/// The ledger alone, for its panel.
pub fn ledger_table(scene: &Scene, language: Language) -> Table {
    ledger(scene, Account::of(language))
}

/// Both sides beside each other, in a few figures: for a page with room for one lane only.
pub fn comparison(scene: &Scene, language: Language) -> Table {
    let texts = Account::of(language);
    let partitions = scene.kafka.topics.iter().flat_map(|topic| &topic.partitions);
    let lag: i64 = partitions.flat_map(|p| &p.carets).map(|caret| caret.lag.max(0)).sum();
    let ready: u64 = scene.rabbit.queues.iter().map(|queue| queue.ready).sum();
    let held = |consumers: &[Consumer]| number(consumers.iter().map(|c| c.held_count).sum());
    let states = |consumers: &[Consumer]| {
        let words =
            consumers.iter().map(|c| [&*c.name, ": ", health_word(c.health, texts)].concat());
        words.collect::<Vec<_>>().join(", ")
    };
    let (k, r) = (&scene.kafka.consumers, &scene.rabbit.consumers);
    let (kafka, rabbit) = (&scene.ledger.kafka, &scene.ledger.rabbit);
    let row = |name: &str, kafka: String, rabbit: String| vec![name.to_owned(), kafka, rabbit];
    let count = |name, kafka: u64, rabbit: u64| row(name, number(kafka), number(rabbit));
    Table {
        caption: texts.compared,
        head: vec![texts.what, "Kafka", "RabbitMQ"],
        rows: vec![
            count(texts.waiting, lag as u64, ready),
            row(texts.in_memory, held(k), held(r)),
            row(texts.consumers, states(k), states(r)),
            count(texts.processed, kafka.processed, rabbit.processed),
            count(texts.duplicated, kafka.duplicated, rabbit.duplicated),
            count(texts.lost, kafka.lost, rabbit.lost),
        ],
    }
}

fn on_the_way(movers: &[Mover], texts: &'static Account) -> Table {
    let row = |mover: &Mover| {
        vec![
            mover.name.clone(),
            place_text(&mover.from, texts),
            place_text(&mover.to, texts),
            number(mover.count),
        ]
    };
    Table {
        caption: texts.on_the_way,
        head: vec![texts.what, texts.from, texts.place_to, texts.count],
        rows: movers.iter().map(row).collect(),
    }
}

/// The name of a place as it stands in text.
pub fn place_name(place: &Place, language: Language) -> String {
    place_text(place, Account::of(language))
}

fn place_text(place: &Place, texts: &'static Account) -> String {
    match place {
        Place::Partition(topic, index) => [topic, "-", &index.to_string()].concat(),
        Place::Exchange(name) if name.is_empty() => texts.default_exchange.to_owned(),
        Place::Tool => texts.tool.to_owned(),
        Place::Producer(name)
        | Place::Broker(name)
        | Place::KafkaConsumer(name)
        | Place::RabbitNode(name)
        | Place::Exchange(name)
        | Place::Queue(name)
        | Place::RabbitConsumer(name) => name.clone(),
    }
}

#[cfg(test)]
#[path = "text_view_tests.rs"]
mod tests;
