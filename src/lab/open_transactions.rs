//! Which records of transactions count, by what the clients and the coordinators tell: what a
//! consumer with `isolation.level=read_committed` may see.

use super::invariants::{Broken, DECIDED, broken};
use super::session::Session;
use crate::kafka::event::{Event, TopicPartition};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::MessageId;
use std::rc::Rc;

/// A message in a topic.
type Place = (Rc<str>, u64);

/// A transaction that a client has open.
#[derive(Clone, Debug)]
struct Open {
    id: Rc<str>,
    epoch: i16,
    sent: Vec<Place>,
}

/// What was sent in transactions.
#[derive(Clone, Debug, Default)]
pub struct Transactions {
    open: BTreeMap<Rc<str>, Open>,
    /// What nobody has decided, and what was aborted.
    hidden: BTreeSet<Place>,
    /// What was committed: it counts, even if it is sent again, and that is aborted.
    committed: BTreeSet<Place>,
}

impl Transactions {
    /// Takes an event; an error if somebody sees what counts not, or not yet.
    pub fn look(&mut self, event: &Event, session: &Session) -> Result<(), Broken> {
        match event {
            Event::TransactionBegun { client, transactional_id, epoch, .. } => {
                let (id, epoch) = (transactional_id.clone(), *epoch);
                self.open.insert(client.clone(), Open { id, epoch, sent: Vec::new() });
            }
            Event::ProducerBuffered { client, message, partition }
            | Event::ResultWritten { client, message, partition, .. } => {
                self.sent(client, *message, partition);
            }
            Event::TransactionDecided { transactional_id, epoch, outcome, .. } => {
                self.decided(transactional_id, *epoch, *outcome == "committed");
            }
            Event::Fetched { client, partition, messages, .. } => {
                let reads = session.kafka.consumer(client);
                let level = reads.and_then(|spec| spec.settings.get("isolation.level"));
                if level.is_none_or(|level| level != "read_committed") {
                    return Ok(());
                }
                let hidden = |message: &&MessageId| {
                    self.hidden.contains(&(partition.topic.clone(), message.0))
                };
                if let Some(message) = messages.iter().find(hidden) {
                    return broken(DECIDED, format!("{client}: {message} of {partition}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn sent(&mut self, client: &Rc<str>, message: MessageId, partition: &TopicPartition) {
        if let Some(open) = self.open.get_mut(client) {
            let place = (partition.topic.clone(), message.0);
            open.sent.push(place.clone());
            if !self.committed.contains(&place) {
                self.hidden.insert(place);
            }
        }
    }

    /// A decision is about the transaction of one epoch, and begins the next.
    fn decided(&mut self, id: &Rc<str>, next_epoch: i16, commits: bool) {
        for open in self.open.values_mut() {
            if open.id == *id && open.epoch.wrapping_add(1) == next_epoch {
                for place in std::mem::take(&mut open.sent) {
                    if commits {
                        self.hidden.remove(&place);
                        self.committed.insert(place);
                    }
                }
            }
        }
    }
}
