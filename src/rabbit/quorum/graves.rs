//! Dead letters that a quorum queue keeps until their dead letter exchange has them: the strategy
//! `at-least-once`.
//!
//! What dies is not given away at once. It stays with the queue, behind its ready messages, counts
//! as a message of it, and is in its log like everything else; so no crash can lose it. The leader
//! publishes at most [`PREFETCH`] of them at a time to the exchange and waits for the confirms of
//! all queues that took them; only then a command in the log lets go of them. What is not confirmed
//! in time, because nothing was bound, a queue was full or the node was down, is published again:
//! so it may be there twice.
//!
//! It holds only where the queue refuses what is too much (`overflow` is `reject-publish`) and has
//! a dead letter exchange; otherwise dead letters go at most once.

use crate::rabbit::death::Reason;
use crate::rabbit::storage_v2::Item;
use crate::sim::{MessageId, Span, Time};
use std::collections::VecDeque;

/// So many are published and not confirmed at a time (`dead_letter_worker_consumer_prefetch`).
pub const PREFETCH: usize = 32;

/// After so long what is not confirmed is published again
/// (`dead_letter_worker_publisher_confirm_timeout`).
pub const CONFIRM_TIMEOUT: Span = Span::seconds(180);

/// A dead letter that is kept.
#[derive(Clone, Debug)]
pub struct Grave {
    /// The message.
    pub item: Item,
    /// Why it died.
    pub reason: Reason,
    /// When it was last published, in this life of the leader.
    pub published: Option<Time>,
    /// True if it was published before.
    pub is_known: bool,
}

/// The dead letters that a queue keeps, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Graves {
    kept: VecDeque<Grave>,
    /// Bytes of their bodies.
    pub bytes: u64,
}

impl Graves {
    /// How many there are.
    pub fn count(&self) -> u64 {
        self.kept.len() as u64
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Grave> {
        self.kept.iter()
    }

    /// A message has died.
    pub fn keep(&mut self, item: Item, reason: Reason) {
        self.bytes += item.content.body.len() as u64;
        self.kept.push_back(Grave { item, reason, published: None, is_known: false });
    }

    /// Messages are safe elsewhere; their numbers.
    pub fn release(&mut self, seqs: &[u64]) -> Vec<(MessageId, Reason)> {
        let mut released = Vec::new();
        let bytes = &mut self.bytes;
        self.kept.retain(|grave| {
            let is_safe = seqs.contains(&grave.item.seq);
            if is_safe {
                *bytes -= grave.item.content.body.len() as u64;
                released.push((grave.item.content.id, grave.reason));
            }
            !is_safe
        });
        released
    }

    /// Those that are to be published now: as many as may be under way at a time. They count as
    /// published from now on.
    pub fn take_due(&mut self, now: Time) -> Vec<Grave> {
        let is_late = |at: Time| now.since(at) >= CONFIRM_TIMEOUT;
        let due = self.kept.iter_mut().take(PREFETCH);
        let due = due.filter(|grave| grave.published.is_none_or(is_late));
        due.map(|grave| {
            grave.published = Some(now);
            let due = grave.clone();
            grave.is_known = true;
            due
        })
        .collect()
    }

    /// When the first of them has waited too long for its confirm.
    pub fn retry_at(&self) -> Option<Time> {
        let published = self.kept.iter().take(PREFETCH).filter_map(|grave| grave.published);
        published.min().map(|at| at + CONFIRM_TIMEOUT)
    }
}
