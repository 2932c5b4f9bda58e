//! `net`: faults of the network.

use super::{Call, Plain, Program};
use crate::kafka::message::kinds as kafka;
use crate::lab::Command;
use crate::lab::command::NetAct;
use crate::rabbit::kinds as rabbit;
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, once};
use crate::shell::values::{list, number, one_of, span};

static SLOW: [Opt; 1] = [once(&["--latency"], "DURATION", "one way")];

static DROP: [Opt; 2] = [
    once(&["--kind"], "KIND", "only messages of this kind: Fetch, Produce, basic.publish..."),
    once(&["--count"], "N", "only so many"),
];

const ACTS: [&str; 5] = ["isolate", "partition", "slow", "drop", "heal"];

pub static PROGRAM: Program = Program {
    name: "net",
    summary: "faults of the network: isolate, partition, slow, drop, heal",
    usage: &[
        "net isolate NAME",
        "net partition A,B C",
        "net slow A [B] --latency DURATION",
        "net drop A B [--kind KIND] [--count N]",
        "net heal",
    ],
    options: &[("slow", &SLOW), ("drop", &DROP)],
    notes: &["Names are those of nodes and clients."],
    plain: &[Plain::Words(&ACTS), Plain::NodeOrClient, Plain::NodeOrClient],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let Some(act) = call.words.first() else {
        return Err(call.sort("net", &[])?.missing("isolate, partition, slow, drop or heal"));
    };
    let act = match one_of(act, &ACTS)? {
        "isolate" => {
            let arguments = call.sort_from(1, "net isolate", &[])?;
            arguments.at_most(1)?;
            NetAct::Isolate(arguments.word(0, "a name")?.text.clone())
        }
        "partition" => {
            let arguments = call.sort_from(1, "net partition", &[])?;
            arguments.at_most(2)?;
            let left = list(arguments.word(0, "names such as kafka-1,kafka-2")?)?;
            NetAct::Partition(left, list(arguments.word(1, "names on the other side")?)?)
        }
        "slow" => {
            let arguments = call.sort_from(1, "net slow", &SLOW)?;
            arguments.at_most(2)?;
            NetAct::Slow {
                a: arguments.word(0, "a name")?.text.clone(),
                b: arguments.plain.get(1).map(|word| word.text.clone()),
                latency: span(arguments.required("--latency", "DURATION")?)?,
            }
        }
        "drop" => {
            let arguments = call.sort_from(1, "net drop", &DROP)?;
            arguments.at_most(2)?;
            let count = arguments.maybe("--count", |word| number(word, 1..=1_000_000))?;
            NetAct::Drop {
                a: arguments.word(0, "two names")?.text.clone(),
                b: arguments.word(1, "a second name")?.text.clone(),
                kind: arguments.maybe("--kind", kind)?,
                count: count.map(|count| count as u32),
            }
        }
        _ => {
            call.sort_from(1, "net heal", &[])?.at_most(0)?;
            NetAct::Heal
        }
    };
    Ok(Job::quiet(Command::Net(act)))
}

/// A kind of message of either side.
fn kind(word: &Word) -> Result<String, Refusal> {
    let mut known = kafka::KINDS.split(' ').chain(rabbit::KINDS.split(' '));
    match known.clone().any(|kind| kind == word.text) {
        true => Ok(word.text.clone()),
        false => {
            let expected = "a kind of message, such as Fetch, ProduceResponse or basic.publish";
            Err(Mistake::at(word.place, &word.text, expected).near(&mut known).into())
        }
    }
}
