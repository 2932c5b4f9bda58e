//! Alarms: too much memory in use, or too little disk left.
//!
//! While there is an alarm, connections that publish are not read any more; the others go on. Up to
//! 3.11 queues page out before that, above half of the limit of memory.
//!
//! Simplified: memory is a model (a node without queues takes [`IDLE_BYTES`], each queue what its
//! storage says), looked at while the node works, not by the clock; free disk is a fixed size less
//! the node's own files.

use crate::sim::Span;
use serde::{Deserialize, Serialize};

/// Memory of a machine, unless `total_memory_available_override_value` says otherwise (model).
pub const MEMORY_BYTES: u64 = 8 << 30;

/// Size of the disk of a machine (model).
pub const DISK_BYTES: u64 = 100_000_000_000;

/// Memory that a node takes without queues (model).
pub const IDLE_BYTES: u64 = 100_000_000;

/// Memory of a queue without messages (model).
pub const QUEUE_BYTES: u64 = 30_000;

/// Memory of a connection with its buffers (model).
pub const CONNECTION_BYTES: u64 = 100_000;

/// Below so much free disk there is an alarm (`disk_free_limit`).
pub const DISK_FREE_LIMIT_BYTES: u64 = 50_000_000;

/// Memory is looked at so often while the node works (`memory_monitor_interval`).
pub const MONITOR_INTERVAL: Span = Span::millis(2_500);

/// Above so much memory there is an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Watermark {
    /// A share of the machine's memory, in millionths.
    Relative(u64),
    /// So many bytes.
    Absolute(u64),
}

impl Watermark {
    /// A share as it is written: `0.6`.
    pub fn relative(text: &str) -> Option<Watermark> {
        let share: f64 = text.parse().ok()?;
        (0.0..=1.0).contains(&share).then(|| Watermark::Relative((share * 1e6).round() as u64))
    }

    /// In bytes, of a machine with so much memory.
    pub fn bytes(self, memory_bytes: u64) -> u64 {
        match self {
            Watermark::Relative(millionths) => {
                (u128::from(memory_bytes) * u128::from(millionths) / 1_000_000) as u64
            }
            Watermark::Absolute(bytes) => bytes,
        }
    }
}

/// What a node watches, and which alarms there are.
#[derive(Clone, Debug)]
pub struct Alarms {
    /// Memory of its machine.
    pub memory_bytes: u64,
    /// The limit of memory.
    pub watermark: Watermark,
    /// Up to 3.11: above this share of the limit of memory queues page out, in millionths
    /// (`vm_memory_high_watermark_paging_ratio`).
    pub paging_millionths: u64,
    /// The limit of free disk.
    pub disk_free_limit: u64,
    /// Memory in use, when it was last looked at.
    pub used_bytes: u64,
    /// Free disk, when it was last looked at.
    pub free_bytes: u64,
}

impl Alarms {
    /// A node that has not looked yet.
    pub fn new(watermark: Watermark) -> Alarms {
        Alarms {
            memory_bytes: MEMORY_BYTES,
            watermark,
            paging_millionths: 500_000,
            disk_free_limit: DISK_FREE_LIMIT_BYTES,
            used_bytes: 0,
            free_bytes: DISK_BYTES,
        }
    }

    /// True if too much memory is in use.
    pub fn lacks_memory(&self) -> bool {
        self.used_bytes > self.watermark.bytes(self.memory_bytes)
    }

    /// Above so much memory queues page out, where they do.
    pub fn paging_bytes(&self) -> u64 {
        let limit = u128::from(self.watermark.bytes(self.memory_bytes));
        (limit * u128::from(self.paging_millionths) / 1_000_000) as u64
    }

    /// True if too little disk is left.
    pub fn lacks_disk(&self) -> bool {
        self.free_bytes < self.disk_free_limit
    }

    /// Why publishers are to be blocked, in the server's words; `None` if they are not.
    pub fn reason(&self) -> Option<&'static str> {
        match (self.lacks_memory(), self.lacks_disk()) {
            (true, true) => Some("low on memory & disk"),
            (true, false) => Some("low on memory"),
            (false, true) => Some("low on disk"),
            (false, false) => None,
        }
    }
}
