//! Connections and channels, and what an error closes.

use super::Broker;
use crate::ordered::{BTreeMap, BTreeSet, Order, Slots};
use crate::rabbit::channel::{Channel, Unacked};
use crate::rabbit::command::{AmqpError, Closes};
use crate::rabbit::error;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::{Frame, Method};
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::protection::Protection;
use crate::rabbit::queue::Settlement;
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::talk::{Deed, Talk};
use crate::sim::{Message as _, NodeId, Span, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// Each side says so often that it lives: half the heartbeat interval of 60 s.
pub const HEARTBEAT_INTERVAL: Span = Span::seconds(30);

/// A side that was silent for so long is taken for dead: two missed heartbeats.
pub const SILENCE_MAX: Span = Span::seconds(120);

/// A connection, as the broker sees it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its open channels.
    pub channels: Slots<u16, Channel>,
    /// Channels that were closed by an error, until the client has understood that.
    closing: BTreeSet<u16>,
    /// The client's name.
    pub name: Rc<str>,
    /// True for a command-line tool: it is a new client each time, and never blocked.
    pub is_tool: bool,
    /// True if it is told that it is not read.
    pub(super) hears_blocked: bool,
    /// True while it is not read for an alarm.
    pub is_blocked: bool,
    /// True while it is not read for a queue that lags behind, and when that last began.
    pub waits: bool,
    pub(super) waited_at: Option<Time>,
    /// What has come meanwhile.
    pub held: VecDeque<Frame>,
    /// When it was last heard of.
    pub last_heard: Time,
}

impl Broker {
    /// A client says something.
    pub(super) fn frame(&mut self, client: NodeId, frame: Frame, out: &mut Out<'_>) {
        let is_of_messages = frame.method.is_of_messages();
        let bytes = if is_of_messages { 0 } else { frame.size_bytes() };
        let Frame { channel: number, method } = frame;
        let channel = ChannelId { node: self.me, client, number };
        if let Method::ConnectionOpen { client: name, is_tool, hears_blocked } = method {
            if self.is_drained && !is_tool {
                return out.close(client);
            }
            self.open_connection(client, (name, is_tool, hears_blocked), out);
            return self.request(bytes, out);
        }
        let Some(connection) = self.connections.get_mut(&client) else { return };
        connection.last_heard = out.now();
        if connection.is_blocked || connection.waits {
            return connection.held.push_back(Frame { channel: number, method });
        }
        if number == 0 {
            return self.on_connection(client, method, out);
        }
        if !connection.closing.is_empty() && connection.closing.contains(&number) {
            if matches!(method, Method::ChannelCloseOk) {
                connection.closing.remove(&number);
            }
            return;
        }
        let is_open = connection.channels.contains_key(&number);
        let result = match method {
            Method::ChannelOpen if is_open => {
                Err(error::channel_error("second 'channel.open' seen"))
            }
            Method::ChannelOpen => {
                connection.channels.insert(number, Channel::new(out.now()));
                self.send(channel, Method::ChannelOpenOk, out);
                Ok(())
            }
            _ if !is_open => Err(error::channel_error("expected 'channel.open'")),
            Method::ChannelClose(_) => {
                self.close_channel(channel, out);
                self.send(channel, Method::ChannelCloseOk, out);
                Ok(())
            }
            method => self.on_channel(channel, method, bytes, out),
        };
        if let Err(error) = result {
            self.fail(channel, error, out);
        }
    }

    /// A question that takes a core for a while, whatever queue it is about.
    pub(super) fn request(&mut self, bytes: u64, out: &mut Out<'_>) {
        self.busy_until += out.cost().request_of(bytes);
    }

