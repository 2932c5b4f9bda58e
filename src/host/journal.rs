//! A lab from its journal: the same commands at the same places in time.

use crate::lab::command::{Command, LabSpec};
use crate::lab::{LabError, Timeline};
use crate::shell::job::Job;
use crate::shell::lexer::Script;
use crate::shell::programs;
use crate::sim::Time;
use crate::storage::Manifest;

/// The lab of a manifest at its beginning, with all that happened to it still to come; and the
/// instant to which it had come.
pub fn timeline(manifest: &Manifest) -> Result<(Timeline, Time), String> {
    let spec: LabSpec = serde_json::from_str(&manifest.lab)
        .map_err(|error| format!("the manifest's lab cannot be read: {error}"))?;
    let journal = manifest.journal.iter().map(|line| Ok((line.clone(), command(&line.text)?)));
    let journal = journal.collect::<Result<Vec<_>, String>>()?;
    let end = Time::from_micros(manifest.time_us);
    let timeline = Timeline::recorded(&spec, journal, end);
    Ok((timeline.map_err(|error: LabError| error.to_string())?, end))
}

/// The command of a line that was recorded.
pub fn command(line: &str) -> Result<Command, String> {
    let sentence = |what: String| format!("the journal's line \"{line}\": {what}");
    let mut script = Script::new(line.to_owned()).map_err(|error| sentence(error.to_string()))?;
    let parsed = match script.next() {
        Some(Ok(parsed)) => parsed,
        Some(Err(bad)) => return Err(sentence(bad.mistake.to_string())),
        None => return Err(sentence("found nothing, expected a command".into())),
    };
    if script.next().is_some() {
        return Err(sentence("found more than one command".into()));
    }
    match programs::parse(&parsed) {
        Ok(Job::Do { command, .. }) => Ok(*command),
        Ok(Job::Say(_)) => Err(sentence("found help, expected a command".into())),
        Err(refusal) => Err(sentence(refusal.to_string())),
    }
}
