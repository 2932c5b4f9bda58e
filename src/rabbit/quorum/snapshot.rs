//! A quorum queue as bytes: what stands in the place of the commands that made it.
//!
//! First the state and the messages in it; behind that, if there are any, those that are delayed;
//! and last, if there is anybody, who is suspected to be down. What is empty at the end is left
//! out, so a snapshot of before there was such a thing is read the same way.

use crate::rabbit::consumers::SavedConsumer;
use crate::rabbit::content::Content;
use crate::rabbit::death::Reason;
use crate::rabbit::ids::{ChannelId, ConsumerId};
use crate::rabbit::message::Arguments;
use crate::rabbit::messages::Messages;
use crate::rabbit::names::Names;
use crate::rabbit::queue::Queue;
use crate::rabbit::quorum::fifo::Counters;
use crate::rabbit::rules::Rules;
use crate::rabbit::storage_v2::entry::Stored;
use crate::rabbit::storage_v2::{Item, Tries};
use crate::sim::Time;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// All but the messages. They lie behind it: first the ready ones, then the delivered ones, then
/// those that died.
#[derive(Serialize, Deserialize)]
struct State {
    counters: Counters,
    /// What policies asked of it.
    policy: Arguments,
    next_consumer: u32,
    /// In the order of the ring, those found blocked behind it.
    consumers: Vec<SavedConsumer>,
    single: Option<ConsumerId>,
    /// So many of the ready messages were returned.
    returned: u32,
    ready: Vec<SavedItem>,
    unacked: Vec<(SavedItem, ChannelId, Option<ConsumerId>)>,
    /// Dead letters that are kept.
    graves: Vec<(SavedItem, Reason)>,
}

/// A message without its bytes.
#[derive(Serialize, Deserialize)]
struct SavedItem {
    seq: u64,
    expires_us: u64,
    tries: Tries,
    head_bytes: u32,
    body_bytes: u32,
}

/// A message that is not ready before an instant.
#[derive(Serialize, Deserialize)]
struct Delayed {
    until_us: u64,
    item: SavedItem,
}

/// Who is suspected to be down.
#[derive(Serialize, Deserialize)]
struct Suspects {
    /// Channels that keep what they hold, and until when.
    channels: Vec<(ChannelId, u64)>,
    consumers: Vec<ConsumerId>,
}

fn save(item: &Item, messages: &mut Vec<u8>) -> SavedItem {
    let head = item.content.encode_head();
    messages.extend_from_slice(&head);
    messages.extend_from_slice(&item.content.body);
    SavedItem {
        seq: item.seq,
        expires_us: item.expires.micros(),
        tries: item.tries,
        head_bytes: head.len() as u32,
        body_bytes: item.content.body.len() as u32,
    }
}

fn load(saved: &SavedItem, messages: &mut Bytes, names: &mut Names) -> Option<Item> {
    let len = saved.head_bytes as usize + saved.body_bytes as usize;
    if messages.len() < len {
        return None;
    }
    let content = Content::decode(&messages.split_to(len), saved.head_bytes as usize, names)?;
    Some(Item {
        seq: saved.seq,
        content: Rc::new(content),
        stored: Stored::No,
        expires: Time::from_micros(saved.expires_us),
        tries: saved.tries,
    })
}

