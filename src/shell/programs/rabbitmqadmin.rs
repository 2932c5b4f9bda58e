//! `rabbitmqadmin`: declare, publish, get, list, purge and delete, as version 2 of the tool does.
//!
//! The tool talks to the broker's HTTP interface. What the broker says to that interface when it
//! refuses stands on a line of its own below what the tool prints.

mod tables;

use super::{Call, Plain, Program};
use crate::lab::{Command, LabError, Outcome};
use crate::rabbit::command::{AmqpError, Answer, Argument, Ask, CARRIED, GetMode};
use crate::rabbit::command::{OutgoingMessage, Properties};
use crate::rabbit::policy::{ApplyTo, Policy};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored, later, once};
use crate::shell::values::{self, json_object, number, one_of, truth, wrong};
use crate::sim::MessageId;
use std::rc::Rc;

const NAME: Opt = once(&["--name"], "NAME", "its name");
const ARGUMENTS: Opt = once(&["--arguments"], "JSON", "arguments, in single quotes ({})");
const DURABLE: Opt = once(&["--durable"], "true|false", "survives a restart (true)");
const AUTO_DELETE: Opt =
    once(&["--auto-delete"], "true|false", "goes with the last that uses it (false)");
const IDEMPOTENTLY: Opt = once(&["--idempotently"], "", "do nothing if it does not exist");
const SOURCE: Opt = once(&["--source"], "EXCHANGE", "the exchange");
const DESTINATION: Opt = once(&["--destination"], "NAME", "the queue or exchange");
const DESTINATION_TYPE: Opt =
    once(&["--destination-type"], "queue|exchange", "what the destination is (queue)");
const ROUTING_KEY: Opt = once(&["--routing-key", "-k"], "KEY", "the routing key");

/// Options of the whole tool: there is one node, one virtual host, one user.
macro_rules! with_general {
    ($($option:expr),* $(,)?) => {
        &[
            $($option,)*
            once(&["--host", "-H"], "HOST", "the node to ask: rabbit-2 (the first that answers)"),
            ignored(&["--port", "-P"], "PORT"),
            ignored(&["--base-uri", "-U"], "URI"),
            ignored(&["--username", "-u"], "NAME"),
            ignored(&["--password"], "PASSWORD"),
            ignored(&["--vhost", "-V"], "NAME"),
            ignored(&["--config"], "FILE"),
            ignored(&["--node", "-N"], "NAME"),
            ignored(&["--timeout"], "SECONDS"),
            ignored(&["--quiet"], ""),
            later(&["--table-style"], "STYLE"),
            later(&["--non-interactive"], ""),
        ]
    };
}

static GENERAL: &[Opt] = with_general![];
static DECLARE_QUEUE: &[Opt] = with_general![
    NAME,
    once(&["--type"], "classic|quorum|stream", "its type (classic)"),
    DURABLE,
    AUTO_DELETE,
    ARGUMENTS,
];
static DECLARE_EXCHANGE: &[Opt] = with_general![
    NAME,
    once(&["--type"], "direct|fanout|topic|headers", "its type (direct)"),
    DURABLE,
    AUTO_DELETE,
    ARGUMENTS,
];
static BINDING: &[Opt] =
    with_general![SOURCE, DESTINATION_TYPE, DESTINATION, ROUTING_KEY, ARGUMENTS, IDEMPOTENTLY];
static PUBLISH: &[Opt] = with_general![
    once(
        &["--exchange", "-e"],
        "EXCHANGE",
        "the exchange; the default exchange if it is not given"
    ),
    ROUTING_KEY,
    once(&["--payload", "-m"], "TEXT", "the body (test)"),
    once(&["--properties", "-p"], "JSON", "properties, in single quotes ({})"),
    later(&["--payload-file", "-f"], "FILE"),
];
static GET: &[Opt] = with_general![
    once(&["--queue", "-q"], "QUEUE", "the queue"),
    once(&["--count", "-c"], "N", "at most so many (1)"),
    once(
        &["--ack-mode", "-a"],
        "MODE",
        "ack_requeue_false takes them (as without it), ack_requeue_true and reject_requeue_true put \
         them back, reject_requeue_false rejects them",
    ),
];
static DECLARE_POLICY: &[Opt] = with_general![
    NAME,
    once(&["--pattern"], "REGEX", "names that match have it"),
    once(&["--definition"], "JSON", "what it sets, in single quotes"),
    once(&["--priority"], "N", "the highest one that matches holds (0)"),
    once(
        &["--apply-to"],
        "WHAT",
        "all, queues, classic_queues, quorum_queues, streams or exchanges (all)",
    ),
];
static NAMED: &[Opt] = with_general![NAME, IDEMPOTENTLY];
static LIST: &[Opt] = with_general![];

