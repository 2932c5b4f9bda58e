//! `simple`, of share groups: a partition may go to many members. Every partition has a member and
//! every member has a partition: both are counted round, whichever are more.
//!
//! Simplified: the real one begins each member's round at a hash of its id.

use super::{Assignment, Member, Topic, in_order};
use crate::kafka::event::TopicPartition;
use crate::ordered::Order;

/// Divides the topics.
pub fn assign(topics: &[Topic], members: &[Member]) -> Assignment {
    let mut assignment: Assignment = vec![Vec::new(); members.len()];
    for topic in topics {
        let order = in_order(members).into_iter();
        let readers: Vec<usize> =
            order.filter(|at| members[*at].subscribes_to(&topic.name)).collect();
        let all: Vec<TopicPartition> = topic.all().collect();
        if readers.is_empty() || all.is_empty() {
            continue;
        }
        for turn in 0..readers.len().max(all.len()) {
            let theirs = &mut assignment[readers[turn % readers.len()]];
            theirs.push(all[turn % all.len()].clone());
        }
    }
    assignment.iter_mut().for_each(|theirs| theirs.order());
    assignment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_members_share_three_partitions_and_none_is_idle() {
        let topics = [Topic { name: "t".into(), partitions: 3, racks: Vec::new() }];
        let member = |id: &str| Member {
            id: id.into(),
            instance: None,
            rack: None,
            topics: vec!["t".into()],
            owned: Vec::new(),
            generation: -1,
        };
        let numbers = |members: &[Member]| -> Vec<Vec<i32>> {
            let all = assign(&topics, members);
            all.iter().map(|theirs| theirs.iter().map(|p| p.partition).collect()).collect()
        };
        let five: Vec<Member> = ["a", "b", "c", "d", "e"].map(member).to_vec();
        assert_eq!(numbers(&five), [[0], [1], [2], [0], [1]]);
        assert_eq!(numbers(&five[..2]), [vec![0, 2], vec![1]]);
    }
}
