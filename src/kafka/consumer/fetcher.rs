//! Asking brokers for records, and the buffer of what they answered.

use super::client::{Asked, Consumer};
use super::handler::Thread;
use crate::kafka::command::Headers;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::transactions::Marker;
use crate::kafka::message::request::{Fetch, FetchPartition};
use crate::kafka::message::response::FetchedPartition;
use crate::kafka::message::{Request, Response, message_and_headers};
use crate::kafka::process::Out;
use crate::kafka::record::header::crc_matches;
use crate::kafka::record::reader::Part;
use crate::kafka::record::{BatchHeader, BatchStream, Records};
use crate::ordered::{BTreeMap, BTreeSet, Order};
use crate::sim::{MessageId, NodeId, Time};
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

/// A record in a consumer's memory. Key and value lie in the bytes that were fetched.
#[derive(Clone, Debug)]
pub struct Held {
    batch: Rc<HeldBatch>,
    /// Its offset.
    pub offset: i64,
    /// The message, if the lab sent it.
    pub message: Option<MessageId>,
    /// Its time, in milliseconds since 1970.
    pub timestamp_ms: i64,
    key: Option<Part>,
    value: Option<Part>,
    /// Bytes of it in the batch.
    pub bytes: u32,
    /// Its headers.
    pub headers: Headers,
}

/// What the records of a batch have in common.
#[derive(Debug)]
struct HeldBatch {
    partition: TopicPartition,
    epoch: i32,
    bytes: Bytes,
}

impl Held {
    /// The partition.
    pub fn partition(&self) -> &TopicPartition {
        &self.batch.partition
    }

    /// The leader epoch of its batch.
    pub fn epoch(&self) -> i32 {
        self.batch.epoch
    }

    /// Its key.
    pub fn key(&self) -> Option<Bytes> {
        self.key.map(|part| part.window(&self.batch.bytes))
    }

    /// Its value.
    pub fn value(&self) -> Option<Bytes> {
        self.value.map(|part| part.window(&self.batch.bytes))
    }
}

/// Passes over records of aborted transactions, by the list that a broker sends along with them.
pub struct AbortedReader {
    /// Producer id and first offset of each, the next one last.
    coming: Vec<(i64, i64)>,
    /// The producers whose records are void at this place of the log.
    void: Vec<i64>,
}

impl AbortedReader {
    /// With the list of the answer; none of it with `read_uncommitted`.
    pub fn new(mut aborted: Vec<(i64, i64)>) -> AbortedReader {
        aborted.order_by_key(|(_, first)| std::cmp::Reverse(*first));
        AbortedReader { coming: aborted, void: Vec::new() }
    }

    /// True if a batch is void. Batches come in the order of the log.
    pub fn passes_over(&mut self, header: &BatchHeader, batch: &Bytes) -> bool {
        while let Some((producer, _)) =
            self.coming.pop_if(|(_, first)| *first <= header.last_offset())
        {
            self.void.push(producer);
        }
        if header.is_control() {
            if Marker::of(batch).is_some_and(|marker| !marker.commits) {
                self.void.retain(|producer| *producer != header.producer_id);
            }
            return true;
        }
        header.is_transactional() && self.void.contains(&header.producer_id)
    }
}

/// What one Fetch brought from one partition.
#[derive(Clone, Debug)]
pub struct FetchedData {
    /// The partition.
    pub partition: TopicPartition,
    /// Its records, in offset order.
    pub records: VecDeque<Held>,
    /// Where to read on when all of them were handed out.
    pub next_offset: i64,
    /// The leader epoch of the last batch.
    pub epoch: i32,
    /// The broker that gave them.
    pub broker: i32,
    /// What could be read then ended before this offset.
    pub end: i64,
}

