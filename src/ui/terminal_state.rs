//! The terminal: what was run, what is typed, and what was typed before.

/// A command with its output.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Of which request it is.
    pub id: u64,
    /// The command.
    pub command: String,
    /// What it printed.
    pub output: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// True until it was answered.
    pub pending: bool,
}

/// At most so many commands are kept in sight.
const LINES_MAX: usize = 200;

/// At most so many commands are remembered.
const HISTORY_MAX: usize = 200;

/// What is longer is not remembered: it was pasted, and can be pasted again.
const REMEMBERED_MAX: usize = 16 << 10;

/// Of a longer command the beginning is shown, in bytes.
const SHOWN_MAX: usize = 1_000;

/// The terminal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terminal {
    /// Commands with their outputs, oldest first.
    pub lines: Vec<Line>,
    /// What is typed.
    pub input: String,
    /// Words that could stand next.
    pub words: Vec<String>,
    history: Vec<String>,
    /// Where in the history the reader is; `None` at its end.
    at: Option<usize>,
    /// What was typed before the reader went into the history.
    draft: String,
    /// The line that was asked about, with the request.
    asked: Option<(u64, String)>,
}

impl Terminal {
    /// Commands are on their way to the engine: they stand here first.
    pub fn begin(&mut self, id: u64, text: &str) {
        let commands = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for command in commands.take(LINES_MAX) {
            let command = shown(command);
            self.lines.push(Line { id, command, pending: true, ..Line::default() });
        }
        let spare = self.lines.len().saturating_sub(LINES_MAX);
        self.lines.drain(..spare);
    }

    /// A command was answered.
    pub fn answer(&mut self, id: u64, command: &str, output: Vec<String>, error: Option<String>) {
        let waiting = self.lines.iter_mut().find(|line| line.id == id && line.pending);
        match waiting {
            Some(line) => {
                line.output = output;
                line.error = error;
                line.pending = false;
            }
            None => {
                let command = shown(command);
                self.lines.push(Line { id, command, output, error, pending: false });
            }
        }
    }

    /// The last line of a request was answered: what is still open was not run.
    pub fn end(&mut self, id: u64) {
        self.lines.retain(|line| line.id != id || !line.pending);
    }

    /// The learner typed.
    pub fn set_input(&mut self, input: String) {
        self.input = input;
        self.words.clear();
        self.at = None;
    }

    /// Takes what is typed, to be run; `None` if it is nothing.
    pub fn take(&mut self) -> Option<String> {
        let text = std::mem::take(&mut self.input).trim().to_owned();
        self.words.clear();
        self.at = None;
        if text.is_empty() {
            return None;
        }
        if text.len() <= REMEMBERED_MAX && self.history.last() != Some(&text) {
            self.history.push(text.clone());
            let spare = self.history.len().saturating_sub(HISTORY_MAX);
            self.history.drain(..spare);
        }
        Some(text)
    }

    /// Goes back to an earlier command.
    pub fn earlier(&mut self) {
        let at = match self.at {
            None if self.history.is_empty() => return,
            None => {
                self.draft = self.input.clone();
                self.history.len() - 1
            }
            Some(at) => at.saturating_sub(1),
        };
        self.at = Some(at);
        self.input = self.history[at].clone();
    }

    /// Goes on to a later command, and at last to what was typed.
    pub fn later(&mut self) {
        let Some(at) = self.at else { return };
        if at + 1 < self.history.len() {
            self.at = Some(at + 1);
            self.input = self.history[at + 1].clone();
        } else {
            self.at = None;
            self.input = std::mem::take(&mut self.draft);
        }
    }

    /// The line is asked about.
    pub fn ask(&mut self, id: u64) -> String {
        self.asked = Some((id, self.input.clone()));
        self.input.clone()
    }

    /// Words that could stand next. What all of them begin with is put in.
    pub fn complete(&mut self, id: u64, words: Vec<String>, replaces: usize) {
        // The line has changed since: the answer is to another question.
        if self.asked.take() != Some((id, self.input.clone())) {
            return;
        }
        let Some(first) = words.first() else {
            self.words.clear();
            return;
        };
        let kept: String = {
            let count = self.input.chars().count().saturating_sub(replaces);
            self.input.chars().take(count).collect()
        };
        let shared = words.iter().skip(1).fold(first.clone(), |shared, word| {
            let same = shared.chars().zip(word.chars()).take_while(|(a, b)| a == b);
            same.map(|(a, _)| a).collect()
        });
        if shared.chars().count() >= replaces {
            self.input = kept + &shared;
        }
        if words.len() == 1 {
            self.input.push(' ');
            self.words.clear();
        } else {
            self.words = words;
        }
    }
}

/// A command as it stands in the list.
fn shown(command: &str) -> String {
    if command.len() <= SHOWN_MAX {
        return command.to_owned();
    }
    let end = (0..=SHOWN_MAX).rev().find(|at| command.is_char_boundary(*at)).unwrap_or(0);
    [&command[..end], " …"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_book_is_neither_shown_nor_remembered() {
        let mut terminal = Terminal::default();
        let book = "가".repeat(4_000_000);
        terminal.set_input(book.clone());
        assert_eq!(terminal.take().as_ref(), Some(&book), "it is run all the same");
        terminal.begin(1, &book);
        // 333 syllables of three bytes fit into 1,000 bytes.
        assert_eq!(terminal.lines[0].command.chars().count(), 333 + 2);
        terminal.earlier();
        assert_eq!(terminal.input, "");
    }

    #[test]
    fn commands_stand_there_before_they_are_answered() {
        let mut terminal = Terminal::default();
        terminal.begin(1, "producer p --count 1\n\nrun 200ms\n");
        assert_eq!(terminal.lines.len(), 2);
        assert!(terminal.lines.iter().all(|line| line.pending));
        terminal.answer(1, "producer p --count 1", Vec::new(), Some("no".into()));
        terminal.end(1);
        assert_eq!(terminal.lines.len(), 1, "what was not run is taken back");
        assert_eq!(terminal.lines[0].error.as_deref(), Some("no"));
    }

    #[test]
    fn history_goes_back_and_forth_and_keeps_the_draft() {
        let mut terminal = Terminal::default();
        for text in ["run 1s", "run 2s", "run 2s"] {
            terminal.set_input(text.into());
            assert_eq!(terminal.take().as_deref(), Some(text));
        }
        assert_eq!(terminal.take(), None);
        terminal.set_input("led".into());
        terminal.earlier();
        assert_eq!(terminal.input, "run 2s");
        terminal.earlier();
        terminal.earlier();
        assert_eq!(terminal.input, "run 1s");
        terminal.later();
        terminal.later();
        assert_eq!(terminal.input, "led");
    }

    #[test]
    fn completion_puts_in_what_all_words_share() {
        let mut terminal = Terminal::default();
        terminal.set_input("kafka-to".into());
        terminal.ask(5);
        terminal.complete(5, vec!["kafka-topics".into()], 8);
        assert_eq!(terminal.input, "kafka-topics ");
        terminal.set_input("kafka-con".into());
        terminal.ask(6);
        let words = ["kafka-console-consumer", "kafka-console-producer", "kafka-consumer-groups"];
        terminal.complete(6, words.map(str::to_owned).to_vec(), 9);
        assert_eq!(terminal.input, "kafka-cons");
        assert_eq!(terminal.words.len(), 3);
        terminal.ask(7);
        terminal.set_input("x".into());
        terminal.complete(7, vec!["nothing".into()], 1);
        assert_eq!(terminal.input, "x", "an answer that comes too late does nothing");
    }
}
