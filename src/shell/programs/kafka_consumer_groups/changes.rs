//! What `kafka-consumer-groups` changes: it moves groups, deletes them, and forgets their offsets.

use super::{all_or_some, failure, group, java_row};
use crate::kafka::command::{Answer, ApiError, Ask, NewOffset, ResetTo};
use crate::kafka::config::duration;
use crate::kafka::event::TopicPartition;
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, Printed, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::Arguments;
use crate::shell::programs::kafka_tools::{LOGGED_AT, exception};
use crate::shell::values::{integer, wrong};
use std::cmp::Ordering;

pub(super) fn reset(arguments: &Arguments, stdin: Option<&str>) -> Result<Job, Refusal> {
    let groups = all_or_some(arguments)?;
    let file = arguments.one("--from-file");
    let topics = match file {
        Some(_) => Vec::new(),
        None => topics(arguments, arguments.has("--all-topics"))?,
    };
    let scenarios = [
        "--to-earliest",
        "--to-latest",
        "--to-offset",
        "--shift-by",
        "--to-datetime",
        "--by-duration",
        "--to-current",
        "--from-file",
    ];
    let scenario = arguments.exactly_one(&scenarios)?;
    let word = arguments.one(scenario).expect("it was given");
    let to = match scenario {
        "--to-earliest" => ResetTo::Earliest,
        "--to-latest" => ResetTo::Latest,
        "--to-offset" => ResetTo::Offset(integer(word)?),
        "--shift-by" => ResetTo::ShiftBy(integer(word)?),
        "--to-current" => ResetTo::Current,
        "--from-file" => ResetTo::Planned(plan(arguments, word, stdin)?),
        "--by-duration" => {
            let span = duration::parse(&word.text).ok_or_else(|| wrong(word, "PnDTnHnMn.nS"))?;
            ResetTo::Age(span.as_millis() as i64)
        }
        _ => ResetTo::Time(datetime(word)?),
    };
    if let (true, Some(word)) = (arguments.has("--dry-run"), arguments.one("--execute")) {
        let expected = "one of --dry-run and --execute";
        return Err(Mistake::at(word.place, "--execute", expected).into());
    }
    // Each group is asked with its own rows.
    let planned: Option<Vec<Option<String>>> = match &to {
        ResetTo::Planned(rows) => Some(rows.iter().map(|(group, ..)| group.clone()).collect()),
        _ => None,
    };
    let execute = arguments.has("--execute");
    let exports = arguments.has("--export");
    let warns = !execute && !arguments.has("--dry-run");
    let is_one = groups.len() == 1;
    let ask = Ask::ResetOffsets { group: String::new(), topics, to, execute, share: false };
    let ask = Ask::Each { names: groups, of: Box::new(ask) };
    let print = move |result| match result {
        Ok(Outcome::Kafka(Answer::Each(outcomes))) => {
            let lacks = |group: &str| {
                let is_for = |of: &Option<String>| of.as_deref().is_none_or(|of| of == group);
                planned.as_ref().is_some_and(|planned| !planned.iter().any(is_for))
            };
            moved(outcomes, (exports, is_one), &lacks)
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error)),
    };
    Ok(Job::of(Command::Kafka(ask), move |result| match print(result) {
        printed if !warns => printed,
        Ok(lines) => Ok([WARNING.to_owned()].into_iter().chain(lines).collect()),
        Err(error) => Err(format!("{WARNING}\n{error}")),
    }))
}

/// What the tool says to whoever names neither `--execute` nor `--dry-run`.
const WARNING: &str = "WARN: No action will be performed as the --execute option is missing. In a \
    future major release, the default behavior of this command will be to prompt the user before \
    executing the reset rather than doing a dry run. You should add the --dry-run option \
    explicitly if you are scripting this command and want to keep the current default behavior \
    without prompting.";

/// A row of a plan: the group, if it says which, the partition and the offset.
type Row = (Option<String>, TopicPartition, i64);

