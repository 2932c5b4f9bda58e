//! `node`: what becomes of a server.

use super::{Call, Plain, Program};
use crate::lab::Command;
use crate::lab::command::ProcessAct;
use crate::shell::error::Refusal;
use crate::shell::job::Job;
use crate::shell::values::one_of;

const ACTS: [&str; 7] = ["stop", "crash", "power-cut", "start", "pause", "resume", "add"];

pub static PROGRAM: Program = Program {
    name: "node",
    summary: "a server's life: stop, crash, power-cut, start, pause, resume, add",
    usage: &["node NAME stop|crash|power-cut|start|pause|resume", "node kafka-4|rabbit-4 add"],
    options: &[("", &[])],
    notes: &["A crash keeps what was written; a power cut keeps what was flushed."],
    plain: &[Plain::Node, Plain::Words(&ACTS)],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("node", &[])?;
    let name = arguments.word(0, "the node's name, such as kafka-1")?.text.clone();
    let act =
        one_of(arguments.word(1, "stop, crash, power-cut, start, pause, resume or add")?, &ACTS)?;
    arguments.at_most(2)?;
    let act = match act {
        "stop" => ProcessAct::Stop,
        "crash" => ProcessAct::Crash,
        "power-cut" => ProcessAct::PowerCut,
        "start" => ProcessAct::Start,
        "pause" => ProcessAct::Pause,
        "resume" => ProcessAct::Resume,
        _ => return Ok(Job::quiet(Command::AddNode(name))),
    };
    Ok(Job::quiet(Command::Node { name, act }))
}
