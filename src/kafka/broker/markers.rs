//! Markers: what a coordinator has decided reaches every partition of the transaction, sooner or
//! later. As a leader a broker appends them, and offsets that waited for one are committed or
//! forgotten with it.

use super::channel::{Purpose, REQUEST_TIMEOUT};
use super::produce::Completion;
use super::server::{Call, Server};
use super::transactions::{Then, outcome};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::partition_for;
use crate::kafka::log::transactions::Marker;
use crate::kafka::message::transactions::{Markers, Outcomes, Transactional};
use crate::kafka::message::{Request, Response, TransactionRequest, TransactionResponse};
use crate::kafka::metadata::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC};
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::kafka::record::header::{CONTROL, TRANSACTIONAL};
use crate::sim::{Span, Time};
use bytes::Bytes;
use std::rc::Rc;

/// Before a marker is tried again.
const RETRY: Span = Span::millis(100);

/// A marker that is to be written.
#[derive(Clone, Debug)]
pub struct Marking {
    /// `transactional.id`.
    pub id: Rc<str>,
    partition: TopicPartition,
    is_under_way: bool,
    retry_at: Time,
}

/// Markers that are being appended here, and who is to be told; this broker itself if nobody.
#[derive(Clone, Debug)]
pub struct Marked {
    markers: Markers,
    call: Option<Call>,
}

fn control_batch(markers: &Markers, time: i64) -> Bytes {
    let Markers { of, commits, coordinator_epoch, .. } = markers;
    let marker = Marker { commits: *commits, coordinator_epoch: *coordinator_epoch };
    let (key, value) = (marker.key(), marker.value());
    let mut builder = BatchBuilder::new(TRANSACTIONAL | CONTROL, 0);
    builder.push(time, &Fields { key: Some(&key), value: Some(&value), headers: &[] });
    builder.close(ProducerStamp { id: of.producer_id, epoch: of.epoch, base_sequence: -1 })
}

impl Server {
    // ---- the coordinator's side ----

    /// All partitions of a transaction that is decided are to get a marker.
    pub(super) fn begin_markers(&mut self, id: &Rc<str>, out: &mut Out<'_>) {
        let known = self.transactions.all.get(id).and_then(|known| known.now.as_ref());
        let Some(known) = known.filter(|now| now.state.is_prepared()) else { return };
        let markings = known.partitions.iter().map(|partition| Marking {
            id: id.clone(),
            partition: partition.clone(),
            is_under_way: false,
            retry_at: Time::ZERO,
        });
        let markings: Vec<Marking> = markings.collect();
        self.transactions.markers.extend(markings);
        self.pump_markers(out);
        self.complete_if_marked(id, out);
    }

    /// Sends the markers whose leaders can be reached.
    pub(super) fn pump_markers(&mut self, out: &mut Out<'_>) {
        let now = out.now();
        let ready = self.transactions.incomplete.iter().filter(|(_, at)| *at <= now);
        let ready: Vec<Rc<str>> = ready.map(|(id, _)| id.clone()).collect();
        self.transactions.incomplete.retain(|(_, at)| *at > now);
        ready.iter().for_each(|id| self.complete_if_marked(id, out));
        while let Some((leader, markers)) = self.next_markers(now, out) {
            if leader == self.id {
                self.write_markers(markers, None, out);
                continue;
            }
            let Some(broker) = self.image.brokers.get(&leader) else { continue };
            let purpose = Purpose::Markers(markers.of.id.clone(), markers.partitions.clone());
            let request = Request::Transaction(TransactionRequest::WriteTxnMarkers(markers));
            self.connections.send(broker.node, (request, purpose), REQUEST_TIMEOUT, out);
        }
        let waiting = self.transactions.markers.iter().filter(|marking| !marking.is_under_way);
        let due = waiting.map(|marking| marking.retry_at).filter(|at| *at > now);
        let due = due.chain(self.transactions.incomplete.iter().map(|(_, at)| *at)).min();
        if let Some(due) = due
            && self.transactions.wake_at.is_none_or(|at| due < at)
        {
            self.transactions.wake_at = Some(due);
            out.timer_at(Timer::Markers, due);
        }
    }

    /// The markers of one transaction for one leader that can be reached now.
    fn next_markers(&mut self, now: Time, out: &mut Out<'_>) -> Option<(i32, Markers)> {
        let mut skipped: Vec<i32> = Vec::new();
        loop {
            let mut chosen: Option<(Rc<str>, i32)> = None;
            let mut partitions = Vec::new();
            for marking in self.transactions.markers.iter_mut() {
                if marking.is_under_way || marking.retry_at > now {
                    continue;
                }
                let leader = self.image.partition(&marking.partition).and_then(|p| p.leader);
                let Some(leader) = leader.filter(|id| !skipped.contains(id)) else { continue };
                let (id, to) = chosen.get_or_insert((marking.id.clone(), leader));
                if *id == marking.id && *to == leader {
                    partitions.push(marking.partition.clone());
                }
            }
            let Some((id, leader)) = chosen else {
                self.put_off_leaderless(now);
                return None;
            };
            let node = self.image.brokers.get(&leader).map(|broker| broker.node);
            let is_reached =
                leader == self.id || node.is_some_and(|node| self.connections.connect(node, out));
            let epoch = self.coordinator_epoch(&id);
            let known = self.transactions.all.get(&id).and_then(|known| known.now.clone());
            let (true, Some(known)) = (is_reached, known) else {
                skipped.push(leader);
                continue;
            };
            for marking in &mut self.transactions.markers {
                marking.is_under_way |= marking.id == id && partitions.contains(&marking.partition);
            }
            let of = Transactional { id, producer_id: known.producer_id, epoch: known.epoch };
            let commits = known.state == crate::kafka::transaction::State::PrepareCommit;
            return Some((leader, Markers { of, commits, coordinator_epoch: epoch, partitions }));
        }
    }