/// Rows of a file that `--export` has written: `topic,partition,offset`, with the group before
/// them if they are of several. As with the real tool the first row says which they are.
fn plan(arguments: &Arguments, word: &Word, stdin: Option<&str>) -> Result<Vec<Row>, Refusal> {
    if word.text != "-" {
        return Err(wrong(word, "-: the lab has no files, give rows on standard input"));
    }
    let groups = all_or_some(arguments)?;
    let Some(stdin) = stdin else {
        return Err(arguments.missing("standard input: rows of topic,partition,offset"));
    };
    let cells_of = |line: &str| -> Vec<String> {
        line.split(',').map(|cell| cell.trim().trim_matches('"').to_owned()).collect()
    };
    let without_group = |line: &str| match &cells_of(line)[..] {
        [topic, partition, offset] => {
            let key = TopicPartition::new(topic, partition.parse().ok()?);
            Some((None, key, offset.parse().ok()?))
        }
        _ => None,
    };
    let with_group = |line: &str| match &cells_of(line)[..] {
        [group, topic, partition, offset] => {
            let key = TopicPartition::new(topic, partition.parse().ok()?);
            Some((Some(group.clone()), key, offset.parse().ok()?))
        }
        _ => None,
    };
    let first = stdin.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let is_of_one = groups.len() == 1 && cells_of(first).len() != 4;
    let expected = match is_of_one {
        true => "rows of topic,partition,offset",
        false => "rows of group,topic,partition,offset",
    };
    let row = |line: &str| if is_of_one { without_group(line) } else { with_group(line) };
    let rows = stdin.lines().filter(|line| !line.trim().is_empty());
    rows.map(|line| row(line).ok_or_else(|| wrong(word, format!("{expected}; found {line}"))))
        .collect()
}

type Outcomes = Vec<(String, Result<Answer, ApiError>)>;

/// What became of the groups: a table, or rows that can be given to the tool again.
fn moved(
    outcomes: Outcomes,
    (exports, is_one): (bool, bool),
    lacks_plan: &dyn Fn(&str) -> bool,
) -> Printed {
    let (mut errors, mut rows, mut notes) = (Vec::new(), Vec::new(), Vec::new());
    for (group, outcome) in outcomes {
        match outcome {
            Ok(Answer::Reset(_)) if lacks_plan(&group) => {
                errors.push(format!("\nError: No reset plan for group {group} found"));
            }
            Ok(Answer::Reset(offsets)) => {
                for new in offsets {
                    notes.extend(note(&new));
                    rows.push((group.clone(), new.partition, new.offset));
                }
            }
            Ok(_) => {}
            // The tool looks at the group's state before it asks, and goes on with the others.
            Err(error) if error.sentence.starts_with(ONLY_INACTIVE) => {
                errors.push(format!("\nError: {}", error.sentence));
            }
            Err(error) => return Err(failure(LabError::Kafka(error))),
        }
    }
    let lines = match exports {
        true => {
            let row = |(group, key, offset): &(String, TopicPartition, i64)| {
                let group = if is_one { String::new() } else { format!("{group},") };
                format!("{group}{},{},{offset}", key.topic, key.partition)
            };
            rows.iter().map(row).chain([String::new()]).collect()
        }
        false => reset_table(&rows),
    };
    match errors.is_empty() {
        true => Ok([notes, lines].concat()),
        false => Err([errors, notes, lines].concat().join("\n")),
    }
}

/// What the tool says of an offset that is not in the log, or of a time later than all records.
fn note(new: &NewOffset) -> Vec<String> {
    let NewOffset { partition: key, offset, asked } = new;
    let Some(asked) = asked else {
        let (number, topic) = (key.partition, &key.topic);
        return vec![
            String::new(),
            format!(
                "Warn: Partition {number} from topic {topic} is empty. Falling back to latest \
                 known offset."
            ),
        ];
    };
    let side = match asked.cmp(offset) {
        Ordering::Greater => "higher than latest",
        Ordering::Less => "lower than earliest",
        Ordering::Equal => return Vec::new(),
    };
    vec![format!(
        "{LOGGED_AT} WARN New offset ({asked}) is {side} offset for topic partition {key}. Value \
         will be set to {offset} (org.apache.kafka.tools.consumer.group.ConsumerGroupCommand)"
    )]
}

/// How the tool begins when a group has members.
const ONLY_INACTIVE: &str = "Assignments can only be reset if the group";

fn reset_table(rows: &[(String, TopicPartition, i64)]) -> Vec<String> {
    let widths = [30, 30, 10, 15];
    let mut lines =
        vec![String::new(), java_row(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], &widths)];
    lines.extend(rows.iter().map(|(group, partition, offset)| {
        let (number, offset) = (partition.partition.to_string(), offset.to_string());
        java_row(&[&**group, &*partition.topic, &number, &offset], &widths)
    }));
    lines
}

/// The topics that are named; none with `all`.
fn topics(arguments: &Arguments, all: bool) -> Result<Vec<(String, Vec<i32>)>, Refusal> {
    let words = arguments.all("--topic");
    match (words.is_empty(), all) {
        (true, false) => Err(arguments.missing("--topic TOPIC[:N,N]")),
        (false, true) => Err(wrong(words[0], "one of --topic and --all-topics")),
        _ => words.into_iter().map(topic_partitions).collect(),
    }
}

