//! Why a thing is as it is: one sentence, made from what the picture shows.

use super::frame::Selection;
use super::scene::{Consumer, Health, Partition, Place, Queue, Scene};
use super::words::page::Page;
use super::words::{Language, fill, number};

/// Why the selected thing is as it is; `None` where nothing is to be explained.
pub fn why(scene: &Scene, selection: &Selection, language: Language) -> Option<String> {
    let t = Page::of(language);
    let Selection::Place(place) = selection else { return None };
    let named = |consumers: &[Consumer], name: &str| {
        consumers.iter().find(|consumer| consumer.name == *name).cloned()
    };
    match place {
        Place::KafkaConsumer(name) => {
            let consumer = named(&scene.kafka.consumers, name)?;
            down(consumer.health, t).or_else(|| Some(kafka_consumer(scene, &consumer, t)))
        }
        Place::RabbitConsumer(name) => {
            let consumer = named(&scene.rabbit.consumers, name)?;
            down(consumer.health, t).or_else(|| Some(rabbit_consumer(&consumer, t)))
        }
        Place::Partition(topic, index) => {
            let topic = scene.kafka.topics.iter().find(|known| known.name == *topic)?;
            let partition = topic.partitions.iter().find(|known| known.index == *index)?;
            partition_why(partition, t)
        }
        Place::Queue(name) => {
            let queue = scene.rabbit.queues.iter().find(|known| known.name == *name)?;
            Some(queue_why(scene, queue, t))
        }
        Place::Producer(name) => {
            let producer = scene.producers.iter().find(|known| known.name == *name)?;
            let open = producer.sent.saturating_sub(match producer.topics.is_empty() {
                true => producer.confirmed,
                false => producer.acknowledged,
            });
            down(producer.health, t).or_else(|| match producer.failed {
                0 if open > 0 => Some(fill(t.why_unanswered, &[("count", &number(open))])),
                0 => None,
                failed => Some(fill(t.why_failed, &[("count", &number(failed))])),
            })
        }
        Place::Broker(name) | Place::RabbitNode(name) => {
            let mut all = scene.kafka.brokers.iter().chain(&scene.rabbit.nodes);
            down(all.find(|server| server.name == *name)?.health, t)
        }
        _ => None,
    }
}

/// Why it does nothing at all.
fn down(health: Health, t: &Page) -> Option<String> {
    let sentence = match health {
        Health::Running => return None,
        Health::Starting => t.why_starting,
        Health::Paused => t.why_paused,
        Health::Down => t.why_down,
        Health::Off => t.why_off,
        Health::OutOfMemory => t.why_out_of_memory,
    };
    Some(sentence.to_owned())
}

fn kafka_consumer(scene: &Scene, consumer: &Consumer, t: &Page) -> String {
    if consumer.busy_until_us.is_some() {
        return fill(t.why_busy, &[("count", &number(consumer.held_count))]);
    }
    if consumer.parked_since_us.is_some() {
        return t.why_parked.to_owned();
    }
    let mates = scene.kafka.consumers.iter().filter(|other| other.group == consumer.group);
    let topics = scene.kafka.topics.iter().filter(|topic| consumer.reads.contains(&topic.name));
    let partitions: usize = topics.map(|topic| topic.partitions.len()).sum();
    if mates.count() > partitions && consumer.got == 0 {
        return t.why_idle.to_owned();
    }
    t.why_nothing.to_owned()
}

fn rabbit_consumer(consumer: &Consumer, t: &Page) -> String {
    let prefetch = u64::from(consumer.prefetch);
    if prefetch > 0 && consumer.unacked >= prefetch {
        return fill(t.why_prefetch, &[("count", &number(prefetch))]);
    }
    match consumer.held_count {
        0 => t.why_no_delivery.to_owned(),
        held if prefetch == 0 => fill(t.why_no_limit, &[("count", &number(held))]),
        held => fill(t.why_busy, &[("count", &number(held))]),
    }
}

fn partition_why(partition: &Partition, t: &Page) -> Option<String> {
    let hidden = partition.log_end.saturating_sub(partition.high_watermark);
    let out = partition.replicas.len().saturating_sub(partition.isr.len());
    match (&partition.leader, hidden, out) {
        (None, ..) => Some(t.why_no_leader.to_owned()),
        (_, hidden @ 1.., _) => Some(fill(t.why_hidden, &[("count", &number(hidden as u64))])),
        (_, _, out @ 1..) => Some(fill(t.why_not_in_sync, &[("count", &number(out as u64))])),
        _ => None,
    }
}

fn queue_why(scene: &Scene, queue: &Queue, t: &Page) -> String {
    let readers = scene.rabbit.consumers.iter().filter(|c| {
        c.reads.contains(&queue.name) && matches!(c.health, Health::Running | Health::Paused)
    });
    let (ready, unacked) = (number(queue.ready), number(queue.unacked));
    let sentence = match (queue.ready, queue.unacked, readers.count()) {
        (0, 0, _) if queue.delayed > 0 => t.why_delayed,
        (0, 0, _) => t.why_empty,
        (0, _, _) => t.why_all_unacked,
        (_, _, 0) => t.why_nobody,
        _ => t.why_ready,
    };
    let delayed = number(queue.delayed);
    fill(sentence, &[("ready", &ready), ("unacked", &unacked), ("delayed", &delayed)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(scene: &Scene, place: Place) -> Option<String> {
        why(scene, &Selection::Place(place), Language::English)
    }

    #[test]
    fn a_consumer_says_what_holds_it() {
        let mut scene = Scene::default();
        scene.rabbit.consumers.push(Consumer {
            name: "cr".into(),
            prefetch: 5,
            unacked: 5,
            held_count: 5,
            ..Consumer::default()
        });
        let place = || Place::RabbitConsumer("cr".into());
        assert!(of(&scene, place()).is_some_and(|text| text.contains("prefetch of 5")));
        scene.rabbit.consumers[0].health = Health::OutOfMemory;
        assert!(of(&scene, place()).is_some_and(|text| text.contains("memory")));
        assert_eq!(of(&scene, Place::RabbitConsumer("none".into())), None);
    }

    #[test]
    fn a_partition_explains_what_is_not_as_it_should_be() {
        let mut scene = Scene::default();
        let partition = Partition { leader: Some("kafka-1".into()), ..Partition::default() };
        let topic = crate::view::scene::Topic { name: "t".into(), partitions: vec![partition] };
        scene.kafka.topics.push(topic);
        let place = || Place::Partition("t".into(), 0);
        assert_eq!(of(&scene, place()), None);
        scene.kafka.topics[0].partitions[0].log_end = 3;
        assert!(of(&scene, place()).is_some_and(|text| text.contains("3 records")));
        scene.kafka.topics[0].partitions[0].leader = None;
        assert!(of(&scene, place()).is_some_and(|text| text.contains("leader")));
    }

    #[test]
    fn a_queue_without_readers_says_so() {
        let mut scene = Scene::default();
        scene.rabbit.queues.push(Queue { name: "q".into(), ready: 2, ..Queue::default() });
        let place = || Place::Queue("q".into());
        assert!(of(&scene, place()).is_some_and(|text| text.contains("Nobody")));
        scene.rabbit.consumers.push(Consumer { reads: vec!["q".into()], ..Consumer::default() });
        assert!(of(&scene, place()).is_some_and(|text| !text.contains("Nobody")));
    }
}
