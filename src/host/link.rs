//! A share link: what a lab is made of, every command with its place in time, and where one
//! stands. It holds no state: whoever opens it lets the same happen again.
//!
//! As bytes: the version (1), a CRC-32C of version and body (4, little-endian), and the body: JSON
//! packed with deflate. As text for the fragment of an address: base64url without padding. The lab
//! is a `lab new` line that leaves nothing to a default, so that a default may change.
//!
//! Nothing is guessed at: what is unknown, cut off, damaged or beyond a limit is refused with what
//! was found and what was expected. A file holds the same text, and may be longer.

mod letters;

use super::journal;
use crate::lab::Timeline;
use crate::lab::command::Command;
use crate::lesson::progress::Progress;
use crate::shell::programs::lab_line;
use crate::sim::Time;
use crate::storage::manifest::JournalLine;
use serde::{Deserialize, Serialize};

/// The version that is written.
pub const VERSION: u8 = 1;

/// Bytes before the body.
const HEAD: usize = 5;

/// How well a body is packed: a link is short, so as well as can be.
const LEVEL: u8 = 9;

/// A link of more characters is offered as a file instead.
pub const OFFERED_MAX: usize = 2_000;

/// So many events a lab may go through on its way to where the link stands.
pub const STEPS_MAX: u64 = 20_000_000;

/// What may be read at the most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Characters of the text.
    pub letters: usize,
    /// Bytes once it is unpacked.
    pub unpacked: usize,
    /// Commands.
    pub actions: usize,
}

/// Of a link.
pub const LINK: Limits = Limits { letters: 8 << 10, unpacked: 64 << 10, actions: 2_000 };

/// Of a file.
pub const FILE: Limits = Limits { letters: 512 << 10, unpacked: 4 << 20, actions: 50_000 };

/// What is shared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    /// The version of the program that wrote it.
    pub engine: String,
    /// The line that makes the lab: `lab new --seed 7 ...`.
    pub lab: String,
    /// Every command: events processed before it, its instant in microseconds, its line.
    pub actions: Vec<(u64, u64, String)>,
    /// Where one stands: events processed, and the instant in microseconds.
    pub cursor: (u64, u64),
    /// The lesson that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lesson: Option<SharedLesson>,
}

/// A lesson that is shared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedLesson {
    /// Its id.
    pub id: String,
    /// How far the learner is.
    pub progress: Progress,
    /// The protection that the lab is without, by its place in the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<usize>,
}

/// Why a link is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkError {
    /// What is wrong.
    pub fault: Fault,
    /// What was found.
    pub found: String,
    /// What was expected, or the limit.
    pub expected: String,
}

/// What can be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// It has more characters than are read.
    Long,
    /// A character that no link has.
    Letter,
    /// It is too short to be one.
    Short,
    /// A newer version of the program wrote it.
    Newer,
    /// It is not what was written: cut off or changed.
    Damaged,
    /// It unpacks to more than is read, or to nothing.
    Unpacked,
    /// What it holds has another shape.
    Shape,
    /// It has too many commands.
    Actions,
    /// A command cannot be read.
    Action,
    /// The lab cannot be made.
    Lab,
    /// It stands too far from the beginning.
    Far,
    /// The commands do not come to the same here.
    Strayed,
    /// There is no such lesson here, or it has changed.
    Lesson,
}

impl LinkError {
    /// What is wrong, what was found and what was expected.
    pub fn new(fault: Fault, found: impl ToString, expected: impl ToString) -> LinkError {
        LinkError { fault, found: found.to_string(), expected: expected.to_string() }
    }
}

impl Shared {
    /// The lab as it stands.
    pub fn of(timeline: &Timeline, lesson: Option<SharedLesson>) -> Shared {
        let session = timeline.session();
        let journal = timeline.journal_lines();
        Shared {
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            lab: lab_line(session.spec()),
            actions: journal.into_iter().map(|l| (l.steps, l.time_us, l.text)).collect(),
            cursor: (session.steps(), session.now().micros()),
            lesson,
        }
    }

