//! The picture at every width, density and language: nothing leaves it, nothing overlaps.

use super::*;
use crate::view::scene::{
    Caret, Consumer, Exchange, Health, LogCell, Mover, MoverKind, Partition, Producer, Queue,
    QueueCell, Replica, Server, Topic,
};

fn options(width: i32, lanes: Lanes) -> Options {
    let language = Language::Korean;
    Options { width, lanes, language, selected: None, beckons: false, bet: None }
}

/// A lab with so many messages on both sides.
fn lab(messages: u64, partitions: i32, consumers: usize) -> Scene {
    let cells = messages.min(300);
    let mut scene = Scene::default();
    scene.producers.push(Producer {
        name: "p".into(),
        topics: vec!["orders".into()],
        exchanges: vec![(String::new(), "q".into())],
        sent: messages,
        last_message: messages.checked_sub(1),
        ..Producer::default()
    });
    scene.kafka.brokers.push(Server { name: "kafka-1".into(), health: Health::Running });
    scene.kafka.records = messages;
    scene.kafka.topics.push(Topic {
        name: "orders".into(),
        partitions: (0..partitions)
            .map(|index| Partition {
                index,
                leader: Some("kafka-1".into()),
                isr: vec![1],
                replicas: vec![Replica { broker: 1, high_watermark: 0, log_end: 0 }],
                high_watermark: messages as i64,
                log_end: messages as i64,
                cells: (messages - cells..messages)
                    .map(|m| LogCell {
                        offset: m as i64,
                        message: Some(m),
                        key: None,
                        visible: true,
                    })
                    .collect(),
                carets: vec![Caret {
                    group: "g".into(),
                    committed: Some(messages as i64 / 2),
                    position: None,
                    lag: (messages - messages / 2) as i64,
                }],
                ..Partition::default()
            })
            .collect(),
    });
    scene.rabbit.nodes.push(Server { name: "rabbit-1".into(), health: Health::Running });
    scene.rabbit.messages = messages;
    scene.rabbit.exchanges.push(Exchange {
        name: String::new(),
        kind: "direct".into(),
        bindings: vec![("q".into(), "q".into())],
    });
    scene.rabbit.queues.push(Queue {
        name: "q".into(),
        kind: "classic".into(),
        durable: true,
        ready: messages / 2,
        unacked: messages - messages / 2,
        delayed: 0,
        cells: (0..cells)
            .map(|m| QueueCell {
                position: m,
                message: m,
                key: None,
                unacked: m < messages / 2,
                delayed: false,
                redelivered: false,
            })
            .collect(),
        bytes: 0,
    });
    for index in 0..consumers {
        let consumer = |prefix: &str| Consumer {
            name: [prefix, &index.to_string()].concat(),
            held_count: messages,
            ..Consumer::default()
        };
        scene.kafka.consumers.push(consumer("ck"));
        scene.rabbit.consumers.push(consumer("cr"));
    }
    scene
}

fn every_picture(check: impl Fn(&str, &Picture)) {
    for width in [280, 300, 328, 448, 599, 600, 680, 768, 900, 1_280, 2_000] {
        for messages in [0, 1, 5, 30, 31, 300, 301, 3_000, 10_000_000] {
            for (partitions, consumers) in [(1, 1), (3, 3), (6, 8), (0, 0)] {
                for lanes in [Lanes::Both, Lanes::Kafka, Lanes::Rabbit] {
                    let scene = lab(messages, partitions, consumers);
                    let name = format!(
                        "{width} px, {messages} messages, {partitions} partitions, {lanes:?}"
                    );
                    check(&name, &picture(&scene, &options(width, lanes)));
                }
            }
        }
    }
}

