//! `kafka-configs`: settings of topics and of brokers, quotas of clients and users. Output and
//! errors are those of the tool of Kafka 4.1 (`ConfigCommand`), without the stack trace.
//!
//! A setting is shown with everything that it could be, the first that is set wins: the topic's
//! own, the broker's own, the cluster's default, what the broker was started with, Kafka's default.

mod quotas;

use self::quotas::Asked;
use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception, topic};
use super::{Call, Program};
use crate::kafka::admin::answers::NO_SUCH_RESOURCE;
use crate::kafka::command::{Answer, Ask};
use crate::kafka::config::{BrokerConfig, broker, topic as of_topics};
use crate::kafka::message::response::BrokerSettings;
use crate::kafka::metadata::Resource;
use crate::kafka::spec::Settings;
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, later, many, once};
use crate::shell::values::{list, one_of, wrong};

static OPTIONS: [Opt; 17] = [
    once(&["--describe"], "", "list settings"),
    once(&["--alter"], "", "change settings"),
    many(&["--entity-type"], "topics|brokers|clients|users", "whose settings"),
    many(
        &["--entity-name", "--topic"],
        "NAME",
        "the topic, the broker's id, the client.id, the user",
    ),
    many(&["--entity-default"], "", "what the cluster has for all brokers, clients or users"),
    once(&["--client"], "NAME", "the client.id"),
    once(&["--client-defaults"], "", "what all clients have"),
    once(&["--user"], "NAME", "the user: ANONYMOUS, as nobody is authenticated"),
    once(&["--user-defaults"], "", "what all users have"),
    once(&["--broker"], "ID", "the broker"),
    once(&["--broker-defaults"], "", "what the cluster has for all brokers"),
    once(&["--add-config"], "NAME=VALUE,...", "set these"),
    once(&["--delete-config"], "NAME,...", "these have their defaults again"),
    once(&["--all"], "", "describe those with their defaults too"),
    later(&["--add-config-file"], "FILE"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-configs",
    summary: "settings of topics and brokers, quotas of clients and users",
    usage: &[
        "kafka-configs --describe --entity-type topics [--entity-name NAME] [--all]",
        "kafka-configs --alter --entity-type topics --entity-name NAME --add-config NAME=VALUE,...",
        "kafka-configs --alter --entity-type topics --entity-name NAME --delete-config NAME,...",
        "kafka-configs --describe --entity-type brokers [--entity-name ID|--entity-default] [--all]",
        "kafka-configs --alter --entity-type brokers --entity-name ID|--entity-default \
         --add-config NAME=VALUE,...",
        "kafka-configs --describe --entity-type clients|users \
         [--entity-name NAME|--entity-default]",
        "kafka-configs --alter --entity-type clients|users --entity-name NAME|--entity-default \
         --add-config producer_byte_rate=BYTES,consumer_byte_rate=BYTES,request_percentage=N",
        "kafka-configs --describe --entity-type users [--entity-name NAME|--entity-default] \
         --entity-type clients [--entity-name NAME|--entity-default]",
        "kafka-configs --alter --entity-type users --entity-name NAME|--entity-default \
         --entity-type clients --entity-name NAME|--entity-default --add-config NAME=VALUE,...",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "Without --entity-type it is a topic.",
        "The quota that holds for a client is the nearest one: of its user and client.id, of its",
        "user and any client, of its user; the same three of any user; of its client.id, of any.",
        "request_percentage is time of one processor at each broker, as the lab's costs count it:",
        "with --cost lesson requests take none.",
    ],
    plain: &[],
    reads_stdin: false,
    parse,
};

/// Options that name something without its type.
const NAMED: [&str; 6] =
    ["--client", "--client-defaults", "--user", "--user-defaults", "--broker", "--broker-defaults"];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-configs", &OPTIONS)?;
    arguments.at_most(0)?;
    let is_described = arguments.has("--describe");
    let names = ["--entity-type", "--entity-name"];
    if is_described && !names.iter().chain(&NAMED).any(|name| arguments.has(name)) {
        return Err(arguments.missing("--entity-type topics, brokers, clients or users"));
    }
    let is_named = !arguments.all("--entity-name").is_empty()
        || arguments.has("--entity-default")
        || NAMED.iter().any(|name| arguments.has(name));
    let words: Vec<&str> = call.words.iter().map(|word| word.text.as_str()).collect();
    let words = words.join(" ");
    let asked = Asked::of(&arguments)?;
    match (arguments.exactly_one(&["--describe", "--alter"])?, asked) {
        ("--describe", Some(asked)) => Ok(quotas::describe(asked, words)),
        ("--describe", None) => {
            let resource = resource(&arguments, is_described)?;
            Ok(describe(resource, (arguments.has("--all"), is_named), words))
        }
        (_, asked) => {
            let mut changes = Vec::new();
            if let Some(word) = arguments.one("--add-config") {
                changes.extend(added(word)?);
            }
            if let Some(word) = arguments.one("--delete-config") {
                changes.extend(list(word)?.into_iter().map(|name| (name, None)));
            }
            if changes.is_empty() {
                return Err(arguments.missing("--add-config or --delete-config"));
            }
            match asked {
                Some(asked) => quotas::alter(&asked, changes, &arguments, words),
                None => Ok(alter(resource(&arguments, false)?, changes, words)),
            }
        }
    }
}

