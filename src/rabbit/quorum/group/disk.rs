//! What a group's member writes: its log, its vote, its snapshots, and when it flushes them.

use super::{Group, tell};
use crate::rabbit::ids::QueueId;
use crate::rabbit::process::{Out, Ticket, Timer};
use crate::rabbit::quorum::files::{FRAME_BYTES, join_origins, segment_file, split_origins};
use crate::rabbit::talk::Talk;
use crate::raft::{Action, Entry, Role};
use crate::sim::{NodeId, Time};
use bytes::{BufMut, Bytes};

impl Group {
    /// All that is applied is in this state: the log before it is cut. The segments that lie before
    /// go with the next flush but one, when the snapshot is safe.
    pub fn compact(&mut self, queue: QueueId, state: Bytes, out: &mut Out<'_>) {
        let Some(term) = self.raft.log().term(self.applied) else { return };
        let state = match self.is_shared {
            true => join_origins(&self.origins, &state),
            false => state,
        };
        self.write_snapshot((self.applied, term), &state, out);
        out.flush(&format!("{}snapshot", self.directory), Ticket::Snapshot { queue });
        self.raft.compact(self.applied, state);
        let next = self.raft.log().last().0 + 1;
        if self.segments.back() != Some(&next) {
            self.segments.push_back(next);
        }
    }

    fn write_snapshot(&self, last: (u64, u64), state: &Bytes, out: &mut Out<'_>) {
        let mut bytes = postcard::to_stdvec(&last).expect("numbers are plain");
        bytes.extend_from_slice(state);
        out.replace(&format!("{}snapshot", self.directory), bytes.into());
    }

    /// A snapshot is safe: segments with nothing but what is in it go.
    pub fn snapshot_flushed(&mut self, out: &mut Out<'_>) {
        while let Some(next) = self.segments.get(1)
            && *next <= self.raft.log().base().0 + 1
            && let Some(first) = self.segments.pop_front()
        {
            out.delete(&segment_file(&self.directory, first));
        }
    }

    /// Carries out what the group asks for.
    pub(super) fn act(&mut self, queue: QueueId, out: &mut Out<'_>) {
        for action in self.raft.take_actions() {
            match action {
                Action::SaveVote { write, term, vote } => {
                    let saved = (term, vote.map(|member| member.0));
                    let bytes = postcard::to_stdvec(&saved).expect("numbers are plain");
                    out.replace(&format!("{}vote", self.directory), bytes.into());
                    self.is_vote_unflushed = true;
                    self.written = write;
                }
                Action::Write { write, from, entries } => {
                    for (index, entry) in (from..).zip(entries) {
                        self.append(index, entry, out);
                    }
                    self.written = write;
                }
                Action::Role(Role::Leader) => {
                    self.has_won = true;
                    for (command, awaited) in std::mem::take(&mut self.early) {
                        if let Some(index) = self.raft.propose(command) {
                            self.awaited.extend(awaited.map(|awaited| (index, awaited)));
                        }
                    }
                }
                Action::Send { to, message } => {
                    tell(NodeId(to.0), Talk::Raft(queue, message), out);
                }
                Action::Restore { write, last, state: whole } => {
                    self.write_snapshot(last, &whole, out);
                    self.is_snapshot_unflushed = true;
                    for first in std::mem::take(&mut self.segments) {
                        out.delete(&segment_file(&self.directory, first));
                    }
                    self.unflushed.clear();
                    self.segments.push_back(last.0 + 1);
                    self.applied = last.0;
                    let state;
                    (self.origins, state) = split_origins(self.raft.log().snapshot());
                    self.restored = Some(state);
                    self.written = write;
                }
                // Its owner takes what is committed one by one.
                Action::Commit { .. } | Action::Role(_) => {}
            }
        }
        if self.is_shared {
            self.follow_leader(queue, out);
        }
        if self.raft.has_actions() {
            return self.act(queue, out);
        }
        self.flush(queue, out);
        let wake = self.raft.wake();
        if self.is_shared && wake != self.timer_at {
            self.timer_at = wake;
            match wake {
                Time::NEVER => out.cancel(Timer::Group(queue)),
                wake => out.timer_at(Timer::Group(queue), wake),
            }
        }
    }

    /// A new leader gets what is pending; a leader tells at once what is committed.
    fn follow_leader(&mut self, queue: QueueId, out: &mut Out<'_>) {
        let leader = self.raft.leader().map(|leader| (leader, self.raft.term()));
        if leader.is_some() && leader != self.sent_to {
            self.sent_to = leader;
            let all: Vec<Bytes> = self.pending.iter().map(|it| it.bytes.clone()).collect();
            for bytes in all {
                self.hand_on(queue, bytes, out);
            }
        }
        self.raft.tell_commit();
    }

    fn append(&mut self, index: u64, entry: Entry, out: &mut Out<'_>) {
        let command = entry.command.unwrap_or_default();
        let mut head = Vec::with_capacity(FRAME_BYTES);
        head.put_u32(command.len() as u32);
        head.put_u32(0);
        head.put_u64(index);
        head.put_u64(entry.term);
        head.put_u8(u8::from(!command.is_empty()));
        let check = crc32c::crc32c_append(crc32c::crc32c(&head[8..]), &command);
        head[4..8].copy_from_slice(&check.to_be_bytes());
        let segment = *self.segments.back().expect("one is written");
        if self.unflushed.last() != Some(&segment) {
            self.unflushed.push(segment);
        }
        let file = segment_file(&self.directory, segment);
        out.append(&file, head.into());
        if !command.is_empty() {
            out.append(&file, command);
        }
    }

    fn flush(&mut self, queue: QueueId, out: &mut Out<'_>) {
        if self.flushes > 0 {
            return;
        }
        self.flushing = self.written;
        if std::mem::take(&mut self.is_snapshot_unflushed) {
            self.flushes += 1;
            out.flush(&format!("{}snapshot", self.directory), Ticket::Group { queue });
        }
        if std::mem::take(&mut self.is_vote_unflushed) {
            self.flushes += 1;
            out.flush(&format!("{}vote", self.directory), Ticket::Group { queue });
        }
        for segment in std::mem::take(&mut self.unflushed) {
            self.flushes += 1;
            out.flush(&segment_file(&self.directory, segment), Ticket::Group { queue });
        }
    }

    /// A flush is done.
    pub fn flushed(&mut self, queue: QueueId, out: &mut Out<'_>) {
        self.flushes = self.flushes.saturating_sub(1);
        if self.flushes == 0 {
            self.raft.flushed(self.flushing, out.now());
            self.act(queue, out);
        }
    }

    /// Its files go.
    pub fn delete(&self, out: &mut Out<'_>) {
        let files: Vec<String> =
            out.files().with_prefix(&self.directory).map(|(name, _)| name.to_owned()).collect();
        files.iter().for_each(|file| out.delete(file));
    }
}