    fn on_channel(
        &mut self,
        channel: ChannelId,
        method: Method,
        bytes: u64,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        match method {
            Method::BasicPublish { mandatory, immediate, content } => {
                self.publish(channel, content, (mandatory, immediate), out)?;
                self.has_published(channel.client, out);
                return Ok(());
            }
            Method::BasicAck { delivery_tag, multiple } => {
                return self.settle(
                    channel,
                    (delivery_tag, multiple),
                    Settlement::Acknowledged,
                    out,
                );
            }
            Method::BasicReject { delivery_tag, requeue } => {
                let back = Settlement::Failed;
                return self.settle(channel, (delivery_tag, false), given_back(requeue, back), out);
            }
            Method::BasicNack { delivery_tag, multiple, requeue } => {
                let how = given_back(requeue, Settlement::Requeued);
                return self.settle(channel, (delivery_tag, multiple), how, out);
            }
            _ => {}
        }
        self.request(bytes, out);
        match method {
            Method::BasicGet { queue, no_ack } => self.get(channel, &queue, no_ack, out),
            Method::BasicQos { prefetch_count, global } => {
                self.qos(channel, prefetch_count, global, out)
            }
            Method::BasicConsume(consume) => self.consume(channel, &consume, out),
            Method::BasicCancel { tag } => self.cancel(channel, tag, out),
            Method::BasicRecover { requeue } => self.recover(channel, requeue, out),
            Method::QueueDeclare(declare) => self.declare_queue(channel, &declare, out),
            Method::QueueBind(bind) => self.bind_queue(channel, &bind, true, out),
            Method::QueueUnbind(bind) => self.bind_queue(channel, &bind, false, out),
            Method::QueuePurge { queue } => self.purge(channel, &queue, out),
            Method::QueueDelete { queue, if_unused, if_empty } => {
                self.delete_queue(channel, &queue, (if_unused, if_empty), out)
            }
            Method::ExchangeDeclare(declare) => self.declare_exchange(channel, &declare, out),
            Method::ExchangeDelete { exchange } => self.delete_exchange(channel, &exchange, out),
            Method::ExchangeBind(bind) => self.bind_exchange(channel, &bind, true, out),
            Method::ExchangeUnbind(bind) => self.bind_exchange(channel, &bind, false, out),
            Method::ConfirmSelect => self.select_confirms(channel, out),
            Method::TxSelect => self.select_transactions(channel, out),
            Method::TxCommit => self.commit(channel, out),
            Method::TxRollback => self.roll_back(channel, out),
            Method::ChannelFlow { active: false } => Err(error::not_implemented("active=false")),
            Method::ManagementDo(change) => self.manage(channel, &change, out),
            Method::ManagementGet(list) if self.is_clustered() => {
                self.ask_all(channel, list, out);
                Ok(())
            }
            Method::ManagementGet(list) => {
                let answer = self.list(list, out.now());
                self.send(channel, Method::ManagementList(Rc::new(answer)), out);
                Ok(())
            }
            other => Err(error::not_implemented(format_args!("{} by a client", other.kind()))),
        }
    }

    // ---- connections ----

    fn open_connection(
        &mut self,
        client: NodeId,
        (name, is_tool, hears_blocked): (Rc<str>, bool, bool),
        out: &mut Out<'_>,
    ) {
        self.connection_lost(client, out);
        let connection = Connection {
            channels: Slots::new(),
            closing: BTreeSet::new(),
            name,
            is_tool,
            hears_blocked,
            is_blocked: false,
            waits: false,
            waited_at: None,
            held: VecDeque::new(),
            last_heard: out.now(),
        };
        self.connections.insert(client, connection);
        self.send(self.connection_id(client), Method::ConnectionOpenOk, out);
        out.timer(Timer::Heartbeat(client), HEARTBEAT_INTERVAL);
    }

    fn on_connection(&mut self, client: NodeId, method: Method, out: &mut Out<'_>) {
        match method {
            Method::ConnectionClose(_) => {
                self.send(self.connection_id(client), Method::ConnectionCloseOk, out);
                self.connection_lost(client, out);
                out.close(client);
            }
            Method::ConnectionCloseOk => out.close(client),
            _ => {}
        }
    }

    pub(super) fn heartbeat(&mut self, client: NodeId, out: &mut Out<'_>) {
        let Some(connection) = self.connections.get(&client) else { return };
        // One that is not read is not checked either.
        let is_read = !connection.is_blocked && !connection.waits;
        if is_read && out.now().since(connection.last_heard) > SILENCE_MAX {
            self.connection_lost(client, out);
            out.close(client);
            return;
        }
        self.send(self.connection_id(client), Method::Heartbeat, out);
        out.timer(Timer::Heartbeat(client), HEARTBEAT_INTERVAL);
    }

    /// A connection is no more: its channels close, and the queues that were its own go.
    pub(super) fn connection_lost(&mut self, client: NodeId, out: &mut Out<'_>) {
        let Some(connection) = self.connections.remove(&client) else { return };
        out.cancel(Timer::Heartbeat(client));
        let node = self.me;
        let channels = connection.channels.into_iter();
        self.take_back(
            channels
                .map(|(number, channel)| (ChannelId { node, client, number }, channel))
                .collect(),
            out,
        );
        let theirs = self.queues.values().filter(|queue| queue.exclusive == Some(client));
        let theirs: Vec<QueueId> = theirs.map(|queue| queue.id).collect();
        for queue in theirs {
            self.remove_queue(queue, out);
        }
    }

