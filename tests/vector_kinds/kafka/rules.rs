//! Scenarios that are about one rule: the words as the vectors of that rule, or as calls of it.

use super::{compaction, controllers, groups, logs, retention, same};
use pushpull::kafka::controller::partitions::check_alter;
use pushpull::kafka::error::ErrorCode;
use pushpull::kafka::event::TopicPartition;
use pushpull::kafka::group::share::{RecordState, ShareLimits, SharePartition};
use pushpull::kafka::message::request::AlterIsr;
use pushpull::kafka::message::response::TopicId;
use pushpull::kafka::metadata::image::{BrokerImage, TopicImage};
use pushpull::kafka::metadata::{Image, PartitionImage};
use pushpull::kafka::partition::leadership::Leadership;
use pushpull::kafka::spec::Settings;
use pushpull::sim::{NodeId, Span, Time};
use serde_json::{Value, json};
use std::rc::Rc;

// ---- IsrExpirationTest: replica.lag.time.max.ms 100, the leader's log ends at 20 ----

const LAG_MAX: Span = Span::millis(100);
const LOG_END: i64 = 20;

fn image() -> PartitionImage {
    PartitionImage {
        replicas: vec![1, 2],
        isr: vec![1, 2],
        leader: Some(1),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        recovering: false,
        leader_epoch: 5,
        partition_epoch: 9,
        ..PartitionImage::default()
    }
}

/// A leader whose follower became a member of the ISR at the beginning.
fn leadership() -> Leadership {
    Leadership::begin(1, &image(), 0, (Time::ZERO, LAG_MAX))
}

fn at(ms: u64) -> Time {
    Time::ZERO + Span::millis(ms)
}

fn fetched(leader: &mut Leadership, offset: i64, ms: u64) {
    assert!(leader.fetched(2, -1, offset, (at(ms), LOG_END)), "it is a replica");
}

fn in_sync(leader: &Leadership, ms: u64, expected: bool) -> Result<(), String> {
    let shrunk = leader.shrunk(at(ms), LOG_END);
    same(&format!("the ISR after {ms} ms"), shrunk, (!expected).then(|| vec![1]))
}

pub fn stuck_follower() -> Result<(), String> {
    let mut leader = leadership();
    fetched(&mut leader, 19, 0);
    in_sync(&leader, 0, true)?;
    in_sync(&leader, 150, false)
}

pub fn never_fetched() -> Result<(), String> {
    let leader = leadership();
    in_sync(&leader, 0, true)?;
    in_sync(&leader, 150, false)
}

pub fn slow_follower() -> Result<(), String> {
    let mut leader = leadership();
    fetched(&mut leader, 18, 0);
    in_sync(&leader, 0, true)?;
    fetched(&mut leader, 19, 75);
    in_sync(&leader, 75, true)?;
    in_sync(&leader, 150, false)?;
    fetched(&mut leader, 20, 150);
    in_sync(&leader, 150, true)
}

pub fn caught_up_and_silent() -> Result<(), String> {
    let mut leader = leadership();
    fetched(&mut leader, 20, 0);
    in_sync(&leader, 150, true)
}

// ---- the controller ----

pub fn election_order() -> Result<(), String> {
    // replicas [2, 1, 3]: isr, leader, alive, election; the new leader, whether it is unclean.
    let cases: [(&[i32], i32, &[i32], &str, i32, bool); 4] = [
        (&[2, 1, 3], 1, &[2, 3], "ONLINE", 2, false),
        (&[2, 1, 3], 1, &[1, 2, 3], "PREFERRED", 2, false),
        (&[3], 3, &[1, 2], "ONLINE", -1, false),
        (&[3], 3, &[1, 2], "UNCLEAN", 2, true),
    ];
    for (isr, leader, alive, election, expected, unclean) in cases {
        let mut expect = json!({"leader": expected, "unclean": unclean});
        if unclean {
            expect["isr"] = json!([expected]);
            expect["recoveryState"] = json!("RECOVERING");
        }
        let given = json!({
            "replicas": [2, 1, 3], "isr": isr, "leader": leader, "alive": alive,
            "election": election,
        });
        controllers::election(&json!({"given": given, "expect": expect}))?;
    }
    Ok(())
}

