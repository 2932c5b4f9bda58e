//! What is refused, in the words of the real server.

use super::*;
use crate::ordered::BTreeMap;
use crate::rabbit::command::{Argument, Closes, GetMode};

fn refused(lab: &mut Lab, ask: Ask, code: u16, text: &str) {
    let error = lab.ask(ask).expect_err("it is refused");
    assert_eq!((error.code, error.text.as_str(), error.closes), (code, text, Closes::Channel));
    // The next question is answered again.
    assert!(matches!(lab.ask(Ask::ListQueues), Ok(Answer::Queues(_))));
}

#[test]
fn errors_have_the_texts_of_the_server() {
    let mut lab = Lab::new();
    lab.declare("q");
    let text = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': \
                received 'false' but current is 'true'";
    refused(&mut lab, declare("q", false), 406, text);
    let text = "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'";
    refused(&mut lab, declare("amq.mine", true), 403, text);
    let get = Ask::Get { queue: "nope".to_owned(), count: 1, mode: GetMode::Ack };
    refused(&mut lab, get, 404, "NOT_FOUND - no queue 'nope' in vhost '/'");
    let publish = Ask::Publish(OutgoingMessage { exchange: "nope".into(), ..message(1, "q") });
    refused(&mut lab, publish, 404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    let text = "ACCESS_REFUSED - operation not permitted on the default exchange";
    let bind = Ask::Bind {
        to_exchange: false,
        source: String::new(),
        destination: "q".to_owned(),
        key: "k".to_owned(),
        arguments: BTreeMap::new(),
    };
    refused(&mut lab, bind, 403, text);
    refused(&mut lab, Ask::DeleteExchange { exchange: String::new() }, 403, text);
    let text = "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed";
    refused(&mut lab, Ask::DeleteExchange { exchange: "amq.direct".to_owned() }, 403, text);
    let exchange = |kind: &str| Ask::DeclareExchange {
        internal: false,
        exchange: "x".to_owned(),
        kind: kind.to_owned(),
        durable: true,
        auto_delete: false,
        arguments: BTreeMap::new(),
    };
    let text = "PRECONDITION_FAILED - unknown exchange type 'round'";
    refused(&mut lab, exchange("round"), 406, text);
    assert_eq!(lab.ask(exchange("direct")), Ok(Answer::Done));
    let text = "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': \
                received 'fanout' but current is 'direct'";
    refused(&mut lab, exchange("fanout"), 406, text);
}

#[test]
fn arguments_are_checked_in_the_words_of_the_server() {
    let mut lab = Lab::new();
    let with = |name: &str, value: Argument| Ask::DeclareQueue {
        queue: "q".to_owned(),
        kind: String::new(),
        durable: true,
        auto_delete: false,
        arguments: BTreeMap::from([(name.to_owned(), value)]),
    };
    let text = "PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q' in vhost '/': \
                {value_zero,0}";
    refused(&mut lab, with("x-expires", Argument::Integer(0)), 406, text);
    let text = "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': \
                {value_negative,-1}";
    refused(&mut lab, with("x-message-ttl", Argument::Integer(-1)), 406, text);
    let text = "PRECONDITION_FAILED - invalid arg 'x-max-priority' for queue 'q' in vhost '/': \
                {max_value_exceeded,256}";
    refused(&mut lab, with("x-max-priority", Argument::Integer(256)), 406, text);
    assert_eq!(lab.ask(with("x-mine", Argument::Integer(1))), Ok(Answer::Done));
    // Arguments that nobody knows do not make a queue another one.
    lab.declare("q");
}

#[test]
fn a_publisher_that_names_no_exchange_gives_its_message_up_and_goes_on() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    let bad = OutgoingMessage { exchange: "nope".into(), ..message(1, "q") };
    lab.cluster.command(publisher, Command::Publish(bad));
    lab.run(20);
    assert_eq!((lab.count("rabbit.client_error"), lab.count("rabbit.refused")), (1, 1));
    lab.publish(publisher, 2..3);
    lab.run(20);
    let client = lab.client("p");
    assert_eq!((client.done, client.failed, lab.queue().0), (1, 1, 1));
}

#[test]
fn a_consumer_waits_for_its_queue() {
    let mut lab = Lab::new();
    let consumer = lab.consumer("c", |_| {});
    assert_eq!(lab.count("rabbit.client_error"), 1);
    assert!(!lab.cluster.is_ready(consumer));
    lab.declare("q");
    lab.run(5_000);
    assert!(lab.cluster.is_ready(consumer));
}

#[test]
fn a_tool_is_told_that_there_is_no_broker() {
    let mut lab = Lab::new();
    lab.declare("q");
    lab.cluster.world.crash(lab.rabbit);
    lab.run(10);
    assert_eq!(lab.ask(Ask::ListQueues).map_err(|error| error.code), Err(320));
    lab.restart();
    assert!(matches!(lab.ask(Ask::ListQueues), Ok(Answer::Queues(list)) if list.len() == 1));
}

#[test]
fn a_message_that_is_too_large_is_refused() {
    let mut lab = Lab::new();
    lab.declare("q");
    let sized = |size: usize| OutgoingMessage { body: vec![0; size].into(), ..message(1, "q") };
    let text = "PRECONDITION_FAILED - message size 16777217 is larger than configured max size \
                16777216";
    refused(&mut lab, Ask::Publish(sized(16_777_217)), 406, text);
    let answer = lab.ask(Ask::Publish(sized(16_777_216)));
    assert_eq!(answer, Ok(Answer::Published { routed: true }));
}