    /// Partitions without a leader are looked at again later; those that are gone need no marker.
    fn put_off_leaderless(&mut self, now: Time) {
        let image = &self.image;
        self.transactions.markers.retain(|m| image.partition(&m.partition).is_some());
        for marking in &mut self.transactions.markers {
            let leader = image.partition(&marking.partition).and_then(|p| p.leader);
            if leader.is_none() && !marking.is_under_way {
                marking.retry_at = now + RETRY;
            }
        }
    }

    fn coordinator_epoch(&self, id: &str) -> i32 {
        let number = partition_for(id, self.coordinating_partitions(TRANSACTIONS_TOPIC));
        let key = TopicPartition::new(TRANSACTIONS_TOPIC, number);
        self.partitions.get(&key).map_or(-1, |partition| partition.leader_epoch)
    }

    /// What became of markers: those that are written, or never can be, are done.
    pub(super) fn markers_answered(&mut self, id: &Rc<str>, outcomes: Outcomes, out: &mut Out<'_>) {
        let again = out.now() + RETRY;
        for (partition, result) in outcomes {
            let found = |m: &Marking| m.id == *id && m.partition == partition;
            let Some(at) = self.transactions.markers.iter().position(found) else { continue };
            match result {
                Err(error) if error.is_retriable() => {
                    let marking = &mut self.transactions.markers[at];
                    (marking.is_under_way, marking.retry_at) = (false, again);
                }
                _ => drop(self.transactions.markers.remove(at)),
            }
        }
        self.complete_if_marked(id, out);
    }

    fn complete_if_marked(&mut self, id: &Rc<str>, out: &mut Out<'_>) {
        if self.transactions.markers.iter().any(|marking| marking.id == *id) {
            return;
        }
        let Some(known) = self.transactions.all.get(id).filter(|known| !known.is_pending) else {
            return;
        };
        if let Some(now) = known.now.as_ref().filter(|now| now.state.is_prepared()) {
            let next = now.completed(now_ms(out.now()));
            self.write_transaction(id.clone(), next, Then::Completed, out);
        }
    }

    // ---- the leader's side ----

    /// Appends markers.
    pub(super) fn write_markers(
        &mut self,
        markers: Markers,
        call: Option<Call>,
        out: &mut Out<'_>,
    ) {
        let batch = control_batch(&markers, now_ms(out.now()));
        let batches = markers.partitions.iter().map(|partition| (partition.clone(), batch.clone()));
        let batches = batches.collect();
        let completion = Completion::Markers(Box::new(Marked { markers, call }));
        self.append_all(-1, REQUEST_TIMEOUT, batches, completion, out);
    }

    /// All in-sync replicas have the markers, or they could not be written.
    pub(super) fn markers_written(
        &mut self,
        marked: Marked,
        outcomes: Vec<(TopicPartition, Result<i64, ErrorCode>)>,
        out: &mut Out<'_>,
    ) {
        let Marked { markers, call } = marked;
        for (partition, offset) in outcomes.iter().filter_map(|(tp, r)| Some((tp, r.ok()?))) {
            out.emit(Event::MarkerWritten {
                partition: partition.clone(),
                producer_id: markers.of.producer_id,
                offset,
                outcome: outcome(markers.commits),
            });
            if *partition.topic == *OFFSETS_TOPIC {
                self.offsets_decided(partition.partition, &markers, out);
            }
        }
        let outcomes =
            outcomes.into_iter().map(|(partition, result)| (partition, result.map(drop)));
        let outcomes: Outcomes = outcomes.collect();
        match call {
            Some(call) => {
                let answer = TransactionResponse::WriteTxnMarkers(outcomes);
                call.answer(Response::Transaction(answer), out);
            }
            None => self.markers_answered(&markers.of.id, outcomes, out),
        }
    }

    /// Offsets that waited for a transaction are committed, or forgotten.
    fn offsets_decided(&mut self, partition: i32, markers: &Markers, out: &mut Out<'_>) {
        let count = self.coordinating_partitions(OFFSETS_TOPIC);
        let is_here = |group: &str| partition_for(group, count) == partition;
        let decided = self.groups.decide(markers.of.producer_id, markers.commits, is_here);
        for (group, partition, offset) in decided {
            out.emit(Event::OffsetCommitted { group, partition, offset });
        }
    }
}
