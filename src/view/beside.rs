//! Two runs compared: the second one as the page gets it, what can be changed in a recorded line,
//! and the line with it changed.

use super::acts::{self, Verb};
use super::frame::{EventLine, Selection};
use super::scene::{Chart, Ledger, LedgerSide, Place, Scene};
use super::text_view::Table;
use super::words::account::Account;
use super::words::runs::Runs;
use super::words::{Language, number};
use serde::{Deserialize, Serialize};

/// A second run beside the first: one recorded line is another one there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Beside {
    /// The recorded line.
    pub was: String,
    /// The line of the second run.
    pub with: String,
    /// The curves of the second run.
    pub charts: Vec<Chart>,
    /// What became of its messages.
    pub ledger: Ledger,
    /// Where the two part, if they do.
    pub difference: Option<Parting>,
}

/// The first event in which two runs differ; one of them may have none there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parting {
    /// The instant.
    pub at_us: u64,
    /// In the first run.
    pub first: Option<EventLine>,
    /// In the second.
    pub second: Option<EventLine>,
}

/// What became of the messages in both runs.
pub fn table(scene: &Scene, beside: &Beside, language: Language) -> Table {
    let (texts, t) = (Account::of(language), Runs::of(language));
    let (one, two) = (&scene.ledger, &beside.ledger);
    let row = |name: &str, of: fn(&LedgerSide) -> u64| {
        let sides = [&one.kafka, &two.kafka, &one.rabbit, &two.rabbit];
        std::iter::once(name.to_owned()).chain(sides.map(|side| number(of(side)))).collect()
    };
    Table {
        caption: t.two_runs,
        head: vec![texts.what, t.kafka_first, t.kafka_second, t.rabbit_first, t.rabbit_second],
        rows: vec![
            row(texts.sent, |side| side.sent),
            row(texts.delivered, |side| side.delivered),
            row(texts.processed, |side| side.processed),
            row(texts.duplicated, |side| side.duplicated),
            row(texts.lost, |side| side.lost),
            row(texts.reordered, |side| side.reordered),
        ],
    }
}

/// Something that can be another way in a recorded line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knob {
    /// The option.
    option: &'static str,
    /// The setting behind it, if the option takes `NAME=VALUE`.
    key: &'static str,
    /// Values that are worth a try.
    pub values: &'static [&'static str],
}

