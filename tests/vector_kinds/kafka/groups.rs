//! Members on the way to their target, and records of share groups.

use super::assignors::partitions;
use super::{field, list, number, same, text};
use pushpull::kafka::error::ErrorCode;
use pushpull::kafka::event::TopicPartition;
use pushpull::kafka::group::reconcile::{MemberState, Progress};
use pushpull::kafka::group::share::{Acknowledgement, RecordState, ShareLimits, SharePartition};
use pushpull::sim::Time;
use serde_json::Value;
use std::rc::Rc;

fn progress(value: &Value) -> Result<Progress, String> {
    Ok(Progress {
        state: match text(value, "state")? {
            "STABLE" => MemberState::Stable,
            "UNREVOKED_PARTITIONS" => MemberState::Unrevoked,
            "UNRELEASED_PARTITIONS" => MemberState::Unreleased,
            other => return Err(format!("the state {other} is not known")),
        },
        epoch: number(value, "epoch")? as i32,
        assigned: partitions(field(value, "assigned")?),
        revoking: partitions(field(value, "revoking")?),
    })
}

pub fn reconcile(entry: &Value) -> Result<(), String> {
    let member = progress(field(entry, "member")?)?;
    let target = field(entry, "target")?;
    let (epoch, wanted) =
        (number(target, "epoch")? as i32, partitions(field(target, "partitions")?));
    let taken = list(entry, "partitionsStillOwnedByOthers")?;
    let is_taken =
        |p: &TopicPartition| taken.iter().any(|name| name.as_str() == Some(&p.to_string()));
    let owned = match field(entry, "ownedInHeartbeat")? {
        Value::Null => None,
        owned => Some(partitions(owned)),
    };
    let found = member.step((epoch, &wanted), is_taken, owned.as_deref());
    same("the member", found, progress(field(entry, "expect")?)?)
}

fn range(value: &Value) -> Result<(i64, i64), String> {
    match value.as_array().map(|pair| pair.iter().filter_map(Value::as_i64).collect::<Vec<_>>()) {
        Some(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
        _ => Err(format!("{value} is no range of offsets")),
    }
}

pub fn share(entry: &Value) -> Result<(), String> {
    let given = field(entry, "given")?;
    let mut limits = ShareLimits::default();
    if let Some(limit) = given["deliveryCountLimit"].as_u64() {
        limits.deliveries = limit as u16;
    }
    let first = |value: &Value| range(value).map(|(first, _)| first);
    let steps = entry["steps"].as_array().cloned().unwrap_or_default();
    let start = match (given["startOffset"].as_i64(), given.get("offsets"), steps.first()) {
        (Some(start), ..) => start,
        (_, Some(offsets), _) => first(offsets)?,
        (_, _, Some(step)) => first(&step["acquire"])?,
        _ => 0,
    };
    let mut partition = SharePartition::new(start, limits);
    if let Some(owner) = given["acquiredBy"].as_str() {
        let (from, to) = range(field(given, "offsets")?)?;
        partition.acquire(&owner.into(), (to + 1, (to + 1 - from) as usize), Time::ZERO);
        same("what is done", text(entry, "when")?, "C2 accepts 0-9")?;
        let refused = partition.acknowledge("C2", (from, to), Acknowledgement::Accept, Time::ZERO);
        let expected = field(entry, "expect")?;
        let error = refused.err().ok_or("it was not refused")?;
        same("the error", error.name(), text(expected, "error")?)?;
        same("its code", i64::from(error.code()), number(expected, "code")?)?;
        return same("the error", error, ErrorCode::InvalidRecordState);
    }
    // Three members share each range where the entry says so.
    let mut owners: Vec<(i64, Rc<str>)> = Vec::new();
    for step in &steps {
        take_step(&mut partition, &mut owners, step)?;
    }
    if let Some(expected) = entry.get("expect") {
        same("the start", partition.start(), number(expected, "startOffset")?)?;
        same("the end", partition.end(), number(expected, "endOffset")?)?;
        same("the next", partition.next_fetch_offset(), number(expected, "nextFetchOffset")?)?;
        same("in flight", partition.in_flight() as i64, number(expected, "cached")?)?;
    }
    Ok(())
}

fn take_step(
    partition: &mut SharePartition,
    owners: &mut Vec<(i64, Rc<str>)>,
    step: &Value,
) -> Result<(), String> {
    if let Some(acquire) = step.get("acquire") {
        let (from, to) = range(acquire)?;
        let names: &[&str] = if step.get("by").is_some() { &["A", "B", "C"] } else { &["A"] };
        let each = ((to + 1 - from) as usize).div_ceil(names.len());
        for name in names {
            let member: Rc<str> = (*name).into();
            for (offset, count) in partition.acquire(&member, (to + 1, each), Time::ZERO) {
                owners.retain(|(other, _)| *other != offset);
                owners.push((offset, member.clone()));
                if let Some(expected) = step["deliveryCount"].as_u64() {
                    same("the delivery count", u64::from(count), expected)?;
                }
            }
        }
        let taken = (from..=to)
            .all(|offset| matches!(partition.record(offset), Some((RecordState::Acquired, _))));
        return same("all are acquired", taken, true);
    }
    let ways = [
        ("accept", Acknowledgement::Accept),
        ("release", Acknowledgement::Release),
        ("reject", Acknowledgement::Reject),
    ];
    let found = ways.into_iter().find_map(|(name, how)| Some((step.get(name)?, how)));
    let (offsets, how) = found.ok_or_else(|| format!("{step} is not known"))?;
    let (from, to) = range(offsets)?;
    let owner = owners.iter().find(|(offset, _)| *offset == from).map(|(_, owner)| owner.clone());
    let owner = owner.ok_or_else(|| format!("nobody has {from}"))?;
    same(
        "the acknowledgement",
        partition.acknowledge(&owner, (from, to), how, Time::ZERO),
        Ok(()),
    )?;
    if let Some(state) = step["state"].as_str() {
        for offset in from..=to {
            let found = match partition.record(offset) {
                Some((RecordState::Available, _)) => "AVAILABLE",
                Some((RecordState::Acquired, _)) => "ACQUIRED",
                Some((RecordState::Acknowledged, _)) => "ACKNOWLEDGED",
                // What is archived at the front is passed by the start offset at once.
                Some((RecordState::Archived, _)) | None => "ARCHIVED",
            };
            same("the state", found, state)?;
        }
    }
    if let Some(expected) = step["startOffset"].as_i64() {
        same("the start", partition.start(), expected)?;
    }
    if let Some(expected) = step["deliveryCount"].as_u64() {
        let found = partition.record(from).map(|(_, count)| u64::from(count));
        same("the delivery count", found, Some(expected))?;
    }
    Ok(())
}
