//! Who reads what.

use super::{field, same, text};
use pushpull::kafka::assignor::{Assignor, Member, Topic};
use pushpull::kafka::event::TopicPartition;
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

fn table(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn texts(value: Option<&Value>) -> Vec<Rc<str>> {
    let all = value.and_then(Value::as_array).into_iter().flatten();
    all.filter_map(Value::as_str).map(Rc::from).collect()
}

/// `{"t1": [0, 1]}` as partitions.
pub fn partitions(value: &Value) -> Vec<TopicPartition> {
    let numbers = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let all = table(value).flat_map(|(topic, of)| {
        let number = |number: Value| number.as_i64().expect("a partition is a number") as i32;
        numbers(of).into_iter().map(move |n| TopicPartition::new(topic, number(n)))
    });
    let mut all: Vec<TopicPartition> = all.collect();
    all.sort();
    all
}

fn topics(entry: &Value) -> Result<Vec<Topic>, String> {
    let topics = table(field(entry, "topics")?).map(|(name, count)| Topic {
        name: name.as_str().into(),
        partitions: count.as_i64().expect("a count is a number") as i32,
        racks: entry["partitionRacks"][name.as_str()]
            .as_array()
            .map(|all| all.iter().map(|racks| texts(Some(racks))).collect())
            .unwrap_or_default(),
    });
    let mut topics: Vec<Topic> = topics.collect();
    let order = texts(entry.get("topicOrder"));
    topics.sort_by_key(|topic| order.iter().position(|name| *name == topic.name));
    Ok(topics)
}

fn members(entry: &Value) -> Result<Vec<Member>, String> {
    let members = table(field(entry, "members")?).map(|(id, member)| Member {
        id: id.as_str().into(),
        instance: member["instance"].as_str().map(Rc::from),
        rack: member["rack"].as_str().map(Rc::from),
        topics: texts(member.get("topics")),
        owned: partitions(&member["owned"]),
        generation: member["generation"].as_i64().unwrap_or(-1) as i32,
    });
    let mut members: Vec<Member> = members.collect();
    let order = texts(entry.get("memberOrder"));
    members.sort_by_key(|member| order.iter().position(|id| *id == member.id));
    Ok(members)
}

pub fn assignor(entry: &Value) -> Result<(), String> {
    let name = text(entry, "assignor")?;
    let assignor = match name.strip_prefix("server-") {
        Some(name) => Assignor::of_server(name),
        None => Assignor::of_client(name),
    };
    let assignor = assignor.ok_or_else(|| format!("the assignor {name} is not known"))?;
    let (topics, members) = (topics(entry)?, members(entry)?);
    let found = assignor.assign(&topics, &members);
    let found: BTreeMap<&str, Vec<TopicPartition>> =
        members.iter().map(|member| &*member.id).zip(found).collect();
    let expected: BTreeMap<&str, Vec<TopicPartition>> =
        table(field(entry, "expect")?).map(|(id, of)| (id.as_str(), partitions(of))).collect();
    same("the assignment", found, expected)?;
    // A partition that changes hands is withheld in the first cooperative round, and only that.
    if let Some(moving) = entry.get("transferring") {
        let first = Assignor::CooperativeSticky.assign(&topics, &members);
        let withheld = table(moving).map(|(partition, to)| (partition.clone(), to.to_string()));
        let withheld: Vec<(String, String)> = withheld.collect();
        let sticky = Assignor::Sticky.assign(&topics, &members);
        let missing =
            members.iter().zip(sticky.iter().zip(&first)).flat_map(|(member, (all, got))| {
                let held = all.iter().filter(|partition| !got.contains(partition));
                held.map(|partition| (partition.to_string(), format!("{:?}", &*member.id)))
            });
        let mut missing: Vec<(String, String)> = missing.collect();
        missing.sort();
        same("what is withheld", missing, withheld)?;
    }
    Ok(())
}
