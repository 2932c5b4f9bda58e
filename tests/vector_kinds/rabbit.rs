//! The vectors of the RabbitMQ side, through the engine's public functions.

#[path = "rabbit/alarms.rs"]
mod alarms;
#[path = "rabbit/cluster.rs"]
mod cluster;
#[path = "rabbit/facts.rs"]
mod facts;
#[path = "rabbit/mirrors.rs"]
mod mirrors;
#[path = "rabbit/quorum.rs"]
mod quorum;
#[path = "rabbit/scenarios.rs"]
mod scenarios;
#[path = "rabbit/steps.rs"]
mod steps;
#[path = "rabbit/timing.rs"]
mod timing;
#[path = "rabbit/tutorials.rs"]
mod tutorials;

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use steps::{Runner, same};

/// Kinds of parts that are not built yet.
pub const NOT_YET: &[&str] = &[];

/// Entries of kinds that are built, with the part that each still needs.
const NEEDS_LATER: &[(&str, &str)] = &[
    ("error-28", "frames: a frame cannot be too large, as bodies are cut by the frame size"),
    ("connection-handshake", "the handshake is one question and one answer here"),
];

/// Checks one entry of a kind.
pub fn run(kind: &str, entry: &Value) -> Result<(), String> {
    let id = entry["id"].as_str().unwrap_or("");
    if NEEDS_LATER.iter().any(|(later, _)| *later == id) {
        return Ok(());
    }
    match kind {
        "routing" => routing(entry),
        // Each is run with every entry of `routing` that begins from it.
        "topologies" => steps_of(entry),
        "binding_sets" => binding_set(entry["id"].as_str().unwrap_or("")).map(drop),
        "topic_routes" => topic_route(entry),
        "topic_match" | "topic_binding_validation" => facts::topic(entry),
        "headers_match" | "headers_binding_validation" => facts::headers(entry),
        "confirms" if id == "confirm-when-08" => cluster::minority_does_not_confirm(),
        "confirms" if id == "confirm-when-06" => cluster::confirmed_by_two("quorum"),
        "confirms" if id == "confirm-when-12" => mirrors::confirmed_by_all(),
        "confirms" if id == "confirm-when-09" => cluster::confirmed_by_two("stream"),
        "confirms" if entry.get("tracker").is_some() => facts::tracker(entry),
        "storage" if id == "quorum-power-cut" => quorum::power_cut(entry),
        "storage" => facts::storage(entry),
        "errors" if id == "error-27" => cluster::home_is_down(),
        "errors" => facts::error(entry),
        "protocol" => facts::protocol(entry),
        "profiles" if id == "profile-14" => mirrors::releases(entry),
        "profiles" if id == "profile-15" => cluster::handling(entry),
        "profiles" => facts::profile(entry),
        "cost_model" => timing::cost(entry),
        "cluster" => cluster::entry(entry),
        "credit_flow" => alarms::credit(entry),
        "alarms" => alarms::alarm(entry),
        "tutorials" => tutorials::tutorial(entry),
        "dispatch" if id == "sac-quorum-priority-fallback" => {
            quorum::single_active_priorities(entry)
        }
        "scenarios" if id == "S29" => cluster::majority(),
        "scenarios" => scenarios::scenario(id),
        _ if entry.get("steps").is_some() => steps_of(entry),
        "confirms" => facts::confirm(entry),
        "queue_lifecycle" => facts::exclusive(entry),
        _ => Err("nobody knows how to check this entry".to_owned()),
    }
}

fn steps_of(entry: &Value) -> Result<(), String> {
    let profile = entry.get("profile").and_then(Value::as_str).unwrap_or("4.2");
    let mut runner = Runner::new(profile);
    runner.run(entry["steps"].as_array().ok_or("steps are a list")?)?;
    let order = entry.get("order").and_then(Value::as_array).cloned().unwrap_or_default();
    for pair in order.windows(2) {
        let place = |kind: &Value| runner.heard.iter().position(|heard| kind == heard);
        if place(&pair[0]) >= place(&pair[1]) {
            return Err(format!("{} did not come before {}", pair[0], pair[1]));
        }
    }
    Ok(())
}

fn files() -> &'static [Value] {
    static FILES: OnceLock<Vec<Value>> = OnceLock::new();
    FILES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let paths = fs::read_dir(folder).expect("tests/vectors can be read");
        let texts = paths.filter_map(|path| fs::read_to_string(path.ok()?.path()).ok());
        texts.filter_map(|text| serde_json::from_str(&text).ok()).collect()
    })
}

/// An entry that others refer to, from any of the files.
fn referred(kind: &str, id: &str) -> Result<Value, String> {
    let of_kind = files().iter().filter_map(|file| file["kinds"][kind]["entries"].as_array());
    let mut found = of_kind.flatten().filter(|entry| entry["id"] == id);
    found.next().cloned().ok_or(format!("there is no entry {id} in {kind}"))
}

