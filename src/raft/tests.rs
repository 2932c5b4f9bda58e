//! Random plays of a group: members crash and lose power, messages are lost, late and doubled, the
//! network is cut; after every step the promises of Raft are looked at.

use super::{Action, Entry, Log, MemberId, Message, Raft, Role, Saved, Timing};
use crate::ordered::BTreeMap;
use crate::sim::{Span, Stream, Time};
use bytes::Bytes;
use std::collections::VecDeque;

const TIMING: Timing = Timing { election: Span::millis(100), heartbeat: Span::millis(20) };

/// What a member has on its disk.
#[derive(Clone, Default)]
struct Disk {
    term: u64,
    vote: Option<MemberId>,
    base: (u64, u64),
    snapshot: Bytes,
    entries: VecDeque<Entry>,
}

impl Disk {
    fn apply(&mut self, action: &Action) {
        match action {
            Action::SaveVote { term, vote, .. } => (self.term, self.vote) = (*term, *vote),
            Action::Write { from, entries, .. } => {
                self.entries.truncate((from - self.base.0 - 1) as usize);
                self.entries.extend(entries.iter().cloned());
            }
            Action::Restore { last, state, .. } => {
                (self.base, self.snapshot) = (*last, state.clone());
                self.entries.clear();
            }
            _ => {}
        }
    }

    fn saved(&self) -> Saved {
        let log = Log::restored(self.base, self.snapshot.clone(), self.entries.clone());
        Saved { term: self.term, vote: self.vote, log }
    }
}

struct Member {
    raft: Option<Raft>,
    flushed: Disk,
    /// Written and not flushed.
    written: VecDeque<Action>,
    /// The state: a sum over all commands, and how many entries are in it.
    applied: u64,
    sum: u64,
}

struct Play {
    members: Vec<Member>,
    random: Stream,
    now: Time,
    /// Under way: when it comes, from, to.
    messages: Vec<(Time, MemberId, MemberId, Message)>,
    /// Messages between the two sides are lost.
    side: u64,
    leaders: BTreeMap<u64, u32>,
    /// What was applied somewhere: the entry, and the sum after it.
    applied: BTreeMap<u64, (u64, u64)>,
    commands: u64,
    ids: Vec<MemberId>,
    majority: usize,
}

fn meaning(entry: &Entry) -> u64 {
    let command = entry
        .command
        .as_ref()
        .map_or(0, |bytes| bytes.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte)));
    entry.term << 32 | command
}

impl Play {
    fn new(seed: u64, count: u32, majority: usize) -> Play {
        let ids: Vec<MemberId> = (0..count).map(MemberId).collect();
        let member = |_: &MemberId| Member {
            raft: None,
            flushed: Disk::default(),
            written: VecDeque::new(),
            applied: 0,
            sum: 0,
        };
        let mut play = Play {
            members: ids.iter().map(member).collect(),
            random: Stream::named(seed, "raft"),
            now: Time::ZERO,
            messages: Vec::new(),
            side: 0,
            leaders: BTreeMap::new(),
            applied: BTreeMap::new(),
            commands: 0,
            ids,
            majority,
        };
        (0..count as usize).for_each(|at| play.start(at));
        play
    }

    fn start(&mut self, at: usize) {
        let member = &mut self.members[at];
        let saved = member.flushed.saved();
        member.applied = saved.log.base().0;
        member.sum = match saved.log.snapshot() {
            empty if empty.is_empty() => 0,
            state => u64::from_be_bytes(state[..8].try_into().expect("a sum has eight bytes")),
        };
        let mut raft = Raft::new(self.ids[at], &self.ids, TIMING, saved);
        raft.majority = self.majority;
        raft.begin(self.now, &mut self.random);
        member.raft = Some(raft);
    }

    /// Takes the member's actions and looks at what it has promised.
    fn act(&mut self, at: usize) -> Result<(), String> {
        let Some(raft) = &mut self.members[at].raft else { return Ok(()) };
        for action in raft.take_actions() {
            match action {
                Action::Send { to, message } => {
                    let copies = 1 + u64::from(self.random.chance(20_000));
                    for _ in 0..copies {
                        let due = self.now + self.random.span_up_to(Span::millis(15));
                        let is_lost = self.random.chance(50_000);
                        if !is_lost {
                            self.messages.push((due, self.ids[at], to, message.clone()));
                        }
                    }
                }
                Action::Commit { index } => self.apply(at, index)?,
                Action::Role(Role::Leader) => self.elected(at)?,
                Action::Role(_) => {}
                write => {
                    if let Action::Restore { last, state, .. } = &write {
                        let member = &mut self.members[at];
                        member.applied = last.0;
                        member.sum =
                            u64::from_be_bytes(state[..8].try_into().expect("it is a sum"));
                    }
                    self.members[at].written.push_back(write);
                }
            }
        }
        Ok(())
    }

