//! `lab new`: a fresh lab in the place of this one. `lab compare`: a second one beside it.

use super::{Call, Plain, Program};
use crate::lab::command::LabSpec;
use crate::lab::timeline::{Change, Compared};
use crate::lab::{Command, Event, Outcome};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::{Line, Word};
use crate::shell::options::{Opt, many, once};
use crate::shell::table::aligned;
use crate::shell::values::{number, one_of, settings, wrong};
use crate::sim::cost::PRESETS;
use crate::{kafka, rabbit};
use std::rc::Rc;

static OPTIONS: [Opt; 10] = [
    once(&["--seed"], "N", "the one seed of everything random (1)"),
    once(&["--kafka-brokers"], "N", "brokers kafka-1 and up (3)"),
    once(
        &["--controllers"],
        "N",
        "Kafka controllers, or ZooKeeper servers (3; a broker alone is its own)",
    ),
    once(&["--rabbit-nodes"], "N", "nodes rabbit-1 and up (1)"),
    once(&["--kafka"], "VERSION", "the Kafka that is modelled (4.1)"),
    once(
        &["--rabbit"],
        "VERSION",
        "the RabbitMQ that is modelled (4.2), or activemq: an older broker",
    ),
    once(&["--coordinator"], "NAME", "who keeps Kafka's metadata: kraft, zookeeper (kraft)"),
    once(
        &["--cost"],
        "PRESET",
        "what time everything takes: lesson, laptop, lan, datacentre, hdd, ssd (lan)",
    ),
    many(&["--set"], "[NODE:]NAME=VALUE", "a broker setting by its real name"),
    many(&["--without"], "PROTECTION", "brokers that lack a protection, to see what it is for"),
];

pub static PROGRAM: Program = Program {
    name: "lab",
    summary: "a fresh lab in the place of this one, or a second run beside it",
    usage: &["lab new [OPTION]...", "lab compare LINE", "lab compare off"],
    options: &[("", &OPTIONS)],
    notes: &[
        "--set kafka-1:broker.rack=a is of that broker alone. Servers with the same lab.machine run",
        "on one machine, and lose its power together.",
        "--cost lesson: every link 1 ms one way, constant; bandwidth, CPU and disk cost nothing.",
        "--without: on the Kafka side epoch-truncation, fetch-epoch, isr-rule, min-isr,",
        "broker-fencing, clean-election, generation-check, idempotence, transaction-fencing,",
        "cooperative-revoke or commit-after-process; on the RabbitMQ side requeue-on-crash,",
        "prefetch-limit, confirm-after-store, dead-letter-cycle or quorum-majority.",
        "lab compare: a second run beside this one, with the same seed and the same lines at the same",
        "instants; LINE stands in the place of the recorded line that begins most like it.",
    ],
    plain: &[Plain::Words(&["new", "compare"]), Plain::Program],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    if let Some((word, line)) = call.words.split_first()
        && word.text == "compare"
    {
        return compare(word, line);
    }
    let arguments = call.sort("lab", &OPTIONS)?;
    one_of(arguments.word(0, "new or compare")?, &["new", "compare"])?;
    arguments.at_most(1)?;
    let default = LabSpec::default();
    let seed = arguments.value("--seed", default.seed, |word| number(word, 0..=u64::MAX))?;
    let kafka_brokers =
        arguments
            .value("--kafka-brokers", default.kafka_brokers.into(), |word| number(word, 1..=9))?;
    let controllers = arguments.maybe("--controllers", |word| number(word, 1..=5))?;
    let is_counted = controllers.is_some();
    let rabbit_nodes = arguments.value("--rabbit-nodes", 1, |word| number(word, 1..=9))?;
    // A broker that is alone is its own controller, unless one is asked for.
    let usual = if kafka_brokers > 1 { default.controllers.into() } else { 0 };
    let controllers = controllers.unwrap_or(usual) as u32;
    let kafka_version = arguments.value("--kafka", default.kafka_version, |word| {
        one_of(word, &["4.1", "4.2"]).map(str::to_owned)
    })?;
    let rabbit_version = arguments.value("--rabbit", default.rabbit_version, |word| {
        one_of(word, &["4.2", "4.3", "3.11", "activemq"]).map(str::to_owned)
    })?;
    if rabbit_version == "activemq"
        && let Some(word) = arguments.one("--rabbit-nodes").filter(|_| rabbit_nodes > 1)
    {
        return Err(wrong(word, "1: ActiveMQ is alone here"));
    }
    let coordinator =
        arguments.maybe("--coordinator", |word| one_of(word, &["kraft", "zookeeper"]))?;
    let has_zookeeper = coordinator == Some("zookeeper");
    let cost = arguments.value("--cost", default.cost, |word| {
        let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
        one_of(word, &known).map(str::to_owned)
    })?;
    let mut set = settings(&arguments.all("--set"))?;
    for word in arguments.all("--without") {
        let without = one_of(word, &protections())?;
        for setting in WITHOUT {
            let list = set.entry(setting.to_owned()).or_default();
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(without);
        }
    }
    let mut spec = LabSpec {
        seed,
        kafka_brokers: kafka_brokers as u32,
        controllers,
        rabbit_nodes: rabbit_nodes as u32,
        kafka_version,
        rabbit_version,
        cost,
        settings: set,
    };
    if has_zookeeper {
        // There is always an ensemble: three servers, unless another number is asked for.
        spec.controllers = spec.controllers.max(if is_counted { 1 } else { default.controllers });
        spec.set_zookeeper();
    }
    Ok(Job::quiet(Command::New(spec)))
}

