//! Vectors of quorum queues that are tables and sentences.

use super::steps::{Runner, same};
use serde_json::{Value, json};

fn declare(arguments: Value) -> Value {
    json!({"op": "declare_queue", "queue": "q", "type": "quorum", "arguments": arguments})
}

fn publish(body: &str, priority: Option<u8>) -> Value {
    let mut publish = json!({"op": "publish", "exchange": "", "key": "q", "body": body});
    if let Some(priority) = priority {
        publish["priority"] = priority.into();
    }
    publish
}

fn all(expect: &[&str]) -> Value {
    json!({"op": "get_many", "queue": "q", "ack": "auto", "expect": expect})
}

/// True if messages with these priorities come out in this order.
fn comes_out(profile: &str, messages: &[(&str, Option<u8>)], order: &[&str]) -> bool {
    let mut steps = vec![declare(json!({}))];
    steps.extend(messages.iter().map(|(body, priority)| publish(body, *priority)));
    steps.push(all(order));
    Runner::new(profile).run(&steps).is_ok()
}

/// What a profile makes of priorities.
pub fn priorities(profile: &str) -> Value {
    let messages = [("n1", Some(0)), ("n2", Some(0))];
    let high = [("h1", Some(5)), ("h2", Some(6)), ("h3", Some(7))];
    let messages = [&messages[..], &high].concat();
    let is = |order: &[&str]| comes_out(profile, &messages, order);
    // Above the highest level there is none.
    let top = [("x", Some(30)), ("y", Some(31)), ("z", Some(32))];
    if is(&["n1", "n2", "h1", "h2", "h3"]) {
        "none".into()
    } else if is(&["h1", "h2", "n1", "h3", "n2"]) {
        "two buckets, 2:1".into()
    } else if is(&["h3", "h2", "h1", "n1", "n2"]) && comes_out(profile, &top, &["y", "z", "x"]) {
        "32 strict levels".into()
    } else {
        Value::Null
    }
}

/// What a message without a priority counts as.
pub fn no_priority(profile: &str) -> Value {
    let messages =
        [("3", Some(3)), ("4", Some(4)), ("none", None), ("also 4", Some(4)), ("5", Some(5))];
    if priorities(profile) == "none" {
        "-".into()
    } else if comes_out(profile, &messages, &["5", "3", "4", "none", "also 4"]) {
        "normal".into()
    } else if comes_out(profile, &messages, &["5", "4", "none", "also 4", "3"]) {
        "4".into()
    } else {
        Value::Null
    }
}

/// Where a message goes that comes back while no delivery limit holds.
pub fn requeue_without_limit(profile: &str) -> Value {
    let limit = if profile == "3.11" { json!({}) } else { json!({"x-delivery-limit": -1}) };
    let ends = |first: Option<u8>, others: [Option<u8>; 2], order: &[&str]| {
        Runner::new(profile).run(&[
            declare(limit.clone()),
            publish("m1", first),
            publish("m2", others[0]),
            publish("m3", others[1]),
            json!({"op": "get", "queue": "q", "expect": {"body": "m1"}}),
            json!({"op": "nack", "tag": 1, "requeue": true}),
            all(order),
        ])
    };
    let is_back = ends(None, [None, None], &["m2", "m3", "m1"]).is_ok();
    // As one of priority 4 it stands behind another 4 and before a 3, whatever it was.
    let loses_priority = ends(Some(9), [Some(4), Some(3)], &["m2", "m1", "m3"]).is_ok();
    match (is_back, loses_priority && profile == "4.3") {
        (true, true) => "back, with priority 4".into(),
        (true, false) => "back".into(),
        _ => Value::Null,
    }
}

/// What is confirmed survives a power cut.
pub fn power_cut(entry: &Value) -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    runner.run(&[
        declare(json!({})),
        json!({"op": "confirm_select"}),
        publish("m", None),
        json!({"op": "expect", "confirms": [["ack", 1]]}),
    ])?;
    runner.power_cut();
    let is_there = runner.run(&[all(&["m"])]).is_ok();
    same(&entry["expect"]["may_be_lost"], &(!is_there).into(), "may be lost")
}

/// Which consumer is the active one, as channels with other priorities come and go.
pub fn single_active_priorities(entry: &Value) -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    let priorities = [("Q1", [3, 1, 2]), ("Q2", [2, 3, 1]), ("Q3", [1, 2, 3])];
    let single = json!({"x-single-active-consumer": true});
    for (queue, _) in priorities {
        runner.run(&[json!({
            "op": "declare_queue", "queue": queue, "type": "quorum", "arguments": single,
        })])?;
    }
    for number in 1..=3 {
        let channel = format!("ch{number}");
        runner.run(&[json!({"op": "open_channel", "channel": channel})])?;
        for (queue, of_queue) in priorities {
            runner.run(&[json!({
                "op": "consume", "queue": queue, "channel": channel,
                "consumer": format!("{queue}-{number}"), "priority": of_queue[number - 1],
            })])?;
        }
    }
    let active = |runner: &Runner| {
        let all = runner.cluster.consumers().into_iter().filter(|consumer| consumer.active);
        let numbers = all.map(|consumer| {
            let number = consumer.tag.rsplit('-').next().and_then(|it| it.parse::<u64>().ok());
            (consumer.queue, number.into())
        });
        Value::Object(numbers.collect())
    };
    same(&entry["expect"]["active"], &active(&runner), "active")?;
    runner.run(&[json!({"op": "close_channel", "channel": "ch3"})])?;
    same(&entry["expect"]["active_after_channel_3_closed"], &active(&runner), "without 3")?;
    runner.run(&[json!({"op": "close_channel", "channel": "ch2"})])?;
    same(&entry["expect"]["active_after_channel_2_closed_too"], &active(&runner), "without 2")
}

/// S23: a consumer that fails at every delivery.
pub fn fails_always() -> Result<(), String> {
    let reject = |tag: u64| json!({"op": "reject", "tag": tag, "requeue": true});
    let gone = json!({"op": "expect", "queues": {"q": {"ready": 0, "unacked": 0}}});
    let once = |arguments: Value| {
        vec![
            declare(arguments),
            publish("m", None),
            json!({
                "op": "get", "queue": "q", "expect": {"body": "m", "redelivered": false},
                "expect_no_headers": ["x-delivery-count"],
            }),
            reject(1),
            json!({
                "op": "get", "queue": "q", "expect": {"body": "m", "redelivered": true},
                "expect_headers": {"x-delivery-count": 1},
            }),
            reject(2),
        ]
    };
    let mut dropped = once(json!({"x-delivery-limit": 1}));
    dropped.push(gone.clone());
    dropped.push(json!({"op": "expect", "deaths": {"delivery_limit": 1}}));
    Runner::new("4.2").run(&dropped)?;
    let mut buried = vec![json!({"op": "declare_queue", "queue": "dlq"})];
    buried.extend(once(json!({
        "x-delivery-limit": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dlq",
    })));
    buried.push(json!({
        "op": "get", "queue": "dlq", "ack": "auto", "expect": {"body": "m"},
        "expect_x_death": [{"queue": "q", "reason": "delivery_limit", "count": 1}],
    }));
    Runner::new("4.2").run(&buried)?;
    // Without a limit more often than the default of 20 would let it.
    let mut never = vec![declare(json!({"x-delivery-limit": -1})), publish("m", None)];
    for tag in 1..=30 {
        never.extend([json!({"op": "get", "queue": "q", "expect": {"body": "m"}}), reject(tag)]);
    }
    never.push(json!({"op": "expect", "queues": {"q": {"ready": 1}}}));
    Runner::new("4.2").run(&never)
}
