//! One script, run and judged.

use super::demands::Demands;
use crate::lab::command::LabSpec;
use crate::lab::invariants::{Broken, MATCHING, Watch};
use crate::lab::{LabError, Session, Timeline};
use crate::ordered::BTreeMap;
use crate::shell::programs::is_lab_new;
use crate::shell::run::{Progress, Running};
use crate::sim::Status;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Events between two looks at the lab.
const SLICE: u64 = 20;

/// A script that needs more events has found a lab that does not come to rest.
const EVENTS_MAX: u64 = 2_000_000;

/// Events that are rare, and without which a search has seen little.
pub const RARE: [&str; 10] = [
    "kafka.leader_elected",
    "kafka.isr_changed",
    "kafka.broker_fenced",
    "kafka.log_truncated",
    "kafka.rebalance_completed",
    "kafka.member_left",
    "rabbit.leader_elected",
    "rabbit.requeued",
    "rabbit.delayed",
    "rabbit.dead_lettered",
];

/// What a script came to.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// The rule that it broke.
    pub broken: Option<Broken>,
    /// The lines that did something, up to the one in which the rule was broken.
    pub lines: Vec<String>,
    /// How often each of [`RARE`] happened.
    pub rare: BTreeMap<&'static str, u64>,
    /// Of everything that was told: the same for the same script.
    pub fingerprint: u64,
}

struct Judge {
    timeline: Timeline,
    watch: Watch,
    demands: Demands,
    trial: Trial,
}

/// Runs a script, heals everything, lets time pass, and judges all of it. A line that is refused
/// and did nothing is left out.
pub fn run(script: &[String]) -> Result<Trial, LabError> {
    let timeline = Timeline::new(&LabSpec::default())?;
    let (watch, demands, trial) = (Watch::default(), Demands::default(), Trial::default());
    let mut judge = Judge { timeline, watch, demands, trial };
    judge.trial.broken = judge.caught(script).err();
    let log = judge.timeline.session().events();
    judge.trial.rare = RARE.map(|name| (name, log.count(name))).into_iter().collect();
    judge.trial.fingerprint = judge.timeline.session().fingerprint();
    Ok(judge.trial)
}

/// The same script in a lab that has all protections.
pub fn whole(script: &[String]) -> Vec<String> {
    let mut words: Vec<&str> = Vec::new();
    let Some((first, rest)) = script.split_first() else { return Vec::new() };
    for word in first.split(' ') {
        if words.last() == Some(&"--without") {
            words.pop();
        } else {
            words.push(word);
        }
    }
    let mut whole = vec![words.join(" ")];
    whole.extend_from_slice(rest);
    whole
}

impl Judge {
    /// A panic breaks a rule as well, where panics unwind (not in a release).
    fn caught(&mut self, script: &[String]) -> Result<(), Broken> {
        catch_unwind(AssertUnwindSafe(|| self.all(script))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let found = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Broken { rule: "nothing panics", found: found.unwrap_or_default() })
        })
    }

    fn all(&mut self, script: &[String]) -> Result<(), Broken> {
        for line in script {
            self.line(line)?;
        }
        self.line("net heal")?;
        loop {
            for line in cure(self.timeline.session()) {
                self.line(&line)?;
            }
            self.line("run 150s")?;
            // Who was asked to stop while nobody could be reached may have gone on for a while.
            let lines = cure(self.timeline.session());
            if !lines.iter().any(|line| line.starts_with("node ")) {
                break;
            }
        }
        self.demands.end(self.timeline.session())
    }

    /// Asks everything of the lab as it stands.
    fn look(&mut self, deep: bool) -> Result<(), Broken> {
        let session = self.timeline.session();
        self.demands.look(session)?;
        match self.watch.look(session, deep) {
            // A leader that lost power may lead on without what its followers have.
            Err(broken) if broken.rule == MATCHING && self.demands.is_unclean() => Ok(()),
            looked => looked,
        }
    }

    /// Runs a line, and looks at the lab again and again meanwhile.
    fn line(&mut self, line: &str) -> Result<(), Broken> {
        self.trial.lines.push(line.to_owned());
        let before = self.timeline.session().moment();
        let mut running = Running::new(line);
        for _ in 0..EVENTS_MAX / SLICE {
            let progress = running.work(&mut self.timeline, SLICE);
            if let Progress::Ran(ran) = &progress
                && ran.right
                && is_lab_new(line)
            {
                (self.watch, self.demands) = (Watch::default(), Demands::default());
            }
            let session = self.timeline.session();
            match progress {
                Progress::More => {
                    self.look(false)?;
                }
                Progress::Ran(ran) => {
                    // What failed in the end may have done something all the same.
                    if !ran.right && session.moment() == before {
                        self.trial.lines.pop();
                    }
                    return self.look(true);
                }
                Progress::Need(_) | Progress::End => return Ok(()),
            }
        }
        let found = format!("{EVENTS_MAX} events in {line}");
        Err(Broken { rule: "a lab comes to rest", found })
    }
}

/// The lines that start what does not run in a lab.
fn cure(session: &Session) -> Vec<String> {
    let mut lines = Vec::new();
    let kafka = &session.kafka.world;
    let rabbit = &session.rabbit.world;
    let all = kafka.ids().map(|id| (kafka.name(id), kafka.status(id)));
    for (name, status) in all.chain(rabbit.ids().map(|id| (rabbit.name(id), rabbit.status(id)))) {
        let servers = ["kafka-", "controller-", "zookeeper-", "rabbit-"];
        let program =
            if servers.iter().any(|kind| name.starts_with(kind)) { "node" } else { "client" };
        let act = match status {
            Status::Down | Status::Off => "start",
            Status::Paused => "resume",
            Status::Running | Status::Gone => continue,
        };
        let line = format!("{program} {name} {act}");
        if !name.ends_with("-admin") && !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}
