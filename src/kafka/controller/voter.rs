//! A voter of the controllers' quorum: Raft over the metadata log.
//!
//! An entry of Raft is a record batch, and what lies in `__cluster_metadata-0/` is the log itself:
//! batches in their real format, stamped with their offset and with the epoch of the leader that
//! made them, which is Raft's term. The first batch of every leader is a control batch that says
//! who leads (LeaderChange). Term and vote are in `quorum-state`, as the real file has them.
//!
//! A voter that lags too far is sent a snapshot. Until that is on its disk it hears nothing else:
//! then its log begins anew there.
//!
//! Simplified: the voters are fixed (`controller.quorum.voters`, `kraft.version` 0); a leader
//! pushes where real followers fetch.

use super::snapshots::{Kept, Snapshots};
use crate::kafka::broker::life::Ticket;
use crate::kafka::log::Log;
use crate::kafka::log::partition_log::LogPosition;
use crate::kafka::message::{KafkaMessage, Request};
use crate::kafka::metadata::{Image, METADATA_TOPIC, MetadataRecord};
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::record::BatchHeader;
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::kafka::record::header::{CONTROL, stamp};
use crate::kafka::record::varint::write_unsigned;
use crate::raft::{self, Entry, MemberId, Message, Raft, Role, Saved, Timing};
use crate::sim::{NodeId, Span, Stream, Time};
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::VecDeque;
use std::rc::Rc;

/// A follower asks for votes when it has not heard from a leader for 1.5 to 3 s
/// (`controller.quorum.fetch.timeout.ms` is 2 s); a leader that a majority has not answered for
/// 3 s steps down, which is one and a half of that timeout, as in the real one.
const TIMING: Timing = Timing { election: Span::millis(1_500), heartbeat: Span::millis(500) };

/// `controller.quorum.request.timeout.ms`: a connection on which nothing was answered for so long
/// is closed, with what still waits on it.
pub const REQUEST_TIMEOUT: Span = Span::seconds(2);

/// The file with the term and the vote in it.
pub fn state_file() -> String {
    format!("{METADATA_TOPIC}-0/quorum-state")
}

/// The type of the control record that says who leads.
const LEADER_CHANGE: i16 = 2;

/// A batch that is in the log.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The offset behind it.
    end: i64,
    /// Where it begins.
    from: LogPosition,
}

/// A voter.
#[derive(Clone, Debug)]
pub struct Voter {
    /// Its part in Raft.
    pub raft: Raft,
    /// `node.id` of every voter, and where it is.
    voters: Rc<[(i32, NodeId)]>,
    /// The index of the last entry before them, and the offset behind it.
    base: (u64, i64),
    /// The entries that Raft has, as they lie in the log.
    places: VecDeque<Place>,
    /// The write of a snapshot that is not on the disk yet, and the entries that follow it.
    installing: Option<(u64, Vec<Entry>)>,
    /// What all that is committed adds up to.
    pub committed: Image,
    /// Up to this index it is in there.
    pub applied: u64,
    /// When each voter was last heard of, in their order, and last sent something new on a
    /// connection that was open.
    heard: Vec<Time>,
    /// Its timeouts: what it draws for them does not change what the controller draws.
    random: Stream,
    /// What has something to be flushed, and the last write that is in it.
    unflushed: Vec<Rc<str>>,
    written: u64,
    /// Flushes under way, and the write that is safe when they are done.
    flushes: u8,
    flushing: u64,
}

/// What a voter left on disk.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The epoch it was in.
    pub epoch: i32,
    /// Its vote in that epoch.
    pub voted: Option<i32>,
    /// The batches of its log, in order.
    pub batches: Vec<(BatchHeader, Bytes)>,
}

/// What `quorum-state` says: epoch and vote.
pub fn decode_state(text: &str) -> (i32, Option<i32>) {
    let number = |name: &str| -> Option<i32> {
        let after = text.split_once(name)?.1.trim_start_matches([':', ' ']);
        let end = after.find(|c: char| c != '-' && !c.is_ascii_digit()).unwrap_or(after.len());
        after[..end].parse().ok()
    };
    (number("\"leaderEpoch\"").unwrap_or(0), number("\"votedId\"").filter(|id| *id >= 0))
}

fn encode_state(epoch: u64, leader: i32, voted: i32, voters: &[(i32, NodeId)]) -> String {
    let all: Vec<String> = voters.iter().map(|(id, _)| format!("{{\"voterId\":{id}}}")).collect();
    format!(
        "{{\"clusterId\":\"\",\"leaderId\":{leader},\"leaderEpoch\":{epoch},\"votedId\":{voted},\
         \"appliedOffset\":0,\"currentVoters\":[{}],\"data_version\":0}}",
        all.join(",")
    )
}