    /// State machine safety: nobody applies another entry at the same place.
    fn apply(&mut self, at: usize, up_to: u64) -> Result<(), String> {
        let member = &mut self.members[at];
        let raft = member.raft.as_ref().expect("it has just acted");
        while member.applied < up_to {
            let index = member.applied + 1;
            // A snapshot that came meanwhile holds it.
            let Some(entry) = raft.log().get(index) else { return Ok(()) };
            let meaning = meaning(entry);
            member.sum = member.sum.wrapping_mul(31).wrapping_add(meaning);
            member.applied = index;
            let known = *self.applied.entry(index).or_insert((meaning, member.sum));
            if known != (meaning, member.sum) {
                return Err(format!("member {at} applied another entry at {index}"));
            }
        }
        Ok(())
    }

    /// Election safety and leader completeness.
    fn elected(&mut self, at: usize) -> Result<(), String> {
        let raft = self.members[at].raft.as_ref().expect("it has just acted");
        let known = *self.leaders.entry(raft.term()).or_insert(at as u32);
        if known != at as u32 {
            return Err(format!("{known} and {at} both lead term {}", raft.term()));
        }
        for (index, (wanted, _)) in self.applied.iter() {
            let is_there = match raft.log().get(*index) {
                Some(entry) => meaning(entry) == *wanted,
                None => *index <= raft.log().base().0,
            };
            if !is_there {
                return Err(format!("the leader {at} lacks the committed entry {index}"));
            }
        }
        Ok(())
    }