#[test]
fn nothing_leaves_the_picture() {
    every_picture(|name, picture| {
        let all = Rect::new(-6, 0, picture.width + 12, picture.height + 6);
        let inside = |rect: &Rect| {
            rect.x >= all.x
                && rect.right() <= all.right()
                && rect.y >= all.y
                && rect.bottom() <= all.bottom()
        };
        for part in &picture.parts {
            for shape in &part.shapes {
                if let Shape::Rect { class, rect, .. } = shape {
                    let rect = Rect::new(rect.x + part.at.x, rect.y + part.at.y, rect.w, rect.h);
                    assert!(inside(&rect), "{name}: {} {class} {rect:?}", part.key);
                    assert!(rect.w >= 0 && rect.h >= 0, "{name}: {} {class} {rect:?}", part.key);
                }
            }
        }
        for hit in &picture.hits {
            assert!(inside(&hit.rect), "{name}: {} {:?}", hit.key, hit.rect);
        }
    });
}

#[test]
fn what_can_be_pressed_is_large_enough_and_has_a_name() {
    every_picture(|name, picture| {
        for hit in &picture.hits {
            assert!(hit.rect.w >= 24 && hit.rect.h >= 24, "{name}: {} {:?}", hit.key, hit.rect);
            assert!(!hit.label.is_empty(), "{name}: {}", hit.key);
        }
    });
}

#[test]
fn keys_are_unique() {
    every_picture(|name, picture| {
        let mut keys: Vec<&str> = picture.parts.iter().map(|part| part.key.as_str()).collect();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count, "{name}");
    });
}

#[test]
fn words_do_not_leave_the_picture() {
    every_picture(|name, picture| {
        for part in &picture.parts {
            for shape in &part.shapes {
                if let Shape::Text { at, anchor, text, class } = shape {
                    let w = text_width(text, if *class == "title" { 14 } else { 12 });
                    let left = part.at.x + at.x
                        - match anchor {
                            Anchor::Start => 0,
                            Anchor::Middle => w / 2,
                            Anchor::End => w,
                        };
                    assert!(
                        left >= -4 && left + w <= picture.width + 8,
                        "{name}: {} \"{text}\" from {left} to {}",
                        part.key,
                        left + w
                    );
                }
            }
        }
    });
}

#[test]
fn many_messages_are_few_shapes() {
    every_picture(|name, picture| {
        let shapes: usize = picture.parts.iter().map(|part| part.shapes.len()).sum();
        assert!(shapes <= 700, "{name}: {shapes} shapes");
    });
}

#[test]
fn the_same_scene_gives_the_same_picture() {
    let scene = lab(40, 2, 2);
    assert_eq!(
        picture(&scene, &options(800, Lanes::Both)),
        picture(&scene, &options(800, Lanes::Both))
    );
}

fn mover(kind: MoverKind, kafka: bool, from: Place, to: Place, times: (u64, u64)) -> Mover {
    Mover {
        id: times.0 * 10 + u64::from(kafka),
        kafka,
        kind,
        from,
        to,
        sent_us: times.0,
        arrives_us: times.1,
        messages: vec![0],
        count: 1,
        name: String::new(),
    }
}

#[test]
fn a_chain_of_causes_moves_one_after_another() {
    let scene = lab(1, 1, 1);
    let shown = picture(&scene, &options(900, Lanes::Both));
    let producer = || Place::Producer("p".into());
    let node = || Place::RabbitNode("rabbit-1".into());
    let consumer = || Place::RabbitConsumer("cr0".into());
    let arrived = [
        mover(MoverKind::Send, true, producer(), Place::Broker("kafka-1".into()), (0, 1_000)),
        mover(MoverKind::Send, false, producer(), node(), (0, 1_000)),
        mover(MoverKind::Deliver, false, node(), consumer(), (1_000, 2_000)),
        mover(MoverKind::Acknowledge, false, consumer(), node(), (2_000, 3_000)),
        mover(MoverKind::Control, false, consumer(), node(), (2_000, 3_000)),
    ];
    let flights = flights(&shown, &shown, &arrived);
    let links: Vec<i32> = flights.iter().map(|flight| flight.links).collect();
    assert_eq!(links, [0, 0, 1, 2]);
    assert_eq!(flights[0].from, flights[1].from, "it splits where the producer is");
    assert_eq!(flights[0].glyph, Glyph::Record);
    assert_eq!(flights[1].glyph, Glyph::Message);
    assert_eq!(flights[3].glyph, Glyph::Tick);
    assert_eq!(flights[0].label, "0");
    let mut traffic = Traffic::default();
    traffic.admit(flights, 1_000);
    assert!(traffic.landing(true, 0).is_some_and(|after| after <= FLIGHT_MS));
    assert_eq!(traffic.flights().count(), 4);
    traffic.admit(Vec::new(), 1_000 + 4 * i64::from(FLIGHT_MS));
    assert_eq!(traffic.flights().count(), 0);
}

