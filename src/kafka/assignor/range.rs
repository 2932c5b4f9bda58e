//! `range`: topic by topic, each subscriber in order gets a row of neighbouring partitions; where
//! it does not come out even, the first ones get one more. So the remainder of every topic goes to
//! the same members.
//!
//! Rack-aware (KIP-881) only if members and partitions share a rack and the racks make a
//! difference: then each member is first given, up to its share, what has a replica in its rack;
//! topics with the same subscribers and as many partitions are given out together, the same
//! partition numbers to the same member. The rest is plain range.

use super::{Assignment, Member, Topic, in_order};
use crate::kafka::event::TopicPartition;
use crate::ordered::{BTreeSet, Order};
use std::collections::VecDeque;
use std::rc::Rc;

/// A topic while it is given out.
struct Share<'a> {
    topic: &'a Topic,
    /// Places of its subscribers in their order, with how many partitions each has got.
    taken: Vec<(usize, i32)>,
    /// Partitions that nobody has.
    free: VecDeque<i32>,
    /// What everybody gets.
    each: i32,
    /// How many may still get one more.
    extra: i32,
    rack_aware: bool,
}

/// Divides the topics; `racks` says whether racks count.
pub fn assign(topics: &[Topic], members: &[Member], racks: bool) -> Assignment {
    let mut assignment = vec![Vec::new(); members.len()];
    let order = in_order(members);
    let shares = topics.iter().filter_map(|topic| Share::of(topic, members, &order, racks));
    let mut shares: Vec<Share<'_>> = shares.collect();
    if shares.iter().any(|share| share.rack_aware) {
        match_racks(&mut shares, members, &mut assignment);
    }
    for share in &mut shares {
        share.give_rows(&mut assignment, |_, _| true);
    }
    assignment.iter_mut().for_each(|partitions| partitions.order());
    assignment
}

/// Gives out what has a replica in a member's own rack.
fn match_racks(shares: &mut [Share<'_>], members: &[Member], assignment: &mut Assignment) {
    let mut done = BTreeSet::new();
    for first in 0..shares.len() {
        if !done.insert(first) {
            continue;
        }
        let same = |share: &Share<'_>| {
            let subscribers = |share: &Share<'_>| -> Vec<usize> {
                share.taken.iter().map(|(member, _)| *member).collect()
            };
            share.topic.partitions == shares[first].topic.partitions
                && subscribers(share) == subscribers(&shares[first])
        };
        let together: Vec<usize> = (first..shares.len()).filter(|at| same(&shares[*at])).collect();
        done.extend(&together);
        if together.len() > 1 {
            match_together(shares, &together, members, assignment);
        } else if shares[first].rack_aware {
            let topic = shares[first].topic;
            shares[first].give_rows(assignment, |member, partition| {
                is_near(topic, &members[member], partition)
            });
        }
    }
}

/// Topics that are read side by side: the same number of each goes to the same member.
fn match_together(
    shares: &mut [Share<'_>],
    together: &[usize],
    members: &[Member],
    assignment: &mut Assignment,
) {
    for partition in 0..shares[together[0]].topic.partitions {
        let subscribers: Vec<usize> =
            shares[together[0]].taken.iter().map(|(member, _)| *member).collect();
        let fits = |member: &usize| {
            together.iter().all(|at| {
                let share = &shares[*at];
                is_near(share.topic, &members[*member], partition)
                    && share.place(*member).is_some_and(|place| share.room(place) > 0)
            })
        };
        if let Some(member) = subscribers.into_iter().find(fits) {
            for at in together {
                let share = &mut shares[*at];
                share.free.retain(|free| *free != partition);
                if let Some(place) = share.place(member) {
                    share.give(place, &[partition], assignment);
                }
            }
        }
    }
}

/// True if the partition has a replica in the member's rack.
fn is_near(topic: &Topic, member: &Member, partition: i32) -> bool {
    let racks = topic.racks.get(partition as usize);
    let Some(rack) = &member.rack else { return true };
    racks.is_some_and(|racks| racks.contains(rack))
}

impl<'a> Share<'a> {
    /// `None` if nobody subscribes to the topic.
    fn of(topic: &'a Topic, members: &[Member], order: &[usize], racks: bool) -> Option<Share<'a>> {
        let subscribers = order.iter().filter(|at| members[**at].subscribes_to(&topic.name));
        let taken: Vec<(usize, i32)> = subscribers.map(|at| (*at, 0)).collect();
        let count = i32::try_from(taken.len()).ok().filter(|count| *count > 0)?;
        let rack_aware = racks && racks_matter(topic, members, &taken);
        Some(Share {
            topic,
            taken,
            free: (0..topic.partitions).collect(),
            each: topic.partitions / count,
            extra: topic.partitions % count,
            rack_aware,
        })
    }

    /// The place of a member among the subscribers.
    fn place(&self, member: usize) -> Option<usize> {
        self.taken.iter().position(|(other, _)| *other == member)
    }

    /// How many partitions the subscriber at a place may still get.
    fn room(&self, place: usize) -> i32 {
        (self.each + i32::from(self.extra > 0) - self.taken[place].1).max(0)
    }

    /// Each subscriber in turn gets the first free partitions that it may have.
    fn give_rows(&mut self, assignment: &mut Assignment, may: impl Fn(usize, i32) -> bool) {
        for place in 0..self.taken.len() {
            let member = self.taken[place].0;
            let room = self.room(place) as usize;
            let (mut row, mut at) = (Vec::new(), 0);
            while row.len() < room && at < self.free.len() {
                match may(member, self.free[at]) {
                    true => row.extend(self.free.remove(at)),
                    false => at += 1,
                }
            }
            self.give(place, &row, assignment);
        }
    }

    /// What was free goes to the subscriber at a place.
    fn give(&mut self, place: usize, partitions: &[i32], assignment: &mut Assignment) {
        let (member, taken) = &mut self.taken[place];
        let before = *taken;
        *taken += partitions.len() as i32;
        self.extra -= i32::from(before <= self.each && *taken > self.each);
        let topic = &self.topic.name;
        assignment[*member].extend(
            partitions.iter().map(|p| TopicPartition { topic: topic.clone(), partition: *p }),
        );
    }
}

fn racks_matter(topic: &Topic, members: &[Member], subscribers: &[(usize, i32)]) -> bool {
    let of_members = subscribers.iter().filter_map(|(at, _)| members[*at].rack.as_ref());
    let of_partitions: BTreeSet<&Rc<str>> = topic.racks.iter().flatten().collect();
    let overlap = of_members.into_iter().any(|rack| of_partitions.contains(rack));
    let everywhere = |racks: &Vec<Rc<str>>| of_partitions.iter().all(|rack| racks.contains(*rack));
    overlap && !topic.racks.iter().all(everywhere)
}
