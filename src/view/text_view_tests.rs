//! The text view says everything that the picture shows.

use super::*;
use crate::view::scene::{Caret, LogCell, MoverKind, QueueCell, Replica, Topic};

/// A scene in which everything occurs.
pub fn busy_scene() -> Scene {
    let mut scene = Scene { now_us: 12_500_000, ..Scene::default() };
    scene.producers.push(Producer {
        name: "p".into(),
        topics: vec!["t".into()],
        exchanges: vec![(String::new(), "q".into())],
        rate_per_second: 100.0,
        sent: 4,
        count: Some(9),
        last_message: Some(3),
        ..Producer::default()
    });
    scene.kafka.brokers.push(Server { name: "kafka-1".into(), health: Health::Running });
    scene.kafka.topics.push(Topic {
        name: "t".into(),
        partitions: vec![Partition {
            leader: Some("kafka-1".into()),
            isr: vec![1],
            replicas: vec![Replica { broker: 1, ..Replica::default() }],
            high_watermark: 3,
            log_end: 4,
            cells: (0..4)
                .map(|offset| LogCell {
                    offset,
                    message: Some(offset as u64),
                    key: None,
                    visible: offset < 3,
                })
                .collect(),
            carets: vec![Caret {
                group: "g".into(),
                committed: Some(1),
                position: Some(2),
                lag: 2,
            }],
            bytes: 300,
            segments: 1,
            ..Partition::default()
        }],
    });
    scene.kafka.records = 4;
    scene.kafka.consumers.push(Consumer {
        name: "ck".into(),
        group: Some("g".into()),
        reads: vec!["t".into()],
        held: vec![1],
        held_count: 1,
        held_bytes: 10,
        got: 2,
        done: 1,
        work_us: 50_000,
        ..Consumer::default()
    });
    scene.rabbit.nodes.push(Server { name: "rabbit-1".into(), health: Health::Running });
    scene.rabbit.exchanges.push(Exchange {
        name: String::new(),
        kind: "direct".into(),
        bindings: vec![("q".into(), "q".into())],
    });
    scene.rabbit.queues.push(Queue {
        name: "q".into(),
        kind: "classic".into(),
        durable: true,
        ready: 1,
        unacked: 3,
        delayed: 0,
        cells: (0..4)
            .map(|position| QueueCell {
                position,
                message: position,
                key: None,
                unacked: position < 3,
                delayed: false,
                redelivered: false,
            })
            .collect(),
        bytes: 40,
    });
    scene.rabbit.messages = 4;
    scene.rabbit.consumers.push(Consumer {
        name: "cr".into(),
        reads: vec!["q".into()],
        held: vec![0, 1, 2],
        held_count: 3,
        unacked: 3,
        got: 3,
        ..Consumer::default()
    });
    scene.in_flight.push(Mover {
        id: 1,
        kafka: true,
        kind: MoverKind::FetchRequest,
        from: Place::KafkaConsumer("ck".into()),
        to: Place::Broker("kafka-1".into()),
        sent_us: 1,
        arrives_us: 2,
        messages: Vec::new(),
        count: 0,
        name: "Fetch".into(),
    });
    scene.ledger.kafka.sent = 4;
    scene
}

type Change = fn(&mut Scene);

