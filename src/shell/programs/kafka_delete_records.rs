//! `kafka-delete-records`: forget records before an offset. Output is that of the tool of Kafka 4.1
//! (`DeleteRecordsCommand`).

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask};
use crate::kafka::event::TopicPartition;
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Opt, once};
use crate::shell::values::wrong;
use serde_json::Value;

static OPTIONS: [Opt; 3] = [
    once(&["--offset-json-file"], "-", "partitions and offsets as JSON, on standard input"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-delete-records",
    summary: "forget records before an offset",
    usage: &["kafka-delete-records --offset-json-file - <<< JSON"],
    options: &[("", &OPTIONS)],
    notes: &[
        "JSON: {\"partitions\": [{\"topic\": \"t\", \"partition\": 0, \"offset\": 3}]}; -1 is the \
         high watermark.",
    ],
    plain: &[],
    reads_stdin: true,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-delete-records", &OPTIONS)?;
    arguments.at_most(0)?;
    let file = arguments.required("--offset-json-file", "-")?;
    if file.text != "-" {
        return Err(wrong(file, "-: the lab has no files, give JSON on standard input"));
    }
    let Some(stdin) = call.stdin else {
        return Err(arguments.missing("standard input: <<< '{\"partitions\": [...]}'"));
    };
    let json: Value = serde_json::from_str(stdin)
        .map_err(|_| Refusal::Tool("The input string is not a valid JSON".to_owned()))?;
    if let Some(version) = json.get("version").filter(|version| **version != 1) {
        return Err(Refusal::Tool(format!("Not supported version field value {version}")));
    }
    let listed = json.get("partitions");
    let listed = listed.ok_or_else(|| Refusal::Tool("Missing partitions field".to_owned()))?;
    let partitions = partitions(listed).ok_or_else(|| {
        wrong(file, "{\"partitions\": [{\"topic\": \"t\", \"partition\": 0, \"offset\": 3}]}")
    })?;
    let repeated = partitions.iter().enumerate().filter(|(at, (partition, _))| {
        let first = partitions.iter().position(|(of, _)| of == partition) == Some(*at);
        first && partitions[at + 1..].iter().any(|(of, _)| of == partition)
    });
    let repeated: Vec<String> = repeated.map(|(_, (of, _))| of.to_string()).collect();
    if !repeated.is_empty() {
        let repeated = repeated.join(",");
        return Err(Refusal::Tool(format!(
            "Offset json file contains duplicate topic partitions: {repeated}"
        )));
    }
    let ask = Ask::DeleteRecords { partitions };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::LowWatermarks(results))) => {
            let mut lines = vec![
                "Executing records delete operation".to_owned(),
                "Records delete operation completed:".to_owned(),
            ];
            lines.extend(results.iter().map(|(partition, result)| match result {
                Ok(offset) => format!("partition: {partition}\tlow_watermark: {offset}"),
                Err(error) => format!("partition: {partition}\terror: {}", exception(error)),
            }));
            Ok(lines)
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    }))
}

fn partitions(listed: &Value) -> Option<Vec<(TopicPartition, i64)>> {
    let entries = listed.as_array()?.iter().map(|entry| {
        let topic = entry.get("topic")?.as_str()?;
        let partition = i32::try_from(entry.get("partition")?.as_i64()?).ok()?;
        Some((TopicPartition::new(topic, partition), entry.get("offset")?.as_i64()?))
    });
    entries.collect()
}
