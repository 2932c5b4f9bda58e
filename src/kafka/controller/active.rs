//! The active controller: requests become records, records become true.

use super::brokers::Session;
use super::metadata_fetch::MetadataFetch;
use super::quorum::Observer;
use super::snapshots::Snapshots;
use super::topics;
use super::voter::{Voter, stamped};
use crate::kafka::broker::life::Ticket;
use crate::kafka::broker::server::{Call, Purpose};
use crate::kafka::config::BrokerConfig;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::Log;
use crate::kafka::message::response::TopicId;
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::placement::Candidate;
use crate::kafka::metadata::{Image, MetadataRecord};
use crate::kafka::now_ms;
use crate::kafka::process::Out;
use crate::kafka::record::BatchHeader;
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::ordered::BTreeMap;
use crate::sim::Stream;
use std::collections::VecDeque;
use std::rc::Rc;

/// Producer ids are given to brokers in blocks of so many.
pub const PRODUCER_ID_BLOCK: i64 = 1_000;

/// Whom to answer.
#[derive(Clone, Debug)]
pub enum ReplyTo {
    /// Who asked over the network.
    Caller(Call),
    /// The broker in the same process, which asked for this purpose.
    Own(Purpose),
    /// Nobody.
    Nobody,
}

/// Records that are written and not committed, and what is answered then.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    end: i64,
    records: Vec<MetadataRecord>,
    pub(super) to: ReplyTo,
    response: Option<Response>,
}

/// The epoch of a quorum of one broker that is its own controller: it elects its leader once.
const EPOCH_ALONE: i32 = 1;

/// The active controller.
#[derive(Clone, Debug)]
pub struct Controller {
    /// The metadata log.
    pub log: Log,
    /// What all records that were written add up to.
    pub image: Image,
    pub(super) config: Rc<BrokerConfig>,
    pub(super) sessions: BTreeMap<i32, Session>,
    pub(super) fetches: BTreeMap<u64, MetadataFetch>,
    pub(super) last_fetch: u64,
    pub(super) observers: Vec<Observer>,
    pub(super) pending: VecDeque<Pending>,
    pub(super) committed: i64,
    /// What is known of it, written down from time to time.
    pub(super) snapshots: Snapshots,
    /// Its part in a quorum, if there is one.
    pub(super) voter: Option<Box<Voter>>,
    /// True if it is the one that decides.
    pub(super) is_active: bool,
    /// The epoch in which it became that.
    pub(super) active_epoch: i32,
    /// True if the one broker is in the same process and is not registered.
    pub(super) alone: Option<i32>,
    own_answers: Vec<(Purpose, Response)>,
    own_records: Vec<MetadataRecord>,
}

/// Draws an id, as `Uuid.randomUuid()` does.
pub fn draw_id(random: &mut Stream) -> TopicId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.bits().to_be_bytes());
    bytes[8..].copy_from_slice(&random.bits().to_be_bytes());
    // A random UUID of RFC 4122: version 4, variant 1.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    TopicId(bytes)
}

/// A number below another one; where there is no choice nothing is drawn.
pub fn chosen(random: &mut Stream, below: usize) -> usize {
    if below > 1 { random.below(below as u64) as usize } else { 0 }
}

impl Controller {
    /// With the log and the snapshots that the start found and what they hold. `alone` is the
    /// broker in the same process.
    pub fn new(
        (log, snapshots): (Log, Snapshots),
        image: Image,
        config: Rc<BrokerConfig>,
        alone: Option<i32>,
    ) -> Controller {
        Controller {
            committed: log.log_end(),
            log,
            snapshots,
            image,
            config,
            sessions: BTreeMap::new(),
            fetches: BTreeMap::new(),
            last_fetch: 0,
            observers: Vec::new(),
            pending: VecDeque::new(),
            voter: None,
            is_active: true,
            active_epoch: EPOCH_ALONE,
            alone,
            own_answers: Vec::new(),
            own_records: Vec::new(),
        }
    }

    /// Records before this offset are committed.
    pub fn committed(&self) -> i64 {
        self.committed
    }

