//! Vectors that are not runs of the step language: sentences and tables, each looked up in the
//! engine.

use super::quorum;
use super::steps::{Runner, arguments, same};
use pushpull::rabbit::alarms::MONITOR_INTERVAL;
use pushpull::rabbit::confirms::Confirms;
use pushpull::rabbit::content::{FRAME_OVERHEAD_BYTES, body_frames};
use pushpull::rabbit::message::Method;
use pushpull::rabbit::profile::Profile;
use pushpull::rabbit::rates::memory_limit;
use pushpull::rabbit::storage_v2::{is_embedded, joins_head};
use pushpull::rabbit::wire::{METHOD_IDS, TX_METHOD_IDS};
use pushpull::sim::Span;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn text<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry[name].as_str().unwrap_or("")
}

fn number(entry: &Value, name: &str) -> u64 {
    entry[name].as_u64().unwrap_or(0)
}

/// Numbers that stand in a sentence.
fn numbers_in(sentence: &str) -> Vec<u64> {
    sentence.split(|sign: char| !sign.is_ascii_digit()).filter_map(|it| it.parse().ok()).collect()
}

// ---- exchanges ----

/// Topic patterns, and which of them may be bound.
pub fn topic(entry: &Value) -> Result<(), String> {
    if let Some(pattern) = entry.get("pattern").and_then(Value::as_str) {
        let is = pushpull::rabbit::topic::matches(pattern, text(entry, "key"));
        return same(&entry["match"], &is.into(), "match");
    }
    for (profile, accepted) in entry["accepted"].as_object().ok_or("accepted is by profile")? {
        let queue = json!({"op": "declare_queue", "queue": "q"});
        let mut bind = json!({
            "op": "bind", "source": "amq.topic", "destination": "q", "key": entry["key"],
        });
        if *accepted == false {
            bind["error"] = entry["error_when_refused"].clone();
        }
        Runner::new(profile).run(&[queue, bind])?;
    }
    Ok(())
}

/// Binding arguments against headers, and which of them may be bound.
pub fn headers(entry: &Value) -> Result<(), String> {
    if entry.get("match").is_some() {
        let (wanted, headers) =
            (arguments(entry.get("arguments")), arguments(entry.get("headers")));
        let is = pushpull::rabbit::headers::matches(&wanted, &headers);
        return same(&entry["match"], &is.into(), "match");
    }
    let queue = json!({"op": "declare_queue", "queue": "q"});
    let mut bind = json!({
        "op": "bind", "source": "amq.headers", "destination": "q", "key": "",
    });
    if !entry["x_match"].is_null() {
        bind["arguments"] = json!({"x-match": entry["x_match"]});
    }
    if entry["accepted"] == false {
        bind["error"] = json!({"code": 406, "closes": "channel"});
    }
    Runner::new("4.2").run(&[queue, bind])
}

// ---- confirms ----

/// The table of publishes that wait for queues.
pub fn tracker(entry: &Value) -> Result<(), String> {
    let mut confirms: Confirms<String> = Confirms::default();
    for step in entry["tracker"].as_array().ok_or("a tracker is a list")? {
        let event = &step["event"];
        let numbers = |value: &Value| -> Vec<u64> {
            value.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
        };
        let queue = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let mut out: Vec<Value> = Vec::new();
        match event[0].as_str().unwrap_or("") {
            "insert" => {
                let queues = event[2].as_array().into_iter().flatten();
                let queues: Vec<String> = queues.map(queue).collect();
                confirms.insert(event[1].as_u64().unwrap_or(0), &queues);
            }
            "confirm" => {
                for number in numbers(&event[2]) {
                    if confirms.confirm(number, &queue(&event[1])) {
                        out.push(json!(["ack", number]));
                    }
                }
            }
            "reject" => {
                let number = event[1].as_u64().unwrap_or(0);
                if confirms.reject(number) {
                    out.push(json!(["nack", number]));
                }
            }
            "remove_queue" => {
                let done = confirms.remove_queue(&queue(&event[1]));
                out.extend(done.into_iter().map(|number| json!(["ack", number])));
            }
            other => return Err(format!("a tracker has no event {other}")),
        }
        same(&step["out"], &out.into(), &event.to_string())?;
    }
    let outstanding: Vec<u64> = confirms.outstanding().collect();
    same(&entry["outstanding"], &outstanding.into(), "outstanding")
}

