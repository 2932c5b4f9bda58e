//! The official tutorials: their programs are played here, on queues and exchanges of the engine.
//!
//! What a program prints is built from what it was delivered, in the words of its `print`.

use super::steps::{Runner, same};
use super::timing;
use pushpull::rabbit::command::{OutgoingMessage, Properties};
use pushpull::rabbit::content::Content;
use pushpull::rabbit::inspect::BindingState;
use pushpull::rabbit::message::Method;
use pushpull::rabbit::names::Names;
use pushpull::sim::{MessageId, Span};
use serde_json::{Value, json};
use std::rc::Rc;

/// Runs one of them.
pub fn tutorial(entry: &Value) -> Result<(), String> {
    match entry["id"].as_str().unwrap_or("") {
        "tutorial-1-send" => hello(entry, false),
        "tutorial-1-receive" => hello(entry, true),
        "tutorial-2-round-robin" => round_robin(entry),
        "tutorial-2-kill-manual" => kill_a_worker(entry),
        "tutorial-3-two-receivers" => two_receivers(entry),
        "tutorial-3-nobody" => nobody(entry),
        "tutorial-3-exclusive-gone" => receiver_gone(entry),
        "tutorial-4-output" => direct_output(entry),
        "tutorial-5" => super::topic_routes_of(&["tutorial-5-animals", "tutorial-5-logs"]),
        "tutorial-6-call" => {
            let reply = call(30)?;
            let printed = [" [x] Requesting fib(30)".to_owned(), format!(" [.] Got {reply}")];
            same_lines(&entry["documented"]["client"], &printed)
        }
        "tutorial-7-local" | "tutorial-7-remote" => confirms(entry),
        "tutorial-7-batch-nack" => batch_with_a_refusal(entry),
        id if id.starts_with("tutorial-6-fib") => {
            let reply = call(entry["fib"].as_u64().unwrap_or(0))?;
            same(&entry["reply"], &reply.into(), "reply")
        }
        id if id.starts_with("tutorial-4") => direct(entry),
        _ => Err("nobody knows how to run this tutorial".to_owned()),
    }
}

/// The pages show what is printed without the blank in front.
fn same_lines(documented: &Value, printed: &[String]) -> Result<(), String> {
    let printed: Vec<&str> = printed.iter().map(|line| line.trim_start()).collect();
    same(documented, &json!(printed), "the page")
}

/// Python's way to print bytes.
fn bytes(body: &str) -> String {
    format!("b'{body}'")
}

// ---- 1: hello ----

fn hello(entry: &Value, receives: bool) -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    let body = "Hello World!";
    let receiver = json!({"op": "open_channel", "channel": "receive", "connection": "k2"});
    let declare = json!({"op": "declare_queue", "queue": "hello"});
    let consume = json!({
        "op": "consume", "queue": "hello", "consumer": "C", "ack": "auto", "channel": "receive",
    });
    let mut printed = Vec::new();
    runner.run(&[receiver, declare])?;
    if receives {
        runner.run(&[consume])?;
        printed.push(" [*] Waiting for messages. To exit press CTRL+C".to_owned());
    }
    let publish = json!({"op": "publish", "exchange": "", "key": "hello", "body": body});
    runner.run(&[publish])?;
    if receives {
        let bodies = runner.take_delivered("C").into_iter();
        printed.extend(bodies.map(|(body, _)| format!(" [x] Received {}", bytes(&body))));
    } else {
        printed.push(format!(" [x] Sent '{body}'"));
    }
    runner.run(&[json!({"op": "expect", "queues": entry["after"]})])?;
    same(&entry["prints"], &json!(printed), "what is printed")
}

// ---- 2: work queues ----

/// Two workers with the tasks of an entry.
fn workers(messages: &[&str]) -> Result<Runner, String> {
    let mut runner = Runner::new("4.2");
    let mut steps = vec![json!({"op": "declare_queue", "queue": "task_queue"})];
    for (worker, connection) in [("worker 1", "k2"), ("worker 2", "k3")] {
        steps.push(json!({"op": "open_channel", "channel": worker, "connection": connection}));
        steps.push(json!({
            "op": "consume", "queue": "task_queue", "consumer": worker, "channel": worker,
        }));
    }
    steps.extend(
        messages.iter().map(
            |body| json!({"op": "publish", "exchange": "", "key": "task_queue", "body": body}),
        ),
    );
    runner.run(&steps).map(|()| runner)
}

