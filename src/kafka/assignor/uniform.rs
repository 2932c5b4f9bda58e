//! `uniform`, the coordinator's default: an even share for everybody, the larger shares for the
//! first members whatever they have; each keeps what it has up to its share, and what is free goes
//! out in rows of neighbours; both in the order in which the topics are given.
//!
//! Where members subscribe to different topics it is the rule of [`mixed`]. Simplified: the real
//! builder of that case weighs moves in another order; both end evenly.

use super::{Assignment, Claims, Member, Topic, are_alike, in_order, may_own, mixed};
use crate::kafka::event::TopicPartition;
use crate::ordered::Order;

/// Divides the topics.
pub fn assign(topics: &[Topic], members: &[Member]) -> Assignment {
    let valid = members.iter().map(|member| {
        let owned = member.owned.iter().filter(|partition| may_own(topics, member, partition));
        owned.cloned().collect()
    });
    let mut assignment: Assignment = valid.collect();
    if !are_alike(members) {
        return mixed::assign(topics, members, assignment);
    }
    let Some(first) = members.first() else { return assignment };
    let read = topics.iter().filter(|topic| first.subscribes_to(&topic.name));
    let all: Vec<TopicPartition> = read.flat_map(Topic::all).collect();
    let claims = Claims::of(assignment.iter());
    let free = all.iter().filter(|partition| claims.on(partition).next().is_none());
    let mut free: Vec<TopicPartition> = free.cloned().collect();
    let order = in_order(members);
    let quota = |turn: usize| all.len() / order.len() + usize::from(turn < all.len() % order.len());
    for (turn, at) in order.iter().enumerate() {
        let kept = &mut assignment[*at];
        let place = |name: &str| topics.iter().position(|topic| *topic.name == *name);
        kept.order_by_key(|partition| (place(&partition.topic), partition.partition));
        if kept.len() > quota(turn) {
            free.extend(kept.drain(quota(turn)..));
        }
    }
    let mut free = free.into_iter();
    for (turn, at) in order.iter().enumerate() {
        let room = quota(turn).saturating_sub(assignment[*at].len());
        assignment[*at].extend(free.by_ref().take(room));
        assignment[*at].order();
    }
    assignment
}