    /// The text of the link.
    pub fn encode(&self) -> String {
        let json = serde_json::to_vec(self).expect("what is shared is plain data");
        letters::encode(&framed(VERSION, &json))
    }

    /// What a link holds, or why it is refused.
    pub fn decode(text: &str, limits: Limits) -> Result<Shared, LinkError> {
        if text.len() > limits.letters {
            return Err(LinkError::new(Fault::Long, text.len(), limits.letters));
        }
        let bytes = letters::decode(text.trim_end())
            .map_err(|(at, found)| LinkError::new(Fault::Letter, found.escape_default(), at))?;
        let Some((head, body)) = bytes.split_first_chunk::<HEAD>() else {
            return Err(LinkError::new(Fault::Short, bytes.len(), HEAD));
        };
        let [version, checksum @ ..] = *head;
        let (found, expected) = (checksum_of(version, body), u32::from_le_bytes(checksum));
        if found != expected {
            let hex = |sum: u32| format!("{sum:08x}");
            return Err(LinkError::new(Fault::Damaged, hex(found), hex(expected)));
        }
        if version != VERSION {
            return Err(LinkError::new(Fault::Newer, version, VERSION));
        }
        let json = miniz_oxide::inflate::decompress_to_vec_with_limit(body, limits.unpacked)
            .map_err(|error| LinkError::new(Fault::Unpacked, error, limits.unpacked))?;
        let shared: Shared = serde_json::from_slice(&json)
            .map_err(|error| LinkError::new(Fault::Shape, error, VERSION))?;
        shared.within(limits)
    }

    fn within(self, limits: Limits) -> Result<Shared, LinkError> {
        if self.actions.len() > limits.actions {
            return Err(LinkError::new(Fault::Actions, self.actions.len(), limits.actions));
        }
        if self.cursor.0 > STEPS_MAX {
            return Err(LinkError::new(Fault::Far, self.cursor.0, STEPS_MAX));
        }
        let mut last = (0, 0);
        let ends = self.actions.iter().map(|(steps, time_us, _)| (*steps, *time_us));
        for (number, place) in ends.chain([self.cursor]).enumerate() {
            if place.0 < last.0 || place.1 < last.1 {
                let found = format!("{}: {place:?}", number + 1);
                return Err(LinkError::new(Fault::Action, found, format!("{last:?}")));
            }
            last = place;
        }
        Ok(self)
    }

    /// The lab at its beginning, with all that happened still to come.
    pub fn timeline(&self) -> Result<Timeline, LinkError> {
        let wrong = |error: String| LinkError::new(Fault::Lab, error, "lab new");
        let spec = match journal::command(&self.lab).map_err(wrong)? {
            Command::New(mut spec) => {
                spec.recorded_by(&self.engine);
                spec
            }
            _ => return Err(wrong(self.lab.clone())),
        };
        let mut journal = Vec::with_capacity(self.actions.len());
        for (number, (steps, time_us, text)) in self.actions.iter().enumerate() {
            let refused = |error: String| {
                LinkError::new(Fault::Action, format!("{}: {error}", number + 1), "a command")
            };
            let command = journal::command(text).map_err(refused)?;
            if matches!(command, Command::New(_)) || !command.changes() {
                return Err(refused(format!("\"{text}\" is in no journal")));
            }
            let line = JournalLine { steps: *steps, time_us: *time_us, text: text.clone() };
            journal.push((line, command));
        }
        let end = Time::from_micros(self.cursor.1);
        let timeline = Timeline::recorded_to(&spec, journal, self.cursor.0, end);
        timeline.map_err(|error| wrong(error.to_string()))
    }
}

