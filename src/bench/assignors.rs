//! A rebalance, by each rule: one more member joins a large group, and every partition is given
//! out anew. Beside it the same partitions are only sorted: a yardstick of the same size, which a
//! rule that does not look at what members have (round robin) may even outrun.
//!
//! Each rule is shown at two sizes, one ten times the other in members and in partitions: a rule
//! that looks at every member for every partition falls behind the sort at the larger one.

use super::{Clock, Rate, rate};
use crate::kafka::assignor::{Assignor, Member, Topic};
use crate::kafka::event::TopicPartition;
use crate::ordered::Order;
use std::hint::black_box;
use std::rc::Rc;

/// Members and partitions.
const SIZES: [(usize, i32); 2] = [(100, 1_000), (1_000, 10_000)];

/// Topics among which the partitions are.
const TOPICS: i32 = 10;

/// So many sorts take as long as any clock can tell.
const SORTS: usize = 64;

/// The rules, and where each is at work.
const RULES: [(Assignor, &str); 6] = [
    (Assignor::Range, "range"),
    (Assignor::RoundRobin, "roundrobin"),
    (Assignor::Sticky, "sticky"),
    (Assignor::CooperativeSticky, "cooperative-sticky"),
    (Assignor::ServerUniform, "uniform (coordinator)"),
    (Assignor::ServerRange, "range (coordinator)"),
];

/// Each rule at each size.
pub fn rebalances(clock: Clock<'_>) -> Vec<Rate> {
    let all = RULES.iter().flat_map(|rule| SIZES.iter().map(move |size| (*rule, *size)));
    all.map(|((rule, name), size)| rebalance(rule, name, size, clock)).collect()
}

fn rebalance(rule: Assignor, name: &str, size: (usize, i32), clock: Clock<'_>) -> Rate {
    let (count, partitions) = size;
    let names: Vec<Rc<str>> = (0..TOPICS).map(|number| format!("t{number}").into()).collect();
    let topic = |name: &Rc<str>| Topic {
        name: name.clone(),
        partitions: partitions / TOPICS,
        racks: Vec::new(),
    };
    let topics: Vec<Topic> = names.iter().map(topic).collect();
    let member = |number: usize| Member {
        id: format!("m{number:04}").into(),
        instance: None,
        rack: None,
        topics: names.clone(),
        owned: Vec::new(),
        generation: -1,
    };
    let mut members: Vec<Member> = (0..count).map(member).collect();
    // All but the last one were there before.
    let before = rule.assign(&topics, &members[..count - 1]);
    for (member, owned) in members.iter_mut().zip(before) {
        (member.owned, member.generation) = (owned, 1);
    }
    let per_second = repeated(partitions as u64, clock, || {
        black_box(rule.assign(black_box(&topics), black_box(&members)));
    });
    Rate {
        engine: "kafka",
        what: format!("rebalance, {name}: {count} members, {partitions} partitions"),
        messages: partitions as u64,
        per_second,
        limit_per_second: sorted(&topics, clock),
    }
}

/// Sorts the partitions, which come in another order.
fn sorted(topics: &[Topic], clock: Clock<'_>) -> f64 {
    let of =
        |topic: &Topic, number| TopicPartition { topic: topic.name.clone(), partition: number };
    let most = topics.iter().map(|topic| topic.partitions).max().unwrap_or(0);
    // Partition by partition from the last one on, the topics in turn.
    let all = (0..most).rev().flat_map(|number| topics.iter().map(move |topic| (topic, number)));
    let all: Vec<TopicPartition> = all.map(|(topic, number)| of(topic, number)).collect();
    let mut copies = vec![all; SORTS];
    let begin = clock();
    black_box(&mut copies).iter_mut().for_each(|all| all.order());
    rate(copies.iter().map(|all| all.len() as u64).sum(), clock() - begin)
}

/// How many of something a second, if all of them are done again and again for so long that any
/// clock can tell.
fn repeated(count: u64, clock: Clock<'_>, mut all: impl FnMut()) -> f64 {
    const SECONDS: f64 = 0.02;
    let begin = clock();
    let mut times = 0;
    loop {
        all();
        times += 1;
        let seconds = clock() - begin;
        if seconds >= SECONDS {
            return rate(times * count, seconds);
        }
    }
}
