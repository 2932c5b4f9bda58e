//! From an exchange to queues: routing, returns, confirms.

use super::Broker;
use super::arguments::TIMER_MS_MAX;
use super::graves::is_own;
use crate::rabbit::channel::{Confirming, Mode};
use crate::rabbit::command::{AmqpError, Argument};
use crate::rabbit::content::Content;
use crate::rabbit::death::{Annotations, DEATHS_HEADER};
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::process::Out;
use crate::rabbit::profile::Profile;
use crate::rabbit::protection::Protection;
use crate::rabbit::queue::Published;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::talk::{Deed, Talk};
use crate::sim::{CostModel, NodeId, Span};
use std::rc::Rc;

/// The user of every connection.
const USER: &str = "guest";

/// Properties that are larger cannot be stored.
pub(super) const HEAD_BYTES_MAX: u64 = 60_000;

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
        if self.is_jms() {
            self.make_destination(channel, &content, out);
        }
        self.check_publish(&content)?;
        let mut routed = std::mem::take(&mut self.routed);
        routed.clear();
        self.exchanges.route(&content, &self.queue_ids, &mut routed)?;
        let received = received(content, self.profile);
        let at_once = self.without.lacks(Protection::ConfirmAfterStore);
        let confirm = match &mut self.channel(channel).mode {
            Mode::Plain => None,
            Mode::Confirm(confirming) => {
                let number = confirming.number();
                if routed.is_empty() || at_once {
                    confirming.acknowledge(number);
                    self.news.insert(channel);
                    None
                } else {
                    confirming.waiting.insert(number, &routed);
                    Some(PublishId { channel, number })
                }
            }
            Mode::Transaction(transaction) => {
                transaction.publish(received, mandatory, routed);
                return Ok(());
            }
        };
        if routed.is_empty() {
            self.unroutable(channel, received, mandatory, out);
        } else {
            self.put_into_from(channel, &routed, &received, confirm, out);
        }
        self.routed = routed;
        Ok(())
    }

    /// Gives the message of a channel to the queues that were chosen for it: the channel must not
    /// be too far ahead of those that apply it later.
    #[inline(always)]
    fn put_into_from(
        &mut self,
        channel: ChannelId,
        routed: &[QueueId],
        content: &Rc<Content>,
        confirm: Option<PublishId>,
        out: &mut Out<'_>,
    ) {
        for queue in routed {
            let found = &self.queues[queue];
            if found.group.is_some() || found.member.is_some() {
                self.has_sent(channel, *queue, out);
            }
        }
        self.sender = Some(channel);
        self.put_into(routed, content, confirm, out);
        self.sender = None;
    }

    /// Gives a message to the queues that were chosen for it.
    pub(super) fn put_into(
        &mut self,
        routed: &[QueueId],
        content: &Rc<Content>,
        confirm: Option<PublishId>,
        out: &mut Out<'_>,
    ) {
        out.tell(|| {
            if self.last_routed.0 != routed {
                let names = routed.iter().map(|queue| self.queues[queue].name.clone());
                self.last_routed = (routed.to_vec(), names.collect());
            }
            Event::Routed {
                message: content.id,
                exchange: content.exchange.clone(),
                queues: self.last_routed.1.clone(),
            }
        });
        let mut copy = None;
        let work = work_of(out.cost(), content.body.len());
        for &queue in routed {
            self.charge(queue, work, out.now());
            let found = &self.queues[&queue];
            if found.group.is_some() {
                self.submit_message(queue, content, confirm, out);
                continue;
            }
            if found.member.is_some() {
                self.publish_to_stream(queue, content, confirm, out);
                continue;
            }
            if let Some(home) = found.home {
                self.publish_at(home, queue, content, confirm, out);
                continue;
            }
            let published = self.with_queue(queue, out, |queue, means| {
                queue.publish(content, confirm, &mut copy, means)
            });
            match published {
                Some(Published::Pushed(push)) => self.push(queue, push, out),
                Some(Published::Refused) => self.refuse(confirm, out),
                _ => {}
            }
            self.see_to_timers(queue, out);
        }
    }

    /// A message for a classic queue on another node; nobody takes it there if that is down.
    fn publish_at(
        &mut self,
        home: NodeId,
        queue: QueueId,
        content: &Rc<Content>,
        confirm: Option<PublishId>,
        out: &mut Out<'_>,
    ) {
        if self.keeps_for_master(queue, (content, confirm)) {
            return;
        }
        if !self.is_up(home) {
            return self.refuse(confirm, out);
        }
        if let Some(sender) = self.sender {
            self.spends(sender, queue, out);
        }
        let channel = confirm.map(|publish| publish.channel).or(self.sender);
        let channel = channel.unwrap_or(self.connection_id(self.me));
        let deed = Deed::Publish(content.clone(), confirm.map(|publish| publish.number));
        tell(home, Talk::Do(queue, channel, deed), out);
    }

    /// A queue does not take a publish: the publisher is told so at once, whatever the others do.
    pub(super) fn refuse(&mut self, confirm: Option<PublishId>, out: &mut Out<'_>) {
        let Some(PublishId { channel, number }) = confirm else { return };
        if is_own(PublishId { channel, number }) {
            return self.burials.refuse(number);
        }
        if channel.node != self.me {
            return tell(channel.node, Talk::Refused(PublishId { channel, number }), out);
        }
        match &mut self.channel(channel).mode {
            Mode::Confirm(confirming) => {
                if confirming.waiting.reject(number) {
                    confirming.refuse(number);
                    self.news.insert(channel);
                }
            }
            Mode::Transaction(transaction) => transaction.refuse(number),
            Mode::Plain => {}
        }
    }

    #[inline(always)]
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
        let carried = &content.properties.carried;
        if !carried.is_empty()
            && let Some(Argument::Text(user)) = carried.get("user_id")
            && user != USER
        {
            return Err(error::precondition_failed(format_args!(
                "user_id property set to '{user}' but authenticated user was '{USER}'"
            )));
        }
        match &content.properties.expiration {
            None => Ok(()),
            Some(text) => check_expiration(text),
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
            Mode::Transaction(_) => {
                let text = "cannot switch from tx to confirm mode";
                return Err(error::precondition_failed(text));
            }
            Mode::Plain => *mode = Mode::Confirm(Confirming::default()),
            Mode::Confirm(_) => {}
        }
        self.send(channel, Method::ConfirmSelectOk, out);
        Ok(())
    }

    /// Tells publishers what became of their publishes in this step.
    pub(super) fn tell_news(&mut self, out: &mut Out<'_>) {
        while let Some(id) = self.news.pop_first() {
            let connection = self.connections.get_mut(&id.client);
            let channel = connection.and_then(|all| all.channels.get_mut(&id.number));
            match channel.map(|channel| &mut channel.mode) {
                Some(Mode::Confirm(confirming)) => {
                    let news = confirming.take_news();
                    news.for_each(|method| self.send(id, method, out));
                }
                Some(Mode::Transaction(transaction)) if transaction.is_done() => {
                    self.finish_commit(id, out);
                }
                _ => {}
            }
        }
    }
}

