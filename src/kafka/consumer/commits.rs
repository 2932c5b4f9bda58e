//! Commits: which offset is committed when, and what becomes of it.
//!
//! `Auto`: within `poll()`, every `auto.commit.interval.ms`, the position of each partition, that
//! is everything that earlier polls handed out; nobody waits for it. `Before`: all that this
//! `poll()` returned, before the first record is handled. `After(n)`: after every n records, the
//! ones that were handled. The last two are `commitSync()`: the thread waits.
//!
//! With an offset goes the leader epoch of the last record that was handed out (KIP-320): whoever
//! reads on from there can tell whether the log was cut behind its back.

use super::client::{Asked, Consumer};
use super::handler::Thread;
use crate::kafka::command::CrashPoint;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::request::{OffsetAndEpoch, OffsetCommit};
use crate::kafka::message::{Request, Response};
use crate::kafka::process::Out;
use crate::kafka::protection::Protection::CommitAfterProcess;
use crate::kafka::spec::CommitMode;
use crate::ordered::BTreeMap;
use crate::sim::Time;
use std::collections::VecDeque;

/// Offsets to commit, partition by partition.
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// Who asked for a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// `enable.auto.commit`.
    Auto,
    /// The application's thread, which waits: then it takes a record up, the first of a batch if
    /// this is true.
    Thread {
        /// True right after `poll()`.
        first: bool,
    },
    /// A rebalance: partitions may go to others.
    Rebalance,
    /// A command of the lab.
    Command,
    /// `close()`.
    Close,
}

/// A commit that is to be made.
#[derive(Clone, Debug)]
pub struct PendingCommit {
    offsets: Offsets,
    cause: Cause,
    deadline: Time,
    retry_at: Time,
    failures: u32,
}

/// The commits of a consumer.
#[derive(Clone, Debug, Default)]
pub struct Commits {
    waiting: VecDeque<PendingCommit>,
    under_way: usize,
    /// Commits before a rebalance that are waiting or under way.
    preparing: usize,
    /// Behind the last record handled, of each partition, since the last commit of the thread.
    handled: Offsets,
    handled_count: u32,
    next_auto: Time,
}

impl Commits {
    /// The process has begun: the first automatic commit is due then.
    pub fn begin(&mut self, next_auto: Time) {
        self.next_auto = next_auto;
    }

    /// A record was handled; the next one of its partition has this offset.
    pub fn handled(&mut self, partition: &TopicPartition, next: i64) {
        self.handled_count += 1;
        match self.handled.get_mut(partition) {
            Some(offset) => *offset = next,
            None => drop(self.handled.insert(partition.clone(), next)),
        }
    }

    /// True if so many were handled since the last commit.
    pub fn is_time(&self, each: u32) -> bool {
        self.handled_count >= each.max(1)
    }

    /// Takes what was handled since the last commit of the thread.
    pub fn take_handled(&mut self) -> Offsets {
        self.handled_count = 0;
        std::mem::take(&mut self.handled)
    }

    /// True if nothing is to be committed and nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way == 0
    }

    /// True while a commit before a rebalance is to be made.
    pub fn is_preparing(&self) -> bool {
        self.preparing > 0
    }

    /// Forgets what was to be committed.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }

    /// These partitions are another's by now: an automatic commit that could not be made yet leaves
    /// them out.
    pub fn leave_out(&mut self, gone: &[TopicPartition]) {
        for commit in self.waiting.iter_mut().filter(|commit| commit.cause == Cause::Auto) {
            commit.offsets.retain(|partition, _| !gone.contains(partition));
        }
        self.waiting.retain(|commit| !commit.offsets.is_empty());
    }

    /// The commit of `close()`.
    pub fn at_close(&mut self, offsets: Offsets) {
        self.push(offsets, Cause::Close, Time::NEVER);
    }

    fn push(&mut self, offsets: Offsets, cause: Cause, deadline: Time) {
        if !offsets.is_empty() {
            self.preparing += usize::from(cause == Cause::Rebalance);
            let (retry_at, failures) = (Time::ZERO, 0);
            self.waiting.push_back(PendingCommit { offsets, cause, deadline, retry_at, failures });
        }
    }
}

impl Consumer {
    /// When offsets are committed; never without a group.
    pub(super) fn commit_mode(&self) -> CommitMode {
        match &self.membership {
            Some(_) if !self.spec.is_share => match self.spec.commit {
                CommitMode::After(_) if self.config.without.lacks(CommitAfterProcess) => {
                    CommitMode::Before
                }
                commit => commit,
            },
            _ => CommitMode::Never,
        }
    }

