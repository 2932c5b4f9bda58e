//! Storage as it was up to 3.11, version 1: memory first, disk when memory runs out.
//!
//! All messages stay in memory while there is enough. Those that must survive a restart are written
//! when they come, too; a transient message is in memory only. When the node has too little memory
//! (see [`alarms`](crate::rabbit::alarms)), each queue is told how many it may keep, and **pages
//! out** the others, the furthest from its head first: what is written is only dropped from memory,
//! what is not is written now. They come back as the queue is read, a segment at a time.
//!
//! A lazy queue (`x-queue-mode=lazy`) keeps its messages on the disk always.
//!
//! Simplified: the files are those of version 2 (index and store in two, 4096 messages a segment),
//! and while anything of a queue is on the disk only, new messages go there too.

use super::entry::{Entry, Stored};
use super::levels::Levels;
use super::tail::TailEntry;
use super::{Item, Means, Storage, entry_of};

/// How a queue divides its messages between memory and disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Version 2: a short head in memory.
    #[default]
    HeadOnly,
    /// Version 1: as many as there is memory for.
    MemoryFirst,
    /// Version 1, lazy: on the disk.
    Lazy,
}

impl Mode {
    /// How many messages may be in memory: of a queue with this limit under pressure, where its
    /// consumption would allow so many to version 2.
    pub fn limit(self, pressure: Option<usize>, by_rate: usize) -> usize {
        match self {
            Mode::HeadOnly | Mode::Lazy => by_rate,
            Mode::MemoryFirst => pressure.unwrap_or(usize::MAX),
        }
    }

    /// True if a new message may stay in memory beside so many, where so many are on the disk only.
    pub fn keeps(self, in_memory: usize, on_disk: u64, limit: usize) -> bool {
        self != Mode::Lazy && super::joins_head(in_memory, on_disk, limit)
    }
}

impl Storage {
    /// Keeps at most so many messages in memory from now on, or all of them.
    pub fn press(&mut self, keep: Option<usize>, means: &mut Means<'_, '_>) {
        self.pressure = keep;
        let keep = match self.mode {
            Mode::HeadOnly => return,
            Mode::MemoryFirst => keep.unwrap_or(usize::MAX),
            Mode::Lazy => self.rate.memory_limit(),
        };
        if self.is_refilling() {
            return;
        }
        while self.head.len() > keep
            && let Some(item) = self.head.pop_back()
        {
            if let Err(item) = self.page_out(item, means) {
                self.head.push_back(item);
                break;
            }
            self.flush_if_full(means);
        }
    }

    /// The last message of the head becomes the first of the tail; or not, where it is not known
    /// where it was written.
    fn page_out(&mut self, item: Item, means: &mut Means<'_, '_>) -> Result<(), Item> {
        let Item { seq, ref content, expires, .. } = item;
        let is_persistent = self.is_durable && content.is_persistent();
        let stored = match item.stored {
            Stored::No => self.write(seq, (content, expires), None, &mut None, means),
            Stored::Queue { offset: 0 } if !self.buffer.holds(seq) => return Err(item),
            stored => stored,
        };
        let head_bytes = match stored {
            // It is told when it is written.
            Stored::Queue { offset: 0 } => 0,
            _ => content.encode_head().len() as u16,
        };
        let entry = entry_of(seq, (content, expires), is_persistent, stored);
        self.tail.push_front(TailEntry {
            entry: Entry { head_bytes, ..entry },
            key: content.key.clone(),
        });
        Ok(())
    }

    /// A message that is still in memory was written.
    pub(super) fn written_in_head(&mut self, seq: u64, stored: Stored) {
        if self.mode == Mode::MemoryFirst
            && let Ok(at) = self.head.binary_search_by_key(&seq, |item| item.seq)
        {
            self.head[at].stored = stored;
        }
    }
}

impl Levels {
    /// Lets all levels divide their messages in this way.
    pub fn set_mode(&mut self, mode: Mode) {
        self.levels.iter_mut().for_each(|level| level.mode = mode);
    }

    /// Under pressure all levels keep this share of what they have in memory, in thousandths;
    /// without it, all.
    pub fn press(&mut self, per_mille: Option<u64>, means: &mut Means<'_, '_>) {
        for level in &mut self.levels {
            let keep = per_mille.map(|share| (level.in_memory() * share / 1_000) as usize);
            level.press(keep, means);
        }
    }

    /// True if memory can be had from it.
    pub fn can_page(&self) -> bool {
        self.levels.iter().any(|level| level.mode == Mode::MemoryFirst)
    }
}
