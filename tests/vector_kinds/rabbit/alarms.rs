//! Credit flow and alarms.

use super::cluster::play;
use super::steps::{Runner, same};
use pushpull::rabbit::alarms::{DISK_BYTES, DISK_FREE_LIMIT_BYTES, Watermark};
use pushpull::rabbit::credit::{DEFAULT, Hop, MESSAGE_STORE, Spec, behind_queue};
use pushpull::rabbit::message::{Change, Method};
use pushpull::sim::Span;
use serde_json::{Value, json};
use std::rc::Rc;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// One hop.
pub fn credit(entry: &Value) -> Result<(), String> {
    if let Some(events) = entry.get("events").and_then(Value::as_array) {
        let spec = &entry["spec"];
        let mut hop = Hop::new(Spec { initial: number(&spec[0]), more_after: number(&spec[1]) });
        for event in events {
            match event[0].as_str().unwrap_or("") {
                "send" => (0..number(&event[1])).for_each(|_| hop.send()),
                "handle" => (0..number(&event[1])).for_each(|_| hop.handle()),
                "receiver_blocks" => hop.receiver_blocks(true),
                "receiver_unblocks" => hop.receiver_blocks(false),
                other => return Err(format!("a hop has no event {other}")),
            }
        }
        same(&entry["credit"], &hop.credit().into(), "credit")?;
        return same(&entry["blocked"], &hop.is_blocked().into(), "blocked");
    }
    match entry["id"].as_str().unwrap_or("") {
        "credit-chain-queue" => {
            let mut hop = Hop::new(behind_queue(5_000).ok_or("there is no hop")?);
            let sent = (1..).find(|_| {
                hop.send();
                hop.is_blocked()
            });
            same(&entry["messages"], &sent.into(), "messages")
        }
        "credit-quorum-1" => soft_limit(),
        "credit-state" => flow_for_a_second(),
        "credit-chain-small" => match behind_queue(4_095) {
            None => Ok(()),
            Some(spec) => Err(format!("there is a hop: {spec:?}")),
        },
        _ => Err("nobody knows how to check this entry".to_owned()),
    }
}

/// A disk on which a flush takes 5.9 ms, so that nothing is applied meanwhile.
const SLOW: &str = "
    lab new --kafka-brokers 1 --cost ssd
    rabbitmqadmin declare queue --name q --type quorum
";

