//! `roundrobin`: all partitions, topic by topic, over the circle of members. Who does not subscribe
//! to a topic is passed over; the circle runs on from one topic to the next.

use super::{Assignment, Member, Topic, in_order};
use crate::ordered::Order;

/// Divides the topics.
pub fn assign(topics: &[Topic], members: &[Member]) -> Assignment {
    let mut assignment = vec![Vec::new(); members.len()];
    let order = in_order(members);
    let mut topics: Vec<&Topic> = topics
        .iter()
        .filter(|topic| members.iter().any(|member| member.subscribes_to(&topic.name)))
        .collect();
    topics.order_by_key(|topic| &topic.name);
    let mut next = 0;
    for partition in topics.into_iter().flat_map(Topic::all) {
        // Somebody subscribes: this ends.
        while !members[order[next % order.len()]].subscribes_to(&partition.topic) {
            next += 1;
        }
        assignment[order[next % order.len()]].push(partition);
        next += 1;
    }
    assignment
}