/// The batch with which a leader begins: who leads, who votes, who voted for it.
fn leader_change(me: i32, voters: &[(i32, NodeId)], granted: &[MemberId], now_ms: i64) -> Bytes {
    let mut key = BytesMut::new();
    key.put_i16(0);
    key.put_i16(LEADER_CHANGE);
    let mut value = BytesMut::new();
    value.put_i16(0);
    value.put_i32(me);
    let mut ids = |ids: &mut dyn ExactSizeIterator<Item = i32>| {
        write_unsigned(&mut value, ids.len() as u64 + 1);
        for id in ids {
            value.put_i32(id);
            write_unsigned(&mut value, 0);
        }
    };
    ids(&mut voters.iter().map(|(id, _)| *id));
    ids(&mut granted.iter().map(|id| id.0 as i32));
    write_unsigned(&mut value, 0);
    let mut builder = BatchBuilder::new(CONTROL, 0);
    builder.push(now_ms, &Fields { key: Some(&key), value: Some(&value), headers: &[] });
    builder.close(ProducerStamp::NONE)
}

/// A batch with the offset and the epoch that it gets in the log.
pub fn stamped(batch: &[u8], offset: i64, epoch: i32) -> Bytes {
    let mut bytes = BytesMut::from(batch);
    stamp(&mut bytes, offset, epoch);
    bytes.freeze()
}

/// What one voter sends to another as a snapshot: the offset behind it, and its bytes.
pub fn split_state(state: &Bytes) -> Option<(i64, Bytes)> {
    let offset = state.first_chunk().map(|offset| i64::from_be_bytes(*offset))?;
    Some((offset, state.slice(8..)))
}

fn member(id: i32) -> MemberId {
    MemberId(id as u32)
}

impl Voter {
    /// A voter with the log and the snapshots that the start found. It is to be started.
    pub fn new(
        id: i32,
        voters: Rc<[(i32, NodeId)]>,
        found: Found,
        (log, snapshots): (&Log, &Snapshots),
    ) -> Voter {
        let begins = snapshots.at(log.log_start());
        let base = begins.map_or((0, 0), |kept| (kept.header.batches, kept.id.offset));
        let base_term = begins.map_or(0, |kept| kept.id.epoch as u64);
        let (mut places, mut entries) = (VecDeque::new(), VecDeque::new());
        let mut at = LogPosition { segment: 0, position: 0 };
        let mut last = base_term as i32;
        for (header, batch) in found.batches {
            let segment = log.segment_with(header.base_offset).base_offset;
            if segment != at.segment {
                at = LogPosition { segment, position: 0 };
            }
            let place = Place { end: header.next_offset(), from: at };
            at.position += batch.len() as u64;
            if place.end <= base.1 {
                continue;
            }
            places.push_back(place);
            last = header.partition_leader_epoch;
            entries.push_back(Entry { term: last.max(0) as u64, command: Some(batch) });
        }
        let saved = Saved {
            term: found.epoch.max(last) as u64,
            vote: found.voted.map(member),
            log: raft::Log::restored((base.0, base_term), Bytes::new(), entries),
        };
        let ids: Vec<MemberId> = voters.iter().map(|(id, _)| member(*id)).collect();
        let mut voter = Voter {
            raft: Raft::new(member(id), &ids, TIMING, saved),
            heard: vec![Time::ZERO; voters.len()],
            voters,
            base,
            places,
            installing: None,
            committed: snapshots.image(),
            applied: snapshots.last().map_or(0, |last| last.header.batches),
            random: Stream::named(0, "quorum"),
            unflushed: Vec::new(),
            written: 0,
            flushes: 0,
            flushing: 0,
        };
        if let Some(last) = snapshots.last() {
            voter.covered(last, snapshots.latest(), log.log_start());
        }
        voter
    }

    /// Its life begins. In a cluster that has just been formatted the first voter stands at once,
    /// so that nobody waits for a timeout that says nothing.
    pub fn begin(&mut self, out: &mut Out<'_>) {
        let (now, me) = (out.now(), self.id());
        self.heard.fill(now);
        self.random = Stream::named(out.random().clone().bits(), "quorum");
        self.raft.begin(now, &mut self.random);
        let is_fresh = self.raft.term() == 0 && self.raft.log().last() == (0, 0);
        if is_fresh && self.voters.first().is_some_and(|(id, _)| *id == me) {
            self.raft.campaign(now, &mut self.random);
        }
    }