/// When which message is confirmed.
pub fn confirm(entry: &Value) -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    let publish = json!({"op": "publish", "exchange": "", "key": "q", "body": "m"});
    let thousand = json!({"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 1000});
    let durable = json!({"op": "declare_queue", "queue": "q"});
    let select = json!({"op": "confirm_select"});
    let one = json!({"op": "expect", "confirms": [["ack", 1]]});
    let mut transient = publish.clone();
    transient["persistent"] = false.into();
    let steps = match (text(entry, "message"), text(entry, "title")) {
        ("classic, transient message", _) => vec![durable, select, transient, one],
        ("classic, non-durable queue, persistent message", _) => {
            let fleeting = json!({"op": "declare_queue", "queue": "q", "durable": false});
            vec![fleeting, select, publish, one]
        }
        ("classic durable, persistent, no consumer", _) => {
            runner.run(&[durable, select, publish])?;
            runner.wait(Span::millis(200));
            vec![one]
        }
        ("unroutable", _) => vec![select, publish, one],
        ("expired before the write", _) => {
            let arguments = json!({"x-message-ttl": 0});
            let short = json!({"op": "declare_queue", "queue": "q", "arguments": arguments});
            let gone = json!({"op": "expect", "queues": {"q": {"ready": 0}}});
            vec![short, select, publish, gone, one]
        }
        (_, "1000 persistent messages published, then the queue is purged before the write") => {
            let purge = json!({"op": "purge", "queue": "q"});
            runner.run(&[durable, select, thousand, purge])?;
            return acks(&mut runner, entry);
        }
        (_, "1000 persistent messages, each got and rejected without requeue") => {
            runner.run(&[durable, select, thousand])?;
            for tag in 1..=1000 {
                let get = json!({"op": "get", "queue": "q"});
                let reject = json!({"op": "reject", "tag": tag, "requeue": false});
                runner.run(&[get, reject])?;
            }
            return acks(&mut runner, entry);
        }
        (
            _,
            "1000 persistent messages, each got and rejected with requeue, then consumed with \
             auto-ack",
        ) => {
            runner.run(&[durable, select, thousand])?;
            for tag in 1..=1000 {
                let get = json!({"op": "get", "queue": "q"});
                let reject = json!({"op": "reject", "tag": tag, "requeue": true});
                runner.run(&[get, reject])?;
            }
            let consume = json!({"op": "consume", "queue": "q", "consumer": "A", "ack": "auto"});
            let all = json!({"op": "expect", "delivered_count": {"A": 1000}});
            runner.run(&[consume, all])?;
            return acks(&mut runner, entry);
        }
        (message, title) => return Err(format!("nobody knows of: {message}{title}")),
    };
    runner.run(&steps)
}

fn acks(runner: &mut Runner, entry: &Value) -> Result<(), String> {
    runner.wait(Span::millis(200));
    let told = runner.take_confirms();
    let count = |word: &str| told.iter().filter(|(told, _)| told == word).count();
    same(&entry["expect"]["acks"], &count("ack").into(), "acks")?;
    same(&entry["expect"]["nacks"], &count("nack").into(), "nacks")
}

// ---- queues ----

/// Exclusive queues.
pub fn exclusive(entry: &Value) -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    let declare = json!({"op": "declare_queue", "queue": "q", "exclusive": true});
    let other = json!({"op": "open_channel", "channel": "c2", "connection": "k2"});
    runner.run(&[declare, other])?;
    let mut act = match text(entry, "title") {
        "declare of an exclusive queue from another connection" => json!({"op": "declare_queue"}),
        "consume of an exclusive queue from another connection" => {
            json!({"op": "consume", "consumer": "A"})
        }
        "purge of an exclusive queue from another connection" => json!({"op": "purge"}),
        "delete of an exclusive queue from another connection" => json!({"op": "delete_queue"}),
        "bind of an exclusive queue from another connection" => {
            json!({"op": "bind", "source": "amq.direct", "destination": "q", "key": "k"})
        }
        "basic.get of an exclusive queue from another connection" => json!({"op": "get"}),
        "exclusive, not auto-delete; its only consumer is cancelled" => {
            let consume = json!({"op": "consume", "queue": "q", "consumer": "A"});
            let cancel = json!({"op": "cancel", "consumer": "A"});
            let there = json!({"op": "expect", "queue_exists": {"q": true}});
            same(&entry["expect"]["queue_exists"], &true.into(), "the vector")?;
            return runner.run(&[consume, cancel, there]);
        }
        "exclusive; the declaring connection closes" => {
            runner.close_connection("k1");
            let gone = entry["expect"]["queue_exists"].clone();
            return runner.run(&[json!({"op": "expect", "queue_exists": {"q": gone}})]);
        }
        title => return Err(format!("nobody knows of: {title}")),
    };
    act["queue"] = "q".into();
    act["channel"] = "c2".into();
    act["error"] = entry["expect"]["error"].clone();
    runner.run(&[act])
}

