//! Counts of passed and failed, gathered from what the test programs print.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed and how many failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: usize,
    /// Tests that failed.
    pub failed: usize,
}

impl Tally {
    /// Adds what a line of output tells: Rust's own `test result: ok. 3 passed; 0 failed; ...`, or
    /// our closing line `3 passed, 0 failed`. Any other line tells nothing.
    pub fn hear(&mut self, line: &str) {
        let counts = match line.strip_prefix("test result: ") {
            Some(result) => result.split_once(". ").map(|(_, counts)| counts),
            None => Some(line),
        };
        if let Some(tally) = counts.and_then(closing_counts) {
            *self += tally;
        }
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        *self == Tally::default()
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Reads `N passed, N failed`, with `,` or `;` and whatever follows a second `;`.
fn closing_counts(text: &str) -> Option<Tally> {
    let mut parts = text.split([',', ';']).map(str::trim);
    let passed = parts.next()?.strip_suffix(" passed")?.parse().ok()?;
    let failed = parts.next()?.strip_suffix(" failed")?.parse().ok()?;
    Some(Tally { passed, failed })
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn both_kinds_of_closing_line_are_heard() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "4 passed, 1 failed",
            "all passed, none failed",
            "test four_passed ... ok",
        ] {
            tally.hear(line);
        }
        assert_eq!(tally, Tally { passed: 8, failed: 3 });
        assert_eq!(tally.to_string(), "8 passed, 3 failed");
    }
}
