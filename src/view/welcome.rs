//! The first half minute of a first visit: send a message, let the Kafka consumer ask for it, slow
//! both consumers down and see where messages pile up. What is right is decided by the lab.

use super::scene::{Health, Scene};

/// The lab of a first visit: both consumers are connected; Kafka's stands still and asks nothing.
pub const SCRIPT: &str = "\
lab new --kafka-brokers 1 --cost lesson
kafka-topics --create --topic t --partitions 1
rabbitmqadmin declare queue --name q
consumer ck --kafka t --group g --set auto.offset.reset=earliest
consumer cr --rabbit q
run 5s
client ck pause
run 1s
";

/// Acts of the first half minute, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Act {
    /// Nothing was sent yet.
    #[default]
    Send,
    /// RabbitMQ has pushed; Kafka waits to be asked.
    Fetch,
    /// Where will messages pile up?
    Bet,
    /// Time runs.
    Watch,
    /// It is decided.
    Decided,
}

/// Where messages can pile up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pile {
    /// At the broker.
    Broker,
    /// In the consumer's memory.
    Consumer,
    /// Nowhere.
    Nowhere,
}

/// All answers, in the order in which they stand.
pub const PILES: [Pile; 3] = [Pile::Broker, Pile::Consumer, Pile::Nowhere];

/// What is run once a bet is made: both consumers become slow, and messages keep coming.
pub const SLOW: &str = "\
client ck stop
client cr stop
run 1s
consumer ck --kafka t --group g --process 2s --set max.poll.records=1 --set max.partition.fetch.bytes=1
consumer cr --rabbit q --process 2s --memory 1300
run 1s
producer p --kafka t --rabbit /q --count 16 --rate 2/s --size 100
";

/// Virtual time from the bet to the decision, in microseconds.
pub const WATCH_US: u64 = 9_000_000;

/// Where messages pile up now on the RabbitMQ side, as the lab has it.
pub fn rabbit_pile(scene: &Scene) -> Pile {
    let held: u64 = scene.rabbit.consumers.iter().map(|consumer| consumer.held_count).sum();
    let ready: u64 = scene.rabbit.queues.iter().map(|queue| queue.ready).sum();
    // One in work is no pile.
    match (held > 1, ready) {
        (true, ready) if held > ready => Pile::Consumer,
        (_, ready) if ready > 0 => Pile::Broker,
        _ => Pile::Nowhere,
    }
}

/// Messages in the memory of RabbitMQ's consumers, and records that wait in Kafka's log.
pub fn piles(scene: &Scene) -> (u64, u64) {
    let held = scene.rabbit.consumers.iter().map(|consumer| consumer.held_count).sum();
    let partitions = scene.kafka.topics.iter().flat_map(|topic| &topic.partitions);
    let lag: i64 = partitions.flat_map(|p| &p.carets).map(|caret| caret.lag).sum();
    (held, lag.max(0) as u64)
}

/// The Kafka consumer that stands still, if one does: it is waiting to be sent asking.
pub fn paused_consumer(scene: &Scene) -> Option<&str> {
    let mut consumers = scene.kafka.consumers.iter();
    consumers.find(|consumer| consumer.health == Health::Paused).map(|c| c.name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::scene::{Consumer, Queue};

    #[test]
    fn the_lab_decides_where_the_pile_is() {
        let mut scene = Scene::default();
        assert_eq!(rabbit_pile(&scene), Pile::Nowhere);
        scene.rabbit.queues.push(Queue { ready: 3, ..Queue::default() });
        assert_eq!(rabbit_pile(&scene), Pile::Broker);
        scene.rabbit.consumers.push(Consumer { held_count: 9, ..Consumer::default() });
        assert_eq!(rabbit_pile(&scene), Pile::Consumer);
        scene.rabbit.consumers[0].held_count = 1;
        scene.rabbit.queues[0].ready = 0;
        assert_eq!(rabbit_pile(&scene), Pile::Nowhere);
    }
}