impl Queue {
    /// The state of a quorum queue; `None` for any other.
    pub fn snapshot(&self) -> Option<Bytes> {
        let Messages::Quorum(fifo) = &self.storage else { return None };
        let mut messages = Vec::new();
        let ready = fifo.items().map(|item| save(item, &mut messages)).collect();
        let unacked = self
            .unacked_items()
            .map(|(item, channel, consumer)| (save(item, &mut messages), channel, consumer));
        let unacked = unacked.collect();
        let graves = self.graves.iter().map(|it| (save(&it.item, &mut messages), it.reason));
        let graves = graves.collect();
        let (next_consumer, consumers, single) = self.consumers.saved();
        let state = State {
            counters: fifo.counters,
            policy: self.policy_arguments.clone(),
            next_consumer,
            consumers,
            single,
            returned: fifo.returned() as u32,
            ready,
            unacked,
            graves,
        };
        let mut bytes = postcard::to_stdvec(&state).expect("plain data can always be encoded");
        bytes.append(&mut messages);
        let delayed = fifo.delayed().map(|(until, item)| Delayed {
            until_us: until.micros(),
            item: save(item, &mut messages),
        });
        let delayed: Vec<Delayed> = delayed.collect();
        let channels = self.suspects.iter().map(|(channel, until)| (*channel, until.micros()));
        let (channels, consumers) = (channels.collect(), self.consumers.suspected());
        let suspects = Suspects { channels, consumers };
        let has_suspects = !suspects.channels.is_empty() || !suspects.consumers.is_empty();
        if !delayed.is_empty() || has_suspects {
            bytes.extend(postcard::to_stdvec(&delayed).expect("plain data can always be encoded"));
            bytes.append(&mut messages);
        }
        if has_suspects {
            bytes.extend(postcard::to_stdvec(&suspects).expect("plain data can always be encoded"));
        }
        Some(bytes.into())
    }

    /// Takes the state that is in a snapshot. The queue is fresh.
    pub fn restore(&mut self, snapshot: &Bytes, names: &mut Names) {
        let Messages::Quorum(fifo) = &mut self.storage else { return };
        let Ok((state, rest)) = postcard::take_from_bytes::<State>(snapshot) else { return };
        let mut messages = snapshot.slice(snapshot.len() - rest.len()..);
        let ready = state.ready.iter().filter_map(|saved| load(saved, &mut messages, names));
        fifo.refill(ready.collect(), state.returned as usize);
        fifo.counters = state.counters;
        self.consumers.restore(state.next_consumer, state.consumers, state.single);
        for (saved, channel, consumer) in state.unacked {
            if let Some(item) = load(&saved, &mut messages, names) {
                self.keep_unacked(item, channel, consumer);
            }
        }
        for (saved, reason) in state.graves {
            if let Some(item) = load(&saved, &mut messages, names) {
                self.graves.keep(item, reason);
            }
        }
        self.restore_delayed(messages, names);
        self.configure(state.policy);
    }

    fn restore_delayed(&mut self, bytes: Bytes, names: &mut Names) {
        let Messages::Quorum(fifo) = &mut self.storage else { return };
        let Ok((delayed, rest)) = postcard::take_from_bytes::<Vec<Delayed>>(&bytes) else { return };
        let mut messages = bytes.slice(bytes.len() - rest.len()..);
        for Delayed { until_us, item } in delayed {
            if let Some(item) = load(&item, &mut messages, names) {
                fifo.delay(item, Time::from_micros(until_us));
            }
        }
        self.restore_suspects(&messages);
    }

    fn restore_suspects(&mut self, bytes: &Bytes) {
        let Ok(Suspects { channels, consumers }) = postcard::from_bytes(bytes) else { return };
        let channels = channels.into_iter();
        self.suspects = channels.map(|(it, until)| (it, Time::from_micros(until))).collect();
        consumers.into_iter().for_each(|id| self.consumers.suspect(id));
    }

