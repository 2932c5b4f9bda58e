//! Console tools at work: `kafka-console-producer` and `kafka-console-consumer`. The session
//! watches them, so that a replay takes their clients away at the same instant.

use super::command::Load;
use super::event::What;
use super::outcome::{Consumed, ConsumedRecord, LabError, Outcome};
use super::stopwatch::Stopwatch;
use crate::kafka::command::ApiError;
use crate::kafka::event::{Event, Text};
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
    /// What its client logged.
    warnings: Vec<String>,
    /// The topics whose leaders' clocks give records their time.
    stamped: Vec<String>,
    /// When its group began to divide partitions anew.
    revoked: Time,
    /// True if it is a member of a group, which it leaves before it ends.
    is_member: bool,
    /// What it came to, while it closes its client.
    ending: Option<Box<Result<Outcome, LabError>>>,
}

#[derive(Clone, Debug)]
enum Kind {
    /// It sends, and has so many records that are not settled.
    Produces { left: u64 },
    /// It sends records and measures how long each takes.
    Measures(Box<Stopwatch>),
    /// It reads. Running out of time is its normal end, unless it is `strict`.
    Consumes { strict: bool, finished: bool },
}

/// Closing takes no longer: `close()` waits 30 s for its requests.
const CLOSE_PATIENCE: Span = Span::seconds(31);

impl Console {
    /// A performance test.
    pub(super) fn measures(client: String, load: Load, now: Time) -> Console {
        let what = Kind::Measures(Box::new(Stopwatch::of(load, now)));
        Console::new(client, what, Span::seconds(150), now)
    }

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

    /// The topics whose leaders' clocks give records their time.
    pub(super) fn stamped(mut self, topics: Vec<String>) -> Console {
        self.stamped = topics;
        self
    }

    /// A member of a group leaves it before it ends.
    pub(super) fn member(mut self, is_member: bool) -> Console {
        self.is_member = is_member;
        self
    }

    /// It has come to this, and closes its client now; false if there is nothing to close.
    pub(super) fn closes(&mut self, result: &Result<Outcome, LabError>, now: Time) -> bool {
        let has_left = matches!(self.what, Kind::Consumes { finished: true, .. });
        if !self.is_member || has_left || self.ending.is_some() {
            return false;
        }
        self.ending = Some(Box::new(result.clone()));
        self.deadline = now + CLOSE_PATIENCE;
        true
    }

    /// What it has come to, while it closes its client.
    pub(super) fn ending(&self) -> Option<&Result<Outcome, LabError>> {
        self.ending.as_deref()
    }

    fn new(client: String, what: Kind, patience: Span, now: Time) -> Console {
        let (got, error) = (Consumed { began: now, ended: now, ..Consumed::default() }, None);
        let (is_member, ending, deadline) = (false, None, now + patience);
        let (warnings, stamped, revoked) = (Vec::new(), Vec::new(), now);
        Console {
            client,
            what,
            patience,
            deadline,
            got,
            error,
            warnings,
            stamped,
            revoked,
            is_member,
            ending,
        }
    }

    /// When it gives up unless something comes before.
    pub(super) fn deadline(&self) -> Time {
        self.deadline
    }

    /// Listens to an event.
    pub(super) fn listen(&mut self, at: Time, what: &What) {
        if let What::Kafka(Event::ClientError { client, error }) = what
            && **client == *self.client
            && is_warning(error)
        {
            return self.warnings.push(error.sentence.clone());
        }
        if let Kind::Measures(stopwatch) = &mut self.what {
            if stopwatch.listen(&self.client, at, what, &mut self.error) {
                self.deadline = at + self.patience;
            }
            return;
        }
        let What::Kafka(event) = what else { return };
        if self.ending.is_some() {
            return;
        }
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
                Event::Processed {
                    client,
                    partition,
                    offset,
                    key,
                    value,
                    timestamp_ms,
                    epoch,
                    headers,
                    ..
                },
                Kind::Consumes { .. },
            ) if **client == *self.client => {
                self.got.records.push(ConsumedRecord {
                    partition: partition.partition,
                    offset: *offset,
                    timestamp_ms: *timestamp_ms,
                    key: key.as_ref().map(Text::to_string),
                    value: value.as_ref().map(Text::to_string),
                    epoch: *epoch,
                    headers: headers.clone(),
                    at,
                    is_append_time: self.stamped.iter().any(|topic| **topic == *partition.topic),
                });
                self.deadline = at + self.patience;
                self.got.ended = at;
            }
            (Event::PartitionsAssigned { client, .. }, Kind::Consumes { .. })
                if **client == *self.client =>
            {
                self.got.rebalances.push((at, at.since(self.revoked)));
            }
            (Event::PartitionsRevoked { client, .. }, Kind::Consumes { .. })
                if **client == *self.client =>
            {
                self.revoked = at;
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

    /// True where it is told what its client counted.
    pub(super) fn wants_metrics(&self) -> bool {
        !matches!(self.what, Kind::Produces { .. }) && self.ending.is_none()
    }

    /// What it came to, if it is over now, and what its client logged.
    pub(super) fn result(&self, now: Time) -> Option<Result<Outcome, LabError>> {
        let late = now >= self.deadline;
        if let Some(ending) = &self.ending {
            return late.then(|| (**ending).clone());
        }
        let result = self.came_to(now, late)?;
        Some(match self.warnings.is_empty() {
            true => result,
            false => Ok(Outcome::Warned(self.warnings.clone(), Box::new(result))),
        })
    }

    fn came_to(&self, now: Time, late: bool) -> Option<Result<Outcome, LabError>> {
        match self.what {
            Kind::Produces { left: 0 } => Some(match &self.error {
                Some(error) => Err(LabError::Kafka(error.clone())),
                None => Ok(Outcome::Done),
            }),
            Kind::Measures(ref stopwatch) if stopwatch.is_over() => Some(match &self.error {
                Some(error) => Err(LabError::Kafka(error.clone())),
                None => Ok(Outcome::Measured(stopwatch.result())),
            }),
            Kind::Consumes { .. } if self.error.is_some() => {
                Some(Err(LabError::Kafka(self.error.clone()?)))
            }
            Kind::Consumes { finished: true, .. } => Some(Ok(Outcome::Consumed(self.got.clone()))),
            Kind::Consumes { strict: false, .. } if late => {
                let got = Consumed { timed_out: true, ended: now, ..self.got.clone() };
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

/// True if a client only logs it: what is wrong with a topic, as a broker says.
fn is_warning(error: &ApiError) -> bool {
    let issues = ["UNKNOWN_TOPIC_OR_PARTITION", "LEADER_NOT_AVAILABLE", "INVALID_TOPIC_EXCEPTION"];
    issues.contains(&&*error.name)
}