    /// Its `node.id`.
    pub fn id(&self) -> i32 {
        self.raft.me().0 as i32
    }

    /// The epoch it is in.
    pub fn epoch(&self) -> i32 {
        self.raft.term() as i32
    }

    /// True if it was elected.
    pub fn leads(&self) -> bool {
        self.raft.role() == Role::Leader
    }

    /// All voters in the order of their ids, and where they are.
    pub fn voters(&self) -> &[(i32, NodeId)] {
        &self.voters
    }

    /// Where the leader is, if it knows of one that is not itself.
    pub fn leader_node(&self) -> Option<NodeId> {
        let leader = self.raft.leader().filter(|leader| *leader != self.raft.me())?;
        self.voters.iter().find(|(id, _)| member(*id) == leader).map(|(_, node)| *node)
    }

    /// As leader: another voter's `node.id`, and how much of the log it is known to have on disk.
    pub fn progress_of(&self, node: NodeId) -> Option<(i32, i64)> {
        let id = self.voters.iter().find(|(_, at)| *at == node)?.0;
        let mut all = self.raft.progress();
        let (_, matched, _) = all.find(|(other, ..)| *other == member(id))?;
        Some((id, self.end_of(matched)))
    }

    /// The offset behind an entry; the log's beginning for what lies before.
    pub fn end_of(&self, index: u64) -> i64 {
        let at = index.checked_sub(self.base.0 + 1);
        let found = at.and_then(|at| self.places.get(at as usize));
        found.map_or(self.base.1, |place| place.end)
    }

    /// The offset behind which nothing is committed, as far as it knows.
    pub fn committed_end(&self) -> i64 {
        self.end_of(self.raft.committed())
    }

    // ---- what happens ----

    /// Another voter says something.
    pub fn hear(&mut self, from: NodeId, message: Message, log: &Log, out: &mut Out<'_>) {
        let Some(at) = self.voters.iter().position(|(_, node)| *node == from) else { return };
        if self.is_installing() {
            return;
        }
        let (now, id) = (out.now(), member(self.voters[at].0));
        self.heard[at] = now;
        let grants = matches!(message.body, raft::message::Body::Vote { granted: true, .. });
        self.prepare_opening(grants.then_some(id), log, now);
        self.raft.receive(id, message, now, &mut self.random);
    }

    /// Its timer is up.
    pub fn tick(&mut self, out: &mut Out<'_>) {
        let now = out.now();
        self.raft.tick(now, &mut self.random);
    }

    /// A flush is done: true if all of them are.
    pub fn flushed(&mut self, log: &mut Log, out: &mut Out<'_>) -> bool {
        self.flushes = self.flushes.saturating_sub(1);
        if self.flushes > 0 {
            return false;
        }
        log.flushed(log.log_end());
        self.prepare_opening(None, log, out.now());
        self.raft.flushed(self.flushing, out.now());
        true
    }

    /// A candidate may be elected by what comes now.
    fn prepare_opening(&mut self, voter: Option<MemberId>, log: &Log, now: Time) {
        if self.raft.role() != Role::Candidate {
            return;
        }
        let mut granted = self.raft.votes().to_vec();
        let more = [voter, Some(self.raft.me())].into_iter().flatten();
        for id in more {
            if !granted.contains(&id) {
                granted.push(id);
            }
        }
        let opening = leader_change(self.id(), &self.voters, &granted, now_ms(now));
        self.raft.open_with(stamped(&opening, log.log_end(), self.epoch()));
    }

    // ---- what it does ----

    /// Says something to another voter. What one that does not answer was sent before is lost with
    /// its connection.
    pub fn send(&mut self, to: MemberId, message: Message, out: &mut Out<'_>) {
        let Some(at) = self.voters.iter().position(|(id, _)| member(*id) == to) else { return };
        let (node, now) = (self.voters[at].1, out.now());
        if now.since(self.heard[at]) >= REQUEST_TIMEOUT {
            self.heard[at] = now;
            out.close(node);
        }
        let client = format!("raft-client-{}", self.id()).into();
        let body = Request::Quorum(Box::new(message));
        out.send(node, KafkaMessage::Request { correlation: 0, client, body }.into());
    }

    /// Writes term and vote down.
    pub fn save_vote(&mut self, (term, vote): (u64, Option<MemberId>), out: &mut Out<'_>) {
        let voted = vote.map_or(-1, |vote| vote.0 as i32);
        let file = state_file();
        out.replace(&file, Bytes::from(encode_state(term, -1, voted, &self.voters)));
        self.unflushed.push(file.into());
    }

