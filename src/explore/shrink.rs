//! A script that breaks a rule, made shorter: lines go, numbers are halved, as long as the same
//! rule is broken, and none is in a lab that has all protections.

use super::trial::{self, Trial};
use crate::lab::invariants::Broken;

/// Runs of scripts that shrinking may cost.
const RUNS_MAX: usize = 400;

/// Shrinks the script of a trial that broke a rule; the trial of what is left.
pub fn shrink(script: &[String], found: Trial) -> Trial {
    let Some(broken) = found.broken.clone() else { return found };
    let mut best = Best { script: script.to_vec(), trial: found, broken, runs: 0 };
    best.tighten();
    loop {
        let before = best.runs;
        let changed = best.delete() | best.halve();
        if !changed || best.runs == before || best.runs >= RUNS_MAX {
            return best.trial;
        }
    }
}

struct Best {
    script: Vec<String>,
    trial: Trial,
    broken: Broken,
    runs: usize,
}

impl Best {
    /// Lines that were refused, or that stand behind the end, are not part of it.
    fn tighten(&mut self) {
        let used = &self.trial.lines;
        self.script.retain(|line| used.contains(line));
    }

    /// Takes another script if it breaks the same rule.
    fn takes(&mut self, script: Vec<String>) -> bool {
        // The lab itself stays: it says what is left out.
        if script.first() != self.script.first() {
            return false;
        }
        self.runs += 1;
        let Ok(trial) = trial::run(&script) else { return false };
        let same = trial.broken.as_ref().is_some_and(|b| b.rule == self.broken.rule);
        let whole = trial::whole(&script);
        let is_sound = || trial::run(&whole).is_ok_and(|trial| trial.broken.is_none());
        let same = same && (whole == script || is_sound());
        if same && self.runs <= RUNS_MAX {
            (self.script, self.trial) = (script, trial);
            self.tighten();
        }
        same
    }

    /// Takes lines out: large pieces first.
    fn delete(&mut self) -> bool {
        let mut changed = false;
        let mut size = (self.script.len() / 2).max(1);
        loop {
            let mut at = 0;
            while at < self.script.len() {
                let mut shorter = self.script.clone();
                shorter.drain(at..(at + size).min(self.script.len()));
                match self.takes(shorter) {
                    true => changed = true,
                    false => at += size,
                }
                if self.runs >= RUNS_MAX {
                    return changed;
                }
            }
            if size == 1 {
                return changed;
            }
            size /= 2;
        }
    }

    /// Halves numbers one by one; the seed stays.
    fn halve(&mut self) -> bool {
        let mut changed = false;
        for at in 0..self.script.len() {
            let mut from = 0;
            while let Some(line) = self.script.get(at)
                && let Some((start, end)) = number_in(line, from)
            {
                let Ok(number) = line[start..end].parse::<u64>() else { break };
                from = end;
                let is_named = line[..start].ends_with(['-', 'q', 'p', 'c', 'r', 'h']);
                let is_named = is_named || line[..start].ends_with("min.insync.replicas=");
                let stays = number < 2 || is_named || line[..start].ends_with("--seed ");
                if stays || self.runs >= RUNS_MAX {
                    continue;
                }
                let mut script = self.script.clone();
                script[at].replace_range(start..end, &(number / 2).to_string());
                if self.takes(script) {
                    changed = true;
                    from = start;
                }
            }
        }
        changed
    }
}

/// The next number in a line from a place on.
fn number_in(line: &str, from: usize) -> Option<(usize, usize)> {
    let rest = line.get(from..)?;
    let start = from + rest.find(|c: char| c.is_ascii_digit())?;
    let len = line[start..].find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len() - start);
    Some((start, start + len))
}