    /// The epoch of the leader of the quorum, as far as it knows.
    pub fn epoch(&self) -> i32 {
        self.voter.as_ref().map_or(EPOCH_ALONE, |voter| voter.epoch())
    }

    /// What the broker in the same process has to take up: records in their order, then answers.
    pub fn take_own(&mut self) -> (Vec<MetadataRecord>, Vec<(Purpose, Response)>) {
        (std::mem::take(&mut self.own_records), std::mem::take(&mut self.own_answers))
    }

    /// Takes a request.
    pub fn ask(&mut self, to: ReplyTo, request: Request, out: &mut Out<'_>) {
        match request {
            Request::ApiVersions => self.answer(to, Response::ApiVersions, out),
            Request::Quorum(message) => {
                if let ReplyTo::Caller(call) = to {
                    self.quorum_heard(call.from, *message, out);
                }
            }
            _ if !self.is_active => self.refuse(to, out),
            Request::DescribeQuorum => {
                let info = self.describe_quorum(out.now());
                self.answer(to, Response::DescribeQuorum(Some(info)), out);
            }
            request @ (Request::CreateTopics { .. }
            | Request::DeleteTopics { .. }
            | Request::CreatePartitions { .. }
            | Request::IncrementalAlterConfigs { .. }) => self.change_topics(to, &request, out),
            Request::AllocateProducerIds { broker } => {
                let first = self.image.next_producer_id;
                let next = first + PRODUCER_ID_BLOCK;
                let records = vec![MetadataRecord::ProducerIds { broker, next }];
                let response = Response::AllocateProducerIds(Ok((first, next)));
                self.write(records, to, Some(response), out);
            }
            Request::FetchSnapshot(id) => {
                let found = self.fetch_snapshot(id);
                self.answer(to, found, out);
            }
            Request::BrokerRegistration(registration) => self.register(to, registration, out),
            Request::BrokerHeartbeat(heartbeat) => self.heartbeat(to, &heartbeat, out),
            Request::AlterPartition(alter) => self.alter_partition(to, alter, out),
            Request::ElectLeaders { election, partitions } => {
                self.elect_leaders(to, election, partitions, out);
            }
            Request::AlterPartitionReassignments { partitions } => {
                self.reassign(to, partitions, out);
            }
            Request::Fetch(fetch) => {
                if let ReplyTo::Caller(call) = to {
                    self.fetch_metadata(call, &fetch, out);
                }
            }
            // Nothing else is sent to a controller.
            _ => {
                if let ReplyTo::Caller(call) = to {
                    out.close(call.from);
                }
            }
        }
    }

    fn candidates(&self) -> Vec<Candidate> {
        if let Some(id) = self.alone {
            return vec![Candidate { id, rack: None, fenced: false }];
        }
        let brokers = self.image.brokers.iter().map(|(id, broker)| Candidate {
            id: *id,
            rack: broker.rack.clone(),
            fenced: !broker.is_active(),
        });
        brokers.collect()
    }

    fn change_topics(&mut self, to: ReplyTo, request: &Request, out: &mut Out<'_>) {
        let response = topics::response_to(request);
        let brokers = self.candidates();
        let of = (&self.image, &*self.config);
        match topics::decide(of, &brokers, request, out.random()) {
            Some(Ok(records)) => self.write(records, to, Some(response(Ok(()))), out),
            Some(Err(error)) => self.answer(to, response(Err(error)), out),
            None => {}
        }
    }

    pub(super) fn answer(&mut self, to: ReplyTo, response: Response, out: &mut Out<'_>) {
        match to {
            ReplyTo::Caller(call) => call.answer(response, out),
            ReplyTo::Own(purpose) => self.own_answers.push((purpose, response)),
            ReplyTo::Nobody => {}
        }
    }

