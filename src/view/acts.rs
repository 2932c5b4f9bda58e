//! What buttons give: the command behind each. Every button shows it, and the terminal takes it.

use super::frame::Selection;
use super::scene::{Consumer, Health, Place, Scene};
use super::welcome::paused_consumer;

/// A command under its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What it does.
    pub verb: Verb,
    /// The line of the lab's language.
    pub command: String,
}

/// What can be done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It stands still.
    Pause,
    /// It goes on.
    Resume,
    /// It dies without a word.
    Crash,
    /// It ends politely.
    Stop,
    /// It starts again.
    Start,
    /// Its machine loses power.
    PowerCut,
    /// It is cut off from all others.
    Isolate,
    /// All faults of the network end.
    Heal,
}

impl Verb {
    /// Its word in the lab's language.
    pub fn word(self) -> &'static str {
        match self {
            Verb::Pause => "pause",
            Verb::Resume => "resume",
            Verb::Crash => "crash",
            Verb::Stop => "stop",
            Verb::Start => "start",
            Verb::PowerCut => "power-cut",
            Verb::Isolate => "isolate",
            Verb::Heal => "heal",
        }
    }
}

/// The producer that the send button speaks for, where no other one can.
const HAND: &str = "hand";

/// How long time passes after an act, so that one sees what comes of it.
pub const AFTERMATH: &str = "run 200ms";

/// Sends one message to both sides; `None` if there is nowhere to send to.
pub fn send(scene: &Scene) -> Option<String> {
    let idle = scene.producers.iter().find(|producer| {
        !producer.sending
            && producer.health == Health::Running
            && !(producer.topics.is_empty() && producer.exchanges.is_empty())
    });
    if let Some(producer) = idle {
        let exchanges: Vec<&(String, String)> = producer.exchanges.iter().collect();
        return Some(line(&producer.name, &producer.topics, &exchanges));
    }
    let topics: Vec<String> =
        scene.kafka.topics.first().map(|topic| topic.name.clone()).into_iter().collect();
    let queue = scene.rabbit.queues.first().map(|queue| (String::new(), queue.name.clone()));
    if topics.is_empty() && queue.is_none() {
        return None;
    }
    let name = if scene.producers.is_empty() { "p" } else { HAND };
    Some(line(name, &topics, &queue.iter().collect::<Vec<_>>()))
}

fn line(name: &str, topics: &[String], exchanges: &[&(String, String)]) -> String {
    let mut line = ["producer ", name].concat();
    for topic in topics {
        line += " --kafka ";
        line += topic;
    }
    for (exchange, key) in exchanges {
        line += " --rabbit ";
        line += exchange;
        if !key.is_empty() {
            line += "/";
            line += key;
        }
    }
    line + " --count 1"
}

/// Lets the Kafka consumer that stands still ask; `None` if none does.
pub fn fetch(scene: &Scene) -> Option<String> {
    paused_consumer(scene).map(|name| ["client ", name, " resume"].concat())
}

/// What can be done to the selected thing now.
pub fn menu(scene: &Scene, selection: &Selection) -> Vec<Act> {
    let Selection::Place(place) = selection else { return Vec::new() };
    let health_of = |consumers: &[Consumer], name: &str| {
        consumers.iter().find(|consumer| consumer.name == *name).map(|consumer| consumer.health)
    };
    let (program, name, health) = match place {
        Place::Producer(name) => {
            let found = scene.producers.iter().find(|producer| producer.name == *name);
            ("client", name, found.map(|producer| producer.health))
        }
        Place::KafkaConsumer(name) => ("client", name, health_of(&scene.kafka.consumers, name)),
        Place::RabbitConsumer(name) => ("client", name, health_of(&scene.rabbit.consumers, name)),
        Place::Broker(name) | Place::RabbitNode(name) => {
            let mut all = scene.kafka.brokers.iter().chain(&scene.rabbit.nodes);
            ("node", name, all.find(|server| server.name == *name).map(|server| server.health))
        }
        _ => return Vec::new(),
    };
    let verbs: &[Verb] = match health {
        None => return Vec::new(),
        Some(Health::Running | Health::Starting) => &[Verb::Pause, Verb::Stop, Verb::Crash],
        Some(Health::Paused) => &[Verb::Resume, Verb::Crash],
        Some(Health::Down | Health::Off | Health::OutOfMemory) => &[Verb::Start],
    };
    let act = |verb: Verb| {
        let command = match verb {
            Verb::Isolate => ["net isolate ", name].concat(),
            Verb::Heal => "net heal".to_owned(),
            verb => [program, " ", name, " ", verb.word()].concat(),
        };
        Act { verb, command }
    };
    let mut acts: Vec<Act> = verbs.iter().map(|verb| act(*verb)).collect();
    if program == "node" && verbs.len() > 1 {
        acts.push(act(Verb::PowerCut));
    }
    if verbs.len() > 1 {
        acts.push(act(Verb::Isolate));
        acts.push(act(Verb::Heal));
    }
    acts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::scene::{Producer, Queue, Topic};

    fn lab() -> Scene {
        let mut scene = Scene::default();
        scene.kafka.topics.push(Topic { name: "t".into(), ..Topic::default() });
        scene.rabbit.queues.push(Queue { name: "q".into(), ..Queue::default() });
        scene.kafka.consumers.push(Consumer {
            name: "ck".into(),
            health: Health::Paused,
            ..Consumer::default()
        });
        scene
    }

    #[test]
    fn the_send_button_sends_to_both_sides() {
        let mut scene = lab();
        assert_eq!(send(&scene).as_deref(), Some("producer p --kafka t --rabbit /q --count 1"));
        scene.producers.push(Producer {
            name: "p".into(),
            topics: vec!["t".into()],
            sending: true,
            ..Producer::default()
        });
        assert_eq!(send(&scene).as_deref(), Some("producer hand --kafka t --rabbit /q --count 1"));
        scene.producers[0].sending = false;
        assert_eq!(send(&scene).as_deref(), Some("producer p --kafka t --count 1"));
        assert_eq!(send(&Scene::default()), None);
    }

    #[test]
    fn the_fetch_button_is_there_for_a_consumer_that_stands_still() {
        let mut scene = lab();
        assert_eq!(fetch(&scene).as_deref(), Some("client ck resume"));
        scene.kafka.consumers[0].health = Health::Running;
        assert_eq!(fetch(&scene), None);
    }

    #[test]
    fn a_menu_holds_what_can_be_done_now() {
        let mut scene = lab();
        let selection = Selection::Place(Place::KafkaConsumer("ck".into()));
        let commands = |scene: &Scene| -> Vec<String> {
            menu(scene, &selection).into_iter().map(|act| act.command).collect()
        };
        assert_eq!(
            commands(&scene),
            ["client ck resume", "client ck crash", "net isolate ck", "net heal"]
        );
        scene.kafka.consumers[0].health = Health::Down;
        assert_eq!(commands(&scene), ["client ck start"]);
        assert!(menu(&scene, &Selection::Message(1)).is_empty());
    }
}