fn resource(arguments: &Arguments, is_described: bool) -> Result<Resource, Refusal> {
    if let Some(word) = arguments.one("--broker") {
        return Ok(Resource::Broker(Some(broker_id(word)?)));
    }
    if arguments.has("--broker-defaults") {
        return Ok(Resource::Broker(None));
    }
    for name in ["--entity-name", "--entity-default"] {
        if let Some(word) = arguments.all(name).get(1) {
            return Err(Mistake::at(word.place, name, "it only once").into());
        }
    }
    let known = ["topics", "brokers", "clients", "users", "ips", "groups", "client-metrics"];
    let kind = arguments.maybe("--entity-type", |word| one_of(word, &known))?;
    match kind.unwrap_or("topics") {
        // All of them are described if none is named.
        "topics" if is_described && !arguments.has("--entity-name") => {
            Ok(Resource::Topic(String::new()))
        }
        "topics" => Ok(Resource::Topic(topic(arguments.required("--entity-name", "NAME")?)?)),
        "brokers" => match (arguments.one("--entity-name"), arguments.one("--entity-default")) {
            (Some(_), Some(word)) => {
                let expected = "one of --entity-name and --entity-default";
                Err(Mistake::at(word.place, "--entity-default", expected).into())
            }
            (Some(word), None) => Ok(Resource::Broker(Some(broker_id(word)?))),
            (None, Some(_)) => Ok(Resource::Broker(None)),
            (None, None) if is_described => Ok(Resource::Broker(None)),
            (None, None) => Err(arguments.missing("--entity-name ID or --entity-default")),
        },
        other => Err(Refusal::NotHereYet(format!("--entity-type {other}"))),
    }
}

fn broker_id(word: &Word) -> Result<i32, Refusal> {
    word.text.parse().map_err(|_| {
        let sentence = format!(
            "The entity name for brokers must be a valid integer broker id, but it is: {}",
            word.text
        );
        Mistake::at(word.place, &word.text, "a broker's id").hint(sentence).into()
    })
}

/// `a=1,b=[x,y]`: square brackets keep a list together.
fn added(word: &Word) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in word.text.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            letter => parts.last_mut().expect("there is one").push(letter),
        }
    }
    let setting = |part: String| match part.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), Some(value.trim().to_owned()))),
        None => Err(wrong(word, "NAME=VALUE,NAME=VALUE")),
    };
    parts.into_iter().map(setting).collect()
}

fn alter(resource: Resource, changes: Vec<(String, Option<String>)>, words: String) -> Job {
    let ask = Ask::AlterConfigs { resource: resource.clone(), changes };
    Job::of(Command::Kafka(ask), move |result| match result {
        Ok(_) => Ok(vec![match &resource {
            Resource::Topic(name) => format!("Completed updating config for topic {name}."),
            Resource::Broker(Some(id)) => format!("Completed updating config for broker {id}."),
            Resource::Broker(None) => {
                "Completed updating default config for brokers in the cluster.".to_owned()
            }
            // Quotas are changed otherwise.
            Resource::Quota(_) => String::new(),
        }]),
        Err(error) => Err(failure(error, &words)),
    })
}

fn describe(resource: Resource, (all, is_named): (bool, bool), words: String) -> Job {
    let ask = Ask::DescribeConfigs { resource: resource.clone(), all };
    let ask = match (&resource, is_named) {
        (_, true) => ask,
        _ => Ask::Each { names: Vec::new(), of: Box::new(ask) },
    };
    Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Configs(topic, broker))) => {
            Ok(described(&resource, &topic, &broker, all))
        }
        Ok(Outcome::Kafka(Answer::Each(each))) => {
            let mut lines = Vec::new();
            for (name, outcome) in each {
                let of = match &resource {
                    Resource::Broker(_) => Resource::Broker(name.parse().ok()),
                    _ => Resource::Topic(name),
                };
                match outcome {
                    Ok(Answer::Configs(topic, broker)) => {
                        lines.extend(described(&of, &topic, &broker, all));
                    }
                    Ok(_) => {}
                    Err(error) => return Err(failure(LabError::Kafka(error), &words)),
                }
            }
            Ok(lines)
        }
        Err(LabError::Kafka(error)) if error.name == NO_SUCH_RESOURCE => Ok(vec![error.sentence]),
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error, &words)),
    })
}

