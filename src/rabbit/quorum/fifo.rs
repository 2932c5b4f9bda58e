//! The ready messages of a quorum queue.
//!
//! What was returned comes first, in the order in which it came back, whatever its priority. The
//! others stand by priority:
//!
//! - 4.2: two of them, normal (not set, 0 to 4) and high (above 4). Of three deliveries two look at
//!   the high ones first and the third at the normal ones, unless the next high one is older.
//! - 4.3: 32 levels, the highest first; what has no priority is of level 4.
//! - 3.11: none.
//!
//! Where no delivery limit holds, a returned message goes to the back, as if it came anew.
//!
//! In 4.3 a message that comes back may have to wait first (`x-delayed-retry-type`): it is
//! **delayed**, in the order of the instants at which that is over, and then behind the returned
//! ones. Until then it cannot be had and does not expire, and counts for the limits all the same.

use crate::ordered::{BTreeMap, Order};
use crate::rabbit::content::Content;
use crate::rabbit::ids::PublishId;
use crate::rabbit::profile::Profile;
use crate::rabbit::storage_v2::entry::Stored;
use crate::rabbit::storage_v2::{Item, METADATA_BYTES, Means, Tries};
use crate::sim::{MessageId, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::rc::Rc;

/// Of a message without a priority, in 4.3.
const PRIORITY_DEFAULT: u8 = 4;

/// The highest priority of 4.3.
const PRIORITY_MAX: u8 = 31;

/// Of 4.2: what is above is high.
const NORMAL_MAX: u8 = 4;

/// The ready messages.
#[derive(Clone, Debug)]
pub struct Fifo {
    profile: Profile,
    returned: VecDeque<Item>,
    /// Those that wait until an instant before they are ready again.
    delayed: BTreeMap<(Time, u64), Item>,
    /// By priority, the lowest first.
    levels: Vec<VecDeque<Item>>,
    /// Numbers that say where the next one comes from and goes.
    pub counters: Counters,
    /// Of all, those that are delayed too.
    bytes: u64,
}

/// What a queue counts.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// The sequence id of the next message.
    pub next_seq: u64,
    /// Messages that were taken, those returned aside: modulo three.
    pub taken: u8,
}

impl Fifo {
    /// An empty queue.
    pub fn new(profile: Profile) -> Fifo {
        let levels = match profile {
            Profile::V3_11 | Profile::ActiveMq => 1,
            Profile::V4_2 => 2,
            Profile::V4_3 => usize::from(PRIORITY_MAX) + 1,
        };
        Fifo {
            profile,
            returned: VecDeque::new(),
            delayed: BTreeMap::new(),
            levels: vec![VecDeque::new(); levels],
            counters: Counters::default(),
            bytes: 0,
        }
    }

    /// The release that is modelled.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// How many messages wait.
    pub fn ready(&self) -> u64 {
        self.returned.len() as u64 + self.levels.iter().map(|it| it.len() as u64).sum::<u64>()
    }

    /// Bytes of the bodies of the messages that wait, be they ready or delayed.
    pub fn ready_bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of memory that they take.
    pub fn memory_bytes(&self) -> u64 {
        let count = self.ready() + self.delayed_count();
        self.bytes + count * METADATA_BYTES
    }

