//! A member of a queue's group in its node: its log, its disk, and who waits for what.
//!
//! Its files lie in one folder: `vote` with the term and the vote, `snapshot`, and log segments
//! that are appended. A frame of a segment is its length, a check of 32 bits, index, term,
//! whether there is a command, and the command. What is torn at the end of the last segment is
//! cut off.
//!
//! One flush is under way at a time; what is written meanwhile waits for the next one. So a busy
//! queue has many messages in each flush.

use crate::ordered::BTreeMap;
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::process::{Out, Ticket};
use crate::raft::{Action, Entry, Log, MemberId, Raft, Role, Saved, Timing};
use crate::sim::{Rope, Span, Time};
use bytes::{BufMut, Bytes};
use std::collections::VecDeque;
use std::rc::Rc;

/// Where the groups of all queues are.
pub const DIRECTORY: &str = "quorum/";

/// A group of one needs no timers; these are Ra's orders of magnitude.
const TIMING: Timing = Timing { election: Span::millis(1_000), heartbeat: Span::millis(250) };

/// Frames have so many bytes before their command: length, check, index, term, whether there is
/// one.
const FRAME_BYTES: usize = 4 + 4 + 8 + 8 + 1;

/// The folder of a queue's group.
pub fn directory(queue: &str) -> String {
    format!("{DIRECTORY}{}/", queue.replace('%', "%25").replace('/', "%2F"))
}

/// What waits for a command.
#[derive(Clone, Copy, Debug)]
pub enum Awaited {
    /// The confirm of a publish.
    Confirm(PublishId),
    /// The answer to a question on a channel.
    Answer(ChannelId),
}

impl Awaited {
    fn channel(&self) -> ChannelId {
        match self {
            Awaited::Confirm(publish) => publish.channel,
            Awaited::Answer(channel) => *channel,
        }
    }
}

/// A member.
#[derive(Clone, Debug)]
pub struct Group {
    raft: Raft,
    directory: Rc<str>,
    /// The first index of each segment of the log; the last is being written.
    segments: VecDeque<u64>,
    /// Up to this index commands are applied.
    applied: u64,
    /// True while what is applied is of an earlier life: nobody waits for what it does.
    pub is_replaying: bool,
    awaited: VecDeque<(u64, Awaited)>,
    /// Commands that wait for a leader.
    early: VecDeque<(Bytes, Option<Awaited>)>,
    /// What has something to be flushed, and the last write that is in it.
    is_vote_unflushed: bool,
    unflushed: Vec<u64>,
    written: u64,
    /// Flushes under way, and the write that is safe when they are done.
    flushes: u8,
    flushing: u64,
    /// The instant of the command that is applied.
    pub time: Time,
}

/// What a group left on disk.
#[derive(Clone, Debug, Default)]
pub struct Files {
    term: u64,
    vote: Option<u32>,
    snapshot: Option<((u64, u64), Bytes)>,
    /// By the first index of the segment.
    segments: BTreeMap<u64, Rope>,
}

impl Files {
    /// A file of the folder was read.
    pub fn add(&mut self, file: &str, bytes: &Rope) {
        match file {
            "vote" => {
                if let Ok(saved) = postcard::from_bytes(&bytes.bytes()) {
                    (self.term, self.vote) = saved;
                }
            }
            "snapshot" => {
                let bytes = bytes.bytes();
                if let Ok((last, rest)) = postcard::take_from_bytes::<(u64, u64)>(&bytes) {
                    self.snapshot = Some((last, bytes.slice(bytes.len() - rest.len()..)));
                }
            }
            segment => {
                if let Some(first) = segment.strip_suffix(".log").and_then(|it| it.parse().ok()) {
                    self.segments.insert(first, bytes.clone());
                }
            }
        }
    }
}

/// The entries of a segment with their indexes, and how many of its bytes are sound.
fn frames(bytes: &Bytes) -> (Vec<(u64, Entry)>, usize) {
    let mut entries = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + FRAME_BYTES) {
        let number = |from: usize, to: usize| {
            head[from..to].iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte))
        };
        let end = at + FRAME_BYTES + number(0, 4) as usize;
        let Some(checked) = bytes.get(at + 8..end) else { break };
        if u64::from(crc32c::crc32c(checked)) != number(4, 8) {
            break;
        }
        let command = (head[24] == 1).then(|| bytes.slice(at + FRAME_BYTES..end));
        entries.push((number(8, 16), Entry { term: number(16, 24), command }));
        at = end;
    }
    (entries, at)
}

impl Group {
    /// The group of a queue, with what it had on disk. It is to be started.
    pub fn new(queue: &str, files: Files, out: &mut Out<'_>) -> Group {
        let directory: Rc<str> = directory(queue).into();
        let (base, snapshot) = files.snapshot.unwrap_or_default();
        let mut entries: VecDeque<Entry> = VecDeque::new();
        let mut segments = VecDeque::new();
        for (first, bytes) in files.segments {
            let (frames, sound) = frames(&bytes.bytes());
            if sound < bytes.len() {
                out.truncate(&segment_file(&directory, first), sound as u64);
            }
            segments.push_back(first);
            for (index, entry) in frames.into_iter().filter(|(index, _)| *index > base.0) {
                entries.truncate((index - base.0 - 1) as usize);
                entries.push_back(entry);
            }
        }
        let me = MemberId(0);
        let log = Log::restored(base, snapshot, entries);
        let old = log.last().0;
        if segments.is_empty() {
            segments.push_back(old + 1);
        }
        let saved = Saved { term: files.term, vote: files.vote.map(MemberId), log };
        Group {
            raft: Raft::new(me, &[me], TIMING, saved),
            directory,
            segments,
            applied: base.0,
            is_replaying: false,
            awaited: VecDeque::new(),
            early: VecDeque::new(),
            is_vote_unflushed: false,
            unflushed: Vec::new(),
            written: 0,
            flushes: 0,
            flushing: 0,
            time: Time::ZERO,
        }
    }