fn check_expiration(text: &str) -> Result<(), AmqpError> {
    let is_number = !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit());
    let reason = match text.parse::<i64>() {
        Ok(ms) if is_number && ms <= TIMER_MS_MAX => return Ok(()),
        _ if is_number => format!("{{value_too_big,{text}}}"),
        Ok(negative) => format!("{{value_negative,{negative}}}"),
        Err(_) => "no_integer".to_owned(),
    };
    Err(error::precondition_failed(format_args!("invalid expiration '{text}': {reason}")))
}

/// A message as the broker keeps it. Nobody who gets it sees the header `BCC`; up to 3.13 the
/// broker took the header `x-death` for its own, whoever wrote it.
fn received(content: Rc<Content>, profile: Profile) -> Rc<Content> {
    let headers = &content.properties.headers;
    let is_read = profile == Profile::V3_11 && headers.contains_key(DEATHS_HEADER);
    if headers.is_empty() || !is_read && !headers.contains_key("BCC") {
        return content;
    }
    let mut kept = (*content).clone();
    let mut annotations = Annotations::default();
    if is_read {
        annotations = Annotations::read(headers).unwrap_or_default();
        Rc::make_mut(&mut kept.properties).headers.remove(DEATHS_HEADER);
    }
    annotations.blind_keys = content.listed_keys("BCC").into_iter().map(str::to_owned).collect();
    Rc::make_mut(&mut kept.properties).headers.remove("BCC");
    kept.annotate(annotations);
    Rc::new(kept)
}

/// What a queue has to do for one message on its way in, or on its way out: half of what the cost
/// model says for a message, as that is for both.
pub(super) fn work_of(cost: &CostModel, body_bytes: usize) -> Span {
    let own = Span::micros(cost.message.as_micros() / 2);
    if cost.kilobyte.is_zero() {
        return own;
    }
    let copying = u128::from(cost.kilobyte.as_micros()) * body_bytes as u128 / 1_000;
    own + Span::micros(copying as u64)
}
