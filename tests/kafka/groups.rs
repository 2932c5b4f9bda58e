//! Groups: who reads what, when it changes, and what holds however it changes.

use crate::harness::{Lab, consumer, settings, tp};
use pushpull::kafka::event::{Event, TopicPartition};
use pushpull::kafka::inspect::GroupState;
use pushpull::kafka::spec::{CommitMode, ConsumerSpec, Spec};
use pushpull::sim::{Disk, NodeId, Span, Stream};
use std::collections::BTreeMap;

/// A member that was added and need not be ready.
fn add(lab: &mut Lab, name: &str, pairs: &[(&str, &str)], work: Span) -> NodeId {
    let mut all = vec![("auto.offset.reset", "earliest")];
    all.extend(pairs);
    let spec = ConsumerSpec { settings: settings(&all), ..consumer(name, "t", "g", work) };
    lab.cluster.add(name, Spec::Consumer(spec), Disk::default())
}

fn group(lab: &Lab) -> GroupState {
    lab.cluster.groups().into_iter().find(|group| group.id == "g").expect("the group is there")
}

/// `c1: 0 1, c2: 2`, by client.
fn owners(lab: &Lab) -> Vec<(String, Vec<i32>)> {
    let members = group(lab).members;
    let numbers = |all: &[TopicPartition]| all.iter().map(|p| p.partition).collect();
    let mut all: Vec<_> = members.into_iter().map(|m| (m.client, numbers(&m.partitions))).collect();
    all.sort();
    all
}

fn has(client: &str, partitions: &[i32]) -> (String, Vec<i32>) {
    (client.to_owned(), partitions.to_vec())
}

#[test]
fn three_partitions_go_round_one_to_five_members() {
    // Range and sticky rules of one topic agree: the first members have the larger shares.
    for strategy in ["range", "roundrobin", "sticky", "cooperative-sticky"] {
        let mut lab = Lab::new(1);
        lab.create("t", 3);
        for count in 1..=5 {
            let name = format!("c{count}");
            add(&mut lab, &name, &[("partition.assignment.strategy", strategy)], Span::ZERO);
            lab.run(Span::seconds(20));
            assert_eq!(group(&lab).state, "Stable", "{strategy} with {count}");
            let mut loads: Vec<usize> = owners(&lab).iter().map(|(_, of)| of.len()).collect();
            loads.sort_unstable_by(|a, b| b.cmp(a));
            let expected: &[usize] = match count {
                1 => &[3],
                2 => &[2, 1],
                3 => &[1, 1, 1],
                4 => &[1, 1, 1, 0],
                _ => &[1, 1, 1, 0, 0],
            };
            assert_eq!(loads, expected, "{strategy} with {count}");
        }
    }
}

#[test]
fn the_first_member_waits_for_others() {
    let mut lab = Lab::new(1);
    lab.create("t", 3);
    add(&mut lab, "c1", &[], Span::ZERO);
    add(&mut lab, "c2", &[], Span::ZERO);
    // group.initial.rebalance.delay.ms = 3000, and once more because the second one came.
    lab.run(Span::millis(5_900));
    assert_eq!(group(&lab).state, "PreparingRebalance");
    lab.run(Span::millis(300));
    let found = group(&lab);
    assert_eq!((found.state.as_str(), found.generation), ("Stable", 1));
    assert_eq!(owners(&lab), [has("c1", &[0, 1]), has("c2", &[2])]);
}

