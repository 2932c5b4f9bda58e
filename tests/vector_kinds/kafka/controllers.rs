//! What a controller decides: where replicas go, who leads, who may lead.

use super::{field, list, number, same, text};
use pushpull::kafka::metadata::PartitionImage;
use pushpull::kafka::metadata::election::{Election, PartitionChange};
use pushpull::kafka::metadata::placement::{Candidate, shifted, striped};
use pushpull::ordered::BTreeMap;
use serde_json::Value;

fn ids(entry: &Value, name: &str) -> Vec<i32> {
    let found = entry.get(name).and_then(Value::as_array);
    found.into_iter().flatten().filter_map(|id| id.as_i64().map(|id| id as i32)).collect()
}

fn lists(entry: &Value, name: &str) -> Result<Vec<Vec<i32>>, String> {
    let rows = list(entry, name)?.iter();
    let ids =
        |row: &Value| row.as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    Ok(rows.map(|row| Vec::<i64>::into_iter(ids(row)).map(|id| id as i32).collect()).collect())
}

pub fn placement_shift(entry: &Value) -> Result<(), String> {
    let racks: BTreeMap<i32, String> = entry
        .get("racks")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(id, rack)| Some((id.parse().ok()?, rack.as_str()?.to_owned())))
        .collect();
    let natural = |name| number(entry, name).map(|number| number as usize);
    let placed = shifted(
        &ids(entry, "brokers"),
        &racks,
        (natural("startPartition")?, natural("partitions")?),
        natural("replicationFactor")?,
        (natural("startIndex")?, natural("startShift")?),
    );
    same("the placement", placed, lists(entry, "expect")?)
}

pub fn placement_striped(entry: &Value) -> Result<(), String> {
    let mut state = number(field(entry, "random")?, "state")? as u64;
    let mut next = move |bits: u32| {
        state = state.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(3_037_000_493);
        (state >> (64 - bits)) as i32
    };
    // `java.util.Random.nextInt(n)` on top of that.
    let mut draw = |below: usize| {
        let below = below as i32;
        if below & -below == below {
            return ((i64::from(below) * i64::from(next(31))) >> 31) as usize;
        }
        loop {
            let bits = next(31);
            let value = bits % below;
            if bits.wrapping_sub(value).wrapping_add(below - 1) >= 0 {
                return value as usize;
            }
        }
    };
    let brokers = list(entry, "brokers")?.iter().map(|broker| {
        Ok(Candidate {
            id: number(broker, "id")? as i32,
            rack: broker.get("rack").and_then(Value::as_str).map(str::to_owned),
            fenced: broker.get("fenced") == Some(&Value::Bool(true)),
        })
    });
    let brokers = brokers.collect::<Result<Vec<_>, String>>()?;
    let partitions = number(entry, "partitions")? as usize;
    let factor = number(entry, "replicationFactor")? as i16;
    match (striped(&brokers, partitions, factor, &mut draw), entry.get("error")) {
        (Ok(placed), None) => same("the placement", placed, lists(entry, "expect")?),
        (Err(error), Some(expected)) => {
            same("the sentence", &*error.sentence, text(expected, "message")?)?;
            let name = format!("{} ({})", error.name, error.code);
            same("the error", &*name, text(expected, "name")?)
        }
        (found, _) => Err(format!("it is {found:?}")),
    }
}

fn partition(given: &Value) -> PartitionImage {
    PartitionImage {
        replicas: ids(given, "replicas"),
        isr: ids(given, "isr"),
        leader: given.get("leader").and_then(Value::as_i64).map(|id| id as i32).filter(|l| *l >= 0),
        elr: ids(given, "elr"),
        last_known_elr: ids(given, "lastKnownElr"),
        recovering: false,
        leader_epoch: 4,
        partition_epoch: 9,
        ..PartitionImage::default()
    }
}

/// Runs an election as `given` says; `elr` says whether eligible leader replicas are tracked, and
/// `last_known` whether the last known leader may be taken.
fn change(
    given: &Value,
    election: Election,
    (elr, last_known): (bool, bool),
) -> (PartitionImage, PartitionImage) {
    let old = partition(given);
    let alive = given.get("alive").map(|_| ids(given, "alive"));
    let acceptable = |id: i32| alive.as_ref().is_none_or(|alive| alive.contains(&id));
    let unclean = ids(given, "uncleanShutdown");
    // Who is dead leaves the ISR, as the controller that fences it has it.
    let target = match given.get("targetIsr") {
        Some(_) => Some(ids(given, "targetIsr")),
        None if elr => Some(old.isr.iter().copied().filter(|id| acceptable(*id)).collect()),
        None => None,
    };
    let new = PartitionChange {
        target_isr: target,
        min_isr: given.get("minIsr").and_then(Value::as_u64).unwrap_or(1) as usize,
        elr,
        last_known_leader: last_known,
        unclean_shutdown: &unclean,
        ..PartitionChange::of(&old, election, &acceptable)
    }
    .build();
    (old.clone(), new.unwrap_or(old))
}

fn check(old: &PartitionImage, new: &PartitionImage, expected: &Value) -> Result<(), String> {
    same("the leader", i64::from(new.leader.unwrap_or(-1)), number(expected, "leader")?)?;
    for (name, found) in
        [("isr", &new.isr), ("elr", &new.elr), ("lastKnownElr", &new.last_known_elr)]
    {
        if expected.get(name).is_some() {
            same(name, found.clone(), ids(expected, name))?;
        }
    }
    let recovering = expected.get("recoveryState").is_some();
    same("recovering", new.recovering, recovering)?;
    // Every change counts the partition epoch up, another leader the leader epoch.
    let moved = i32::from(new.leader != old.leader);
    same("the leader epoch", new.leader_epoch, old.leader_epoch + moved)?;
    let changed = new.isr != old.isr
        || new.leader != old.leader
        || new.elr != old.elr
        || new.last_known_elr != old.last_known_elr;
    same("the partition epoch", new.partition_epoch, old.partition_epoch + i32::from(changed))
}

pub fn election(entry: &Value) -> Result<(), String> {
    let given = field(entry, "given")?;
    let kind = match text(given, "election")? {
        "PREFERRED" => Election::Preferred,
        "ONLINE" => Election::Online,
        "UNCLEAN" => Election::Unclean,
        other => return Err(format!("the election {other} is not known")),
    };
    let (old, new) = change(given, kind, (false, false));
    let expected = field(entry, "expect")?;
    same("unclean", new.recovering, expected["unclean"] == Value::Bool(true))?;
    check(&old, &new, expected)
}

pub fn elr(entry: &Value) -> Result<(), String> {
    let expected = field(entry, "expect")?;
    // Where the last known leader may be taken, the last known ELR is empty while somebody leads.
    let has_leader = number(expected, "leader")? >= 0;
    let last_known = !has_leader || ids(expected, "lastKnownElr").is_empty();
    let (old, new) = change(field(entry, "given")?, Election::Online, (true, last_known));
    check(&old, &new, expected)
}
