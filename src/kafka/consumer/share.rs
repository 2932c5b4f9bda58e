//! A member of a share group (KIP-932): it reads records that the leader gave to it alone, and
//! says of each what became of it.
//!
//! Implicitly (`--commit auto`): the next `poll()` accepts what the one before returned. Explicitly
//! (`before`, `after`): accepted records are told to the leader, and the thread waits. `never`: the
//! lock's time is up, and somebody else has them. Records that wait behind the one in work are held
//! too: nothing is fetched while anything is in hands. A polite end releases what is not handled.
//!
//! A handler fails on the messages that `lab.fail` names: then the record is released, or rejected
//! for good (`--on-error`). Who works long may renew its locks (`--renew`, KIP-1222).

use super::client::{Asked, Consumer};
use super::fetcher::FetchedData;
use super::handler::Thread;
use crate::kafka::command::CrashPoint;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::share::Acknowledgement;
use crate::kafka::message::request::{Acknowledged, ShareFetch};
use crate::kafka::message::response::{Acquired, ShareFetched};
use crate::kafka::message::{Request, Response};
use crate::kafka::process::Out;
use crate::kafka::spec::CommitMode;
use crate::ordered::BTreeMap;
use crate::sim::{NodeId, Time};

/// The consumer's side of a share group.
#[derive(Clone, Debug, Default)]
pub struct Share {
    /// What is to be told, record by record.
    to_tell: Vec<(TopicPartition, i64, Acknowledgement)>,
    /// Acknowledgements that the thread waits for.
    telling: usize,
    /// True right after `poll()`.
    first: bool,
    handled: u32,
    retry_at: Time,
    /// When the locks of what is in hands are renewed.
    renew_at: Option<Time>,
}

/// Joins neighbours of one partition that were told the same.
fn in_ranges(all: Vec<(TopicPartition, i64, Acknowledgement)>) -> Vec<Acknowledged> {
    let mut ranges: Vec<Acknowledged> = Vec::new();
    for (partition, offset, how) in all {
        match ranges.last_mut() {
            Some((known, (_, last), as_before))
                if *known == partition && *as_before == how && *last + 1 == offset =>
            {
                *last = offset;
            }
            _ => ranges.push((partition, (offset, offset), how)),
        }
    }
    ranges
}

impl Consumer {
    /// What is to be told to this leader.
    fn take_told(&mut self, node: NodeId) -> Vec<Acknowledged> {
        let metadata = &self.core.metadata;
        let is_there = |tp: &TopicPartition| metadata.leader(tp).is_some_and(|l| l.1 == node);
        let all = std::mem::take(&mut self.share.to_tell);
        let (here, elsewhere) = all.into_iter().partition(|(tp, ..)| is_there(tp));
        self.share.to_tell = elsewhere;
        in_ranges(here)
    }

    /// The leaders of what it is assigned.
    fn share_leaders(&self) -> BTreeMap<NodeId, Vec<FetchTarget>> {
        let mut leaders: BTreeMap<NodeId, Vec<FetchTarget>> = BTreeMap::new();
        for partition in self.membership.iter().flat_map(|membership| &membership.owned) {
            if let Some((broker, node, _)) = self.core.metadata.leader(partition) {
                leaders.entry(node).or_default().push((broker, partition.clone()));
            }
        }
        leaders
    }

    /// Within `poll()`: asks the leaders, if nothing is in hands.
    pub(super) fn send_share_fetches(&mut self, out: &mut Out<'_>) {
        if !self.batch.is_empty() || !self.buffer.is_empty() || self.share.retry_at > out.now() {
            return;
        }
        for (node, targets) in self.share_leaders() {
            let Some((broker, _)) = targets.first().cloned() else { continue };
            if self.fetching.contains_key(&broker) || !self.core.connect(node, out) {
                continue;
            }
            let partitions: Vec<TopicPartition> = targets.into_iter().map(|(_, tp)| tp).collect();
            let client = self.core.name.clone();
            let from = partitions.iter().map(|tp| (tp.clone(), -1)).collect();
            out.emit(Event::FetchSent { client, partitions: from });
            self.fetching.insert(broker, out.now());
            self.send_share_request(node, broker, partitions, out);
        }
    }

