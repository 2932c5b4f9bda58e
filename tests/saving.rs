//! Saving and opening again: the logs come back through the brokers' own recovery, and the state
//! is that of a replay followed by a crash of every process.

use bytes::Bytes;
use pushpull::kafka::spec::{CommitMode, ConsumerSpec, Reads};
use pushpull::lab::command::{Command, LabSpec, ProducerCommand, RabbitTarget};
use pushpull::lab::saving::Save;
use pushpull::lab::{Progress, Timeline};
use pushpull::sim::disk::Block;
use pushpull::sim::{Span, Time};
use pushpull::storage::Manifest;
use pushpull::{kafka, rabbit};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Stored blocks by id, and the last manifest: what a storage keeps.
#[derive(Default)]
struct Kept {
    blocks: BTreeMap<u64, Bytes>,
    manifest: Option<Manifest>,
}

impl Kept {
    fn save(&mut self, timeline: &mut Timeline) -> Save {
        let save = timeline.save("test", self.manifest.as_ref());
        self.blocks.extend(save.blocks.iter().cloned());
        self.manifest = Some(save.manifest.clone());
        timeline.saved(&save);
        save
    }

    fn load(&self, blocks: &[Rc<Block>]) {
        for block in blocks {
            let stored = block.saved_as().expect("an absent block was saved");
            let bytes = &self.blocks[&stored.id];
            assert_eq!(bytes.len() as u64, stored.stored_len);
            block.restore(bytes.slice(stored.at as usize..(stored.at + block.len()) as usize));
        }
    }

    fn reopen(&self) -> Timeline {
        Timeline::reopen(self.manifest.as_ref().expect("it was saved")).expect("it can be read")
    }

    fn run(&self, timeline: &mut Timeline, command: Command) {
        let text = format!("{command:?}");
        let mut execution = timeline.execute(command, &text);
        loop {
            match timeline.work(&mut execution, 1_000) {
                Progress::Done(result) => return drop(result.expect("the command works")),
                Progress::More => {}
                Progress::Need(blocks) => self.load(&blocks),
            }
        }
    }

    fn advance(&self, timeline: &mut Timeline, until: Time) {
        loop {
            match timeline.advance(until, 1_000) {
                Progress::Done(()) => return,
                Progress::More => {}
                Progress::Need(blocks) => self.load(&blocks),
            }
        }
    }
}

/// A lab with 1,000 messages on each side, of which the consumers have processed some.
fn lab(kept: &Kept) -> Timeline {
    // A broker that is its own controller need not wait until a session of its last life is over.
    let cost = "lesson".into();
    let spec = LabSpec { kafka_brokers: 1, controllers: 0, cost, ..LabSpec::default() };
    let mut timeline = Timeline::new(&spec).expect("a lab opens");
    let topic = kafka::command::Ask::CreateTopic {
        topic: "t".into(),
        partitions: Some(3),
        replication_factor: None,
        assignment: Vec::new(),
        settings: Default::default(),
    };
    kept.run(&mut timeline, Command::Kafka(topic));
    let queue = rabbit::command::Ask::DeclareQueue {
        queue: "q".into(),
        kind: "classic".into(),
        durable: true,
        auto_delete: false,
        arguments: Default::default(),
    };
    kept.run(&mut timeline, Command::Rabbit(queue));
    let consumer = ConsumerSpec {
        name: "ck".into(),
        reads: Reads::Group { group: "g".into(), topics: vec!["t".into()] },
        work_per_batch: Span::ZERO,
        work_per_message: Span::millis(20),
        batch: None,
        commit: CommitMode::After(1),
        effect: None,
        is_share: false,
        to: None,
        stop_after: None,
        settings: [("auto.offset.reset".to_owned(), "earliest".to_owned())].into(),
    };
    kept.run(&mut timeline, Command::KafkaConsumer(consumer));
    let consumer = rabbit::spec::ConsumerSpec {
        name: "cr".into(),
        queue: "q".into(),
        prefetch: 10,
        auto_ack: false,
        work_per_message: Span::millis(20),
        memory: 0,
        on_error: rabbit::spec::OnError::Requeue,
        effect: None,
        settings: Default::default(),
    };
    kept.run(&mut timeline, Command::RabbitConsumer(consumer));
    let producer = ProducerCommand {
        name: "p".into(),
        kafka: vec!["t".into()],
        rabbit: vec![RabbitTarget { exchange: String::new(), key: Some("q".into()) }],
        count: Some(1_000),
        every: Span::millis(1),
        size: Some(100),
        keys: vec!["a".into(), "b".into(), "c".into()],
        payload: None,
        settings: Default::default(),
    };
    kept.run(&mut timeline, Command::Producer(producer));
    kept.run(&mut timeline, Command::RunFor(Span::seconds(4)));
    timeline
}

