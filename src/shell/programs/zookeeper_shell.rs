//! `zookeeper-shell`: what ZooKeeper holds. Output is that of the shell of ZooKeeper 3.8
//! (`org.apache.zookeeper.cli`), one command a call: `zookeeper-shell HOST:PORT COMMAND`.

use super::{Call, Plain, Program};
use crate::kafka::command::{Answer, Ask};
use crate::kafka::zookeeper::{Op, Reply, Stat, ZkError, tree};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Opt, once};
use crate::shell::values::one_of;
use bytes::Bytes;
use std::rc::Rc;

static OPTIONS: [Opt; 3] = [
    once(&["-s"], "", "the stat too (ls, get, set); a number is added to the name (create)"),
    once(&["-R"], "", "all that lies below too, as paths (ls)"),
    once(&["-e"], "", "it goes with the session (create)"),
];

pub static PROGRAM: Program = Program {
    name: "zookeeper-shell",
    summary: "what ZooKeeper holds (with lab new --coordinator zookeeper)",
    usage: &[
        "zookeeper-shell [HOST:PORT] ls [-s] [-R] PATH",
        "zookeeper-shell [HOST:PORT] get [-s] PATH",
        "zookeeper-shell [HOST:PORT] stat PATH",
        "zookeeper-shell [HOST:PORT] create [-s] [-e] PATH [DATA]",
        "zookeeper-shell [HOST:PORT] set [-s] PATH DATA",
        "zookeeper-shell [HOST:PORT] delete PATH",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "delete /controller lets the brokers elect another controller.",
        "create /admin/reassign_partitions JSON begins a reassignment, as before KIP-455.",
        "What create -e makes goes when the shell ends, as its session does.",
    ],
    plain: &[Plain::Words(&COMMANDS)],
    reads_stdin: false,
    parse,
};

const COMMANDS: [&str; 6] = ["ls", "get", "stat", "create", "set", "delete"];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("zookeeper-shell", &OPTIONS)?;
    let first = arguments.word(0, "a command")?;
    let is_host = first.text.contains(':') || &*first.text == "localhost";
    let at = usize::from(is_host);
    let command = one_of(arguments.word(at, "a command")?, &COMMANDS)?;
    let path = arguments.word(at + 1, "a path")?.text.to_string();
    if let Err(sentence) = tree::check_path(&path) {
        return Ok(Job::of(
            Command::Kafka(Ask::ZooKeeper { servers: 0, op: Op::Ping }),
            move |_| Err(sentence.clone()),
        ));
    }
    let with_stat = arguments.has("-s");
    let shared: Rc<str> = path.as_str().into();
    let data = |index: usize| -> Result<Bytes, Refusal> {
        Ok(Bytes::copy_from_slice(arguments.word(index, "data")?.text.as_bytes()))
    };
    let most = if matches!(command, "create" | "set") { at + 3 } else { at + 2 };
    arguments.at_most(most)?;
    let watch = false;
    let op = match command {
        "ls" if arguments.has("-R") => Op::GetTree { path: shared },
        "ls" => Op::GetChildren { path: shared, watch },
        "get" => Op::GetData { path: shared, watch },
        "stat" => Op::Exists { path: shared, watch },
        "delete" => Op::Delete { path: shared, version: -1 },
        "set" => Op::SetData { path: shared, data: data(at + 2)?, version: -1 },
        _ => Op::Create {
            path: shared,
            data: data(at + 2).unwrap_or_default(),
            ephemeral: arguments.has("-e"),
            sequential: with_stat,
        },
    };
    let is_tree = matches!(op, Op::GetTree { .. });
    let is_quiet = command == "set" && !with_stat;
    let asked = Command::Kafka(Ask::ZooKeeper { servers: 0, op });
    Ok(Job::of(asked, move |result| match result {
        Ok(Outcome::Kafka(Answer::ZooKeeper(Ok(reply)))) => {
            let mut lines = greeting();
            match reply {
                Reply::Children(paths, _) if is_tree => {
                    lines.extend(paths.iter().map(|path| path.to_string()));
                }
                Reply::Children(names, stat) => {
                    let names = format!("[{}]", names.join(", "));
                    lines.extend(behind(names, with_stat.then_some(&stat)));
                }
                Reply::Data(data, stat) => {
                    lines.push(match data.is_empty() {
                        true => "null".to_owned(),
                        false => String::from_utf8_lossy(&data).into_owned(),
                    });
                    lines.extend(stat_lines(&stat).into_iter().filter(|_| with_stat));
                }
                Reply::Stat(stat) if !is_quiet => lines.extend(stat_lines(&stat)),
                Reply::Created(path) => lines.push(format!("Created {path}")),
                _ => {}
            }
            Ok(lines)
        }
        Ok(Outcome::Kafka(Answer::ZooKeeper(Err(error)))) => Err(sentence(error, &path)),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(error.to_string()),
        Err(other) => Err(other.to_string()),
    }))
}

