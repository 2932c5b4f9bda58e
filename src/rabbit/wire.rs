//! Frames as bytes on the wire: their names, their ids, and how large they are.

use super::command::Argument;
use super::content::{Content, FRAME_OVERHEAD_BYTES};
use super::message::{Arguments, Frame, Method};
use crate::sim;
use crate::sim::MessageId;

/// Class and method ids by name: `connection.open` is 10, 40.
pub const METHOD_IDS: [(&str, u16, u16); 55] = [
    ("connection.start", 10, 10),
    ("connection.start-ok", 10, 11),
    ("connection.secure", 10, 20),
    ("connection.secure-ok", 10, 21),
    ("connection.tune", 10, 30),
    ("connection.tune-ok", 10, 31),
    ("connection.open", 10, 40),
    ("connection.open-ok", 10, 41),
    ("connection.close", 10, 50),
    ("connection.close-ok", 10, 51),
    ("connection.blocked", 10, 60),
    ("connection.unblocked", 10, 61),
    ("channel.open", 20, 10),
    ("channel.open-ok", 20, 11),
    ("channel.flow", 20, 20),
    ("channel.flow-ok", 20, 21),
    ("channel.close", 20, 40),
    ("channel.close-ok", 20, 41),
    ("exchange.declare", 40, 10),
    ("exchange.declare-ok", 40, 11),
    ("exchange.delete", 40, 20),
    ("exchange.delete-ok", 40, 21),
    ("exchange.bind", 40, 30),
    ("exchange.bind-ok", 40, 31),
    ("exchange.unbind", 40, 40),
    ("exchange.unbind-ok", 40, 51),
    ("queue.declare", 50, 10),
    ("queue.declare-ok", 50, 11),
    ("queue.bind", 50, 20),
    ("queue.bind-ok", 50, 21),
    ("queue.purge", 50, 30),
    ("queue.purge-ok", 50, 31),
    ("queue.delete", 50, 40),
    ("queue.delete-ok", 50, 41),
    ("queue.unbind", 50, 50),
    ("queue.unbind-ok", 50, 51),
    ("basic.qos", 60, 10),
    ("basic.qos-ok", 60, 11),
    ("basic.consume", 60, 20),
    ("basic.consume-ok", 60, 21),
    ("basic.cancel", 60, 30),
    ("basic.cancel-ok", 60, 31),
    ("basic.publish", 60, 40),
    ("basic.return", 60, 50),
    ("basic.deliver", 60, 60),
    ("basic.get", 60, 70),
    ("basic.get-ok", 60, 71),
    ("basic.get-empty", 60, 72),
    ("basic.ack", 60, 80),
    ("basic.reject", 60, 90),
    ("basic.recover", 60, 110),
    ("basic.recover-ok", 60, 111),
    ("basic.nack", 60, 120),
    ("confirm.select", 85, 10),
    ("confirm.select-ok", 85, 11),
];

/// Class and method ids of the transaction class, by name.
pub const TX_METHOD_IDS: [(&str, u16, u16); 6] = [
    ("tx.select", 90, 10),
    ("tx.select-ok", 90, 11),
    ("tx.commit", 90, 20),
    ("tx.commit-ok", 90, 21),
    ("tx.rollback", 90, 30),
    ("tx.rollback-ok", 90, 31),
];