pub static PROGRAM: Program = Program {
    name: "rabbitmqadmin",
    summary: "declare, publish, get, list, purge and delete",
    usage: &[
        "rabbitmqadmin declare queue --name NAME [--type TYPE] [--durable BOOL] [--arguments JSON]",
        "rabbitmqadmin declare exchange --name NAME [--type TYPE]",
        "rabbitmqadmin declare binding --source EXCHANGE --destination-type queue \
         --destination QUEUE --routing-key KEY",
        "rabbitmqadmin publish message [--exchange EXCHANGE] --routing-key KEY --payload TEXT",
        "rabbitmqadmin get messages --queue QUEUE [--count N] [--ack-mode MODE]",
        "rabbitmqadmin declare policy --name NAME --pattern REGEX --definition JSON",
        "rabbitmqadmin list queues|exchanges|bindings|consumers|policies",
        "rabbitmqadmin purge queue --name NAME",
        "rabbitmqadmin delete queue|exchange|policy --name NAME",
    ],
    options: &[
        ("declare queue", DECLARE_QUEUE),
        ("declare exchange", DECLARE_EXCHANGE),
        ("declare binding, delete binding", BINDING),
        ("declare policy", DECLARE_POLICY),
        ("publish message", PUBLISH),
        ("get messages", GET),
        ("purge queue, delete queue, delete exchange, delete policy", NAMED),
        ("list", LIST),
    ],
    notes: &["Nouns may come first: queues declare, queues list, exchanges delete..."],
    plain: &[Plain::Words(&VERBS), Plain::Words(&NOUNS)],
    reads_stdin: false,
    parse,
};

const VERBS: [&str; 6] = ["declare", "publish", "get", "list", "purge", "delete"];

const NOUNS: [&str; 11] = [
    "queue",
    "exchange",
    "binding",
    "message",
    "messages",
    "queues",
    "exchanges",
    "bindings",
    "consumers",
    "policy",
    "policies",
];

/// Pairs of words that mean the same as a verb and a noun.
const PAIRS: [(&str, &str, &str); 32] = [
    ("declare", "queue", "declare queue"),
    ("queues", "declare", "declare queue"),
    ("declare", "exchange", "declare exchange"),
    ("exchanges", "declare", "declare exchange"),
    ("declare", "binding", "declare binding"),
    ("bindings", "declare", "declare binding"),
    ("exchanges", "bind", "declare binding"),
    ("publish", "message", "publish message"),
    ("messages", "publish", "publish message"),
    ("get", "messages", "get messages"),
    ("messages", "get", "get messages"),
    ("list", "queues", "list queues"),
    ("queues", "list", "list queues"),
    ("list", "exchanges", "list exchanges"),
    ("exchanges", "list", "list exchanges"),
    ("list", "bindings", "list bindings"),
    ("bindings", "list", "list bindings"),
    ("list", "consumers", "list consumers"),
    ("purge", "queue", "purge queue"),
    ("queues", "purge", "purge queue"),
    ("delete", "queue", "delete queue"),
    ("queues", "delete", "delete queue"),
    ("delete", "exchange", "delete exchange"),
    ("exchanges", "delete", "delete exchange"),
    ("delete", "binding", "delete binding"),
    ("bindings", "delete", "delete binding"),
    ("declare", "policy", "declare policy"),
    ("policies", "declare", "declare policy"),
    ("delete", "policy", "delete policy"),
    ("policies", "delete", "delete policy"),
    ("list", "policies", "list policies"),
    ("policies", "list", "list policies"),
];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let mut job = parse_pair(call)?;
    if let (Some(number), Job::Do { command, .. }) = (host(call)?, &mut job)
        && let Command::Rabbit(ask) = &mut **command
    {
        let inner = std::mem::replace(ask, Ask::Status);
        *ask = Ask::On(number, Box::new(inner));
    }
    Ok(job)
}

