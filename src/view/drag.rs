//! What can be taken by hand in the picture, where it may go, and the command that brings it
//! there. The forms of the inspector give the same commands.

use super::beside;
use super::change;
use super::forms::quoted;
use super::frame::Selection;
use super::scene::{Place, Scene};

/// What can be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grip {
    /// A replica of a partition: topic, partition, and the broker that has it.
    Replica(String, i32, i32),
    /// A consumer, of either side.
    Consumer(Place),
}

impl Grip {
    /// What it is called.
    pub fn name(&self) -> String {
        match self {
            Grip::Replica(_, _, broker) => server(broker),
            Grip::Consumer(Place::KafkaConsumer(name) | Place::RabbitConsumer(name)) => {
                name.clone()
            }
            Grip::Consumer(_) => String::new(),
        }
    }

    /// What is selected by it.
    pub fn selection(&self) -> Selection {
        Selection::Place(match self {
            Grip::Replica(topic, index, _) => Place::Partition(topic.clone(), *index),
            Grip::Consumer(place) => place.clone(),
        })
    }

    /// What it is called where it goes: a broker, a topic, a queue. `None` if it may not go there.
    pub fn goes_to(&self, scene: &Scene, place: &Place) -> Option<String> {
        match (self, place) {
            (Grip::Replica(..), Place::Broker(name)) => {
                let (_, elsewhere) = change::replicas(scene, &self.selection())?;
                elsewhere.iter().any(|id| server(id) == *name).then(|| name.clone())
            }
            (Grip::Consumer(own), Place::Partition(name, _) | Place::Queue(name)) => {
                let is_kafka = matches!(place, Place::Partition(..));
                (is_kafka == matches!(own, Place::KafkaConsumer(_))
                    && others(scene, own).contains(name))
                .then(|| name.clone())
            }
            _ => None,
        }
    }

    /// True if there is somewhere to go.
    pub fn can_move(&self, scene: &Scene) -> bool {
        match self {
            Grip::Replica(..) => change::replicas(scene, &self.selection())
                .is_some_and(|(_, elsewhere)| !elsewhere.is_empty()),
            Grip::Consumer(own) => !others(scene, own).is_empty(),
        }
    }

    /// The command that moves it to this place, if it may go there.
    pub fn command(&self, scene: &Scene, recorded: &[String], to: &Place) -> Option<String> {
        let name = self.goes_to(scene, to)?;
        match self {
            Grip::Replica(_, _, from) => {
                let to = name.strip_prefix("kafka-")?;
                change::move_replica(scene, &self.selection(), &from.to_string(), to)
            }
            Grip::Consumer(own) => assign(scene, recorded, own, &name),
        }
    }
}

fn server(id: &impl ToString) -> String {
    ["kafka-", &id.to_string()].concat()
}

/// The topics or queues that a consumer could read instead of what it reads.
pub fn others(scene: &Scene, consumer: &Place) -> Vec<String> {
    let (consumers, name, all): (_, _, Vec<&String>) = match consumer {
        Place::KafkaConsumer(name) => {
            let topics = scene.kafka.topics.iter().filter(|topic| !topic.partitions.is_empty());
            (&scene.kafka.consumers, name, topics.map(|topic| &topic.name).collect())
        }
        Place::RabbitConsumer(name) => {
            let queues = scene.rabbit.queues.iter();
            (&scene.rabbit.consumers, name, queues.map(|queue| &queue.name).collect())
        }
        _ => return Vec::new(),
    };
    let Some(own) = consumers.iter().find(|known| known.name == *name) else { return Vec::new() };
    let is_other = |name: &&String| own.reads.len() != 1 || own.reads[0] != **name;
    all.into_iter().filter(is_other).cloned().collect()
}

/// The lines that have a consumer begin anew, with this topic or queue: as it was begun before,
/// for all else. `None` if no recorded line tells how that was.
pub fn assign(scene: &Scene, recorded: &[String], own: &Place, to: &str) -> Option<String> {
    let selection = Selection::Place(own.clone());
    let line = beside::line_of(&selection, recorded)?;
    let option = if matches!(own, Place::KafkaConsumer(_)) { "--kafka" } else { "--rabbit" };
    let line = beside::with_option(line, option, &quoted(to));
    Some(beside::anew(&selection, scene, &line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::scene::{Consumer, Health, Partition, Queue, Replica, Server, Topic};

    fn lab() -> Scene {
        let mut scene = Scene::default();
        for name in ["kafka-1", "kafka-2", "kafka-3", "controller-1"] {
            scene.kafka.brokers.push(Server { name: name.into(), ..Server::default() });
        }
        for name in ["a", "b"] {
            let replicas = vec![Replica { broker: 1, ..Replica::default() }];
            let partition = Partition { replicas, ..Partition::default() };
            scene.kafka.topics.push(Topic { name: name.into(), partitions: vec![partition] });
            scene.rabbit.queues.push(Queue { name: [name, " q"].concat(), ..Queue::default() });
        }
        let consumer = |name: &str, reads: &str| Consumer {
            name: name.into(),
            health: Health::Running,
            reads: vec![reads.into()],
            ..Consumer::default()
        };
        scene.kafka.consumers.push(consumer("ck", "a"));
        scene.rabbit.consumers.push(consumer("cr", "a q"));
        scene
    }

    fn recorded() -> Vec<String> {
        ["consumer ck --kafka a --group g", "consumer cr --rabbit 'a q' --prefetch 2"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn a_replica_goes_to_a_broker_that_has_none() {
        let (scene, grip) = (lab(), Grip::Replica("a".into(), 0, 1));
        let to = |name: &str| {
            grip.command(&scene, &recorded(), &Place::Broker(name.into())).unwrap_or_default()
        };
        assert!(grip.can_move(&scene));
        assert!(to("kafka-3").contains("\"replicas\":[3]"), "{}", to("kafka-3"));
        assert_eq!((to("kafka-1"), to("controller-1")), (String::new(), String::new()));
        assert_eq!(grip.command(&scene, &recorded(), &Place::Queue("b q".into())), None);
    }

    #[test]
    fn a_consumer_goes_to_what_it_does_not_read() {
        let scene = lab();
        let ck = Grip::Consumer(Place::KafkaConsumer("ck".into()));
        let cr = Grip::Consumer(Place::RabbitConsumer("cr".into()));
        let partition = |topic: &str| Place::Partition(topic.into(), 0);
        assert_eq!(
            ck.command(&scene, &recorded(), &partition("b")).as_deref(),
            Some("client ck stop\nconsumer ck --kafka b --group g")
        );
        assert_eq!(
            cr.command(&scene, &recorded(), &Place::Queue("b q".into())).as_deref(),
            Some("client cr stop\nconsumer cr --rabbit 'b q' --prefetch 2")
        );
        assert_eq!(ck.command(&scene, &recorded(), &partition("a")), None, "it reads that");
        assert_eq!(ck.command(&scene, &recorded(), &Place::Queue("b q".into())), None);
        assert_eq!(cr.command(&scene, &recorded(), &partition("b")), None);
        assert_eq!(ck.command(&scene, &[], &partition("b")), None, "nobody knows how it began");
    }
}
