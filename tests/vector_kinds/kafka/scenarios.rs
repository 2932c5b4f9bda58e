//! The scenarios: each as a play in the lab's own language, or by the rules that it is about.

use super::{rules, same};
use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use serde_json::Value;

/// Runs one scenario.
pub fn scenario(entry: &Value) -> Result<(), String> {
    let id = super::text(entry, "id")?;
    match id {
        "scenario-01-high-watermark-one-fetch-later" => play(ONE_FETCH_LATER),
        "scenario-02-isr-stuck-follower" => rules::stuck_follower(),
        "scenario-03-isr-never-fetched" => rules::never_fetched(),
        "scenario-04-isr-slow-follower" => rules::slow_follower(),
        "scenario-05-isr-caught-up-silent" => rules::caught_up_and_silent(),
        "scenario-09-not-enough-replicas" => play(NOT_ENOUGH_REPLICAS),
        "scenario-10-kip-101-loss" => {
            [KIP_101_LOSS, KIP_101_LEADER_GONE, BEFORE_KIP_101_LOSS].into_iter().try_for_each(play)
        }
        "scenario-11-kip-101-divergence" => {
            play(KIP_101_DIVERGENCE).and_then(|()| play(BEFORE_KIP_101_DIVERGENCE))
        }
        "scenario-12-leader-epoch-history" => {
            // Entries of variant K, and of variant Z: each a count, then epoch and start offset.
            epoch_history(EPOCH_HISTORY, b"0\n2\n0 0\n1 2\n")?;
            epoch_history(EPOCH_HISTORY_Z, b"0\n3\n0 0\n1 1\n2 2\n")
        }
        "scenario-14-follower-out-of-range" => play(RANGE_LOW).and_then(|()| play(RANGE_HIGH)),
        "scenario-15-election-order" => rules::election_order(),
        "scenario-17-alter-partition-fencing" => rules::alter_partition_fencing(),
        "scenario-18-idempotent-retry" => rules::idempotent_retry(),
        "scenario-20-segment-roll" => rules::segment_roll(),
        "scenario-21-retention" => rules::retention_whole_segments(),
        "scenario-22-compaction" => rules::last_value_of_each_key(),
        "scenario-25-cooperative-handover" => play(COOPERATIVE).and_then(|()| play(EAGER)),
        "scenario-26-kip-848-revoke-before-assign" => rules::revoke_before_assign(),
        "scenario-27-share-lock-expiry" => rules::share_lock_expiry(),
        "scenario-28-list-offsets-by-time" => rules::offsets_by_time(),
        _ => Err("nobody knows how to run this scenario".to_owned()),
    }
}

/// Runs the lines of a play; one behind `= ` is a predicate that must hold there.
fn play(lines: &str) -> Result<(), String> {
    played(lines).map(drop)
}

fn played(lines: &str) -> Result<Timeline, String> {
    crate::play::play(&LabSpec::default(), lines)
}

const ONE_FETCH_LATER: &str = r#"
    lab new --kafka-brokers 2 --cost lesson
    kafka-topics --create --topic t --replica-assignment 1:2
    run 2s
    = kafka.partition("t", 0).logs.end_offset == [0, 0]
    producer p --kafka t --count 1 --keys none --set acks=all --set linger.ms=0
    run --until 'count("kafka.replicated") == 1'
    = kafka.partition("t", 0).logs.high_watermark == [0, 0]
    = kafka.partition("t", 0).logs.end_offset == [1, 1]
    run --until 'kafka.partition("t", 0).high_watermark == 1'
    = kafka.partition("t", 0).logs.high_watermark == [1, 0]
    = count("kafka.produce_acknowledged") == 0
    run --until 'count("kafka.produce_acknowledged") == 1' --max 2ms
    run --until 'kafka.partition("t", 0).logs.high_watermark == [1, 1]' --max 502ms
"#;