/// The number of the node that `--host` names: 2 for `rabbit-2`; `localhost` is any.
fn host(call: &Call) -> Result<Option<u32>, Refusal> {
    let at = call.words.iter().position(|word| {
        matches!(&*word.text, "--host" | "-H") || word.text.starts_with("--host=")
    });
    let is_whole = |at: usize| call.words[at].text.contains('=');
    let value = at.and_then(|at| call.words.get(if is_whole(at) { at } else { at + 1 }));
    let Some(word) = value else { return Ok(None) };
    let name = word.text.strip_prefix("--host=").unwrap_or(&word.text);
    match name.strip_prefix("rabbit-").map(str::parse) {
        Some(Ok(number)) if number > 0 => Ok(Some(number)),
        Some(_) => Err(wrong(word, "a node such as rabbit-2")),
        None => Ok(None),
    }
}

/// Where the command begins: options of the whole tool may stand before it, where version 2 of the
/// real one wants them.
fn command_at(call: &Call) -> Result<usize, Refusal> {
    let mut start = 0;
    while let Some(word) = call.words.get(start).filter(|word| word.text.starts_with('-')) {
        let (name, is_alone) = match word.text.split_once('=') {
            Some((name, _)) => (name, false),
            None => (&*word.text, true),
        };
        let Some(option) = GENERAL.iter().find(|option| option.names.contains(&name)) else {
            let known = GENERAL.iter().flat_map(|option| option.names).copied();
            let expected = "an option of rabbitmqadmin; `help rabbitmqadmin` lists them";
            return Err(Mistake::at(word.place, &word.text, expected).near(known).into());
        };
        start += 1 + usize::from(is_alone && !option.value.is_empty());
    }
    Ok(start)
}

fn parse_pair(call: &Call) -> Result<Job, Refusal> {
    let start = command_at(call)?;
    let word = |index: usize| call.words.get(start + index);
    let Some(first) = word(0) else {
        let arguments = call.sort("rabbitmqadmin", LIST)?;
        return Err(arguments.missing("a command such as list queues"));
    };
    let of_first = PAIRS.iter().filter(|(pair, ..)| *pair == first.text);
    let seconds: Vec<&str> = of_first.map(|(_, second, _)| *second).collect();
    if seconds.is_empty() {
        let known = PAIRS.iter().map(|(first, ..)| *first);
        let expected = "declare, publish, get, list, purge or delete";
        return Err(Mistake::at(first.place, &first.text, expected).near(known).into());
    }
    let second = word(1).ok_or_else(|| {
        let end = call.sort_from(start + 1, "rabbitmqadmin", LIST);
        end.map_or_else(|refusal| refusal, |end| end.missing(&seconds.join(", ")))
    })?;
    let pair = PAIRS.iter().find(|(a, b, _)| *a == first.text && *b == second.text);
    let Some((.., command)) = pair else {
        return Err(no_such_pair(first, second, &seconds));
    };
    let sort = |program, options| call.sort_from(start + 2, program, options);
    match *command {
        "declare queue" => declare_queue(&sort("rabbitmqadmin declare queue", DECLARE_QUEUE)?),
        "declare exchange" => {
            declare_exchange(&sort("rabbitmqadmin declare exchange", DECLARE_EXCHANGE)?)
        }
        "declare binding" => binding(&sort("rabbitmqadmin declare binding", BINDING)?, true),
        "delete binding" => binding(&sort("rabbitmqadmin delete binding", BINDING)?, false),
        "declare policy" => declare_policy(&sort("rabbitmqadmin declare policy", DECLARE_POLICY)?),
        "delete policy" => {
            let arguments = sort("rabbitmqadmin delete policy", NAMED)?;
            let ask = Ask::ClearPolicy { name: named(&arguments)?, operator: false };
            Ok(asking(ask, arguments.has("--idempotently"), |_| Vec::new()))
        }
        "publish message" => publish(&sort("rabbitmqadmin publish message", PUBLISH)?),
        "get messages" => get(&sort("rabbitmqadmin get messages", GET)?),
        "purge queue" => {
            let queue = named(&sort("rabbitmqadmin purge queue", NAMED)?)?;
            Ok(asking(Ask::Purge { queue }, false, |_| Vec::new()))
        }
        "delete queue" => {
            let arguments = sort("rabbitmqadmin delete queue", NAMED)?;
            let ask = Ask::DeleteQueue { queue: named(&arguments)? };
            Ok(asking(ask, arguments.has("--idempotently"), |_| Vec::new()))
        }
        "delete exchange" => {
            let arguments = sort("rabbitmqadmin delete exchange", NAMED)?;
            let ask = Ask::DeleteExchange { exchange: named(&arguments)? };
            Ok(asking(ask, arguments.has("--idempotently"), |_| Vec::new()))
        }
        list => {
            sort("rabbitmqadmin list", LIST)?.at_most(0)?;
            Ok(match list {
                "list queues" => asking(Ask::ListQueues, false, tables::queues),
                "list exchanges" => asking(Ask::ListExchanges, false, tables::exchanges),
                "list policies" => {
                    asking(Ask::ListPolicies { operator: false }, false, tables::policies)
                }
                "list bindings" => asking(Ask::ListBindings, false, tables::bindings),
                _ => asking(Ask::ListConsumers, false, tables::consumers),
            })
        }
    }
}