impl Consumer {
    /// Sends a Fetch to every broker that has none under way and of which nothing lies in the
    /// buffer.
    pub(super) fn send_fetches(&mut self, out: &mut Out<'_>) {
        // Since 4.1 (KAFKA-17182) a broker is left alone while records of it are buffered.
        self.ask_epochs(out);
        let is_restoring = self.is_restoring();
        let buffered: BTreeSet<i32> = self.buffer.iter().map(|data| data.broker).collect();
        let mut asked: BTreeMap<(i32, NodeId), Vec<FetchPartition>> = BTreeMap::new();
        let mut leaderless = false;
        for (partition, offset) in self.positions.fetchable(out.now()) {
            let Some((broker, node, epoch)) = self.source(partition, out.now()) else {
                leaderless = true;
                continue;
            };
            // While stores are restored, all else is paused.
            let waits = match is_restoring {
                true => !self.is_changelog(partition),
                false => buffered.contains(&broker),
            };
            if waits || self.fetching.contains_key(&broker) {
                continue;
            }
            asked.entry((broker, node)).or_default().push(FetchPartition {
                partition: partition.clone(),
                offset,
                current_leader_epoch: epoch,
                last_fetched_epoch: -1,
                max_bytes: self.config.max_partition_fetch_bytes,
            });
        }
        if leaderless {
            self.core.metadata.request_update();
        }
        for ((broker, node), partitions) in asked {
            if !self.core.connect(node, out) {
                continue;
            }
            let from: Vec<(TopicPartition, i64)> =
                partitions.iter().map(|asked| (asked.partition.clone(), asked.offset)).collect();
            let request = Request::Fetch(Fetch {
                replica: None,
                rack: self.config.rack.clone(),
                max_wait_ms: self.config.fetch_max_wait.as_millis(),
                min_bytes: self.config.fetch_min_bytes,
                max_bytes: self.config.fetch_max_bytes,
                read_committed: self.config.read_committed,
                partitions,
            });
            self.fetching.insert(broker, out.now());
            let client = self.core.name.clone();
            out.emit(Event::FetchSent { client, partitions: from.clone() });
            self.core.send(node, request, Asked::Fetch(broker, from), out);
        }
    }

    /// Where a partition is read: at its leader, or at the follower in its rack that the leader
    /// named; with the leader's epoch.
    fn source(&self, partition: &TopicPartition, now: Time) -> Option<(i32, NodeId, i32)> {
        let metadata = &self.core.metadata;
        let leader = metadata.leader(partition)?;
        let preferred = self.positions.preferred(partition, now);
        match preferred.and_then(|id| Some((id, metadata.broker(id)?))) {
            Some((id, node)) => Some((id, node, leader.2)),
            None => Some(leader),
        }
    }

    pub(super) fn fetch_answered(
        &mut self,
        broker: i32,
        asked: Vec<(TopicPartition, i64)>,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let since = self.fetching.remove(&broker);
        let Some(Response::Fetch(fetched)) = response else {
            // A follower that does not answer is left.
            for (partition, _) in &asked {
                self.positions.prefer(partition, None);
            }
            return;
        };
        let (mut nothing, mut failed) = (true, false);
        for ((partition, offset), answer) in asked.into_iter().zip(fetched.partitions) {
            // It may have been sought or taken away meanwhile.
            if self.positions.get(&partition) != Some(offset) {
                nothing = false;
                continue;
            }
            match answer.error {
                Some(error) => {
                    failed = true;
                    self.fetch_failed(&partition, offset, error, out);
                }
                None if answer.preferred_replica.is_some() => {
                    nothing = false;
                    let until = out.now() + self.config.network.metadata_max_age;
                    let preferred = answer.preferred_replica.map(|broker| (broker, until));
                    self.positions.prefer(&partition, preferred);
                }
                None if answer.records.is_empty() => {}
                None => {
                    nothing = false;
                    self.take_records((broker, offset), answer, out);
                }
            }
        }
        self.meters.fetched(since.unwrap_or(out.now()), out.now());
        if nothing && !failed {
            out.emit(Event::FetchedNothing { client: self.core.name.clone() });
        }
    }