#[test]
fn who_leaves_politely_is_gone_at_once_and_who_crashes_after_its_session() {
    let mut lab = Lab::new(1);
    lab.create("t", 2);
    add(&mut lab, "c1", &[], Span::ZERO);
    let second = add(&mut lab, "c2", &[], Span::ZERO);
    let third = add(&mut lab, "c3", &[], Span::ZERO);
    lab.run(Span::seconds(10));
    lab.cluster.world.stop(second);
    // The others hear of it with their next heartbeat, within 3 s.
    lab.run(Span::millis(3_100));
    assert_eq!(owners(&lab), [has("c1", &[0]), has("c3", &[1])]);
    lab.cluster.world.crash(third);
    // Its last heartbeat was at most 3 s ago.
    lab.run(Span::millis(41_900));
    assert_eq!(owners(&lab), [has("c1", &[0]), has("c3", &[1])], "not before 45 s of silence");
    lab.run(Span::millis(6_200));
    assert_eq!(owners(&lab), [has("c1", &[0, 1])]);
    let reasons: Vec<_> = lab
        .seen
        .iter()
        .filter_map(|seen| match &seen.event {
            Event::MemberLeft { client, reason, .. } => Some((client.to_string(), *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [("c2".into(), "left"), ("c3".into(), "session_timeout")]);
}

#[test]
fn a_static_member_that_comes_back_in_time_moves_nothing() {
    let mut lab = Lab::new(1);
    lab.create("t", 3);
    let one = add(&mut lab, "c1", &[("group.instance.id", "i1")], Span::ZERO);
    add(&mut lab, "c2", &[("group.instance.id", "i2")], Span::ZERO);
    lab.run(Span::seconds(10));
    let before = (group(&lab).generation, owners(&lab));
    assert_eq!(before.1, [has("c1", &[0, 1]), has("c2", &[2])]);
    lab.cluster.world.stop(one);
    lab.run(Span::seconds(20));
    assert_eq!((group(&lab).generation, owners(&lab)), before, "a static member does not leave");
    lab.cluster.world.start(one);
    lab.run(Span::seconds(5));
    assert_eq!((group(&lab).generation, owners(&lab)), before, "and takes its place again");
    assert_eq!(lab.count("kafka.rebalance_started"), 1);
    lab.cluster.world.crash(one);
    lab.run(Span::seconds(55));
    assert_eq!(owners(&lab), [has("c2", &[0, 1, 2])], "after its session it is gone like others");
}

#[test]
fn a_static_member_fences_another_with_its_instance_id() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    add(&mut lab, "c1", &[("group.instance.id", "i")], Span::ZERO);
    lab.run(Span::seconds(5));
    add(&mut lab, "c2", &[("group.instance.id", "i")], Span::ZERO);
    let error = lab.run_until("a fence", |event| matches!(event, Event::ClientError { .. }));
    let Event::ClientError { client, error } = error else { unreachable!() };
    assert_eq!((&*client, error.name.as_str(), error.code), ("c1", "FENCED_INSTANCE_ID", 82));
}

/// What each client gave up and was given, in order.
fn moves(lab: &Lab) -> Vec<(String, &'static str, Vec<i32>)> {
    let numbers = |all: &[TopicPartition]| all.iter().map(|p| p.partition).collect::<Vec<_>>();
    let of = |event: &Event| match event {
        Event::PartitionsAssigned { client, partitions } => {
            Some((client.to_string(), "+", numbers(partitions)))
        }
        Event::PartitionsRevoked { client, partitions } => {
            Some((client.to_string(), "-", numbers(partitions)))
        }
        Event::PartitionsLost { client, partitions } => {
            Some((client.to_string(), "!", numbers(partitions)))
        }
        _ => None,
    };
    lab.seen.iter().filter_map(|seen| of(&seen.event)).filter(|(.., p)| !p.is_empty()).collect()
}

fn step(client: &str, what: &'static str, partitions: &[i32]) -> (String, &'static str, Vec<i32>) {
    (client.to_owned(), what, partitions.to_vec())
}

#[test]
fn eager_gives_everything_up_and_cooperative_only_what_moves() {
    // Scenario 25 of the facts.
    for (strategy, expected) in [
        (
            "range",
            vec![
                step("c1", "+", &[0, 1, 2]),
                step("c1", "-", &[0, 1, 2]),
                step("c1", "+", &[0, 1]),
                step("c2", "+", &[2]),
            ],
        ),
        (
            "cooperative-sticky",
            vec![step("c1", "+", &[0, 1, 2]), step("c1", "-", &[2]), step("c2", "+", &[2])],
        ),
    ] {
        let mut lab = Lab::new(1);
        lab.create("t", 3);
        let pairs = [("partition.assignment.strategy", strategy)];
        add(&mut lab, "c1", &pairs, Span::ZERO);
        lab.run(Span::seconds(5));
        add(&mut lab, "c2", &pairs, Span::ZERO);
        lab.run(Span::seconds(10));
        assert_eq!(moves(&lab), expected, "{strategy}");
        let rounds = if strategy == "range" { 2 } else { 3 };
        assert_eq!(group(&lab).generation, rounds, "{strategy}");
    }
}

#[test]
fn the_consumer_protocol_gives_up_before_it_gives() {
    let mut lab = Lab::new(1);
    lab.create("t", 4);
    let pairs = [("group.protocol", "consumer")];
    add(&mut lab, "c1", &pairs, Span::ZERO);
    // No initial delay: the first heartbeat is answered with the target.
    lab.run(Span::seconds(1));
    assert_eq!(moves(&lab), [step("c1", "+", &[0, 1, 2, 3])]);
    add(&mut lab, "c2", &pairs, Span::ZERO);
    lab.run(Span::seconds(12));
    let found = moves(&lab);
    assert_eq!((found[1].0.as_str(), found[1].1, found[1].2.len()), ("c1", "-", 2));
    assert_eq!((found[2].0.as_str(), found[2].1), ("c2", "+"));
    assert_eq!((found.len(), &found[1].2), (3, &found[2].2), "what one gave up the other has");
    let found = group(&lab);
    assert_eq!((found.state.as_str(), found.assignor.as_str()), ("Stable", "uniform"));
}

#[test]
fn who_stays_away_from_poll_leaves_and_cannot_commit() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[]);
    (0..3).for_each(|id| lab.send(producer, id, "t"));
    lab.run(Span::seconds(1));
    let spec = ConsumerSpec {
        commit: CommitMode::After(3),
        settings: settings(&[("auto.offset.reset", "earliest"), ("max.poll.interval.ms", "5000")]),
        ..consumer("c", "t", "g", Span::seconds(3))
    };
    lab.cluster.add("c", Spec::Consumer(spec), Disk::default());
    // One poll brings three records of 3 s each: after 5 s it leaves, after 9 s it would commit.
    lab.run(Span::seconds(3 + 10));
    assert_eq!(lab.count("kafka.member_left"), 1);
    assert_eq!(lab.count("kafka.offset_committed"), 0);
    assert_eq!(lab.processed("c"), [0, 1, 2]);
    assert_eq!(moves(&lab)[..2], [step("c", "+", &[0]), step("c", "!", &[0])]);
}

