//! One side of the ledger: the flags of each message, their counts, and who processed it.

use super::SideReport;
use crate::lab::chunks::Chunks;
use crate::ordered::BTreeMap;
use crate::sim::MessageId;
use serde::{Deserialize, Serialize};

/// How many messages stand behind each number of a report.
pub const LIST_MAX: usize = 20;

/// It was sent.
pub const SENT: u8 = 1;
/// Its producer believes it stored.
pub const ACKNOWLEDGED: u8 = 2;
/// Its producer gave it up.
pub const FAILED: u8 = 4;
/// It came to a reader.
pub const DELIVERED: u8 = 8;
/// A reader has processed it.
pub const PROCESSED: u8 = 16;
/// A reader has processed it more than once.
pub const DUPLICATED: u8 = 32;
/// It was acknowledged, and can be read by nobody any more.
pub const LOST: u8 = 64;
/// A younger message of its key was processed before it.
pub const REORDERED: u8 = 128;

/// What became of every message on one side.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Side {
    /// Of each message its flags.
    pub flags: Chunks<u8>,
    /// How many messages have each flag, by its bit.
    pub counts: [u64; 8],
    /// By name: a group, a queue.
    pub readers: BTreeMap<String, Reader>,
}

/// A group or a queue's consumers: whoever should process each message once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reader {
    /// How often each message was processed.
    pub times: Chunks<u8>,
    /// The youngest message of each key that was processed.
    pub youngest: BTreeMap<u32, u64>,
}

impl Side {
    /// Notes a flag of a message.
    pub fn mark(&mut self, message: MessageId, flag: u8) {
        if !self.has(message, flag) {
            *self.flags.entry(message.0 as usize) |= flag;
            self.counts[flag.trailing_zeros() as usize] += 1;
        }
    }

    /// Takes a flag back.
    pub fn clear(&mut self, message: MessageId, flag: u8) {
        if self.has(message, flag) {
            *self.flags.entry(message.0 as usize) &= !flag;
            self.counts[flag.trailing_zeros() as usize] -= 1;
        }
    }

    /// True if a message has this flag.
    pub fn has(&self, message: MessageId, flag: u8) -> bool {
        self.flags.get(message.0 as usize).is_some_and(|flags| flags & flag != 0)
    }

    /// How many messages have this flag.
    pub fn count(&self, flag: u8) -> u64 {
        self.counts[flag.trailing_zeros() as usize]
    }

    /// Notes that a reader has processed a message with this key; 0 is none.
    pub fn processed(&mut self, message: MessageId, reader: &str, key: u32) {
        if !self.readers.contains_key(reader) {
            self.readers.insert(reader.to_owned(), Reader::default());
        }
        let found = self.readers.get_mut(reader).expect("it was just made");
        let times = found.times.entry(message.0 as usize);
        *times = times.saturating_add(1);
        let again = *times > 1;
        let mut late = false;
        if key != 0 {
            let youngest = found.youngest.entry(key).or_insert(message.0);
            late = !again && *youngest > message.0;
            *youngest = (*youngest).max(message.0);
        }
        self.mark(message, PROCESSED);
        self.clear(message, LOST);
        if again {
            self.mark(message, DUPLICATED);
        }
        if late {
            self.mark(message, REORDERED);
        }
    }

    /// The counts as they follow from the flags.
    pub fn count_anew(&mut self) {
        let mut of_flags = [0; 256];
        self.flags.rows().for_each(|(flags, count)| of_flags[usize::from(flags)] += count);
        for (bit, count) in self.counts.iter_mut().enumerate() {
            let has = of_flags.iter().enumerate().filter(|(flags, _)| flags >> bit & 1 != 0);
            *count = has.map(|(_, messages)| messages).sum();
        }
    }

    /// Figures with the lists behind them.
    pub fn report(&self) -> SideReport {
        let list = |flag: u8| {
            let found = self.flags.iter_from(0).filter(|(_, flags)| flags & flag != 0);
            match self.count(flag) {
                0 => Vec::new(),
                _ => found.map(|(number, _)| MessageId(number as u64)).take(LIST_MAX).collect(),
            }
        };
        SideReport {
            duplicated_list: list(DUPLICATED),
            lost_list: list(LOST),
            reordered_list: list(REORDERED),
            ..self.figures()
        }
    }

    /// Figures alone.
    pub fn figures(&self) -> SideReport {
        SideReport {
            sent: self.count(SENT),
            acknowledged: self.count(ACKNOWLEDGED),
            failed: self.count(FAILED),
            delivered: self.count(DELIVERED),
            processed: self.count(PROCESSED),
            duplicated: self.count(DUPLICATED),
            lost: self.count(LOST),
            reordered: self.count(REORDERED),
            ..SideReport::default()
        }
    }
}
