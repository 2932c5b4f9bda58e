//! The commands of a fence, one by one, each as it was written.

use super::document::Command;
use super::error::{Fault, quoted};

/// Cuts the content of a fence, whose first line is `line_first`, into commands. Blank lines and
/// comments are left out; a trailing `\` and `<<'WORD'` hold lines together.
pub(super) fn commands(content: &str, line_first: usize) -> Result<Vec<Command>, Fault> {
    let mut commands = Vec::new();
    let mut lines = content.lines().enumerate().map(|(index, text)| (line_first + index, text));
    while let Some((line, first)) = lines.next() {
        if first.trim().is_empty() || first.trim_start().starts_with('#') {
            continue;
        }
        let mut text = first.trim().to_string();
        while text.ends_with('\\') {
            let Some((_, next)) = lines.next() else {
                return Err(Fault::new(line, "`\\` at the end of the fence", "a further line"));
            };
            text = format!("{text}\n{}", next.trim_end());
        }
        if let Some(word) = here_document(&text) {
            let word = word.to_string();
            loop {
                let Some((_, next)) = lines.next() else {
                    let found = format!("{} without its end", quoted(&text));
                    return Err(Fault::new(line, found, format!("a line `{word}`")));
                };
                text = format!("{text}\n{next}");
                if next == word {
                    break;
                }
            }
        }
        commands.push(Command { line, text });
    }
    Ok(commands)
}

/// The word that ends the standard input of this command.
fn here_document(text: &str) -> Option<&str> {
    let (_, behind) = text.split_once("<<")?;
    let word = behind.split_whitespace().next()?;
    let word = word.trim_matches(|mark| mark == '\'' || mark == '"');
    (!behind.starts_with('<') && !word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn keeps_continued_lines_and_standard_input_together() {
        let script = "# first\nrun 5s\n\nproducer p \\\n  --kafka t\n\
                      kafka-console-producer --topic t <<'EOF'\na\n\nEOF\nrun 1s\n";
        let found = commands(script, 10).unwrap();
        let texts: Vec<_> = found.iter().map(|command| (command.line, &*command.text)).collect();
        assert_eq!(
            texts,
            [
                (11, "run 5s"),
                (13, "producer p \\\n  --kafka t"),
                (15, "kafka-console-producer --topic t <<'EOF'\na\n\nEOF"),
                (19, "run 1s"),
            ]
        );
    }

    #[test]
    fn an_open_end_is_a_fault_with_its_line() {
        assert_eq!(commands("run 5s\nrun \\", 1).unwrap_err().line, 2);
        assert_eq!(commands("x <<'EOF'\na\n", 7).unwrap_err().line, 7);
    }
}