#[test]
fn a_slow_member_holds_up_an_eager_rebalance_until_it_polls() {
    let mut lab = Lab::new(1);
    lab.create("t", 2);
    let producer = lab.producer("p", &[]);
    (0..10).for_each(|id| lab.send_to(producer, id, "t", Some(0), "v"));
    lab.run(Span::seconds(1));
    add(&mut lab, "c1", &[], Span::seconds(2));
    let working = |event: &Event| matches!(event, Event::ProcessingStarted { .. });
    lab.run_until("work", working);
    add(&mut lab, "c2", &[], Span::ZERO);
    lab.run(Span::seconds(18));
    assert_eq!(group(&lab).state, "PreparingRebalance", "ten records of 2 s in one batch");
    lab.run(Span::seconds(4));
    assert_eq!(group(&lab).state, "Stable");
    assert_eq!(lab.processed("c1").len(), 10);
    assert!(lab.processed("c2").is_empty(), "what was handed out was committed before the join");
}

#[test]
fn members_survive_a_restart_of_their_coordinator() {
    let mut lab = Lab::new(1);
    lab.create("t", 3);
    add(&mut lab, "c1", &[], Span::ZERO);
    add(&mut lab, "c2", &[], Span::ZERO);
    lab.run(Span::seconds(10));
    let before = (group(&lab).generation, owners(&lab));
    lab.cluster.world.crash(lab.broker);
    lab.run(Span::seconds(2));
    lab.cluster.world.start(lab.broker);
    lab.run(Span::seconds(10));
    assert_eq!((group(&lab).generation, owners(&lab)), before, "read from __consumer_offsets");
    assert_eq!(group(&lab).state, "Stable");
    assert_eq!(lab.count("kafka.rebalance_started"), 1);
}

#[test]
fn old_offsets_are_forgotten() {
    let broker =
        [("offsets.retention.minutes", "1"), ("offsets.retention.check.interval.ms", "10000")];
    let mut lab = Lab::with(1, "lesson", &broker);
    lab.create("t", 1);
    let producer = lab.producer("p", &[]);
    lab.send(producer, 0, "t");
    let reader = add(&mut lab, "c", &[], Span::ZERO);
    lab.run(Span::seconds(120));
    assert_eq!(group(&lab).offsets[0].committed, Some(1), "kept while somebody reads");
    lab.cluster.world.stop(reader);
    lab.run(Span::seconds(55));
    assert_eq!(group(&lab).offsets[0].committed, Some(1));
    lab.run(Span::seconds(20));
    assert_eq!(lab.count("kafka.offset_expired"), 1);
    assert!(lab.cluster.groups().is_empty());
}

// ---- invariants ----

/// What must hold of every group after every event, checked from outside.
#[derive(Default)]
struct Checker {
    /// The end of what was delivered, partition by partition.
    delivered: BTreeMap<TopicPartition, i64>,
    completed: u32,
    lost: u32,
    at: usize,
}