const NOT_ENOUGH_REPLICAS: &str = r#"
    lab new --cost lesson
    kafka-topics --create --topic t --replica-assignment 1:2:3 --config min.insync.replicas=2
    producer p --kafka t --count 3 --keys none
    run 5s
    node kafka-2 crash
    node kafka-3 crash
    run 15s
    = kafka.partition("t", 0).isr == [1]
    = kafka.partition("t", 0).end_offset == 3 && kafka.partition("t", 0).high_watermark == 3
    ! kafka-console-producer --topic t --producer-property retries=0 --producer-property enable.idempotence=false <<< 'refused'
    = kafka.partition("t", 0).end_offset == 3 && kafka.partition("t", 0).high_watermark == 3
    kafka-console-producer --topic t --request-required-acks 1 <<< 'stored'
    run 5s
    = kafka.partition("t", 0).end_offset == 4 && kafka.partition("t", 0).high_watermark == 3
    consumer c --kafka t --group g --set auto.offset.reset=earliest
    run 10s
    = done(c) == 3
"#;

// A is broker 1, B is broker 2.
const KIP_101_LOSS: &str = r#"
    lab new --kafka-brokers 2 --cost lesson
    kafka-topics --create --topic t --replica-assignment 2:1
    run 2s
    producer p --kafka t --count 2 --rate 10/s --keys none --set acks=all --set linger.ms=0
    run --until 'count("kafka.produce_acknowledged") == 1'
    run --until 'kafka.partition("t", 0).high_watermark == 2'
    = kafka.partition("t", 0).logs.end_offset == [2, 2]
    = kafka.partition("t", 0).logs.high_watermark == [1, 2]
    node kafka-1 crash
    run --until 'count("kafka.produce_acknowledged") == 2' --max 2ms
    node kafka-1 start
    run 20s
    = kafka.partition("t", 0).leader == 2 && size(kafka.partition("t", 0).isr) == 2
    node kafka-2 crash
    run 15s
    = kafka.partition("t", 0).leader == 1
    = kafka.partition("t", 0).end_offset == 2 && kafka.partition("t", 0).high_watermark == 2
    = count("kafka.log_truncated") == 0 && ledger.lost == 0
"#;

const KIP_101_LEADER_GONE: &str = r#"
    lab new --kafka-brokers 2 --cost lesson
    kafka-topics --create --topic t --replica-assignment 2:1
    run 2s
    producer p --kafka t --count 2 --rate 10/s --keys none --set acks=all --set linger.ms=0
    run --until 'kafka.partition("t", 0).high_watermark == 2'
    node kafka-1 crash
    node kafka-2 crash
    node kafka-1 start
    run 20s
    node kafka-2 start
    run 30s
    = kafka.partition("t", 0).logs.end_offset == [2, 2]
    = kafka.partition("t", 0).logs.high_watermark == [2, 2]
    = count("kafka.log_truncated") == 0 && ledger.lost == 0
"#;

/// m1 is flushed by the polite stop of B, m2 is not.
macro_rules! flushed_and_not {
    () => {
        r#"
    kafka-topics --create --topic t --replica-assignment 1:2
    kafka-console-producer --topic t <<< 'm1'
    run 1s
    node kafka-2 stop
    run 5s
    node kafka-2 start
    run 5s
    kafka-console-producer --topic t <<< 'm2'
"#
    };
}

const KIP_101_DIVERGENCE: &str = concat!(
    "lab new --kafka-brokers 2 --cost lesson",
    flushed_and_not!(),
    r#"
    run 1s
    = kafka.partition("t", 0).logs.high_watermark == [2, 2]
    node kafka-1 crash
    run 15s
    node kafka-2 power-cut
    run 10s
    node kafka-2 start
    run 10s
    = kafka.partition("t", 0).leader == 2 && kafka.partition("t", 0).end_offset == 1
    kafka-console-producer --topic t <<< 'm3'
    = kafka.partition("t", 0).logs.end_offset == [2, 2]
    node kafka-1 start
    run 20s
    = count("kafka.log_truncated") == 1
    = kafka.partition("t", 0).logs.end_offset == [2, 2]
    = kafka.partition("t", 0).logs.high_watermark == [2, 2]
    kafka-leader-election --election-type preferred --topic t --partition 0
    run 1s
    = kafka.partition("t", 0).leader == 1
    run --until 'kafka.partition("t", 0).high_watermark == 2'
"#
);