const TASKS: [&str; 5] = [
    "First message.",
    "Second message..",
    "Third message...",
    "Fourth message....",
    "Fifth message.....",
];

fn round_robin(entry: &Value) -> Result<(), String> {
    same(&entry["messages"], &json!(TASKS), "tasks")?;
    let mut runner = workers(&TASKS)?;
    for worker in ["worker 1", "worker 2"] {
        let bodies = runner.take_delivered(worker).into_iter();
        let printed: Vec<String> = bodies.map(|(body, _)| format!("Received '{body}'")).collect();
        same(&entry["documented"][worker], &json!(printed), worker)?;
    }
    Ok(())
}

fn kill_a_worker(entry: &Value) -> Result<(), String> {
    let mut runner = workers(&TASKS)?;
    runner.take_delivered("worker 2");
    runner.close_connection("k2");
    let again = runner.take_delivered("worker 2");
    let bodies: Vec<&str> = again.iter().map(|(body, _)| &**body).collect();
    let then = &entry["then"];
    same(&then["redelivered_to_worker_2"], &json!(bodies), "redelivered")?;
    let flagged = again.iter().all(|(_, redelivered)| *redelivered);
    same(&then["redelivered_flag"], &flagged.into(), "flag")?;
    // All five are with worker 2 now: two from the beginning.
    let unacked = json!({"task_queue": {"ready": 0, "unacked": 5}});
    runner.run(&[json!({"op": "expect", "queues": unacked})])?;
    same(&then["lost"], &json!([]), "lost")
}

// ---- 3: publish and subscribe ----

/// A receiver with a queue of its own, on a connection of its own, bound to `logs`.
fn receive_logs(runner: &mut Runner, name: &str, connection: &str) -> Result<(), String> {
    runner.run(&[
        json!({"op": "open_channel", "channel": name, "connection": connection}),
        json!({"op": "declare_exchange", "exchange": "logs", "type": "fanout", "channel": name}),
        json!({"op": "declare_queue", "queue": "", "exclusive": true, "channel": name}),
        json!({"op": "bind", "source": "logs", "destination": "", "key": "logs", "channel": name}),
        json!({"op": "consume", "queue": "", "consumer": name, "ack": "auto", "channel": name}),
    ])
}

fn bindings_of_logs(runner: &Runner) -> Vec<BindingState> {
    let all = runner.cluster.bindings().into_iter();
    all.filter(|binding| binding.source == "logs").collect()
}

fn two_receivers(entry: &Value) -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    receive_logs(&mut runner, "one", "k2")?;
    receive_logs(&mut runner, "two", "k3")?;
    let body = "info: Hello World!";
    runner.run(&[json!({"op": "publish", "exchange": "logs", "key": "", "body": body})])?;
    for receiver in ["one", "two"] {
        let bodies = runner.take_delivered(receiver).into_iter();
        let printed: Vec<String> =
            bodies.map(|(body, _)| format!(" [x] {}", bytes(&body))).collect();
        same(&entry["prints"], &json!(printed), receiver)?;
    }
    let wanted = entry["list_bindings"].as_array().ok_or("bindings are a list")?;
    let found = bindings_of_logs(&runner);
    same(&wanted.len().into(), &found.len().into(), "bindings")?;
    for (wanted, found) in wanted.iter().zip(&found) {
        same(&wanted[0], &json!(found.source), "source")?;
        same(&wanted[3], &json!(found.destination_kind), "destination kind")?;
        let is_like = |name: &str| {
            let rest = name.strip_prefix("amq.gen-").unwrap_or("");
            let is_sign = |sign: char| sign.is_ascii_alphanumeric() || "-_".contains(sign);
            rest.len() == 22 && rest.chars().all(is_sign)
        };
        if !is_like(&found.destination) || !wanted[2].as_str().is_some_and(is_like) {
            return Err(format!("the server gave the name {}", found.destination));
        }
    }
    Ok(())
}

fn nobody(entry: &Value) -> Result<(), String> {
    let publish = json!({"op": "publish", "exchange": "logs", "key": "", "body": "m"});
    let mut mandatory = publish.clone();
    mandatory["mandatory"] = true.into();
    let mut runner = Runner::new("4.2");
    runner.run(&[
        json!({"op": "declare_exchange", "exchange": "logs", "type": "fanout"}),
        publish.clone(),
        json!({"op": "confirm_select"}),
        publish,
        json!({"op": "expect", "confirms": [[entry["then"]["with_confirms"], 1]], "returns": []}),
        mandatory,
        json!({"op": "expect", "returns": [[312, "m"]]}),
    ])?;
    let stored: u64 = runner.cluster.queues().iter().map(|queue| queue.ready).sum();
    same(&entry["then"]["stored"], &stored.into(), "stored")
}

