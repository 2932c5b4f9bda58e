//! What of `kafka-share-groups` changes groups: resets where they begin, deletes them, and forgets
//! what is kept of their partitions.

use super::{failure, groups, objects, row, table};
use crate::kafka::command::{Answer, ApiError, Ask, NewOffset, ResetTo};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, Printed, unexpected};
use crate::shell::options::Arguments;
use crate::shell::programs::kafka_consumer_groups::changes::{datetime, topic_partitions};
use crate::shell::programs::kafka_tools::exception;
use crate::shell::values::integer;

/// The one group that is named.
fn group(arguments: &Arguments, missing: &str) -> Result<String, Refusal> {
    match arguments.all("--group")[..] {
        [] => objects(missing),
        [group] => Ok(group.text.clone()),
        _ => objects("Found multiple arguments for option group, but you asked for only one"),
    }
}

pub(super) fn reset(arguments: &Arguments) -> Result<Job, Refusal> {
    match (arguments.has("--dry-run"), arguments.has("--execute")) {
        (true, true) => {
            return objects("Option [reset-offsets] only accepts one of [execute] and [dry-run]");
        }
        (false, false) => {
            return objects("Option [reset-offsets] takes the option: [execute] or [dry-run]");
        }
        _ => {}
    }
    let group = group(arguments, "Option [reset-offsets] takes the option: [group]")?;
    let topics = match (arguments.all("--topic"), arguments.has("--all-topics")) {
        (words, false) if words.is_empty() => {
            return objects("One of the reset scopes should be defined: [all-topics], [topic].");
        }
        (words, true) if !words.is_empty() => {
            return objects("Option \"[all-topics]\" can't be used with option \"[topic]\"");
        }
        (words, _) => words.into_iter().map(topic_partitions).collect::<Result<_, _>>()?,
    };
    let scenarios =
        ["--to-earliest", "--to-latest", "--to-datetime", "--to-offset", "--to-current"];
    let scenario = arguments.exactly_one(&scenarios)?;
    let word = arguments.one(scenario).expect("it was given");
    let to = match scenario {
        "--to-earliest" => ResetTo::Earliest,
        "--to-latest" => ResetTo::Latest,
        "--to-offset" => ResetTo::Offset(integer(word)?),
        "--to-current" => ResetTo::Current,
        _ => ResetTo::Time(datetime(word)?),
    };
    let (name, execute) = (group.clone(), arguments.has("--execute"));
    let ask = Ask::ResetOffsets { group, topics, to, execute, share: true };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Reset(offsets))) => Ok(moved(&name, &offsets)),
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error)),
    }))
}

fn moved(group: &str, offsets: &[NewOffset]) -> Vec<String> {
    if offsets.is_empty() {
        return vec![String::new()];
    }
    let mut rows = vec![row(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"])];
    rows.extend(offsets.iter().map(|NewOffset { partition, offset, .. }| {
        let (number, offset) = (partition.partition.to_string(), offset.to_string());
        row(&[group, &partition.topic, &number, &offset])
    }));
    table(&[15, 15, 10, 0], &rows)
}

pub(super) fn delete(arguments: &Arguments) -> Result<Job, Refusal> {
    let neither = "Option [delete] takes the options [group] or [all-groups]";
    let both = "Option [delete] takes either [group] or [all-groups], not both.";
    let names = groups(arguments, neither, both)?;
    if arguments.has("--topic") {
        return objects("Option [delete] does not take the option: [topic]");
    }
    let of = Box::new(Ask::DeleteGroup { group: String::new(), share: true });
    let ask = Ask::Each { names, of };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Each(outcomes))) => deleted(&outcomes),
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error)),
    }))
}

fn deleted(outcomes: &[(String, Result<Answer, ApiError>)]) -> Printed {
    let gone = outcomes.iter().filter(|(_, outcome)| outcome.is_ok());
    let gone: Vec<String> = gone.map(|(group, _)| format!("'{group}'")).collect();
    let gone = gone.join(", ");
    let failed = outcomes.iter().filter_map(|(group, outcome)| {
        let mut error = outcome.as_ref().err()?.clone();
        // The tool has looked for it in the list of share groups.
        if error.name == "GROUP_ID_NOT_FOUND" {
            error.sentence = format!("Group '{group}' is not a share group.");
        }
        let cause = exception(&error);
        Some(format!("* Group '{group}' could not be deleted due to: {cause}"))
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        return Ok(vec![format!("Deletion of requested share groups ({gone}) was successful.")]);
    }
    let mut lines = vec!["\nError: Deletion of some share groups failed:".to_owned()];
    lines.extend(failed);
    if !gone.is_empty() {
        lines.push(format!("\nThese share groups were deleted successfully: {gone}"));
    }
    Err(lines.join("\n"))
}

pub(super) fn delete_offsets(arguments: &Arguments) -> Result<Job, Refusal> {
    let missing = "Option [delete-offsets] takes the following options: [group], [topic]";
    let group = group(arguments, missing)?;
    let topics: Vec<String> =
        arguments.all("--topic").into_iter().map(|word| word.text.clone()).collect();
    if topics.is_empty() {
        return objects(missing);
    }
    let asked = topics.iter().map(|topic| (topic.clone(), Vec::new())).collect();
    let ask = Ask::DeleteOffsets { group: group.clone(), topics: asked, share: true };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::DeletedOffsets(outcomes))) => {
            let of = |topic: &String| {
                let found =
                    outcomes.iter().find(|(tp, result)| *tp.topic == **topic && result.is_err());
                found.and_then(|(_, result)| result.as_ref().err().map(|e| e.sentence.clone()))
            };
            let lines = forgotten(&topics, &of);
            match topics.iter().any(|topic| of(topic).is_some()) {
                true => Err(lines.join("\n")),
                false => Ok(lines),
            }
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => {
            let mut sentence = error.sentence;
            if error.name == "GROUP_ID_NOT_FOUND" {
                sentence = format!("Group {group} not found.");
            }
            let lines = forgotten(&topics, &|_| Some(sentence.clone()));
            Err(format!("\nError: {sentence}\n{}", lines.join("\n")))
        }
        Err(error) => Err(failure(error)),
    }))
}

/// A row of each topic: forgotten, or why not.
fn forgotten(topics: &[String], error: &dyn Fn(&String) -> Option<String>) -> Vec<String> {
    let mut rows = vec![row(&["TOPIC", "STATUS"])];
    rows.extend(topics.iter().map(|topic| {
        let status =
            error(topic).map_or("Successful".to_owned(), |error| format!("Error: {error}"));
        row(&[topic, &status])
    }));
    table(&[15, 0], &rows)
}
