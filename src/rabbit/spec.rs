//! What a process of the RabbitMQ world is started with: all that a restart keeps, besides its
//! files.

use crate::ordered::BTreeMap;
use crate::sim::Span;
use serde::{Deserialize, Serialize};

/// Settings by their real names: `vm_memory_high_watermark`, `confirm`, `mandatory`,
/// `delivery_mode`.
pub type Settings = BTreeMap<String, String>;

/// The program of a process and its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Spec {
    /// A broker node.
    Broker {
        /// Its number: 1 for `rabbit-1`.
        number: u32,
        /// Settings that differ from their defaults.
        settings: Settings,
    },
    /// A publishing client.
    Publisher(PublisherSpec),
    /// A consuming client.
    Consumer(ConsumerSpec),
    /// The client behind the command-line tools.
    Admin,
}

/// A publisher's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PublisherSpec {
    /// Its name in the lab.
    pub name: String,
    /// `confirm` (true), `mandatory` (false), `delivery_mode` (2).
    pub settings: Settings,
}

/// A consumer's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsumerSpec {
    /// Its name in the lab, and its consumer tag.
    pub name: String,
    /// The queue.
    pub queue: String,
    /// `basic.qos`; 0 is without limit.
    pub prefetch: u16,
    /// True: automatic acknowledgement (`no-ack`).
    pub auto_ack: bool,
    /// Handler time for each message.
    pub work_per_message: Span,
    /// Bytes it can hold; past that it dies, as a real one would. 0 is without limit.
    pub memory: u64,
    /// What it does with a message that its handler fails on.
    pub on_error: OnError,
    /// A counted side effect of each message, such as an e-mail.
    pub effect: Option<String>,
    /// Client settings.
    pub settings: Settings,
}

/// What a consumer does with a message that its handler fails on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnError {
    /// `basic.nack` with requeue.
    Requeue,
    /// `basic.reject` without requeue: dead-lettered or dropped.
    Reject,
    /// Acknowledges it all the same.
    Drop,
}
