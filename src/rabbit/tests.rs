//! The engine as a whole, through the facade, in a world where every way takes 1 ms and nothing
//! else takes time.

use super::Cluster;
use super::command::{AmqpError, Answer, Ask, Command, OutgoingMessage, Properties, RequestId};
use super::event::Event;
use super::spec::{ConsumerSpec, OnError, PublisherSpec, Settings, Spec};
use crate::sim::{CostModel, Disk, Happening, MessageId, NodeId, Span, Step, Time};

struct Lab {
    cluster: Cluster,
    rabbit: NodeId,
    admin: NodeId,
    asked: u64,
    told: Vec<Happening<Event>>,
}

impl Lab {
    fn new() -> Lab {
        let cost = CostModel::preset("lesson").expect("it is a preset");
        let mut cluster = Cluster::new(1, cost);
        let broker = Spec::Broker { number: 1, settings: Settings::new() };
        let rabbit = cluster.add("rabbit-1", broker, Disk::default());
        let admin = cluster.add("rabbit-admin", Spec::Admin, Disk::default());
        let mut lab = Lab { cluster, rabbit, admin, asked: 0, told: Vec::new() };
        lab.run(Span::millis(10));
        lab
    }

    fn run(&mut self, span: Span) {
        let until = self.cluster.world.now() + span;
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
        self.run(Span::millis(20));
        let answers = self.told.iter().rev().filter_map(|happening| match &happening.event {
            Event::Answered { request, answer } if *request == wanted => Some(answer.clone()),
            _ => None,
        });
        answers.last().expect("it is answered")
    }

    fn declare(&mut self, queue: &str) {
        let ask = Ask::DeclareQueue {
            queue: queue.to_owned(),
            kind: "classic".to_owned(),
            durable: true,
            auto_delete: false,
            arguments: Default::default(),
        };
        assert_eq!(self.ask(ask), Ok(Answer::Done));
    }

    fn publisher(&mut self, name: &str) -> NodeId {
        let spec = PublisherSpec { name: name.to_owned(), settings: Settings::new() };
        let id = self.cluster.add(name, Spec::Publisher(spec), Disk::default());
        self.run(Span::millis(10));
        assert!(self.cluster.is_ready(id));
        id
    }

    fn consumer(&mut self, name: &str, prefetch: u16, work_ms: u64) -> NodeId {
        let spec = ConsumerSpec {
            name: name.to_owned(),
            queue: "q".to_owned(),
            prefetch,
            auto_ack: false,
            work_per_message: Span::millis(work_ms),
            memory: 0,
            on_error: OnError::Requeue,
            effect: None,
            settings: Settings::new(),
        };
        self.cluster.add(name, Spec::Consumer(spec), Disk::default())
    }

    fn publish(&mut self, publisher: NodeId, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.cluster.command(publisher, Command::Publish(message(number, "q")));
        }
    }

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.told.iter().filter(|happening| wanted(&happening.event)).count()
    }

    fn queue(&self) -> (u64, u64) {
        let queues = self.cluster.queues();
        (queues[0].ready, queues[0].unacked)
    }
}

fn message(number: u64, key: &str) -> OutgoingMessage {
    OutgoingMessage {
        id: MessageId(number),
        exchange: String::new(),
        routing_key: key.to_owned(),
        key: None,
        body: format!("message {number}").into_bytes().into(),
        properties: Properties::default(),
    }
}

#[test]
fn a_message_goes_from_publisher_to_consumer_and_is_gone() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p");
    lab.consumer("c", 0, 5);
    lab.run(Span::millis(20));
    lab.publish(publisher, 0..1);
    lab.run(Span::millis(2));
    assert_eq!(lab.queue(), (0, 1));
    lab.run(Span::millis(20));
    assert_eq!(lab.queue(), (0, 0));
    let names: Vec<&str> = lab.told.iter().map(|happening| happening.event.name()).collect();
    let at = names.iter().position(|name| *name == "rabbit.published").expect("it was published");
    assert_eq!(
        names[at..],
        [
            "rabbit.published",
            "rabbit.routed",
            "rabbit.pushed",
            "rabbit.written",
            "rabbit.delivered",
            "rabbit.processing_started",
            "rabbit.confirmed",
            "rabbit.processed",
            "rabbit.acknowledged",
        ]
    );
}