impl Method {
    /// Its real name, as `net drop --kind` takes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Method::ConnectionOpen { .. } => "connection.open",
            Method::ConnectionOpenOk => "connection.open-ok",
            Method::ConnectionClose(_) => "connection.close",
            Method::ConnectionCloseOk => "connection.close-ok",
            Method::ConnectionBlocked { .. } => "connection.blocked",
            Method::ConnectionUnblocked => "connection.unblocked",
            Method::Heartbeat => "heartbeat",
            Method::ChannelFlow { .. } => "channel.flow",
            Method::ChannelOpen => "channel.open",
            Method::ChannelOpenOk => "channel.open-ok",
            Method::ChannelClose(_) => "channel.close",
            Method::ChannelCloseOk => "channel.close-ok",
            Method::ExchangeDeclare(_) => "exchange.declare",
            Method::ExchangeDeclareOk => "exchange.declare-ok",
            Method::ExchangeDelete { .. } => "exchange.delete",
            Method::ExchangeDeleteOk => "exchange.delete-ok",
            Method::ExchangeBind(_) => "exchange.bind",
            Method::ExchangeBindOk => "exchange.bind-ok",
            Method::ExchangeUnbind(_) => "exchange.unbind",
            Method::ExchangeUnbindOk => "exchange.unbind-ok",
            Method::QueueDeclare(_) => "queue.declare",
            Method::QueueDeclareOk { .. } => "queue.declare-ok",
            Method::QueueBind(_) => "queue.bind",
            Method::QueueBindOk => "queue.bind-ok",
            Method::QueueUnbind(_) => "queue.unbind",
            Method::QueueUnbindOk => "queue.unbind-ok",
            Method::QueuePurge { .. } => "queue.purge",
            Method::QueuePurgeOk { .. } => "queue.purge-ok",
            Method::QueueDelete { .. } => "queue.delete",
            Method::QueueDeleteOk { .. } => "queue.delete-ok",
            Method::BasicQos { .. } => "basic.qos",
            Method::BasicQosOk => "basic.qos-ok",
            Method::BasicConsume(_) => "basic.consume",
            Method::BasicConsumeOk { .. } => "basic.consume-ok",
            Method::BasicCancel { .. } => "basic.cancel",
            Method::BasicCancelOk { .. } => "basic.cancel-ok",
            Method::BasicPublish { .. } => "basic.publish",
            Method::BasicReturn { .. } => "basic.return",
            Method::BasicDeliver { .. } => "basic.deliver",
            Method::BasicGet { .. } => "basic.get",
            Method::BasicGetOk { .. } => "basic.get-ok",
            Method::BasicGetEmpty => "basic.get-empty",
            Method::BasicAck { .. } => "basic.ack",
            Method::BasicReject { .. } => "basic.reject",
            Method::BasicNack { .. } => "basic.nack",
            Method::BasicRecover { .. } => "basic.recover",
            Method::BasicRecoverOk => "basic.recover-ok",
            Method::ConfirmSelect => "confirm.select",
            Method::ConfirmSelectOk => "confirm.select-ok",
            Method::TxSelect => "tx.select",
            Method::TxSelectOk => "tx.select-ok",
            Method::TxCommit => "tx.commit",
            Method::TxCommitOk => "tx.commit-ok",
            Method::TxRollback => "tx.rollback",
            Method::TxRollbackOk => "tx.rollback-ok",
            Method::Between(talk) => talk.kind(),
            Method::ManagementGet(_) => "management.get",
            Method::ManagementList(_) => "management.list",
            Method::ManagementDo(_) => "management.do",
            Method::ManagementOk => "management.ok",
        }
    }

    /// True for what clients say for each message: a queue has to work for it, and nobody else.
    pub fn is_of_messages(&self) -> bool {
        matches!(
            self,
            Method::BasicPublish { .. }
                | Method::BasicAck { .. }
                | Method::BasicReject { .. }
                | Method::BasicNack { .. }
        )
    }

    /// Its class and method ids; `None` for what is not a method of AMQP.
    pub fn ids(&self) -> Option<(u16, u16)> {
        let mut known = METHOD_IDS.iter().chain(&TX_METHOD_IDS);
        known.find(|(name, ..)| *name == self.kind()).map(|&(_, class, method)| (class, method))
    }

    /// The message that it carries, if it carries one.
    pub fn content(&self) -> Option<&Content> {
        match self {
            Method::BasicPublish { content, .. }
            | Method::BasicReturn { content }
            | Method::BasicDeliver { content, .. }
            | Method::BasicGetOk { content, .. } => Some(content),
            Method::Between(talk) => talk.content(),
            _ => None,
        }
    }

    /// The number of the message that it carries, if it carries one.
    pub fn message(&self) -> Option<MessageId> {
        self.content().map(|content| content.id)
    }

    /// Bytes of its arguments: of the method frame's payload behind the two ids.
    fn argument_bytes(&self) -> u64 {
        let short = |text: &str| 1 + text.len() as u64;
        match self {
            Method::Heartbeat => 0,
            // The folded handshake: the client's properties and the tuning, as a client sends them.
            Method::ConnectionOpen { client, .. } => 400 + short(client),
            Method::ConnectionOpenOk => 500,
            Method::ConnectionClose(error) | Method::ChannelClose(error) => {
                6 + error.as_ref().map_or(1, |error| short(&error.text))
            }
            Method::ConnectionBlocked { reason } => short(reason),
            Method::ChannelOpen | Method::ChannelFlow { .. } => 1,
            Method::ChannelOpenOk => 4,
            Method::ExchangeDeclare(it) => {
                3 + short(&it.exchange) + short(&it.kind) + table_bytes(&it.arguments)
            }
            Method::ExchangeDelete { exchange } => 3 + short(exchange),
            Method::ExchangeBind(it)
            | Method::ExchangeUnbind(it)
            | Method::QueueBind(it)
            | Method::QueueUnbind(it) => {
                3 + short(&it.source)
                    + short(&it.destination)
                    + short(&it.key)
                    + table_bytes(&it.arguments)
            }
            Method::QueueDeclare(it) => 3 + short(&it.queue) + table_bytes(&it.arguments),
            Method::QueueDeclareOk { queue, .. } => short(queue) + 8,
            Method::QueuePurge { queue } | Method::QueueDelete { queue, .. } => 3 + short(queue),
            Method::QueuePurgeOk { .. } | Method::QueueDeleteOk { .. } => 4,
            Method::BasicQos { .. } => 7,
            Method::BasicConsume(it) => {
                3 + short(&it.queue) + short(&it.tag) + table_bytes(&it.arguments)
            }
            Method::BasicConsumeOk { tag } | Method::BasicCancelOk { tag } => short(tag),
            Method::BasicCancel { tag } => short(tag) + 1,
            Method::BasicPublish { content, .. } => {
                3 + short(&content.exchange) + short(&content.routing_key)
            }
            Method::BasicReturn { content } => {
                2 + short("NO_ROUTE") + short(&content.exchange) + short(&content.routing_key)
            }
            Method::BasicDeliver { tag, content, .. } => {
                short(tag) + 9 + short(&content.exchange) + short(&content.routing_key)
            }
            Method::BasicGet { queue, .. } => 3 + short(queue),
            Method::BasicGetOk { content, .. } => {
                13 + short(&content.exchange) + short(&content.routing_key)
            }
            Method::BasicGetEmpty | Method::ConfirmSelect | Method::BasicRecover { .. } => 1,
            Method::BasicAck { .. } | Method::BasicReject { .. } | Method::BasicNack { .. } => 9,
            // By HTTP, about so much.
            Method::Between(talk) => talk.size_bytes(),
            Method::ManagementGet(_) | Method::ManagementList(_) => 1_000,
            Method::ManagementDo(_) | Method::ManagementOk => 1_000,
            _ => 0,
        }
    }
}

impl sim::Message for Frame {
    fn size_bytes(&self) -> u64 {
        let ids = if matches!(self.method, Method::Heartbeat) { 0 } else { 4 };
        let content = self.method.content().map_or(0, Content::wire_bytes);
        FRAME_OVERHEAD_BYTES + ids + self.method.argument_bytes() + content
    }

    fn kind(&self) -> &'static str {
        self.method.kind()
    }

    fn messages(&self) -> Vec<MessageId> {
        self.method.message().into_iter().collect()
    }
}

fn table_bytes(table: &Arguments) -> u64 {
    let entries = table.iter().map(|(name, value)| 1 + name.len() as u64 + value_bytes(value));
    4 + entries.sum::<u64>()
}

/// Bytes of a value of a table: its type and its content.
pub fn value_bytes(value: &Argument) -> u64 {
    1 + match value {
        Argument::Void => 0,
        Argument::Boolean(_) => 1,
        Argument::Integer(_) | Argument::Double(_) | Argument::Timestamp(_) => 8,
        Argument::Text(text) => 4 + text.len() as u64,
        Argument::List(list) => 4 + list.iter().map(value_bytes).sum::<u64>(),
        Argument::Table(table) => table_bytes(table),
    }
}
