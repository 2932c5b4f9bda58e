//! What `rabbitmqctl` changes: policies, limits, the application.

use super::super::rabbitmq_queues::asking;
use super::{at_node, failure, named_node, node_number};
use crate::lab::command::ProcessAct;
use crate::lab::{Command, LabError, Outcome};
use crate::rabbit::alarms::Watermark;
use crate::rabbit::broker::blocking::size_bytes;
use crate::rabbit::command::{Answer, Ask};
use crate::rabbit::policy::{ApplyTo, Policy};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::Arguments;
use crate::shell::values::{self, integer, one_of, wrong};

/// Says what it does, asks the node, and says no more.
fn doing(arguments: &Arguments, banner: String, ask: Ask) -> Result<Job, Refusal> {
    let lines = match arguments.has("--quiet") || arguments.has("--silent") {
        true => Vec::new(),
        false => vec![banner],
    };
    let node = named_node(arguments)?;
    let command = arguments.word(0, "a command")?.text.clone();
    let ask = at_node(arguments, ask)?;
    Ok(Job::of(Command::Rabbit(ask), move |result| match result {
        Ok(Outcome::Rabbit(_)) => Ok(lines.clone()),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Rabbit(error)) => Err(failure(&error, &node, &command)),
        Err(other) => Err(other.to_string()),
    }))
}

pub(super) fn set_policy(arguments: &Arguments, operator: bool) -> Result<Job, Refusal> {
    let name = arguments.word(1, "the policy's name")?.text.clone();
    let pattern = arguments.word(2, "a pattern such as '^q'")?.text.clone();
    let definition = arguments.word(3, "a definition such as '{\"max-length\": 10}'")?;
    arguments.at_most(4)?;
    let priority = arguments.value("--priority", 0, integer)?;
    let apply_to = arguments.value("--apply-to", ApplyTo::All, |word| {
        let names = ["all", "queues", "classic_queues", "quorum_queues", "streams", "exchanges"];
        Ok(ApplyTo::named(one_of(word, &names)?).unwrap_or_default())
    })?;
    let what = if operator { "operator policy override" } else { "policy" };
    let banner = format!(
        "Setting {what} \"{name}\" for pattern \"{pattern}\" to \"{}\" with priority \"{priority}\" \
         for vhost \"/\" ...",
        definition.text
    );
    let definition = values::arguments(definition)?;
    let policy = Policy { name, pattern, apply_to, priority, definition };
    doing(arguments, banner, Ask::SetPolicy { policy, operator })
}

pub(super) fn clear_policy(arguments: &Arguments, operator: bool) -> Result<Job, Refusal> {
    let name = arguments.word(1, "the policy's name")?.text.clone();
    arguments.at_most(2)?;
    let what = if operator { "operator policy" } else { "policy" };
    let banner = format!("Clearing {what} \"{name}\" on vhost \"/\" ...");
    doing(arguments, banner, Ask::ClearPolicy { name, operator })
}

pub(super) fn set_memory(arguments: &Arguments) -> Result<Job, Refusal> {
    let first = arguments.word(1, "a fraction of memory such as 0.6, or absolute")?;
    let (watermark, said) = if first.text == "absolute" {
        let size = arguments.word(2, "bytes such as 200MB")?;
        arguments.at_most(3)?;
        let bytes = size_bytes(&size.text)
            .ok_or_else(|| wrong(size, "bytes such as 200000000, 200MB or 1GiB"))?;
        (Watermark::Absolute(bytes), format!("{} bytes", size.text))
    } else {
        arguments.at_most(2)?;
        let share = Watermark::relative(&first.text)
            .ok_or_else(|| wrong(first, "a fraction between 0.0 and 1.0, or absolute"))?;
        (share, first.text.clone())
    };
    let node = named_node(arguments)?;
    let banner = format!("Setting memory threshold on {node} to {said} ...");
    doing(arguments, banner, Ask::SetMemoryWatermark(watermark))
}

pub(super) fn set_disk(arguments: &Arguments) -> Result<Job, Refusal> {
    let size = arguments.word(1, "bytes such as 50MB")?;
    arguments.at_most(2)?;
    let bytes = size_bytes(&size.text)
        .ok_or_else(|| wrong(size, "bytes such as 50000000, 50MB or 1GiB"))?;
    let node = named_node(arguments)?;
    let banner = format!("Setting disk free limit on {node} to {} bytes ...", size.text);
    doing(arguments, banner, Ask::SetDiskFreeLimit(bytes))
}

/// Simplified: the runtime goes with the application, so that nothing but `start_app` and `node`
/// reaches a node whose application is stopped.
pub(super) fn application(arguments: &Arguments) -> Result<Job, Refusal> {
    let stops = arguments.word(0, "a command")?.text == "stop_app";
    arguments.at_most(1)?;
    let name = format!("rabbit-{}", node_number(arguments)?.unwrap_or(1));
    let (act, banner) = match stops {
        true => {
            (ProcessAct::Stop, format!("Stopping rabbit application on node rabbit@{name} ..."))
        }
        false => (ProcessAct::Start, format!("Starting node rabbit@{name} ...")),
    };
    let quiet = arguments.has("--quiet") || arguments.has("--silent");
    let lines = if quiet { Vec::new() } else { vec![banner] };
    let command = Command::Node { name, act };
    Ok(Job::printed(command, move |_| lines.clone()))
}

pub(super) fn purge_queue(arguments: &Arguments) -> Result<Job, Refusal> {
    let queue = arguments.word(1, "a queue")?.text.clone();
    arguments.at_most(2)?;
    let banner = format!("Purging queue '{queue}' in vhost '/' ...");
    asking(arguments, banner, (queue.clone(), String::new()), Ask::Purge { queue }, |_| {
        Ok(Vec::new())
    })
}

/// Up to 3.13: mirrors of a queue are sent what they lack.
pub(super) fn synchronise(arguments: &Arguments) -> Result<Job, Refusal> {
    let begins = arguments.word(0, "a command")?.text == "sync_queue";
    let queue = arguments.word(1, "a queue")?.text.clone();
    arguments.at_most(2)?;
    let what = if begins { "Synchronising" } else { "Stopping synchronising" };
    let banner = format!("{what} queue '{queue}' in vhost '/' ...");
    doing(arguments, banner, Ask::Synchronise { queue, begins })
}

pub(super) fn delete_queue(arguments: &Arguments) -> Result<Job, Refusal> {
    let queue = arguments.word(1, "a queue")?.text.clone();
    arguments.at_most(2)?;
    let (if_empty, if_unused) = (arguments.has("--if-empty"), arguments.has("--if-unused"));
    let when = match (if_empty, if_unused) {
        (true, true) => "if queue is empty and if queue is unused ",
        (true, false) => "if queue is empty ",
        (false, true) => "if queue is unused ",
        (false, false) => "",
    };
    let banner = format!("Deleting queue '{queue}' on vhost '/' {when}...");
    let ask = Ask::DeleteQueueIf { queue: queue.clone(), if_unused, if_empty };
    asking(arguments, banner, (queue, String::new()), ask, |answer| match answer {
        Answer::Count(ready) => {
            Ok(vec![format!("Queue was successfully deleted with {ready} ready messages")])
        }
        _ => Ok(Vec::new()),
    })
}