/// With 32 commands unapplied nothing is blocked; the one that is sent beside them blocks.
fn soft_limit() -> Result<(), String> {
    for (count, state) in [(32, "running"), (33, "flow")] {
        play(&format!(
            "{SLOW}
            producer p --rabbit /q --count {count}
            run --until 'count(\"rabbit.published\") == {count}'
            run 3ms
            = client(p).done == 0 && rabbit.connections[\"p\"] == \"{state}\""
        ))?;
    }
    Ok(())
}

/// It is shown until a second after the last wait began.
fn flow_for_a_second() -> Result<(), String> {
    play(&format!(
        "{SLOW}
        producer p --rabbit /q --count 33
        run --until 'rabbit.connections[\"p\"] == \"flow\"'
        run 999ms
        = client(p).done == 33 && rabbit.connections[\"p\"] == \"flow\"
        run 1ms
        = rabbit.connections[\"p\"] == \"running\""
    ))
    .map(drop)
}

/// A client without the capability goes on sending into its socket; the broker takes nothing of it.
fn not_told() -> Result<(), String> {
    for (capability, goes_on) in [("true", false), ("false", true)] {
        play(&format!(
            "lab new --kafka-brokers 1 --cost lesson
            rabbitmqadmin declare queue --name q
            producer p --rabbit /q --rate 10/s --set connection.blocked={capability}
            run 1s
            rabbitmqctl set_vm_memory_high_watermark 0
            run 2s
            = rabbit.connections[\"p\"] == \"blocked\" && rabbit.queue(q).ready < 14
            = (client(p).got > 25) == {goes_on}
            rabbitmqctl set_vm_memory_high_watermark 0.6
            run 1s
            = rabbit.connections[\"p\"] == \"running\" && rabbit.queue(q).ready > 35"
        ))?;
    }
    Ok(())
}

/// Thresholds and effects.
pub fn alarm(entry: &Value) -> Result<(), String> {
    if let Some(share) = entry["watermark"].as_f64() {
        let watermark = Watermark::relative(&share.to_string()).ok_or("no watermark")?;
        let bytes = watermark.bytes(number(&entry["ram_bytes"]));
        return same(&entry["publishers_blocked_above"], &bytes.into(), "bytes");
    }
    match entry["id"].as_str().unwrap_or("") {
        "alarm-effect-01" | "alarm-effect-03" | "alarm-effect-07" | "alarm-effect-09" => {
            watermark_zero()
        }
        "alarm-effect-04" => consumers_go_on(),
        "alarm-effect-08" => silence_is_no_death(),
        "alarm-effect-12" => not_told(),
        "alarm-effect-10" => {
            let limit = Change::DiskFreeLimit(DISK_BYTES + 1);
            same(&50_000_000.into(), &DISK_FREE_LIMIT_BYTES.into(), "limit")?;
            blocked_and_free(limit, Change::DiskFreeLimit(DISK_FREE_LIMIT_BYTES), "low on disk")
        }
        _ => Err("nobody knows how to check this entry".to_owned()),
    }
}

fn change(runner: &mut Runner, change: Change) -> Result<(), String> {
    let method = Method::ManagementDo(Rc::new(change));
    runner.ask("tool", method).map(drop).map_err(|refusal| refusal.text)
}

fn with_queue() -> Result<Runner, String> {
    let mut runner = Runner::new("4.2");
    runner.run(&[
        json!({"op": "open_channel", "channel": "tool", "connection": "k9"}),
        json!({"op": "open_channel", "channel": "c2", "connection": "k2"}),
        json!({"op": "declare_queue", "queue": "q"}),
        json!({"op": "consume", "queue": "q", "consumer": "A", "channel": "c2"}),
    ])?;
    Ok(runner)
}

/// With an alarm a connection's first publish is taken and blocks it; consumers go on; then all
/// that waited is taken in its order.
fn blocked_and_free(set: Change, clear: Change, why: &str) -> Result<(), String> {
    let mut runner = with_queue()?;
    change(&mut runner, set)?;
    let publish = |body: &str| json!({"op": "publish", "exchange": "", "key": "q", "body": body});
    runner.run(&[
        publish("one"),
        publish("two"),
        publish("three"),
        json!({"op": "expect", "delivered": {"A": ["one"]}}),
        json!({"op": "ack", "tag": 1, "channel": "c2"}),
        json!({"op": "expect", "queues": {"q": {"ready": 0, "unacked": 0}}}),
    ])?;
    let states = runner.cluster.connections();
    let state = |name: &str| {
        let found = states.iter().find(|connection| connection.name.starts_with(name));
        found.map_or("none", |connection| connection.state)
    };
    same(&"blocked".into(), &state("k1").into(), "state of the publisher")?;
    same(&"blocking".into(), &state("k2").into(), "state of the consumer")?;
    let told = runner.blocked.clone();
    same(&json!([why]), &told.into(), "told to be blocked")?;
    change(&mut runner, clear)?;
    runner.run(&[json!({"op": "expect", "delivered": {"A": ["two", "three"]}})])?;
    let unblocked = runner.heard.iter().filter(|kind| **kind == "connection.unblocked").count();
    same(&1.into(), &unblocked.into(), "told to be free")
}

/// Watermark 0 blocks all that publish; when it is lifted they go on.
pub fn watermark_zero() -> Result<(), String> {
    let hops = [DEFAULT, MESSAGE_STORE].map(|spec| (spec.initial, spec.more_after));
    if hops != [(400, 200), (4_000, 800)] {
        return Err(format!("the hops are {hops:?}"));
    }
    let (none, usual) = (Watermark::Relative(0), Watermark::Relative(600_000));
    let (set, clear) = (Change::MemoryWatermark(none), Change::MemoryWatermark(usual));
    blocked_and_free(set, clear, "low on memory")
}

/// A connection that does not publish is not blocked.
fn consumers_go_on() -> Result<(), String> {
    let mut runner = with_queue()?;
    let publish = json!({"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 3});
    runner.run(&[json!({"op": "qos", "prefetch": 1, "channel": "c2"}), publish])?;
    change(&mut runner, Change::MemoryWatermark(Watermark::Absolute(0)))?;
    runner.run(&[
        json!({"op": "ack", "tag": 3, "multiple": true, "channel": "c2"}),
        json!({"op": "expect", "queues": {"q": {"ready": 0, "unacked": 0}}}),
    ])
}

/// What is not read cannot be heard: a blocked connection is not closed for its silence.
fn silence_is_no_death() -> Result<(), String> {
    let mut runner = with_queue()?;
    change(&mut runner, Change::MemoryWatermark(Watermark::Absolute(0)))?;
    let publish = json!({"op": "publish", "exchange": "", "key": "q", "body": "m"});
    runner.run(&[publish])?;
    runner.wait(Span::seconds(600));
    let open = runner.cluster.connections().len();
    same(&3.into(), &open.into(), "open connections")
}
