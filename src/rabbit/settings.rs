//! Settings by their real names: who takes which, and what their values must look like.
//!
//! They are looked at before a process is started with them, so that a typing error is not
//! mistaken for a result. What a broker itself refuses in its own words (`expiration`,
//! `x-priority`, `x-stream-offset`) goes to it as it is.
//!
//! Simplified: a real client library would not compile, or ignore what it does not know; a node's
//! unknown setting is refused as a real node refuses its file. A setting of a real node that the
//! lab has no use for is unknown here.

use super::alarms::Watermark;
use super::broker::blocking::size_bytes;
use super::broker::nodes::CLUSTER_SIZE;
use super::protection::WITHOUT;
use super::spec::Spec;

/// What a value must look like.
#[derive(Clone, Copy)]
enum Kind {
    Boolean,
    /// A whole number within these limits.
    Number(u64, u64),
    OneOf(&'static [&'static str]),
    /// Bytes: `50000000`, `50MB`, `1GiB`.
    Bytes,
    /// A fraction from 0 to 1.
    Fraction,
    /// `{400,200}`: credit at the beginning, and after how many messages there is more.
    Credit,
    /// Milliseconds, `false` or `undefined`.
    Timeout,
    /// `none`, `all` or numbers of messages: `m4,m7`.
    Messages,
    /// The name that Erlang gives a node.
    Node,
    /// Any text, or what the broker looks at.
    Text,
}

