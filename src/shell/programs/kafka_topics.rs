//! `kafka-topics`: create, describe, list, delete and alter topics. Output and errors are those of
//! the tool of Kafka 4.1 (`TopicCommand`), without the stack trace that it writes to its log.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, PARTITIONS_MAX, Topics, topic};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask, PartitionDescription, TopicDescription};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, Printed, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, later, many, once};
use crate::shell::values::{number, settings, wrong};

static OPTIONS: [Opt; 22] = [
    once(&["--create"], "", "create a topic"),
    once(&["--describe"], "", "describe topics"),
    once(&["--list"], "", "list the names of all topics"),
    once(&["--delete"], "", "delete a topic"),
    once(&["--alter"], "", "give a topic more partitions"),
    once(&["--topic"], "NAME", "the topic"),
    once(&["--partitions"], "N", "how many partitions"),
    once(&["--replication-factor"], "N", "how many replicas of each partition"),
    many(&["--config"], "NAME=VALUE", "a setting of the topic that is created"),
    once(&["--if-exists"], "", "do nothing if the topic does not exist"),
    once(&["--if-not-exists"], "", "do nothing if the topic exists"),
    once(&["--under-replicated-partitions"], "", "describe only those with a replica out of sync"),
    once(&["--unavailable-partitions"], "", "describe only those without a leader"),
    once(&["--exclude-internal"], "", "leave out topics of the brokers themselves"),
    once(&["--replica-assignment"], "LIST", "brokers by hand: 1:2,2:3 for two partitions"),
    once(&["--under-min-isr-partitions"], "", "describe only those with too small an ISR"),
    once(&["--at-min-isr-partitions"], "", "describe only those with no replica to spare"),
    once(&["--topics-with-overrides"], "", "describe only topics with settings of their own"),
    once(&["--topic-id"], "ID", "describe the topic with this id"),
    later(&["--partition-size-limit-per-response"], "N"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-topics",
    summary: "create, describe, list, delete and alter topics",
    usage: &[
        "kafka-topics --create --topic NAME [--partitions N] [--config NAME=VALUE]...",
        "kafka-topics --describe|--list [--topic NAME|PATTERN]",
        "kafka-topics --delete --topic NAME",
        "kafka-topics --alter --topic NAME --partitions N",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

/// What the tool says of names with `.` or `_`, of which metrics make the same name.
const COLLISION: &str = "WARNING: Due to limitations in metric names, topics with a period ('.') \
    or underscore ('_') could collide. To avoid issues it is best to use either, but not both.";

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-topics", &OPTIONS)?;
    arguments.at_most(0)?;
    match arguments.exactly_one(&["--create", "--describe", "--list", "--delete", "--alter"])? {
        "--create" => create(&arguments),
        "--describe" => describe(&arguments),
        "--list" => list(&arguments),
        "--delete" => {
            let topic = topic(arguments.required("--topic", "NAME")?)?;
            Ok(changing(Ask::DeleteTopic { topic: topic.clone() }, topic, &arguments))
        }
        _ => {
            let topic = topic(arguments.required("--topic", "NAME")?)?;
            let partitions = arguments.required("--partitions", "N")?;
            let partitions = number(partitions, 0..=PARTITIONS_MAX)? as i32;
            let ask = Ask::AddPartitions { topic: topic.clone(), partitions };
            Ok(changing(ask, topic, &arguments))
        }
    }
}

fn create(arguments: &Arguments) -> Result<Job, Refusal> {
    let topic = arguments.required("--topic", "NAME")?.text.clone();
    for other in ["--partitions", "--replication-factor"] {
        if arguments.has("--replica-assignment") && arguments.has(other) {
            let other = other.trim_start_matches('-');
            return Err(Refusal::Tool(format!(
                "Option \"[replica-assignment]\" can't be used with option \"[{other}]\""
            )));
        }
    }
    let partitions = arguments.maybe("--partitions", |word| {
        positive(word, "The partitions must be greater than 0")?;
        number(word, 1..=PARTITIONS_MAX)
    })?;
    let replicas = arguments.maybe("--replication-factor", |word| {
        positive(word, "The replication factor must be between 1 and 32767 inclusive")?;
        number(word, 1..=32_767)
    })?;
    let assignment = arguments.value("--replica-assignment", Vec::new(), assignment)?;
    let settings = settings(&arguments.all("--config"))?;
    let if_not_exists = arguments.has("--if-not-exists");
    let name = topic.clone();
    let ask = Ask::CreateTopic {
        topic,
        partitions: partitions.map(|partitions| partitions as i32),
        replication_factor: replicas.map(|replicas| replicas as i16),
        assignment,
        settings,
    };
    Ok(Job::of(Command::Kafka(ask), move |result| {
        let mut lines = Vec::new();
        if name.contains(['.', '_']) {
            lines.push(COLLISION.to_owned());
        }
        match result {
            Ok(_) => lines.push(format!("Created topic {name}.")),
            Err(error) if if_not_exists && is_named(&error, "TOPIC_ALREADY_EXISTS") => {}
            Err(error) => return Err(failure(error)),
        }
        Ok(lines)
    }))
}

/// What the tool says of a number that is too small, before it asks anybody.
fn positive(word: &Word, sentence: &str) -> Result<(), Refusal> {
    match word.text.parse::<i64>() {
        Ok(value) if value < 1 => Err(refused(sentence.to_owned())),
        _ => Ok(()),
    }
}

fn refused(sentence: String) -> Refusal {
    Refusal::Tool(format!("Error while executing topic command : {sentence}"))
}

/// `1:2,2:3`: the replicas of each partition. The tool itself looks for brokers named twice and
/// for partitions with more or fewer replicas than the first.
fn assignment(word: &Word) -> Result<Vec<Vec<i32>>, Refusal> {
    let replicas = |text: &str| text.split(':').map(|id| id.trim().parse()).collect();
    let parsed: Result<Vec<Vec<i32>>, _> = word.text.split(',').map(replicas).collect();
    let parsed = parsed.map_err(|_| wrong(word, "broker ids: 1:2,2:3 for two partitions"))?;
    for (index, replicas) in parsed.iter().enumerate() {
        let is_twice = |place: &usize| replicas[..*place].contains(&replicas[*place]);
        if let Some(place) = (1..replicas.len()).find(is_twice) {
            return Err(refused(format!(
                "Partition replica lists may not contain duplicate entries: {}",
                replicas[place]
            )));
        }
        if replicas.len() != parsed[0].len() {
            let ids: Vec<String> = replicas.iter().map(i32::to_string).collect();
            return Err(refused(format!(
                "Partition {index} has different replication factor: [{}]",
                ids.join(", ")
            )));
        }
    }
    Ok(parsed)
}

/// A change that says nothing when it succeeds.
fn changing(ask: Ask, topic: String, arguments: &Arguments) -> Job {
    let if_exists = arguments.has("--if-exists");
    Job::of(Command::Kafka(ask), move |result| match result {
        Ok(_) => Ok(Vec::new()),
        Err(error) => missing_topic(error, &topic, if_exists),
    })
}

fn list(arguments: &Arguments) -> Result<Job, Refusal> {
    let wanted = Topics::asked(arguments)?;
    let no_internal = arguments.has("--exclude-internal");
    Ok(Job::of(Command::Kafka(Ask::ListTopics), move |result| {
        let Outcome::Kafka(Answer::Names(names)) = result.map_err(failure)? else {
            return Err("the lab answered with something else".into());
        };
        let shown = |name: &String| wanted.is(name) && !(no_internal && is_internal(name));
        Ok(names.into_iter().filter(shown).collect())
    }))
}

fn describe(arguments: &Arguments) -> Result<Job, Refusal> {
    let wanted = Topics::asked(arguments)?;
    let topics = match &wanted {
        Topics::Named(name) => vec![name.clone()],
        Topics::All | Topics::Matching(..) => Vec::new(),
    };
    let if_exists = arguments.has("--if-exists");
    let under_replicated = arguments.has("--under-replicated-partitions");
    let unavailable = arguments.has("--unavailable-partitions");
    let under_min = arguments.has("--under-min-isr-partitions");
    let at_min = arguments.has("--at-min-isr-partitions");
    let no_internal = arguments.has("--exclude-internal");
    let overridden = arguments.has("--topics-with-overrides");
    let id = arguments.text("--topic-id");
    let picks = under_replicated || unavailable || under_min || at_min;
    Ok(Job::of(Command::Kafka(Ask::DescribeTopics { topics }), move |result| {
        let described = match result {
            Ok(Outcome::Kafka(Answer::Topics(described))) => described,
            Ok(other) => return Ok(unexpected(&other)),
            Err(error) => {
                return missing_topic(error, wanted.text(), if_exists);
            }
        };
        if matches!(wanted, Topics::Matching(..))
            && !described.iter().any(|topic| wanted.is(&topic.topic))
        {
            return match if_exists {
                true => Ok(Vec::new()),
                false => Err(no_such_topic(wanted.text())),
            };
        }
        if let Some(id) = id.as_ref().filter(|_| !if_exists)
            && !described.iter().any(|topic| topic.id == *id)
        {
            return Err(format!(
                "Error while executing topic command : TopicId '{id}' does not exist as expected"
            ));
        }
        let is_wanted = |topic: &&TopicDescription| {
            wanted.is(&topic.topic)
                && !(no_internal && is_internal(&topic.topic))
                && id.as_ref().is_none_or(|id| topic.id == *id)
        };
        let mut lines = Vec::new();
        for topic in described.iter().filter(is_wanted) {
            let is_plain = overridden && topic.settings.is_empty();
            if !picks && !is_plain {
                lines.push(topic_line(topic));
            }
            if overridden {
                continue;
            }
            let shown = |p: &&PartitionDescription| {
                !picks
                    || (under_min && p.isr.len() < min_isr(topic))
                    || (at_min && p.isr.len() == min_isr(topic))
                    || (under_replicated && p.isr.len() < factor(p))
                    || (unavailable && p.leader.is_none())
            };
            let partitions = topic.partitions.iter().filter(shown);
            lines.extend(partitions.map(|partition| partition_line(topic, partition)));
        }
        Ok(lines)
    }))
}

fn min_isr(topic: &TopicDescription) -> usize {
    let set = topic.settings.get("min.insync.replicas");
    set.and_then(|value| value.parse().ok()).unwrap_or(1)
}

fn topic_line(topic: &TopicDescription) -> String {
    let settings: Vec<String> =
        topic.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!(
        "Topic: {}\tTopicId: {}\tPartitionCount: {}\tReplicationFactor: {}\tConfigs: {}",
        topic.topic,
        topic.id,
        topic.partitions.len(),
        topic.partitions.first().map_or(0, factor),
        settings.join(","),
    )
}

/// Its replicas, without those that a reassignment brings.
fn factor(partition: &PartitionDescription) -> usize {
    let adding = partition.reassignment.as_ref().map_or(0, |(adding, _)| adding.len());
    partition.replicas.len() - adding
}

fn partition_line(topic: &TopicDescription, partition: &PartitionDescription) -> String {
    let ids = |list: &[i32]| list.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let elr = |list: &[i32]| if topic.knows_elr { ids(list) } else { "N/A".to_owned() };
    let topic = &topic.topic;
    let moving = partition.reassignment.as_ref().map(|(adding, removing)| {
        format!("\tAdding Replicas: {}\tRemoving Replicas: {}", ids(adding), ids(removing))
    });
    format!(
        "\tTopic: {topic}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}{}\tElr: {}\t\
         LastKnownElr: {}",
        partition.partition,
        partition.leader.map_or("none".into(), |leader| leader.to_string()),
        ids(&partition.replicas),
        ids(&partition.isr),
        moving.unwrap_or_default(),
        elr(&partition.elr),
        elr(&partition.last_known_elr),
    )
}

fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

fn is_named(error: &LabError, name: &str) -> bool {
    matches!(error, LabError::Kafka(error) if error.name == name)
}

fn no_such_topic(topic: &str) -> String {
    format!("Error while executing topic command : Topic '{topic}' does not exist as expected")
}

/// The tool looks for the topic before it asks anything of it, and says so in its own words.
fn missing_topic(error: LabError, topic: &str, if_exists: bool) -> Printed {
    match is_named(&error, "UNKNOWN_TOPIC_OR_PARTITION") {
        true if if_exists => Ok(Vec::new()),
        true => Err(no_such_topic(topic)),
        false => Err(failure(error)),
    }
}

fn failure(error: LabError) -> String {
    match error {
        LabError::Kafka(error) => format!("Error while executing topic command : {error}"),
        other => other.to_string(),
    }
}