    /// The position of each partition that it reads for its group.
    fn offsets_polled(&self) -> Offsets {
        let all = self.positions.iter().filter(|(partition, _)| !self.is_changelog(partition));
        all.map(|(partition, offset)| (partition.clone(), offset)).collect()
    }

    fn commits_by_itself(&self) -> bool {
        self.commit_mode() == CommitMode::Auto && self.config.auto_commit
    }

    /// When `poll()` will commit next.
    pub(super) fn next_auto_commit(&self) -> Option<Time> {
        self.commits_by_itself().then_some(self.commits.next_auto)
    }

    /// The part of `poll()` that commits.
    pub(super) fn auto_commit(&mut self, out: &mut Out<'_>) {
        if !self.commits_by_itself() || out.now() < self.commits.next_auto {
            return;
        }
        self.commits.next_auto = out.now() + self.config.auto_commit_interval;
        let offsets = self.offsets_polled();
        // One that could not be made yet is replaced by this one.
        self.commits.waiting.retain(|commit| commit.cause != Cause::Auto);
        self.commits.push(offsets, Cause::Auto, Time::NEVER);
    }

    /// A new assignment: the next automatic commit is a whole interval away.
    pub(super) fn begin_auto_commit(&mut self, now: Time) {
        self.commits.next_auto = now + self.config.auto_commit_interval;
    }

    /// The commit of a consumer that commits by itself, before partitions may go to others.
    pub(super) fn commit_before_rebalance(&mut self, now: Time) {
        if self.commits_by_itself() {
            let offsets = self.offsets_polled();
            self.commits.waiting.retain(|commit| commit.cause != Cause::Auto);
            self.commits.push(offsets, Cause::Rebalance, now + self.config.api_timeout);
        }
    }

    /// `commitSync()` of all that `poll()` has handed out.
    pub(super) fn commit_polled(&mut self, out: &mut Out<'_>) {
        let mut offsets = Offsets::new();
        for held in &self.batch {
            offsets.insert(held.partition().clone(), held.offset + 1);
        }
        self.commit_sync(offsets, true, out);
    }

    /// `commitSync()` of all that was handled.
    pub(super) fn commit_handled(&mut self, out: &mut Out<'_>) {
        self.commits.handled_count = 0;
        let offsets = std::mem::take(&mut self.commits.handled);
        self.commit_sync(offsets, false, out);
    }

    fn commit_sync(&mut self, mut offsets: Offsets, first: bool, out: &mut Out<'_>) {
        // What was taken away meanwhile is not committed: it is another's by now.
        offsets.retain(|partition, _| self.positions.reads(partition));
        if offsets.is_empty() {
            return self.take_up(first, out);
        }
        self.thread = Thread::Committing;
        let deadline = out.now() + self.config.api_timeout;
        self.commits.push(offsets, Cause::Thread { first }, deadline);
    }

    /// The lab's `commit`.
    pub(super) fn commit_by_command(&mut self, partition: TopicPartition, offset: i64, now: Time) {
        let offsets = Offsets::from([(partition, offset)]);
        self.commits.push(offsets, Cause::Command, now + self.config.api_timeout);
    }

    /// What a polite end commits: of the partitions whose records are not all handled the first
    /// that is not, of the others the position.
    pub(super) fn offsets_handled(&self) -> Offsets {
        let mut offsets: Offsets = match self.spec.commit {
            CommitMode::Auto => self.offsets_polled(),
            _ => self.commits.handled.clone(),
        };
        for held in self.batch.iter().rev() {
            if let Some(offset) = offsets.get_mut(held.partition()) {
                *offset = (*offset).min(held.offset);
            }
        }
        offsets
    }

