//! Transactions: what is published and settled on a channel waits for its commit.
//!
//! A publish is routed when it comes, and put into its queues by the commit; a message that no
//! queue takes is returned then, before `commit-ok`. That comes when every queue has made its
//! messages safe. A rollback drops the publishes; deliveries are unacknowledged as before.

use super::Broker;
use crate::rabbit::channel::{Mode, Unacked};
use crate::rabbit::command::AmqpError;
use crate::rabbit::confirms::Confirms;
use crate::rabbit::content::Content;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::process::Out;
use crate::rabbit::queue::Settlement;
use std::rc::Rc;

/// A publish that waits for the commit.
#[derive(Clone, Debug)]
struct Pending {
    content: Rc<Content>,
    mandatory: bool,
    routed: Vec<QueueId>,
}

/// What a transactional channel has not committed.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    publishes: Vec<Pending>,
    /// With their delivery tags.
    settled: Vec<(Vec<(u64, Unacked)>, Settlement)>,
    /// What the commit waits for.
    waiting: Confirms<QueueId>,
    is_committing: bool,
    has_failed: bool,
}

impl Transaction {
    /// A message was published that is to go to these queues.
    pub fn publish(&mut self, content: Rc<Content>, mandatory: bool, routed: Vec<QueueId>) {
        self.publishes.push(Pending { content, mandatory, routed });
    }

    /// Deliveries were settled.
    pub fn settle(&mut self, tagged: Vec<(u64, Unacked)>, how: Settlement) {
        self.settled.push((tagged, how));
    }

    /// A queue has made a publish safe.
    pub fn confirm(&mut self, number: u64, queue: &QueueId) {
        self.waiting.confirm(number, queue);
    }

    /// A queue has refused a publish.
    pub fn refuse(&mut self, number: u64) {
        self.has_failed |= self.waiting.reject(number);
    }

    /// A queue is gone: nothing waits for it.
    pub fn queue_gone(&mut self, queue: QueueId) {
        self.waiting.remove_queue(&queue);
    }

    /// How many publishes and how many acknowledgements wait for the commit.
    pub fn uncommitted(&self) -> (u64, u64) {
        let settled = self.settled.iter().map(|(tagged, _)| tagged.len() as u64);
        (self.publishes.len() as u64, settled.sum())
    }

    /// True if a commit has nothing to wait for any more.
    pub fn is_done(&self) -> bool {
        self.is_committing && self.waiting.smallest().is_none()
    }
}

impl Broker {
    fn transaction(&mut self, channel: ChannelId) -> Result<&mut Transaction, AmqpError> {
        match &mut self.channel(channel).mode {
            Mode::Transaction(transaction) => Ok(transaction),
            _ => Err(error::precondition_failed("channel is not transactional")),
        }
    }

    /// `tx.select`.
    pub(super) fn select_transactions(
        &mut self,
        channel: ChannelId,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let mode = &mut self.channel(channel).mode;
        match mode {
            Mode::Confirm(_) => {
                let text = "cannot switch from confirm to tx mode";
                return Err(error::precondition_failed(text));
            }
            Mode::Plain => *mode = Mode::Transaction(Box::default()),
            Mode::Transaction(_) => {}
        }
        self.send(channel, Method::TxSelectOk, out);
        Ok(())
    }

    /// `tx.commit`.
    pub(super) fn commit(
        &mut self,
        channel: ChannelId,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let transaction = self.transaction(channel)?;
        transaction.is_committing = true;
        let publishes = std::mem::take(&mut transaction.publishes);
        let settled = std::mem::take(&mut transaction.settled);
        for (number, pending) in (1..).zip(publishes) {
            let Pending { content, mandatory, mut routed } = pending;
            routed.retain(|queue| self.queues.contains_key(queue));
            if routed.is_empty() {
                self.unroutable(channel, content, mandatory, out);
                continue;
            }
            self.transaction(channel)?.waiting.insert(number, &routed);
            self.put_into(&routed, &content, Some(PublishId { channel, number }), out);
        }
        for (tagged, how) in settled {
            let settled = tagged.into_iter().map(|(_, unacked)| unacked).collect();
            self.settle_many(channel, settled, how, out);
        }
        self.news.insert(channel);
        Ok(())
    }

    /// A commit that waits for nothing any more is answered.
    pub(super) fn finish_commit(&mut self, channel: ChannelId, out: &mut Out<'_>) {
        let Ok(transaction) = self.transaction(channel) else { return };
        transaction.is_committing = false;
        if std::mem::take(&mut transaction.has_failed) {
            let failed = error::precondition_failed("partial tx completion");
            return self.fail(channel, failed, out);
        }
        self.send(channel, Method::TxCommitOk, out);
    }

    /// `tx.rollback`.
    pub(super) fn roll_back(
        &mut self,
        channel: ChannelId,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let transaction = self.transaction(channel)?;
        transaction.publishes.clear();
        let settled = std::mem::take(&mut transaction.settled);
        let settled = settled.into_iter().flat_map(|(tagged, _)| tagged);
        self.channel(channel).unsettle(settled);
        self.send(channel, Method::TxRollbackOk, out);
        Ok(())
    }

    /// No queue takes a message: it goes back, or is dropped.
    pub(super) fn unroutable(
        &mut self,
        channel: ChannelId,
        content: Rc<Content>,
        mandatory: bool,
        out: &mut Out<'_>,
    ) {
        out.emit(Event::Unroutable { message: content.id, returned: mandatory });
        if mandatory {
            self.send(channel, Method::BasicReturn { content }, out);
        }
    }
}