    fn fetch_failed(
        &mut self,
        partition: &TopicPartition,
        offset: i64,
        error: ErrorCode,
        out: &mut Out<'_>,
    ) {
        // What a follower does not have the leader may have.
        if self.positions.prefer(partition, None) && error == ErrorCode::OffsetOutOfRange {
            return;
        }
        match (error, self.config.auto_offset_reset) {
            (ErrorCode::OffsetOutOfRange, Some(to)) => self.positions.reset(partition, to),
            (ErrorCode::OffsetOutOfRange, None) => {
                let sentence = format!(
                    "Fetch position FetchPosition{{offset={offset}}} is out of range for partition \
                     {partition}"
                );
                self.die(client_error("OffsetOutOfRangeException", sentence), out);
            }
            // Another leader, or none: the metadata is old.
            _ => {
                self.core.metadata.request_update();
                self.hold_off(std::slice::from_ref(partition), out);
            }
        }
    }

    pub(super) fn take_records(
        &mut self,
        (broker, offset): (i32, i64),
        answer: FetchedPartition,
        out: &mut Out<'_>,
    ) {
        let end = match self.config.read_committed {
            true => answer.last_stable,
            false => answer.high_watermark,
        };
        let partition = answer.partition;
        let mut records = VecDeque::new();
        let mut next_offset = offset;
        let mut epoch = self.positions.epoch(&partition);
        let mut aborted = AbortedReader::new(answer.aborted);
        let mut stream = BatchStream::of(&answer.records);
        while let Some((header, batch)) = stream.next_batch() {
            if self.config.check_crcs && !crc_matches(&batch) {
                let sentence = format!(
                    "Record batch for partition {partition} at offset {} is invalid, cause: \
                     Record is corrupt",
                    header.base_offset
                );
                return self.die(client_error("KafkaException", sentence), out);
            }
            next_offset = header.next_offset();
            epoch = header.partition_leader_epoch;
            if aborted.passes_over(&header, &batch) || header.is_control() {
                continue;
            }
            let partition = partition.clone();
            let batch = Rc::new(HeldBatch { partition, epoch, bytes: batch });
            let in_batch = Records::of(&batch.bytes);
            records.reserve(in_batch.as_ref().map_or(0, Records::left));
            for record in in_batch.into_iter().flatten() {
                // The first batch may begin before the offset that was asked for.
                if record.offset < offset {
                    continue;
                }
                let (message, headers) = message_and_headers(&record);
                records.push_back(Held {
                    batch: batch.clone(),
                    offset: record.offset,
                    message,
                    timestamp_ms: record.timestamp,
                    key: record.key.map(|key| Part::of(&batch.bytes, key)),
                    value: record.value.map(|value| Part::of(&batch.bytes, value)),
                    bytes: record.length as u32,
                    headers,
                });
            }
        }
        if self.is_changelog(&partition) {
            return self.restore(&partition, records, next_offset, out);
        }
        if records.is_empty() {
            return self.positions.advance_from(&partition, next_offset, epoch);
        }
        self.book.got += records.len() as u64;
        self.meters.came(&partition.topic, &records);
        out.tell(|| Event::Fetched {
            client: self.core.name.clone(),
            partition: partition.clone(),
            offset,
            messages: records.iter().filter_map(|held: &Held| held.message).collect(),
        });
        self.buffer.push_back(FetchedData { partition, records, next_offset, epoch, broker, end });
        let held = || self.held().map(|held| u64::from(held.bytes)).sum::<u64>();
        if self.config.memory.is_some_and(|memory| held() > memory) {
            let (client, at, held) = (self.core.name.clone(), "out_of_memory", self.in_hands());
            let error = client_error("OutOfMemoryError", "Java heap space");
            out.emit(Event::ClientError { client: client.clone(), error });
            self.thread = Thread::Dead;
            out.emit(Event::ClientCrashed { client, at, held });
            out.exit();
        }
    }
}