/// What the shell says when it is connected.
fn greeting() -> Vec<String> {
    let lines = [
        "Connecting to localhost:2181",
        "",
        "WATCHER::",
        "",
        "WatchedEvent state:SyncConnected type:None path:null",
    ];
    lines.map(str::to_owned).to_vec()
}

/// The stat follows without a new line, as in the real shell.
fn behind(text: String, stat: Option<&Stat>) -> Vec<String> {
    let mut lines = stat.map_or_else(|| vec![String::new()], stat_lines);
    lines[0] = format!("{text}{}", lines[0]);
    lines
}

/// `StatPrinter`.
fn stat_lines(stat: &Stat) -> Vec<String> {
    vec![
        format!("cZxid = {:#x}", stat.czxid),
        format!("ctime = {}", date(stat.ctime_ms)),
        format!("mZxid = {:#x}", stat.mzxid),
        format!("mtime = {}", date(stat.mtime_ms)),
        format!("pZxid = {:#x}", stat.pzxid),
        format!("cversion = {}", stat.cversion),
        format!("dataVersion = {}", stat.version),
        "aclVersion = 0".to_owned(),
        format!("ephemeralOwner = {:#x}", stat.ephemeral_owner),
        format!("dataLength = {}", stat.data_length),
        format!("numChildren = {}", stat.num_children),
    ]
}

/// An instant as Java's `Date` prints it; the lab begins at 1970-01-01T00:00:00.
fn date(ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, i64); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let (days, second) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000) / 1_000);
    let weekday = DAYS[days.rem_euclid(7) as usize];
    let (mut year, mut day) = (1970, days);
    let is_leap = |year: i64| year % 4 == 0 && year % 100 != 0 || year % 400 == 0;
    while day >= 365 + i64::from(is_leap(year)) {
        day -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let mut name = "";
    for (month, length) in MONTHS {
        let length = length + i64::from(month == "Feb" && is_leap(year));
        name = month;
        if day < length {
            break;
        }
        day -= length;
    }
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday} {name} {:02} {hour:02}:{minute:02}:{second:02} UTC {year}", day + 1)
}

/// What the shell says of an error (`CliWrapperException`).
fn sentence(error: ZkError, path: &str) -> String {
    match error {
        ZkError::NoNode => format!("Node does not exist: {path}"),
        ZkError::NodeExists => format!("Node already exists: {path}"),
        ZkError::NotEmpty => format!("Node not empty: {path}"),
        ZkError::BadVersion => format!("version No is not valid : {path}"),
        ZkError::NoChildrenForEphemerals => format!("Ephemerals cannot have children: {path}"),
        other => format!("KeeperErrorCode = {other} for {path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_printed_as_java_prints_them() {
        assert_eq!(date(6_500), "Thu Jan 01 00:00:06 UTC 1970");
        // 1972-02-29 was a Tuesday: 365 + 365 + 31 + 28 days after the beginning.
        assert_eq!(date(789 * 86_400_000 + 3_661_000), "Tue Feb 29 01:01:01 UTC 1972");
        assert_eq!(date(790 * 86_400_000), "Wed Mar 01 00:00:00 UTC 1972");
    }
}