fn framed(version: u8, json: &[u8]) -> Vec<u8> {
    let body = miniz_oxide::deflate::compress_to_vec(json, LEVEL);
    let mut bytes = Vec::with_capacity(HEAD + body.len());
    bytes.push(version);
    bytes.extend_from_slice(&checksum_of(version, &body).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}

fn checksum_of(version: u8, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[version]), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared() -> Shared {
        Shared {
            engine: "0.1.0".into(),
            lab: "lab new --seed 7".into(),
            actions: vec![(0, 0, "crash-all".into()), (9, 50, "crash-all".into())],
            cursor: (12, 60),
            lesson: None,
        }
    }

    fn fault(text: &str) -> Fault {
        Shared::decode(text, LINK).expect_err("it is refused").fault
    }

    fn of(version: u8, json: &str) -> String {
        letters::encode(&framed(version, json.as_bytes()))
    }

    #[test]
    fn a_link_comes_back_as_it_was() {
        assert_eq!(Shared::decode(&shared().encode(), LINK), Ok(shared()));
    }

    #[test]
    fn a_link_that_was_cut_or_changed_anywhere_is_refused() {
        let text = shared().encode();
        for at in 0..text.len() {
            assert!(Shared::decode(&text[..at], LINK).is_err(), "cut at {at}");
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert!(Shared::decode(&other, LINK).is_err(), "changed at {at}");
        }
        assert_eq!(fault(""), Fault::Short);
        let error = Shared::decode("AAAA*AAA", LINK).unwrap_err();
        assert_eq!(error, LinkError::new(Fault::Letter, "*", 5));
    }

    #[test]
    fn a_newer_link_is_named_and_not_guessed_at() {
        let error = Shared::decode(&of(VERSION + 1, "what only the future reads"), LINK);
        assert_eq!(error, Err(LinkError::new(Fault::Newer, VERSION + 1, VERSION)));
    }

    #[test]
    fn every_limit_is_kept() {
        assert_eq!(fault(&"A".repeat(LINK.letters + 1)), Fault::Long);
        // A bomb: a megabyte of blanks is a thousand bytes of deflate.
        let bomb = of(VERSION, &" ".repeat(1 << 20));
        assert!(bomb.len() < LINK.letters);
        assert_eq!(fault(&bomb), Fault::Unpacked);
        let many = Shared { actions: vec![(0, 0, "a".into()); LINK.actions + 1], ..shared() };
        assert_eq!(fault(&many.encode()), Fault::Actions);
        let far = Shared { cursor: (STEPS_MAX + 1, 60), ..shared() };
        assert_eq!(fault(&far.encode()), Fault::Far);
    }

    #[test]
    fn what_has_another_shape_is_refused() {
        for json in [
            "",
            "[]",
            "{}",
            r#"{"engine":"","lab":"","actions":[],"cursor":[0,0],"more":1}"#,
            r#"{"engine":"","lab":"","actions":[[0,-1,""]],"cursor":[0,0]}"#,
        ] {
            assert_eq!(fault(&of(VERSION, json)), Fault::Shape, "{json}");
        }
        let back = Shared { cursor: (8, 60), ..shared() };
        assert_eq!(fault(&back.encode()), Fault::Action, "the last command acts at event 9");
    }

    #[test]
    fn a_lab_or_command_that_is_none_is_refused() {
        let fault = |shared: Shared| shared.timeline().err().map(|error| error.fault);
        for lab in ["", "run 1s", "lab new --kafka-brokers 1000000", "lab new --seed 1\nrun 1s"] {
            assert_eq!(fault(Shared { lab: lab.into(), ..shared() }), Some(Fault::Lab), "{lab}");
        }
        for text in ["", "nonsense", "lab new", "help", "run 1s", "state", "crash-all\ncrash-all"] {
            let actions = vec![(0, 0, text.into())];
            assert_eq!(fault(Shared { actions, ..shared() }), Some(Fault::Action), "{text}");
        }
        assert_eq!(fault(shared()), None);
    }
}
