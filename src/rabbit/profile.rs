//! Version profiles: what of the behaviour depends on the release of RabbitMQ that is modelled.

use super::storage_v2::memory_first::Mode;

/// A release that is modelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Server v3.11.0: the older storage, "RAM first".
    V3_11,
    /// Server v4.2.9: the default.
    #[default]
    V4_2,
    /// Server v4.3.5.
    V4_3,
    /// No RabbitMQ: an older broker with queues and topics of JMS (see the broker's `jms`).
    ActiveMq,
}

impl Profile {
    /// The profile of this name: `3.11`, `4.2`, `4.3`, `activemq`.
    pub fn named(name: &str) -> Option<Profile> {
        match name {
            "3.11" => Some(Profile::V3_11),
            "4.2" => Some(Profile::V4_2),
            "4.3" => Some(Profile::V4_3),
            "activemq" => Some(Profile::ActiveMq),
            _ => None,
        }
    }

    /// The release.
    pub fn version(self) -> &'static str {
        match self {
            Profile::V3_11 => "3.11.0",
            Profile::V4_2 => "4.2.9",
            Profile::V4_3 => "4.3.5",
            Profile::ActiveMq => "ActiveMQ Classic",
        }
    }

    /// Publishers are blocked above this share of memory, in thousandths
    /// (`vm_memory_high_watermark`).
    pub fn memory_watermark_per_mille(self) -> u32 {
        match self {
            Profile::V3_11 => 400,
            // `percentOfJvmHeap` of `systemUsage`.
            Profile::ActiveMq => 700,
            _ => 600,
        }
    }

    /// Bytes of the largest body that is taken (`max_message_size`).
    pub fn message_bytes_max(self) -> u64 {
        match self {
            Profile::V3_11 => 128 << 20,
            // `wireFormat.maxFrameSize` of its transports.
            Profile::ActiveMq => 104_857_600,
            _ => 16 << 20,
        }
    }

    /// The storage that a classic queue gets.
    pub fn classic_storage(self) -> &'static str {
        if self == Profile::V3_11 { "v1" } else { "v2" }
    }

    /// How a classic queue that wants this version of the storage divides its messages.
    pub fn mode(self, version: Option<i64>, lazy: bool) -> Mode {
        match (self, version) {
            (Profile::V3_11, Some(2)) => Mode::HeadOnly,
            (Profile::V3_11, _) if lazy => Mode::Lazy,
            (Profile::V3_11, _) => Mode::MemoryFirst,
            _ => Mode::HeadOnly,
        }
    }

    /// How often a quorum queue delivers a message at most before it gives it up, less one;
    /// `None` is without limit.
    pub fn delivery_limit(self) -> Option<u32> {
        match self {
            Profile::V3_11 => None,
            Profile::ActiveMq => Some(6),
            _ => Some(20),
        }
    }

    /// Whether a queue may be neither durable nor exclusive.
    pub fn transient_shared_queues(self) -> bool {
        self != Profile::V4_3
    }
}