#[test]
fn only_what_is_sent_brings_a_cell() {
    let scene = lab(5, 1, 1);
    let shown = picture(&scene, &options(900, Lanes::Both));
    let (node, consumer) =
        (Place::RabbitNode("rabbit-1".into()), Place::RabbitConsumer("cr0".into()));
    for (kind, from, to, lands) in [
        (MoverKind::Send, Place::Producer("p".into()), node.clone(), true),
        (MoverKind::Deliver, node, consumer, false),
    ] {
        let sent = mover(kind, false, from, to, (0, 1_000));
        let message = sent.messages[0];
        let mut traffic = Traffic::default();
        traffic.admit(flights(&shown, &shown, &[sent]), 0);
        assert_eq!(traffic.flights().count(), 1);
        assert_eq!(traffic.landing(false, message).is_some(), lands, "{kind:?}");
    }
}

#[test]
fn what_comes_while_a_way_is_in_use_goes_as_one() {
    let scene = lab(5, 1, 1);
    let shown = picture(&scene, &options(900, Lanes::Both));
    let node = || Place::RabbitNode("rabbit-1".into());
    let deliver = |n: u64| {
        let to = Place::RabbitConsumer("cr0".into());
        let mover = mover(MoverKind::Deliver, false, node(), to, (n, n + 1));
        flights(&shown, &shown, &[mover])
    };
    let mut traffic = Traffic::default();
    for n in 0..5 {
        traffic.admit(deliver(n), n as i64 * 10);
    }
    assert_eq!(traffic.flights().count(), 1);
    traffic.admit(deliver(9), 400);
    let labels: Vec<&str> = traffic.flights().map(|flight| flight.label.as_str()).collect();
    assert_eq!(labels, ["×5"]);
}

#[test]
fn a_batch_moves_as_one_and_never_more_than_a_few_move() {
    let scene = lab(20, 1, 1);
    let shown = picture(&scene, &options(900, Lanes::Both));
    let node = || Place::RabbitNode("rabbit-1".into());
    let deliver = |n| {
        mover(MoverKind::Deliver, false, node(), Place::RabbitConsumer("cr0".into()), (n, n + 1))
    };
    let arrived: Vec<Mover> = (0..12).map(deliver).collect();
    let moved = flights(&shown, &shown, &arrived);
    assert_eq!(moved.len(), 1);
    assert_eq!(moved[0].label, "×12");
    let scene = lab(20, 1, 6);
    let shown = picture(&scene, &options(900, Lanes::Both));
    let fetch = |n: u64| {
        let from = Place::KafkaConsumer(["ck", &(n % 6).to_string()].concat());
        mover(MoverKind::FetchRequest, true, from, Place::Broker("kafka-1".into()), (n, n + 1))
    };
    let push = |n: u64| {
        let to = Place::RabbitConsumer(["cr", &(n % 6).to_string()].concat());
        mover(MoverKind::Deliver, false, node(), to, (n, n + 1))
    };
    let arrived: Vec<Mover> = (0..6).flat_map(|n| [fetch(n), push(n)]).collect();
    let moved = flights(&shown, &shown, &arrived);
    assert_eq!(moved.len(), FLIGHTS_MAX);
    assert_eq!(moved.iter().filter(|flight| flight.glyph == Glyph::Message).count(), 6);
}

#[test]
fn nothing_moves_where_only_figures_are_drawn() {
    let scene = lab(10_000, 1, 1);
    let shown = picture(&scene, &options(900, Lanes::Both));
    let node = Place::RabbitNode("rabbit-1".into());
    let arrived =
        [mover(MoverKind::Deliver, false, node, Place::RabbitConsumer("cr0".into()), (0, 1))];
    assert!(flights(&shown, &shown, &arrived).is_empty());
}
