//! A command under way: it acted, and waits for its answer while virtual time passes.

use super::act::Wait;
use super::event::What;
use super::outcome::{LabError, Outcome};
use super::session::Session;
use crate::sim::{MessageId, Time};
use crate::{kafka, rabbit};

/// A command under way.
#[derive(Clone, Debug)]
pub struct Execution {
    pub(super) wait: Result<Wait, LabError>,
    /// The first event that it has not looked at.
    seen: u64,
    /// When it began.
    began: Time,
}

/// How a waiting command stands.
pub(super) enum Stand {
    /// It is done.
    Done(Box<Result<Outcome, LabError>>),
    /// Time has to pass: to the next event, but not beyond this instant.
    Until(Time),
}

impl Execution {
    pub(super) fn new(wait: Result<Wait, LabError>, session: &Session) -> Execution {
        Execution { wait, seen: session.events().next(), began: session.now() }
    }

    /// A command that is over at once.
    pub(super) fn settled(result: Result<Outcome, LabError>, session: &Session) -> Execution {
        Execution::new(result.map(|outcome| Wait::For(Box::new(outcome))), session)
    }

    /// True if the command was refused and changed nothing.
    pub fn was_refused(&self) -> bool {
        self.wait.is_err()
    }

    /// The step that was to follow a look was not made.
    pub(super) fn look_again(&mut self) {
        if let Ok(Wait::Steps(left)) = &mut self.wait {
            *left += 1;
        }
    }

    /// How far it is, from 0 to 1, where that is known.
    pub fn part_done(&self, now: Time) -> Option<f64> {
        let part = |until: Time| {
            let whole = until.since(self.began).as_micros();
            (whole > 0).then(|| now.since(self.began).as_micros() as f64 / whole as f64)
        };
        match &self.wait {
            Ok(Wait::Until(until) | Wait::Holds(_, until)) => part(*until),
            _ => None,
        }
    }

    /// Looks at what happened since it last looked.
    pub(super) fn look(&mut self, session: &Session) -> Stand {
        let wait = match &mut self.wait {
            Ok(wait) => wait,
            Err(error) => return done(Err(error.clone())),
        };
        let now = session.now();
        let seen = std::mem::replace(&mut self.seen, session.events().next());
        match wait {
            Wait::For(outcome) => done(Ok((**outcome).clone())),
            // The timeline sees to it.
            Wait::Beside => done(Ok(Outcome::Done)),
            Wait::Until(until) if now >= *until => done(Ok(Outcome::Passed(now))),
            Wait::Until(until) => Stand::Until(*until),
            Wait::Steps(0) => done(Ok(Outcome::Passed(now))),
            Wait::Steps(left) => {
                *left -= 1;
                Stand::Until(Time::NEVER)
            }
            Wait::Holds(predicate, until) => match predicate.holds(session) {
                Err(sentence) => done(Err(LabError::Refused(sentence))),
                Ok(true) => done(Ok(Outcome::Passed(now))),
                Ok(false) if now >= *until => {
                    let waited = until.since(self.began);
                    let text = &predicate.text;
                    done(Err(LabError::NotReached(format!(
                        "not reached within {waited} of virtual time: {text}"
                    ))))
                }
                Ok(false) => Stand::Until(*until),
            },
            Wait::Kafka(request, until) => {
                let answer = session.events().since(seen).find_map(|event| match &event.what {
                    What::Kafka(kafka::event::Event::Answered { request: of, answer })
                        if of == request =>
                    {
                        Some(answer.clone())
                    }
                    _ => None,
                });
                answered(
                    answer.map(|a| a.map(Outcome::Kafka).map_err(LabError::Kafka)),
                    now,
                    *until,
                )
            }
            Wait::Rabbit(request, until) => {
                let answer = session.events().since(seen).find_map(|event| match &event.what {
                    What::Rabbit(rabbit::event::Event::Answered { request: of, answer })
                        if of == request =>
                    {
                        Some(answer.clone())
                    }
                    _ => None,
                });
                answered(
                    answer.map(|a| a.map(Outcome::Rabbit).map_err(LabError::Rabbit)),
                    now,
                    *until,
                )
            }
            Wait::Ended(name, _) if session.has_ended(name) => done(Ok(Outcome::Done)),
            Wait::Ended(name, until) if now >= *until => done(Err(LabError::NotReached(format!(
                "{name} did not end within {} of virtual time; `crash` ends it at once",
                until.since(self.began)
            )))),
            Wait::Ended(_, until) => Stand::Until(*until),
            Wait::Console(number) => match session.console_result(*number) {
                Some(result) => done(result),
                None => Stand::Until(Time::NEVER),
            },
        }
    }
}

fn done(result: Result<Outcome, LabError>) -> Stand {
    Stand::Done(Box::new(result))
}

fn answered(answer: Option<Result<Outcome, LabError>>, now: Time, until: Time) -> Stand {
    match answer {
        Some(answer) => done(answer),
        None if now >= until => {
            done(Err(LabError::NotReached("no broker answered within 90 s".into())))
        }
        None => Stand::Until(until),
    }
}

/// The messages that an event is about.
pub(super) fn messages_of(what: &What) -> Vec<MessageId> {
    use kafka::event::Event as Kafka;
    use rabbit::event::Event as Rabbit;
    match what {
        What::Kafka(event) => match event {
            Kafka::ProduceSent { messages, .. }
            | Kafka::ProduceAcknowledged { messages, .. }
            | Kafka::ProduceStored { messages, .. }
            | Kafka::ProduceFailed { messages, .. }
            | Kafka::Fetched { messages, .. } => messages.clone(),
            Kafka::ProducerBuffered { message, .. }
            | Kafka::ProcessingStarted { message, .. }
            | Kafka::Processed { message, .. } => vec![*message],
            _ => Vec::new(),
        },
        What::Rabbit(event) => match event {
            Rabbit::Published { message, .. }
            | Rabbit::Routed { message, .. }
            | Rabbit::Unroutable { message, .. }
            | Rabbit::Enqueued { message, .. }
            | Rabbit::Pushed { message, .. }
            | Rabbit::Delivered { message, .. }
            | Rabbit::ProcessingStarted { message, .. }
            | Rabbit::Processed { message, .. }
            | Rabbit::Acknowledged { message, .. }
            | Rabbit::Delayed { message, .. }
            | Rabbit::Requeued { message, .. }
            | Rabbit::Removed { message, .. }
            | Rabbit::DeadLettered { message, .. }
            | Rabbit::Got { message, .. }
            | Rabbit::Confirmed { message, .. }
            | Rabbit::Refused { message, .. }
            | Rabbit::Returned { message, .. } => vec![*message],
            _ => Vec::new(),
        },
        What::Lab(super::event::LabEvent::MessageSent { message, .. }) => vec![*message],
        What::Lab(_) => Vec::new(),
    }
}
