//! What policies say of mirrors: `ha-mode` and what goes with it.
//!
//! Source: `rabbit_mirror_queue_misc:validate_policy` and `rabbit_mirror_queue_mode_*`.

use crate::rabbit::command::Argument;
use crate::rabbit::message::Arguments;
use crate::rabbit::policy::erlang;
use crate::sim::NodeId;

/// What a policy may set about mirrors.
pub const KEYS: [&str; 6] = [
    "ha-mode",
    "ha-params",
    "ha-promote-on-failure",
    "ha-promote-on-shutdown",
    "ha-sync-batch-size",
    "ha-sync-mode",
];

/// Where copies are.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    /// On all nodes.
    All,
    /// On so many, the master's included.
    Exactly(usize),
    /// On these.
    Nodes(Vec<String>),
}

/// How a queue is mirrored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    mode: Mode,
    /// A mirror that joins is synchronised at once (`ha-sync-mode=automatic`).
    pub is_automatic: bool,
    /// A mirror that lacks something is promoted when the master's node is stopped
    /// (`ha-promote-on-shutdown=always`),
    always_on_shutdown: bool,
    /// or when it fails (`ha-promote-on-failure`, `always` unless it is set).
    always_on_failure: bool,
}

impl Wanted {
    /// What a policy wants; nothing without `ha-mode`.
    pub fn of(policy: &Arguments) -> Option<Wanted> {
        let is = |name: &str, word: &str| text(policy.get(name)) == Some(word);
        let mode = match (text(policy.get("ha-mode"))?, policy.get("ha-params")) {
            ("exactly", Some(Argument::Integer(count))) => {
                Mode::Exactly(usize::try_from(*count).unwrap_or(1))
            }
            ("nodes", Some(Argument::List(nodes))) => {
                let nodes = nodes.iter().filter_map(|node| text(Some(node)));
                Mode::Nodes(nodes.map(str::to_owned).collect())
            }
            _ => Mode::All,
        };
        Some(Wanted {
            mode,
            is_automatic: is("ha-sync-mode", "automatic"),
            always_on_shutdown: is("ha-promote-on-shutdown", "always"),
            always_on_failure: !is("ha-promote-on-failure", "when-synced"),
        })
    }

    /// True if a mirror that lacks something may be promoted when the master is stopped, or fails.
    pub fn promotes_any(&self, is_shutdown: bool) -> bool {
        if is_shutdown { self.always_on_shutdown } else { self.always_on_failure }
    }

    /// The nodes that are to mirror, of those that are up: `up` with their names, in their order
    /// behind the master; `now` are those that do.
    pub fn mirrors(&self, now: &[NodeId], up: &[(NodeId, String)]) -> Vec<NodeId> {
        let all = || up.iter().map(|(node, _)| *node);
        match &self.mode {
            Mode::All => all().collect(),
            Mode::Exactly(count) => {
                let stay = now.iter().copied().filter(|node| all().any(|up| up == *node));
                let come = all().filter(|node| !now.contains(node));
                stay.chain(come).take(count.saturating_sub(1)).collect()
            }
            Mode::Nodes(names) => {
                let named = up.iter().filter(|(_, name)| names.contains(name));
                named.map(|(node, _)| *node).collect()
            }
        }
    }
}

fn text(value: Option<&Argument>) -> Option<&str> {
    match value {
        Some(Argument::Text(text)) => Some(text),
        _ => None,
    }
}

/// Says what the server says of a definition that it does not take.
pub fn check(definition: &Arguments) -> Result<(), String> {
    if !KEYS.iter().any(|key| definition.contains_key(*key)) {
        return Ok(());
    }
    let params = definition.get("ha-params");
    match (definition.get("ha-mode"), params) {
        (None, _) => Err("ha-mode must be specified to specify ha-params, ha-sync-mode or \
                          ha-promote-on-shutdown"
            .to_owned()),
        (Some(mode), _) if !["all", "exactly", "nodes"].map(Some).contains(&text(Some(mode))) => {
            Err(format!("{} is not a valid ha-mode value", erlang(mode)))
        }
        (Some(mode), params) => check_params(text(Some(mode)).unwrap_or_default(), params),
    }?;
    match definition.get("ha-sync-batch-size") {
        None => {}
        Some(Argument::Integer(size)) if *size > 0 => {}
        Some(other) => {
            return Err(format!("ha-sync-batch-size takes an integer, {} given", erlang(other)));
        }
    }
    let words = [
        ("ha-sync-mode", ["manual", "automatic"]),
        ("ha-promote-on-shutdown", ["always", "when-synced"]),
        ("ha-promote-on-failure", ["always", "when-synced"]),
    ];
    for (key, [one, other]) in words {
        let Some(value) = definition.get(key) else { continue };
        if ![one, other].map(Some).contains(&text(Some(value))) {
            return Err(format!("{key} must be \"{one}\" or \"{other}\", got {}", erlang(value)));
        }
    }
    Ok(())
}

fn check_params(mode: &str, params: Option<&Argument>) -> Result<(), String> {
    // The server says `none` of what is not there.
    let given = params.map_or_else(|| "none".to_owned(), erlang);
    match (mode, params) {
        ("all", None) => Ok(()),
        ("all", Some(_)) => Err("ha-mode=\"all\" does not take parameters".to_owned()),
        ("exactly", Some(Argument::Integer(count))) if *count > 0 => Ok(()),
        ("exactly", _) => Err(format!("ha-mode=\"exactly\" takes an integer, {given} given")),
        (_, Some(Argument::List(nodes))) if nodes.is_empty() => {
            Err("ha-mode=\"nodes\" list must be non-empty".to_owned())
        }
        (_, Some(Argument::List(nodes))) => {
            let strange = nodes.iter().filter(|node| text(Some(node)).is_none());
            let strange: Vec<String> = strange.map(erlang).collect();
            match strange.is_empty() {
                true => Ok(()),
                false => Err(format!(
                    "ha-mode=\"nodes\" takes a list of strings, [{}] was not a string",
                    strange.join(",")
                )),
            }
        }
        _ => Err(format!("ha-mode=\"nodes\" takes a list, {given} given")),
    }
}
