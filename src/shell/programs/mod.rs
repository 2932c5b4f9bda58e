//! The programs, one file each: names, help, options, how words become a job, and the form of the
//! output. Where a real tool exists, its options and its output are those of the tool.

mod check;
mod client;
mod client_metrics;
mod consumer;
mod crash_all;
mod events;
mod help;
mod kafka_configs;
mod kafka_console_consumer;
mod kafka_console_producer;
mod kafka_consumer_groups;
mod kafka_consumer_perf_test;
mod kafka_delete_records;
mod kafka_dump_log;
mod kafka_get_offsets;
mod kafka_leader_election;
mod kafka_metadata_quorum;
mod kafka_producer_perf_test;
mod kafka_reassign_partitions;
mod kafka_share_groups;
mod kafka_streams;
mod kafka_tools;
mod kafka_topics;
mod lab;
mod ledger;
mod metrics;
mod net;
mod node;
mod passport;
mod power_cut;
mod producer;
mod rabbitmq_diagnostics;
mod rabbitmq_queues;
mod rabbitmq_streams;
mod rabbitmq_upgrade;
mod rabbitmqadmin;
mod rabbitmqctl;
mod run;
mod state;
mod step;
mod zookeeper_shell;

pub use events::event_row;
pub use help::{for_program, overview};
pub use lab::{line as lab_line, protections};

use super::error::{Mistake, Refusal};
use super::job::Job;
use super::lexer::{Line, Word};
use super::options::{Arguments, Opt};

/// A program.
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The forms of its command line.
    pub usage: &'static [&'static str],
    /// Its options; where they differ by subcommand, all of them by subcommand.
    pub options: &'static [(&'static str, &'static [Opt])],
    /// More that help says.
    pub notes: &'static [&'static str],
    /// What its words without options name, one after the other.
    pub plain: &'static [Plain],
    /// True if it reads standard input.
    pub reads_stdin: bool,
    /// Words to a job.
    pub parse: fn(&Call) -> Result<Job, Refusal>,
}

/// What a word names, for completion.
#[derive(Clone, Copy, Debug)]
pub enum Plain {
    /// One of these.
    Words(&'static [&'static str]),
    /// One of these, and so for all words that follow.
    Column(&'static [&'static str]),
    /// A program.
    Program,
    /// A topic.
    Topic,
    /// A consumer group.
    Group,
    /// A queue.
    Queue,
    /// An exchange.
    Exchange,
    /// A producer or consumer.
    Client,
    /// A server.
    Node,
    /// A server, producer or consumer.
    NodeOrClient,
    /// Anything.
    Free,
}

/// A program called with words.
pub struct Call<'a> {
    /// The word that is the program's name.
    pub program: &'a Word,
    /// The words behind it.
    pub words: &'a [Word],
    /// Its standard input.
    pub stdin: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// The words sorted by these options.
    pub fn sort(
        &self,
        program: &'static str,
        options: &'static [Opt],
    ) -> Result<Arguments<'a>, Refusal> {
        Arguments::sort(program, options, self.program, self.words)
    }

    /// The words from the one with this index on, sorted by these options.
    pub fn sort_from(
        &self,
        index: usize,
        program: &'static str,
        options: &'static [Opt],
    ) -> Result<Arguments<'a>, Refusal> {
        let words = self.words.get(index..).unwrap_or_default();
        Arguments::sort(program, options, self.last_before(index), words)
    }

    /// The word before the one with this index.
    fn last_before(&self, index: usize) -> &'a Word {
        let before = index.min(self.words.len()).checked_sub(1);
        before.map_or(self.program, |last| &self.words[last])
    }
}