fn no_such_pair(first: &Word, second: &Word, seconds: &[&str]) -> Refusal {
    // What the real tool has besides.
    let later = [
        "stream",
        "vhost",
        "user",
        "operator_policy",
        "parameter",
        "permissions",
        "connections",
        "channels",
        "nodes",
        "users",
        "vhosts",
        "parameters",
    ];
    match later.contains(&&*second.text) {
        true => Refusal::NotHereYet(format!("rabbitmqadmin {} {}", first.text, second.text)),
        false => Mistake::at(second.place, &second.text, seconds.join(", "))
            .near(seconds.iter().copied())
            .into(),
    }
}

// ---- asking ----

fn asking(ask: Ask, idempotently: bool, print: fn(&Answer) -> Vec<String>) -> Job {
    Job::of(Command::Rabbit(ask), move |result| match result {
        Ok(Outcome::Rabbit(answer)) => Ok(print(&answer)),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Rabbit(error)) if error.code == 404 && idempotently => Ok(Vec::new()),
        Err(LabError::Rabbit(error)) => Err(failure(&error)),
        Err(other) => Err(other.to_string()),
    })
}

/// The tool's own words, if it has any, and what the broker said.
fn failure(error: &AmqpError) -> String {
    if let Some(name) = error.text.split_once("not here yet: ").map(|(_, name)| name) {
        return Refusal::NotHereYet(name.to_owned()).to_string();
    }
    match error.code {
        404 => format!("API responded with a 404 Not Found\n{error}"),
        403 => format!("Access refused.\n{error}"),
        320 => "encountered an error when performing an HTTP request".to_owned(),
        _ => error.to_string(),
    }
}

fn named(arguments: &Arguments) -> Result<String, Refusal> {
    arguments.at_most(0)?;
    Ok(arguments.required("--name", "NAME")?.text.clone())
}

fn declare_queue(arguments: &Arguments) -> Result<Job, Refusal> {
    let queue = named(arguments)?;
    let kind = arguments
        .value("--type", "classic", |word| one_of(word, &["classic", "quorum", "stream"]))?;
    let ask = Ask::DeclareQueue {
        queue,
        kind: kind.into(),
        durable: arguments.value("--durable", true, truth)?,
        auto_delete: arguments.value("--auto-delete", false, truth)?,
        arguments: arguments.value("--arguments", Default::default(), values::arguments)?,
    };
    Ok(asking(ask, false, |_| Vec::new()))
}

fn declare_exchange(arguments: &Arguments) -> Result<Job, Refusal> {
    let exchange = named(arguments)?;
    let kind = arguments.value("--type", "direct", |word| {
        one_of(word, &["direct", "fanout", "topic", "headers"])
    })?;
    let ask = Ask::DeclareExchange {
        exchange,
        kind: kind.into(),
        durable: arguments.value("--durable", true, truth)?,
        auto_delete: arguments.value("--auto-delete", false, truth)?,
        internal: false,
        arguments: arguments.value("--arguments", Default::default(), values::arguments)?,
    };
    Ok(asking(ask, false, |_| Vec::new()))
}

fn declare_policy(arguments: &Arguments) -> Result<Job, Refusal> {
    let name = named(arguments)?;
    let pattern = arguments.required("--pattern", "REGEX")?.text.clone();
    let definition = values::arguments(arguments.required("--definition", "JSON")?)?;
    let priority = arguments.value("--priority", 0, values::integer)?;
    let apply_to = arguments.value("--apply-to", ApplyTo::All, |word| {
        let names = ["all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"];
        Ok(ApplyTo::named(one_of(word, &names)?).unwrap_or_default())
    })?;
    let policy = Policy { name, pattern, apply_to, priority, definition };
    Ok(asking(Ask::SetPolicy { policy, operator: false }, false, |_| Vec::new()))
}

