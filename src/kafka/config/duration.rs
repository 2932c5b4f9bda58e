//! Durations as ISO 8601 writes them and Java's `Duration.parse` reads them: `P1D`, `PT1H30M`,
//! `PT0.5S`. Simplified: no signs, as no setting here takes a negative one.

use crate::sim::Span;

/// Reads `PnDTnHnMn.nS`; `None` if it is not one.
pub fn parse(text: &str) -> Option<Span> {
    const SECOND: u64 = 1_000_000;
    const UNITS: [(bool, char, u64); 4] = [
        (false, 'D', 86_400 * SECOND),
        (true, 'H', 3_600 * SECOND),
        (true, 'M', 60 * SECOND),
        (true, 'S', SECOND),
    ];
    let mut left = text.strip_prefix(['P', 'p'])?;
    let (mut total, mut in_time, mut from) = (0_u64, false, 0);
    let mut is_open = true;
    while !left.is_empty() {
        if let Some(rest) = left.strip_prefix(['T', 't']).filter(|_| !in_time) {
            (left, in_time, is_open) = (rest, true, true);
            continue;
        }
        let end = left.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let letter = left[end..].chars().next()?.to_ascii_uppercase();
        let at = UNITS[from..].iter().position(|unit| (unit.0, unit.1) == (in_time, letter))?;
        let (_, unit, micros) = UNITS[from + at];
        let (whole, fraction) = left[..end].split_once('.').unwrap_or((&left[..end], ""));
        if left[..end].contains('.') && (unit != 'S' || fraction.len() > 9) {
            return None;
        }
        total = total.checked_add(whole.parse::<u64>().ok()?.checked_mul(micros)?)?;
        if !fraction.is_empty() {
            // Finer than a microsecond nothing is counted here.
            let nanos = format!("{fraction:0<9}").parse::<u64>().ok()?;
            total = total.checked_add(nanos / 1_000)?;
        }
        (left, from, is_open) = (&left[end + 1..], from + at + 1, false);
    }
    // Neither `P` nor `PT` nor `P1DT` says anything.
    (!is_open).then(|| Span::micros(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_java_reads_them() {
        let right = [
            ("P1D", 86_400_000_000),
            ("PT1H30M", 5_400_000_000),
            ("P2DT3H4M5.25S", 183_845_250_000),
            ("pt10s", 10_000_000),
            ("PT0S", 0),
        ];
        for (text, micros) in right {
            assert_eq!(parse(text), Some(Span::micros(micros)), "{text}");
        }
        for text in ["", "P", "PT", "P1DT", "1H", "P1H", "PT1D", "PT1M1H", "PT1.5M", "PTS", "PT-1S"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
