//! Many seeds, one after the other, until a rule is broken.

use super::shrink::shrink;
use super::trial::{self, Trial};
use super::{draw, trial::RARE};
use crate::lab::LabError;
use crate::lab::invariants::Broken;
use crate::ordered::BTreeMap;
use crate::shell::lexer::Script;
use std::fmt;

/// One seed in so many is run twice: it has to come out the same.
const TWICE_EVERY: u64 = 8;

/// What to search.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The first seed.
    pub first_seed: u64,
    /// How many seeds.
    pub seeds: u64,
    /// Faults in a script.
    pub steps: usize,
    /// Protections that the labs lack.
    pub without: Vec<String>,
    /// Only seeds whose scripts are about this system.
    pub side: Option<draw::Side>,
    /// The script around which to search; scripts are drawn if there is none.
    pub script: Option<Vec<String>>,
    /// Is told each seed before it is run.
    pub told: Option<fn(u64)>,
}

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// Seeds that were run.
    pub seeds: u64,
    /// How often rare things happened.
    pub rare: BTreeMap<&'static str, u64>,
    /// The seed that broke a rule, and the shortest script found that does.
    pub found: Option<(u64, Trial)>,
}

/// The lines of a script, each as a whole.
pub fn lines_of(text: &str) -> Result<Vec<String>, String> {
    let script = Script::new(text).map_err(|mistake| mistake.to_string())?;
    let mut lines = Vec::new();
    for line in script {
        lines.push(line.map_err(|bad| bad.mistake.to_string())?.text);
    }
    Ok(lines)
}

/// Searches until a rule is broken or all seeds were run.
pub fn search(search: &Search) -> Result<Report, LabError> {
    let rare = RARE.map(|name| (name, 0)).into_iter().collect();
    let mut report = Report { seeds: 0, rare, found: None };
    for seed in search.first_seed..search.first_seed.saturating_add(search.seeds) {
        let script = match &search.script {
            Some(script) => draw::around(script, seed, search.steps),
            None => draw::script(seed, search.steps, &search.without),
        };
        if search.side.is_some_and(|side| side != draw::side_of(&script)) {
            continue;
        }
        if let Some(told) = search.told {
            told(seed);
        }
        let mut trial = trial::run(&script)?;
        report.seeds += 1;
        for (name, count) in &trial.rare {
            *report.rare.entry(name).or_default() += count;
        }
        if trial.broken.is_some() {
            let whole = trial::whole(&script);
            let other = trial::run(&whole)?;
            if other.broken.is_some() && whole != script {
                // Nothing is learnt of the protection.
                report.found = Some((seed, shrink(&whole, other)));
                return Ok(report);
            }
            report.found = Some((seed, shrink(&script, trial)));
            return Ok(report);
        }
        if seed % TWICE_EVERY == 0 && trial::run(&script)?.fingerprint != trial.fingerprint {
            let found = "two runs ended differently".to_owned();
            trial.broken = Some(Broken { rule: "a seed and its script decide everything", found });
            report.found = Some((seed, trial));
            return Ok(report);
        }
    }
    Ok(report)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} seeds", self.seeds)?;
        for (name, count) in &self.rare {
            writeln!(f, "  {name:<28} {count}")?;
        }
        let Some((seed, trial)) = &self.found else { return writeln!(f, "no rule was broken") };
        if let Some(Broken { rule, found }) = &trial.broken {
            writeln!(f, "seed {seed} broke a rule: {rule}\n  {found}")?;
        }
        trial.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
