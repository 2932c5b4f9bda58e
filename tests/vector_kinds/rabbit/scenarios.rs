//! The scenarios in words, each as the steps that its words say.

use super::steps::Runner;
use serde_json::{Value, json};

/// A list of steps.
fn steps(list: Value) -> Vec<Value> {
    list.as_array().cloned().unwrap_or_default()
}

fn publish(exchange: &str, key: &str, headers: Value) -> Value {
    json!({"op": "publish", "exchange": exchange, "key": key, "body": "m", "headers": headers})
}

fn run(list: Value) -> Result<(), String> {
    Runner::new("4.2").run(&steps(list))
}

/// Runs a scenario.
pub fn scenario(id: &str) -> Result<(), String> {
    match id {
        "S01" => super::topic_routes_of(&["topic-matrix"]),
        "S02" => double_binding(),
        "S03" => headers_routing(),
        "S04" => ring(),
        "S06" => returned_before_confirmed(),
        "S07" => prefetch(),
        "S09" => multiple_within_prefetch(),
        "S10" => work_queue(),
        "S11" => consumer_priorities(),
        "S12" => requeue_on_close(),
        "S15" => dead_letters_count(),
        "S17" => drop_head(),
        "S18" => reject_publish(),
        "S22" => invalid_acknowledgements(),
        "S23" => super::quorum::fails_always(),
        "S25" => super::alarms::watermark_zero(),
        "S26" => crash_of_a_consumer(),
        "S28" => super::timing::windows(),
        "S30" => nobody_listens(),
        _ => Err("nobody knows how to run this scenario".to_owned()),
    }
}

fn double_binding() -> Result<(), String> {
    let mut all = steps(json!([
        {"op": "declare_queue", "queue": "q"},
        {"op": "bind", "source": "amq.topic", "destination": "q", "key": "x.#"},
        {"op": "bind", "source": "amq.topic", "destination": "q", "key": "#.x"},
    ]));
    for (count, key) in (1..).zip(["x.y", "y.x", "x.x"]) {
        all.push(publish("amq.topic", key, json!({})));
        all.push(json!({"op": "expect", "queues": {"q": {"ready": count}}}));
    }
    Runner::new("4.2").run(&all)
}

fn headers_routing() -> Result<(), String> {
    let (h1, h2, bar) = ("12345", "bar", "bar");
    let spec = |mode: &str| json!({"h1": h1, "h2": h2, "h3": null, "x-key": "x", "x-match": mode});
    let queues = |all: Value, any: Value| {
        steps(json!([
            {"op": "declare_queue", "queue": "q1"},
            {"op": "declare_queue", "queue": "q2"},
            {"op": "bind", "source": "amq.match", "destination": "q1", "key": "", "arguments": all},
            {"op": "bind", "source": "amq.match", "destination": "q2", "key": "", "arguments": any},
        ]))
    };
    let mut all = queues(spec("all"), spec("any"));
    let messages = json!([
        {}, {}, {"h1": h1}, {"h1": h1}, {"h2": h2}, {"h3": null}, {"h1": h1, "h2": h2},
        {"h1": h1, "h3": null}, {"h2": h2, "h3": null}, {"h1": h1, "h2": h2, "h3": null},
        {"h1": bar}, {"h1": bar, "h2": "quux"},
    ]);
    all.extend(steps(messages).into_iter().map(|headers| publish("amq.match", "", headers)));
    all.push(json!({"op": "expect", "queues": {"q1": {"ready": 1}, "q2": {"ready": 8}}}));
    Runner::new("4.2").run(&all)?;
    let with_x = |mode: &str| json!({"h1": h1, "x-key": "x", "x-match": mode});
    let mut all = queues(with_x("all-with-x"), with_x("any-with-x"));
    let messages = json!([{}, {"h1": h1, "x-key": "x"}, {"x-key": "x"}, {"h1": h1, "x-key": "x"}]);
    all.extend(steps(messages).into_iter().map(|headers| publish("amq.match", "", headers)));
    all.push(json!({"op": "expect", "queues": {"q1": {"ready": 2}, "q2": {"ready": 3}}}));
    Runner::new("4.2").run(&all)
}