fn receiver_gone(entry: &Value) -> Result<(), String> {
    let mut runner = Runner::new("4.2");
    receive_logs(&mut runner, "one", "k2")?;
    same(&1.into(), &runner.cluster.queues().len().into(), "queues before")?;
    runner.close_connection("k2");
    let word = |is_gone: bool| if is_gone { "deleted" } else { "there" };
    let queue = word(runner.cluster.queues().is_empty());
    same(&entry["then"]["its_queue"], &queue.into(), "its queue")?;
    let binding = word(bindings_of_logs(&runner).is_empty());
    same(&entry["then"]["its_binding"], &binding.into(), "its binding")
}

// ---- 4: routing ----

fn direct_logs() -> Result<Runner, String> {
    let mut runner = Runner::new("4.2");
    let mut steps = vec![
        json!({"op": "declare_exchange", "exchange": "direct_logs", "type": "direct"}),
        json!({"op": "declare_queue", "queue": "file"}),
        json!({"op": "declare_queue", "queue": "screen"}),
    ];
    for (queue, keys) in
        [("file", &["warning", "error"][..]), ("screen", &["info", "warning", "error"])]
    {
        steps.extend(keys.iter().map(
            |key| json!({"op": "bind", "source": "direct_logs", "destination": queue, "key": key}),
        ));
    }
    runner.run(&steps).map(|()| runner)
}

fn direct(entry: &Value) -> Result<(), String> {
    let mut runner = direct_logs()?;
    let key = &entry["publish"];
    runner.run(&[json!({"op": "publish", "exchange": "direct_logs", "key": key, "body": "m"})])?;
    let queues = runner.cluster.queues();
    let got = queues.iter().filter(|queue| queue.ready > 0).map(|queue| &queue.name);
    same(&entry["queues"], &json!(got.collect::<Vec<_>>()), "queues")
}

fn direct_output(entry: &Value) -> Result<(), String> {
    let mut runner = direct_logs()?;
    let (key, body) = ("error", "Run. Run. Or it will explode.");
    runner.run(&[
        json!({"op": "publish", "exchange": "direct_logs", "key": key, "body": body}),
        json!({"op": "get", "queue": "screen", "expect": {"body": body}}),
    ])?;
    let got = runner.last_got.clone().ok_or("nothing was got")?;
    let received = format!(" [x] {}:{}", got.routing_key, bytes(body));
    same(&entry["receiver_prints"], &received.into(), "the receiver")?;
    same(&entry["prints"], &json!([format!(" [x] Sent {key}:{body}")]), "the sender")?;
    same(&entry["documented"], &json!([format!("[x] Sent '{key}':'{body}'")]), "the page")
}

// ---- 6: remote procedure call ----

fn fib(n: u64) -> u64 {
    let next = |(a, b): (u64, u64), _| (b, a + b);
    (0..n).fold((0, 1), next).0
}

fn message(id: u64, key: &str, body: String, properties: Properties) -> Rc<Content> {
    let message = OutgoingMessage {
        id: MessageId(id),
        exchange: "".into(),
        routing_key: key.into(),
        key: None,
        body: body.into(),
        properties: Some(Rc::new(properties)),
    };
    Rc::new(Content::new(message, &Rc::default(), &mut Names::default()))
}