fn described(
    resource: &Resource,
    topic: &Settings,
    broker: &BrokerSettings,
    all: bool,
) -> Vec<String> {
    let which = if all { "All" } else { "Dynamic" };
    let (title, own, table) = match resource {
        Resource::Topic(name) => (format!("{which} configs for topic {name} are:"), topic, TOPIC),
        Resource::Broker(Some(id)) => {
            (format!("{which} configs for broker {id} are:"), &broker.own, BROKER)
        }
        Resource::Broker(None) => {
            let title = "Default configs for brokers in the cluster are:";
            (title.to_owned(), &broker.default, BROKER)
        }
        // Quotas are shown otherwise.
        Resource::Quota(_) => return Vec::new(),
    };
    let of_default = *resource == Resource::Broker(None);
    let of_brokers = BrokerConfig::of(&broker.merged()).map(|config| config.topic_defaults);
    let of_brokers = of_brokers.unwrap_or_default();
    let names: Vec<&str> = match all && !of_default {
        true => table.iter().map(|setting| setting.name).filter(|name| is_real(name)).collect(),
        false => own.keys().map(String::as_str).collect(),
    };
    let lines = names.into_iter().map(|name| {
        let mut synonyms = match resource {
            Resource::Topic(_) => of_topic(name, topic, broker),
            Resource::Broker(_) | Resource::Quota(_) => of_broker(&same(name), broker),
        };
        if of_default {
            synonyms.retain(|(source, ..)| *source == DYNAMIC_DEFAULT);
        }
        let effective = topic.get(name).or_else(|| of_brokers.get(name)).cloned();
        let value = match resource {
            // What brokers count in hours topics count in milliseconds.
            Resource::Topic(_) => effective.unwrap_or_else(|| default_of(name)),
            Resource::Broker(_) | Resource::Quota(_) => {
                synonyms.first().map_or("null", |(_, _, value)| value).to_owned()
            }
        };
        let synonyms: Vec<String> = synonyms
            .iter()
            .map(|(source, name, value)| format!("{source}:{name}={value}"))
            .collect();
        format!("  {name}={value} sensitive=false synonyms={{{}}}", synonyms.join(", "))
    });
    [title].into_iter().chain(lines).collect()
}

const TOPIC: &[crate::kafka::config::Definition] = of_topics::TABLE;
const BROKER: &[crate::kafka::config::Definition] = broker::TABLE;
const DYNAMIC_DEFAULT: &str = "DYNAMIC_DEFAULT_BROKER_CONFIG";

fn default_of(name: &str) -> String {
    let found = TOPIC.iter().find(|setting| setting.name == name);
    found.map_or("", |setting| setting.default).to_owned()
}

/// False for what only the lab knows.
fn is_real(name: &str) -> bool {
    !name.starts_with("lab.") && name != "internal.segment.bytes"
}

/// The names of a broker's setting, the finest unit first.
fn same(name: &str) -> Vec<&str> {
    match name {
        "log.retention.ms" | "log.retention.minutes" | "log.retention.hours" => {
            vec!["log.retention.ms", "log.retention.minutes", "log.retention.hours"]
        }
        "log.roll.ms" | "log.roll.hours" => vec!["log.roll.ms", "log.roll.hours"],
        "log.roll.jitter.ms" | "log.roll.jitter.hours" => {
            vec!["log.roll.jitter.ms", "log.roll.jitter.hours"]
        }
        name => vec![name],
    }
}

type Synonym = (&'static str, String, String);

/// What a broker's setting of these names is and could be.
fn of_broker(names: &[&str], broker: &BrokerSettings) -> Vec<Synonym> {
    let layers = [
        ("DYNAMIC_BROKER_CONFIG", &broker.own),
        (DYNAMIC_DEFAULT, &broker.default),
        ("STATIC_BROKER_CONFIG", &broker.fixed),
    ];
    let set = layers.into_iter().flat_map(|(source, layer)| {
        names
            .iter()
            .filter_map(move |name| Some((source, (*name).to_owned(), layer.get(*name)?.clone())))
    });
    let defaults = names.iter().filter_map(|name| {
        let found = BROKER.iter().find(|setting| setting.name == *name)?;
        let default = (!found.default.is_empty()).then(|| found.default.to_owned())?;
        Some(("DEFAULT_CONFIG", (*name).to_owned(), default))
    });
    set.chain(defaults).collect()
}

/// What a topic's setting is and could be: its own, then what brokers have for it.
fn of_topic(name: &str, topic: &Settings, broker: &BrokerSettings) -> Vec<Synonym> {
    let own = topic.get(name).map(|value| ("DYNAMIC_TOPIC_CONFIG", name.to_owned(), value.clone()));
    let known = of_topics::BROKER_SYNONYMS.iter().find(|(topic, _)| *topic == name);
    let of_brokers = match known {
        Some((_, synonym)) => of_broker(&same(synonym), broker),
        // Only topics have it.
        None => vec![("DEFAULT_CONFIG", name.to_owned(), default_of(name))],
    };
    own.into_iter().chain(of_brokers).collect()
}

fn failure(error: LabError, words: &str) -> String {
    match error {
        LabError::Kafka(error) => match &*error.name {
            "InvalidConfigurationException" => error.sentence,
            "java.util.concurrent.TimeoutException" => {
                format!("Error while executing config command with args '{words}'\n{}", error.name)
            }
            _ => format!(
                "Error while executing config command with args '{words}'\n\
                 java.util.concurrent.ExecutionException: {}",
                exception(&error)
            ),
        },
        other => other.to_string(),
    }
}