const fn knob(option: &'static str, values: &'static [&'static str]) -> Knob {
    Knob { option, key: "", values }
}

const fn setting(key: &'static str, values: &'static [&'static str]) -> Knob {
    Knob { option: "--set", key, values }
}

const fn config(key: &'static str, values: &'static [&'static str]) -> Knob {
    Knob { option: "--config", key, values }
}

/// So long a message is worked on.
const WORK: [&str; 8] = ["0ms", "1ms", "5ms", "20ms", "50ms", "200ms", "1s", "3s"];

const OF_LAB: [Knob; 5] = [
    knob("--cost", &["lesson", "lan", "laptop", "datacentre", "hdd", "ssd"]),
    knob("--kafka-brokers", &["1", "2", "3", "5"]),
    knob("--rabbit-nodes", &["1", "3", "5"]),
    knob(
        "--without",
        &[
            "isr-rule",
            "min-isr",
            "broker-fencing",
            "clean-election",
            "epoch-truncation",
            "generation-check",
            "idempotence",
            "commit-after-process",
            "requeue-on-crash",
            "prefetch-limit",
            "confirm-after-store",
            "dead-letter-cycle",
        ],
    ),
    knob("--seed", &["1", "2", "3", "4", "5", "6", "7", "8"]),
];

const OF_PRODUCER: [Knob; 7] = [
    knob("--rate", &["1/s", "2/s", "5/s", "10/s", "20/s", "50/s", "100/s", "200/s", "500/s"]),
    knob("--size", &["10", "100", "1000", "10000", "100000"]),
    knob("--count", &["1", "10", "100", "1000"]),
    setting("acks", &["0", "1", "all"]),
    setting("linger.ms", &["0", "5", "20", "100", "500"]),
    setting("batch.size", &["1", "1000", "16384", "100000"]),
    setting("enable.idempotence", &["true", "false"]),
];

const OF_KAFKA_CONSUMER: [Knob; 6] = [
    knob("--process", &WORK),
    knob("--commit", &["auto", "before", "after"]),
    setting("max.poll.records", &["1", "5", "50", "500"]),
    setting("fetch.max.wait.ms", &["1", "50", "500", "5000"]),
    setting("fetch.min.bytes", &["1", "1000", "100000"]),
    setting("auto.offset.reset", &["earliest", "latest"]),
];

const OF_RABBIT_CONSUMER: [Knob; 4] = [
    knob("--prefetch", &["0", "1", "2", "5", "10", "20", "50", "100", "250"]),
    knob("--process", &WORK),
    knob("--ack", &["manual", "auto"]),
    knob("--on-error", &["requeue", "reject", "drop"]),
];

const OF_TOPIC: [Knob; 5] = [
    knob("--partitions", &["1", "2", "3", "4", "6", "12"]),
    knob("--replication-factor", &["1", "2", "3"]),
    config("min.insync.replicas", &["1", "2", "3"]),
    config("unclean.leader.election.enable", &["true", "false"]),
    config("retention.ms", &["1000", "10000", "60000"]),
];

const OF_QUEUE: [Knob; 1] = [knob("--type", &["classic", "quorum", "stream"])];

/// What can be another way in a recorded line; nothing in most lines.
pub fn knobs(line: &str) -> &'static [Knob] {
    let words = words(line);
    let has = |wanted: &str| words.iter().any(|(_, word)| *word == wanted);
    match words.first().map_or("", |(_, word)| word) {
        "lab" => &OF_LAB,
        "producer" => &OF_PRODUCER,
        "consumer" if has("--kafka") => &OF_KAFKA_CONSUMER,
        "consumer" => &OF_RABBIT_CONSUMER,
        "kafka-topics" if has("--create") => &OF_TOPIC,
        "rabbitmqadmin" if has("declare") && has("queue") => &OF_QUEUE,
        _ => &[],
    }
}

/// The newest recorded line that made the selected client.
pub fn line_of<'a>(selection: &Selection, recorded: &'a [String]) -> Option<&'a str> {
    let Selection::Place(place) = selection else { return None };
    let (program, name) = match place {
        Place::Producer(name) => ("producer", name),
        Place::KafkaConsumer(name) | Place::RabbitConsumer(name) => ("consumer", name),
        _ => return None,
    };
    let made = |line: &&String| match &words(line)[..] {
        [(_, first), (_, second), ..] => *first == program && second.trim_matches('\'') == name,
        _ => false,
    };
    recorded.iter().rev().find(made).map(|line| &**line)
}

/// The lines that stop the selected client and begin it anew as the line says.
pub fn anew(selection: &Selection, scene: &Scene, line: &str) -> String {
    let stops = acts::menu(scene, selection).into_iter().find(|act| act.verb == Verb::Stop);
    match stops {
        Some(stop) => [&*stop.command, "\n", line].concat(),
        None => line.to_owned(),
    }
}

impl Knob {
    /// Its name, as the real systems call it.
    pub fn name(self) -> &'static str {
        if self.key.is_empty() { self.option.trim_start_matches('-') } else { self.key }
    }

    /// Where its value stands in a line: what is before it, the value, and what is after it.
    fn found(self, line: &str) -> Option<(&str, &str, &str)> {
        let words = words(line);
        let pairs = words.windows(2).filter(|pair| pair[0].1 == self.option);
        let mut values = pairs.map(|pair| (pair[1].0, pair[1].1));
        let (at, value) = match self.key {
            "" => values.next()?,
            key => values.find_map(|(at, word)| {
                let value = word.strip_prefix(key)?.strip_prefix('=')?;
                Some((at + word.len() - value.len(), value))
            })?,
        };
        Some((&line[..at], value, &line[at + value.len()..]))
    }

    /// Its value in a line, if it has one there.
    pub fn value(self, line: &str) -> Option<&str> {
        self.found(line).map(|(_, value, _)| value)
    }

    /// The line with another value.
    pub fn change(self, line: &str, value: &str) -> String {
        match self.found(line) {
            Some((before, _, after)) => [before, value, after].concat(),
            None if self.key.is_empty() => [line, " ", self.option, " ", value].concat(),
            None => [line, " ", self.option, " ", self.key, "=", value].concat(),
        }
    }
}

