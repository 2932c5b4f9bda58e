//! A form makes the command that a person would type.

use super::*;
use crate::view::scene::{Consumer, Exchange, Queue, Server, Topic};

fn lab() -> Scene {
    let mut scene = Scene::default();
    scene.kafka.brokers = vec![Server::default(), Server::default()];
    scene.kafka.topics.push(Topic { name: "t1".into(), ..Topic::default() });
    scene.rabbit.queues.push(Queue { name: "q 1".into(), ..Queue::default() });
    scene.rabbit.exchanges.push(Exchange { name: "news".into(), ..Exchange::default() });
    scene.kafka.consumers.push(Consumer { name: "ck1".into(), ..Consumer::default() });
    scene
}

/// The command of a form as it stands at first.
fn first(form: Form, scene: &Scene) -> Option<String> {
    let answers: Vec<String> = form.asks().iter().map(|ask| form.first(*ask, scene)).collect();
    form.command(&answers, scene)
}

#[test]
fn a_form_makes_a_command_at_once() {
    let scene = lab();
    let commands: Vec<String> = FORMS.iter().filter_map(|form| first(*form, &scene)).collect();
    assert_eq!(
        commands,
        [
            "producer p1 --kafka t1 --rabbit '/q 1' --rate 10/s --size 100",
            "consumer ck2 --kafka t1 --group g --process 50ms",
            "consumer cr1 --rabbit 'q 1' --prefetch 10 --process 50ms",
            "kafka-topics --create --topic t2 --partitions 3 --replication-factor 2",
            "kafka-topics --alter --topic t1 --partitions 3",
            "rabbitmqadmin declare queue --name q1",
            "rabbitmqadmin declare exchange --name x1 --type direct",
            "rabbitmqadmin declare binding --source news --destination 'q 1' --destination-type queue",
            "node kafka-1 add",
            "node rabbit-1 add",
            "kafka-topics --delete --topic t1",
        ]
    );
}

#[test]
fn what_is_missing_makes_no_command() {
    let empty = Scene::default();
    let made: Vec<Form> = FORMS.into_iter().filter(|form| first(*form, &empty).is_some()).collect();
    assert_eq!(made, [Form::Topic, Form::Queue, Form::Exchange, Form::Broker, Form::Node]);
    assert_eq!(Form::Queue.command(&["  ".into(), "classic".into()], &empty), None);
}

#[test]
fn a_client_that_runs_begins_anew() {
    let mut scene = lab();
    let answers: Vec<String> = ["ck1", "t1", "g", "1s"].map(String::from).to_vec();
    let command = Form::KafkaConsumer.command(&answers, &scene);
    let line = "consumer ck1 --kafka t1 --group g --process 1s";
    assert_eq!(command.as_deref(), Some(&*["client ck1 stop\n", line].concat()));
    scene.kafka.consumers[0].health = Health::Down;
    assert_eq!(Form::KafkaConsumer.command(&answers, &scene).as_deref(), Some(line));
}

#[test]
fn only_what_was_changed_is_set() {
    let scene = lab();
    let answers = ["p", "t1", "", "500", "10", "a,b", "0", "20"].map(String::from);
    assert_eq!(
        Form::Producer.command(&answers, &scene).as_deref(),
        Some(
            "producer p --kafka t1 --rate 500/s --size 10 --keys a,b --set acks=0 --set linger.ms=20"
        )
    );
}

#[test]
fn every_first_answer_is_a_stop_of_its_slider() {
    let scene = lab();
    for form in FORMS {
        for ask in form.asks() {
            let first = form.first(*ask, &scene);
            assert!(ask.stops().is_empty() || ask.stops().contains(&&*first), "{ask:?} {first}");
        }
    }
}

#[test]
fn what_is_there_can_be_removed() {
    let mut scene = lab();
    let bound = |key: &str, to: &str| (key.to_owned(), to.to_owned());
    scene.rabbit.exchanges[0].bindings = vec![bound("a.*", "q 1"), bound("", "other")];
    let things = Ask::Thing.choices(&scene).unwrap_or_default();
    let remove = |thing: &str| {
        assert!(things.iter().any(|known| known == thing), "{thing} is not among {things:?}");
        Form::Remove.command(&[thing.to_owned()], &scene)
    };
    assert_eq!(remove("queue q 1").as_deref(), Some("rabbitmqadmin delete queue --name 'q 1'"));
    assert_eq!(
        remove("binding news → q 1 (a.*)").as_deref(),
        Some(
            "rabbitmqadmin delete binding --source news --destination-type queue \
             --destination 'q 1' --routing-key 'a.*'"
        )
    );
    assert_eq!(
        remove("binding news → other").as_deref(),
        Some(
            "rabbitmqadmin delete binding --source news --destination-type exchange \
             --destination other --routing-key ''"
        )
    );
    assert_eq!(remove("client ck1").as_deref(), Some("client ck1 stop"));
}
