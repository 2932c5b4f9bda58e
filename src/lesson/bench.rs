//! The real lab, for trials of lessons.

use super::trial::Bench;
use crate::lab::command::LabSpec;
use crate::lab::{Session, Timeline};
use crate::shell::run::{Progress, Running};

/// No command of a lesson needs more events than this.
const EVENTS_MAX: u64 = 5_000_000;

/// Events between two looks at how far a command is.
const BUDGET: u64 = 10_000;

/// A lab that nothing else uses.
pub struct LabBench {
    timeline: Timeline,
}

impl LabBench {
    /// A lab that nothing was done to.
    pub fn fresh() -> Result<LabBench, String> {
        let timeline = Timeline::new(&LabSpec::default());
        Ok(LabBench { timeline: timeline.map_err(|error| error.to_string())? })
    }
}

impl Bench for LabBench {
    type Seen = Session;

    fn run(&mut self, line: &str) -> Result<Vec<String>, String> {
        let mut running = Running::new(line);
        let mut output = Vec::new();
        let mut events = 0;
        loop {
            match running.work(&mut self.timeline, BUDGET) {
                Progress::Ran(ran) if ran.right => output.extend(ran.transcript()),
                Progress::Ran(ran) => {
                    return Err(ran.error.unwrap_or_else(|| "it failed".into()));
                }
                Progress::More if events < EVENTS_MAX => events += BUDGET,
                Progress::More => return Err(format!("no end after {EVENTS_MAX} events")),
                Progress::Need(_) => return Err("the lab asked for bytes of a storage".into()),
                Progress::End => return Ok(output),
            }
        }
    }

    fn seen(&self) -> &Session {
        self.timeline.session()
    }
}
