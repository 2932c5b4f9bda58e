//! A message's passport: the stages of its life on both sides, read from the events.

use super::event::{Event, What};
use super::execution::messages_of;
use super::ledger::{Passport, Stage, StageKind};
use super::outcome::LabError;
use super::session::Session;
use crate::ordered::Order;
use crate::rabbit::inspect::{CellState, Glimpse};
use crate::sim::MessageId;
use crate::{kafka, rabbit};

type Facts = Vec<(&'static str, String)>;

impl Session {
    /// One message's life. The events before the oldest that is kept are missing from it.
    pub fn passport(&self, message: MessageId) -> Result<Passport, LabError> {
        let Some((producer, key)) = self.ledger().origin(message) else {
            let next = self.next_message;
            return Err(LabError::Refused(match next {
                0 => format!("there is no message {message}: nothing was sent yet"),
                _ => format!("there is no message {message}; there are m0 to m{}", next - 1),
            }));
        };
        let mut passport = Passport {
            message,
            producer: producer.to_owned(),
            key: key.map(str::to_owned),
            kafka: Vec::new(),
            rabbit: Vec::new(),
        };
        let mut place = None;
        for event in self.events().since(0) {
            self.stamp(event, message, &mut place, &mut passport);
        }
        passport.kafka.order_by_key(|stage| (stage.at, stage.what));
        self.waits(&mut passport, place);
        Ok(passport)
    }

    fn stamp(
        &self,
        event: &Event,
        message: MessageId,
        place: &mut Option<(kafka::event::TopicPartition, i64)>,
        passport: &mut Passport,
    ) {
        match &event.what {
            What::Kafka(what) => {
                let concerns = messages_of(&event.what).contains(&message);
                if let kafka::event::Event::ProduceAcknowledged {
                    partition,
                    messages,
                    base_offset,
                    ..
                } = what
                    && let Some(index) = messages.iter().position(|m| *m == message)
                {
                    let offset = *base_offset + index as i64;
                    *place = Some((partition.clone(), offset));
                    self.stamp_appended(partition, offset, passport);
                }
                if let Some((what, facts)) = kafka_stage(what, concerns, place.as_ref()) {
                    passport.kafka.push(Stage { at: Some(event.at), what, facts });
                }
            }
            What::Rabbit(what) if messages_of(&event.what).contains(&message) => {
                if let Some((what, facts)) = rabbit_stage(what) {
                    // It left its queue for the exchange, and was not dropped.
                    if what == StageKind::DeadLettered {
                        passport.rabbit.pop_if(|stage| stage.what == StageKind::Dropped);
                    }
                    passport.rabbit.push(Stage { at: Some(event.at), what, facts });
                }
            }
            _ => {}
        }
    }

    /// The broker appends before the producer learns the offset: look back for it.
    fn stamp_appended(
        &self,
        partition: &kafka::event::TopicPartition,
        offset: i64,
        passport: &mut Passport,
    ) {
        use kafka::event::Event as Kafka;
        for event in self.events().newest_first() {
            match &event.what {
                What::Kafka(Kafka::HighWatermarkAdvanced { partition: of, offset: to })
                    if of == partition && *to > offset =>
                {
                    // The earliest such event counts: a later turn of the loop replaces it.
                    passport.kafka.retain(|stage| stage.what != StageKind::Visible);
                    let facts = vec![("high_watermark", to.to_string())];
                    let (at, what) = (Some(event.at), StageKind::Visible);
                    passport.kafka.push(Stage { at, what, facts });
                }
                What::Kafka(Kafka::Appended {
                    broker,
                    partition: of,
                    base_offset,
                    last_offset,
                    ..
                }) if of == partition && (*base_offset..=*last_offset).contains(&offset) => {
                    let facts: Facts = vec![
                        ("partition", partition.to_string()),
                        ("offset", offset.to_string()),
                        ("broker", format!("kafka-{broker}")),
                    ];
                    let (at, what) = (Some(event.at), StageKind::Appended);
                    passport.kafka.push(Stage { at, what, facts });
                    return;
                }
                _ => {}
            }
        }
    }

    /// What it waits for now, on each side.
    fn waits(&self, passport: &mut Passport, place: Option<(kafka::event::TopicPartition, i64)>) {
        let has = |stages: &[Stage], kind: StageKind| stages.iter().any(|s| s.what == kind);
        if let Some((partition, offset)) = place
            && !has(&passport.kafka, StageKind::Delivered)
            && !has(&passport.kafka, StageKind::Dropped)
        {
            let below = self.kafka.topics().iter().any(|topic| {
                topic
                    .partitions
                    .iter()
                    .any(|p| p.partition == partition && p.high_watermark > offset)
            });
            let reason = match below {
                true => "the consumer has not asked for it yet",
                false => "it is not below the high watermark yet",
            };
            passport.kafka.push(waiting(reason));
        }
        let left =
            has(&passport.rabbit, StageKind::Removed) || has(&passport.rabbit, StageKind::Dropped);
        let queues = self.rabbit.queues();
        let waits = queues.iter().find_map(|queue| {
            let cells = self.rabbit.glimpse(&queue.name, usize::MAX);
            let waits = |state| matches!(state, CellState::Ready | CellState::Delayed);
            let is_it = |cell: &&Glimpse| cell.message == passport.message && waits(cell.state);
            Some((queue, cells.iter().find(is_it)?.state))
        });
        if let Some((queue, state)) = waits.filter(|_| !left) {
            let reason = match queue.consumers.is_empty() {
                _ if state == CellState::Delayed => "it came back and is delayed",
                true => "the queue has no consumer",
                false => "no consumer has a free prefetch slot",
            };
            passport.rabbit.push(waiting(reason));
        }
    }
}

fn waiting(reason: &'static str) -> Stage {
    Stage { at: None, what: StageKind::Waiting, facts: vec![("reason", reason.into())] }
}

fn kafka_stage(
    event: &kafka::event::Event,
    concerns: bool,
    place: Option<&(kafka::event::TopicPartition, i64)>,
) -> Option<(StageKind, Facts)> {
    use kafka::event::Event as Kafka;
    Some(match event {
        Kafka::ProducerBuffered { partition, .. } if concerns => {
            (StageKind::Partitioned, vec![("partition", partition.to_string())])
        }
        Kafka::ProduceSent { partition, messages, .. } if concerns => (
            StageKind::Sent,
            vec![("partition", partition.to_string()), ("batch", messages.len().to_string())],
        ),
        Kafka::ProduceAcknowledged { base_offset, messages, .. } if concerns => (
            StageKind::Acknowledged,
            vec![("offset", base_offset.to_string()), ("batch", messages.len().to_string())],
        ),
        Kafka::ProduceFailed { error, .. } if concerns => {
            (StageKind::Dropped, vec![("reason", error.sentence.clone())])
        }
        Kafka::Fetched { client, .. } if concerns => {
            (StageKind::Delivered, vec![("consumer", client.to_string())])
        }
        Kafka::ProcessingStarted { client, .. } if concerns => {
            (StageKind::ProcessingStarted, vec![("consumer", client.to_string())])
        }
        Kafka::Processed { client, .. } if concerns => {
            (StageKind::Processed, vec![("consumer", client.to_string())])
        }
        Kafka::LeaderStarted { broker, partition, leader_epoch, log_end, unclean } => {
            place.filter(|(of, at)| of == partition && *log_end <= *at)?;
            let reason = match unclean {
                true => "an unclean election made a replica the leader that did not have it",
                false => "the next leader did not have it: it was not replicated",
            };
            let facts = vec![
                ("reason", reason.to_owned()),
                ("leader", format!("kafka-{broker}")),
                ("epoch", leader_epoch.to_string()),
                ("log_end", log_end.to_string()),
            ];
            (StageKind::Dropped, facts)
        }
        Kafka::OffsetCommitted { group, partition, offset } => {
            place.filter(|(of, at)| of == partition && *offset == at + 1)?;
            (
                StageKind::Committed,
                vec![("group", group.to_string()), ("offset", offset.to_string())],
            )
        }
        _ => return None,
    })
}

fn rabbit_stage(event: &rabbit::event::Event) -> Option<(StageKind, Facts)> {
    use rabbit::event::Event as Rabbit;
    Some(match event {
        Rabbit::Published { exchange, routing_key, .. } => (
            StageKind::Sent,
            vec![("exchange", exchange.to_string()), ("routing_key", routing_key.to_string())],
        ),
        Rabbit::Routed { queues, .. } => (StageKind::Routed, vec![("queues", queues.join(", "))]),
        Rabbit::Enqueued { queue, position, .. } => (
            StageKind::Enqueued,
            vec![("queue", queue.to_string()), ("position", position.to_string())],
        ),
        Rabbit::Pushed { consumer, tag, redelivered, .. } => (
            StageKind::Pushed,
            vec![
                ("consumer", consumer.to_string()),
                ("delivery_tag", tag.to_string()),
                ("redelivered", redelivered.to_string()),
            ],
        ),
        Rabbit::Delivered { client, .. } => {
            (StageKind::Delivered, vec![("consumer", client.to_string())])
        }
        Rabbit::ProcessingStarted { client, .. } => {
            (StageKind::ProcessingStarted, vec![("consumer", client.to_string())])
        }
        Rabbit::Processed { client, .. } => {
            (StageKind::Processed, vec![("consumer", client.to_string())])
        }
        Rabbit::Acknowledged { queue, .. } => {
            (StageKind::Removed, vec![("queue", queue.to_string())])
        }
        Rabbit::Got { queue, .. } => (StageKind::Delivered, vec![("queue", queue.to_string())]),
        Rabbit::Delayed { queue, delay_ms, .. } => (
            StageKind::Delayed,
            vec![("queue", queue.to_string()), ("delay", format!("{delay_ms} ms"))],
        ),
        Rabbit::Requeued { queue, .. } => (StageKind::Requeued, vec![("queue", queue.to_string())]),
        Rabbit::Removed { queue, reason, .. } => {
            (StageKind::Dropped, vec![("queue", queue.to_string()), ("reason", (*reason).into())])
        }
        Rabbit::DeadLettered { queue, exchange, reason, .. } => (
            StageKind::DeadLettered,
            vec![
                ("queue", queue.to_string()),
                ("reason", (*reason).into()),
                ("exchange", exchange.to_string()),
            ],
        ),
        Rabbit::Confirmed { .. } => (StageKind::Acknowledged, Vec::new()),
        Rabbit::Refused { .. } => (StageKind::Dropped, vec![("reason", "basic.nack".into())]),
        Rabbit::Returned { .. } => (StageKind::Dropped, vec![("reason", "basic.return".into())]),
        Rabbit::Unroutable { returned, .. } => {
            let reason = if *returned { "no route: returned" } else { "no route" };
            (StageKind::Dropped, vec![("reason", reason.into())])
        }
        _ => return None,
    })
}
