//! Offsets in ZooKeeper, where consumers before 0.9 kept them (`offsets.storage=zookeeper`):
//! `/consumers/GROUP/offsets/TOPIC/PARTITION` holds the next offset to read.
//!
//! A commit is a write of one znode, by whoever makes it: there is no generation to check, and
//! each costs the ensemble a majority of flushes, which is why offsets became a topic.
//!
//! Simplified: the consumer asks a broker (OffsetCommit and OffsetFetch of version 0, which write
//! and read the same znodes) where the consumer of 0.8 had a session of its own; its group is
//! coordinated as others are.

use super::registry::Task;
use super::server::{Call, Server};
use super::znodes;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::Response;
use crate::kafka::message::request::{OffsetAndEpoch, OffsetCommit};
use crate::kafka::process::Out;
use crate::kafka::zookeeper::{Op, Reply, ZkError};
use bytes::Bytes;
use std::rc::Rc;

/// A commit or a fetch under way.
#[derive(Clone, Debug)]
pub struct OldOffsets {
    call: Call,
    group: Rc<str>,
    left: usize,
    is_fetch: bool,
    found: Vec<(TopicPartition, OffsetAndEpoch)>,
}

impl Server {
    /// Offsets are to be written.
    pub(super) fn old_offset_commit(
        &mut self,
        call: Call,
        commit: OffsetCommit,
        out: &mut Out<'_>,
    ) {
        let number = self.fresh_id();
        let Some(registry) = self.registry() else { return out.close(call.from) };
        let (left, group) = (commit.offsets.len(), commit.group.clone());
        for (key, OffsetAndEpoch { offset, .. }) in &commit.offsets {
            let op = set(&commit.group, key, *offset);
            registry.ask(Task::OldCommit(number, key.clone(), *offset), op);
        }
        let under_way = OldOffsets { call, group, left, is_fetch: false, found: commit.offsets };
        registry.old_offsets.insert(number, under_way);
        self.old_offsets_done(number, out);
    }

    /// Offsets are to be read.
    pub(super) fn old_offset_fetch(
        &mut self,
        call: Call,
        group: Rc<str>,
        partitions: Vec<TopicPartition>,
        out: &mut Out<'_>,
    ) {
        let number = self.fresh_id();
        let Some(registry) = self.registry() else { return out.close(call.from) };
        let left = partitions.len();
        for key in partitions {
            let path = znodes::offset(&group, &key);
            registry.ask(Task::OldFetch(number, key), Op::GetData { path, watch: false });
        }
        let under_way = OldOffsets { call, group, left, is_fetch: true, found: Vec::new() };
        registry.old_offsets.insert(number, under_way);
        self.old_offsets_done(number, out);
    }

    /// An offset was written, or has no znode yet.
    pub(super) fn old_committed(
        &mut self,
        (number, key, offset): (u64, TopicPartition, i64),
        result: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let Some(registry) = self.registry() else { return };
        let Some(under_way) = registry.old_offsets.get_mut(&number) else { return };
        let group = under_way.group.clone();
        match result {
            Err(ZkError::NoNode) => {
                for path in znodes::above_offset(&group, &key) {
                    registry.ask(Task::Quiet, znodes::create(path, Bytes::new(), false));
                }
                let data = Bytes::from(offset.to_string());
                let op = znodes::create(znodes::offset(&group, &key), data, false);
                registry.ask(Task::OldCommit(number, key, offset), op);
            }
            Err(ZkError::NodeExists) => {
                let op = set(&group, &key, offset);
                registry.ask(Task::OldCommit(number, key, offset), op);
            }
            _ => {
                under_way.left -= 1;
                self.old_offsets_done(number, out);
            }
        }
    }

    /// An offset was read.
    pub(super) fn old_fetched(
        &mut self,
        (number, key): (u64, TopicPartition),
        result: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let Some(registry) = self.registry() else { return };
        let Some(under_way) = registry.old_offsets.get_mut(&number) else { return };
        if let Ok(Reply::Data(data, _)) = result
            && let Ok(offset) = String::from_utf8_lossy(&data).parse()
        {
            under_way.found.push((key, OffsetAndEpoch { offset, epoch: -1 }));
        }
        under_way.left -= 1;
        self.old_offsets_done(number, out);
    }

    fn old_offsets_done(&mut self, number: u64, out: &mut Out<'_>) {
        let Some(registry) = self.registry() else { return };
        if registry.old_offsets.get(&number).is_none_or(|under_way| under_way.left > 0) {
            return;
        }
        let Some(done) = registry.old_offsets.remove(&number) else { return };
        let response = match done.is_fetch {
            true => Response::OffsetFetch(Ok(done.found)),
            false => {
                let all = done.found.into_iter().map(|(key, _)| (key, Ok(())));
                Response::OffsetCommit(all.collect())
            }
        };
        done.call.answer(response, out);
    }
}

fn set(group: &str, key: &TopicPartition, offset: i64) -> Op {
    let data = Bytes::from(offset.to_string());
    Op::SetData { path: znodes::offset(group, key), data, version: -1 }
}
