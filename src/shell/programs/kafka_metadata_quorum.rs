//! `kafka-metadata-quorum`: the controllers' quorum, and how far each copy of the metadata log has
//! come. Output is that of the tool of Kafka 4.1 (`MetadataQuorumCommand`).
//!
//! Cluster id and directory ids are stand-ins; those of a quorum whose voters are fixed are zeros
//! in the real output too.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Plain, Program};
use crate::kafka::command::{Answer, Ask};
use crate::kafka::message::response::{QuorumInfo, QuorumReplica};
use crate::kafka::now_ms;
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Opt, once};
use crate::shell::values::one_of;

static OPTIONS: [Opt; 5] = [
    once(&["--status"], "", "a short summary"),
    once(&["--replication"], "", "each copy of the log: voters, then brokers"),
    once(&["--human-readable"], "", "times as so many ms ago (with --replication)"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

/// The id that the quick start of the documentation formats its storage with.
const CLUSTER_ID: &str = "MkU3OEVBNTcwNTJENDM2Qg";
const DIRECTORY_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

pub static PROGRAM: Program = Program {
    name: "kafka-metadata-quorum",
    summary: "who of the controllers leads, and how far each is",
    usage: &["kafka-metadata-quorum describe --status|--replication [--human-readable]"],
    options: &[("", &OPTIONS)],
    notes: &["Voters are the controllers, observers the brokers, which fetch the same log."],
    plain: &[Plain::Words(&["describe"])],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-metadata-quorum", &OPTIONS)?;
    let command = arguments.word(0, "describe")?;
    if matches!(&*command.text, "add-controller" | "remove-controller") {
        return Err(Refusal::NotHereYet(format!("kafka-metadata-quorum {}", command.text)));
    }
    one_of(command, &["describe"])?;
    arguments.at_most(1)?;
    let status = arguments.exactly_one(&["--status", "--replication"])? == "--status";
    let human = arguments.has("--human-readable");
    if let (true, true, Some(word)) = (status, human, arguments.one("--human-readable")) {
        return Err(Mistake::at(word.place, &word.text, "--replication with it").into());
    }
    Ok(Job::of(Command::Kafka(Ask::DescribeQuorum), move |result| match result {
        Ok(Outcome::Kafka(Answer::Quorum(info))) if status => Ok(summary(&info)),
        Ok(Outcome::Kafka(Answer::Quorum(info))) => Ok(table(&info, human)),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    }))
}

fn leader(info: &QuorumInfo) -> Option<&QuorumReplica> {
    info.voters.iter().find(|voter| voter.id == info.leader)
}

fn summary(info: &QuorumInfo) -> Vec<String> {
    let leader_end = leader(info).map_or(0, |leader| leader.log_end);
    let slowest = info.voters.iter().min_by_key(|voter| voter.log_end);
    let ms = |replica: Option<&QuorumReplica>| Some(now_ms(replica?.caught_up_at?));
    let lag_ms = match (ms(leader(info)), ms(slowest)) {
        _ if slowest.is_some_and(|slowest| slowest.id == info.leader) => 0,
        (Some(leader), Some(slowest)) => leader - slowest,
        _ => -1,
    };
    let voters = info.voters.iter().map(|voter| {
        let number = voter.id % 1_000;
        let (id, host) = (voter.id, format!("controller-{number}"));
        match info.voters.len() {
            // A broker that is its own controller.
            1 if id < 1_000 => format!("{{\"id\": {id}}}"),
            _ => format!("{{\"id\": {id}, \"endpoints\": [\"CONTROLLER://{host}:9093\"]}}"),
        }
    });
    let voters: Vec<String> = voters.collect();
    let observers: Vec<String> =
        info.observers.iter().map(|observer| format!("{{\"id\": {}}}", observer.id)).collect();
    let behind = leader_end - slowest.map_or(leader_end, |slowest| slowest.log_end);
    vec![
        format!("ClusterId:              {CLUSTER_ID}"),
        format!("LeaderId:               {}", info.leader),
        format!("LeaderEpoch:            {}", info.leader_epoch),
        format!("HighWatermark:          {}", info.high_watermark),
        format!("MaxFollowerLag:         {behind}"),
        format!("MaxFollowerLagTimeMs:   {lag_ms}"),
        format!("CurrentVoters:          [{}]", voters.join(", ")),
        format!("CurrentObservers:       [{}]", observers.join(", ")),
    ]
}

fn table(info: &QuorumInfo, human: bool) -> Vec<String> {
    let heads = [
        "NodeId",
        "DirectoryId",
        "LogEndOffset",
        "Lag",
        "LastFetchTimestamp",
        "LastCaughtUpTimestamp",
        "Status",
    ];
    let mut rows = vec![heads.map(str::to_owned)];
    let Some(first) = leader(info) else { return Vec::new() };
    let now = first.fetched_at.map_or(0, now_ms);
    let time = |at: Option<crate::sim::Time>| match at.map(now_ms) {
        None => "-1".to_owned(),
        Some(at) if human => format!("{} ms ago", now - at),
        Some(at) => at.to_string(),
    };
    let mut add = |replica: &QuorumReplica, status: &str| {
        rows.push([
            replica.id.to_string(),
            DIRECTORY_ID.to_owned(),
            replica.log_end.to_string(),
            (first.log_end - replica.log_end).to_string(),
            time(replica.fetched_at),
            time(replica.caught_up_at),
            status.to_owned(),
        ]);
    };
    add(first, "Leader");
    info.voters.iter().filter(|it| it.id != first.id).for_each(|it| add(it, "Follower"));
    info.observers.iter().for_each(|observer| add(observer, "Observer"));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths);
        cells.map(|(cell, width)| format!("{cell:width$}\t")).collect::<String>()
    };
    rows.iter().map(line).collect()
}