fn ring() -> Result<(), String> {
    let mut all = Vec::new();
    for n in 0..3 {
        let (exchange, queue) = (format!("e{n}"), format!("q{n}"));
        all.extend(steps(json!([
            {"op": "declare_exchange", "exchange": exchange, "type": "fanout"},
            {"op": "declare_queue", "queue": queue},
            {"op": "bind", "source": exchange, "destination": queue, "key": ""},
        ])));
    }
    for (source, destination) in [("e1", "e0"), ("e2", "e1"), ("e0", "e2")] {
        all.push(json!({
            "op": "bind", "source": source, "destination": destination, "key": "",
            "destination_type": "exchange",
        }));
    }
    for n in 0..3 {
        all.push(publish(&format!("e{n}"), "", json!({})));
    }
    let three = json!({"ready": 3});
    all.push(json!({"op": "expect", "queues": {"q0": three, "q1": three, "q2": three}}));
    Runner::new("4.2").run(&all)
}

fn returned_before_confirmed() -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    runner.run(&steps(json!([
        {"op": "confirm_select"},
        {"op": "publish", "exchange": "", "key": "nowhere", "body": "m", "mandatory": true},
        {"op": "expect", "returns": [[312, "m"]], "confirms": [["ack", 1]]},
    ])))?;
    let place = |kind: &str| runner.heard.iter().position(|heard| *heard == kind);
    match place("basic.return") < place("basic.ack") {
        true => Ok(()),
        false => Err("the confirm came first".to_owned()),
    }
}