const EPOCH_HISTORY: &str = r#"
    lab new --kafka-brokers 2 --cost lesson --set auto.leader.rebalance.enable=false
    kafka-topics --create --topic t --replica-assignment 1:2
    kafka-console-producer --topic t <<< 'in epoch 0'
    run 1s
    node kafka-2 crash
    run 10s
    = kafka.partition("t", 0).isr == [1] && kafka.partition("t", 0).leader_epoch == 0
    node kafka-2 start
    run 10s
    = size(kafka.partition("t", 0).isr) == 2 && kafka.partition("t", 0).leader_epoch == 0
    kafka-console-producer --topic t <<< 'still in epoch 0'
    run 1s
    node kafka-1 crash
    run 10s
    = kafka.partition("t", 0).leader == 2 && kafka.partition("t", 0).leader_epoch == 1
    node kafka-1 start
    run 10s
    kafka-console-producer --topic t <<< 'in epoch 1'
    run 1s
    = kafka.partition("t", 0).logs.end_offset == [3, 3]
"#;

// The follower's bounce takes it out of the ISR, and so does the leader's: each counts the epoch up.
const EPOCH_HISTORY_Z: &str = r#"
    lab new --coordinator zookeeper --kafka-brokers 2 --cost lesson --set auto.leader.rebalance.enable=false
    kafka-topics --create --topic t --replica-assignment 1:2
    kafka-console-producer --topic t <<< 'in epoch 0'
    run 1s
    node kafka-2 stop
    node kafka-2 start
    run 10s
    = size(kafka.partition("t", 0).isr) == 2 && kafka.partition("t", 0).leader_epoch == 1
    = kafka.partition("t", 0).leader == 1
    kafka-console-producer --topic t <<< 'in epoch 1'
    run 1s
    node kafka-1 stop
    node kafka-1 start
    run 10s
    = kafka.partition("t", 0).leader == 2 && kafka.partition("t", 0).leader_epoch == 2
    kafka-console-producer --topic t <<< 'in epoch 2'
    run 1s
    = kafka.partition("t", 0).logs.end_offset == [3, 3]
"#;

// A is broker 1, which is the controller too: when its session ends it is registered again before
// the next controller has looked, so that it stays in the ISR. Meanwhile it cannot fetch.
const BEFORE_KIP_101_LOSS: &str = r#"
    lab new --coordinator zookeeper --seed 3 --kafka-brokers 2 --cost lesson --set inter.broker.protocol.version=0.10.2
    = kafka.active_controller == "kafka-1"
    kafka-topics --create --topic t --replica-assignment 2:1
    kafka-console-producer --topic t <<< 'm1'
    run 6s
    producer p --kafka t --count 1 --keys none --set acks=all --set linger.ms=0
    run --until 'kafka.partition("t", 0).high_watermark == 2'
    = kafka.partition("t", 0).logs.end_offset == [2, 2]
    = kafka.partition("t", 0).logs.high_watermark == [1, 2]
    node kafka-1 crash
    run --until 'count("kafka.produce_acknowledged") == 2' --max 2ms
    net drop kafka-1 kafka-2 --kind Fetch --count 100000
    node kafka-1 start
    run --until 'count("kafka.log_truncated") == 1' --max 30s
    = kafka.partition("t", 0).logs.end_offset == [1, 2]
    = size(kafka.partition("t", 0).isr) == 2 && kafka.partition("t", 0).leader == 2
    node kafka-2 crash
    run 25s
    = kafka.partition("t", 0).leader == 1 && kafka.partition("t", 0).end_offset == 1
    = ledger.lost == 1
    net heal
    node kafka-2 start
    run 25s
    = kafka.partition("t", 0).logs.end_offset == [1, 1]
    = kafka.partition("t", 0).logs.high_watermark == [1, 1]
"#;

const BEFORE_KIP_101_DIVERGENCE: &str = concat!(
    "lab new --coordinator zookeeper --kafka-brokers 2 --cost lesson ",
    "--set inter.broker.protocol.version=0.10.2",
    flushed_and_not!(),
    r#"
    run 6s
    = kafka.partition("t", 0).logs.high_watermark == [2, 2]
    node kafka-1 crash
    run 25s
    = kafka.partition("t", 0).leader == 2
    node kafka-2 power-cut
    run 25s
    node kafka-2 start
    run 25s
    = kafka.partition("t", 0).leader == 2 && kafka.partition("t", 0).end_offset == 1
    kafka-console-producer --topic t <<< 'm3'
    = kafka.partition("t", 0).logs.end_offset == [2, 2]
    node kafka-1 start
    run 25s
    = size(kafka.partition("t", 0).isr) == 2
    = kafka.partition("t", 0).logs.end_offset == [2, 2]
    = kafka.partition("t", 0).logs.high_watermark == [2, 2]
    = count("kafka.log_truncated") == 0
    kafka-console-producer --topic t <<< 'm4'
    run 1s
    = kafka.partition("t", 0).logs.end_offset == [3, 3]
"#
);

