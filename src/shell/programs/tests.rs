//! Lines to commands, and hand-made outcomes to output.

mod rabbit_tools;

use super::*;
use crate::kafka::command as kafka;
use crate::kafka::event::TopicPartition;
use crate::kafka::spec::{CommitMode, Reads, StartAt};
use crate::lab::command::ConsoleRecord;
use crate::lab::command::{ClientAct, Command, NetAct, ProcessAct, RabbitTarget};
use crate::lab::outcome::{Consumed, ConsumedRecord};
use crate::lab::{LabError, Outcome};
use crate::rabbit::command as rabbit;
use crate::rabbit::inspect::QueueState;
use crate::shell::lexer::Script;
use crate::sim::{Span, Time};

fn job(text: &str) -> Result<Job, String> {
    let mut script = Script::new(text).expect("small");
    let line = script.next().expect("a line").map_err(|bad| bad.mistake.to_string())?;
    parse(&line).map_err(|refusal| refusal.to_string())
}

/// True if the tool refuses a line in its own words.
fn is_objection(text: &str) -> bool {
    let line = Script::new(text).expect("small").next().expect("a line");
    line.is_ok_and(|line| matches!(parse(&line), Err(Refusal::Tool(_))))
}

fn command(text: &str) -> Command {
    match job(text) {
        Ok(Job::Do { command, .. }) => *command,
        Ok(Job::Say(_)) => panic!("{text} is no command of the lab"),
        Err(error) => panic!("{text}: {error}"),
    }
}

fn refused(text: &str) -> String {
    match job(text) {
        Err(error) => error,
        Ok(_) => panic!("{text} was taken"),
    }
}

fn printed(text: &str, result: Result<Outcome, LabError>) -> Result<Vec<String>, String> {
    match job(text) {
        Ok(Job::Do { print, .. }) => print(result),
        _ => panic!("{text} is no command of the lab"),
    }
}

fn api_error(name: &str, sentence: &str) -> Result<Outcome, LabError> {
    let (name, sentence) = (name.to_owned(), sentence.to_owned());
    Err(LabError::Kafka(kafka::ApiError { code: 3, name, sentence }))
}

#[test]
fn programs_go_by_their_names_with_or_without_sh() {
    for name in ["kafka-topics", "kafka-topics.sh", "bin/kafka-topics.sh"] {
        let asked = command(&format!("{name} --bootstrap-server localhost:9092 --list"));
        assert_eq!(asked, Command::Kafka(kafka::Ask::ListTopics));
    }
    assert_eq!(
        refused("kafka-topic --list"),
        "line 1, column 1: found kafka-topic, expected a program; did you mean kafka-topics? \
         `help` lists what is here"
    );
    assert_eq!(refused("kafka-transactions.sh list"), "not here yet: kafka-transactions");
    assert!(refused("ls").contains("expected a program; `help` lists what is here"));
}

#[test]
fn every_program_has_help_and_knows_its_own_usage() {
    for program in all() {
        assert!(!for_program(program).is_empty());
        assert!(program.usage.iter().all(|usage| usage.starts_with(program.name)));
        let help = job(&format!("{} --help", program.name));
        assert!(matches!(help, Ok(Job::Say(lines)) if lines == for_program(program)));
    }
    assert!(overview().len() > all().count());
    assert!(all().map(|program| program.name).eq(names()));
    let Ok(Job::Say(predicates)) = job("help predicates") else { panic!("it is known") };
    assert!(predicates.iter().any(|line| line.starts_with("  a partition: partition, leader")));
    assert!(matches!(job("help kafka-topics"), Ok(Job::Say(_))));
    assert_eq!(refused("help kafka-transactions"), "not here yet: kafka-transactions");
}

