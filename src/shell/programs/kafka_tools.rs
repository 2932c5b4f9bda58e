//! What Kafka's tools have in common: options for the connection, and the names under which
//! errors of the protocol are known in Java.

use crate::kafka::client::pattern::Pattern;
use crate::kafka::command::ApiError;
use crate::lab::{LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored};
use crate::shell::values::wrong;

/// There is one cluster.
pub const BOOTSTRAP_SERVER: Opt =
    ignored(&["--bootstrap-server", "--bootstrap-controller"], "HOST");

/// There are no files.
pub const COMMAND_CONFIG: Opt = ignored(&["--command-config"], "FILE");

/// Most partitions that a topic may have here.
pub const PARTITIONS_MAX: u64 = 1_000;

/// The instant in what a tool writes to its log: always the same, the beginning of every lab.
pub const LOGGED_AT: &str = "[1970-01-01 00:00:00,000]";

/// The name of a topic: never a regular expression.
pub fn topic(word: &Word) -> Result<String, Refusal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    match word.text.chars().find(|c| !legal(*c)) {
        Some('*' | '[' | ']' | '(' | ')' | '^' | '$' | '+' | '?' | '\\' | '|' | ',') => {
            Err(Refusal::NotHereYet("--topic with a regular expression".into()))
        }
        _ if word.text.is_empty() => Err(wrong(word, "the name of a topic")),
        // What is not legal is for the broker to refuse, in its own words.
        _ => Ok(word.text.clone()),
    }
}

/// Topics that a tool asks for where it takes a regular expression. Simplified: a legal name is
/// taken as it is, though each `.` in it stands for any character in the real tool.
#[derive(Clone)]
pub enum Topics {
    /// All of them.
    All,
    /// The one of this name.
    Named(String),
    /// Those that match; and the expression as it was given.
    Matching(Pattern, String),
}

impl Topics {
    /// What `--topic` asks for.
    pub fn asked(arguments: &Arguments) -> Result<Topics, Refusal> {
        arguments.one("--topic").map_or(Ok(Topics::All), Topics::of)
    }

    /// What a word asks for.
    pub fn of(word: &Word) -> Result<Topics, Refusal> {
        match topic(word) {
            Err(Refusal::NotHereYet(later)) => match Pattern::parse_list(&word.text) {
                Some(pattern) => Ok(Topics::Matching(pattern, word.text.clone())),
                None => Err(Refusal::NotHereYet(later)),
            },
            name => Ok(Topics::Named(name?)),
        }
    }

    /// True for what is asked for.
    pub fn is(&self, name: &str) -> bool {
        match self {
            Topics::All => true,
            Topics::Named(only) => only == name,
            Topics::Matching(pattern, _) => pattern.matches(name),
        }
    }

    /// As it was given; empty if it was not.
    pub fn text(&self) -> &str {
        match self {
            Topics::All => "",
            Topics::Named(text) | Topics::Matching(_, text) => text,
        }
    }
}

/// The topics that `--include` names: the whole name must match. Here nothing stands for `|`.
pub fn included(word: &Word) -> Result<String, Refusal> {
    match Pattern::parse(&word.text) {
        Some(_) => Ok(word.text.clone()),
        None => Err(wrong(word, "a regular expression of . * + ? | ( ) [a-z] [^a-z] and \\")),
    }
}

/// What a tool prints before its client begins, what that logged, and what came of it.
pub fn logged(
    first: Vec<String>,
    who: String,
    print: impl Fn(Result<Outcome, LabError>) -> Result<Vec<String>, String>,
) -> impl Fn(Result<Outcome, LabError>) -> Result<Vec<String>, String> {
    move |result| {
        let (warnings, result) = match result {
            Ok(Outcome::Warned(warnings, result)) => (warnings, *result),
            result => (Vec::new(), result),
        };
        let lines = warnings.into_iter().map(|warning| {
            format!("{LOGGED_AT} WARN [{who}] {warning} (org.apache.kafka.clients.NetworkClient)")
        });
        let mut lines: Vec<String> = first.iter().cloned().chain(lines).collect();
        match print(result) {
            Ok(more) => {
                lines.extend(more);
                Ok(lines)
            }
            Err(text) => {
                lines.push(text);
                Err(lines.join("\n"))
            }
        }
    }
}

/// `org.apache.kafka.common.errors.GroupIdNotFoundException: Group g not found.`
pub fn exception(error: &ApiError) -> String {
    if error.name == "ConfigException" {
        return format!("org.apache.kafka.common.config.ConfigException: {}", error.sentence);
    }
    let package = match &*error.name {
        "IllegalArgumentException" | "IllegalStateException" => "java.lang",
        _ => "org.apache.kafka.common.errors",
    };
    format!("{package}.{}: {}", exception_name(&error.name), error.sentence)
}

/// The class of an error in Java: its name in camel case, but for those that are called
/// otherwise.
fn exception_name(name: &str) -> String {
    match name {
        "INVALID_CONFIG" => "InvalidConfigurationException".into(),
        "NON_EMPTY_GROUP" => "GroupNotEmptyException".into(),
        "TOPIC_ALREADY_EXISTS" => "TopicExistsException".into(),
        "INVALID_TOPIC_EXCEPTION" => "InvalidTopicException".into(),
        "REQUEST_TIMED_OUT" => "TimeoutException".into(),
        "MESSAGE_TOO_LARGE" => "RecordTooLargeException".into(),
        name if name.ends_with("Exception") => name.to_owned(),
        name => {
            let word = |word: &str| {
                let mut letters = word.chars();
                let first = letters.next().map(|c| c.to_ascii_uppercase());
                first.into_iter().chain(letters.map(|c| c.to_ascii_lowercase())).collect::<String>()
            };
            name.split('_').map(word).collect::<String>() + "Exception"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_their_java_names() {
        assert_eq!(
            exception_name("UNKNOWN_TOPIC_OR_PARTITION"),
            "UnknownTopicOrPartitionException"
        );
        assert_eq!(exception_name("NON_EMPTY_GROUP"), "GroupNotEmptyException");
        assert_eq!(exception_name("TimeoutException"), "TimeoutException");
    }
}