    /// A connection itself.
    pub(super) fn connection_id(&self, client: NodeId) -> ChannelId {
        ChannelId { node: self.me, client, number: 0 }
    }

    // ---- channels ----

    /// An open channel.
    #[inline(always)]
    pub(super) fn channel(&mut self, id: ChannelId) -> &mut Channel {
        let connection = self.connections.get_mut(&id.client);
        let channel = connection.and_then(|connection| connection.channels.get_mut(&id.number));
        let Some(channel) = channel else {
            unreachable!("only what comes on an open channel is dealt with")
        };
        channel
    }

    /// A client did something that it must not: its channel or its connection is closed.
    pub(super) fn fail(&mut self, channel: ChannelId, error: AmqpError, out: &mut Out<'_>) {
        if channel.node != self.me {
            return tell(channel.node, Talk::Fail(channel, Rc::new(error)), out);
        }
        let closes = error.closes;
        let error = Some(Rc::new(error));
        match closes {
            Closes::Channel => {
                self.close_channel(channel, out);
                if let Some(connection) = self.connections.get_mut(&channel.client) {
                    connection.closing.insert(channel.number);
                }
                self.send(channel, Method::ChannelClose(error), out);
            }
            Closes::Connection => {
                let connection = ChannelId { number: 0, ..channel };
                self.send(connection, Method::ConnectionClose(error), out);
                self.connection_lost(channel.client, out);
            }
        }
    }

    /// A channel is no more.
    fn close_channel(&mut self, id: ChannelId, out: &mut Out<'_>) {
        let connection = self.connections.get_mut(&id.client);
        let channel = connection.and_then(|connection| connection.channels.remove(&id.number));
        if let Some(channel) = channel {
            self.take_back(vec![(id, channel)], out);
        }
    }

    /// Channels are no more: their consumers are gone, and what they had not acknowledged goes
    /// back to its queues.
    fn take_back(&mut self, channels: Vec<(ChannelId, Channel)>, out: &mut Out<'_>) {
        let mut back: BTreeMap<QueueId, Vec<u64>> = BTreeMap::new();
        let mut ids = Vec::new();
        for (id, mut channel) in channels {
            ids.push(id);
            self.limits.forget(id);
            for queue in &channel.asked {
                back.entry(*queue).or_default();
            }
            for consumer in channel.consumers.values() {
                back.entry(consumer.of).or_default();
            }
            for Unacked { queue, seq, .. } in channel.settle_all() {
                back.entry(queue).or_default().push(seq);
            }
        }
        self.answers.retain(|(waiting, _)| !ids.contains(waiting));
        self.asking.retain(|(waiting, ..)| !ids.contains(waiting));
        self.resizing.retain(|resizing| !ids.contains(&resizing.channel));
        self.restarting.retain(|(channel, ..)| !ids.contains(channel));
        self.forget_sent(|publish| ids.contains(&publish.channel));
        for queue in self.queues.values_mut() {
            queue.mirroring.ends.retain(|(channel, _)| !ids.contains(channel));
        }
        if let Some(group) = &mut self.metadata {
            group.forget(&ids);
        }
        for queue in self.queues.values_mut() {
            queue.waiting_gets.retain(|(waiting, _)| !ids.contains(waiting));
        }
        for queue in self.queues.values_mut() {
            let Some(group) = &mut queue.group else { continue };
            if ids.iter().any(|id| group.awaits(*id)) {
                back.entry(queue.id).or_default();
            }
            group.forget(&ids);
        }
        for member in self.queues.values_mut().filter_map(|queue| queue.member.as_mut()) {
            member.forget(&ids);
        }
        for (queue, mut seqs) in back {
            if self.is_quorum(queue) {
                self.submit(queue, &Command::Down { channels: ids.clone() }, None, out);
                continue;
            }
            if self.goes_home(queue, ids[0], || Deed::Down(ids.clone()), out) {
                continue;
            }
            seqs.order();
            if self.without.lacks(Protection::RequeueOnCrash) {
                seqs.clear();
            }
            self.channels_down(queue, &ids, seqs, out);
        }
    }
}

fn given_back(requeue: bool, back: Settlement) -> Settlement {
    if requeue { back } else { Settlement::Rejected }
}
