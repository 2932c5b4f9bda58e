//! From an exchange to queues: routing, returns, confirms.

use super::Broker;
use crate::rabbit::channel::{Confirming, Mode};
use crate::rabbit::command::AmqpError;
use crate::rabbit::content::Content;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, PublishId};
use crate::rabbit::message::Method;
use crate::rabbit::process::Out;
use crate::sim::{CostModel, Span};
use std::rc::Rc;

/// Properties that are larger cannot be stored.
const HEAD_BYTES_MAX: u64 = 60_000;

impl Broker {
    /// `basic.publish`.
    pub(super) fn publish(
        &mut self,
        channel: ChannelId,
        content: Rc<Content>,
        (mandatory, immediate): (bool, bool),
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        if immediate {
            return Err(error::not_implemented("immediate=true"));
        }
        self.check_publish(&content)?;
        let mut routed = std::mem::take(&mut self.routed);
        routed.clear();
        self.exchanges.route(&content, &self.queue_ids, &mut routed)?;
        let confirm = match &mut self.channel(channel).mode {
            Mode::Plain => None,
            Mode::Confirm(confirming) => {
                let number = confirming.number();
                if routed.is_empty() {
                    confirming.acknowledge(number);
                } else {
                    confirming.waiting.insert(number, &routed);
                }
                Some(PublishId { channel, number })
            }
            Mode::Transaction => return Err(error::not_here_yet("transactions")),
        };
        let message = content.id;
        let content = without_blind_copies(content);
        if routed.is_empty() {
            out.emit(Event::Unroutable { message, returned: mandatory });
            if mandatory {
                self.send(channel, Method::BasicReturn { content }, out);
            }
            self.news.extend(confirm.map(|publish| publish.channel));
            return Ok(());
        }
        let queues = routed.iter().map(|queue| self.queues[queue].name.clone()).collect();
        let exchange = content.exchange.clone();
        out.emit(Event::Routed { message, exchange, queues });
        let mut copy = None;
        let work = work_of(out.cost(), content.body.len());
        for &queue in &routed {
            self.charge(queue, work, out.now());
            let push = self.with_queue(queue, out, |queue, means| {
                queue.publish(&content, confirm, &mut copy, means)
            });
            if let Some(push) = push.flatten() {
                self.push(queue, push, out);
            }
            self.see_to_writing(queue, out);
        }
        self.routed = routed;
        Ok(())
    }

    fn check_publish(&self, content: &Content) -> Result<(), AmqpError> {
        let (size, max) = (content.body.len() as u64, self.profile.message_bytes_max());
        if size > max {
            return Err(error::precondition_failed(format_args!(
                "message size {size} is larger than configured max size {max}"
            )));
        }
        if u64::from(content.properties_bytes) > HEAD_BYTES_MAX {
            return Err(error::not_here_yet("properties of more than 60,000 bytes"));
        }
        if !content.exchange.is_empty()
            && self.exchanges.get(&content.exchange)?.declaration.internal
        {
            let exchange = error::exchange_in_vhost(&content.exchange);
            let text = format!("cannot publish to internal {exchange}");
            return Err(error::access_refused(text));
        }
        match &content.properties.expiration {
            None => Ok(()),
            Some(text) if !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit()) => {
                Err(error::not_here_yet("expiration of messages"))
            }
            Some(text) => Err(error::precondition_failed(format_args!(
                "invalid expiration '{text}': no_integer"
            ))),
        }
    }

    /// `confirm.select`.
    pub(super) fn select_confirms(
        &mut self,
        channel: ChannelId,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let mode = &mut self.channel(channel).mode;
        match mode {
            Mode::Transaction => {
                let text = "cannot switch from tx to confirm mode";
                return Err(error::precondition_failed(text));
            }
            Mode::Plain => *mode = Mode::Confirm(Confirming::default()),
            Mode::Confirm(_) => {}
        }
        self.send(channel, Method::ConfirmSelectOk, out);
        Ok(())
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
            Mode::Plain => *mode = Mode::Transaction,
            Mode::Transaction => {}
        }
        self.send(channel, Method::TxSelectOk, out);
        Ok(())
    }

    /// Tells publishers what became of their publishes in this step.
    pub(super) fn tell_news(&mut self, out: &mut Out<'_>) {
        while let Some(id) = self.news.pop_first() {
            let connection = self.connections.get_mut(&id.client);
            let channel = connection.and_then(|all| all.channels.get_mut(&id.number));
            if let Some(Mode::Confirm(confirming)) = channel.map(|channel| &mut channel.mode) {
                let news = confirming.take_news();
                news.for_each(|method| self.send(id, method, out));
            }
        }
    }
}

/// Nobody who gets a message sees the header `BCC`.
fn without_blind_copies(content: Rc<Content>) -> Rc<Content> {
    if !content.properties.headers.contains_key("BCC") {
        return content;
    }
    let mut seen = (*content).clone();
    seen.properties.headers.remove("BCC");
    Rc::new(seen)
}

/// What a queue has to do for one message on its way in, or on its way out: half of what the cost
/// model says for a message, as that is for both.
pub(super) fn work_of(cost: &CostModel, body_bytes: usize) -> Span {
    let copying = u128::from(cost.kilobyte.as_micros()) * body_bytes as u128 / 1_000;
    Span::micros(cost.message.as_micros() / 2 + copying as u64)
}