    fn send_share_request(
        &mut self,
        node: NodeId,
        broker: i32,
        partitions: Vec<TopicPartition>,
        out: &mut Out<'_>,
    ) {
        let acknowledged = self.take_told(node);
        let wants = !partitions.is_empty();
        if let Some(request) = self.share_request(partitions, acknowledged) {
            self.core.send(node, request, Asked::Share(broker, wants), out);
        }
    }

    fn share_request(
        &self,
        partitions: Vec<TopicPartition>,
        acknowledged: Vec<Acknowledged>,
    ) -> Option<Request> {
        let membership = self.membership.as_ref()?;
        let records = self.spec.batch.map_or(self.config.max_poll_records, |n| n.max(1) as usize);
        Some(Request::ShareFetch(ShareFetch {
            group: membership.group.clone(),
            member: membership.member.clone(),
            max_wait_ms: self.config.fetch_max_wait.as_millis(),
            max_records: records,
            max_bytes: self.config.fetch_max_bytes,
            partitions,
            acknowledged,
        }))
    }

    pub(super) fn share_answered(
        &mut self,
        (broker, wants): (i32, bool),
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let answer = match response {
            Some(Response::ShareFetch(answer)) => Some(answer),
            _ => None,
        };
        if wants {
            self.fetching.remove(&broker);
        }
        for (partition, error) in answer.iter().flat_map(|answer| &answer.refused) {
            let mut error = error.error();
            error.sentence = format!("{partition}: {}", error.sentence);
            out.emit(Event::ClientError { client: self.core.name.clone(), error });
        }
        match answer {
            Some(answer) if wants => self.take_shared(broker, answer, out),
            Some(_) if self.dies_at(CrashPoint::Committed, out) => return,
            _ => {}
        }
        if !wants {
            self.share.telling = self.share.telling.saturating_sub(1);
            if self.share.telling == 0 && self.thread == Thread::Committing {
                let first = self.share.first;
                self.take_up(first, out);
            }
        }
    }

    fn take_shared(&mut self, broker: i32, answer: ShareFetched, out: &mut Out<'_>) {
        let ShareFetched { fetched, acquired, .. } = answer;
        let mut nothing = true;
        for partition in fetched {
            if partition.error.is_some() {
                self.core.metadata.request_update();
                self.share.retry_at = out.now() + self.core.retry_backoff(0, out);
                continue;
            }
            let theirs = acquired.iter().find(|(tp, _)| *tp == partition.partition);
            if let Some(theirs) = theirs.filter(|(_, offsets)| !offsets.is_empty()) {
                nothing = false;
                let first = theirs.1[0].0;
                let before = self.buffer.len();
                self.take_records((broker, first), partition, out);
                self.keep_acquired(before, theirs);
            }
        }
        if nothing {
            out.emit(Event::FetchedNothing { client: self.core.name.clone() });
        }
    }

    /// Of what was fetched only what was acquired is its own; acquired offsets that hold no record
    /// are accepted, those that did not fit go back.
    fn keep_acquired(&mut self, before: usize, (partition, offsets): &Acquired) {
        let mut end = i64::MIN;
        let mut has = Vec::new();
        if let Some(data) = self.buffer.get_mut(before) {
            end = data.next_offset;
            data.records.retain(|held| offsets.iter().any(|(offset, _)| *offset == held.offset));
            has = data.records.iter().map(|held| held.offset).collect();
        }
        for (offset, _) in offsets.iter().filter(|(offset, _)| !has.contains(offset)) {
            let how = match *offset < end {
                true => Acknowledgement::Accept,
                false => Acknowledgement::Release,
            };
            self.share.to_tell.push((partition.clone(), *offset, how));
        }
        self.buffer.retain(|data: &FetchedData| !data.records.is_empty());
    }