/// An exchange with the bindings of a set, and their queues.
fn binding_set(id: &str) -> Result<Runner, String> {
    let set = referred("binding_sets", id)?;
    let mut runner = Runner::new("4.2");
    let kind = &set["exchange_type"];
    runner.run(&[json!({"op": "declare_exchange", "exchange": "x", "type": kind})])?;
    for binding in set["bindings"].as_array().ok_or("bindings are a list")? {
        let queue = &binding["queue"];
        let declare = json!({"op": "declare_queue", "queue": queue});
        let bind = json!({
            "op": "bind", "source": "x", "destination": queue, "key": binding["pattern"],
            "arguments": binding["arguments"],
        });
        runner.run(&[declare, bind])?;
    }
    Ok(runner)
}

/// Runs all routes through these sets of bindings.
fn topic_routes_of(sets: &[&str]) -> Result<(), String> {
    let all = files().iter().filter_map(|file| file["kinds"]["topic_routes"]["entries"].as_array());
    let routes = all.flatten().filter(|entry| sets.iter().any(|set| entry["set"] == *set));
    let mut count = 0;
    for entry in routes {
        topic_route(entry).map_err(|error| format!("{}: {error}", entry["id"]))?;
        count += 1;
    }
    if count > 0 { Ok(()) } else { Err(format!("there are no routes of {sets:?}")) }
}

fn topic_route(entry: &Value) -> Result<(), String> {
    let is_deleted = entry["stage"] == "exchange deleted";
    let mut runner = match entry["set"].as_str() {
        Some(set) => binding_set(set)?,
        None if is_deleted => binding_set("topic-matrix")?,
        None => {
            let mut runner = Runner::new("4.2");
            runner.run(&[json!({"op": "declare_exchange", "exchange": "x", "type": "topic"})])?;
            for number in 1..=entry["queue_count"].as_u64().unwrap_or(0) {
                let queue = format!("q-fan-{number}");
                let declare = json!({"op": "declare_queue", "queue": queue});
                let bind = json!({
                    "op": "bind", "source": "x", "destination": queue, "key": entry["key"],
                });
                runner.run(&[declare, bind])?;
            }
            runner
        }
    };
    let mut publish = json!({"op": "publish", "exchange": "x", "key": entry["key"], "body": "m"});
    if is_deleted {
        runner.run(&[json!({"op": "delete_exchange", "exchange": "x"})])?;
        publish["error"] = json!({"code": 404, "closes": "channel"});
    }
    runner.run(&[publish])?;
    let queues = runner.cluster.queues();
    if let Some(queue) = queues.iter().find(|queue| queue.ready > 1) {
        return Err(format!("{} got {} copies", queue.name, queue.ready));
    }
    let got = queues.iter().filter(|queue| queue.ready == 1).map(|queue| &*queue.name);
    if entry.get("queue_count").is_some() {
        return same(&entry["queue_count"], &got.count().into(), "queues");
    }
    let got: BTreeSet<&str> = got.collect();
    let wanted = entry["queues"].as_array().ok_or("queues are a list")?;
    let wanted: BTreeSet<&str> = wanted.iter().filter_map(Value::as_str).collect();
    if wanted == got { Ok(()) } else { Err(format!("wanted {wanted:?}, got {got:?}")) }
}

fn routing(entry: &Value) -> Result<(), String> {
    let topology = referred("topologies", entry["topology"].as_str().unwrap_or(""))?;
    let steps = topology["steps"].as_array().cloned().unwrap_or_default();
    let mut runner = Runner::new("4.2");
    runner.run(&steps)?;
    runner.run(entry.get("before").and_then(Value::as_array).map_or(&[][..], |steps| steps))?;
    let expect = &entry["expect"];
    let mut publish = entry["publish"].clone();
    publish["op"] = "publish".into();
    publish["body"] = "m".into();
    if let Some(error) = expect.get("error") {
        publish["error"] = error.clone();
    }
    runner.run(&[publish])?;
    let queues = runner.cluster.queues();
    let copies: BTreeMap<&str, u64> = queues.iter().map(|it| (&*it.name, it.ready)).collect();
    for (queue, ready) in copies {
        let wanted = expect["copies"].get(queue).cloned().unwrap_or(0.into());
        same(&wanted, &ready.into(), &format!("copies in {queue}"))?;
    }
    let returned = runner.heard.iter().filter(|kind| **kind == "basic.return").count();
    let wanted = expect.get("returned").cloned().unwrap_or(0.into());
    same(&wanted, &returned.into(), "returned")?;
    let Some(headers) = expect.get("headers").and_then(Value::as_object) else { return Ok(()) };
    let queue = expect["copies"].as_object().and_then(|copies| copies.keys().next()).cloned();
    let got = facts::headers_of(&mut runner, &queue.unwrap_or_default())?;
    for (name, wanted) in headers {
        same(wanted, &got.contains(name).into(), name)?;
    }
    Ok(())
}