    /// The messages that wait, returned ones first, then by priority, the highest first.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.returned.iter().chain(self.levels.iter().rev().flatten())
    }

    /// How many of them were returned.
    pub fn returned(&self) -> usize {
        self.returned.len()
    }

    /// The messages that are delayed, and until when: who waits least first.
    pub fn delayed(&self) -> impl Iterator<Item = (Time, &Item)> {
        self.delayed.iter().map(|((until, _), item)| (*until, item))
    }

    /// How many of these there are.
    pub fn delayed_count(&self) -> u64 {
        self.delayed.len() as u64
    }

    /// When the message that is first in line expires.
    pub fn front_expires(&self) -> Time {
        let front = match self.returned.front() {
            None => self.levels[self.next_level()].front(),
            returned => returned,
        };
        front.map_or(Time::NEVER, |item| item.expires)
    }

    fn level_of(&self, content: &Content) -> usize {
        let priority = content.properties.priority;
        match self.profile {
            Profile::V3_11 | Profile::ActiveMq => 0,
            Profile::V4_2 => usize::from(priority.unwrap_or(0) > NORMAL_MAX),
            Profile::V4_3 => usize::from(priority.unwrap_or(PRIORITY_DEFAULT).min(PRIORITY_MAX)),
        }
    }

    /// The level that the next message is taken from.
    fn next_level(&self) -> usize {
        if let (Profile::V4_2, [normal, high]) = (self.profile, &*self.levels) {
            return match (normal.front(), high.front()) {
                (Some(normal), Some(high)) => {
                    usize::from(self.counters.taken < 2 || high.seq < normal.seq)
                }
                (_, high) => usize::from(high.is_some()),
            };
        }
        self.levels.iter().rposition(|level| !level.is_empty()).unwrap_or(0)
    }

    fn count_taken(&mut self) {
        self.counters.taken = (self.counters.taken + 1) % 3;
    }

    fn next_seq(&mut self) -> u64 {
        self.counters.next_seq += 1;
        self.counters.next_seq - 1
    }

    /// A message comes.
    pub fn publish(
        &mut self,
        (content, expires): (Rc<Content>, Time),
        confirm: Option<PublishId>,
        means: &mut Means<'_, '_>,
    ) -> u64 {
        means.confirms.extend(confirm);
        let seq = self.next_seq();
        let level = self.level_of(&content);
        self.bytes += content.body.len() as u64;
        self.levels[level].push_back(item(seq, content, expires));
        seq
    }

    /// A message comes for which a consumer is ready.
    pub fn publish_delivered(
        &mut self,
        (content, expires): (Rc<Content>, Time),
        confirm: Option<PublishId>,
        means: &mut Means<'_, '_>,
    ) -> Item {
        means.confirms.extend(confirm);
        self.count_taken();
        item(self.next_seq(), content, expires)
    }

    /// Takes the message that is first in line, and tells whether it had been delivered before.
    pub fn fetch(&mut self) -> Option<(Item, bool)> {
        let item = match self.returned.pop_front() {
            Some(item) => item,
            None => {
                let level = self.next_level();
                let item = self.levels[level].pop_front()?;
                self.count_taken();
                item
            }
        };
        self.bytes -= item.content.body.len() as u64;
        let redelivered = item.tries.delivered > 0;
        Some((item, redelivered))
    }

    /// Messages come back, in this order.
    pub fn requeue(&mut self, items: Vec<Item>, has_limit: bool) {
        for mut item in items {
            self.bytes += item.content.body.len() as u64;
            if has_limit {
                self.returned.push_back(item);
                continue;
            }
            item.seq = self.next_seq();
            let level = match self.profile {
                Profile::V4_3 => usize::from(PRIORITY_DEFAULT),
                _ => self.level_of(&item.content),
            };
            self.levels[level].push_back(item);
        }
    }

    /// A message comes back, and is not ready before this instant.
    pub fn delay(&mut self, item: Item, until: Time) {
        self.bytes += item.content.body.len() as u64;
        self.delayed.insert((until, item.seq), item);
    }

    /// When the first delayed message is ready again.
    pub fn next_due(&self) -> Time {
        self.delayed.first_key_value().map_or(Time::NEVER, |((until, _), _)| *until)
    }

    /// Messages that were delayed until now are ready again, behind all that were returned.
    pub fn end_delays(&mut self, now: Time) -> Vec<MessageId> {
        let mut ready = Vec::new();
        while self.next_due() <= now
            && let Some((_, item)) = self.delayed.pop_first()
        {
            ready.push(item.content.id);
            self.returned.push_back(item);
        }
        ready
    }

    /// Removes all that waits.
    pub fn purge(&mut self) -> Vec<MessageId> {
        self.bytes = 0;
        let levels = self.levels.iter_mut().rev().flat_map(std::mem::take);
        let all = std::mem::take(&mut self.returned).into_iter().chain(levels);
        let delayed = std::mem::take(&mut self.delayed).into_values();
        all.chain(delayed).map(|item| item.content.id).collect()
    }

    /// Messages of a snapshot: the first so many were returned, the others came.
    pub fn refill(&mut self, items: Vec<Item>, returned: usize) {
        for (at, item) in items.into_iter().enumerate() {
            self.bytes += item.content.body.len() as u64;
            if at < returned {
                self.returned.push_back(item);
            } else {
                let level = self.level_of(&item.content);
                self.levels[level].push_back(item);
            }
        }
        // What had come back without a limit may stand at another level: its number tells.
        self.levels.iter_mut().for_each(|level| {
            level.make_contiguous().order_by_key(|item| item.seq);
        });
    }
}

fn item(seq: u64, content: Rc<Content>, expires: Time) -> Item {
    Item { seq, content, stored: Stored::No, expires, tries: Tries::default() }
}
