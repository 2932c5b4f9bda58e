//! `state`: the lab's state as JSON, the same data that predicates see.

use super::{Call, Plain, Program};
use crate::lab::predicate::Expression;
use crate::lab::{Command, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::values::inside;
use serde_json::Value;

/// A part of the state that fits into so many columns stands on one line.
const COLUMNS: usize = 96;

pub static PROGRAM: Program = Program {
    name: "state",
    summary: "the lab's state as JSON, or the part at a path",
    usage: &["state [PATH]"],
    options: &[("", &[])],
    notes: &["Paths are those of predicates: state kafka.group(\"g\").lag, state rabbit.queue(q)."],
    plain: &[Plain::Words(&["kafka", "rabbit", "clients", "ledger", "events"])],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("state", &[])?;
    arguments.at_most(1)?;
    let path = arguments
        .plain
        .first()
        .map(|word| Expression::parse(&word.text).map_err(|error| inside(word, error)));
    Ok(Job::printed(Command::State { path: path.transpose()? }, print))
}

fn print(outcome: Outcome) -> Vec<String> {
    let Outcome::State(value) = outcome else { return unexpected(&outcome) };
    let mut lines = Vec::new();
    write(&value, "", "", &mut lines);
    lines
}

/// JSON that is broken into lines only where it would be too wide.
fn write(value: &Value, indent: &str, before: &str, lines: &mut Vec<String>) {
    let whole = format!("{indent}{before}{}", spaced(value));
    if whole.chars().count() <= COLUMNS {
        return lines.push(whole);
    }
    let (open, close, parts) = match value {
        Value::Object(map) => {
            let key = |name: &str| format!("{}: ", Value::from(name));
            ("{", "}", map.iter().map(|(name, value)| (key(name), value)).collect::<Vec<_>>())
        }
        Value::Array(list) => ("[", "]", list.iter().map(|value| (String::new(), value)).collect()),
        _ => return lines.push(whole),
    };
    lines.push(format!("{indent}{before}{open}"));
    let deeper = format!("{indent}  ");
    for (index, (key, value)) in parts.iter().enumerate() {
        write(value, &deeper, key, lines);
        if let Some(last) = lines.last_mut().filter(|_| index + 1 < parts.len()) {
            last.push(',');
        }
    }
    lines.push(format!("{indent}{close}"));
}

/// JSON on one line, with a blank behind each colon and comma.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts =
                map.iter().map(|(name, v)| format!("{}: {}", Value::from(&**name), spaced(v)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
        }
        Value::Array(list) => {
            format!("[{}]", list.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn state_is_json_that_is_broken_only_where_it_is_too_wide() {
        let small = json!({ "a": [1, 2], "b": null });
        assert_eq!(print(Outcome::State(small)), [r#"{"a": [1, 2], "b": null}"#]);
        let large = json!({ "list": (0..40).collect::<Vec<_>>(), "x": "y".repeat(90) });
        let lines = print(Outcome::State(large.clone()));
        assert!(lines.len() > 40 && lines[0] == "{");
        let again: Value = serde_json::from_str(&lines.join("\n")).expect("still JSON");
        assert_eq!(again, large);
    }
}
