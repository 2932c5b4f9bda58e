//! What stands inside the fences of a step: items that begin with `- `, with indented lines that
//! belong to them.

use super::condition::Condition;
use super::document::{Belief, Choice, Prediction, Prose, Statement, Without};
use super::error::{Fault, quoted};
use super::markdown::{inlines, words};
use super::misconception;
use super::text::Inline;

/// How many answers a question may have.
pub(super) const CHOICES: std::ops::RangeInclusive<usize> = 2..=4;

/// A belief behind a wrong answer that is none: a slip of counting.
const SLIP: &str = "slip";

struct Item {
    line: usize,
    head: String,
    rest: Vec<Numbered>,
}

/// A line with its number.
type Numbered = (usize, String);

/// The lines before the first item, and the items.
fn items(content: &str, line_first: usize) -> Result<(Vec<Numbered>, Vec<Item>), Fault> {
    let (mut before, mut items) = (Vec::new(), Vec::<Item>::new());
    for (index, text) in content.lines().enumerate() {
        let line = line_first + index;
        if text.trim().is_empty() {
            continue;
        }
        if let Some(head) = text.strip_prefix("- ") {
            items.push(Item { line, head: head.trim().into(), rest: Vec::new() });
        } else if let Some(item) = items.last_mut() {
            if !text.starts_with("  ") {
                return Err(Fault::new(line, quoted(text), "`- `, or two blanks to go on"));
            }
            item.rest.push((line, text.into()));
        } else {
            before.push((line, text.trim().into()));
        }
    }
    Ok((before, items))
}

/// Gathers the texts of a fence for the check of numbers.
struct Texts<'a> {
    prose: &'a mut Vec<Prose>,
}

impl Texts<'_> {
    fn read(&mut self, text: &str, line: usize) -> Result<Vec<Inline>, Fault> {
        let found = inlines(text, line)?;
        self.prose.push(Prose { line, text: words(&found) });
        Ok(found)
    }
}

/// Reads the content of an `observe` or `goal` fence: `- words: predicate`.
pub(super) fn statements(
    content: &str,
    line_first: usize,
    prose: &mut Vec<Prose>,
) -> Result<Vec<Statement>, Fault> {
    let mut texts = Texts { prose };
    let expected = "`- words: predicate`";
    let (before, items) = items(content, line_first)?;
    if let Some((line, text)) = before.first() {
        return Err(Fault::new(*line, quoted(text), expected));
    }
    if items.is_empty() {
        return Err(Fault::new(line_first, "an empty fence", expected));
    }
    let mut statements = Vec::new();
    for item in items {
        let (line, mut whole) = (item.line, item.head);
        for (_, more) in item.rest {
            whole.push(' ');
            whole.push_str(more.trim());
        }
        let Some((text, condition)) = split_at_colon(&whole) else {
            return Err(Fault::new(line, quoted(&whole), expected));
        };
        let (text, condition) = (texts.read(text, line)?, read_condition(condition, line)?);
        statements.push(Statement { line, text, condition });
    }
    Ok(statements)
}

/// Reads the content of a `without` fence: `- protection: words`.
pub(super) fn without(
    content: &str,
    line_first: usize,
    prose: &mut Vec<Prose>,
) -> Result<Vec<Without>, Fault> {
    let mut texts = Texts { prose };
    let expected = "`- protection: what to look for`";
    let (before, items) = items(content, line_first)?;
    if let Some((line, text)) = before.first() {
        return Err(Fault::new(*line, quoted(text), expected));
    }
    if items.is_empty() {
        return Err(Fault::new(line_first, "an empty fence", expected));
    }
    let mut all = Vec::new();
    for item in items {
        let plain = |letter: char| letter.is_ascii_lowercase() || letter == '-';
        match split_at_colon(&item.head) {
            Some((protection, text)) if protection.chars().all(plain) => {
                let (protection, line) = (protection.into(), item.line);
                all.push(Without { line, protection, text: texts.read(text, line)? });
            }
            _ => return Err(Fault::new(item.line, quoted(&item.head), expected)),
        }
    }
    Ok(all)
}

