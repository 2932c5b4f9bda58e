//! `pushpull check`: what a lesson says is so, in both languages, every time.
//!
//! Each lesson is read; its languages are compared; each number of its text must be confirmed by
//! a statement or a command of its step; and it is run in a lab of its own
//! ([`trial`](super::trial)).

use super::bench::LabBench;
use super::compare::differences;
use super::document::{Choice, Command, Lesson, Statement, Step};
use super::error::LessonError;
use super::number::numbers;
use super::trial::try_lesson;
use crate::ordered::{BTreeMap, BTreeSet, Order};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};

const LANGUAGES: [&str; 2] = ["en", "ko"];

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The files that were checked.
    pub files: Vec<String>,
    /// What is wrong; nothing if the lessons are as they should be.
    pub failures: Vec<Failure>,
}

/// Something that is wrong with a lesson.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The file.
    pub file: String,
    /// The line in it, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What was found, and what was expected.
    pub sentence: String,
}

impl Report {
    /// True if nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        write!(f, "{} files checked, {} failures", self.files.len(), self.failures.len())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.sentence),
            line => write!(f, "{}:{line}: {}", self.file, self.sentence),
        }
    }
}

impl From<LessonError> for Failure {
    fn from(error: LessonError) -> Failure {
        let LessonError { file, line, found, expected } = error;
        Failure { file, line, sentence: format!("found {found}, expected {expected}") }
    }
}

/// A file of a lesson: `.../LANGUAGE/ID.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    /// The folder that holds the folders of the languages.
    root: PathBuf,
    id: String,
    language: String,
}

impl Source {
    fn path(&self) -> PathBuf {
        self.root.join(&self.language).join(format!("{}.md", self.id))
    }
}

/// Checks lessons: files, or folders with all that they hold.
pub fn check(paths: &[PathBuf]) -> Report {
    let (mut report, lessons) = checked_texts(paths);
    let lessons: Vec<(String, Lesson)> = lessons
        .into_iter()
        .map(|(source, lesson)| (source.path().display().to_string(), lesson))
        .collect();
    report.failures.extend(tried(&lessons));
    report
}

/// What is wrong when lessons are run, in their order; each has a lab of its own, and so every
/// core of the machine can run one.
fn tried(lessons: &[(String, Lesson)]) -> Vec<Failure> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mine = std::iter::from_fn(|| {
            let number = next.fetch_add(1, Ordering::Relaxed);
            lessons.get(number).map(|lesson| (number, lesson))
        });
        let tried = mine.map(|(n, (file, it))| (n, try_lesson(file, it, LabBench::fresh)));
        tried.collect::<Vec<_>>()
    };
    let cores = available_parallelism().map_or(1, usize::from);
    let mut found: Vec<(usize, Vec<Failure>)> = scope(|scope| {
        let all: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        all.into_iter().flat_map(|core| core.join().expect("a lesson panicked")).collect()
    });
    found.order_by_key(|(number, _)| *number);
    found.into_iter().flat_map(|(_, failures)| failures).collect()
}

/// The part of [`check`] that needs no lab: form, languages and numbers.
pub fn check_texts(paths: &[PathBuf]) -> Report {
    checked_texts(paths).0
}

fn checked_texts(paths: &[PathBuf]) -> (Report, BTreeMap<Source, Lesson>) {
    let mut report = Report::default();
    let mut sources = BTreeSet::new();
    for path in paths {
        gather(path, &mut sources, &mut report, 0);
    }
    if sources.is_empty() && report.is_good() {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let sentence = "found no lesson, expected files like en/ID.md and ko/ID.md".into();
        report.failures.push(Failure { file: names.join(", "), line: 0, sentence });
    }
    let mut lessons = BTreeMap::new();
    for source in &sources {
        let file = source.path().display().to_string();
        report.files.push(file.clone());
        match read(source, &file) {
            Ok(lesson) => drop(lessons.insert(source.clone(), lesson)),
            Err(failure) => report.failures.push(failure),
        }
    }
    for (source, lesson) in &lessons {
        let file = source.path().display().to_string();
        report.failures.extend(unconfirmed_numbers(&file, lesson));
        report.failures.extend(compared(source, lesson, &file, &lessons));
    }
    (report, lessons)
}

/// Folders are looked into only so deep.
const DEPTH_MAX: u32 = 4;

