//! The application's thread: `poll()`, handle, commit, `poll()` again.

use super::client::Consumer;
use crate::kafka::command::{CrashPoint, OutgoingRecord};
use crate::kafka::event::{Event, Text, TopicPartition};
use crate::kafka::process::Out;
use crate::kafka::spec::CommitMode;
use crate::sim::{MessageId, Span, Time};
use bytes::Bytes;
use std::collections::VecDeque;

/// Stands for a record that the lab did not send.
const NO_MESSAGE: MessageId = MessageId(u64::MAX);

/// What the application's thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thread {
    /// It is in `poll()` and waits for records.
    Polling,
    /// It works on the first record of its batch.
    Working {
        /// When it will be done with it.
        until: Time,
    },
    /// It writes the result of the record that it has worked on, and waits.
    Writing,
    /// It is in `commitSync()`.
    Committing,
    /// It was told to die, and has died.
    Dead,
}

fn as_text(bytes: &Option<Bytes>) -> Option<String> {
    bytes.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

impl Consumer {
    /// Lets the thread do everything that it can do now; says when it will have more to do.
    pub(super) fn run_thread(&mut self, out: &mut Out<'_>) -> Option<Time> {
        loop {
            match self.thread {
                Thread::Polling if self.waits_for_transaction() => return None,
                Thread::Polling => {
                    self.poll_group(out);
                    self.auto_commit(out);
                    if !self.poll(out) {
                        return self.next_auto_commit();
                    }
                    if self.dies_at(CrashPoint::Fetched, out) {
                        return None;
                    }
                    if self.spec.is_share {
                        let before = self.spec.commit == CommitMode::Before;
                        if !(before && self.accept_polled(out)) {
                            self.take_up(true, out);
                        }
                    } else if self.commit_mode() == CommitMode::Before {
                        self.commit_polled(out);
                    } else {
                        self.take_up(true, out);
                    }
                }
                Thread::Working { until } if until <= out.now() => {
                    self.done(out);
                    if self.closing.is_some() {
                        return None;
                    }
                }
                Thread::Working { until } => return Some(until),
                Thread::Writing | Thread::Committing | Thread::Dead => return None,
            }
        }
    }

    /// Hands out what lies in the buffer, and sends the next Fetches; false if nothing is there.
    fn poll(&mut self, out: &mut Out<'_>) -> bool {
        let configured = self.config.max_poll_records;
        let most = self.spec.batch.map_or(configured, |batch| batch.max(1) as usize);
        let is_restoring = self.is_restoring();
        while !is_restoring
            && self.batch.len() < most
            && let Some(data) = self.buffer.front_mut()
        {
            let count = data.records.len().min(most - self.batch.len());
            let epoch = count.checked_sub(1).map_or(data.epoch, |last| data.records[last].epoch());
            match self.batch.is_empty() && data.records.len() - count <= count {
                // Fewer have to be moved so.
                true => {
                    let rest = data.records.split_off(count);
                    self.batch = std::mem::replace(&mut data.records, rest);
                }
                false => self.batch.extend(data.records.drain(..count)),
            }
            let partition = data.partition.clone();
            let next = data.records.front().map_or(data.next_offset, |next| next.offset);
            self.meters.handed_out((data.end - next).max(0) as u64, out.now());
            match data.records.front() {
                Some(next) => self.positions.advance_from(&partition, next.offset, epoch),
                None => {
                    self.positions.advance_from(&partition, data.next_offset, data.epoch);
                    self.positions.move_to_end(&partition);
                    self.buffer.pop_front();
                }
            }
        }
        match self.spec.is_share {
            true => self.send_share_fetches(out),
            false => self.send_fetches(out),
        }
        if let Some(membership) = &mut self.membership {
            membership.polled(out.now());
        }
        !self.batch.is_empty()
    }

    /// Takes the first record of the batch up; `first` is true right after `poll()`.
    pub(super) fn take_up(&mut self, first: bool, out: &mut Out<'_>) {
        if self.batch.is_empty() {
            self.thread = Thread::Polling;
            return;
        }
        self.open_transaction(out);
        if let Some(held) = self.batch.front() {
            out.tell(|| Event::ProcessingStarted {
                client: self.core.name.clone(),
                partition: held.partition().clone(),
                offset: held.offset,
                message: held.message.unwrap_or(NO_MESSAGE),
            });
        }
        let once = if first { self.spec.work_per_batch } else { Span::ZERO };
        self.thread = Thread::Working { until: out.now() + once + self.spec.work_per_message };
    }

    /// The handler is done with the first record of the batch.
    fn done(&mut self, out: &mut Out<'_>) {
        let Some(held) = self.batch.pop_front() else {
            self.thread = Thread::Polling;
            return;
        };
        if self.spec.is_share && self.config.fails_on(held.message) {
            if !self.share_handled((held.partition().clone(), held.offset + 1), true, out) {
                self.take_up(false, out);
            }
            return;
        }
        self.book.done += 1;
        self.handled += 1;
        let mut results = match &self.streams {
            Some(_) => self.stream(&held, held.message.unwrap_or(NO_MESSAGE)),
            None => VecDeque::new(),
        };
        let message = held.message.unwrap_or(NO_MESSAGE);
        results.extend(self.spec.to.as_ref().map(|to| OutgoingRecord {
            id: message,
            topic: to.as_str().into(),
            partition: None,
            key: held.key(),
            value: held.value(),
            headers: held.headers.clone(),
        }));
        out.tell(|| {
            let headers = held.headers.iter().map(|(name, value)| (name.clone(), as_text(value)));
            Event::Processed {
                client: self.core.name.clone(),
                partition: held.partition().clone(),
                offset: held.offset,
                message,
                key: held.key().map(Text),
                value: held.value().map(Text),
                timestamp_ms: held.timestamp_ms,
                epoch: held.epoch(),
                headers: headers.collect(),
            }
        });
        let next = held.offset + 1;
        if self.dies_at(CrashPoint::Processed, out) {
            return;
        }
        if self.spec.effect.is_some() {
            self.book.effects += 1;
            if self.dies_at(CrashPoint::Effect, out) {
                return;
            }
        }
        match results.pop_front() {
            Some(first) => {
                self.write((first, results), (held.partition().clone(), next), out);
            }
            None => self.handled((held.partition(), next), out),
        }
    }

    /// All is done with a record but its commit; the next one of its partition has this offset.
    pub(super) fn handled(&mut self, (partition, next): (&TopicPartition, i64), out: &mut Out<'_>) {
        if self.spec.is_share {
            if !self.share_handled((partition.clone(), next), false, out) {
                self.take_up(false, out);
            }
            return;
        }
        if self.commit_mode() != CommitMode::Auto {
            self.commits.handled(partition, next);
        }
        if self.spec.stop_after.is_some_and(|most| self.handled >= most) {
            return self.finish(out);
        }
        let is_transactional = self.writer.transaction.is_some();
        match self.commit_mode() {
            CommitMode::After(each)
                if is_transactional && (self.commits.is_time(each) || self.batch.is_empty()) =>
            {
                self.commit_transaction();
            }
            CommitMode::After(each) if self.commits.is_time(each) => {
                self.commit_handled(out);
            }
            _ => self.take_up(false, out),
        }
    }
}
