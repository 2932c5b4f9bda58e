//! `client`: what becomes of a producer or consumer.

use super::{Call, Plain, Program};
use crate::kafka::command::CrashPoint;
use crate::kafka::event::TopicPartition;
use crate::lab::Command;
use crate::lab::command::{ClientAct, ProcessAct};
use crate::shell::error::Refusal;
use crate::shell::job::Job;
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, once};
use crate::shell::values::{one_of, setting, wrong};

static OPTIONS: [Opt; 1] = [once(
    &["--at"],
    "fetched|processed|effect|written|committed",
    "crash when it next gets there, exactly",
)];

const POINTS: [CrashPoint; 5] = [
    CrashPoint::Fetched,
    CrashPoint::Processed,
    CrashPoint::Effect,
    CrashPoint::Written,
    CrashPoint::Committed,
];

const ACTS: [&str; 10] = [
    "stop",
    "crash",
    "start",
    "pause",
    "resume",
    "set",
    "seek",
    "commit",
    "commit-transaction",
    "abort-transaction",
];

pub static PROGRAM: Program = Program {
    name: "client",
    summary: "a client's life: stop, crash, start, pause, resume, set, seek, commit",
    usage: &[
        "client NAME stop|crash|start|pause|resume",
        "client NAME crash --at fetched|processed|effect|written|committed",
        "client NAME set NAME=VALUE",
        "client NAME seek|commit TOPIC:PARTITION:OFFSET",
        "client NAME commit-transaction|abort-transaction",
    ],
    options: &[("", &OPTIONS)],
    notes: &["stop leaves politely; crash says nothing."],
    plain: &[Plain::Client, Plain::Words(&ACTS)],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("client", &OPTIONS)?;
    let name = arguments.word(0, "the client's name")?.text.clone();
    let act = one_of(
        arguments.word(1, "stop, crash, start, pause, resume, set, seek or commit")?,
        &ACTS,
    )?;
    let takes_value = matches!(act, "set" | "seek" | "commit");
    arguments.at_most(2 + usize::from(takes_value))?;
    let point = arguments.one("--at");
    if let Some(word) = point.filter(|_| act != "crash") {
        return Err(wrong(word, "crash --at: nothing else waits for an instant"));
    }
    let act = match act {
        "crash" if point.is_some() => {
            ClientAct::CrashAt(arguments.value("--at", CrashPoint::Fetched, crash_point)?)
        }
        "stop" => ClientAct::Process(ProcessAct::Stop),
        "crash" => ClientAct::Process(ProcessAct::Crash),
        "start" => ClientAct::Process(ProcessAct::Start),
        "pause" => ClientAct::Process(ProcessAct::Pause),
        "resume" => ClientAct::Process(ProcessAct::Resume),
        "commit-transaction" => ClientAct::EndTransaction(true),
        "abort-transaction" => ClientAct::EndTransaction(false),
        "set" => {
            let (name, value) = setting(arguments.word(2, "NAME=VALUE")?)?;
            ClientAct::Set { name, value }
        }
        seek_or_commit => {
            let (partition, offset) = position(arguments.word(2, "TOPIC:PARTITION:OFFSET")?)?;
            match seek_or_commit {
                "seek" => ClientAct::Seek(partition, offset),
                _ => ClientAct::Commit(partition, offset),
            }
        }
    };
    Ok(Job::quiet(Command::Client { name, act }))
}

fn crash_point(word: &Word) -> Result<CrashPoint, Refusal> {
    let name = one_of(word, &POINTS.map(CrashPoint::name))?;
    Ok(POINTS.into_iter().find(|point| point.name() == name).unwrap_or(CrashPoint::Fetched))
}

/// `t:0:5`.
fn position(word: &Word) -> Result<(TopicPartition, i64), Refusal> {
    let mut parts = word.text.rsplitn(3, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (offset, partition, topic) = (next(), next(), next());
    match (topic, partition.parse::<i32>(), offset.parse::<i64>()) {
        ("", ..) => Err(wrong(word, "TOPIC:PARTITION:OFFSET, such as t:0:5")),
        (topic, Ok(partition), Ok(offset)) if partition >= 0 && offset >= 0 => {
            Ok((TopicPartition::new(topic, partition), offset))
        }
        _ => Err(wrong(word, "TOPIC:PARTITION:OFFSET, such as t:0:5")),
    }
}
