//! Tables as the real tools draw them.

/// How many columns of a terminal a text takes: letters of Chinese, Japanese and Korean take two.
pub fn width(text: &str) -> usize {
    text.chars().map(character_width).sum()
}

fn character_width(c: char) -> usize {
    match c as u32 {
        // Combining marks, and marks without an extent.
        0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F | 0xFEFF => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F
        | 0x1F900..=0x1F9FF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// `printf("%-Ns")` of Java: padded by UTF-16 units, never cut.
pub fn pad_java(text: &str, columns: usize) -> String {
    let length = text.encode_utf16().count();
    format!("{text}{}", " ".repeat(columns.saturating_sub(length)))
}

/// A table with round corners, as `rabbitmqadmin` draws it by default: a line below the header, no
/// lines between rows; cells may have several lines. Without rows the frame stays open below, as
/// in the real tool.
pub fn rounded(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let cell_widths = |column: usize| {
        let cells = rows.iter().map(move |row| row.get(column).map_or("", String::as_str));
        cells.flat_map(|cell| cell.split('\n')).map(width)
    };
    let of_column =
        |(column, name): (usize, &&str)| cell_widths(column).max().unwrap_or(0).max(width(name));
    let widths: Vec<usize> = header.iter().enumerate().map(of_column).collect();
    let frame = |left: &str, middle: &str, right: &str| {
        let parts: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}", parts.join(middle))
    };
    let mut lines = vec![frame("╭", "┬", "╮")];
    let names: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    lines.extend(row_lines(&names, &widths));
    lines.push(frame("├", "┼", "┤"));
    if rows.is_empty() {
        return lines;
    }
    rows.iter().for_each(|row| lines.extend(row_lines(row, &widths)));
    lines.push(frame("╰", "┴", "╯"));
    lines
}

/// A table with lines between all rows, as `rabbitmq-queues` draws it. Without rows it is nothing.
pub fn boxed(header: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let all: Vec<&Vec<String>> = std::iter::once(&names).chain(rows).collect();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| all.iter().map(|row| width(&row[column])).max().unwrap_or(0))
        .collect();
    let frame = |left: &str, middle: &str, right: &str| {
        let parts: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}", parts.join(middle))
    };
    let mut lines = vec![frame("┌", "┬", "┐")];
    for (at, row) in all.iter().enumerate() {
        if at > 0 {
            lines.push(frame("├", "┼", "┤"));
        }
        lines.extend(row_lines(row, &widths));
    }
    lines.push(frame("└", "┴", "┘"));
    lines
}

fn row_lines(row: &[String], widths: &[usize]) -> Vec<String> {
    let height = row.iter().map(|cell| cell.split('\n').count()).max().unwrap_or(1);
    let line = |number: usize| {
        let cells = row.iter().zip(widths).map(|(cell, columns)| {
            let text = cell.split('\n').nth(number).unwrap_or("");
            format!(" {text}{} ", " ".repeat(columns - width(text)))
        });
        format!("│{}│", cells.collect::<Vec<_>>().join("│"))
    };
    (0..height).map(line).collect()
}

/// Columns that are aligned and separated by two blanks, as the lab's own programs print them:
/// text to the left, numbers to the right.
pub fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| width(&cell(row, column))).max().unwrap_or(0))
        .collect();
    let is_number = |column: usize| {
        let below = rows.iter().skip(1).map(|row| cell(row, column));
        rows.len() > 1 && below.into_iter().all(|text| text.parse::<f64>().is_ok())
    };
    let numbers: Vec<bool> = (0..columns).map(is_number).collect();
    let line = |row: &Vec<String>| {
        let cells = (0..columns).map(|column| {
            let text = cell(row, column);
            let blanks = " ".repeat(widths[column] - width(&text));
            if numbers[column] { blanks + &text } else { text + &blanks }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_table_is_that_of_the_tool() {
        let rows = vec![
            vec!["5".into(), "a: 1\nb: 2\n".into(), "안녕 hello".into()],
            vec!["12".into(), String::new(), "x".into()],
        ];
        let expected = [
            "╭────┬──────┬────────────╮",
            "│ n  │ p    │ payload    │",
            "├────┼──────┼────────────┤",
            "│ 5  │ a: 1 │ 안녕 hello │",
            "│    │ b: 2 │            │",
            "│    │      │            │",
            "│ 12 │      │ x          │",
            "╰────┴──────┴────────────╯",
        ];
        assert_eq!(rounded(&["n", "p", "payload"], &rows), expected);
        assert_eq!(rounded(&["n"], &[]), ["╭───╮", "│ n │", "├───┤"]);
    }

    #[test]
    fn numbers_stand_to_the_right() {
        let rows = [["side", "sent"], ["kafka", "5"], ["rabbit", "10"]]
            .map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), ["side    sent", "kafka      5", "rabbit    10"]);
    }

    #[test]
    fn java_pads_and_never_cuts() {
        assert_eq!(pad_java("ab", 4), "ab  ");
        assert_eq!(pad_java("abcde", 4), "abcde");
    }
}