fn epoch_history(lines: &str, expected: &[u8]) -> Result<(), String> {
    let timeline = played(lines)?;
    let world = &timeline.session().kafka.world;
    for name in ["kafka-1", "kafka-2"] {
        let broker = world.id(name).ok_or("the broker is there")?;
        let file = world.disk(broker).get("t-0/leader-epoch-checkpoint").ok_or("no epochs")?;
        let bytes = file.read(0, file.len()).map_err(|_| "everything is in memory")?;
        same(name, &*bytes.bytes(), expected)?;
    }
    Ok(())
}

const RANGE_LOW: &str = r#"
    lab new --kafka-brokers 2 --cost lesson
    kafka-topics --create --topic t --replica-assignment 1:2 --config internal.segment.bytes=80
    kafka-console-producer --topic t <<< 'zero'
    run 1s
    node kafka-2 crash
    run 10s
    kafka-console-producer --topic t <<< 'one'
    kafka-console-producer --topic t <<< 'two'
    kafka-delete-records --offset-json-file - <<< '{"partitions": [{"topic": "t", "partition": 0, "offset": 2}]}'
    = kafka.partition("t", 0).logs.end_offset == [3, 1]
    = kafka.partition("t", 0).logs.log_start == [2, 0]
    node kafka-2 start
    run --until 'count("kafka.log_truncated") == 1' --max 20s
    = kafka.partition("t", 0).logs.end_offset == [3, 2]
    = kafka.partition("t", 0).logs.log_start == [2, 2]
    run 2s
    = kafka.partition("t", 0).logs.end_offset == [3, 3]
"#;

const RANGE_HIGH: &str = r#"
    lab new --kafka-brokers 2 --cost lesson
    kafka-topics --create --topic t --replica-assignment 1:2
    node kafka-2 crash
    run 10s
    producer p --kafka t --count 3 --keys none
    run 1s
    = kafka.partition("t", 0).logs.end_offset == [3, 0]
    node kafka-1 crash
    node kafka-2 start
    run 15s
    kafka-leader-election --election-type unclean --topic t --partition 0
    = kafka.partition("t", 0).leader == 2
    node kafka-1 start
    run 15s
    = kafka.partition("t", 0).logs.end_offset == [0, 0]
    = kafka.partition("t", 0).logs.high_watermark == [0, 0]
    = count("kafka.log_truncated") == 1
"#;

const COOPERATIVE: &str = r#"
    lab new --cost lesson
    kafka-topics --create --topic t --partitions 3
    consumer c1 --kafka t --group g --set partition.assignment.strategy=cooperative-sticky
    run 5s
    = kafka.group("g").member("c1").partitions == ["t-0", "t-1", "t-2"]
    consumer c2 --kafka t --group g --set partition.assignment.strategy=cooperative-sticky
    run --until 'kafka.group("g").generation == 2 && kafka.group("g").state == "Stable"'
    = kafka.group("g").member("c1").partitions == ["t-0", "t-1"]
    = kafka.group("g").member("c2").partitions == []
    run --until 'kafka.group("g").generation == 3 && kafka.group("g").state == "Stable"' --max 10s
    = kafka.group("g").member("c1").partitions == ["t-0", "t-1"]
    = kafka.group("g").member("c2").partitions == ["t-2"]
    = count("kafka.partitions_revoked") == 1
"#;

const EAGER: &str = r#"
    lab new --cost lesson
    kafka-topics --create --topic t --partitions 3
    consumer c1 --kafka t --group g --set partition.assignment.strategy=range
    run 5s
    consumer c2 --kafka t --group g --set partition.assignment.strategy=range
    run --until 'count("kafka.partitions_revoked") == 1'
    = kafka.group("g").state == "PreparingRebalance"
    run --until 'kafka.group("g").generation == 2 && kafka.group("g").state == "Stable"'
    = kafka.group("g").member("c1").partitions == ["t-0", "t-1"]
    = kafka.group("g").member("c2").partitions == ["t-2"]
    run 10s
    = kafka.group("g").generation == 2
"#;
