//! Console tools at work: `kafka-console-producer` and `kafka-console-consumer`. The session
//! watches them, so that a replay takes their clients away at the same instant.

use super::event::What;
use super::outcome::{Consumed, ConsumedRecord, LabError, Outcome};
use crate::kafka::command::ApiError;
use crate::kafka::event::Event;
use crate::sim::{Span, Time};

/// A console tool at work.
#[derive(Clone, Debug)]
pub(super) struct Console {
    /// Its client.
    pub client: String,
    what: Kind,
    /// How long it waits for the next record, and until when at the latest.
    patience: Span,
    deadline: Time,
    got: Consumed,
    error: Option<ApiError>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// It sends, and has so many records that are not settled.
    Produces { left: u64 },
    /// It reads. Running out of time is its normal end, unless it is `strict`.
    Consumes { strict: bool, finished: bool },
}

impl Console {
    /// A producer of so many records. `delivery.timeout.ms` (120 s) ends it before the lab does.
    pub(super) fn produces(client: String, records: u64, now: Time) -> Console {
        let patience = Span::seconds(150);
        Console::new(client, Kind::Produces { left: records }, patience, now)
    }

    /// A consumer that waits so long for the next record. `strict`: it was told how many records
    /// to read and not how long to wait, so that waiting in vain is an error.
    pub(super) fn consumes(client: String, patience: Span, strict: bool, now: Time) -> Console {
        Console::new(client, Kind::Consumes { strict, finished: false }, patience, now)
    }

    fn new(client: String, what: Kind, patience: Span, now: Time) -> Console {
        let (got, error) = (Consumed::default(), None);
        Console { client, what, patience, deadline: now + patience, got, error }
    }

    /// When it gives up unless something comes before.
    pub(super) fn deadline(&self) -> Time {
        self.deadline
    }

    /// Listens to an event.
    pub(super) fn listen(&mut self, at: Time, what: &What) {
        let What::Kafka(event) = what else { return };
        match (event, &mut self.what) {
            (Event::ProduceAcknowledged { client, messages, .. }, Kind::Produces { left })
                if **client == *self.client =>
            {
                *left = left.saturating_sub(messages.len() as u64);
            }
            (Event::ProduceFailed { client, messages, error }, Kind::Produces { left })
                if **client == *self.client =>
            {
                self.error.get_or_insert_with(|| error.clone());
                *left = left.saturating_sub(messages.len() as u64);
            }
            (
                Event::Processed { client, partition, offset, key, value, timestamp_ms, .. },
                Kind::Consumes { .. },
            ) if **client == *self.client => {
                self.got.records.push(ConsumedRecord {
                    partition: partition.partition,
                    offset: *offset,
                    timestamp_ms: *timestamp_ms,
                    key: key.clone(),
                    value: value.clone(),
                });
                self.deadline = at + self.patience;
            }
            (Event::ClientFinished { client }, Kind::Consumes { finished, .. })
                if **client == *self.client =>
            {
                *finished = true;
            }
            (Event::ClientError { client, error }, Kind::Consumes { .. })
                if **client == *self.client =>
            {
                self.error.get_or_insert_with(|| error.clone());
            }
            _ => {}
        }
    }

    /// What it came to, if it is over now.
    pub(super) fn result(&self, now: Time) -> Option<Result<Outcome, LabError>> {
        let late = now >= self.deadline;
        match self.what {
            Kind::Produces { left: 0 } => Some(match &self.error {
                Some(error) => Err(LabError::Kafka(error.clone())),
                None => Ok(Outcome::Done),
            }),
            Kind::Consumes { .. } if self.error.is_some() => {
                Some(Err(LabError::Kafka(self.error.clone()?)))
            }
            Kind::Consumes { finished: true, .. } => Some(Ok(Outcome::Consumed(self.got.clone()))),
            Kind::Consumes { strict: false, .. } if late => {
                let got = Consumed { timed_out: true, ..self.got.clone() };
                Some(Ok(Outcome::Consumed(got)))
            }
            _ if late => Some(Err(LabError::NotReached(format!(
                "the tool waited {} of virtual time in vain, after {} records; a real one would \
                 wait on",
                self.patience,
                self.got.records.len()
            )))),
            _ => None,
        }
    }
}
