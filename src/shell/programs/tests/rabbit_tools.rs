//! The tools of RabbitMQ.

use super::*;

#[test]
fn rabbitmqadmin_asks_and_prints_tables() {
    let declare =
        r#"rabbitmqadmin declare queue --name q --durable false --arguments '{"x-max-length": 5}'"#;
    let Command::Rabbit(rabbit::Ask::DeclareQueue { queue, kind, durable, arguments, .. }) =
        command(declare)
    else {
        panic!("another command")
    };
    assert_eq!((queue.as_str(), kind.as_str(), durable), ("q", "classic", false));
    assert_eq!(arguments["x-max-length"], rabbit::Argument::Integer(5));
    assert_eq!(command("rabbitmqadmin queues list"), Command::Rabbit(rabbit::Ask::ListQueues));
    let text =
        "rabbitmqadmin --vhost / publish message -k q -m hi --properties '{\"priority\": 3}'";
    let text = text.replace("--vhost / ", "");
    let Command::Rabbit(rabbit::Ask::Publish(message)) = command(&text) else {
        panic!("another command")
    };
    assert_eq!((&*message.routing_key, &message.body[..]), ("q", &b"hi"[..]));
    assert_eq!(message.properties.and_then(|set| set.priority), Some(3));
    let published = |routed| Ok(Outcome::Rabbit(rabbit::Answer::Published { routed }));
    let sentence = "Message published and routed successfully";
    assert_eq!(printed(&text, published(true)), Ok(vec![sentence.into()]));
    assert_eq!(
        printed(&text, published(false)),
        Ok(vec!["Message published but NOT routed".into()])
    );

    let get = "rabbitmqadmin get messages --queue q";
    let Command::Rabbit(rabbit::Ask::Get { count: 1, mode: rabbit::GetMode::Ack, .. }) =
        command(get)
    else {
        panic!("another command")
    };
    let got = rabbit::GotMessage {
        exchange: String::new(),
        routing_key: "q".into(),
        redelivered: false,
        message_count: 2,
        body: "hi".into(),
        properties: rabbit::Properties { delivery_mode: Some(2), ..Default::default() },
    };
    let lines = printed(get, Ok(Outcome::Rabbit(rabbit::Answer::Messages(vec![got]))));
    let expected = [
        "╭───────────────┬─────────────┬──────────┬─────────────┬───────────────┬──────────────────┬─────────┬──────────────────╮",
        "│ payload_bytes │ redelivered │ exchange │ routing_key │ message_count │ properties       │ payload │ payload_encoding │",
        "├───────────────┼─────────────┼──────────┼─────────────┼───────────────┼──────────────────┼─────────┼──────────────────┤",
        "│ 2             │ false       │          │ q           │ 2             │ delivery_mode: 2 │ hi      │ string           │",
        "│               │             │          │             │               │                  │         │                  │",
        "╰───────────────┴─────────────┴──────────┴─────────────┴───────────────┴──────────────────┴─────────┴──────────────────╯",
    ];
    assert_eq!(lines.expect("got"), expected);

    let text = "NOT_FOUND - no queue 'q' in vhost '/'".to_owned();
    let error = rabbit::AmqpError { code: 404, text, closes: rabbit::Closes::Channel };
    let failed = printed(get, Err(LabError::Rabbit(error.clone()))).expect_err("no queue");
    let expected = "API responded with a 404 Not Found\n404 NOT_FOUND - no queue 'q' in vhost '/'";
    assert_eq!(failed, expected);
    let again = "rabbitmqadmin delete queue --name q --idempotently";
    assert_eq!(printed(again, Err(LabError::Rabbit(error))), Ok(vec![]));
    assert!(refused("rabbitmqadmin declare queu --name q").contains("did you mean queue?"));
    assert!(refused("rabbitmqadmin delcare queue").contains("did you mean declare?"));
    assert!(refused("rabbitmqadmin declare queue --nam q").contains("did you mean --name?"));
    assert_eq!(refused("rabbitmqadmin list nodes"), "not here yet: rabbitmqadmin list nodes");
}

#[test]
fn rabbitmqctl_separates_by_tabs() {
    let queue = QueueState {
        exclusive: false,
        arguments: Default::default(),
        policy: None,
        operator_policy: None,
        memory: 0,
        name: "jobs".into(),
        kind: "classic".into(),
        node: None,
        state: "running",
        certainty: 0,
        leader: None,
        members: vec![],
        online: vec![],
        mirrors: None,
        synchronised: vec![],
        delivery_limit: None,
        durable: true,
        auto_delete: false,
        ready: 5,
        unacked: 2,
        delayed: 0,
        delayed_retry: None,
        dead: 0,
        bytes: 70,
        unacked_bytes: 20,
        in_memory: 1,
        consumers: vec!["c".into()],
        committed_offset: None,
        segments: None,
        consumer_utilisation: 1.0,
    };
    let queues = || Ok(Outcome::Rabbit(rabbit::Answer::Queues(vec![queue.clone()])));
    let head = ["Timeout: 60.0 seconds ...", "Listing queues for vhost / ..."];
    let lines = printed("rabbitmqctl list_queues", queues()).expect("listed");
    assert_eq!(lines, [head[0], head[1], "name\tmessages", "jobs\t7"]);
    let tool = "rabbitmqctl list_queues -q name messages_ready messages_unacknowledged consumers";
    let lines = printed(tool, queues()).expect("listed");
    let names = "name\tmessages_ready\tmessages_unacknowledged\tconsumers";
    assert_eq!(lines, [names, "jobs\t5\t2\t1"]);
    let none = Ok(Outcome::Rabbit(rabbit::Answer::Queues(vec![])));
    assert_eq!(printed("rabbitmqctl list_queues", none).expect("listed"), head);
    let wrong = refused("rabbitmqctl list_queues name mesages");
    assert!(wrong.contains("did you mean messages? Info key(s) mesages are not supported"));
    let tool = "rabbitmqctl set_policy short '^q' '{\"max-length\": 2}' --priority 3";
    let lines = printed(tool, Ok(Outcome::Rabbit(rabbit::Answer::Done))).expect("done");
    let said = "Setting policy \"short\" for pattern \"^q\" to \"{\"max-length\": 2}\" with priority \
                \"3\" for vhost \"/\" ...";
    assert_eq!(lines, [said]);
    assert!(refused("rabbitmqctl set_vm_memory_high_watermark 2").contains("a fraction between"));
    assert!(refused("rabbitmqctl list_queue").contains("did you mean list_queues?"));
}