/// `lab compare`: what stands behind it is a line.
fn compare(word: &Word, words: &[Word]) -> Result<Job, Refusal> {
    let Some(first) = words.first() else {
        let expected = "a recorded line with something changed, or off";
        return Err(Mistake::at(word.place, &word.text, expected).into());
    };
    if let ([_], "off") = (words, &*first.text) {
        return Ok(Job::quiet(Command::Compare(None)));
    }
    let text = words.iter().map(|word| quoted(&word.text)).collect::<Vec<_>>().join(" ");
    let number = first.place.line;
    let (words, must_fail) = (words.to_vec(), false);
    let line = Line { number, text: text.clone(), must_fail, words, stdin: None };
    match super::parse(&line)? {
        Job::Do { command, .. } if command.changes() => {
            let change = Box::new(Change { command: *command, text });
            Ok(Job::printed(Command::Compare(Some(change)), compared))
        }
        _ => {
            let expected = "a line that changes the lab";
            Err(Mistake::at(first.place, &first.text, expected).into())
        }
    }
}

/// A word as the lab's language reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.,/:=+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => ["'", &word.replace('\'', r#"'"'"'"#), "'"].concat(),
    }
}

fn compared(outcome: Outcome) -> Vec<String> {
    let Outcome::Compared(Compared { was, spec, with, difference, ledgers }) = outcome else {
        return unexpected(&outcome);
    };
    let mut lines = vec![
        ["first   ", &was.unwrap_or_else(|| line(&spec))].concat(),
        ["second  ", &with].concat(),
    ];
    let event = |name: &str, event: Option<Rc<Event>>| {
        let facts = event.map(|event| super::event_row(&event).join("  "));
        [name, &facts.unwrap_or_else(|| "nothing".to_owned())].concat()
    };
    match difference {
        None => lines.push("no event differs".to_owned()),
        Some(difference) => {
            lines.push(["they part at ", &difference.at.to_string()].concat());
            lines.push(event("first   ", difference.first));
            lines.push(event("second  ", difference.second));
        }
    }
    const ROWS: [&str; 6] = ["sent", "delivered", "processed", "duplicated", "lost", "reordered"];
    let sides = [&ledgers[0].kafka, &ledgers[1].kafka, &ledgers[0].rabbit, &ledgers[1].rabbit];
    let header = ["", "kafka first", "kafka second", "rabbit first", "rabbit second"];
    let mut table = vec![header.map(str::to_owned).to_vec()];
    table.extend(ROWS.map(|name| {
        let figures = sides.iter().filter_map(|side| side.figure(name));
        std::iter::once(name.to_owned()).chain(figures.map(|n| n.to_string())).collect()
    }));
    lines.extend(aligned(&table));
    lines
}

/// The line that makes such a lab. It leaves nothing to a default.
pub fn line(spec: &LabSpec) -> String {
    let mut line = format!(
        "lab new --seed {} --kafka-brokers {} --rabbit-nodes {} --kafka {} --rabbit {} --cost {}",
        spec.seed,
        spec.kafka_brokers,
        spec.rabbit_nodes,
        spec.kafka_version,
        spec.rabbit_version,
        spec.cost
    );
    if spec.controllers > 0 {
        line.push_str(&format!(" --controllers {}", spec.controllers));
    }
    let left_out = left_out(spec);
    for name in left_out.iter().flat_map(|names| names.split(',')) {
        line.push_str(" --without ");
        line.push_str(name);
    }
    for (name, value) in &spec.settings {
        if left_out.is_some() && WITHOUT.contains(&&**name) {
            continue;
        }
        let setting = format!("{name}={value}").replace('\'', r#"'"'"'"#);
        line.push_str(&format!(" --set '{setting}'"));
    }
    line
}

/// The settings that `--without` stands for: one of each side.
const WITHOUT: [&str; 2] = [kafka::protection::WITHOUT, rabbit::protection::WITHOUT];

/// The protections that a lab is without, if `--without` can say so.
fn left_out(spec: &LabSpec) -> Option<&str> {
    let [one, other] = WITHOUT.map(|setting| spec.settings.get(setting));
    let names = one.filter(|names| other == Some(*names))?;
    let known = protections();
    names.split(',').all(|name| known.contains(&name)).then_some(names)
}

/// The names of all protections, of both sides.
pub fn protections() -> Vec<&'static str> {
    let kafka = kafka::protection::PROTECTIONS.iter().map(|(name, _)| *name);
    kafka.chain(rabbit::protection::PROTECTIONS.iter().map(|(name, _)| *name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::lexer::Script;
    use crate::shell::programs;

    fn spec(line: &str) -> LabSpec {
        let parsed = Script::new(line.to_owned()).unwrap().next().unwrap().unwrap();
        match programs::parse(&parsed) {
            Ok(Job::Do { command, .. }) => match *command {
                Command::New(spec) => spec,
                _ => panic!("{line} is another command"),
            },
            _ => panic!("{line} is refused"),
        }
    }

    #[test]
    fn a_lab_is_made_again_by_its_line() {
        for words in [
            "lab new",
            "lab new --seed 18446744073709551615 --kafka-brokers 1 --cost hdd",
            "lab new --kafka-brokers 1 --controllers 1 --set 'a=it'\"'\"'s # $x' --set b=",
            "lab new --without min-isr --without prefetch-limit --without idempotence",
        ] {
            let made = spec(words);
            assert_eq!(spec(&line(&made)), made, "{words}: {}", line(&made));
        }
        let without = line(&spec("lab new --without min-isr --without idempotence"));
        assert!(without.ends_with(" --without min-isr --without idempotence"), "{without}");
    }
}