    /// Lets it keep to its arguments and to what policies ask.
    pub fn configure(&mut self, policy: Arguments) {
        self.rules = Rules::new(&self.declaration.arguments, &policy);
        self.rules.overflow = self.rules.overflow.of_type(true);
        self.policy_arguments = policy;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rabbit::command::OutgoingMessage;
    use crate::rabbit::consumers::Consumer;
    use crate::rabbit::ids::QueueId;
    use crate::rabbit::profile::Profile;
    use crate::rabbit::queue::Declaration;
    use crate::rabbit::quorum::fifo::Fifo;
    use crate::sim::{MessageId, NodeId, Span};

    fn queue() -> Queue {
        let arguments = Arguments::new();
        let declaration = Declaration { durable: true, auto_delete: false, arguments };
        let storage = Messages::Quorum(Fifo::new(Profile::V4_3));
        Queue::new((QueueId(1), "q".into()), declaration, None, storage, Time::ZERO)
    }

    fn item(seq: u64, names: &mut Names) -> Item {
        let message = OutgoingMessage {
            id: MessageId(seq),
            exchange: "".into(),
            routing_key: "q".into(),
            key: None,
            body: format!("body {seq}").into_bytes().into(),
            properties: None,
        };
        let content = Rc::new(Content::new(message, &Rc::default(), names));
        let tries = Tries { delivered: 2, failed: 1 };
        Item { seq, content, stored: Stored::No, expires: Time::NEVER, tries }
    }

    fn fifo(queue: &mut Queue) -> &mut Fifo {
        match &mut queue.storage {
            Messages::Quorum(fifo) => fifo,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_delayed_comes_back_with_its_time() {
        let (mut names, mut old, mut new) = (Names::default(), queue(), queue());
        fifo(&mut old).requeue(vec![item(0, &mut names)], true);
        // Nothing is behind a snapshot without delays: it is one of before there were any.
        let bare = old.snapshot().expect("it is a quorum queue");
        for (seq, until) in [(1, 9_000_000), (2, 7_000_000)] {
            fifo(&mut old).delay(item(seq, &mut names), Time::from_micros(until));
        }
        let snapshot = old.snapshot().expect("it is a quorum queue");
        assert!(snapshot.starts_with(&bare));
        new.restore(&snapshot, &mut names);
        let found = fifo(&mut new);
        let delayed: Vec<(u64, u64, u32)> =
            found.delayed().map(|(at, it)| (at.micros(), it.seq, it.tries.failed)).collect();
        assert_eq!(delayed, [(7_000_000, 2, 1), (9_000_000, 1, 1)]);
        assert_eq!((found.ready(), found.ready_bytes()), (1, 18));
        assert_eq!(new.snapshot(), Some(snapshot));
        let mut earlier = queue();
        earlier.restore(&bare, &mut names);
        assert_eq!((earlier.storage.ready(), earlier.storage.delayed_count()), (1, 0));
    }

    #[test]
    fn who_is_suspected_is_so_behind_a_snapshot() {
        let (mut names, mut old, mut new) = (Names::default(), queue(), queue());
        let channel = |node| ChannelId { node: NodeId(node), client: NodeId(7), number: 1 };
        for (node, tag) in [(1, "a"), (2, "b")] {
            old.add_consumer(Consumer::new(tag.into(), channel(node), 5), Time::ZERO);
        }
        let (before, until) = (old.snapshot().expect("it is a quorum queue"), Span::seconds(60));
        old.keep_unacked(item(0, &mut names), channel(1), Some(ConsumerId(0)));
        old.suspect(NodeId(1), until, Time::ZERO);
        // Whoever is suspected already waits no longer than before.
        old.suspect(NodeId(1), until * 2, Time::ZERO);
        let snapshot = old.snapshot().expect("it is a quorum queue");
        new.restore(&snapshot, &mut names);
        assert_eq!(new.suspicion_due(), Time::ZERO + until);
        let suspected = |queue: &Queue| {
            let all = queue.consumers.iter().map(|(_, consumer)| consumer.is_suspected);
            all.collect::<Vec<bool>>()
        };
        assert_eq!((suspected(&new), new.consumers.trusted()), (vec![true, false], 1));
        assert_eq!((new.snapshot(), new.unacked()), (Some(snapshot), 1));
        // One of before there were suspects.
        let mut earlier = queue();
        earlier.restore(&before, &mut names);
        assert_eq!(suspected(&earlier), [false, false]);
        assert_eq!(earlier.suspicion_due(), Time::NEVER);
    }
}