/// The line with another value of an option.
pub fn with_option(line: &str, option: &'static str, value: &str) -> String {
    knob(option, &[]).change(line, value)
}

/// The command that compares.
pub fn command(line: &str) -> String {
    ["lab compare ", line].concat()
}

/// The words of a line, with where each begins. What is quoted is one word, with its quotes.
fn words(line: &str) -> Vec<(usize, &str)> {
    let (mut words, mut begun, mut quote) = (Vec::new(), None, None);
    for (at, letter) in line.char_indices() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            (' ', None) => {
                if let Some(from) = begun.take() {
                    words.push((from, &line[from..at]));
                }
                continue;
            }
            _ => {}
        }
        begun = begun.or(Some(at));
    }
    words.extend(begun.map(|from| (from, &line[from..])));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::scene::Consumer;

    fn of(line: &str, name: &str) -> Knob {
        *knobs(line).iter().find(|knob| knob.name() == name).expect("the line has it")
    }

    #[test]
    fn a_value_is_found_and_changed_in_its_place() {
        let line = "consumer cr --rabbit q --prefetch 10 --process 20ms";
        assert_eq!(of(line, "prefetch").value(line), Some("10"));
        assert_eq!(
            of(line, "prefetch").change(line, "1"),
            "consumer cr --rabbit q --prefetch 1 --process 20ms"
        );
        assert_eq!(of(line, "ack").value(line), None);
        assert_eq!(of(line, "ack").change(line, "auto"), format!("{line} --ack auto"));
    }

    #[test]
    fn a_setting_is_one_among_several() {
        let line = "producer p --kafka t --set linger.ms=5 --set acks=1 --payload '--set acks=0 x'";
        assert_eq!(of(line, "acks").value(line), Some("1"));
        assert_eq!(
            of(line, "acks").change(line, "all"),
            "producer p --kafka t --set linger.ms=5 --set acks=all --payload '--set acks=0 x'"
        );
        let more = of(line, "batch.size").change(line, "1");
        assert!(more.ends_with(" --set batch.size=1"), "{more}");
    }

    #[test]
    fn a_client_begins_anew_from_its_newest_line() {
        let recorded = ["consumer cr --rabbit q", "consumer cr2 --rabbit q", "client cr stop"];
        let mut recorded: Vec<String> = recorded.map(str::to_owned).to_vec();
        let selection = Selection::Place(Place::RabbitConsumer("cr".into()));
        assert_eq!(line_of(&selection, &recorded), Some("consumer cr --rabbit q"));
        recorded.push("consumer cr --rabbit q --prefetch 1".into());
        let line = line_of(&selection, &recorded).expect("it is recorded");
        assert_eq!(line, "consumer cr --rabbit q --prefetch 1");
        let mut scene = Scene::default();
        assert_eq!(anew(&selection, &scene, line), line);
        scene.rabbit.consumers.push(Consumer { name: "cr".into(), ..Consumer::default() });
        assert_eq!(anew(&selection, &scene, line), ["client cr stop\n", line].concat());
    }

    #[test]
    fn most_lines_have_nothing_to_change() {
        for line in ["", "node kafka-1 crash", "kafka-topics --list", "rabbitmqadmin list queues"] {
            assert!(knobs(line).is_empty(), "{line}");
        }
        assert_eq!(knobs("kafka-topics --create --topic t").len(), OF_TOPIC.len());
        assert_eq!(knobs("rabbitmqadmin declare queue --name q").len(), OF_QUEUE.len());
    }
}