    /// Writes entries from an index on into the log; what lies there and behind goes.
    pub fn write(&mut self, (from, entries): (u64, Vec<Entry>), log: &mut Log, out: &mut Out<'_>) {
        let keep = (from - self.base.0 - 1) as usize;
        if let Some(first) = self.places.get(keep) {
            let (at, end) = (first.from, self.end_of(from - 1));
            log.truncate(end, at, out);
            self.places.truncate(keep);
        }
        for entry in entries {
            let batch = entry.command.unwrap_or_default();
            let header = BatchHeader::parse(&batch).expect("an entry is a batch");
            let len = batch.len() as u64;
            let appended = log.append(&header, batch, (now_ms(out.now()), 0), out);
            self.unflushed.extend(appended.rolled.map(|(closed, _)| closed));
            let active = log.active();
            let from = LogPosition { segment: active.base_offset, position: active.bytes - len };
            self.places.push_back(Place { end: log.log_end(), from });
            if self.unflushed.last() != Some(&active.file) {
                self.unflushed.push(active.file.clone());
            }
        }
    }

    /// Notes that something was written: nothing counts that comes behind a snapshot which is not
    /// on the disk yet.
    pub fn wrote(&mut self, write: u64) {
        match &mut self.installing {
            Some((last, _)) => *last = write,
            None => self.written = write,
        }
    }

    // ---- snapshots ----

    /// A snapshot is being written, as Raft asked for.
    pub fn await_snapshot(&mut self, write: u64) {
        self.installing = Some((write, Vec::new()));
    }

    /// True until that is done.
    pub fn is_installing(&self) -> bool {
        self.installing.is_some()
    }

    /// Entries that follow a snapshot which is not there yet wait for it.
    pub fn holds_back(&mut self, from: u64, entries: &[Entry]) -> bool {
        let Some((_, held)) = &mut self.installing else { return false };
        held.truncate((from - self.raft.log().base().0 - 1) as usize);
        held.extend_from_slice(entries);
        true
    }

    /// The snapshot is on the disk, and the log begins anew behind it.
    pub fn install(&mut self, kept: &Kept, image: Image, log: &mut Log, out: &mut Out<'_>) {
        let Some((write, entries)) = self.installing.take() else { return };
        self.base = (kept.header.batches, kept.id.offset);
        self.places.clear();
        self.committed = image;
        self.applied = self.base.0;
        self.unflushed.push(log.active().file.clone());
        self.write((self.base.0 + 1, entries), log, out);
        self.wrote(write);
    }

    /// A snapshot is there, and the log begins at an offset.
    pub fn covered(&mut self, kept: &Kept, bytes: &Bytes, log_start: i64) {
        let mut state = BytesMut::new();
        state.put_i64(kept.id.offset);
        state.extend_from_slice(bytes);
        self.raft.cover(kept.header.batches, state.freeze());
        while self.places.front().is_some_and(|place| place.end <= log_start)
            && let Some(place) = self.places.pop_front()
        {
            self.base = (self.base.0 + 1, place.end);
        }
        self.raft.forget(self.base.0);
    }

    /// Flushes what was written, one flush after the other, and sees to it that it wakes.
    pub fn settle(&mut self, out: &mut Out<'_>) {
        out.timer_at(Timer::Quorum, self.raft.wake());
        if self.flushes > 0 || self.unflushed.is_empty() {
            return;
        }
        self.flushing = self.written;
        for file in std::mem::take(&mut self.unflushed) {
            self.flushes += 1;
            out.flush(&file, Ticket::Quorum);
        }
    }

    /// The records of the next entry that is committed and not applied, and the offset behind it.
    pub fn next_committed(
        &mut self,
        up_to: u64,
        snapshots: &mut Snapshots,
    ) -> Option<(i64, Vec<MetadataRecord>)> {
        if self.applied >= up_to {
            return None;
        }
        self.applied += 1;
        let entry = self.raft.log().get(self.applied);
        let command = entry.and_then(|entry| entry.command.as_ref());
        if let Some(header) = command.and_then(|batch| BatchHeader::parse(batch)) {
            snapshots.added(&header);
        }
        let records = command.map_or_else(Vec::new, |batch| MetadataRecord::all_of(batch));
        records.iter().for_each(|record| self.committed.apply(record));
        Some((self.end_of(self.applied), records))
    }
}