pub fn alter_partition_fencing() -> Result<(), String> {
    let mut cluster = Image::default();
    for id in [1, 2] {
        let broker = BrokerImage {
            incarnation: TopicId([0; 16]),
            epoch: 7,
            node: NodeId(id as u32),
            rack: None,
            fenced: id == 2,
            shutting_down: false,
        };
        cluster.brokers.insert(id, broker);
    }
    let partition = image();
    let (e, p) = (partition.leader_epoch, partition.partition_epoch);
    let topic =
        TopicImage { id: TopicId([1; 16]), partitions: vec![partition], settings: Settings::new() };
    cluster.topics.insert("t".into(), Rc::new(topic));
    let asked = |leader_epoch: i32, partition_epoch: i32, isr: &[i32]| {
        let isr = isr.iter().map(|id| (*id, 7)).collect();
        let partition = TopicPartition::new("t", 0);
        let asked = AlterIsr { partition, leader_epoch, partition_epoch, isr };
        check_alter(&cluster, 1, &asked).map(drop)
    };
    same("an old leader epoch", asked(e - 1, p, &[1]), Err(ErrorCode::FencedLeaderEpoch))?;
    same("an old partition epoch", asked(e, p - 1, &[1]), Err(ErrorCode::InvalidUpdateVersion))?;
    same("a newer leader epoch", asked(e + 1, p, &[1]), Err(ErrorCode::NotController))?;
    same("a fenced broker", asked(e, p, &[1, 2]), Err(ErrorCode::IneligibleReplica))?;
    same("nothing wrong", asked(e, p, &[1]), Ok(()))?;
    let codes = [
        (ErrorCode::FencedLeaderEpoch, 74),
        (ErrorCode::InvalidUpdateVersion, 95),
        (ErrorCode::NotController, 41),
        (ErrorCode::IneligibleReplica, 107),
    ];
    codes.into_iter().try_for_each(|(error, code)| same("the code", error.code(), code))
}

// ---- the log ----

pub fn idempotent_retry() -> Result<(), String> {
    let append = |first: i64, records: i64, expect: Value| {
        json!({"producerId": 1, "epoch": 0, "firstSequence": first, "records": records,
               "expect": expect})
    };
    let new = |offset: i64| json!({"error": "NONE", "baseOffset": offset});
    let again = |offset: i64| json!({"error": "NONE", "baseOffset": offset, "duplicate": true});
    let refused = || json!({"error": "OUT_OF_ORDER_SEQUENCE_NUMBER", "code": 45});
    let mut appends: Vec<Value> = (0..6).map(|n| append(n, 1, new(n))).collect();
    appends.push(append(6, 3, new(6)));
    appends.push(append(6, 3, again(6)));
    appends.push(append(7, 2, refused()));
    appends.push(append(2, 1, again(2)));
    appends.push(append(1, 1, refused()));
    logs::idempotence(&json!({"appends": appends, "expect": {"logEndOffset": 9}}))
}

pub fn segment_roll() -> Result<(), String> {
    let hour = 3_600_000;
    let by_size = json!({
        "given": {"segmentBytes": "10 * (s - 1)"}, "when": "11 appends", "expect": {"segments": 2},
    });
    logs::log_roll(&by_size)?;
    let without_times = json!({"given": {"segmentMs": hour}, "steps": [
        {"sleepMs": hour + 1}, {"append": {}, "segments": 1}, {"append": {}, "segments": 2},
    ]});
    logs::log_roll(&without_times)?;
    let later = format!("T + {}", hour + 1);
    logs::log_roll(&json!({"given": {"segmentMs": hour}, "steps": [
        {"append": {"timestamp": "T"}, "segments": 1},
        {"sleepMs": hour + 1},
        {"append": {"timestamp": "T"}, "segments": 1},
        {"append": {"timestamp": later}, "segments": 2},
    ]}))
}

pub fn retention_whole_segments() -> Result<(), String> {
    let cases = [
        (json!({"retentionBytes": "10 records"}), 15, json!({"segments": 2, "logStartOffset": 5})),
        (
            json!({"retentionMs": 1_000, "recordAgeMs": 2_000}),
            15,
            json!({"segments": 1, "logStartOffset": 15, "lastSegmentBytes": 0}),
        ),
        (
            json!({"retentionMs": 1_000, "recordAgeMs": 2_000}),
            0,
            json!({"segments": 3, "logStartOffset": 0}),
        ),
    ];
    for (mut given, high_watermark, expect) in cases {
        given["appended"] = json!(15);
        given["recordsPerSegment"] = json!(5);
        given["highWatermark"] = json!(high_watermark);
        retention::retention(&json!({"given": given, "expect": expect}))?;
    }
    Ok(())
}