impl Checker {
    fn look(&mut self, lab: &Lab, partitions: i32, seed: u64) {
        while let Some(seen) = lab.seen.get(self.at) {
            self.at += 1;
            match &seen.event {
                Event::RebalanceCompleted { assignment, assignor, generation, .. } => {
                    self.completed += 1;
                    let mut all: Vec<_> = assignment.iter().flat_map(|(_, of)| of).collect();
                    let count = all.len();
                    all.sort();
                    all.dedup();
                    assert_eq!(all.len(), count, "seed {seed}: owned twice in {generation}");
                    // A cooperative round may withhold what somebody still has to give up.
                    if *assignor != "cooperative-sticky" {
                        assert_eq!(count, partitions as usize, "seed {seed}: {assignment:?}");
                    }
                }
                Event::Processed { partition, offset, .. } => {
                    let end = self.delivered.entry(partition.clone()).or_default();
                    *end = (*end).max(offset + 1);
                }
                Event::Fetched { partition, offset, messages, .. } => {
                    let end = self.delivered.entry(partition.clone()).or_default();
                    *end = (*end).max(offset + messages.len() as i64);
                }
                Event::OffsetCommitted { partition, offset, .. } => {
                    let end = self.delivered.get(partition).copied().unwrap_or(0);
                    assert!(*offset <= end, "seed {seed}: {partition} {offset} beyond {end}");
                }
                Event::PartitionsLost { .. } => self.lost += 1,
                _ => {}
            }
        }
    }
}

#[test]
fn whatever_happens_each_partition_has_one_owner_and_nothing_is_skipped() {
    let (mut completed, mut lost, mut crashes) = (0, 0, 0);
    for seed in 0..8 {
        let ways: [&[(&str, &str)]; 4] = [
            &[("partition.assignment.strategy", "range")],
            &[("partition.assignment.strategy", "sticky")],
            &[("partition.assignment.strategy", "cooperative-sticky")],
            &[("group.protocol", "consumer")],
        ];
        let way = ways[(seed % 4) as usize];
        let mut random = Stream::named(seed, "script");
        let mut lab = Lab::new(seed);
        let partitions = 5;
        lab.create("t", partitions);
        let producer = lab.producer("p", &[]);
        let mut checker = Checker::default();
        let names = ["c1", "c2", "c3", "c4"];
        let members: Vec<NodeId> =
            names.iter().map(|name| add(&mut lab, name, way, Span::millis(20))).collect();
        let mut sent = 0;
        for _ in 0..25 {
            for _ in 0..random.below(20) {
                lab.send_to(producer, sent, "t", Some((sent % 5) as i32), "v");
                sent += 1;
            }
            let member = members[random.below(4) as usize];
            let world = &mut lab.cluster.world;
            match random.below(8) {
                0 => {
                    world.crash(member);
                    crashes += 1;
                }
                1 => world.stop(member),
                2 => world.pause(member),
                3 | 4 => world.resume(member),
                5 if random.below(4) == 0 => {
                    world.crash(lab.broker);
                    let broker = lab.broker;
                    world.start(broker);
                }
                _ => world.start(member),
            }
            lab.run(Span::millis(random.below(20_000)));
            checker.look(&lab, partitions, seed);
        }
        // Then everybody comes back, and the group must come to rest with everything read.
        for member in members {
            lab.cluster.world.resume(member);
            lab.cluster.world.start(member);
        }
        lab.run(Span::seconds(180));
        checker.look(&lab, partitions, seed);
        assert_eq!(group(&lab).state, "Stable", "seed {seed}");
        let mut owned: Vec<i32> = owners(&lab).into_iter().flat_map(|(_, of)| of).collect();
        owned.sort_unstable();
        assert_eq!(owned, [0, 1, 2, 3, 4], "seed {seed}");
        assert_eq!(group(&lab).offsets.iter().map(|p| p.lag).sum::<i64>(), 0, "seed {seed}");
        let mut processed: Vec<i64> =
            (0..5).map(|p| checker.delivered.get(&tp("t", p)).copied().unwrap_or(0)).collect();
        processed.sort_unstable();
        assert_eq!(processed.iter().sum::<i64>(), sent as i64, "seed {seed}: all was delivered");
        completed += checker.completed;
        lost += checker.lost;
    }
    assert!(completed > 30 && lost > 0 && crashes > 5, "{completed} {lost} {crashes}: too quiet");
}