#[test]
fn a_lab_is_made_of_what_is_built() {
    let Command::New(spec) =
        command("lab new --seed 7 --cost lesson --set log.segment.bytes=1000000")
    else {
        panic!("another command")
    };
    assert_eq!((spec.seed, spec.kafka_brokers, spec.cost.as_str()), (7, 3, "lesson"));
    assert_eq!(spec.settings["log.segment.bytes"], "1000000");
    let cases = [
        (
            "lab new --coordinator zookeper",
            "line 1, column 23: found zookeper, expected kraft, zookeeper; did you mean zookeeper?",
        ),
        ("lab new --kafka 9", "line 1, column 17: found 9, expected 4.1, 4.2"),
        (
            "lab new --cost lessn",
            "line 1, column 16: found lessn, expected lesson, laptop, lan, datacentre, hdd, ssd; \
             did you mean lesson?",
        ),
        ("lab", "line 1, column 4: found the end of the line, expected new or compare (lab)"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn time_passes_by_duration_or_predicate() {
    assert_eq!(command("run 250ms"), Command::RunFor(Span::millis(250)));
    assert_eq!(command("step"), Command::Step(1));
    assert_eq!(command("step 20"), Command::Step(20));
    let until = command(r#"run --until 'kafka.group("g").lag == 0' --max 2m"#);
    let Command::RunUntil { predicate, max } = until else { panic!("another command") };
    assert_eq!(
        (predicate.text.as_str(), max),
        (r#"kafka.group("g").lag == 0"#, Span::seconds(120))
    );
    assert_eq!(
        refused(r#"run --until 'kafka.group("g").lga == 0'"#),
        "line 1, column 31: found lga, expected a field of a consumer group; did you mean lag?"
    );
    assert!(refused("run 5").contains("found 5, expected a duration such as 250ms"));
    assert!(refused("run --max 5s 1s").contains("expected --until PREDICATE before --max"));
    let passed = printed("run 5s", Ok(Outcome::Passed(Time::from_micros(5_000_000))));
    assert_eq!(passed, Ok(vec!["now 5.000 s".into()]));
    let vain = LabError::NotReached("not reached within 1m of virtual time: time > 1h".into());
    let printed = printed("run --until 'time > 1h'", Err(vain));
    assert_eq!(printed, Err("not reached within 1m of virtual time: time > 1h".into()));
}

#[test]
fn producers_send_to_both_sides() {
    let text = "producer p --kafka t --kafka u --rabbit /q --rabbit logs/a.b --rabbit fan --count 6 \
        --rate 5/s --keys user-1..user-3 --size 100 --set acks=1 --set confirm=true";
    let Command::Producer(producer) = command(text) else { panic!("another command") };
    assert_eq!(producer.kafka, ["t", "u"]);
    let target = |exchange: &str, key: Option<&str>| RabbitTarget {
        exchange: exchange.into(),
        key: key.map(Into::into),
    };
    let targets = [target("", Some("q")), target("logs", Some("a.b")), target("fan", None)];
    assert_eq!(producer.rabbit, targets);
    assert_eq!((producer.count, producer.every), (Some(6), Span::millis(200)));
    assert_eq!((producer.keys.len(), producer.size), (3, Some(100)));
    assert_eq!(producer.settings["acks"], "1");
    let every = |text: &str| match command(text) {
        Command::Producer(producer) => (producer.count, producer.every),
        _ => panic!("another command"),
    };
    assert_eq!(every("producer p --kafka t --count 5"), (Some(5), Span::ZERO));
    assert_eq!(every("producer p --kafka t"), (None, Span::seconds(1)));
    let missing = "expected --kafka TOPIC or --rabbit EXCHANGE[/KEY] (producer)";
    assert!(refused("producer p --count 5").ends_with(missing));
    assert!(refused("producer p --kafka t --count 0").contains("from 1 to 10000000"));
    assert!(refused("producer p --rabbit /").contains("expected EXCHANGE, EXCHANGE/KEY or /QUEUE"));
}

#[test]
fn consumers_pull_or_are_pushed_to() {
    let text = "consumer ck --kafka t,u --group g --work 5ms+100us --batch 50 --commit after:3 \
        --effect email --set auto.offset.reset=earliest";
    let Command::KafkaConsumer(pulls) = command(text) else { panic!("another command") };
    let topics = vec!["t".into(), "u".into()];
    assert_eq!(pulls.reads, Reads::Group { group: "g".into(), topics });
    assert_eq!(
        (pulls.work_per_batch, pulls.work_per_message),
        (Span::millis(5), Span::micros(100))
    );
    assert_eq!((pulls.batch, pulls.commit), (Some(50), CommitMode::After(3)));
    assert_eq!(pulls.effect.as_deref(), Some("email"));

    let text = "consumer cr --rabbit q --prefetch 20 --ack auto --process 50ms --memory 10MB";
    let Command::RabbitConsumer(pushed) = command(text) else { panic!("another command") };
    assert_eq!((pushed.prefetch, pushed.auto_ack, pushed.memory), (20, true, 10_000_000));
    assert_eq!(pushed.work_per_message, Span::millis(50));

    let Command::KafkaConsumer(spec) = command("consumer c --kafka t --share-group g") else {
        panic!("another command")
    };
    assert!(spec.is_share);
    assert!(refused("consumer c --kafka t").ends_with("expected --group GROUP (consumer --kafka)"));
    assert!(refused("consumer c --kafka t --group g --rabbit q").contains("expected one side"));
    assert!(refused("consumer c").ends_with("expected --kafka TOPIC or --rabbit QUEUE (consumer)"));
    let wrong_side = refused("consumer c --rabbit q --batch 5");
    assert!(wrong_side.contains("found --batch, expected an option of consumer --rabbit"));
}

#[test]
fn processes_and_the_network_obey() {
    let act = |text: &str| match command(text) {
        Command::Client { act, .. } => act,
        _ => panic!("another command"),
    };
    assert_eq!(act("client c crash"), ClientAct::Process(ProcessAct::Crash));
    assert_eq!(act("client c seek t:1:42"), ClientAct::Seek(TopicPartition::new("t", 1), 42));
    let set = ClientAct::Set { name: "prefetch".into(), value: "5".into() };
    assert_eq!(act("client c set prefetch=5"), set);
    let point = kafka::CrashPoint::Processed;
    assert_eq!(act("client c crash --at processed"), ClientAct::CrashAt(point));
    assert!(refused("client c crash --at procesed").contains("did you mean processed?"));
    assert!(refused("client c stop --at processed").contains("nothing else waits"));
    assert_eq!(command("node kafka-4 add"), Command::AddNode("kafka-4".to_owned()));
    assert!(refused("client c seek t:1").contains("expected TOPIC:PARTITION:OFFSET"));
    assert!(refused("client c crsh").contains("did you mean crash?"));
    let isolated = Command::Net(NetAct::Isolate("kafka-1".into()));
    assert_eq!(command("net isolate kafka-1"), isolated);
    let (left, right) = (vec!["a".into(), "b".into()], vec!["c".into()]);
    assert_eq!(command("net partition a,b c"), Command::Net(NetAct::Partition(left, right)));
    let slow = NetAct::Slow { a: "a".into(), b: None, latency: Span::millis(200) };
    assert_eq!(command("net slow a --latency 200ms"), Command::Net(slow));
    assert_eq!(command("crash-all"), Command::CrashAll);
    assert_eq!(command("power-cut"), Command::PowerCut);
}

#[test]
fn topics_print_what_the_tool_prints() {
    let create = "kafka-topics --create --topic orders --partitions 3 --config retention.ms=1000";
    let Command::Kafka(kafka::Ask::CreateTopic { partitions, settings, .. }) = command(create)
    else {
        panic!("another command")
    };
    assert_eq!((partitions, settings["retention.ms"].as_str()), (Some(3), "1000"));
    let done = || Ok(Outcome::Kafka(kafka::Answer::Done));
    assert_eq!(printed(create, done()), Ok(vec!["Created topic orders.".into()]));
    assert_eq!(
        printed("kafka-topics --create --topic a.b", done()).map(|lines| lines.len()),
        Ok(2)
    );
    let exists = || api_error("TOPIC_ALREADY_EXISTS", "Topic 'orders' already exists.");
    let failed = "Error while executing topic command : Topic 'orders' already exists.";
    assert_eq!(printed(create, exists()), Err(failed.into()));
    assert_eq!(printed(&format!("{create} --if-not-exists"), exists()), Ok(vec![]));
    let missing = api_error("UNKNOWN_TOPIC_OR_PARTITION", "This server does not host it.");
    let failed = "Error while executing topic command : Topic 'no' does not exist as expected";
    assert_eq!(printed("kafka-topics --describe --topic no", missing), Err(failed.into()));

    let partition = kafka::PartitionDescription {
        partition: 0,
        leader: Some(1),
        replicas: vec![1, 2],
        isr: vec![1],
        elr: vec![],
        last_known_elr: vec![],
        reassignment: None,
    };
    let topic = kafka::TopicDescription {
        topic: "orders".into(),
        id: "AAAAAAAAAAAAAAAAAAAAAQ".into(),
        settings: [("min.insync.replicas".into(), "1".into())].into(),
        partitions: vec![partition],
        knows_elr: true,
    };
    let described = || Ok(Outcome::Kafka(kafka::Answer::Topics(vec![topic.clone()])));
    let lines = [
        "Topic: orders\tTopicId: AAAAAAAAAAAAAAAAAAAAAQ\tPartitionCount: 1\tReplicationFactor: 2\t\
         Configs: min.insync.replicas=1",
        "\tTopic: orders\tPartition: 0\tLeader: 1\tReplicas: 1,2\tIsr: 1\tElr: \tLastKnownElr: ",
    ];
    let found = printed("kafka-topics --describe", described()).expect("described");
    assert_eq!(found, lines);
    let found = printed("kafka-topics --describe --under-replicated-partitions", described());
    assert_eq!(found, Ok(vec![lines[1].into()]));
    let found = printed("kafka-topics --describe --unavailable-partitions", described());
    assert_eq!(found, Ok(vec![]));
    assert!(refused("kafka-topics --topic t").contains("exactly one of --create, --describe"));
    assert!(refused("kafka-topics --list --create").contains("found --list, expected exactly one"));
    assert!(refused("kafka-topics --list --topics t").contains("did you mean --topic?"));
}

#[test]
fn the_console_producer_reads_standard_input() {
    let text = "kafka-console-producer --topic t --property parse.key=true --property \
        key.separator=: --producer-property acks=1 <<'EOF'\na:1\nb:2:3\nEOF";
    let Command::KafkaProduce(produce) = command(text) else { panic!("another command") };
    let record = |key: Option<&str>, value: &str| ConsoleRecord {
        key: key.map(str::to_owned),
        value: Some(value.to_owned()),
        headers: Vec::new(),
    };
    assert_eq!(produce.records, [record(Some("a"), "1"), record(Some("b"), "2:3")]);
    assert_eq!(produce.settings["acks"], "1");
    let Command::KafkaProduce(produce) = command("kafka-console-producer --topic t <<< '안녕'")
    else {
        panic!("another command")
    };
    assert_eq!(produce.records, [record(None, "안녕")]);
    assert!(refused("kafka-console-producer --topic t").contains("expected standard input"));
    let text = "kafka-console-producer --topic t --property parse.key=true <<< hello";
    assert!(refused(text).ends_with("No key separator found on line number 1: 'hello'"));
    assert!(refused("kafka-topics --list <<< x").contains("kafka-topics reads none"));
    let error = api_error("TimeoutException", "Topic t not present in metadata after 60000 ms.");
    let error = printed("kafka-console-producer --topic t <<< hello", error).expect_err("failed");
    assert!(
        error
            .contains("ERROR Error when sending message to topic t with key: null, value: 5 bytes")
    );
    assert!(error.ends_with("TimeoutException: Topic t not present in metadata after 60000 ms."));
}

#[test]
fn the_console_consumer_prints_records_first() {
    let reads = |text: &str| match command(text) {
        Command::KafkaConsume(consume) => (consume.reads, consume.settings),
        _ => panic!("another command"),
    };
    let tool = "kafka-console-consumer --topic t";
    let assigned = |partition, from| Reads::Assigned { topic: "t".into(), partition, from };
    assert_eq!(reads(tool).0, assigned(None, StartAt::Latest));
    assert_eq!(reads(&format!("{tool} --from-beginning")).0, assigned(None, StartAt::Earliest));
    let text = format!("{tool} --partition 1 --offset 5");
    assert_eq!(reads(&text).0, assigned(Some(1), StartAt::Offset(5)));
    let (group, settings) = reads(&format!("{tool} --group g --from-beginning"));
    assert_eq!(group, Reads::Group { group: "g".into(), topics: vec!["t".into()] });
    assert_eq!(settings["auto.offset.reset"], "earliest");
    let sentence = "The partition is required when offset is specified";
    assert!(refused(&format!("{tool} --offset 5")).ends_with(sentence));

    let record = ConsumedRecord {
        partition: 2,
        offset: 7,
        timestamp_ms: 1500,
        key: None,
        value: Some("hello".into()),
        epoch: 0,
        headers: Vec::new(),
        at: Time::ZERO,
        is_append_time: false,
    };
    let consumed = |timed_out| {
        Ok(Outcome::Consumed(Consumed {
            records: vec![record.clone()],
            timed_out,
            ..Consumed::default()
        }))
    };
    let lines = printed(&format!("{tool} --max-messages 1"), consumed(false));
    assert_eq!(lines, Ok(vec!["hello".into(), "Processed a total of 1 messages".into()]));
    let all = format!(
        "{tool} --timeout-ms 100 --property print.key=true --property print.partition=true \
         --property print.offset=true --property print.timestamp=true"
    );
    let lines = printed(&all, consumed(true)).expect("printed");
    assert_eq!(lines[0], "CreateTime:1500\tPartition:2\tOffset:7\tnull\thello");
    assert_eq!(lines[2], "org.apache.kafka.common.errors.TimeoutException");
    assert_eq!(lines.len(), 4);
    assert!(
        refused(&format!("{tool} --property print.kay=true")).contains("did you mean print.key?")
    );
}

#[test]
fn groups_are_reset_and_deleted() {
    let reset = "kafka-consumer-groups --reset-offsets --group g --topic t:0,2 --shift-by -3";
    let Command::Kafka(kafka::Ask::Each { names, of }) = command(reset) else {
        panic!("another command")
    };
    assert_eq!(names, ["g"]);
    let kafka::Ask::ResetOffsets { topics, to, execute, .. } = *of else { panic!("another act") };
    assert_eq!(topics, [("t".to_owned(), vec![0, 2])]);
    assert_eq!((to, execute), (kafka::ResetTo::ShiftBy(-3), false));
    let of_g = |outcome| Ok(Outcome::Kafka(kafka::Answer::Each(vec![("g".to_owned(), outcome)])));
    let failed = |name: &str, message: &str| {
        let (name, sentence) = (name.to_owned(), message.to_owned());
        Err(kafka::ApiError { code: 3, name, sentence })
    };
    let answer = kafka::Answer::Reset(vec![kafka::NewOffset {
        partition: TopicPartition::new("t", 0),
        offset: 4,
        asked: Some(4),
    }]);
    let lines = printed(reset, of_g(Ok(answer))).expect("reset");
    let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert!(lines[0].starts_with("WARN: No action will be performed as the --execute option"));
    assert_eq!(columns(&lines[2]), ["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"]);
    assert_eq!(columns(&lines[3]), ["g", "t", "0", "4"]);
    let sentence = "Assignments can only be reset if the group 'g' is inactive, but the current \
        state is Stable.";
    let error = match printed(reset, of_g(failed("IllegalStateException", sentence))) {
        Ok(lines) => lines.join("\n"),
        Err(error) => error,
    };
    assert!(error.contains("\n\nError: Assignments can only be reset if the group 'g'"), "{error}");
    assert!(error.contains("\n\nGROUP ") && error.trim_end().ends_with("NEW-OFFSET"), "{error}");
    let describe = "kafka-consumer-groups --describe --group g";
    let unknown = failed("GROUP_ID_NOT_FOUND", "Consumer group 'g' does not exist.");
    let error = match printed(describe, of_g(unknown)) {
        Ok(lines) => lines.join("\n"),
        Err(error) => error,
    };
    assert_eq!(
        error,
        "\nError: Executing consumer group command failed due to \
         org.apache.kafka.common.errors.GroupIdNotFoundException: Group g not found."
    );
    let deleted =
        printed("kafka-consumer-groups --delete --group g", of_g(Ok(kafka::Answer::Done)));
    let sentence = "Deletion of requested consumer groups ('g') was successful.";
    assert_eq!(deleted, Ok(vec![sentence.into()]));
    let missing = refused("kafka-consumer-groups --reset-offsets --group g --topic t");
    assert!(missing.contains("expected exactly one of --to-earliest"));
}

#[test]
fn offsets_are_sorted_as_text() {
    let tool = "kafka-get-offsets --topic t --time earliest";
    let Command::Kafka(kafka::Ask::ListOffsets { time: -2, .. }) = command(tool) else {
        panic!("another command")
    };
    let offsets = [2, 10, 1].map(|number| (TopicPartition::new("t", number), Some(5)));
    let mut offsets = offsets.to_vec();
    offsets.push((TopicPartition::new("t", 3), None));
    let lines = printed(tool, Ok(Outcome::Kafka(kafka::Answer::Offsets(offsets))));
    assert_eq!(lines.expect("listed"), ["t:1:5", "t:10:5", "t:2:5"]);
}

#[test]
fn questions_about_the_lab_are_commands_too() {
    let Command::Events { only, since } = command("events --only fetched,rabbit.pushed --since 2s")
    else {
        panic!("another command")
    };
    assert_eq!(only, ["kafka.fetched", "rabbit.pushed"]);
    assert_eq!(since, Time::from_micros(2_000_000));
    assert!(refused("events --only kafka.fetchd").contains("did you mean kafka.fetched?"));
    assert_eq!(command("passport m3"), Command::Passport(crate::sim::MessageId(3)));
    assert_eq!(command("ledger p"), Command::Ledger { producer: Some("p".into()) });
    assert!(matches!(command("state"), Command::State { path: None }));
    assert!(matches!(command("state kafka.group(\"g\").lag"), Command::State { path: Some(_) }));
    assert!(refused("state kafka.grups").contains("did you mean groups?"));
    let metrics =
        Outcome::Metrics(vec![("messages_ready,queue=q".into(), 24.0), ("u".into(), 0.25)]);
    let lines = printed("metrics", Ok(metrics)).expect("printed");
    assert_eq!(lines, ["messages_ready,queue=q    24", "u                       0.25"]);
}

/// A sequence of numbers that looks random and is always the same.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn any_line_is_a_job_or_a_sentence_and_never_a_panic() {
    const ODD: [&str; 34] = [
        "",
        "''",
        "\"\"",
        "-",
        "--",
        "---",
        "--=",
        "=",
        "==",
        "a=b",
        "=b",
        "a=",
        "0",
        "-1",
        "1e9",
        "99999999999999999999999",
        "5s",
        "5/s",
        "0/s",
        "1/us",
        "a,b",
        ",",
        "a..b",
        "u-1..u-9",
        "t:0:1",
        "::",
        "{}",
        "'{\"a\": {}}'",
        "'[1'",
        "/",
        "/q",
        "x/y/z",
        "안녕",
        "\u{1F600}",
    ];
    let options: Vec<&str> = all()
        .flat_map(|program| program.options.iter().flat_map(|(_, options)| *options))
        .flat_map(|option| option.names.iter().copied())
        .collect();
    let plain: Vec<&str> = all()
        .flat_map(|program| program.plain)
        .flat_map(|plain| match plain {
            Plain::Words(words) | Plain::Column(words) => words.to_vec(),
            _ => vec!["x"],
        })
        .collect();
    let programs: Vec<&str> = names().collect();
    let mut number = numbers();
    for _ in 0..30_000 {
        let mut line = programs[number(programs.len())].to_owned();
        for _ in 0..number(7) {
            let words: &[&str] = [&ODD[..], &options, &plain][number(3)];
            line.push(' ');
            line.push_str(words[number(words.len())]);
        }
        if number(4) == 0 {
            line.push_str(" <<< 'some\ttext'");
        }
        if let Err(sentence) = job(&line) {
            let known =
                sentence.starts_with("line 1, column ") || sentence.starts_with("not here yet: ");
            let known = known || is_objection(&line);
            assert!(known, "{line}: {sentence}");
        }
    }
}
