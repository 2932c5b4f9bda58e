//! Random faults on a cluster of three brokers, judged from outside: what every replica, every
//! acknowledgement and every consumer may show at any instant, and what is there in the end.

use bytes::Bytes;
use pushpull::kafka::Cluster;
use pushpull::kafka::command::{Ask, Command, OutgoingRecord, RequestId};
use pushpull::kafka::event::{Event, TopicPartition};
use pushpull::kafka::spec::{
    BrokerSpec, CommitMode, ConsumerSpec, ControllerSpec, ProducerSpec, Reads, Settings, Spec,
    StartAt,
};
use pushpull::ordered::BTreeSet;
use pushpull::sim::{CostModel, Disk, MessageId, NodeId, Span, Status, Step, Stream};
use std::collections::BTreeMap;

/// A cluster under faults, and what has been seen of it.
struct Trial {
    seed: u64,
    cluster: Cluster,
    brokers: Vec<NodeId>,
    producer: NodeId,
    chance: Stream,
    acknowledged: BTreeSet<u64>,
    sent: u64,
    /// Who led each partition in each epoch.
    led: BTreeMap<(String, i32), i32>,
    /// What the consumer found at each offset.
    consumed: BTreeMap<i64, u64>,
    /// The largest epoch that each replica has known.
    epochs: BTreeMap<i32, i32>,
    counts: BTreeMap<&'static str, u64>,
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Trial {
    fn new(seed: u64) -> Trial {
        let cost = CostModel::preset("lesson").expect("the preset exists");
        let mut cluster = Cluster::new(seed, cost);
        let own = settings(&[("replica.lag.time.max.ms", "5000")]);
        let controller = ControllerSpec { id: 3001, settings: own.clone() };
        cluster.add("controller-1", Spec::Controller(controller), Disk::default());
        let brokers = (1..=3).map(|id| {
            let spec = BrokerSpec { id, settings: own.clone() };
            cluster.add(&format!("kafka-{id}"), Spec::Broker(spec), Disk::default())
        });
        let brokers: Vec<NodeId> = brokers.collect();
        let admin = cluster.add("kafka-admin", Spec::Admin, Disk::default());
        let spec = ProducerSpec {
            name: "p".into(),
            settings: settings(&[("acks", "all"), ("delivery.timeout.ms", "300000")]),
        };
        let producer = cluster.add("p", Spec::Producer(spec), Disk::default());
        let mut trial = Trial {
            seed,
            cluster,
            brokers,
            producer,
            chance: Stream::named(seed, "trial"),
            acknowledged: BTreeSet::new(),
            sent: 0,
            led: BTreeMap::new(),
            consumed: BTreeMap::new(),
            epochs: BTreeMap::new(),
            counts: BTreeMap::new(),
        };
        trial.run(Span::millis(500));
        let ask = Ask::CreateTopic {
            topic: "t".into(),
            partitions: Some(1),
            replication_factor: Some(3),
            assignment: Vec::new(),
            settings: settings(&[("min.insync.replicas", "2")]),
        };
        trial.cluster.command(admin, Command::Ask(RequestId(1), ask.into()));
        trial.run(Span::millis(500));
        let consumer = ConsumerSpec {
            name: "c".into(),
            reads: Reads::Assigned { topic: "t".into(), partition: None, from: StartAt::Earliest },
            work_per_batch: Span::ZERO,
            work_per_message: Span::ZERO,
            batch: None,
            commit: CommitMode::Never,
            effect: None,
            is_share: false,
            to: None,
            stop_after: None,
            settings: settings(&[("auto.offset.reset", "earliest")]),
        };
        trial.cluster.add("c", Spec::Consumer(consumer), Disk::default());
        trial
    }

    fn run(&mut self, span: Span) {
        let until = self.cluster.world.now() + span;
        let mut steps = 0u32;
        while self.cluster.world.next_time().is_some_and(|at| at <= until) {
            assert!(matches!(self.cluster.world.step(), Step::Ran));
            self.listen();
            steps += 1;
            if steps.is_multiple_of(7) {
                self.check();
            }
        }
        self.cluster.world.advance_to(until);
    }

    fn listen(&mut self) {
        for happening in self.cluster.take_happenings() {
            match happening.event {
                Event::ProduceAcknowledged { messages, .. } => {
                    self.acknowledged.extend(messages.iter().map(|message| message.0));
                }
                // No consumer sees two different records at one offset.
                Event::Processed { offset, message, .. } => {
                    let before = self.consumed.insert(offset, message.0);
                    let seed = self.seed;
                    assert!(
                        before.is_none_or(|before| before == message.0),
                        "seed {seed}: offset {offset} was {before:?} and is {message}"
                    );
                }
                Event::LeaderElected { leader: Some(_), .. } => self.count("elected"),
                Event::LogTruncated { .. } => self.count("truncated"),
                Event::IsrChanged { .. } => self.count("isr"),
                _ => {}
            }
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// What holds at every instant.
    fn check(&mut self) {
        let seed = self.seed;
        let topics = self.cluster.topics();
        for partition in topics.iter().flat_map(|topic| &topic.partitions) {
            for log in &partition.logs {
                assert!(
                    log.log_start <= log.high_watermark && log.high_watermark <= log.log_end,
                    "seed {seed}: log start <= high watermark <= log end: {log:?}"
                );
                let known = self.epochs.entry(log.broker).or_insert(-1);
                if log.is_up && log.leader_epoch >= 0 {
                    assert!(log.leader_epoch >= *known, "seed {seed}: an epoch fell: {log:?}");
                    *known = log.leader_epoch;
                }
                if log.leads {
                    let key = (partition.partition.to_string(), log.leader_epoch);
                    let leader = *self.led.entry(key).or_insert(log.broker);
                    assert_eq!(leader, log.broker, "seed {seed}: two leaders of one epoch");
                }
            }
        }
    }

    fn send(&mut self) {
        let record = OutgoingRecord {
            id: MessageId(self.sent),
            topic: "t".into(),
            partition: Some(0),
            key: None,
            value: Some(Bytes::from_static(b"value")),
            headers: Vec::new(),
        };
        self.sent += 1;
        self.cluster.command(self.producer, Command::Send(record.into()));
    }

    /// One fault, or its end.
    fn fault(&mut self, power_cuts: bool) {
        let broker = self.brokers[self.chance.below(3) as usize];
        let world = &mut self.cluster.world;
        let dice = self.chance.below(10);
        match (world.status(broker), dice) {
            (Status::Running, 0 | 1) => world.crash(broker),
            (Status::Running, 2) => world.pause(broker),
            (Status::Running, 3) if power_cuts => {
                let machine = world.machine(broker);
                world.power_cut(machine);
            }
            // What a clean stop keeps of a producer is its last batch, as in the real one: a retry
            // of an earlier batch may then stand twice. So it is not part of the strict trial.
            (Status::Running, 4) if power_cuts => world.stop(broker),
            (Status::Running, 4 | 5) => {
                let others: BTreeSet<NodeId> =
                    self.brokers.iter().copied().filter(|id| *id != broker).collect();
                world.change_network(|network| network.partition([broker].into(), others));
            }
            (_, 6 | 7) => world.change_network(|network| network.heal()),
            (Status::Paused, _) => world.resume(broker),
            (Status::Down | Status::Off, _) => world.start(broker),
            _ => {}
        }
    }

    /// Everything works again, and time passes.
    fn heal(&mut self) {
        self.cluster.world.change_network(|network| network.heal());
        for broker in self.brokers.clone() {
            match self.cluster.world.status(broker) {
                Status::Paused => self.cluster.world.resume(broker),
                _ => self.cluster.world.start(broker),
            }
        }
        self.run(Span::seconds(90));
        self.check();
    }

    fn storm(&mut self, power_cuts: bool) {
        for _ in 0..40 {
            for _ in 0..self.chance.below(12) {
                self.send();
                self.run(Span::millis(30));
            }
            self.fault(power_cuts);
            let pause = self.chance.below(4_000);
            self.run(Span::millis(pause));
        }
        self.heal();
    }

    /// The records of a replica, by offset.
    fn records(&self, broker: i32) -> BTreeMap<i64, u64> {
        let partition = TopicPartition::new("t", 0);
        let found = self.cluster.glimpse_at(broker, &partition, 0, i64::MAX);
        found.iter().filter_map(|r| Some((r.offset, r.message?.0))).collect()
    }

    /// All replicas have the same records; returns them.
    fn matching(&self) -> BTreeMap<i64, u64> {
        let first = self.records(1);
        for broker in [2, 3] {
            assert_eq!(self.records(broker), first, "seed {}: broker {broker}", self.seed);
        }
        first
    }

    fn has_leader(&self) -> bool {
        let topics = self.cluster.topics();
        let found = topics.iter().find(|topic| topic.name == "t");
        found.is_some_and(|topic| topic.partitions[0].leader.is_some())
    }
}

#[test]
fn what_was_acknowledged_by_all_survives_crashes_pauses_and_partitions() {
    let (mut judged, mut elected, mut truncated) = (0, 0, 0);
    for seed in 1..=8 {
        let mut trial = Trial::new(seed);
        trial.storm(false);
        elected += trial.counts.get("elected").copied().unwrap_or(0);
        truncated += trial.counts.get("truncated").copied().unwrap_or(0);
        // After several unclean stops nobody may be eligible: then nothing is decided by itself.
        if !trial.has_leader() {
            continue;
        }
        judged += 1;
        let records = trial.matching();
        let kept: BTreeSet<u64> = records.values().copied().collect();
        let lost: Vec<&u64> = trial.acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
        // Idempotence: each message once.
        assert_eq!(kept.len(), records.len(), "seed {seed}: a message stands twice");
        let seen = trial.consumed.iter().all(|(offset, message)| records[offset] == *message);
        assert!(seen, "seed {seed}: a consumer saw what is not there");
        assert!(trial.acknowledged.len() > 20, "seed {seed}: hardly anything was acknowledged");
    }
    assert!(judged >= 4, "only {judged} seeds had a leader in the end");
    assert!(elected >= 8 && truncated >= 1, "{elected} elections, {truncated} truncations");
}

#[test]
fn logs_match_after_power_cuts() {
    let mut judged = 0;
    for seed in 21..=24 {
        let mut trial = Trial::new(seed);
        for _ in 0..40 {
            trial.send();
            trial.run(Span::millis(20));
            trial.fault(true);
            let pause = trial.chance.below(3_000);
            // What a consumer saw may be lost with the power.
            trial.consumed.clear();
            trial.run(Span::millis(pause));
        }
        trial.consumed.clear();
        trial.heal();
        if trial.has_leader() {
            judged += 1;
            trial.matching();
        }
    }
    assert!(judged >= 1, "no seed had a leader in the end");
}
