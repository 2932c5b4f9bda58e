//! One sentence for each event: who did what to what. It stands in the event list, below the
//! picture in step mode, and is what a screen reader says.

use super::frame::EventLine;
use super::words::event::Event;
use super::words::{Language, fill};

/// The sentence of an event. One that this page has no words for is told by its name and fields.
pub fn sentence(line: &EventLine, language: Language) -> String {
    let texts = Event::of(language);
    let mut values: Vec<(&str, &str)> = vec![("by", &line.by)];
    for (name, value) in &line.fields {
        let shown = match (name.as_str(), value.as_str()) {
            ("exchange" | "source", "") => texts.default_exchange,
            (_, value) => value,
        };
        values.push((name, shown));
    }
    match template(line, texts) {
        Some(template) => fill(template, &values),
        None => {
            let fields: Vec<String> =
                line.fields.iter().map(|(name, value)| [name, "=", value].concat()).collect();
            let values = [("by", &*line.by), ("name", &*line.name), ("fields", &*fields.join(" "))];
            fill(texts.unknown, &values)
        }
    }
}

fn template(line: &EventLine, texts: &'static Event) -> Option<&'static str> {
    let is = |name: &str, wanted: &str| {
        line.fields.iter().any(|(known, value)| known == name && value == wanted)
    };
    Some(match line.name.as_str() {
        "kafka.answered" => texts.kafka_answered,
        "kafka.appended" => texts.kafka_appended,
        "kafka.broker_started" => texts.kafka_broker_started,
        "kafka.client_error" => texts.kafka_client_error,
        "kafka.client_crashed" => texts.kafka_client_crashed,
        "kafka.result_written" => texts.kafka_result_written,
        "kafka.transaction_begun" => texts.kafka_transaction_begun,
        "kafka.transaction_ended" if is("outcome", "committed") => {
            texts.kafka_transaction_committed
        }
        "kafka.transaction_ended" => texts.kafka_transaction_aborted,
        "kafka.transaction_decided" if is("reason", "fenced") => texts.kafka_transaction_fenced,
        "kafka.transaction_decided" if is("reason", "timeout") => texts.kafka_transaction_late,
        "kafka.transaction_decided" if is("reason", "loaded") => texts.kafka_transaction_loaded,
        "kafka.transaction_decided" => texts.kafka_transaction_decided,
        "kafka.marker_written" => texts.kafka_marker_written,
        "kafka.transaction_completed" => texts.kafka_transaction_completed,
        "kafka.store_restored" => texts.kafka_store_restored,
        "kafka.share_acquired" => texts.kafka_share_acquired,
        "kafka.share_returned" => texts.kafka_share_returned,
        "kafka.client_finished" => texts.kafka_client_finished,
        "kafka.client_ready" => texts.kafka_client_ready,
        "kafka.fetch_parked" => texts.kafka_fetch_parked,
        "kafka.fetch_sent" => texts.kafka_fetch_sent,
        "kafka.fetched" => texts.kafka_fetched,
        "kafka.fetched_nothing" => texts.kafka_fetched_nothing,
        "kafka.high_watermark_advanced" => texts.kafka_high_watermark_advanced,
        "kafka.log_recovered" => texts.kafka_log_recovered,
        "kafka.offset_committed" => texts.kafka_offset_committed,
        "kafka.offset_reset" => texts.kafka_offset_reset,
        "kafka.group_empty" => texts.kafka_group_empty,
        "kafka.group_epoch_bumped" => texts.kafka_group_epoch_bumped,
        "kafka.member_joined" => texts.kafka_member_joined,
        "kafka.member_left" if is("reason", "left") => texts.kafka_member_left,
        "kafka.member_left" if is("reason", "session_timeout") => texts.kafka_member_silent,
        "kafka.member_left" => texts.kafka_member_late,
        "kafka.offset_expired" => texts.kafka_offset_expired,
        "kafka.partitions_assigned" if is("count", "0") => texts.kafka_partitions_none,
        "kafka.partitions_assigned" => texts.kafka_partitions_assigned,
        "kafka.partitions_lost" => texts.kafka_partitions_lost,
        "kafka.partitions_revoked" => texts.kafka_partitions_revoked,
        "kafka.rebalance_completed" => texts.kafka_rebalance_completed,
        "kafka.rebalance_started" => texts.kafka_rebalance_started,
        "kafka.processed" => texts.kafka_processed,
        "kafka.processing_started" => texts.kafka_processing_started,
        "kafka.produce_acknowledged" => texts.kafka_produce_acknowledged,
        "kafka.produce_failed" => texts.kafka_produce_failed,
        "kafka.produce_sent" => texts.kafka_produce_sent,
        "kafka.produce_stored" => texts.kafka_produce_stored,
        "kafka.producer_buffered" => texts.kafka_producer_buffered,
        "kafka.broker_fenced" => texts.kafka_broker_fenced,
        "kafka.broker_unfenced" => texts.kafka_broker_unfenced,
        "kafka.controller_elected" => texts.kafka_controller_elected,
        "kafka.controller_resigned" => texts.kafka_controller_resigned,
        "kafka.controller_started" => texts.kafka_controller_started,
        "kafka.session_expired" => texts.kafka_session_expired,
        "kafka.stale_controller_refused" => texts.kafka_stale_controller_refused,
        "kafka.zookeeper_leader_elected" => texts.kafka_zookeeper_leader_elected,
        "kafka.zookeeper_started" => texts.kafka_zookeeper_started,
        "kafka.isr_changed" => texts.kafka_isr_changed,
        "kafka.leader_elected" => texts.kafka_leader_elected,
        "kafka.leader_started" => texts.kafka_leader_started,
        "kafka.log_compacted" => texts.kafka_log_compacted,
        "kafka.log_start_advanced" => texts.kafka_log_start_advanced,
        "kafka.log_truncated" => texts.kafka_log_truncated,
        "kafka.replicated" => texts.kafka_replicated,
        "kafka.segment_rolled" => texts.kafka_segment_rolled,
        "kafka.topic_created" => texts.kafka_topic_created,
        "kafka.topic_deleted" => texts.kafka_topic_deleted,
        "lab.message_sent" => texts.lab_message_sent,
        "lab.network" => texts.lab_network,
        "lab.process" if is("became", "stopped") => texts.lab_process_stopped,
        "lab.process" if is("became", "crashed") => texts.lab_process_crashed,
        "lab.process" if is("became", "started") => texts.lab_process_started,
        "lab.process" if is("became", "paused") => texts.lab_process_paused,
        "lab.process" if is("became", "resumed") => texts.lab_process_resumed,
        "lab.process" if is("became", "power_cut") => texts.lab_process_power_cut,
        "lab.producer_done" => texts.lab_producer_done,
        "rabbit.acknowledged" => texts.rabbit_acknowledged,
        "rabbit.alarm_cleared" => texts.rabbit_alarm_cleared,
        "rabbit.alarm_set" => texts.rabbit_alarm_set,
        "rabbit.answered" => texts.rabbit_answered,
        "rabbit.bound" => texts.rabbit_bound,
        "rabbit.client_crashed" => texts.rabbit_client_crashed,
        "rabbit.leader_elected" => texts.rabbit_leader_elected,
        "rabbit.mirror_promoted" => texts.rabbit_mirror_promoted,
        "rabbit.node_down" => texts.rabbit_node_down,
        "rabbit.node_paused" => texts.rabbit_node_paused,
        "rabbit.partition_lost" => texts.rabbit_partition_lost,
        "rabbit.node_up" => texts.rabbit_node_up,
        "rabbit.client_error" => texts.rabbit_client_error,
        "rabbit.client_ready" => texts.rabbit_client_ready,
        "rabbit.confirmed" => texts.rabbit_confirmed,
        "rabbit.connection_blocked" => texts.rabbit_connection_blocked,
        "rabbit.connection_unblocked" => texts.rabbit_connection_unblocked,
        "rabbit.connection_flow" => texts.rabbit_connection_flow,
        "rabbit.consumer_gone" => texts.rabbit_consumer_gone,
        "rabbit.consumer_registered" => texts.rabbit_consumer_registered,
        "rabbit.dead_lettered" => texts.rabbit_dead_lettered,
        "rabbit.delayed" => texts.rabbit_delayed,
        "rabbit.delivered" if is("redelivered", "true") => texts.rabbit_redelivered,
        "rabbit.delivered" => texts.rabbit_delivered,
        "rabbit.enqueued" => texts.rabbit_enqueued,
        "rabbit.exchange_declared" => texts.rabbit_exchange_declared,
        "rabbit.got" => texts.rabbit_got,
        "rabbit.handler_failed" => texts.rabbit_handler_failed,
        "rabbit.recovered" => texts.rabbit_recovered,
        "rabbit.node_started" => texts.rabbit_node_started,
        "rabbit.out_of_memory" => texts.rabbit_out_of_memory,
        "rabbit.processed" => texts.rabbit_processed,
        "rabbit.processing_started" => texts.rabbit_processing_started,
        "rabbit.published" => texts.rabbit_published,
        "rabbit.pushed" => texts.rabbit_pushed,
        "rabbit.queue_declared" => texts.rabbit_queue_declared,
        "rabbit.queue_deleted" => texts.rabbit_queue_deleted,
        "rabbit.queue_recovered" => texts.rabbit_queue_recovered,
        "rabbit.refused" => texts.rabbit_refused,
        "rabbit.removed" => texts.rabbit_removed,
        "rabbit.requeued" => texts.rabbit_requeued,
        "rabbit.returned" => texts.rabbit_returned,
        "rabbit.routed" => texts.rabbit_routed,
        "rabbit.segment_deleted" => texts.rabbit_segment_deleted,
        "rabbit.unroutable" => texts.rabbit_unroutable,
        "rabbit.written" => texts.rabbit_written,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::command::{Answer as KafkaAnswer, ApiError, RequestId as KafkaRequest};
    use crate::kafka::event::{Event as Kafka, Text, TopicPartition};
    use crate::lab::event::{Event as LabEventLine, LabEvent, Moment, What};
    use crate::lab::event_names::NAMES;
    use crate::rabbit::command::{AmqpError, Answer as RabbitAnswer, Closes, RequestId};
    use crate::rabbit::event::Event as Rabbit;
    use crate::sim::{MessageId, Time};
    use crate::view::build::event_line;
    use bytes::Bytes;

    fn line(by: &str, what: What) -> EventLine {
        let at = Time::from_micros(1_180);
        event_line(&LabEventLine { number: 7, at, before: Moment::default(), by: by.into(), what })
    }

    fn kafka(event: Kafka) -> EventLine {
        line("kafka-1", What::Kafka(event))
    }

    fn rabbit(event: Rabbit) -> EventLine {
        line("rabbit-1", What::Rabbit(event))
    }

    /// One of each kind.
    fn every_event() -> Vec<EventLine> {
        let message = MessageId(3);
        let messages = vec![MessageId(3), MessageId(4)];
        let partition = TopicPartition::new("t", 0);
        let api_error = ApiError {
            code: 7,
            name: "REQUEST_TIMED_OUT".into(),
            sentence: "The request timed out.".into(),
        };
        let amqp_error = AmqpError {
            code: 404,
            text: "NOT_FOUND - no queue 'q' in vhost '/'".into(),
            closes: Closes::Channel,
        };
        let p = || partition.clone();
        let mut all = vec![
            kafka(Kafka::BrokerStarted { broker: 1 }),
            kafka(Kafka::LogRecovered { partition: p(), end_offset: 4, truncated_bytes: 12 }),
            kafka(Kafka::TopicCreated { topic: "t".into(), partitions: 3 }),
            kafka(Kafka::TopicDeleted { topic: "t".into() }),
            kafka(Kafka::ProducerBuffered { client: "p".into(), message, partition: p() }),
            kafka(Kafka::ProduceSent {
                client: "p".into(),
                partition: p(),
                messages: messages.clone(),
            }),
            kafka(Kafka::Appended {
                broker: 1,
                partition: p(),
                base_offset: 3,
                last_offset: 4,
                bytes: 80,
            }),
            kafka(Kafka::SegmentRolled { partition: p(), base_offset: 9 }),
            kafka(Kafka::BrokerFenced { broker: 2 }),
            kafka(Kafka::BrokerUnfenced { broker: 2 }),
            kafka(Kafka::ControllerStarted { controller: 3001 }),
            kafka(Kafka::ControllerElected { controller: 3001, epoch: 2 }),
            kafka(Kafka::ControllerResigned { controller: 3001, epoch: 2 }),
            kafka(Kafka::ZooKeeperStarted { server: 1 }),
            kafka(Kafka::EnsembleLed { server: 1, epoch: 2 }),
            kafka(Kafka::SessionExpired { client: "kafka-1".into(), session: 72 }),
            kafka(Kafka::ControllerRefused { broker: 3, controller: 1, epoch: 1, known: 2 }),
            kafka(Kafka::IsrChanged { partition: p(), isr: vec![1, 2] }),
            kafka(Kafka::LeaderElected {
                partition: p(),
                leader: Some(2),
                leader_epoch: 1,
                unclean: false,
            }),
            kafka(Kafka::LeaderStarted {
                broker: 2,
                partition: p(),
                leader_epoch: 1,
                log_end: 7,
                unclean: false,
            }),
            kafka(Kafka::LogCompacted {
                broker: 1,
                partition: p(),
                end_offset: 5,
                bytes_removed: 80,
            }),
            kafka(Kafka::LogStartAdvanced { broker: 1, partition: p(), offset: 3 }),
            kafka(Kafka::LogTruncated { broker: 1, partition: p(), from_offset: 9, end_offset: 7 }),
            kafka(Kafka::Replicated { broker: 2, partition: p(), base_offset: 3, last_offset: 4 }),
            kafka(Kafka::HighWatermarkAdvanced { partition: p(), offset: 5 }),
            kafka(Kafka::ProduceAcknowledged {
                client: "p".into(),
                partition: p(),
                messages: messages.clone(),
                base_offset: 3,
            }),
            kafka(Kafka::ProduceStored {
                client: "p".into(),
                partition: p(),
                messages: messages.clone(),
                base_offset: 3,
            }),
            kafka(Kafka::ProduceFailed {
                client: "p".into(),
                messages: messages.clone(),
                error: api_error.clone(),
            }),
            kafka(Kafka::FetchSent { client: "ck".into(), partitions: vec![(p(), 5)] }),
            kafka(Kafka::FetchParked { broker: 1, client: "ck".into() }),
            kafka(Kafka::Fetched {
                client: "ck".into(),
                partition: p(),
                offset: 3,
                messages: messages.clone(),
            }),
            kafka(Kafka::FetchedNothing { client: "ck".into() }),
            kafka(Kafka::ProcessingStarted {
                client: "ck".into(),
                partition: p(),
                offset: 3,
                message,
            }),
            kafka(Kafka::Processed {
                client: "ck".into(),
                partition: p(),
                offset: 3,
                message,
                key: None,
                value: Some(Text(Bytes::from_static(b"hello"))),
                timestamp_ms: 1,
                epoch: 0,
                headers: Vec::new(),
            }),
            kafka(Kafka::OffsetCommitted { group: "g".into(), partition: p(), offset: 4 }),
            kafka(Kafka::OffsetReset { client: "ck".into(), partition: p(), offset: 0 }),
            kafka(Kafka::MemberJoined {
                group: "g".into(),
                client: "ck".into(),
                member: "m".into(),
            }),
            kafka(Kafka::MemberLeft {
                group: "g".into(),
                client: "ck".into(),
                member: "m".into(),
                reason: "session_timeout",
            }),
            kafka(Kafka::RebalanceStarted { group: "g".into(), generation: 1, reason: "r".into() }),
            kafka(Kafka::GroupEpochBumped { group: "g".into(), epoch: 2 }),
            kafka(Kafka::RebalanceCompleted {
                group: "g".into(),
                generation: 2,
                assignor: "range",
                assignment: vec![("ck".into(), vec![p()])],
            }),
            kafka(Kafka::GroupEmpty { group: "g".into(), generation: 3 }),
            kafka(Kafka::PartitionsAssigned { client: "ck".into(), partitions: vec![p()] }),
            kafka(Kafka::PartitionsRevoked { client: "ck".into(), partitions: vec![p()] }),
            kafka(Kafka::PartitionsLost { client: "ck".into(), partitions: vec![p()] }),
            kafka(Kafka::OffsetExpired { group: "g".into(), partition: p() }),
            kafka(Kafka::ClientReady { client: "ck".into() }),
            kafka(Kafka::ClientError { client: "ck".into(), error: api_error }),
            kafka(Kafka::ShareAcquired {
                group: "g".into(),
                client: "ck".into(),
                partition: p(),
                offsets: vec![(0, 1)],
            }),
            kafka(Kafka::ShareReturned {
                group: "g".into(),
                partition: p(),
                records: 1,
                reason: "lock_timeout",
            }),
            kafka(Kafka::ClientCrashed { client: "ck".into(), at: "processed", held: Vec::new() }),
            kafka(Kafka::ResultWritten { client: "ck".into(), message, partition: p(), offset: 0 }),
            kafka(Kafka::TransactionBegun {
                client: "p".into(),
                transactional_id: "x".into(),
                producer_id: 1,
                epoch: 0,
            }),
            kafka(Kafka::TransactionCompleted {
                transactional_id: "x".into(),
                outcome: "committed",
            }),
            kafka(Kafka::MarkerWritten {
                partition: p(),
                producer_id: 1,
                offset: 3,
                outcome: "aborted",
            }),
            kafka(Kafka::StoreRestored { client: "ck".into(), changelog: p(), records: 4 }),
            kafka(Kafka::ClientFinished { client: "ck".into() }),
            kafka(Kafka::Answered { request: KafkaRequest(1), answer: Ok(KafkaAnswer::Done) }),
        ];
        let (queue, client): (std::rc::Rc<str>, std::rc::Rc<str>) = ("q".into(), "cr".into());
        let (q, c) = (|| queue.clone(), || client.clone());
        all.extend([
            rabbit(Rabbit::NodeStarted { node: "rabbit-1".into() }),
            rabbit(Rabbit::NodeUp { node: "rabbit-1".into(), peer: "rabbit-2".into() }),
            rabbit(Rabbit::NodeDown { node: "rabbit-1".into(), peer: "rabbit-2".into() }),
            rabbit(Rabbit::NodePaused { node: "rabbit-1".into() }),
            rabbit(Rabbit::PartitionLost { node: "rabbit-1".into() }),
            rabbit(Rabbit::MirrorPromoted { queue: q(), node: "rabbit-2".into() }),
            rabbit(Rabbit::LeaderElected { queue: q(), node: "rabbit-2".into(), term: 2 }),
            rabbit(Rabbit::ClientCrashed { client: c(), at: "processed" }),
            rabbit(Rabbit::QueueRecovered { queue: q(), messages: 2 }),
            rabbit(Rabbit::Recovered { queue: q(), message, position: 0 }),
            rabbit(Rabbit::HandlerFailed { client: c(), queue: q(), message }),
            rabbit(Rabbit::QueueDeclared { queue: q() }),
            rabbit(Rabbit::QueueDeleted { queue: q() }),
            rabbit(Rabbit::ExchangeDeclared { exchange: "x".into() }),
            rabbit(Rabbit::Bound { source: "x".into(), destination: q(), key: "k".into() }),
            rabbit(Rabbit::Published {
                client: "p".into(),
                message,
                exchange: "".into(),
                routing_key: q(),
            }),
            rabbit(Rabbit::Routed {
                message,
                exchange: "".into(),
                queues: [q(), "r".into()].into(),
            }),
            rabbit(Rabbit::Unroutable { message, returned: false }),
            rabbit(Rabbit::Enqueued { queue: q(), message, position: 0 }),
            rabbit(Rabbit::Pushed {
                queue: q(),
                consumer: c(),
                tag: 1,
                message,
                redelivered: false,
            }),
            rabbit(Rabbit::Delivered {
                client: c(),
                queue: q(),
                tag: 1,
                message,
                redelivered: false,
            }),
            rabbit(Rabbit::Delivered {
                client: c(),
                queue: q(),
                tag: 1,
                message,
                redelivered: true,
            }),
            rabbit(Rabbit::ProcessingStarted { client: c(), message }),
            rabbit(Rabbit::Processed { client: c(), queue: q(), message }),
            rabbit(Rabbit::Acknowledged { queue: q(), message }),
            rabbit(Rabbit::Delayed { queue: q(), message, delay_ms: 500 }),
            rabbit(Rabbit::Requeued { queue: q(), message }),
            rabbit(Rabbit::Removed { queue: q(), message, reason: "purged" }),
            rabbit(Rabbit::DeadLettered {
                queue: q(),
                message,
                exchange: "dlx".into(),
                reason: "expired",
            }),
            rabbit(Rabbit::SegmentDeleted {
                queue: q(),
                first_offset: 0,
                next_offset: 6,
                messages: [(message, 6)].into(),
            }),
            rabbit(Rabbit::AlarmSet { node: "rabbit-1".into(), resource: "memory" }),
            rabbit(Rabbit::AlarmCleared { node: "rabbit-1".into(), resource: "disk" }),
            rabbit(Rabbit::ConnectionBlocked { client: c(), reason: "low on memory" }),
            rabbit(Rabbit::ConnectionUnblocked { client: c() }),
            rabbit(Rabbit::ConnectionFlow { client: c() }),
            rabbit(Rabbit::Got { queue: q(), message }),
            rabbit(Rabbit::Confirmed { client: "p".into(), message }),
            rabbit(Rabbit::Refused { client: "p".into(), message }),
            rabbit(Rabbit::Returned { client: "p".into(), message }),
            rabbit(Rabbit::ConsumerRegistered { queue: q(), consumer: c(), prefetch: 0 }),
            rabbit(Rabbit::ConsumerGone { queue: q(), consumer: c() }),
            rabbit(Rabbit::Written { queue: q(), bytes: 100 }),
            rabbit(Rabbit::ClientReady { client: c() }),
            rabbit(Rabbit::OutOfMemory { client: c(), held_bytes: 1_001 }),
            rabbit(Rabbit::ClientError { client: c(), error: amqp_error }),
            rabbit(Rabbit::Answered { request: RequestId(1), answer: Ok(RabbitAnswer::Done) }),
        ]);
        for outcome in ["committed", "aborted"] {
            let (client, transactional_id) = ("p".into(), "x".into());
            all.push(kafka(Kafka::TransactionEnded { client, transactional_id, outcome }));
        }
        for reason in ["ended", "fenced", "timeout", "loaded"] {
            all.push(kafka(Kafka::TransactionDecided {
                transactional_id: "x".into(),
                producer_id: 1,
                epoch: 1,
                outcome: "aborted",
                reason,
            }));
        }
        let lab = |event| line("lab", What::Lab(event));
        all.push(lab(LabEvent::MessageSent { producer: "p".into(), message, key: None }));
        all.push(lab(LabEvent::ProducerDone { producer: "p".into() }));
        for became in ["stopped", "crashed", "started", "paused", "resumed", "power_cut"] {
            all.push(lab(LabEvent::Process { name: "cr".into(), became }));
        }
        all.push(lab(LabEvent::Network { change: "isolate kafka-1".into() }));
        all
    }

    #[test]
    fn every_event_has_a_sentence_in_both_languages() {
        let lines = every_event();
        for name in NAMES {
            assert!(lines.iter().any(|line| line.name == *name), "no example of {name}");
        }
        for line in &lines {
            for language in [Language::English, Language::Korean] {
                let text = sentence(line, language);
                let template = template(line, Event::of(language));
                assert!(template.is_some(), "{} has no sentence", line.name);
                assert!(!text.contains("  ") && !text.contains(" ."), "{}: {text}", line.name);
                assert!(text.ends_with(['.', ')']), "{}: {text}", line.name);
            }
        }
    }

    #[test]
    fn every_placeholder_of_a_sentence_is_a_field_of_its_event() {
        for line in every_event() {
            let texts = Event::of(Language::Korean);
            for part in template(&line, texts).unwrap_or_default().split('{').skip(1) {
                let name = part.split(['}', '|', '#']).next().unwrap_or_default();
                let known = name == "by" || line.fields.iter().any(|(field, _)| field == name);
                assert!(known, "{} has no field {name}: {:?}", line.name, line.fields);
            }
        }
    }

    #[test]
    fn sentences_read_well() {
        let all = every_event();
        let find = |name: &str, language| {
            let line = all.iter().find(|line| line.name == name).expect("it is there");
            sentence(line, language)
        };
        let korean = |name: &str| find(name, Language::Korean);
        assert_eq!(
            korean("rabbit.pushed"),
            "브로커가 큐 q에서 컨슈머 cr에게 m3을 밀어 주었습니다."
        );
        assert_eq!(
            korean("kafka.fetched"),
            "컨슈머 ck가 파티션 t-0의 오프셋 3부터 2개를 가져갔습니다."
        );
        assert_eq!(
            find("kafka.fetched", Language::English),
            "Consumer ck fetched 2 records of t-0, from offset 3."
        );
        assert_eq!(
            find("rabbit.published", Language::English),
            "Publisher p sent m3 to exchange (default) with routing key q."
        );
        assert_eq!(
            find("kafka.produce_failed", Language::English),
            "Producer p gave up 2 messages (m3, m4): REQUEST_TIMED_OUT."
        );
    }

    #[test]
    fn an_event_without_words_is_told_by_its_name() {
        let line = EventLine {
            number: 0,
            at_us: 0,
            name: "kafka.new_thing".into(),
            by: "kafka-1".into(),
            fields: vec![("broker".into(), "1".into())],
        };
        assert_eq!(sentence(&line, Language::English), "kafka-1: kafka.new_thing broker=1");
    }
}
