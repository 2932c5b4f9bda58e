//! The commands of a fence, one by one, each as it was written.

use super::document::Command;
use super::error::{Fault, quoted};
use crate::shell::error::Mistake;
use crate::shell::lexer::{BadLine, Line, Script};

/// Cuts the content of a fence, whose first line is `line_first`, into commands.
pub(super) fn commands(content: &str, line_first: usize) -> Result<Vec<Command>, Fault> {
    let fault = |number: usize, text: &str, mistake: &Mistake| {
        let found = format!("{} in {}", mistake.found, quoted(text));
        Fault::new(line_first + number - 1, found, mistake.expected.clone())
    };
    let script = Script::new(content).map_err(|mistake| fault(1, "the fence", &mistake))?;
    let commands = script.map(|line| match line {
        Ok(Line { number, text, .. }) => {
            let text = text.trim().to_string();
            Ok(Command { line: line_first + number - 1, text })
        }
        Err(BadLine { number, text, mistake, .. }) => Err(fault(number, &text, &mistake)),
    });
    commands.collect()
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
        assert_eq!(commands("x <<'EOF'\na\n", 7).unwrap_err().line, 7);
        assert_eq!(commands("run 5s\nrun 'x\n", 1).unwrap_err().line, 2);
        assert_eq!(commands("run 5s; run 5s\n", 1).unwrap_err().line, 1);
    }
}