/// `t`, `t:0`, `t:0,2`.
pub(in crate::shell::programs) fn topic_partitions(
    word: &Word,
) -> Result<(String, Vec<i32>), Refusal> {
    let Some((topic, numbers)) = word.text.split_once(':') else {
        return Ok((word.text.clone(), Vec::new()));
    };
    let numbers: Result<Vec<i32>, _> = numbers.split(',').map(str::parse).collect();
    let numbers = numbers.map_err(|_| wrong(word, "TOPIC or TOPIC:N,N"))?;
    Ok((topic.to_owned(), numbers))
}

/// `1970-01-01T00:00:05.000` to the milliseconds that records carry.
pub(in crate::shell::programs) fn datetime(word: &Word) -> Result<i64, Refusal> {
    let expected = "YYYY-MM-DDThh:mm:ss.sss";
    let text = word.text.strip_suffix('Z').unwrap_or(&word.text);
    let parsed = text.split_once('T').and_then(|(date, time)| {
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let mut time = time.splitn(3, ':');
        let (hours, minutes) =
            (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
        let seconds = time.next().map_or(Some(0.0), |text| text.parse::<f64>().ok())?;
        let fits = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hours)
            && (0..60).contains(&minutes)
            && (0.0..60.0).contains(&seconds);
        let minutes = (days_since_1970(year, month, day) * 24 + hours) * 60 + minutes;
        fits.then(|| minutes * 60_000 + (seconds * 1000.0).round() as i64)
    });
    parsed.ok_or_else(|| wrong(word, expected))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that the
/// leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

pub(super) fn delete(arguments: &Arguments) -> Result<Job, Refusal> {
    let of = Box::new(Ask::DeleteGroup { group: String::new(), share: false });
    let ask = Ask::Each { names: all_or_some(arguments)?, of };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Each(outcomes))) => deleted(&outcomes),
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error)),
    }))
}

fn deleted(outcomes: &Outcomes) -> Printed {
    let gone = outcomes.iter().filter(|(_, outcome)| outcome.is_ok());
    let gone: Vec<&str> = gone.map(|(group, _)| group.as_str()).collect();
    let gone = gone.join("', '");
    let failed = outcomes.iter().filter_map(|(group, outcome)| {
        let error = exception(outcome.as_ref().err()?);
        Some(format!("* Group '{group}' could not be deleted due to: {error}"))
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() {
        return Ok(vec![format!(
            "Deletion of requested consumer groups ('{gone}') was successful."
        )]);
    }
    let mut lines = vec!["\nError: Deletion of some consumer groups failed:".to_owned()];
    lines.extend(failed);
    if !gone.is_empty() {
        lines.push(format!("\nThese consumer groups were deleted successfully: '{gone}'"));
    }
    Err(lines.join("\n"))
}

pub(super) fn delete_offsets(arguments: &Arguments) -> Result<Job, Refusal> {
    let group = group(arguments)?;
    let asked = topics(arguments, false)?;
    let named: Vec<String> =
        arguments.all("--topic").into_iter().map(|word| word.text.clone()).collect();
    let (name, topics) = (group.clone(), named.join(","));
    let ask = Ask::DeleteOffsets { group, topics: asked, share: false };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::DeletedOffsets(outcomes))) => {
            let table = deleted_table(&outcomes);
            if outcomes.iter().any(|(_, outcome)| outcome.is_err()) {
                let error =
                    "\nError: Encounter some partition level error, see the follow-up details:";
                return Err(format!("{error}\n{}", table.join("\n")));
            }
            let done =
                format!("Request succeed for deleting offsets with topic {topics} group {name}");
            Ok([done].into_iter().chain(table).collect())
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) if error.name == "GROUP_ID_NOT_FOUND" => {
            let table = deleted_table(&[]).join("\n");
            Err(format!("\nError: '{name}' does not exist.\n{table}"))
        }
        Err(error) => Err(failure(error)),
    }))
}

fn deleted_table(outcomes: &[(TopicPartition, Result<(), ApiError>)]) -> Vec<String> {
    let widths = [30, 15, 15];
    let mut lines = vec![String::new(), java_row(&["TOPIC", "PARTITION", "STATUS"], &widths)];
    lines.extend(outcomes.iter().map(|(partition, outcome)| {
        let number = partition.partition.to_string();
        let status = match outcome {
            Ok(()) => "Successful".to_owned(),
            Err(error) => format!("Error: :{}", exception(error)),
        };
        java_row(&[&*partition.topic, &number, &status], &widths)
    }));
    lines
}