    /// Writes records; once they are committed, answers. Without records it answers at once.
    pub(super) fn write(
        &mut self,
        records: Vec<MetadataRecord>,
        to: ReplyTo,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        if records.is_empty() {
            if let Some(response) = response {
                self.answer(to, response, out);
            }
            return;
        }
        let time = now_ms(out.now());
        let mut builder = BatchBuilder::new(0, 0);
        for record in &records {
            let value = record.encode();
            builder.push(time, &Fields { value: Some(&value), ..Fields::default() });
        }
        let batch = builder.close(ProducerStamp::NONE);
        let end = self.log.log_end() + records.len() as i64;
        match &mut self.voter {
            Some(voter) => {
                let batch = stamped(&batch, self.log.log_end(), voter.epoch());
                voter.raft.propose(batch);
            }
            None => {
                let batch = stamped(&batch, self.log.log_end(), EPOCH_ALONE);
                let header = BatchHeader::parse(&batch).expect("it was just built");
                self.log.append(&header, batch, (time, 0), out);
                self.snapshots.added(&header);
                out.flush(&self.log.active().file.clone(), Ticket::MetadataFlushed { up_to: end });
            }
        }
        for record in &records {
            if let MetadataRecord::RemoveTopic { id } = record
                && let Some(topic) = self.image.name_of(id)
            {
                out.emit(Event::TopicDeleted { topic: topic.clone() });
            }
            self.image.apply(record);
        }
        self.pending.push_back(Pending { end, records, to, response });
        self.act(out);
    }

    /// Everything before this offset is flushed: who is alone has committed it.
    pub fn flushed(&mut self, up_to: i64, out: &mut Out<'_>) {
        self.log.flushed(up_to);
        self.commit_to(up_to, out);
    }

    /// Everything before this offset is committed: it is true now.
    pub(super) fn commit_to(&mut self, up_to: i64, out: &mut Out<'_>) {
        self.committed = self.committed.max(up_to);
        while self.pending.front().is_some_and(|pending| pending.end <= up_to) {
            let Some(pending) = self.pending.pop_front() else { break };
            pending.records.iter().for_each(|record| self.tell(record, out));
            if self.alone.is_some() {
                self.own_records.extend(pending.records);
            }
            if let Some(response) = pending.response {
                self.answer(pending.to, response, out);
            }
        }
        self.wake_metadata_fetches(out);
        self.take_snapshot(out);
    }

    /// Tells the lab of a record that is true now.
    fn tell(&self, record: &MetadataRecord, out: &mut Out<'_>) {
        match record {
            MetadataRecord::Topic { name, .. } => {
                let topic: Rc<str> = name.as_str().into();
                let partitions = self.image.topics.get(&topic).map_or(0, |t| t.partitions.len());
                out.emit(Event::TopicCreated { topic, partitions: partitions as i32 });
            }
            MetadataRecord::PartitionChange { topic, partition, change } => {
                let Some(topic) = self.image.name_of(topic).cloned() else { return };
                let partition = TopicPartition { topic, partition: *partition };
                let Some(found) = self.image.partition(&partition) else { return };
                if let Some(leader) = change.leader {
                    let (leader, unclean) = ((leader >= 0).then_some(leader), change.recovering);
                    out.emit(Event::LeaderElected {
                        partition: partition.clone(),
                        leader,
                        leader_epoch: found.leader_epoch,
                        unclean: unclean == Some(true),
                    });
                }
                if let Some(isr) = &change.isr {
                    out.emit(Event::IsrChanged { partition, isr: isr.clone() });
                }
            }
            MetadataRecord::BrokerChange { broker, fenced: Some(fenced), .. } => {
                out.emit(match fenced {
                    true => Event::BrokerFenced { broker: *broker },
                    false => Event::BrokerUnfenced { broker: *broker },
                });
            }
            _ => {}
        }
    }

    /// What is wrong with a broker that says it has this epoch, if anything.
    pub fn error_of(&self, broker: i32, epoch: i64) -> Option<ErrorCode> {
        match self.image.brokers.get(&broker) {
            None => Some(ErrorCode::BrokerIdNotRegistered),
            Some(found) if found.epoch != epoch => Some(ErrorCode::StaleBrokerEpoch),
            Some(_) => None,
        }
    }
}