/// A name, whether a client takes it while it runs, and what its value must look like.
type Definition = (&'static str, bool, Kind);

const PUBLISHER: &[Definition] = &[
    ("confirm", false, Kind::Boolean),
    ("mandatory", true, Kind::Boolean),
    ("delivery_mode", true, Kind::OneOf(&["1", "2", "transient", "persistent"])),
    ("priority", true, Kind::Number(0, 255)),
    ("expiration", true, Kind::Text),
    ("host", false, Kind::Text),
    ("connection.blocked", false, Kind::Boolean),
    ("network_recovery_interval", true, Kind::Number(0, u32::MAX as u64)),
];

const CONSUMER: &[Definition] = &[
    ("fail", true, Kind::Messages),
    ("network_recovery_interval", true, Kind::Number(0, u32::MAX as u64)),
    ("x-priority", false, Kind::Text),
    ("x-stream-offset", false, Kind::Text),
    ("x-cancel-on-ha-failover", false, Kind::Boolean),
    ("exclusive", false, Kind::Boolean),
    ("host", false, Kind::Text),
    ("connection.blocked", false, Kind::Boolean),
    ("durable", false, Kind::Boolean),
    ("clientId", false, Kind::Text),
];

/// The version of this program whose ways a node keeps, as links and saved labs are played again
/// for ever. Until 0.2.0 a node of 4.3 took consumers of one that it could not reach for gone.
pub const ENGINE: &str = "lab_engine";

const NODE: &[Definition] = &[
    ("vm_memory_high_watermark", false, Kind::Fraction),
    ("vm_memory_high_watermark.relative", false, Kind::Fraction),
    ("vm_memory_high_watermark.absolute", false, Kind::Bytes),
    ("vm_memory_high_watermark_paging_ratio", false, Kind::Fraction),
    ("total_memory_available_override_value", false, Kind::Bytes),
    ("disk_free_limit", false, Kind::Bytes),
    ("disk_free_limit.absolute", false, Kind::Bytes),
    ("consumer_timeout", false, Kind::Timeout),
    ("consumer_disconnected_timeout", false, Kind::Number(1, u32::MAX as u64)),
    (
        "cluster_partition_handling",
        false,
        Kind::OneOf(&["ignore", "pause_minority", "pause_if_all_down", "autoheal"]),
    ),
    (
        "cluster_partition_handling.pause_if_all_down.recover",
        false,
        Kind::OneOf(&["ignore", "autoheal"]),
    ),
    ("quorum_commands_soft_limit", false, Kind::Number(1, u32::MAX as u64)),
    ("credit_flow_default_credit", false, Kind::Credit),
    // Of the lab alone.
    (WITHOUT, false, Kind::Text),
    (ENGINE, false, Kind::Text),
    (CLUSTER_SIZE, false, Kind::Text),
    ("profile", false, Kind::Text),
];

/// `cluster_partition_handling.pause_if_all_down.nodes.1` and the like.
const PAUSE_NODES: &str = "cluster_partition_handling.pause_if_all_down.nodes.";

/// True if a producer's setting with this name is of its RabbitMQ side.
pub fn is_publishers(name: &str) -> bool {
    PUBLISHER.iter().any(|it| it.0 == name)
}

/// Says what is wrong with the settings of a process, before it is started.
pub fn check(spec: &Spec) -> Result<(), String> {
    let (settings, client) = match spec {
        Spec::Broker { settings, .. } => (settings, None),
        Spec::Publisher(spec) => (&spec.settings, Some(("producer", PUBLISHER))),
        Spec::Consumer(spec) => (&spec.settings, Some(("consumer", CONSUMER))),
        Spec::Admin => return Ok(()),
    };
    settings.iter().try_for_each(|(name, value)| match client {
        Some((what, table)) => of_client(what, table, name, value.trim()).map(drop),
        None => of_node(name, value.trim()),
    })
}

/// Says what is wrong with a setting that a client is to take while it runs.
pub fn check_live(spec: &Spec, name: &str, value: &str) -> Result<(), String> {
    let (what, table, client) = match spec {
        Spec::Publisher(spec) => ("producer", PUBLISHER, &spec.name),
        Spec::Consumer(spec) => ("consumer", CONSUMER, &spec.name),
        Spec::Broker { .. } | Spec::Admin => return Ok(()),
    };
    match of_client(what, table, name, value.trim())? {
        true => Ok(()),
        false => Err(format!(
            "{what} {client} takes {name} when it begins: `client {client} stop`, then {what} \
             with `--set {name}={value}`"
        )),
    }
}

/// Whether a client takes a setting while it runs.
fn of_client(what: &str, table: &[Definition], name: &str, value: &str) -> Result<bool, String> {
    let Some((_, is_live, kind)) = table.iter().find(|it| it.0 == name) else {
        let all: Vec<&str> = table.iter().map(|it| it.0).collect();
        let all = all.join(", ");
        return Err(format!("{name} is no setting of a RabbitMQ {what}; there are {all}"));
    };
    kind.check(name, value).map(|()| *is_live)
}

fn of_node(name: &str, value: &str) -> Result<(), String> {
    if name.starts_with(PAUSE_NODES) {
        return Kind::Node.check(name, value);
    }
    match NODE.iter().find(|it| it.0 == name) {
        Some((_, _, kind)) => kind.check(name, value),
        None => Err(format!("You've tried to set {name}, but there is no setting with that name.")),
    }
}

impl Kind {
    fn check(self, name: &str, value: &str) -> Result<(), String> {
        let fits = match self {
            Kind::Boolean => matches!(value, "true" | "false"),
            Kind::Number(least, most) => {
                value.parse::<u64>().is_ok_and(|number| (least..=most).contains(&number))
            }
            Kind::OneOf(words) => words.contains(&value),
            Kind::Bytes => size_bytes(value).is_some(),
            Kind::Fraction => Watermark::relative(value).is_some(),
            Kind::Credit => super::broker::flow::credit_of(value).is_some(),
            Kind::Timeout => matches!(value, "false" | "undefined") || value.parse::<u64>().is_ok(),
            Kind::Messages => {
                let is_number = |word: &str| {
                    let word = word.trim();
                    word.strip_prefix('m').unwrap_or(word).parse::<u64>().is_ok()
                };
                matches!(value, "" | "none" | "all") || value.split(',').all(is_number)
            }
            Kind::Node => {
                let number = value.strip_prefix("rabbit@rabbit-");
                number.is_some_and(|it| it.parse::<u32>().is_ok_and(|it| it > 0))
            }
            Kind::Text => true,
        };
        let expected = match self {
            _ if fits => return Ok(()),
            Kind::Boolean => "true or false".to_owned(),
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::OneOf(words) => words.join(", "),
            Kind::Bytes => "bytes such as 200000000, 200MB or 1GiB".to_owned(),
            Kind::Fraction => "a fraction between 0.0 and 1.0".to_owned(),
            Kind::Credit => "{400,200}: credit, and after how many messages more".to_owned(),
            Kind::Timeout => "milliseconds, or false".to_owned(),
            Kind::Messages => "none, all, or messages such as m4,m7".to_owned(),
            Kind::Node => "a node such as rabbit@rabbit-2".to_owned(),
            Kind::Text => return Ok(()),
        };
        Err(format!("found {value}, expected {expected} ({name})"))
    }
}
