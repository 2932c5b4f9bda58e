//! Words that could stand next at the end of a line.

use super::lexer::words_so_far;
use super::options::{Is, Opt};
use super::programs::{self, LATER, Plain, Program};
use crate::lab::{Session, Timeline};
use crate::ordered::Order;
use serde_json::Value;

/// Words that could stand next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Each word whole.
    pub words: Vec<String>,
    /// How many characters at the end of the line they take the place of.
    pub replaces: usize,
}

/// At most so many words are offered.
const WORDS_MAX: usize = 200;

/// What the value of an option names, by the option.
const VALUES: [(&str, Plain); 11] = [
    ("--topic", Plain::Topic),
    ("--kafka", Plain::Topic),
    ("--group", Plain::Group),
    ("--queue", Plain::Queue),
    ("--destination", Plain::Queue),
    ("--rabbit", Plain::Queue),
    ("--exchange", Plain::Exchange),
    ("--source", Plain::Exchange),
    ("--cost", Plain::Words(&["lesson", "laptop", "lan", "datacentre", "hdd", "ssd"])),
    (
        "--set",
        Plain::Words(&[
            "acks=",
            "linger.ms=",
            "batch.size=",
            "enable.idempotence=",
            "auto.offset.reset=",
            "max.poll.records=",
            "confirm=",
            "mandatory=",
            "delivery_mode=",
        ]),
    ),
    ("--name", Plain::Queue),
];

/// Words that could stand next at the end of `line`.
pub fn complete(line: &str, timeline: &Timeline) -> Completion {
    let typed = line.rsplit([' ', '\t', '\n']).next().unwrap_or_default();
    let before = words_so_far(&line[..line.len() - typed.len()]);
    let session = timeline.session();
    let mut words = match before.split_first() {
        None => programs::names().map(str::to_owned).collect(),
        Some((program, before)) => match programs::find(&program.text) {
            None => Vec::new(),
            Some(program) => {
                let before: Vec<&str> = before.iter().map(|word| word.text.as_str()).collect();
                behind(program, &before, typed, session)
            }
        },
    };
    words.retain(|word| word.starts_with(typed) && word != typed);
    words.order();
    words.dedup();
    words.truncate(WORDS_MAX);
    Completion { words, replaces: typed.chars().count() }
}

fn behind(program: &Program, before: &[&str], typed: &str, session: &Session) -> Vec<String> {
    let options = || program.options.iter().flat_map(|(_, options)| *options);
    let named = |name: &str| options().find(|option| option.names.contains(&name));
    if let Some(option) = before.last().and_then(|last| named(last)).filter(takes_next) {
        let known = VALUES.iter().find(|(name, _)| option.names.contains(name));
        return match known {
            Some((_, plain)) => known_words(*plain, session),
            None => alternatives(option.value),
        };
    }
    if typed.starts_with('-') {
        let shown = options().filter(|o| !matches!(o.is, Is::Ignored | Is::NotHereYet));
        return shown.map(|option| option.names[0].to_owned()).collect();
    }
    let mut plain = 0;
    let mut words = before.iter();
    while let Some(word) = words.next() {
        match named(word) {
            Some(option) if takes_next(&option) => drop(words.next()),
            Some(_) => {}
            None => plain += 1,
        }
    }
    let last = program.plain.last().copied().filter(|plain| matches!(plain, Plain::Column(_)));
    let kind = program.plain.get(plain).copied().or(last);
    kind.map_or_else(Vec::new, |kind| known_words(kind, session))
}

/// True if the next word is an option's value, whatever it is.
fn takes_next(option: &&Opt) -> bool {
    !option.value.is_empty() && option.is != Is::Bare
}

/// `true|false`: words, if the value is a choice among words.
fn alternatives(value: &str) -> Vec<String> {
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    match value.contains('|') {
        true => value.split('|').filter(|word| is_word(word)).map(str::to_owned).collect(),
        false => Vec::new(),
    }
}

fn known_words(kind: Plain, session: &Session) -> Vec<String> {
    let keys = |value: &Value| match value {
        Value::Object(map) => map.keys().cloned().collect::<Vec<_>>(),
        _ => Vec::new(),
    };
    let nodes = || {
        let mut nodes = keys(&session.state_kafka()["brokers"]);
        nodes.extend(keys(&session.state_rabbit()["nodes"]));
        nodes
    };
    match kind {
        Plain::Words(words) | Plain::Column(words) => {
            words.iter().map(|word| (*word).to_owned()).collect()
        }
        Plain::Program => programs::names().chain(LATER).map(str::to_owned).collect(),
        Plain::Topic => keys(&session.state_kafka()["topics"]),
        Plain::Group => keys(&session.state_kafka()["groups"]),
        Plain::Queue => keys(&session.state_rabbit()["queues"]),
        Plain::Exchange => keys(&session.state_rabbit()["exchanges"]),
        Plain::Client => keys(&session.state_clients()),
        Plain::Node => nodes(),
        Plain::NodeOrClient => {
            let mut names = nodes();
            names.extend(keys(&session.state_clients()));
            names
        }
        Plain::Free => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::command::LabSpec;
    use crate::shell::run::{Progress, Running};

    fn lab() -> Timeline {
        let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab boots");
        let script = "kafka-topics --create --topic orders\nrabbitmqadmin declare queue --name jobs\n\
            consumer ck --kafka orders --group readers\nconsumer cr --rabbit jobs\nrun 1s";
        let mut running = Running::new(script);
        loop {
            match running.work(&mut timeline, 10_000) {
                Progress::End => return timeline,
                Progress::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
                _ => {}
            }
        }
    }

    #[test]
    fn words_that_could_stand_next_are_offered() {
        let timeline = lab();
        let offered = |line: &str| complete(line, &timeline);
        assert_eq!(offered("kafka-to").words, ["kafka-topics"]);
        assert_eq!(offered("kafka-to").replaces, 8);
        assert_eq!(offered("kafka-topics --cr").words, ["--create"]);
        assert_eq!(offered("kafka-topics --describe --topic ").words, ["orders"]);
        assert_eq!(offered("kafka-consumer-groups --describe --group r").words, ["readers"]);
        assert_eq!(offered("client ").words, ["ck", "cr"]);
        assert_eq!(offered("client ck pa").words, ["pause"]);
        assert_eq!(offered("node k").words, ["kafka-1", "kafka-2", "kafka-3"]);
        assert_eq!(offered("net isolate c").words, ["ck", "cr"]);
        assert_eq!(offered("consumer c --rabbit ").words, ["jobs"]);
        assert_eq!(offered("consumer c --ack ").words, ["auto", "manual"]);
        assert_eq!(offered("rabbitmqctl list_queues name mess").words.len(), 7);
        assert_eq!(offered("rabbitmqadmin purge q").words, ["queue", "queues"]);
        assert_eq!(offered("nothing ").words, Vec::<String>::new());
        assert!(offered("").words.len() >= 20);
        let odd = ["'", "\"", "\\", "a 'b ", "producer p --rate ", "state kafka.", "가나다 라"];
        odd.iter().for_each(|line| drop(complete(line, &timeline)));
    }
}