/// The names of the headers of the next message of a queue.
pub fn headers_of(runner: &mut Runner, queue: &str) -> Result<BTreeSet<String>, String> {
    let get = Method::BasicGet { queue: queue.into(), no_ack: true };
    let heard = runner.ask("c1", get).map_err(|refusal| format!("{refusal:?}"))?;
    let content = heard.iter().find_map(Method::content).ok_or("there is no message")?;
    Ok(content.properties.headers.keys().cloned().collect())
}

// ---- storage ----

/// Classic queue storage.
pub fn storage(entry: &Value) -> Result<(), String> {
    let rate = |entry: &Value| {
        (entry["consume_rate_per_s"].as_f64().unwrap_or(0.0) * 1_000_000.0).round() as u64
    };
    let title = text(entry, "title");
    if let Some(limit) = entry.get("memory_limit_messages") {
        return same(limit, &memory_limit(rate(entry)).into(), "memory limit");
    }
    if let Some(place) = entry.get("new_message_goes_to") {
        let (head, tail) = (number(entry, "head_messages"), number(entry, "tail_messages"));
        let joins = joins_head(head as usize, tail, memory_limit(rate(entry)));
        return same(place, &(if joins { "head" } else { "tail" }).into(), "place");
    }
    if let Some(store) = entry.get("store") {
        let bytes = number(entry, "body_bytes") + number(entry, "properties_bytes");
        let is = if is_embedded(bytes) { "queue_store" } else { "msg_store" };
        return same(store, &is.into(), "store");
    }
    if let Some(copies) = entry.get("body_copies_on_disk") {
        return store_copies(copies, title);
    }
    if entry.get("segments").is_some() {
        return index_segments(entry, title);
    }
    if entry["storage"] == "v1" {
        return memory_first(entry, title);
    }
    let expect = &entry["expect"];
    if title.ends_with("messages published, nobody ever consumed") {
        let messages = numbers_in(title)[0];
        let mut runner = published(messages, 1)?;
        runner.settle();
        let queue = &runner.cluster.queues()[0];
        same(&expect["head"], &queue.in_memory.into(), "head")?;
        return same(&expect["tail"], &(queue.ready - queue.in_memory).into(), "tail");
    }
    if title == "1 GB published, no consumer" {
        // A thousandth of it: what is in memory does not depend on how much there is.
        let runner = published(250, 4_200)?;
        return match runner.cluster.queues()[0].in_memory {
            1 => Ok(()),
            more => Err(format!("{more} messages are in memory")),
        };
    }
    if title.starts_with("1 000 000 messages without consumers") {
        for bytes in [4_100, 4_000] {
            let runner = published(1_000, bytes)?;
            let files = runner.disk().with_prefix("msg_store").count();
            if runner.cluster.queues()[0].in_memory != 1 || (files > 0) != (bytes == 4_100) {
                return Err(format!("{bytes} bytes: not as told"));
            }
        }
        return Ok(());
    }
    if title == "one small persistent message, no consumer" {
        let mut runner = published(1, 1)?;
        runner.wait(Span::millis(number(expect, "written_after_ms_at_most")));
        let files: Vec<(u64, bool)> = queue_files(&runner, ".qs");
        let (len, is_flushed) = *files.first().ok_or("it is not written")?;
        return same(&expect["fsync_before_confirm"], &(is_flushed && len > 0).into(), "flushed");
    }
    Err(format!("nobody knows of: {title}"))
}