    /// Log matching: where two logs have an entry of the same term, all before it are the same.
    fn logs_match(&self) -> Result<(), String> {
        let rafts: Vec<&Raft> =
            self.members.iter().filter_map(|member| member.raft.as_ref()).collect();
        for (number, a) in rafts.iter().enumerate() {
            for b in &rafts[..number] {
                let end = a.log().last().0.min(b.log().last().0);
                let begin = a.log().base().0.max(b.log().base().0);
                let mut must_match = false;
                for index in (begin + 1..=end).rev() {
                    let (left, right) = (a.log().get(index), b.log().get(index));
                    must_match |= a.log().term(index) == b.log().term(index);
                    if must_match && left != right {
                        return Err(format!("two logs differ at {index}"));
                    }
                }
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), String> {
        self.now += Span::millis(1);
        let now = self.now;
        let count = self.members.len() as u64;
        let at = self.random.below(count) as usize;
        match self.random.below(1_000) {
            0..3 => self.end(at, false),
            3..6 => self.end(at, true),
            6..30 if self.members[at].raft.is_none() => self.start(at),
            30..33 => self.side = self.random.below(1 << count),
            33..36 => self.side = 0,
            36..60 => self.compact(at),
            60..160 => {
                self.commands += 1;
                let command = Bytes::copy_from_slice(&self.commands.to_be_bytes()[4..]);
                if let Some(raft) = &mut self.members[at].raft {
                    raft.propose(command);
                }
            }
            160..500 => self.flush(at),
            _ => {}
        }
        self.act(at)?;
        for at in 0..self.members.len() {
            if let Some(raft) = self.members[at].raft.as_mut().filter(|raft| raft.wake() <= now) {
                raft.tick(now, &mut self.random);
                self.act(at)?;
            }
        }
        let (due, later) =
            std::mem::take(&mut self.messages).into_iter().partition(|(due, ..)| *due <= now);
        self.messages = later;
        let due: Vec<_> = due;
        for (_, from, to, message) in due {
            let is_cut = (self.side >> from.0 ^ self.side >> to.0) & 1 == 1;
            let to = to.0 as usize;
            if let Some(raft) = self.members[to].raft.as_mut().filter(|_| !is_cut) {
                raft.receive(from, message, now, &mut self.random);
                self.act(to)?;
            }
        }
        self.logs_match()
    }

    fn flush(&mut self, at: usize) {
        let member = &mut self.members[at];
        let Some(raft) = &mut member.raft else { return };
        let mut last = 0;
        for action in member.written.drain(..) {
            member.flushed.apply(&action);
            if let Action::SaveVote { write, .. }
            | Action::Write { write, .. }
            | Action::Restore { write, .. } = action
            {
                last = write;
            }
        }
        raft.flushed(last, self.now);
    }

    /// The process ends; without power, some of what was written and not flushed is gone.
    fn end(&mut self, at: usize, has_power: bool) {
        let member = &mut self.members[at];
        if member.raft.take().is_none() {
            return;
        }
        let kept = match has_power {
            true => member.written.len(),
            false => self.random.below(member.written.len() as u64 + 1) as usize,
        };
        // What survived is flushed before the next life begins.
        for action in member.written.drain(..).take(kept) {
            member.flushed.apply(&action);
        }
    }

    fn compact(&mut self, at: usize) {
        let member = &mut self.members[at];
        let Some(raft) = &mut member.raft else { return };
        // The snapshot goes to the disk in one piece, behind everything that was written.
        if member.written.is_empty() && member.applied > raft.log().base().0 {
            let state = Bytes::copy_from_slice(&member.sum.to_be_bytes());
            raft.cover(member.applied, state.clone());
            // Sometimes the entries stay for those who lag.
            if member.applied.is_multiple_of(2) {
                return;
            }
            raft.forget(member.applied);
            member.flushed.entries.drain(..(member.applied - member.flushed.base.0) as usize);
            (member.flushed.base, member.flushed.snapshot) = (raft.log().base(), state);
        }
    }
}

/// Plays for so many steps; returns how many entries were applied.
fn play(seed: u64, count: u32, majority: usize) -> Result<u64, String> {
    let mut play = Play::new(seed, count, majority);
    for _ in 0..6_000 {
        play.step()?;
    }
    Ok(play.applied.last_key_value().map_or(0, |(index, _)| *index))
}

#[test]
fn promises_hold_in_random_plays() {
    let mut applied = 0;
    for seed in 0..30 {
        let count = [1, 2, 3, 3, 5][seed as usize % 5];
        let majority = count as usize / 2 + 1;
        applied += play(seed, count, majority).unwrap_or_else(|error| panic!("{seed}: {error}"));
    }
    assert!(applied > 3_000, "only {applied} entries were applied");
}

/// The checker sees something: with one vote out of three enough, promises are broken.
#[test]
fn a_broken_majority_rule_is_found() {
    let broken = (0..10).filter(|seed| play(*seed, 3, 1).is_err()).count();
    assert!(broken > 5, "it was found in {broken} of 10 plays only");
}

/// A group where nothing is ever lost: flushes at once, messages take no time.
struct Quiet {
    rafts: Vec<Raft>,
    random: Stream,
    cut: Vec<u32>,
}

impl Quiet {
    fn new(count: u32) -> Quiet {
        let ids: Vec<MemberId> = (0..count).map(MemberId).collect();
        let mut random = Stream::named(1, "raft");
        let raft = |id: &MemberId| {
            let mut raft = Raft::new(*id, &ids, TIMING, Saved::default());
            raft.begin(Time::ZERO, &mut random);
            raft
        };
        let rafts = ids.iter().map(raft).collect();
        let mut quiet = Quiet { rafts, random, cut: Vec::new() };
        quiet.settle(Time::ZERO);
        quiet
    }

    fn settle(&mut self, now: Time) {
        while let Some(at) = (0..self.rafts.len()).find(|at| !self.rafts[*at].actions.is_empty()) {
            for action in self.rafts[at].take_actions() {
                match action {
                    Action::Send { to, message } => {
                        let from = self.rafts[at].me();
                        if !self.cut.contains(&from.0) && !self.cut.contains(&to.0) {
                            let to = &mut self.rafts[to.0 as usize];
                            to.receive(from, message, now, &mut self.random);
                        }
                    }
                    Action::SaveVote { write, .. } | Action::Write { write, .. } => {
                        self.rafts[at].flushed(write, now);
                    }
                    _ => {}
                }
            }
        }
    }

    fn run(&mut self, until: Time) {
        while let Some(at) = (0..self.rafts.len()).min_by_key(|at| self.rafts[*at].wake()) {
            let now = self.rafts[at].wake();
            if now > until {
                return;
            }
            self.rafts[at].tick(now, &mut self.random);
            self.settle(now);
        }
    }

    fn leader(&self) -> Option<usize> {
        self.rafts.iter().position(|raft| raft.role() == Role::Leader)
    }
}

fn at_ms(ms: u64) -> Time {
    Time::ZERO + Span::millis(ms)
}

#[test]
fn who_is_alone_leads_at_once() {
    let quiet = Quiet::new(1);
    assert_eq!(quiet.rafts[0].role(), Role::Leader);
    assert_eq!(quiet.rafts[0].committed(), 1, "its first entry is committed when it is flushed");
}

#[test]
fn nothing_is_committed_before_it_is_flushed() {
    let mut quiet = Quiet::new(1);
    let raft = &mut quiet.rafts[0];
    let index = raft.propose(Bytes::from_static(b"x"));
    assert_eq!((index, raft.committed()), (Some(2), 1));
    quiet.settle(Time::ZERO);
    assert_eq!(quiet.rafts[0].committed(), 2);
}

#[test]
fn a_leader_without_a_majority_steps_down_and_commits_nothing() {
    let mut quiet = Quiet::new(3);
    quiet.run(at_ms(1_000));
    let leader = quiet.leader().expect("a group in peace has a leader");
    quiet.cut = (0..3).filter(|id| *id != leader as u32).collect();
    quiet.rafts[leader].propose(Bytes::from_static(b"x"));
    quiet.run(at_ms(1_150));
    assert_eq!(quiet.rafts[leader].committed(), 1);
    // Two election timeouts of 100 ms after it last heard of the others, at its next heartbeat.
    quiet.run(at_ms(1_250));
    assert_eq!(quiet.leader(), None);
}

#[test]
fn who_comes_back_disturbs_nobody() {
    let mut quiet = Quiet::new(3);
    quiet.run(at_ms(1_000));
    let leader = quiet.leader().expect("a group in peace has a leader");
    let term = quiet.rafts[leader].term();
    quiet.cut = vec![(leader as u32 + 1) % 3];
    quiet.run(at_ms(5_000));
    quiet.cut.clear();
    quiet.run(at_ms(6_000));
    assert_eq!(quiet.leader(), Some(leader));
    assert_eq!(quiet.rafts[leader].term(), term, "pre-votes begin no terms");
}
