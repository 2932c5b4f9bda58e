//! `cooperative-sticky`: the sticky result, but a partition that somebody else still has is given
//! to nobody: its owner has to give it up first. Who had to then joins again, and the next
//! rebalance hands it out. So nobody stops reading what they keep.

use super::{Assignment, Claims, Member, Topic, sticky};

/// Divides the topics.
pub fn assign(topics: &[Topic], members: &[Member]) -> Assignment {
    let (mut assignment, claimed_twice) = sticky::assign(topics, members);
    let claims = Claims::of(members.iter().map(|member| &member.owned));
    for (at, partitions) in assignment.iter_mut().enumerate() {
        partitions.retain(|partition| {
            let has = claims.on(partition).any(|owner| owner == at);
            let is_free = claims.on(partition).next().is_none();
            !claimed_twice.contains(partition) && (has || is_free)
        });
    }
    assignment
}
