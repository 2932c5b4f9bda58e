//! Commands that look and change nothing.

use super::command::Command;
use super::invariants::{Broken, RULES, Watch};
use super::outcome::{LabError, Outcome};
use super::session::Session;
use crate::ordered::Order;
use std::rc::Rc;

/// At most so many events are listed at once.
const EVENTS_MAX: usize = 10_000;

impl Session {
    /// What a looking command sees. Panics on one that acts.
    pub(super) fn look(&self, command: &Command) -> Result<Outcome, LabError> {
        Ok(match command {
            Command::Ledger { producer: None } => Outcome::Ledger(self.ledger().report()),
            Command::Ledger { producer: Some(name) } => {
                Outcome::Ledger(self.ledger().report_of(name).ok_or_else(|| {
                    LabError::Refused(format!("the ledger knows no producer {name}"))
                })?)
            }
            Command::Passport(message) => Outcome::Passport(self.passport(*message)?),
            Command::Metrics { pattern } => Outcome::Metrics(self.metrics(pattern.as_deref())),
            Command::Events { only, since } => {
                let wanted = |name: &str| {
                    only.is_empty()
                        || only.iter().any(|o| name == o || name.split('.').nth(1) == Some(o))
                };
                let log = self.events();
                let all = log.since(0).filter(|e| e.at >= *since && wanted(e.name()));
                let found: Vec<_> = all.take(EVENTS_MAX + 1).map(Rc::clone).collect();
                if found.len() > EVENTS_MAX {
                    return Err(LabError::Refused(format!(
                        "more than {EVENTS_MAX} events match; narrow it with --only or --since"
                    )));
                }
                Outcome::Events(found)
            }
            Command::Check => Outcome::Checked(self.check()?),
            Command::Files(paths) => {
                let found = paths.iter().map(|path| self.found_file(path));
                Outcome::Files(found.collect::<Result<_, _>>()?)
            }
            Command::State { path: None } => Outcome::State(self.state()),
            Command::State { path: Some(path) } => {
                Outcome::State(path.evaluate(self).map_err(LabError::Refused)?)
            }
            acting => unreachable!("{acting:?} does more than look"),
        })
    }

    /// Figures under the names of the real systems, in the order of their names: those that hold
    /// the parts of the pattern, between its `*`, one behind the other.
    pub fn metrics(&self, pattern: Option<&str>) -> Vec<(String, f64)> {
        let mut metrics = Vec::new();
        let mut add = |name: String, value: f64| {
            if pattern.is_none_or(|pattern| matches(&name, pattern)) {
                metrics.push((name, value));
            }
        };
        for topic in self.kafka.topics().iter().filter(|topic| !topic.internal) {
            for p in &topic.partitions {
                let of = format!("topic={},partition={}", topic.name, p.partition.partition);
                let size: u64 = p.segments.iter().map(|segment| segment.bytes).sum();
                add(format!("kafka.log:type=Log,name=LogEndOffset,{of}"), p.log_end as f64);
                add(format!("kafka.log:type=Log,name=LogStartOffset,{of}"), p.log_start as f64);
                add(
                    format!("kafka.log:type=Log,name=NumLogSegments,{of}"),
                    p.segments.len() as f64,
                );
                add(format!("kafka.log:type=Log,name=Size,{of}"), size as f64);
            }
        }
        for group in self.kafka.groups() {
            for position in &group.offsets {
                let of = format!("group={},partition={}", group.id, position.partition);
                add(format!("records-lag,{of}"), position.lag as f64);
            }
            let max = group.offsets.iter().map(|position| position.lag).max().unwrap_or(0);
            add(format!("records-lag-max,group={}", group.id), max as f64);
        }
        for queue in self.rabbit.queues() {
            let of = format!("queue={}", queue.name);
            add(format!("messages_ready,{of}"), queue.ready as f64);
            add(format!("messages_unacknowledged,{of}"), queue.unacked as f64);
            add(format!("messages,{of}"), (queue.ready + queue.unacked) as f64);
            add(format!("message_bytes,{of}"), queue.bytes as f64);
            add(format!("consumers,{of}"), queue.consumers.len() as f64);
            add(format!("consumer_utilisation,{of}"), queue.consumer_utilisation);
        }
        metrics.order_by(|a, b| a.0.cmp(&b.0));
        metrics
    }

    /// Checks what must hold at every instant; the names of what was checked.
    pub fn check(&self) -> Result<Vec<String>, LabError> {
        match Watch::default().look(self, true) {
            Ok(()) => Ok(RULES.map(str::to_owned).to_vec()),
            Err(Broken { rule, found }) => {
                Err(LabError::Refused(format!("the invariant is broken: {rule}: {found}")))
            }
        }
    }
}

/// True if the name holds the parts of the pattern one behind the other.
fn matches(name: &str, pattern: &str) -> bool {
    let mut rest = Some(name);
    for part in pattern.split('*') {
        rest = rest.and_then(|rest| rest.split_once(part)).map(|(_, behind)| behind);
    }
    rest.is_some()
}