/// Storage as it was up to 3.11.
fn memory_first(entry: &Value, title: &str) -> Result<(), String> {
    if let Some(state) = entry.get("state") {
        return under_pressure(entry["used_fraction_of_ram"].as_f64().unwrap_or(0.0), state);
    }
    if title.starts_with("message of 4095 bytes") {
        let is = |bytes| {
            if is_embedded(bytes) { "embedded in the queue index" } else { "message store" }
        };
        return ["4095", "4096"].into_iter().try_for_each(|bytes| {
            let place = is(bytes.parse().unwrap_or(0));
            same(&entry["expect"][bytes], &place.into(), bytes)
        });
    }
    let message = text(entry, "message");
    let mut runner = Runner::new("3.11");
    let durable = !message.contains("transient queue");
    let mut publish = json!({"op": "publish", "exchange": "", "key": "q", "body": "m"});
    publish["persistent"] = message.starts_with("persistent").into();
    runner.run(&[json!({"op": "declare_queue", "queue": "q", "durable": durable}), publish])?;
    runner.wait(Span::millis(200));
    let is_written = queue_files(&runner, ".qs").iter().any(|(len, _)| *len > 0);
    let written = if is_written { "on arrival" } else { "not at all" };
    same(&entry["written_to_disk"], &written.into(), "written")?;
    let in_ram = runner.cluster.queues()[0].in_memory == 1;
    same(&entry["in_ram"], &in_ram.into(), "in memory")
}

/// A node that uses this share of 600 MB: 100 MB by itself, the rest for messages of 1 MB.
fn under_pressure(used: f64, state: &Value) -> Result<(), String> {
    let total = ("total_memory_available_override_value", "600MB");
    let mut runner = Runner::with("3.11", &[total]);
    runner.run(&[json!({"op": "declare_queue", "queue": "q"})])?;
    let messages = (600.0 * used - 100.0) as u64;
    let publish = json!({
        "op": "publish", "exchange": "", "key": "q", "bytes": 1_000_000, "persistent": false,
        "count": messages,
    });
    runner.run(&[publish])?;
    runner.wait(MONITOR_INTERVAL);
    let queue = &runner.cluster.queues()[0];
    let is = match (queue.in_memory < queue.ready, runner.blocked.is_empty()) {
        (false, true) => "all in RAM",
        (true, true) => "paging out, publishers free",
        _ => "publishers blocked",
    };
    same(state, &is.into(), "state")
}

/// So many persistent messages of so many bytes in a durable queue without consumers.
fn published(messages: u64, bytes: u64) -> Result<Runner, String> {
    let mut runner = Runner::new("4.2");
    runner.run(&[json!({"op": "declare_queue", "queue": "q"})])?;
    runner.publish_many("q", messages, bytes);
    Ok(runner)
}

/// The files of queues with this ending: their lengths, and whether all of them is flushed.
fn queue_files(runner: &Runner, ending: &str) -> Vec<(u64, bool)> {
    let disk = runner.disk();
    let files = disk.with_prefix("queues/").filter(|(name, _)| name.ends_with(ending));
    files.map(|(_, file)| (file.len(), file.is_flushed())).collect()
}

fn store_copies(copies: &Value, title: &str) -> Result<(), String> {
    let [bytes, queues] = numbers_in(title)[..] else { return Err(format!("no numbers: {title}")) };
    let mut runner = Runner::new("4.2");
    for queue in 0..queues {
        let queue = format!("q{queue}");
        let declare = json!({"op": "declare_queue", "queue": queue});
        let bind = json!({"op": "bind", "source": "amq.fanout", "destination": queue, "key": ""});
        runner.run(&[declare, bind])?;
    }
    let publish = json!({"op": "publish", "exchange": "amq.fanout", "key": "", "bytes": bytes});
    runner.run(&[publish])?;
    runner.wait(Span::millis(200));
    let in_queues: u64 = queue_files(&runner, ".qs").iter().map(|(len, _)| len / bytes).sum();
    let shared = runner.disk().with_prefix("msg_store").map(|(_, file)| file.len() / bytes);
    same(&copies["queue_store"], &in_queues.into(), "copies in queue stores")?;
    same(&copies["msg_store"], &shared.sum::<u64>().into(), "copies in the message store")
}

fn index_segments(entry: &Value, title: &str) -> Result<(), String> {
    let mut runner = published(numbers_in(title)[0], 1)?;
    runner.wait(Span::millis(200));
    let files = queue_files(&runner, ".qi");
    let header = number(entry, "segment_header_bytes");
    let bytes: u64 = files.iter().map(|(len, _)| len - header).sum();
    same(&entry["segments"], &files.len().into(), "segments")?;
    same(&entry["entries_bytes"], &bytes.into(), "bytes of entries")
}

