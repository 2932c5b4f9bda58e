//! A lab of one broker, driven by hand.

use bytes::Bytes;
use pushpull::kafka::Cluster;
use pushpull::kafka::command::{Answer, ApiError, Ask, Command, OutgoingRecord, RequestId};
use pushpull::kafka::event::{Event, TopicPartition};
use pushpull::kafka::inspect::{ClientState, PartitionState};
use pushpull::kafka::spec::{
    BrokerSpec, CommitMode, ConsumerSpec, ProducerSpec, Reads, Settings, Spec,
};
use pushpull::sim::{CostModel, Disk, Happening, MessageId, NodeId, Span, Step, Time};

/// A cluster of one broker with an admin client, and everything that happened in it.
#[derive(Clone)]
pub struct Lab {
    pub cluster: Cluster,
    pub broker: NodeId,
    pub admin: NodeId,
    pub seen: Vec<Happening<Event>>,
    asked: u64,
}

/// Settings from pairs.
pub fn settings(pairs: &[(&str, &str)]) -> Settings {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A partition.
pub fn tp(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

/// A group's consumer that reads one topic and takes `work` for each record.
pub fn consumer(name: &str, topic: &str, group: &str, work: Span) -> ConsumerSpec {
    ConsumerSpec {
        name: name.to_owned(),
        reads: Reads::Group { group: group.to_owned(), topics: vec![topic.to_owned()] },
        work_per_batch: Span::ZERO,
        work_per_message: work,
        batch: None,
        commit: CommitMode::Auto,
        effect: None,
        is_share: false,
        to: None,
        stop_after: None,
        settings: settings(&[("auto.offset.reset", "earliest")]),
    }
}

impl Lab {
    /// With the cost model of lessons: every link 1 ms one way, the rest free.
    pub fn new(seed: u64) -> Lab {
        Lab::with(seed, "lesson", &[])
    }

    pub fn with(seed: u64, cost: &str, broker: &[(&str, &str)]) -> Lab {
        let cost = CostModel::preset(cost).expect("the preset exists");
        let mut cluster = Cluster::new(seed, cost);
        let spec = BrokerSpec { id: 1, settings: settings(broker) };
        let broker = cluster.add("kafka-1", Spec::Broker(spec), Disk::default());
        let admin = cluster.add("kafka-admin", Spec::Admin, Disk::default());
        let mut lab = Lab { cluster, broker, admin, seen: Vec::new(), asked: 0 };
        lab.run(Span::millis(200));
        lab
    }

    pub fn now(&self) -> Time {
        self.cluster.world.now()
    }

    /// One event; false if there is none before `until`.
    pub fn step(&mut self, until: Time) -> bool {
        match self.cluster.world.next_time() {
            Some(at) if at <= until => {
                assert!(matches!(self.cluster.world.step(), Step::Ran));
                self.seen.extend(self.cluster.take_happenings());
                true
            }
            _ => {
                self.cluster.world.advance_to(until);
                false
            }
        }
    }

    pub fn run(&mut self, span: Span) {
        let until = self.now() + span;
        while self.step(until) {}
    }

    /// Runs until an event of this kind is seen; panics after a minute.
    pub fn run_until(&mut self, what: &str, found: impl Fn(&Event) -> bool) -> Event {
        let until = self.now() + Span::seconds(60);
        let mut at = self.seen.len();
        loop {
            while at < self.seen.len() {
                if found(&self.seen[at].event) {
                    return self.seen[at].event.clone();
                }
                at += 1;
            }
            assert!(self.step(until), "a minute without: {what}\n{}", self.tail());
        }
    }

    fn tail(&self) -> String {
        let last = self.seen.iter().rev().take(12).rev();
        last.map(|seen| format!("{} {:?}\n", seen.at, seen.event)).collect()
    }

    pub fn ask(&mut self, ask: Ask) -> Result<Answer, ApiError> {
        self.asked += 1;
        let id = RequestId(self.asked);
        self.cluster.command(self.admin, Command::Ask(id, ask.into()));
        let is_it =
            |event: &Event| matches!(event, Event::Answered { request, .. } if *request == id);
        match self.run_until("the answer", is_it) {
            Event::Answered { answer, .. } => answer,
            _ => unreachable!(),
        }
    }

    pub fn create(&mut self, topic: &str, partitions: i32) {
        self.create_with(topic, partitions, &[]);
    }

    pub fn create_with(&mut self, topic: &str, partitions: i32, pairs: &[(&str, &str)]) {
        let ask = Ask::CreateTopic {
            topic: topic.to_owned(),
            partitions: Some(partitions),
            replication_factor: Some(1),
            assignment: Vec::new(),
            settings: settings(pairs),
        };
        assert_eq!(self.ask(ask), Ok(Answer::Done));
    }

    pub fn producer(&mut self, name: &str, pairs: &[(&str, &str)]) -> NodeId {
        let spec = ProducerSpec { name: name.to_owned(), settings: settings(pairs) };
        let id = self.cluster.add(name, Spec::Producer(spec), Disk::default());
        self.until_ready(id);
        id
    }

    pub fn consumer(&mut self, spec: ConsumerSpec) -> NodeId {
        let name = spec.name.clone();
        let id = self.cluster.add(&name, Spec::Consumer(spec), Disk::default());
        self.until_ready(id);
        id
    }

    pub fn until_ready(&mut self, id: NodeId) {
        let until = self.now() + Span::seconds(60);
        while !self.cluster.is_ready(id) {
            assert!(self.step(until), "not ready after a minute\n{}", self.tail());
        }
    }

    pub fn send(&mut self, producer: NodeId, id: u64, topic: &str) {
        self.send_to(producer, id, topic, None, &format!("m{id}"));
    }

    pub fn send_to(
        &mut self,
        producer: NodeId,
        id: u64,
        topic: &str,
        partition: Option<i32>,
        value: &str,
    ) {
        let record = OutgoingRecord {
            id: MessageId(id),
            topic: topic.into(),
            partition,
            key: None,
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: Vec::new(),
        };
        self.cluster.command(producer, Command::Send(record.into()));
    }

    pub fn partition(&self, topic: &str, number: i32) -> PartitionState {
        let topics = self.cluster.topics();
        let found = topics.into_iter().find(|found| found.name == topic).expect("the topic exists");
        found.partitions[number as usize].clone()
    }

    pub fn client(&self, name: &str) -> ClientState {
        let clients = self.cluster.clients();
        clients.into_iter().find(|client| client.name == name).expect("the client exists")
    }

    pub fn count(&self, name: &str) -> usize {
        self.seen.iter().filter(|seen| seen.event.name() == name).count()
    }

    /// When events of this name happened, in milliseconds after `from`.
    pub fn times(&self, name: &str, from: Time) -> Vec<u64> {
        let named = self.seen.iter().filter(|seen| seen.event.name() == name && seen.at >= from);
        named.map(|seen| seen.at.since(from).as_millis()).collect()
    }

    /// The messages that a client processed, in order.
    pub fn processed(&self, name: &str) -> Vec<u64> {
        let done = self.seen.iter().filter_map(|seen| match &seen.event {
            Event::Processed { client, message, .. } if **client == *name => Some(message.0),
            _ => None,
        });
        done.collect()
    }
}