fn prefetch() -> Result<(), String> {
    let begin = json!([
        {"op": "declare_queue", "queue": "q"},
        {"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 15},
        {"op": "qos", "prefetch": 5},
        {"op": "consume", "queue": "q", "consumer": "A"},
        {"op": "expect", "delivered_count": {"A": 5}},
        {"op": "get", "queue": "q", "expect": {"tag": 6}},
        {"op": "ack", "tag": 6},
        {"op": "expect", "delivered_count": {"A": 0}},
    ]);
    let each = |op: &str, requeue: bool| {
        let settle = |tag: u64| json!({"op": op, "tag": tag, "requeue": requeue});
        (1..=5).map(settle).collect::<Vec<Value>>()
    };
    for settle in [
        each("ack", false),
        vec![json!({"op": "ack", "tag": 5, "multiple": true})],
        each("nack", false),
        each("nack", true),
        vec![json!({"op": "nack", "tag": 5, "multiple": true, "requeue": false})],
        vec![json!({"op": "recover"})],
    ] {
        let mut all = steps(begin.clone());
        all.extend(settle);
        all.push(json!({"op": "expect", "delivered_count": {"A": 5}}));
        all.push(json!({"op": "wait", "ms": 1000}));
        all.push(json!({"op": "expect", "delivered_count": {"A": 0}}));
        Runner::new("4.2").run(&all)?;
    }
    Ok(())
}

fn multiple_within_prefetch() -> Result<(), String> {
    run(json!([
        {"op": "declare_queue", "queue": "q"},
        {"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 20},
        {"op": "qos", "prefetch": 4},
        {"op": "consume", "queue": "q", "consumer": "A"},
        {"op": "ack", "tag": 4, "multiple": true},
        {"op": "expect", "tags": {"A": [1, 2, 3, 4, 5, 6, 7, 8]}, "delivered_count": {"A": 8}},
        {"op": "ack", "tag": 6},
        {"op": "expect", "delivered_count": {"A": 1}},
        {"op": "ack", "tag": 8, "multiple": true},
        {"op": "expect", "delivered_count": {"A": 3}},
    ]))
}

fn work_queue() -> Result<(), String> {
    run(json!([
        {"op": "declare_queue", "queue": "q"},
        {"op": "consume", "queue": "q", "consumer": "W1"},
        {"op": "consume", "queue": "q", "consumer": "W2"},
        {"op": "publish", "exchange": "", "key": "q", "body": "t", "count": 5},
        {"op": "expect", "delivered": {"W1": ["t1", "t3", "t5"], "W2": ["t2", "t4"]}},
    ]))?;
    run(json!([
        {"op": "declare_queue", "queue": "q"},
        {"op": "qos", "prefetch": 1},
        {"op": "consume", "queue": "q", "consumer": "W1"},
        {"op": "consume", "queue": "q", "consumer": "W2"},
        {"op": "publish", "exchange": "", "key": "q", "body": "t", "count": 5},
        {"op": "expect", "delivered": {"W1": ["t1"], "W2": ["t2"]}},
        {"op": "ack", "tag": 2},
        {"op": "expect", "delivered": {"W1": [], "W2": ["t3"]}},
        {"op": "ack", "tag": 3},
        {"op": "expect", "delivered": {"W1": [], "W2": ["t4"]}},
    ]))
}

fn consumer_priorities() -> Result<(), String> {
    run(json!([
        {"op": "declare_queue", "queue": "q"},
        {"op": "consume", "queue": "q", "consumer": "high", "ack": "auto", "priority": 1},
        {"op": "consume", "queue": "q", "consumer": "medium", "ack": "auto"},
        {"op": "consume", "queue": "q", "consumer": "low", "ack": "auto", "priority": -1},
        {"op": "publish", "exchange": "", "key": "q", "body": "a", "count": 10},
        {"op": "expect", "delivered_count": {"high": 10, "medium": 0, "low": 0}},
        {"op": "cancel", "consumer": "high"},
        {"op": "publish", "exchange": "", "key": "q", "body": "b", "count": 10},
        {"op": "expect", "delivered_count": {"high": 0, "medium": 10, "low": 0}},
        {"op": "cancel", "consumer": "medium"},
        {"op": "publish", "exchange": "", "key": "q", "body": "c", "count": 10},
        {"op": "expect", "delivered_count": {"medium": 0, "low": 10}},
    ]))?;
    run(json!([
        {"op": "declare_queue", "queue": "q"},
        {"op": "qos", "prefetch": 2},
        {"op": "consume", "queue": "q", "consumer": "tag1"},
        {"op": "consume", "queue": "q", "consumer": "tag2", "priority": 10},
        {"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 3},
        {"op": "expect", "delivered": {"tag2": ["m1", "m2"], "tag1": ["m3"]}},
        {"op": "ack", "tag": 1},
        {"op": "publish", "exchange": "", "key": "q", "body": "m4"},
        {"op": "expect", "delivered": {"tag2": ["m4"], "tag1": []}},
    ]))
}

fn requeue_on_close() -> Result<(), String> {
    for acknowledged in [0, 20] {
        let mut runner = Runner::new("4.2");
        runner.run(&steps(json!([
            {"op": "open_channel", "channel": "c2"},
            {"op": "declare_queue", "queue": "q"},
            {"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 2000},
            {"op": "consume", "queue": "q", "consumer": "A", "channel": "c2"},
        ])))?;
        if acknowledged > 0 {
            let ack = json!({"op": "ack", "tag": acknowledged, "multiple": true, "channel": "c2"});
            runner.run(&[ack])?;
        }
        runner.run(&steps(json!([
            {"op": "cancel", "consumer": "A", "channel": "c2"},
            {"op": "get", "queue": "q", "expect": "empty"},
            {"op": "close_channel", "channel": "c2"},
            {"op": "expect", "queues": {"q": {"ready": 2000 - acknowledged, "unacked": 0}}},
        ])))?;
    }
    Ok(())
}

fn dead_letters_count() -> Result<(), String> {
    let death = |count: u64| {
        json!([{
            "queue": "q", "reason": "rejected", "count": count, "exchange": "",
            "routing_keys": ["q"],
        }])
    };
    run(json!([
        {"op": "declare_queue", "queue": "q", "arguments": {"x-dead-letter-exchange": ""}},
        {"op": "publish", "exchange": "", "key": "q", "body": "m"},
        {"op": "get", "queue": "q", "expect": {"body": "m"}},
        {"op": "nack", "tag": 1, "requeue": false},
        {"op": "get", "queue": "q", "expect": {"body": "m"}, "expect_x_death": death(1)},
        {"op": "nack", "tag": 2, "requeue": false},
        {"op": "get", "queue": "q", "expect": {"body": "m"}, "expect_x_death": death(2)},
    ]))
}

fn drop_head() -> Result<(), String> {
    for limit in [json!({"x-max-length": 1}), json!({"x-max-length-bytes": 100})] {
        let mut arguments = limit;
        arguments["x-dead-letter-exchange"] = "amq.fanout".into();
        let message = |body: &str| json!({"op": "publish", "exchange": "", "key": "q", "body": body, "bytes": 80});
        run(json!([
            {"op": "confirm_select"},
            {"op": "declare_queue", "queue": "dlq"},
            {"op": "bind", "source": "amq.fanout", "destination": "dlq", "key": ""},
            {"op": "declare_queue", "queue": "q", "arguments": arguments},
            message("1"), message("2"), message("3"),
            {"op": "expect", "confirms": [["ack", 1], ["ack", 2], ["ack", 3]]},
            {"op": "get_many", "queue": "q", "expect": ["3"]},
            {"op": "get_many", "queue": "dlq", "expect": ["1", "2"]},
        ]))?;
    }
    run(json!([
        {"op": "declare_queue", "queue": "q", "arguments": {"x-max-length": 2}},
        {"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 2},
        {"op": "get", "queue": "q"},
        {"op": "get", "queue": "q"},
        {"op": "publish", "exchange": "", "key": "q", "body": "more"},
        {"op": "expect", "queues": {"q": {"ready": 1, "unacked": 2}}, "deaths": {"maxlen": 0}},
    ]))
}

fn reject_publish() -> Result<(), String> {
    for (overflow, dead) in
        [("reject-publish", json!([])), ("reject-publish-dlx", json!(["2", "3"]))]
    {
        let arguments = json!({
            "x-max-length": 1, "x-overflow": overflow, "x-dead-letter-exchange": "amq.fanout",
        });
        let message =
            |body: &str| json!({"op": "publish", "exchange": "", "key": "q", "body": body});
        run(json!([
            {"op": "confirm_select"},
            {"op": "declare_queue", "queue": "dlq"},
            {"op": "bind", "source": "amq.fanout", "destination": "dlq", "key": ""},
            {"op": "declare_queue", "queue": "q", "arguments": arguments},
            message("1"), message("2"), message("3"),
            {"op": "expect", "confirms": [["ack", 1], ["nack", 2], ["nack", 3]]},
            {"op": "get", "queue": "q", "ack": "auto", "expect": {"body": "1"}},
            message("2"),
            {"op": "expect", "confirms": [["ack", 4]]},
            {"op": "get_many", "queue": "dlq", "expect": dead},
        ]))?;
    }
    Ok(())
}

fn invalid_acknowledgements() -> Result<(), String> {
    let refused = json!({"code": 406, "closes": "channel"});
    let begin = json!([
        {"op": "open_channel", "channel": "c2"},
        {"op": "declare_queue", "queue": "q"},
        {"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 3},
        {"op": "get", "queue": "q", "channel": "c2", "expect": {"tag": 1}},
        {"op": "get", "queue": "q", "channel": "c2", "expect": {"tag": 2}},
        {"op": "get", "queue": "q", "expect": {"tag": 1}},
        {"op": "ack", "tag": 1},
    ]);
    for (wrong, left) in [
        (json!({"op": "ack", "tag": 1, "error": refused}), 0),
        (json!({"op": "ack", "tag": 123456, "channel": "c2", "error": refused}), 2),
        (json!({"op": "reject", "tag": 2, "error": refused}), 0),
    ] {
        let mut all = steps(begin.clone());
        all.push(wrong);
        let unacked = 2 - left;
        all.push(json!({"op": "expect", "queues": {"q": {"ready": left, "unacked": unacked}}}));
        Runner::new("4.2").run(&all)?;
    }
    run(json!([{"op": "confirm_select"}, {"op": "tx_select", "error": refused}]))?;
    run(json!([{"op": "tx_select"}, {"op": "confirm_select", "error": refused}]))
}

fn crash_of_a_consumer() -> Result<(), String> {
    for (ack, left) in [("auto", 0), ("manual", 7)] {
        let mut runner = Runner::new("4.2");
        runner.run(&steps(json!([
            {"op": "open_channel", "channel": "c2", "connection": "k2"},
            {"op": "declare_queue", "queue": "q"},
            {"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 10},
            {"op": "consume", "queue": "q", "consumer": "A", "ack": ack, "channel": "c2"},
            {"op": "expect", "delivered_count": {"A": 10}},
        ])))?;
        if ack == "manual" {
            runner.run(&[json!({"op": "ack", "tag": 3, "multiple": true, "channel": "c2"})])?;
        }
        runner.close_connection("k2");
        runner.run(&steps(json!([
            {"op": "expect", "queues": {"q": {"ready": left, "unacked": 0}}},
            {"op": "consume", "queue": "q", "consumer": "B"},
            {"op": "expect", "redelivered": {"B": vec![true; left]}, "delivered_count": {"B": left}},
        ])))?;
    }
    Ok(())
}

fn nobody_listens() -> Result<(), String> {
    run(json!([
        {"op": "declare_exchange", "exchange": "logs", "type": "fanout"},
        {"op": "publish", "exchange": "logs", "key": "", "body": "m"},
        {"op": "confirm_select"},
        {"op": "publish", "exchange": "logs", "key": "", "body": "m"},
        {"op": "expect", "confirms": [["ack", 1]], "returns": []},
    ]))
}