// ---- errors ----

/// What closes what.
pub fn error(entry: &Value) -> Result<(), String> {
    let queue = json!({"op": "declare_queue", "queue": "q"});
    let internal = json!({"op": "declare_exchange", "exchange": "x", "internal": true});
    let (before, mut act) = match text(entry, "when") {
        "publish to an exchange that does not exist" => {
            (vec![], json!({"op": "publish", "exchange": "nope", "key": "k"}))
        }
        "publish to an internal exchange" => {
            (vec![internal], json!({"op": "publish", "exchange": "x", "key": "k"}))
        }
        "bind a queue to the default exchange" => {
            (vec![queue], json!({"op": "bind", "source": "", "destination": "q", "key": "k"}))
        }
        "declare the default exchange" => {
            (vec![], json!({"op": "declare_exchange", "exchange": ""}))
        }
        "delete the default exchange" => (vec![], json!({"op": "delete_exchange", "exchange": ""})),
        "declare a queue whose name begins with amq." => {
            (vec![], json!({"op": "declare_queue", "queue": "amq.mine"}))
        }
        "passive declare of a queue that does not exist" => {
            (vec![], json!({"op": "declare_passive", "queue": "nope"}))
        }
        "redeclare a queue with other properties" => {
            (vec![queue], json!({"op": "declare_queue", "queue": "q", "auto_delete": true}))
        }
        "use an exclusive queue from another connection" => {
            let exclusive = json!({"op": "declare_queue", "queue": "q", "exclusive": true});
            let other = json!({"op": "open_channel", "channel": "c2", "connection": "k2"});
            (vec![exclusive, other], json!({"op": "get", "queue": "q", "channel": "c2"}))
        }
        "basic.ack of an unknown delivery tag" => (vec![], json!({"op": "ack", "tag": 7})),
        "basic.publish with immediate" => {
            (vec![queue], json!({"op": "publish", "exchange": "", "key": "q", "immediate": true}))
        }
        "tx.commit on a channel without tx.select" => (vec![], json!({"op": "tx_commit"})),
        "channel.flow(active=false) from the client" => {
            (vec![], json!({"op": "flow", "active": false}))
        }
        "consume with x-priority banana" => (
            vec![queue],
            json!({"op": "consume", "queue": "q", "consumer": "A", "priority": "banana"}),
        ),
        "CC header that is not an array" => {
            (vec![queue], json!({"op": "publish", "exchange": "", "key": "q", "cc": "q"}))
        }
        "a second exclusive consume" => {
            let consume = |name: &str| json!({"op": "consume", "queue": "q", "consumer": name, "exclusive": true});
            (vec![queue, consume("A")], consume("B"))
        }
        "expiration that is not a number" => (
            vec![queue],
            json!({"op": "publish", "exchange": "", "key": "q", "expiration": "soon"}),
        ),
        "x-max-priority 256" => {
            let arguments = json!({"x-max-priority": 256});
            (vec![], json!({"op": "declare_queue", "queue": "q", "arguments": arguments}))
        }
        "consume from a quorum queue on a channel with global prefetch" => {
            let quorum = json!({"op": "declare_queue", "queue": "q", "type": "quorum"});
            let qos = json!({"op": "qos", "prefetch": 1, "is_global": true});
            (vec![quorum, qos], json!({"op": "consume", "queue": "q", "consumer": "A"}))
        }
        when => return Err(format!("nobody knows of: {when}")),
    };
    let mut runner = Runner::new("4.2");
    runner.run(&before)?;
    act["error"] = json!({"code": entry["code"], "closes": entry["closes"]});
    runner.run(&[act])?;
    let refusal = runner.last_refusal().ok_or("it was not refused")?;
    match refusal.text.split(" - ").next() == entry["name"].as_str() {
        true => Ok(()),
        false => Err(format!("it has another name: {}", refusal.text)),
    }
}

// ---- the protocol and the profiles ----