pub fn last_value_of_each_key() -> Result<(), String> {
    compaction::compaction(&json!({
        "given": {"keysAtOffsets": [0, 1, 0, 1, 0]},
        "steps": [{"firstDirtyOffset": 0, "keys": [1, 0], "offsets": [3, 4]}],
    }))?;
    let (at, day) = (1_000_000, 86_400_000);
    compaction::compaction(&json!({
        "given": {"records": [{"key": "k", "value": null}], "deleteRetentionMs": day},
        "steps": [
            {"cleanAt": at, "offsets": [0], "deleteHorizon": at + day},
            {"cleanAt": at + day - 1, "offsets": [0], "deleteHorizon": at + day},
            {"cleanAt": at + day, "offsets": []},
        ],
    }))
}

pub fn offsets_by_time() -> Result<(), String> {
    let log = json!({
        "baseOffset": 40, "offsets": [40, 49], "timestampOf": "10 * offset",
        "indexInterval": "2 * record batch size - 1",
    });
    let found = [(420, 42), (421, 43), (430, 43), (401, 41)];
    let lookups: Vec<Value> =
        found.iter().map(|(time, found)| json!({"timestamp": time, "expect": found})).collect();
    logs::list_offsets(&json!({"log": log, "lookups": lookups}))
}

// ---- groups ----

pub fn revoke_before_assign() -> Result<(), String> {
    let step = |member: &Value, target: &Value, taken: &[&str], owned: Value, expect: &Value| {
        groups::reconcile(&json!({
            "member": member, "target": {"epoch": 11, "partitions": target},
            "partitionsStillOwnedByOthers": taken, "ownedInHeartbeat": owned, "expect": expect,
        }))
    };
    let all = json!({"t1": [1, 2, 3], "t2": [4, 5, 6]});
    let kept = json!({"t1": [2, 3], "t2": [5, 6]});
    let moved = json!({"t1": [1], "t2": [4]});
    let a = json!({"state": "STABLE", "epoch": 10, "assigned": all, "revoking": {}});
    let unrevoked = json!({
        "state": "UNREVOKED_PARTITIONS", "epoch": 10, "assigned": kept, "revoking": moved,
    });
    step(&a, &kept, &[], all.clone(), &unrevoked)?;
    let b = json!({"state": "STABLE", "epoch": 10, "assigned": {}, "revoking": {}});
    let unreleased = json!({
        "state": "UNRELEASED_PARTITIONS", "epoch": 11, "assigned": {}, "revoking": {},
    });
    let taken = ["t1-1", "t2-4"];
    step(&b, &moved, &taken, json!({}), &unreleased)?;
    step(&unrevoked, &kept, &[], json!({"t1": [1, 2, 3], "t2": [5, 6]}), &unrevoked)?;
    let done = json!({"state": "STABLE", "epoch": 11, "assigned": kept, "revoking": {}});
    step(&unrevoked, &kept, &[], kept.clone(), &done)?;
    let got = json!({"state": "STABLE", "epoch": 11, "assigned": moved, "revoking": {}});
    step(&unreleased, &moved, &[], json!({}), &got)
}

pub fn share_lock_expiry() -> Result<(), String> {
    let limits = ShareLimits { deliveries: 2, ..ShareLimits::default() };
    let mut partition = SharePartition::new(0, limits);
    let member: Rc<str> = "c".into();
    same("first", partition.acquire(&member, (1, 1), at(0)), vec![(0, 1)])?;
    partition.expire(at(29_999));
    same("while it is locked", partition.record(0), Some((RecordState::Acquired, 1)))?;
    partition.expire(at(30_000));
    same("after the first", partition.record(0), Some((RecordState::Available, 1)))?;
    same("second", partition.acquire(&member, (1, 1), at(30_000)), vec![(0, 2)])?;
    partition.expire(at(60_000));
    // What is archived at the front is passed by the start offset at once.
    same("after the second", (partition.record(0), partition.start()), (None, 1))
}
