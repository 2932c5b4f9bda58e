//! Where records and groups go.

use super::{field, hex, list, number, same, text};
use pushpull::kafka::group;
use pushpull::kafka::partitioner::librdkafka::{self, Kind};
use pushpull::kafka::partitioner::{StickyPartitioner, murmur2 as java};
use pushpull::sim::Stream;
use serde_json::Value;
use std::collections::BTreeSet;

/// Checks `partitions`: the partition of a key for each number of partitions.
fn check_partitions(entry: &Value, of: impl Fn(u32) -> i32) -> Result<(), String> {
    let all = field(entry, "partitions")?.as_object().ok_or("partitions is no table")?;
    for (count, expected) in all {
        let parsed = count.parse().map_err(|_| format!("{count} is no number"))?;
        same(&format!("the partition of {count}"), Some(i64::from(of(parsed))), expected.as_i64())?;
    }
    Ok(())
}

pub fn murmur2(entry: &Value) -> Result<(), String> {
    let key = hex(text(entry, "keyHex")?)?;
    same("the hash", i64::from(java::murmur2(&key)), number(entry, "murmur2")?)?;
    let digits = format!("{:08x}", java::murmur2(&key));
    same("its digits", digits.as_str(), text(entry, "murmur2Hex")?)?;
    check_partitions(entry, |count| java::partition_for_key(&key, count))
}

pub fn crc32(entry: &Value) -> Result<(), String> {
    let key = hex(text(entry, "keyHex")?)?;
    let digits = format!("{:08x}", librdkafka::crc32(&key));
    same("the hash", digits.as_str(), text(entry, "crc32Hex")?)?;
    let mut random = Stream::named(0, "unused");
    check_partitions(entry, |count| {
        Kind::Consistent.partition(Some(&key), count, &mut random.clone())
    })?;
    // With a key, the default does the same and draws nothing.
    let before = random.clone();
    Kind::ConsistentRandom.partition(Some(&key), 7, &mut random);
    same("the random stream", random == before, !key.is_empty())
}

pub fn fnv1a(entry: &Value) -> Result<(), String> {
    let key = hex(text(entry, "keyHex")?)?;
    let digits = format!("{:08x}", librdkafka::fnv1a(&key));
    same("the hash", digits.as_str(), text(entry, "fnv1aAbsHex")?)?;
    let random = Stream::named(0, "unused");
    check_partitions(entry, |count| Kind::Fnv1a.partition(Some(&key), count, &mut random.clone()))
}

pub fn group_partition(entry: &Value) -> Result<(), String> {
    let name = text(entry, "group")?;
    same("the hash", i64::from(group::java_hash(name)), number(entry, "javaHash")?)?;
    let found = group::partition_for(name, number(entry, "partitions")? as i32);
    same("the partition", i64::from(found), number(entry, "offsetsPartition")?)
}

/// How many appends "ten appends of 1 byte" are, and of how many bytes.
fn appends(when: &str) -> Result<(usize, u64), String> {
    const WORDS: [&str; 11] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    let words: Vec<&str> = when.split(' ').collect();
    let [count, "appends", "of", bytes, "byte" | "bytes"] = words[..] else {
        return Err(format!("{when:?} is not understood"));
    };
    let spelled = WORDS.iter().position(|word| *word == count);
    let count = spelled.or(count.parse().ok()).ok_or("the count is no number")?;
    Ok((count, bytes.parse().map_err(|_| "the size is no number")?))
}

pub fn builtin(entry: &Value) -> Result<(), String> {
    let given = field(entry, "given")?;
    let leaders = given.get("leaders").and_then(Value::as_object);
    let count = match leaders {
        Some(leaders) => leaders.len() as i64,
        None => number(given, "partitions")?,
    };
    let has_leader = |number: &i32| {
        leaders.is_none_or(|leaders| leaders[&number.to_string()] == Value::Bool(true))
    };
    let available: Vec<i32> = (0..count as i32).filter(has_leader).collect();
    let sequential = given.get("randomSource").is_some();
    let (mut turn, mut stream) = (-1, Stream::named(1, "vector"));
    let mut random = || {
        turn += 1;
        if sequential { turn } else { stream.bits() as i32 }
    };
    let (times, bytes) = appends(text(entry, "when")?)?;
    let all = (count as u32, &available[..]);
    let mut sticky = StickyPartitioner::new(number(given, "stickyBatchSize")? as u64);
    let mut chosen = Vec::new();
    // One more than was done, to see where it would go.
    for _ in 0..=times {
        chosen.push(sticky.partition(all, &mut random));
        sticky.produced(bytes, true, all, &mut random);
    }
    check_chosen(field(entry, "expect")?, &chosen, times)
}

fn check_chosen(expected: &Value, chosen: &[i32], times: usize) -> Result<(), String> {
    let place = |named: &Value| {
        let number = named.as_str().and_then(|text| text.strip_prefix("append ")?.parse().ok());
        number.and_then(|number: usize| chosen.get(number - 1).copied()).ok_or("no such append")
    };
    let expected = expected.as_object().ok_or("expect is no table")?;
    let done: BTreeSet<i64> = chosen[..times].iter().map(|number| i64::from(*number)).collect();
    for (what, value) in expected {
        let numbers = || value.as_array().into_iter().flatten().filter_map(Value::as_i64);
        match what.as_str() {
            "same" => {
                for append in list(&Value::Object(expected.clone()), "same")? {
                    same("the partition", place(append)?, chosen[0])?;
                }
            }
            "switchedBefore" => same("switched", place(value)? != chosen[0], true)?,
            "partitions" => {
                let found = chosen[..times].iter().map(|number| i64::from(*number));
                same("the partitions", found.collect::<Vec<_>>(), numbers().collect())?;
            }
            "neverChosen" => same("chosen", numbers().any(|n| done.contains(&n)), false)?,
            "chosenAtLeastOnce" => same("chosen", numbers().all(|n| done.contains(&n)), true)?,
            other => return Err(format!("{other} is not understood")),
        }
    }
    Ok(())
}
