//! The engine as a whole, through the facade, in a world where every way takes 1 ms and nothing
//! else takes time.

mod durability;
mod errors;
mod flow;
mod identity;
mod quorum;
mod room;

use super::Cluster;
use super::command::{AmqpError, Answer, Ask, Command, OutgoingMessage, Properties, RequestId};
use super::event::Event;
use super::inspect::ClientState;
use super::spec::{ConsumerSpec, OnError, PublisherSpec, Settings, Spec};
use crate::sim::{CostModel, Disk, Happening, MessageId, NodeId, Span, Step};
use std::ops::Range;

/// One broker, an admin client, and whoever a test adds.
#[derive(Clone)]
struct Lab {
    cluster: Cluster,
    rabbit: NodeId,
    admin: NodeId,
    asked: u64,
    told: Vec<Happening<Event>>,
}

impl Lab {
    fn new() -> Lab {
        Lab::with_cost("lesson")
    }

    fn with_cost(preset: &str) -> Lab {
        let cost = CostModel::preset(preset).expect("it is a preset");
        let mut cluster = Cluster::new(1, cost);
        let broker = Spec::Broker { number: 1, settings: Settings::new() };
        let rabbit = cluster.add("rabbit-1", broker, Disk::default());
        let admin = cluster.add("rabbit-admin", Spec::Admin, Disk::default());
        let mut lab = Lab { cluster, rabbit, admin, asked: 0, told: Vec::new() };
        lab.run(10);
        lab
    }

    /// Lets so many milliseconds pass.
    fn run(&mut self, ms: u64) {
        let until = self.cluster.world.now() + Span::millis(ms);
        while self.cluster.world.next_time().is_some_and(|next| next <= until) {
            assert!(matches!(self.cluster.world.step(), Step::Ran));
        }
        self.cluster.world.advance_to(until);
        self.told.extend(self.cluster.take_happenings());
    }

    fn ask(&mut self, ask: Ask) -> Result<Answer, AmqpError> {
        self.asked += 1;
        let wanted = RequestId(self.asked);
        self.cluster.command(self.admin, Command::Ask(wanted, ask));
        self.run(20);
        let mut answers = self.told.iter().filter_map(|happening| match &happening.event {
            Event::Answered { request, answer } if *request == wanted => Some(answer.clone()),
            _ => None,
        });
        answers.next().expect("it is answered")
    }

    fn declare(&mut self, queue: &str) {
        assert_eq!(self.ask(declare(queue, true)), Ok(Answer::Done));
    }

    fn publisher(&mut self, name: &str, settings: &[(&str, &str)]) -> NodeId {
        let settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let spec = PublisherSpec { name: name.to_owned(), settings: settings.collect() };
        let id = self.cluster.add(name, Spec::Publisher(spec), Disk::default());
        self.run(10);
        assert!(self.cluster.is_ready(id));
        id
    }

    /// A consumer of the queue `q`.
    fn consumer(&mut self, name: &str, change: impl FnOnce(&mut ConsumerSpec)) -> NodeId {
        let mut spec = ConsumerSpec {
            name: name.to_owned(),
            queue: "q".to_owned(),
            prefetch: 0,
            auto_ack: false,
            work_per_message: Span::millis(10),
            memory: 0,
            on_error: OnError::Requeue,
            effect: None,
            settings: Settings::new(),
        };
        change(&mut spec);
        let id = self.cluster.add(name, Spec::Consumer(spec), Disk::default());
        self.run(10);
        id
    }

    /// Publishes messages with these numbers to the queue `q` by the default exchange.
    fn publish(&mut self, publisher: NodeId, numbers: Range<u64>) {
        for number in numbers {
            self.cluster.command(publisher, Command::Publish(message(number, "q")));
        }
    }

    fn client(&self, name: &str) -> ClientState {
        let mut clients = self.cluster.clients().into_iter();
        clients.rfind(|client| client.name == name).expect("it is there")
    }

    /// Ready and unacknowledged messages of the queue `q`.
    fn queue(&self) -> (u64, u64) {
        let queues = self.cluster.queues();
        let queue = queues.iter().find(|queue| queue.name == "q").expect("it is there");
        (queue.ready, queue.unacked)
    }

    fn names(&self) -> Vec<&'static str> {
        self.told.iter().map(|happening| happening.event.name()).collect()
    }

    fn count(&self, name: &str) -> usize {
        self.names().into_iter().filter(|told| *told == name).count()
    }

    /// The numbers of messages that something is told of, in order.
    fn numbers(&self, of: impl Fn(&Event) -> Option<MessageId>) -> Vec<u64> {
        self.told.iter().filter_map(|told| of(&told.event)).map(|message| message.0).collect()
    }

    /// The messages that a consumer was delivered, and whether flagged, since `from` events.
    fn delivered(&self, name: &str, from: usize) -> Vec<(u64, bool)> {
        let told = self.told[from..].iter().filter_map(|told| match &told.event {
            Event::Delivered { client, message, redelivered, .. } if **client == *name => {
                Some((message.0, *redelivered))
            }
            _ => None,
        });
        told.collect()
    }

    /// Bytes in the files of the broker whose names begin so.
    fn disk_bytes(&self, prefix: &str) -> u64 {
        let disk = self.cluster.world.disk(self.rabbit);
        disk.with_prefix(prefix).map(|(_, file)| file.len()).sum()
    }

    fn restart(&mut self) {
        self.cluster.world.start(self.rabbit);
        self.run(10);
        assert!(self.cluster.is_ready(self.rabbit));
    }
}

fn declare(queue: &str, durable: bool) -> Ask {
    Ask::DeclareQueue {
        queue: queue.to_owned(),
        kind: "classic".to_owned(),
        durable,
        auto_delete: false,
        arguments: Default::default(),
    }
}

fn message(number: u64, key: &str) -> OutgoingMessage {
    OutgoingMessage {
        id: MessageId(number),
        exchange: "".into(),
        routing_key: key.into(),
        key: None,
        body: format!("message {number}").into_bytes().into(),
        properties: None,
    }
}