/// Reads the content of a `predict` fence: a question, then its choices.
pub(super) fn prediction(
    content: &str,
    line_first: usize,
    prose: &mut Vec<Prose>,
) -> Result<Prediction, Fault> {
    let mut texts = Texts { prose };
    let (before, items) = items(content, line_first)?;
    let lines: Vec<&str> = before.iter().map(|(_, text)| text.as_str()).collect();
    if lines.is_empty() {
        return Err(Fault::new(line_first, "no question", "a question before the first `- `"));
    }
    let question = texts.read(&lines.join(" "), line_first)?;
    if !CHOICES.contains(&items.len()) {
        let expected = format!("{} to {}", CHOICES.start(), CHOICES.end());
        return Err(Fault::new(line_first, format!("{} choices", items.len()), expected));
    }
    let mut choices = Vec::new();
    for item in items {
        choices.push(choice(item)?);
    }
    let believed_right = choices.iter().filter(|choice| choice.belief.is_none()).count();
    if believed_right != 1 {
        let found = format!("{believed_right} choices without `belief:`");
        return Err(Fault::new(line_first, found, "exactly one: the right one"));
    }
    Ok(Prediction { line: line_first, question, choices })
}

fn choice(item: Item) -> Result<Choice, Fault> {
    let line = item.line;
    let (mut when, mut belief, mut why) = (None, None, None);
    for (line, key, value) in keyed_lines(&item.rest)? {
        let again = match key {
            "when" => when.replace(read_condition(&value, line)?).is_some(),
            "belief" => belief.replace(read_belief(&value, line)?).is_some(),
            _ => why.replace(inlines(&value, line)?).is_some(),
        };
        if again {
            return Err(Fault::new(line, format!("`{key}:` a second time"), "each key once"));
        }
    }
    let text = inlines(&item.head, line)?;
    let missing = |key: &str| {
        let found = format!("the choice {} without `{key}:`", quoted(&item.head));
        Fault::new(line, found, format!("a line `{key}: ...` below it"))
    };
    let when = when.ok_or_else(|| missing("when"))?;
    if !when.compares {
        return Err(Fault::new(line, quoted(&when.text), "a predicate that holds or does not"));
    }
    Ok(Choice { line, text, when, belief, why: why.ok_or_else(|| missing("why"))? })
}

/// `key: value` lines; a line that is indented further goes on with the value before it.
fn keyed_lines(rest: &[Numbered]) -> Result<Vec<(usize, &'static str, String)>, Fault> {
    const KEYS: [&str; 3] = ["when", "belief", "why"];
    let mut found = Vec::<(usize, &'static str, String)>::new();
    for (line, text) in rest {
        let is_further = text.starts_with("    ");
        if let (true, Some((_, _, value))) = (is_further, found.last_mut()) {
            value.push(' ');
            value.push_str(text.trim());
            continue;
        }
        let (key, value) = text.split_once(':').unwrap_or((text, ""));
        let Some(key) = KEYS.into_iter().find(|known| *known == key.trim()) else {
            return Err(Fault::new(*line, quoted(text), "`when:`, `belief:` or `why:`"));
        };
        found.push((*line, key, value.trim().into()));
    }
    Ok(found)
}

fn read_belief(id: &str, line: usize) -> Result<Belief, Fault> {
    if id == SLIP {
        return Ok(Belief::Slip);
    }
    match misconception::find(id) {
        Some(known) => Ok(Belief::Misconception(known.id.into())),
        None => {
            let expected = format!("`{SLIP}` or the id of a misconception");
            Err(Fault::new(line, format!("belief {}", quoted(id)), expected))
        }
    }
}

fn read_condition(text: &str, line: usize) -> Result<Condition, Fault> {
    Condition::parse(text).map_err(|why| {
        let found = format!("{} ({why})", quoted(text));
        Fault::new(line, found, "a predicate or path of the lab's language")
    })
}

/// Cuts at the first `: ` outside of `code`.
fn split_at_colon(text: &str) -> Option<(&str, &str)> {
    let mut in_code = false;
    for (index, letter) in text.char_indices() {
        match letter {
            '`' => in_code = !in_code,
            ':' if !in_code && text[index + 1..].starts_with(' ') => {
                let (left, right) = (text[..index].trim(), text[index + 1..].trim());
                return (!left.is_empty() && !right.is_empty()).then_some((left, right));
            }
            _ => {}
        }
    }
    None
}