    /// A record was handled, or the handler failed on it. True if the thread waits now.
    pub(super) fn share_handled(
        &mut self,
        (partition, next): (TopicPartition, i64),
        failed: bool,
        out: &mut Out<'_>,
    ) -> bool {
        let how = match (failed, self.config.rejects) {
            (false, _) => Acknowledgement::Accept,
            (true, false) => Acknowledgement::Release,
            (true, true) => Acknowledgement::Reject,
        };
        match self.spec.commit {
            CommitMode::Auto | CommitMode::After(_) => {
                self.share.to_tell.push((partition, next - 1, how));
            }
            CommitMode::Before | CommitMode::Never => {}
        }
        self.share.handled += 1;
        match self.spec.commit {
            CommitMode::After(each) if self.share.handled >= each => self.tell(false, out),
            _ => false,
        }
    }

    /// Renews the locks of what is in hands, from time to time; says when to look again.
    pub(super) fn pump_renewals(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let every = self.config.renews.filter(|_| self.spec.is_share)?;
        let held = self.batch.iter().chain(self.buffer.iter().flat_map(|data| &data.records));
        let held = held.map(|held| (held.partition().clone(), held.offset, Acknowledgement::Renew));
        let held: Vec<_> = held.collect();
        if held.is_empty() {
            self.share.renew_at = None;
            return None;
        }
        let due = *self.share.renew_at.get_or_insert(out.now() + every);
        if due > out.now() {
            return Some(due);
        }
        let next = out.now() + every;
        self.share.renew_at = Some(next);
        let later = std::mem::replace(&mut self.share.to_tell, held);
        for (node, targets) in self.share_leaders() {
            if targets.is_empty() || !self.core.connect(node, out) {
                continue;
            }
            let acknowledged = self.take_told(node);
            if let Some(request) = self.share_request(Vec::new(), acknowledged) {
                self.core.send(node, request, Asked::Nothing, out);
            }
        }
        self.share.to_tell = later;
        Some(next)
    }

    /// `--commit before`: accepts all that `poll()` returned. True if the thread waits now.
    pub(super) fn accept_polled(&mut self, out: &mut Out<'_>) -> bool {
        let all = self.batch.iter();
        let all = all.map(|held| (held.partition().clone(), held.offset, Acknowledgement::Accept));
        self.share.to_tell.extend(all);
        self.tell(true, out)
    }

    /// `commitSync()`: tells the leaders. True if there is anything to wait for.
    fn tell(&mut self, first: bool, out: &mut Out<'_>) -> bool {
        self.share.handled = 0;
        self.share.first = first;
        for (node, targets) in self.share_leaders() {
            let theirs = |tp: &TopicPartition| targets.iter().any(|(_, owned)| owned == tp);
            let any = self.share.to_tell.iter().any(|(tp, ..)| theirs(tp));
            let Some((broker, _)) = targets.first().filter(|_| any) else { continue };
            if self.core.connect(node, out) {
                self.share.telling += 1;
                self.send_share_request(node, *broker, Vec::new(), out);
            }
        }
        let waits = self.share.telling > 0;
        if waits {
            self.thread = Thread::Committing;
        }
        waits
    }

    /// The end of a member: what is handled is accepted, the rest is given back.
    pub(super) fn share_close(&mut self, out: &mut Out<'_>) {
        let held = self.batch.iter().chain(self.buffer.iter().flat_map(|data| &data.records));
        let held =
            held.map(|held| (held.partition().clone(), held.offset, Acknowledgement::Release));
        let held: Vec<_> = held.collect();
        if self.spec.commit != CommitMode::Before {
            self.share.to_tell.extend(held);
        }
        self.tell(false, out);
    }
}

/// A broker, and a partition that it leads.
type FetchTarget = (i32, TopicPartition);