/// Fifty ways in which a lab can be another one.
const CHANGES: [Change; 53] = [
    |s| s.now_us += 100_000,
    |s| s.producers.clear(),
    |s| s.producers[0].name = "p2".into(),
    |s| s.producers[0].health = Health::Down,
    |s| s.producers[0].topics.push("u".into()),
    |s| s.producers[0].exchanges[0].1 = "r".into(),
    |s| s.producers[0].rate_per_second = 0.5,
    |s| s.producers[0].sent += 1,
    |s| s.producers[0].count = None,
    |s| s.producers[0].acknowledged += 1,
    |s| s.producers[0].confirmed += 1,
    |s| s.producers[0].failed += 1,
    |s| s.kafka.brokers[0].health = Health::Off,
    |s| s.kafka.topics[0].name = "orders".into(),
    |s| s.kafka.topics[0].partitions[0].index = 1,
    |s| s.kafka.topics[0].partitions[0].leader = None,
    |s| s.kafka.topics[0].partitions[0].isr.clear(),
    |s| s.kafka.topics[0].partitions[0].replicas[0].log_end = 9,
    |s| s.kafka.topics[0].partitions[0].replicas.push(Replica { broker: 2, ..Replica::default() }),
    |s| s.kafka.topics[0].partitions[0].log_start = 1,
    |s| s.kafka.topics[0].partitions[0].high_watermark = 4,
    |s| s.kafka.topics[0].partitions[0].log_end = 5,
    |s| s.kafka.topics[0].partitions[0].bytes = 301,
    |s| s.kafka.topics[0].partitions[0].segments = 2,
    |s| s.kafka.topics[0].partitions[0].cells[3].visible = true,
    |s| s.kafka.topics[0].partitions[0].cells[3].key = Some("user-1".into()),
    |s| s.kafka.topics[0].partitions[0].cells[3].message = Some(7),
    |s| s.kafka.topics[0].partitions[0].carets.clear(),
    |s| s.kafka.topics[0].partitions[0].carets[0].group = "h".into(),
    |s| s.kafka.topics[0].partitions[0].carets[0].committed = None,
    |s| s.kafka.topics[0].partitions[0].carets[0].position = Some(3),
    |s| s.kafka.topics[0].partitions[0].carets[0].lag = 9,
    |s| s.kafka.records = 5,
    |s| s.kafka.consumers[0].health = Health::Paused,
    |s| s.kafka.consumers[0].held_count = 2,
    |s| s.kafka.consumers[0].parked_since_us = Some(1),
    |s| s.kafka.consumers[0].busy_until_us = Some(1),
    |s| s.kafka.consumers[0].done = 2,
    |s| s.kafka.consumers[0].group = None,
    |s| s.rabbit.nodes[0].health = Health::Starting,
    |s| s.rabbit.exchanges[0].name = "x".into(),
    |s| s.rabbit.exchanges[0].bindings.push(("k".into(), "r".into())),
    |s| s.rabbit.queues[0].ready = 2,
    |s| s.rabbit.queues[0].durable = false,
    |s| s.rabbit.queues[0].cells[0].unacked = false,
    |s| s.rabbit.queues[0].cells[0].redelivered = true,
    |s| s.rabbit.queues[0].cells[3].delayed = true,
    |s| s.rabbit.queues[0].delayed = 1,
    |s| s.rabbit.consumers[0].health = Health::OutOfMemory,
    |s| s.rabbit.consumers[0].prefetch = 4,
    |s| s.rabbit.consumers[0].memory = 1_000,
    |s| s.in_flight[0].name = "ListOffsets".into(),
    |s| s.ledger.rabbit.lost = 1,
];

#[test]
fn whatever_changes_changes_the_text() {
    for language in [Language::English, Language::Korean] {
        let before = text_view(&busy_scene(), language);
        for (index, change) in CHANGES.iter().enumerate() {
            let mut scene = busy_scene();
            change(&mut scene);
            assert_ne!(text_view(&scene, language), before, "change {index}");
        }
    }
}

#[test]
fn every_row_has_a_cell_for_each_head() {
    for table in text_view(&busy_scene(), Language::Korean).tables {
        for row in &table.rows {
            assert_eq!(row.len(), table.head.len(), "{}", table.caption);
        }
    }
}

#[test]
fn the_state_is_said_in_both_languages() {
    let mut scene = busy_scene();
    scene.rabbit.consumers[0].held_count = 1_000;
    scene.rabbit.consumers[0].health = Health::Paused;
    assert_eq!(
        state(&scene, Language::Korean),
        "12.5초: Kafka에 레코드 4개가 있고, 밀린 양(컨슈머 랙)은 2입니다. Kafka 컨슈머 ck가 메시지 1개를 들고 \
         있습니다. RabbitMQ 큐에는 대기 1개, 미확인 3개가 있습니다. RabbitMQ 컨슈머 cr이 메시지 1,000개를 들고 \
         멈추어 있습니다."
    );
    assert_eq!(
        state(&scene, Language::English),
        "12.5 s: Kafka keeps 4 records; the consumer lag is 2. Kafka consumer ck holds 1 message. \
         RabbitMQ has 1 message ready and 3 unacked. RabbitMQ consumer cr stands still with \
         1,000 messages."
    );
    scene.rabbit.queues[0].delayed = 2;
    let (english, korean) = (state(&scene, Language::English), state(&scene, Language::Korean));
    assert!(english.contains(" 2 messages came back and are delayed. "), "{english}");
    assert!(korean.contains(" 되돌아온 메시지 2개가 지연되어 있습니다. "), "{korean}");
    assert_eq!(state(&Scene::default(), Language::Korean), "0초: 아직 토픽도 큐도 없습니다.");
}

#[test]
fn rates_are_short() {
    assert_eq!(rate_text(100.0), "100/s");
    assert_eq!(rate_text(0.5), "0.5/s");
    assert_eq!(rate_text(12_000.4), "12,000/s");
}
