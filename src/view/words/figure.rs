//! Numbers, times and sizes, as they stand in text.

use super::language::Language;

/// With separators: `1,200`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// With three decimals and no unit, as a clock shows it: `12.500`.
pub fn clock(us: u64) -> String {
    let (whole, thousandths) = (number(us / 1_000_000), us / 1_000 % 1_000);
    let zeros = match thousandths {
        0..10 => "00",
        10..100 => "0",
        _ => "",
    };
    whole + "." + zeros + &thousandths.to_string()
}

/// With as many decimals as it needs, at most three, and the unit: `3.2 s`, `3.2초`.
pub fn seconds(us: u64, language: Language) -> String {
    let mut text = clock(us);
    while text.ends_with('0') {
        text.pop();
    }
    if text.ends_with('.') {
        text.pop();
    }
    text + match language {
        Language::English => " s",
        Language::Korean => "초",
    }
}

/// In the largest decimal unit that leaves at most three digits: `10 kB`.
pub fn bytes(value: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.into_iter().find(|(_, size)| value >= *size) {
        None => number(value) + " B",
        Some((unit, size)) => {
            let tenths = value / (size / 10);
            let mut text = number(tenths / 10);
            if tenths < 1_000 && !tenths.is_multiple_of(10) {
                text += ".";
                text += &(tenths % 10).to_string();
            }
            text + " " + unit
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_separators() {
        assert_eq!(number(0), "0");
        assert_eq!(number(999), "999");
        assert_eq!(number(1_200), "1,200");
        assert_eq!(number(10_000_000), "10,000,000");
    }

    #[test]
    fn times_are_seconds_with_a_point() {
        assert_eq!(clock(12_500_000), "12.500");
        assert_eq!(clock(1_180), "0.001");
        assert_eq!(clock(70_000), "0.070");
        assert_eq!(seconds(3_200_000, Language::English), "3.2 s");
        assert_eq!(seconds(3_200_000, Language::Korean), "3.2초");
        assert_eq!(seconds(5_000_000, Language::Korean), "5초");
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(bytes(70), "70 B");
        assert_eq!(bytes(10_000), "10 kB");
        assert_eq!(bytes(1_536), "1.5 kB");
        assert_eq!(bytes(2_000_000_000), "2 GB");
    }
}