/// Frames, and the ids of methods.
pub fn protocol(entry: &Value) -> Result<(), String> {
    if let Some(frame_max) = entry.get("frame_max").and_then(Value::as_u64) {
        let body_frames = body_frames(number(entry, "body_bytes"), frame_max);
        let frames = 2 + body_frames;
        same(&entry["body_frames"], &body_frames.into(), "body frames")?;
        same(&entry["frames"], &frames.into(), "frames")?;
        let overhead = frames * FRAME_OVERHEAD_BYTES;
        return same(&entry["overhead_bytes"], &overhead.into(), "overhead");
    }
    for method in entry["methods"].as_array().ok_or("nobody knows how to check this entry")? {
        let ids = [&method["class_id"], &method["method_id"]];
        let known = METHOD_IDS.iter().chain(&TX_METHOD_IDS);
        let mut found = known.filter(|(name, ..)| method["name"] == *name);
        let (_, class, id) = found.next().ok_or(format!("{} is not known", method["name"]))?;
        same(ids[0], &(*class).into(), "class")?;
        same(ids[1], &(*id).into(), "method")?;
    }
    Ok(())
}

/// Whether a broker of this profile takes the `x-death` of a publisher for its own: then one more
/// death of the same pair counts on.
fn who_reads_deaths(profile: &str) -> Result<&'static str, String> {
    let death = json!({
        "queue": "q", "reason": "expired", "count": 5, "exchange": "", "routing-keys": ["q"],
    });
    let arguments = json!({
        "x-message-ttl": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dlq",
    });
    let mut runner = Runner::new(profile);
    runner.run(&[
        json!({"op": "declare_queue", "queue": "dlq"}),
        json!({"op": "declare_queue", "queue": "q", "arguments": arguments}),
        json!({
            "op": "publish", "exchange": "", "key": "q", "body": "m",
            "headers": {"x-death": [death]},
        }),
        json!({"op": "wait", "ms": 2}),
        json!({"op": "expect", "queues": {"dlq": {"ready": 1}}}),
    ])?;
    let mut counts = |count: u64| {
        let deaths = json!([{"queue": "q", "reason": "expired", "count": count}]);
        let get = json!({"op": "get", "queue": "dlq", "expect": {}, "expect_x_death": deaths});
        runner.run(&[json!({"op": "recover"}), get])
    };
    match (counts(6), counts(1)) {
        (Ok(()), Err(_)) => Ok("interpreted"),
        (Err(_), Ok(())) => Ok("ignored"),
        _ => Err("its deaths are counted otherwise".to_owned()),
    }
}

/// What depends on the release.
pub fn profile(entry: &Value) -> Result<(), String> {
    let values = entry["values"].as_object().ok_or("values are by profile")?;
    for (name, wanted) in values {
        let profile = Profile::named(name).ok_or(format!("there is no profile {name}"))?;
        let is: Value = match text(entry, "topic") {
            "vm_memory_high_watermark" => {
                (f64::from(profile.memory_watermark_per_mille()) / 1_000.0).into()
            }
            "max_message_size" => profile.message_bytes_max().into(),
            "classic storage default" => profile.classic_storage().into(),
            "quorum delivery limit default" => profile.delivery_limit().into(),
            "quorum message priorities" => quorum::priorities(name),
            "quorum message without a priority" => quorum::no_priority(name),
            "quorum requeue without a delivery limit (3.11: none set; later: -1)" => {
                quorum::requeue_without_limit(name)
            }
            "transient non-exclusive queue" => {
                let declare = json!({"op": "declare_queue", "queue": "q", "durable": false});
                let is_refused = Runner::new(name).run(&[declare]).is_err();
                same(&(*wanted == "denied").into(), &is_refused.into(), name)?;
                continue;
            }
            "declare with x-queue-version=1" => {
                let arguments = json!({"x-queue-version": 1});
                let declare = json!({"op": "declare_queue", "queue": "q", "arguments": arguments});
                let is_refused = Runner::new(name).run(&[declare]).is_err();
                same(&(*wanted == "refused").into(), &is_refused.into(), name)?;
                continue;
            }
            "topic binding with three # words" => {
                let queue = json!({"op": "declare_queue", "queue": "q"});
                let bind = json!({
                    "op": "bind", "source": "amq.topic", "destination": "q", "key": "#.#.#",
                });
                let is_refused = Runner::new(name).run(&[queue, bind]).is_err();
                same(&(*wanted == "406").into(), &is_refused.into(), name)?;
                continue;
            }
            "x-death sent by a publisher" => {
                same(wanted, &who_reads_deaths(name)?.into(), name)?;
                continue;
            }
            topic => return Err(format!("nobody knows of: {topic}")),
        };
        same(wanted, &is, name)?;
    }
    Ok(())
}
