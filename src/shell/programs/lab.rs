//! `lab new`: a fresh lab in the place of this one.

use super::{Call, Plain, Program};
use crate::lab::Command;
use crate::lab::command::LabSpec;
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, many, once};
use crate::shell::values::{number, one_of, settings, wrong};
use crate::sim::cost::PRESETS;
use crate::{kafka, rabbit};

static OPTIONS: [Opt; 10] = [
    once(&["--seed"], "N", "the one seed of everything random (1)"),
    once(&["--kafka-brokers"], "N", "brokers kafka-1 and up (3)"),
    once(&["--controllers"], "N", "Kafka controllers (3; a broker that is alone is its own)"),
    once(&["--rabbit-nodes"], "N", "nodes rabbit-1 and up (1)"),
    once(&["--kafka"], "VERSION", "the Kafka that is modelled (4.1)"),
    once(
        &["--rabbit"],
        "VERSION",
        "the RabbitMQ that is modelled (4.2), or activemq: an older broker",
    ),
    once(&["--coordinator"], "kraft", "who keeps Kafka's metadata (kraft)"),
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
    summary: "a fresh lab in the place of this one",
    usage: &["lab new [OPTION]..."],
    options: &[("", &OPTIONS)],
    notes: &[
        "--set kafka-1:broker.rack=a is of that broker alone. Servers with the same lab.machine run",
        "on one machine, and lose its power together.",
        "--cost lesson: every link 1 ms one way, constant; bandwidth, CPU and disk cost nothing.",
        "--without: on the Kafka side epoch-truncation, fetch-epoch, isr-rule, min-isr,",
        "broker-fencing, clean-election, generation-check, idempotence, transaction-fencing,",
        "cooperative-revoke or commit-after-process; on the RabbitMQ side requeue-on-crash,",
        "prefetch-limit, confirm-after-store, dead-letter-cycle or quorum-majority.",
    ],
    plain: &[Plain::Words(&["new"])],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("lab", &OPTIONS)?;
    one_of(arguments.word(0, "new")?, &["new"])?;
    arguments.at_most(1)?;
    let default = LabSpec::default();
    let seed = arguments.value("--seed", default.seed, |word| number(word, 0..=u64::MAX))?;
    let kafka_brokers =
        arguments
            .value("--kafka-brokers", default.kafka_brokers.into(), |word| number(word, 1..=9))?;
    let controllers = arguments.maybe("--controllers", |word| number(word, 1..=5))?;
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
    arguments.maybe("--coordinator", |word| {
        version(word, "--coordinator", "kraft", &["kraft", "zookeeper"])
    })?;
    let cost = arguments.value("--cost", default.cost, |word| {
        let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
        one_of(word, &known).map(str::to_owned)
    })?;
    let mut set = settings(&arguments.all("--set"))?;
    for word in arguments.all("--without") {
        let without = one_of(word, &protections())?;
        for setting in [kafka::protection::WITHOUT, rabbit::protection::WITHOUT] {
            let list = set.entry(setting.to_owned()).or_default();
            if !list.is_empty() {
                list.push(',');
            }
            list.push_str(without);
        }
    }
    Ok(Job::quiet(Command::New(LabSpec {
        seed,
        kafka_brokers: kafka_brokers as u32,
        controllers,
        rabbit_nodes: rabbit_nodes as u32,
        kafka_version,
        rabbit_version,
        cost,
        settings: set,
    })))
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
    for (name, value) in &spec.settings {
        let setting = format!("{name}={value}").replace('\'', r#"'"'"'"#);
        line.push_str(&format!(" --set '{setting}'"));
    }
    line
}

/// The names of all protections, of both sides.
pub fn protections() -> Vec<&'static str> {
    let kafka = kafka::protection::PROTECTIONS.iter().map(|(name, _)| *name);
    kafka.chain(rabbit::protection::PROTECTIONS.iter().map(|(name, _)| *name)).collect()
}

/// A version that is known; not here yet unless it is the one that is built.
fn version(word: &Word, option: &str, built: &str, known: &[&str]) -> Result<String, Refusal> {
    match known.contains(&&*word.text) {
        true if word.text == built => Ok(built.to_owned()),
        true => Err(Refusal::NotHereYet(format!("{option} {}", word.text))),
        false => Err(Mistake::at(word.place, &word.text, known.join(" or ")).into()),
    }
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
    }
}