/// Calls `fib` over `rpc_queue`; a reply with an unknown correlation id comes first.
fn call(n: u64) -> Result<String, String> {
    let mut runner = Runner::new("4.2");
    runner.run(&[
        json!({"op": "open_channel", "channel": "client", "connection": "k2"}),
        json!({"op": "declare_queue", "queue": "rpc_queue"}),
        json!({"op": "qos", "prefetch": 1}),
        json!({"op": "declare_queue", "queue": "", "exclusive": true, "channel": "client"}),
    ])?;
    let queues = runner.cluster.queues();
    let callback = queues.iter().find(|queue| queue.exclusive).ok_or("no callback queue")?;
    let callback = callback.name.clone();
    let with = |correlation: &str, reply_to: Option<String>| Properties {
        correlation_id: Some(correlation.to_owned()),
        reply_to,
        ..Properties::default()
    };
    let mut publish = |channel: &str, content: Rc<Content>| {
        runner.label(content.id);
        let (mandatory, immediate) = (false, false);
        let method = Method::BasicPublish { mandatory, immediate, content };
        runner.ask(channel, method).map(drop).map_err(|refusal| refusal.text)
    };
    publish("client", message(901, &callback, "stray".into(), with("another", None)))?;
    let request = with("this", Some(callback.clone()));
    publish("client", message(902, "rpc_queue", n.to_string(), request))?;
    // The server.
    runner.run(&[json!({"op": "get", "queue": "rpc_queue"})])?;
    let request = runner.last_got.clone().ok_or("no request")?;
    let asked: u64 = String::from_utf8_lossy(&request.body).parse().map_err(|_| "no number")?;
    let reply = with(request.properties.correlation_id.as_deref().unwrap_or(""), None);
    let reply_to = request.properties.reply_to.clone().ok_or("nobody to reply to")?;
    let answer = message(903, &reply_to, fib(asked).to_string(), reply);
    runner.label(answer.id);
    let method = Method::BasicPublish { mandatory: false, immediate: false, content: answer };
    runner.ask("c1", method).map_err(|refusal| refusal.text)?;
    // The client takes the reply to its own question.
    for _ in 0..2 {
        let get = json!({"op": "get", "queue": "", "ack": "auto", "channel": "client"});
        runner.run(&[get])?;
        let got = runner.last_got.clone().ok_or("no reply")?;
        if got.properties.correlation_id.as_deref() == Some("this") {
            return Ok(String::from_utf8_lossy(&got.body).into_owned());
        }
    }
    Err("no reply has the id of the request".to_owned())
}

// ---- 7: publisher confirms ----

/// The documented times are those of one machine, so what is compared is their law: one by one
/// takes a round trip for each message; a batch of 100 takes at least one for all of it, and the
/// rest of the documented time is the machine's.
fn confirms(entry: &Value) -> Result<(), String> {
    let documented = entry["documented"].as_array().ok_or("documented is a list")?;
    let millis = |line: &Value| {
        let text = line.as_str().unwrap_or("");
        let number = text.rsplit(" in ").next().unwrap_or("").trim_end_matches(" ms");
        number.replace(',', "").parse::<f64>().map_err(|error| error.to_string())
    };
    let [one_by_one, batch, asynchronous] = &documented[..] else { return Err("three".into()) };
    let one_by_one = millis(one_by_one)?;
    // 50,000 round trips; a fiftieth of them is run here.
    let round_trip = Span::micros((one_by_one * 1_000.0 / 50_000.0 / 2.0).round() as u64 * 2);
    let each = timing::publishing_ms(1_000, 1, round_trip) * 50.0;
    if (each - one_by_one).abs() > one_by_one * 0.02 {
        return Err(format!("one by one takes {each} ms, documented are {one_by_one}"));
    }
    let together = timing::publishing_ms(1_000, 100, round_trip) * 50.0;
    for limit in [millis(batch)?, millis(asynchronous)?] {
        if together > limit {
            return Err(format!("in batches it takes {together} ms, documented are {limit}"));
        }
    }
    if each / together > 101.0 || each / together < 20.0 {
        return Err(format!("batches of 100 are {} times faster", each / together));
    }
    Ok(())
}

fn batch_with_a_refusal(entry: &Value) -> Result<(), String> {
    let arguments = json!({"x-max-length": 99, "x-overflow": "reject-publish"});
    let mut runner = Runner::new("4.2");
    runner.run(&[
        json!({"op": "declare_queue", "queue": "q", "arguments": arguments}),
        json!({"op": "confirm_select"}),
        json!({"op": "publish", "exchange": "", "key": "q", "body": "m", "count": 100}),
    ])?;
    let told = runner.take_confirms();
    let nacks = told.iter().filter(|(word, _)| word == "nack").count();
    same(&json!([100, 1]), &json!([told.len(), nacks]), "answers and refusals")?;
    // All that the client's interface gives back is that some of the batch failed.
    let outcome = match nacks {
        0 => "returns",
        _ => "throws; which message it was is not known",
    };
    same(&entry["then"]["waitForConfirmsOrDie"], &outcome.into(), "the batch")
}
