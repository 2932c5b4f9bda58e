//! Which publishes of a channel wait for which queues.
//!
//! A publish is acknowledged when every queue it was routed to has confirmed it, and refused as
//! soon as one refuses it. A queue that is deleted is taken off: it is never the reason for a
//! refusal.

use crate::ordered::BTreeMap;

/// The publishes of a channel that are neither acknowledged nor refused, each with the queues it
/// waits for.
#[derive(Clone, Debug)]
pub struct Confirms<Q> {
    waiting: BTreeMap<u64, Waiting<Q>>,
}

#[derive(Clone, Debug)]
enum Waiting<Q> {
    /// Nearly always it is one.
    For(Q),
    ForAll(Vec<Q>),
}

impl<Q> Default for Confirms<Q> {
    fn default() -> Confirms<Q> {
        Confirms { waiting: BTreeMap::new() }
    }
}

impl<Q: PartialEq + Clone> Confirms<Q> {
    /// A publish was routed to these queues, at least one.
    pub fn insert(&mut self, number: u64, queues: &[Q]) {
        let waiting = match queues {
            [queue] => Waiting::For(queue.clone()),
            _ => Waiting::ForAll(queues.to_vec()),
        };
        self.waiting.insert(number, waiting);
    }

    /// A queue has confirmed a publish. True if that was the last it waited for.
    pub fn confirm(&mut self, number: u64, queue: &Q) -> bool {
        let is_done = match self.waiting.get_mut(&number) {
            None => return false,
            Some(Waiting::For(only)) => only == queue,
            Some(Waiting::ForAll(queues)) => {
                queues.retain(|other| other != queue);
                queues.is_empty()
            }
        };
        if is_done {
            self.waiting.remove(&number);
        }
        is_done
    }

    /// A queue refused a publish. True if it was not refused before.
    pub fn reject(&mut self, number: u64) -> bool {
        self.waiting.remove(&number).is_some()
    }

    /// The publishes that wait for a queue.
    pub fn of_queue(&self, queue: &Q) -> Vec<u64> {
        let theirs = self.waiting.iter().filter(|(_, waiting)| match waiting {
            Waiting::For(only) => only == queue,
            Waiting::ForAll(queues) => queues.contains(queue),
        });
        theirs.map(|(number, _)| *number).collect()
    }

    /// A queue is gone; returns the publishes that waited only for it.
    pub fn remove_queue(&mut self, queue: &Q) -> Vec<u64> {
        let numbers: Vec<u64> = self.waiting.keys().copied().collect();
        numbers.into_iter().filter(|number| self.confirm(*number, queue)).collect()
    }

    /// The oldest that waits.
    pub fn smallest(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(number, _)| *number)
    }

    /// All that wait, in their order.
    pub fn outstanding(&self) -> impl Iterator<Item = u64> {
        self.waiting.keys().copied()
    }
}
