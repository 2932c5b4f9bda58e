//! The sticky rule where members subscribe to different topics: keep what is valid; give each free
//! partition to the least loaded member that may have it, the topics with the fewest possible
//! members first; then move partitions while that makes the group more even.

use super::{Assignment, Member, Topic};
use crate::kafka::event::TopicPartition;
use crate::ordered::Order;

/// A partition that changed hands: whose it was, whose it is.
type Movement = (TopicPartition, usize, usize);

/// The state of the work.
struct Work<'a> {
    members: &'a [Member],
    assignment: Assignment,
    movements: Vec<Movement>,
}

/// Divides the topics; `owned` is what each member may keep.
pub fn assign(topics: &[Topic], members: &[Member], owned: Assignment) -> Assignment {
    let subscribers =
        |topic: &Topic| members.iter().filter(|member| member.subscribes_to(&topic.name)).count();
    let mut topics: Vec<&Topic> = topics.iter().filter(|topic| subscribers(topic) > 0).collect();
    topics.order_by_key(|topic| (subscribers(topic), &topic.name));
    let all: Vec<TopicPartition> = topics.iter().flat_map(|topic| topic.all()).collect();
    let is_new_group = owned.iter().all(Vec::is_empty);
    // Who must give something up because it no longer subscribes makes others move too.
    let must_revoke = members.iter().zip(&owned).any(|(member, kept)| {
        let gone = |p: &&TopicPartition| !member.subscribes_to(&p.topic);
        kept.len() < member.owned.len() && member.owned.iter().any(|p| gone(&p))
    });
    let mut work = Work { members, assignment: owned, movements: Vec::new() };
    let free: Vec<TopicPartition> =
        all.iter().filter(|p| work.owner(p).is_none()).cloned().collect();
    for partition in &free {
        if let Some(member) = work.least_loaded(partition) {
            work.assignment[member].push(partition.clone());
        }
    }
    let before = work.assignment.clone();
    let movable = |p: &&TopicPartition| {
        let readers = members.iter().filter(|member| member.subscribes_to(&p.topic)).count();
        readers > 1
    };
    if !must_revoke {
        work.move_while_better(&free.iter().filter(movable).cloned().collect::<Vec<_>>(), &all);
    }
    let moved =
        work.move_while_better(&all.iter().filter(movable).cloned().collect::<Vec<_>>(), &all);
    if !is_new_group && moved && unevenness(&work.assignment) >= unevenness(&before) {
        work.assignment = before;
    }
    work.assignment.iter_mut().for_each(|partitions| partitions.order());
    work.assignment
}

/// The sum of all differences between the loads of two members.
fn unevenness(assignment: &Assignment) -> usize {
    let loads: Vec<usize> = assignment.iter().map(Vec::len).collect();
    let pairs = loads.iter().enumerate();
    pairs.flat_map(|(at, a)| loads[at + 1..].iter().map(|b| a.abs_diff(*b))).sum()
}

impl Work<'_> {
    fn owner(&self, partition: &TopicPartition) -> Option<usize> {
        self.assignment.iter().position(|owned| owned.contains(partition))
    }

    fn load(&self, member: usize) -> usize {
        self.assignment[member].len()
    }

    /// The members that may have a partition, the least loaded first.
    fn least_loaded(&self, partition: &TopicPartition) -> Option<usize> {
        let may =
            (0..self.members.len()).filter(|at| self.members[*at].subscribes_to(&partition.topic));
        may.min_by_key(|at| (self.load(*at), &self.members[*at].id))
    }

    /// True if no member could take a partition of one that has more.
    fn is_even(&self, all: &[TopicPartition]) -> bool {
        let loads = || self.assignment.iter().map(Vec::len);
        if loads().min().unwrap_or(0) + 1 >= loads().max().unwrap_or(0) {
            return true;
        }
        !(0..self.members.len()).any(|at| {
            let others = all.iter().filter(|partition| {
                self.members[at].subscribes_to(&partition.topic)
                    && !self.assignment[at].contains(partition)
            });
            others.into_iter().any(|partition| {
                self.owner(partition).is_some_and(|other| self.load(at) < self.load(other))
            })
        })
    }

    /// Moves partitions from more to less loaded members, round after round; true if any moved.
    fn move_while_better(&mut self, movable: &[TopicPartition], all: &[TopicPartition]) -> bool {
        let mut ever = false;
        loop {
            let mut moved = false;
            for partition in movable {
                if self.is_even(all) {
                    return ever;
                }
                let Some(owner) = self.owner(partition) else { continue };
                let Some(other) = self.least_loaded(partition) else { continue };
                if self.load(owner) > self.load(other) + 1 {
                    self.hand_over(partition, owner, other);
                    (moved, ever) = (true, true);
                }
            }
            if !moved {
                return ever;
            }
        }
    }

    /// Moves a partition, or in its place one of the same topic that came the other way before.
    fn hand_over(&mut self, partition: &TopicPartition, from: usize, to: usize) {
        let reverse = self.movements.iter().position(|(moved, was, is)| {
            moved.topic == partition.topic && (*was, *is) == (to, from)
        });
        let partition = match reverse {
            Some(at) => self.movements.remove(at).0,
            None => {
                self.movements.push((partition.clone(), from, to));
                partition.clone()
            }
        };
        self.assignment[from].retain(|other| *other != partition);
        self.assignment[to].push(partition);
    }
}