    /// Its life begins.
    pub fn begin(&mut self, queue: QueueId, out: &mut Out<'_>) {
        let now = out.now();
        self.raft.begin(now, out.random());
        self.act(queue, out);
    }

    // ---- what may be seen ----

    /// The snapshot that its state begins from.
    pub fn snapshot(&self) -> &Bytes {
        self.raft.log().snapshot()
    }

    /// True if it leads.
    pub fn leads(&self) -> bool {
        self.raft.role() == Role::Leader
    }

    /// True if it leads and has applied all that it has.
    pub fn is_settled(&self) -> bool {
        self.raft.role() == Role::Leader
            && self.applied == self.raft.log().last().0
            && self.early.is_empty()
    }

    /// True if somebody of this channel waits for something.
    pub fn awaits(&self, channel: ChannelId) -> bool {
        let early = self.early.iter().filter_map(|(_, awaited)| awaited.as_ref());
        let mut all = self.awaited.iter().map(|(_, awaited)| awaited).chain(early);
        all.any(|awaited| awaited.channel() == channel)
    }

    /// The channels that wait for an answer.
    pub fn asking(&self) -> Vec<ChannelId> {
        let early = self.early.iter().filter_map(|(_, awaited)| *awaited);
        let all = self.awaited.iter().map(|(_, awaited)| *awaited).chain(early);
        let channels = all.filter_map(|awaited| match awaited {
            Awaited::Answer(channel) => Some(channel),
            Awaited::Confirm(_) => None,
        });
        channels.collect()
    }

    /// Channels are gone: nothing is answered to them.
    pub fn forget(&mut self, channels: &[ChannelId]) {
        self.awaited.retain(|(_, awaited)| !channels.contains(&awaited.channel()));
        for (_, awaited) in &mut self.early {
            *awaited = awaited.filter(|awaited| !channels.contains(&awaited.channel()));
        }
    }

    // ---- commands ----

    /// Puts a command into the log.
    pub fn submit(
        &mut self,
        queue: QueueId,
        command: Bytes,
        awaited: Option<Awaited>,
        out: &mut Out<'_>,
    ) {
        match self.raft.propose(command.clone()) {
            Some(index) => {
                self.awaited.extend(awaited.map(|awaited| (index, awaited)));
                self.act(queue, out);
            }
            None => self.early.push_back((command, awaited)),
        }
    }

    /// The next command that is committed and not applied, and who waits for it.
    pub fn take_committed(&mut self) -> Option<(Bytes, Option<Awaited>)> {
        while self.applied < self.raft.committed() {
            self.applied += 1;
            let awaited = self.awaited.front().filter(|(index, _)| *index == self.applied);
            let awaited = awaited.map(|(_, awaited)| *awaited);
            if awaited.is_some() {
                self.awaited.pop_front();
            }
            if let Some(Entry { command: Some(command), .. }) = self.raft.log().get(self.applied) {
                return Some((command.clone(), awaited));
            }
        }
        None
    }

    /// How many entries the log has that are applied.
    pub fn log_entries(&self) -> u64 {
        self.applied - self.raft.log().base().0
    }

    /// All that is applied is in this state: the log before it is cut. The segments that lie before
    /// go with the next flush but one, when the snapshot is safe.
    pub fn compact(&mut self, queue: QueueId, state: Bytes, out: &mut Out<'_>) {
        let Some(term) = self.raft.log().term(self.applied) else { return };
        let mut bytes = postcard::to_stdvec(&(self.applied, term)).expect("numbers are plain");
        bytes.extend_from_slice(&state);
        let file = format!("{}snapshot", self.directory);
        out.replace(&file, bytes.into());
        out.flush(&file, Ticket::Snapshot { queue });
        self.raft.compact(self.applied, state);
        let next = self.raft.log().last().0 + 1;
        if self.segments.back() != Some(&next) {
            self.segments.push_back(next);
        }
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

    // ---- the disk ----

    /// Carries out what the group asks for.
    fn act(&mut self, queue: QueueId, out: &mut Out<'_>) {
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
                    for (command, awaited) in std::mem::take(&mut self.early) {
                        if let Some(index) = self.raft.propose(command) {
                            self.awaited.extend(awaited.map(|awaited| (index, awaited)));
                        }
                    }
                }
                // A group of one has nobody to talk to and nobody to learn from.
                Action::Send { .. } | Action::Restore { .. } => {}
                // Its owner takes what is committed one by one.
                Action::Commit { .. } | Action::Role(_) => {}
            }
        }
        if self.raft.has_actions() {
            return self.act(queue, out);
        }
        self.flush(queue, out);
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

fn segment_file(directory: &str, first: u64) -> String {
    format!("{directory}{first:012}.log")
}