fn binding(arguments: &Arguments, declare: bool) -> Result<Job, Refusal> {
    arguments.at_most(0)?;
    let source = arguments.required("--source", "EXCHANGE")?.text.clone();
    let kind = arguments
        .value("--destination-type", "queue", |word| one_of(word, &["queue", "exchange"]))?;
    let to_exchange = kind == "exchange";
    let what = if to_exchange { "EXCHANGE" } else { "QUEUE" };
    let destination = arguments.required("--destination", what)?.text.clone();
    let key = arguments.text("--routing-key").unwrap_or_default();
    let table = arguments.value("--arguments", Default::default(), values::arguments)?;
    let ask = match declare {
        true => Ask::Bind { source, destination, to_exchange, key, arguments: table },
        false => Ask::Unbind { source, destination, to_exchange, key, arguments: table },
    };
    Ok(asking(ask, arguments.has("--idempotently"), |_| Vec::new()))
}

// ---- messages ----

fn publish(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(0)?;
    let body = arguments.text("--payload").unwrap_or_else(|| "test".into());
    let set = arguments.value("--properties", Properties::default(), properties)?;
    let message = OutgoingMessage {
        // The lab gives it the next number.
        id: MessageId(0),
        exchange: arguments.text("--exchange").unwrap_or_default().into(),
        routing_key: arguments.text("--routing-key").unwrap_or_default().into(),
        key: None,
        body: body.into(),
        properties: Some(Rc::new(set)),
    };
    Ok(asking(Ask::Publish(message), false, |answer| match answer {
        Answer::Published { routed: true } => {
            vec!["Message published and routed successfully".into()]
        }
        _ => vec!["Message published but NOT routed".into()],
    }))
}

fn properties(word: &Word) -> Result<Properties, Refusal> {
    const KNOWN: [&str; 7] = [
        "delivery_mode",
        "priority",
        "expiration",
        "correlation_id",
        "reply_to",
        "content_type",
        "headers",
    ];
    let mut properties = Properties::default();
    for (name, value) in json_object(word)? {
        let text = || value.as_str().map(str::to_owned);
        let small = || value.as_u64().and_then(|number| u8::try_from(number).ok());
        let fits = match &*name {
            "delivery_mode" => {
                properties.delivery_mode = small().filter(|mode| matches!(mode, 1 | 2));
                properties.delivery_mode.is_some()
            }
            "priority" => {
                properties.priority = small();
                properties.priority.is_some()
            }
            "expiration" => {
                properties.expiration = text();
                properties.expiration.is_some()
            }
            "correlation_id" => {
                properties.correlation_id = text();
                properties.correlation_id.is_some()
            }
            "reply_to" => {
                properties.reply_to = text();
                properties.reply_to.is_some()
            }
            "content_type" => {
                properties.content_type = text();
                properties.content_type.is_some()
            }
            "headers" => {
                let table = Word { text: value.to_string(), ..word.clone() };
                properties.headers = values::arguments(&table)?;
                true
            }
            "timestamp" => {
                let seconds = value.as_u64().map(Argument::Timestamp);
                seconds.map(|seconds| properties.carried.insert(name, seconds)).is_some()
            }
            carried if CARRIED.contains(&carried) => {
                let text = text().filter(|text| text.len() <= 255).map(Argument::Text);
                text.map(|text| properties.carried.insert(name, text)).is_some()
            }
            _ => {
                let known = KNOWN.into_iter().chain(CARRIED);
                let listed = known.clone().collect::<Vec<_>>().join(", ");
                let expected = format!("properties: {listed}");
                return Err(Mistake::at(word.place, &name, expected).near(known).into());
            }
        };
        if !fits {
            let expected = "delivery_mode 1 or 2, priority 0 to 255, timestamp in seconds, and \
                strings for all others";
            return Err(wrong(word, expected));
        }
    }
    Ok(properties)
}

fn get(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(0)?;
    let queue = arguments.required("--queue", "QUEUE")?.text.clone();
    let count = arguments.value("--count", 1, |word| number(word, 1..=10_000))? as u32;
    const MODES: [&str; 4] =
        ["ack_requeue_false", "ack_requeue_true", "reject_requeue_true", "reject_requeue_false"];
    let mode = arguments.value("--ack-mode", MODES[0], |word| one_of(word, &MODES))?;
    let mode = match mode {
        "ack_requeue_true" => GetMode::AckRequeue,
        "reject_requeue_true" => GetMode::RejectRequeue,
        "reject_requeue_false" => GetMode::Reject,
        _ => GetMode::Ack,
    };
    Ok(asking(Ask::Get { queue, count, mode }, false, tables::messages))
}