fn log_ends(timeline: &Timeline) -> Vec<(i64, i64)> {
    let topics = timeline.session().kafka.topics();
    let topic = topics.iter().find(|topic| topic.name == "t").expect("topic t is there");
    topic.partitions.iter().map(|p| (p.high_watermark, p.log_end)).collect()
}

fn queue(timeline: &Timeline) -> (u64, u64) {
    let queues = timeline.session().rabbit.queues();
    let queue = queues.iter().find(|queue| queue.name == "q").expect("queue q is there");
    (queue.ready, queue.unacked)
}

#[test]
fn an_opened_lab_has_its_logs_offsets_and_messages() {
    let mut kept = Kept::default();
    let mut before = lab(&kept);
    kept.save(&mut before);
    let (ready, unacked) = queue(&before);
    assert_eq!(unacked, 10, "the consumer is slower than the producer");
    let committed = before.session().kafka.groups();

    let mut after = kept.reopen();
    assert_eq!(after.session().now(), before.session().now());
    // The brokers need a moment to read their files; no consumer has processed anything by then.
    while !after.session().is_booted() {
        let soon = after.session().now() + Span::micros(100);
        kept.advance(&mut after, soon);
    }
    assert!(after.session().now() < before.session().now() + Span::millis(20));
    assert_eq!(log_ends(&after), log_ends(&before));
    let offsets = |groups: &[kafka::inspect::GroupState]| {
        let of = |group: &kafka::inspect::GroupState| {
            let all = group.offsets.iter().filter(|o| o.committed.is_some());
            all.map(|o| (o.partition.clone(), o.committed)).collect::<Vec<_>>()
        };
        groups.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(offsets(&after.session().kafka.groups()), offsets(&committed));
    let (ready_after, unacked_after) = queue(&after);
    // Acknowledgements are written with the next batch, every 200 ms; at 20 ms a message those of
    // at most 10 were not, and their messages are there again.
    let again = ready_after + unacked_after - (ready + unacked);
    assert!(again <= 10, "nothing that waited is gone, and {again} came again");

    // In the end everything is processed: nothing acknowledged was lost. The group first waits for
    // its dead member's session to end, 45 s.
    kept.run(&mut after, Command::RunFor(Span::seconds(45 + 30)));
    let figures = after.session().ledger().figures();
    assert_eq!((figures.kafka.processed, figures.kafka.lost), (1_000, 0));
    assert_eq!((figures.rabbit.processed, figures.rabbit.lost), (1_000, 0));
    assert!(figures.rabbit.duplicated <= 20, "what was unacked, or not written as acknowledged");
    after.session().check().expect("the invariants hold");
}

#[test]
fn recovering_equals_replaying_and_crashing_everything() {
    let mut kept = Kept::default();
    let mut replayed = lab(&kept);
    kept.save(&mut replayed);
    let before = log_ends(&replayed);
    let mut recovered = kept.reopen();
    kept.run(&mut replayed, Command::CrashAll);
    for ms in [0, 1, 5, 100, 1_000, 20_000] {
        let until = Time::from_micros(4_000_000 + ms * 1_000).max(replayed.session().now());
        kept.advance(&mut replayed, until);
        kept.advance(&mut recovered, until);
        load_all(&kept, &recovered);
        assert_eq!(
            recovered.session().fingerprint(),
            replayed.session().fingerprint(),
            "at {until}"
        );
    }
    assert_eq!(log_ends(&recovered), before, "the producer had sent all it was to send");
    assert_eq!(log_ends(&replayed), before);
}

/// A queue that two other nodes mirror: whichever is its master after the tab was closed has all
/// that was confirmed, and the state is that of a replay followed by a crash of every process.
#[test]
fn a_mirrored_queue_comes_back_on_its_master() {
    let mut kept = Kept::default();
    let (rabbit_version, cost) = ("3.11".into(), "lesson".into());
    let nodes = LabSpec { kafka_brokers: 1, controllers: 0, rabbit_nodes: 3, ..LabSpec::default() };
    let spec = LabSpec { rabbit_version, cost, ..nodes };
    let mut replayed = Timeline::new(&spec).expect("a lab opens");
    let all = rabbit::command::Argument::Text("all".into());
    let policy = rabbit::policy::Policy {
        name: "ha".into(),
        pattern: "^q".into(),
        apply_to: Default::default(),
        priority: 0,
        definition: [("ha-mode".to_owned(), all)].into_iter().collect(),
    };
    let policy = rabbit::command::Ask::SetPolicy { policy, operator: false };
    kept.run(&mut replayed, Command::Rabbit(policy));
    let queue_q = rabbit::command::Ask::DeclareQueue {
        queue: "q".into(),
        kind: "classic".into(),
        durable: true,
        auto_delete: false,
        arguments: Default::default(),
    };
    kept.run(&mut replayed, Command::Rabbit(queue_q));
    let producer = ProducerCommand {
        name: "p".into(),
        kafka: Vec::new(),
        rabbit: vec![RabbitTarget { exchange: String::new(), key: Some("q".into()) }],
        count: Some(300),
        every: Span::millis(1),
        size: Some(100),
        keys: Vec::new(),
        payload: None,
        settings: Default::default(),
    };
    kept.run(&mut replayed, Command::Producer(producer));
    kept.run(&mut replayed, Command::RunFor(Span::seconds(2)));
    kept.save(&mut replayed);
    let mut recovered = kept.reopen();
    kept.run(&mut replayed, Command::CrashAll);
    for seconds in [3, 10, 30] {
        for timeline in [&mut replayed, &mut recovered] {
            kept.advance(timeline, Time::from_micros(seconds * 1_000_000));
        }
        load_all(&kept, &recovered);
        let (one, other) = (recovered.session(), replayed.session());
        assert_eq!(one.fingerprint(), other.fingerprint(), "after {seconds} s");
    }
    assert_eq!(queue(&recovered), (300, 0));
    let mirrors = |timeline: &Timeline| {
        let queue = timeline.session().rabbit.queue("q").expect("it is there");
        (queue.mirrors.map_or(0, |mirrors| mirrors.len()), queue.synchronised.len())
    };
    assert_eq!(mirrors(&recovered), (2, 0), "mirrors begin with nothing");
    assert_eq!(recovered.session().ledger().figures().rabbit.lost, 0);
    recovered.session().check().expect("the invariants hold");
}

/// A fingerprint reads whole files.
fn load_all(kept: &Kept, timeline: &Timeline) {
    let session = timeline.session();
    let mut blocks = Vec::new();
    let mut look = |disk: &pushpull::sim::Disk| {
        for (_, file) in disk.iter() {
            blocks.extend(file.pieces().iter().map(|piece| piece.block.clone()));
        }
    };
    session.kafka.world.ids().for_each(|id| look(session.kafka.world.disk(id)));
    session.rabbit.world.ids().for_each(|id| look(session.rabbit.world.disk(id)));
    blocks.retain(|block| !block.is_resident());
    kept.load(&blocks);
}

#[test]
fn a_message_is_not_a_record_of_the_database() {
    let mut kept = Kept::default();
    let mut timeline = lab(&kept);
    let save = kept.save(&mut timeline);
    let bytes: usize = save.blocks.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(
        bytes > 200_000,
        "1,000 messages of 100 bytes on two sides are more than {bytes} bytes"
    );
    assert!(save.blocks.len() <= 4, "{} blocks for 2,000 messages", save.blocks.len());
    assert!(kept.save(&mut timeline).blocks.is_empty(), "what is saved is not written again");
}

#[test]
fn many_small_saves_do_not_leave_many_small_blocks() {
    let mut kept = Kept::default();
    let mut timeline = lab(&kept);
    for _ in 0..200 {
        kept.run(&mut timeline, Command::RunFor(Span::millis(50)));
        kept.save(&mut timeline);
    }
    let manifest = kept.manifest.as_ref().expect("it was saved");
    let files = manifest.nodes.iter().flat_map(|node| &node.files);
    let named: std::collections::BTreeSet<u64> =
        files.flat_map(|file| &file.pieces).map(|piece| piece.block).collect();
    assert!(named.len() <= 80, "{} stored blocks are in use", named.len());
    let mut again = kept.reopen();
    kept.run(&mut again, Command::RunFor(Span::seconds(30)));
    assert_eq!(again.session().ledger().figures().rabbit.processed, 1_000);
}

/// The files of `t-0` on each broker, whole.
fn replicas(timeline: &Timeline) -> Vec<Vec<u8>> {
    let world = &timeline.session().kafka.world;
    let brokers = world.ids().filter(|id| world.name(*id).starts_with("kafka-"));
    let logs = brokers.map(|id| {
        let files = world.disk(id).iter();
        let logs = files.filter(|(name, _)| name.contains("t-0/") && name.ends_with(".log"));
        logs.flat_map(|(_, file)| file.read(0, u64::MAX).expect("it is in memory").bytes())
            .collect()
    });
    logs.filter(|log: &Vec<u8>| !log.is_empty()).collect()
}

#[test]
fn replicas_are_stored_once_and_come_back_to_each() {
    let mut kept = Kept::default();
    let spec = LabSpec { kafka_brokers: 3, controllers: 1, ..LabSpec::default() };
    let mut timeline = Timeline::new(&spec).expect("a lab opens");
    let topic = kafka::command::Ask::CreateTopic {
        topic: "t".into(),
        partitions: Some(1),
        replication_factor: Some(3),
        assignment: Vec::new(),
        settings: Default::default(),
    };
    kept.run(&mut timeline, Command::Kafka(topic));
    let producer = ProducerCommand {
        name: "p".into(),
        kafka: vec!["t".into()],
        rabbit: Vec::new(),
        count: Some(2_000),
        every: Span::millis(1),
        size: Some(1_000),
        keys: Vec::new(),
        payload: None,
        settings: Default::default(),
    };
    kept.run(&mut timeline, Command::Producer(producer));
    // Halfway as well, so that blocks are merged with saved ones and with those of other files.
    let mut earlier = Vec::new();
    for _ in 0..4 {
        kept.run(&mut timeline, Command::RunFor(Span::millis(1_300)));
        kept.save(&mut timeline);
        earlier.push((timeline.session().now(), replicas(&timeline)));
    }
    let before = replicas(&timeline);
    let lens: Vec<_> = before.iter().map(Vec::len).collect();
    assert!(before.len() == 3 && before.iter().all(|log| *log == before[0]), "{lens:?}");
    assert!(before[0].len() > 2_000_000, "{} bytes for 2,000 records of 1,000", before[0].len());
    let manifest = kept.manifest.as_ref().expect("it was saved");
    let stored: usize = manifest.block_ids().iter().map(|id| kept.blocks[id].len()).sum();
    assert!(stored < 2 * before[0].len(), "{stored} bytes for three times {}", before[0].len());

    let again = kept.reopen();
    load_all(&kept, &again);
    assert_eq!(replicas(&again), before);
    for (at, logs) in earlier {
        timeline.seek(at);
        while !matches!(timeline.seek_on(1_000), Progress::Done(())) {}
        assert_eq!(replicas(&timeline), logs, "checkpoints follow what was shared");
    }
}

#[test]
fn a_lab_that_an_earlier_version_saved_keeps_the_ways_of_then() {
    for engine in ["0.1.0", "0.2.0", "0.3.0"] {
        let of_then = (engine != "0.3.0").then_some(engine);
        let mut kept = Kept::default();
        let spec = LabSpec { kafka_brokers: 3, controllers: 3, ..LabSpec::default() };
        kept.save(&mut Timeline::new(&spec).expect("a lab opens"));
        kept.manifest.as_mut().expect("it was saved").engine = engine.to_owned();
        let mut timeline = kept.reopen();
        // Saved again by this version it says so itself: in its line, and in each server's.
        kept.save(&mut timeline);
        let again = kept.reopen();
        let settings = &again.session().spec().settings;
        assert_eq!(settings.get("lab.engine").map(String::as_str), of_then, "{engine}");
        let manifest = kept.manifest.expect("it was saved");
        for (kind, setting) in [("controller-", "lab.engine"), ("rabbit-1", "lab_engine")] {
            for server in manifest.nodes.iter().filter(|node| node.name.starts_with(kind)) {
                let says = server.spec.contains(&format!(r#""{setting}":"{engine}""#));
                assert_eq!(says, of_then.is_some(), "{}: {}", server.name, server.spec);
            }
        }
    }
}
