//! `cooperative-sticky`: the sticky result, but a partition that somebody else still has is given
//! to nobody: its owner has to give it up first. Who had to then joins again, and the next
//! rebalance hands it out. So nobody stops reading what they keep.

use super::{Assignment, Member, Topic, sticky};

/// Divides the topics.
pub fn assign(topics: &[Topic], members: &[Member]) -> Assignment {
    let (mut assignment, claimed_twice) = sticky::assign(topics, members);
    for (at, partitions) in assignment.iter_mut().enumerate() {
        partitions.retain(|partition| {
            let has = |member: &Member| member.owned.contains(partition);
            let others = members.iter().enumerate().filter(|(other, _)| *other != at);
            let is_free = !others.map(|(_, member)| member).any(has);
            !claimed_twice.contains(partition) && (has(&members[at]) || is_free)
        });
    }
    assignment
}