/// All programs that are here, in the order of help, by their names: what else they are stands
/// apart, so that who looks for one of them needs to have none of the others.
static PROGRAMS: [(&str, fn() -> &'static Program); 39] = [
    ("lab", || &lab::PROGRAM),
    ("run", || &run::PROGRAM),
    ("step", || &step::PROGRAM),
    ("producer", || &producer::PROGRAM),
    ("consumer", || &consumer::PROGRAM),
    ("client", || &client::PROGRAM),
    ("node", || &node::PROGRAM),
    ("net", || &net::PROGRAM),
    ("crash-all", || &crash_all::PROGRAM),
    ("power-cut", || &power_cut::PROGRAM),
    ("ledger", || &ledger::PROGRAM),
    ("passport", || &passport::PROGRAM),
    ("metrics", || &metrics::PROGRAM),
    ("events", || &events::PROGRAM),
    ("check", || &check::PROGRAM),
    ("state", || &state::PROGRAM),
    ("help", || &help::PROGRAM),
    ("kafka-topics", || &kafka_topics::PROGRAM),
    ("kafka-console-producer", || &kafka_console_producer::PROGRAM),
    ("kafka-share-groups", || &kafka_share_groups::PROGRAM),
    ("kafka-streams", || &kafka_streams::PROGRAM),
    ("kafka-producer-perf-test", || &kafka_producer_perf_test::PROGRAM),
    ("kafka-consumer-perf-test", || &kafka_consumer_perf_test::PROGRAM),
    ("kafka-console-consumer", || &kafka_console_consumer::PROGRAM),
    ("kafka-consumer-groups", || &kafka_consumer_groups::PROGRAM),
    ("kafka-get-offsets", || &kafka_get_offsets::PROGRAM),
    ("kafka-configs", || &kafka_configs::PROGRAM),
    ("kafka-leader-election", || &kafka_leader_election::PROGRAM),
    ("kafka-reassign-partitions", || &kafka_reassign_partitions::PROGRAM),
    ("kafka-metadata-quorum", || &kafka_metadata_quorum::PROGRAM),
    ("kafka-delete-records", || &kafka_delete_records::PROGRAM),
    ("kafka-dump-log", || &kafka_dump_log::PROGRAM),
    ("zookeeper-shell", || &zookeeper_shell::PROGRAM),
    ("rabbitmqadmin", || &rabbitmqadmin::PROGRAM),
    ("rabbitmqctl", || &rabbitmqctl::PROGRAM),
    ("rabbitmq-queues", || &rabbitmq_queues::PROGRAM),
    ("rabbitmq-streams", || &rabbitmq_streams::PROGRAM),
    ("rabbitmq-upgrade", || &rabbitmq_upgrade::PROGRAM),
    ("rabbitmq-diagnostics", || &rabbitmq_diagnostics::PROGRAM),
];

/// All programs that are here, in the order of help.
pub fn all() -> impl Iterator<Item = &'static Program> {
    PROGRAMS.iter().map(|(_, program)| program())
}

/// Their names.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    PROGRAMS.iter().map(|(name, _)| *name)
}

/// Programs of the language that are not built yet.
pub static LATER: [&str; 3] = ["kafka-streams-groups", "kafka-groups", "kafka-transactions"];

/// The bare name of a program: `bin/kafka-topics.sh` is `kafka-topics`.
pub fn bare_name(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or(word);
    name.strip_suffix(".sh").unwrap_or(name)
}

/// The program of this name, with or without `.sh`.
pub fn find(word: &str) -> Option<&'static Program> {
    let name = bare_name(word);
    PROGRAMS.iter().find(|(known, _)| *known == name).map(|(_, program)| program())
}

/// True for a line that gives a fresh lab.
pub fn is_lab_new(line: &str) -> bool {
    let words = super::lexer::words_so_far(line);
    let is_lab = |program: &Word| find(&program.text).is_some_and(|found| found.name == "lab");
    words.first().is_some_and(is_lab) && words.get(1).is_some_and(|word| word.text == "new")
}

/// A line to a job.
pub fn parse(line: &Line) -> Result<Job, Refusal> {
    let (program, words) = line.words.split_first().expect("a line has a word");
    let Some(found) = find(&program.text) else { return Err(unknown(program)) };
    if words.iter().any(|word| !word.quoted && word.text == "--help") {
        return Ok(Job::Say(for_program(found)));
    }
    if line.stdin.is_some() && !found.reads_stdin {
        let expected = format!("no standard input: {} reads none", found.name);
        return Err(Mistake::at(program.place, "<<", expected).into());
    }
    (found.parse)(&Call { program, words, stdin: line.stdin.as_deref() })
}

fn unknown(program: &Word) -> Refusal {
    let name = bare_name(&program.text);
    if LATER.contains(&name) {
        return Refusal::NotHereYet(name.to_owned());
    }
    let known = names().chain(LATER);
    let mut mistake = Mistake::at(program.place, &program.text, "a program");
    mistake.near = crate::lab::nearest::nearest(name, known).map(Into::into);
    mistake.hint("`help` lists what is here").into()
}

#[cfg(test)]
mod tests;