    /// Sends commits; says when to look again.
    pub(super) fn pump_commits(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let mut index = 0;
        let mut next: Option<Time> = None;
        while let Some(commit) = self.commits.waiting.get(index) {
            if commit.deadline <= out.now() {
                let Some(commit) = self.commits.waiting.remove(index) else { break };
                self.commit_timed_out(commit, out);
                continue;
            }
            // Who fell out of its group has nothing to commit for.
            if self.membership.as_ref().is_some_and(|membership| membership.is_lost) {
                let Some(commit) = self.commits.waiting.remove(index) else { break };
                self.commit_refused(&commit, ErrorCode::UnknownMemberId, out);
                continue;
            }
            let at = if commit.retry_at > out.now() { commit.retry_at } else { commit.deadline };
            let ready = commit.retry_at <= out.now();
            if ready && self.can_commit(out) {
                let Some(commit) = self.commits.waiting.remove(index) else { break };
                self.send_commit(commit, out);
                continue;
            }
            if at != Time::NEVER {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
            index += 1;
        }
        next
    }

    fn can_commit(&mut self, out: &mut Out<'_>) -> bool {
        let Some(membership) = self.membership.as_ref().filter(|m| m.may_commit()) else {
            return false;
        };
        membership.coordinator().is_some_and(|node| self.core.connect(node, out))
    }

    fn send_commit(&mut self, commit: PendingCommit, out: &mut Out<'_>) {
        let Some(membership) = &self.membership else { return };
        let Some(node) = membership.coordinator() else { return };
        let commit_of = match self.config.offsets_in_zookeeper {
            true => Request::OldOffsetCommit,
            false => Request::OffsetCommit,
        };
        let request = commit_of(OffsetCommit {
            group: membership.group.clone(),
            member: membership.member.clone(),
            instance: membership.instance.clone(),
            generation: membership.generation,
            offsets: commit
                .offsets
                .iter()
                .map(|(tp, offset)| match commit.cause {
                    Cause::Command => (tp.clone(), OffsetAndEpoch { offset: *offset, epoch: -1 }),
                    _ => self.positions.with_epoch(tp, *offset),
                })
                .collect(),
        });
        self.commits.under_way += 1;
        self.core.send(node, request, Asked::Commit(commit), out);
    }

    pub(super) fn commit_answered(
        &mut self,
        mut commit: PendingCommit,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        self.commits.under_way -= 1;
        let error = match response {
            Some(Response::OffsetCommit(results)) => {
                results.into_iter().find_map(|(_, result)| result.err())
            }
            _ => Some(ErrorCode::CoordinatorNotAvailable),
        };
        let Some(error) = error else {
            if !self.dies_at(CrashPoint::Committed, out) {
                self.commit_made(&commit, out);
            }
            return;
        };
        if let Some(membership) = &mut self.membership {
            match error {
                ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                    membership.forget_coordinator();
                }
                // Only if it is still what it was when it asked.
                ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration
                    if !membership.is_lost && membership.may_commit() =>
                {
                    membership.fall_out(error);
                }
                _ => {}
            }
        }
        if error.is_retriable() {
            let wait = self.core.retry_backoff(commit.failures, out);
            commit.failures += 1;
            commit.retry_at = out.now() + wait;
            match commit.cause {
                // The next poll commits the positions of then.
                Cause::Auto => self.commits.next_auto = self.commits.next_auto.min(commit.retry_at),
                _ => self.commits.waiting.push_back(commit),
            }
            return;
        }
        self.commit_refused(&commit, error, out);
    }

    fn commit_refused(&mut self, commit: &PendingCommit, error: ErrorCode, out: &mut Out<'_>) {
        let sentence = match error {
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::StaleMemberEpoch => {
                "Offset commit cannot be completed since the consumer is not part of an active \
                 group for auto partition assignment; it is likely that the consumer was kicked \
                 out of the group."
            }
            ErrorCode::RebalanceInProgress => {
                "Offset commit cannot be completed since the consumer is undergoing a rebalance \
                 for auto partition assignment. You can try completing the rebalance by calling \
                 poll() and then retry the operation."
            }
            other => other.sentence(),
        };
        let exception = match error {
            ErrorCode::RebalanceInProgress => "RebalanceInProgressException",
            _ => "CommitFailedException",
        };
        self.report(client_error(exception, sentence), out);
        self.commit_made(commit, out);
    }

    fn commit_timed_out(&mut self, commit: PendingCommit, out: &mut Out<'_>) {
        let offsets: Vec<String> = commit
            .offsets
            .iter()
            .map(|(tp, o)| {
                format!("{tp}=OffsetAndMetadata{{offset={o}, leaderEpoch=null, metadata=''}}")
            })
            .collect();
        let sentence = format!(
            "Timeout of {}ms expired before successfully committing offsets {{{}}}",
            self.config.api_timeout.as_millis(),
            offsets.join(", ")
        );
        self.report(client_error("TimeoutException", sentence), out);
        self.commit_made(&commit, out);
    }

    fn report(&mut self, error: crate::kafka::command::ApiError, out: &mut Out<'_>) {
        out.emit(Event::ClientError { client: self.core.name.clone(), error });
    }

    /// A commit is made, or will not be: who waited goes on.
    fn commit_made(&mut self, commit: &PendingCommit, out: &mut Out<'_>) {
        if let Cause::Thread { first } = commit.cause
            && self.thread == Thread::Committing
        {
            self.take_up(first, out);
        }
        if commit.cause == Cause::Rebalance {
            self.commits.preparing = self.commits.preparing.saturating_sub(1);
        }
    }
}
