//! Scenarios as plays in the lab's own language.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::lab::predicate::Predicate;
use pushpull::shell::run::{Progress, Running};

/// A script, and what it came to; a line behind `= ` is a predicate that must hold there.
pub fn play(spec: &LabSpec, lines: &str) -> Result<Timeline, String> {
    let mut timeline = Timeline::new(spec).map_err(|error| error.to_string())?;
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("= ") {
            Some(text) => {
                let predicate = Predicate::parse(text).map_err(|error| format!("{error:?}"))?;
                let session = timeline.session();
                let holds = predicate.holds(session);
                if !matches!(holds, Ok(true)) {
                    let (topics, queues) = (session.state_kafka(), session.state_rabbit());
                    let there = [&topics["topics"], &queues["queues"]];
                    return Err(format!("{text}: {holds:?} at {} and {}", there[0], there[1]));
                }
            }
            None => command(&mut timeline, line)?,
        }
    }
    Ok(timeline)
}

fn command(timeline: &mut Timeline, line: &str) -> Result<(), String> {
    let mut running = Running::new(line);
    loop {
        match running.work(timeline, 10_000) {
            Progress::End => return Ok(()),
            Progress::Ran(ran) if ran.right => {}
            Progress::Ran(ran) => return Err(format!("{line}: {:?}", ran.error)),
            Progress::More => {}
            Progress::Need(_) => return Err("everything is in memory".to_owned()),
        }
    }
}