fn gather(path: &Path, sources: &mut BTreeSet<Source>, report: &mut Report, depth: u32) {
    let mut fail = |sentence: String| {
        report.failures.push(Failure { file: path.display().to_string(), line: 0, sentence });
    };
    if path.is_dir() && depth <= DEPTH_MAX {
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let mut inside: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
                inside.order();
                inside.retain(|path| path.is_dir() || path.extension().is_some_and(|e| e == "md"));
                inside.iter().for_each(|path| gather(path, sources, report, depth + 1));
            }
            Err(error) => fail(format!("found a folder that cannot be read: {error}")),
        }
        return;
    }
    match source(path) {
        Some(source) => drop(sources.insert(source)),
        None => fail("found another file, expected a lesson: LANGUAGE/ID.md".into()),
    }
}

fn source(path: &Path) -> Option<Source> {
    let id = path.file_name()?.to_str()?.strip_suffix(".md")?.to_string();
    let folder = path.parent()?;
    let language = folder.file_name()?.to_str()?.to_string();
    let root = folder.parent()?.to_path_buf();
    LANGUAGES.contains(&language.as_str()).then_some(Source { root, id, language })
}

fn read(source: &Source, file: &str) -> Result<Lesson, Failure> {
    let markdown = std::fs::read_to_string(source.path()).map_err(|error| {
        let sentence = format!("found a file that cannot be read: {error}");
        Failure { file: file.into(), line: 0, sentence }
    })?;
    Ok(Lesson::parse(&source.id, &source.language, file, &markdown)?)
}

/// The other language has to be there, and to say the same.
fn compared(
    source: &Source,
    lesson: &Lesson,
    file: &str,
    lessons: &BTreeMap<Source, Lesson>,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    for language in LANGUAGES.into_iter().filter(|language| *language != source.language) {
        let sibling = Source { language: language.into(), ..source.clone() };
        let path = sibling.path().display().to_string();
        let other = match lessons.get(&sibling) {
            Some(lesson) => lesson.clone(),
            None => match read(&sibling, &path) {
                Ok(lesson) => lesson,
                Err(failure) => {
                    failures.push(failure);
                    continue;
                }
            },
        };
        let found = differences(&other, lesson).into_iter();
        failures.extend(found.map(|error| LessonError { file: file.into(), ..error }.into()));
    }
    failures
}

/// Numbers of the text that nothing in their step confirms.
fn unconfirmed_numbers(file: &str, lesson: &Lesson) -> Vec<Failure> {
    let mut failures = Vec::new();
    let anywhere = joined(lesson.start.iter().map(|command| &command.text))
        .union(&joined(lesson.front.numbers.iter()))
        .cloned()
        .collect::<BTreeSet<_>>();
    for step in &lesson.steps {
        let confirmed: BTreeSet<_> = anywhere.union(&numbers_of(step)).cloned().collect();
        let mut judge = |line: usize, text: &str, also: &BTreeSet<String>| {
            for number in numbers(text) {
                if !confirmed.contains(&number) && !also.contains(&number) {
                    let sentence = format!(
                        "found the number {number} in the text, expected an `observe`, a `goal` or \
                         a command of the step \"{}\" that has it (or `numbers:` in the head)",
                        step.title
                    );
                    failures.push(Failure { file: file.into(), line, sentence });
                }
            }
        };
        for prose in &step.prose {
            judge(prose.line, &prose.text, &BTreeSet::new());
        }
        for choice in step.prediction.iter().flat_map(|prediction| &prediction.choices) {
            judge(choice.line, &choice.words(), &numbers(&choice.when.text));
        }
    }
    failures
}

/// What the engine confirms in a step.
fn numbers_of(step: &Step) -> BTreeSet<String> {
    let commands =
        step.commands.iter().chain(&step.solution).map(|command: &Command| &command.text);
    let statements = step.observations.iter().chain(&step.goals);
    let statements = statements.map(|statement: &Statement| &statement.condition.text);
    let choices = step.prediction.iter().flat_map(|prediction| &prediction.choices);
    let right = choices.filter(|choice| choice.belief.is_none());
    joined(commands.chain(statements).chain(right.map(|choice: &Choice| &choice.when.text)))
}

fn joined<'a>(texts: impl Iterator<Item = &'a String>) -> BTreeSet<String> {
    texts.flat_map(|text| numbers(text)).collect()
}
