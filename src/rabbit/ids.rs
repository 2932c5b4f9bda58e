//! Names of things inside a broker, as numbers that are never reused in one life of it.

use crate::ordered::Number;
use crate::sim::NodeId;
use serde::{Deserialize, Serialize};

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueId(pub u32);

impl Number for QueueId {
    fn number(self) -> usize {
        self.0 as usize
    }

    fn of(number: usize) -> QueueId {
        QueueId(number as u32)
    }
}

/// A channel: which client's connection, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChannelId {
    /// The node that the client is connected to.
    pub node: NodeId,
    /// The client at the other end. Simplified: a client has one connection.
    pub client: NodeId,
    /// The channel's number.
    pub number: u16,
}

/// A consumer of a queue, in the order of registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConsumerId(pub u32);

impl Number for ConsumerId {
    fn number(self) -> usize {
        self.0 as usize
    }

    fn of(number: usize) -> ConsumerId {
        ConsumerId(number as u32)
    }
}

/// A publish that wants a confirm: the channel it came on, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishId {
    /// The channel.
    pub channel: ChannelId,
    /// Its number on the channel, from 1.
    pub number: u64,
}
