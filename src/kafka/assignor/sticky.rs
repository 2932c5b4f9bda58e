//! `sticky`: nobody has more than one partition more than another, and within that everybody keeps
//! what they have. This is the case that all members subscribe to the same topics; the other is
//! [`mixed`].

use super::{Assignment, Claims, Member, Topic, are_alike, may_own, mixed};
use crate::kafka::event::TopicPartition;
use crate::ordered::{BTreeSet, Order};

/// Divides the topics. Also says which partitions were claimed by two members at once, so that
/// nobody kept them.
pub fn assign(topics: &[Topic], members: &[Member]) -> (Assignment, BTreeSet<TopicPartition>) {
    let (owned, claimed_twice) = valid_claims(topics, members);
    let assignment = match are_alike(members) {
        true => alike(topics, members, owned),
        false => mixed::assign(topics, members, owned),
    };
    (assignment, claimed_twice)
}

/// What each member may keep: a claim of a newer generation goes before an older one, and two
/// claims of the same generation make each other void.
fn valid_claims(topics: &[Topic], members: &[Member]) -> (Assignment, BTreeSet<TopicPartition>) {
    let mut claimed_twice = BTreeSet::new();
    let mut owned: Assignment = vec![Vec::new(); members.len()];
    let claims = Claims::of(members.iter().map(|member| &member.owned));
    for (at, member) in members.iter().enumerate() {
        for partition in member.owned.iter().filter(|p| may_own(topics, member, p)) {
            let rivals = claims
                .on(partition)
                .filter(|other| *other != at && members[*other].generation >= member.generation);
            let rivals: Vec<i32> = rivals.map(|other| members[other].generation).collect();
            if rivals.is_empty() {
                owned[at].push(partition.clone());
            } else if rivals.iter().all(|generation| *generation == member.generation) {
                claimed_twice.insert(partition.clone());
            }
        }
    }
    (owned, claimed_twice)
}

fn alike(topics: &[Topic], members: &[Member], owned: Assignment) -> Assignment {
    let mut topics: Vec<&Topic> = topics
        .iter()
        .filter(|topic| members.first().is_some_and(|member| member.subscribes_to(&topic.name)))
        .collect();
    topics.order_by_key(|topic| &topic.name);
    let all: Vec<TopicPartition> = topics.iter().flat_map(|topic| topic.all()).collect();
    if members.is_empty() {
        return Vec::new();
    }
    // Everybody gets at least `least`; `extras` of them get one more.
    let least = all.len() / members.len();
    let extras = all.len() % members.len();
    let most = least + usize::from(extras > 0);
    let mut assignment = owned;
    let mut with_extra = 0;
    // Who has fewer than the least, and who has just that and may get one more.
    let (mut under, mut exact) = (Vec::new(), Vec::new());
    for (at, kept) in assignment.iter_mut().enumerate() {
        kept.order_by(|a, b| (a.partition, &a.topic).cmp(&(b.partition, &b.topic)));
        if kept.len() < least {
            under.push(at);
        } else if kept.len() >= most && with_extra < extras {
            with_extra += 1;
            kept.truncate(most);
        } else {
            kept.truncate(least);
            exact.push(at);
        }
    }
    let by_id = |at: &usize| &members[*at].id;
    under.order_by_key(by_id);
    exact.order_by_key(by_id);
    let taken: BTreeSet<&TopicPartition> = assignment.iter().flatten().collect();
    let free: Vec<TopicPartition> =
        all.iter().filter(|partition| !taken.contains(partition)).cloned().collect();
    let mut turn = 0;
    for partition in free {
        if under.is_empty() {
            assignment[exact.remove(0)].push(partition);
            continue;
        }
        turn %= under.len();
        let member = under[turn];
        assignment[member].push(partition);
        if assignment[member].len() == least {
            under.remove(turn);
            exact.push(member);
        } else {
            turn += 1;
        }
    }
    assignment.iter_mut().for_each(|partitions| partitions.order());
    assignment
}
