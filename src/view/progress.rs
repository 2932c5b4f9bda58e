//! How far a learner is in all lessons, as the list shows it, the browser keeps it, and a file
//! carries it to another one: a line for each lesson.

use super::lesson::LessonView;
use crate::lesson::catalog::{self, LESSONS};

/// The first line of the text.
const HEAD: &str = "pushpull progress 1";

/// How far a learner is in a lesson.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// It was not opened.
    #[default]
    None,
    /// It was opened.
    Begun,
    /// It is over, with a solution that was shown.
    Viewed,
    /// It is over.
    Solved,
}

const WORDS: [(Mark, &str); 3] =
    [(Mark::Begun, "begun"), (Mark::Viewed, "viewed"), (Mark::Solved, "solved")];

/// A lesson's line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// How far.
    pub mark: Mark,
    /// Predictions that were right.
    pub right: u32,
    /// Predictions that were not.
    pub wrong: u32,
    /// Questions that were passed over.
    pub skipped: u32,
}

/// How far a learner is in all lessons, in the order of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    lines: [Line; LESSONS.len()],
}

impl Progress {
    /// Of the lesson at a place of the list.
    pub fn of(&self, place: usize) -> Line {
        self.lines.get(place).copied().unwrap_or_default()
    }

    /// How many lessons are over.
    pub fn done(&self) -> usize {
        self.lines.iter().filter(|line| line.mark >= Mark::Viewed).count()
    }

    /// Takes note of an open lesson; true if that changed something.
    pub fn note(&mut self, lesson: &LessonView) -> bool {
        let Some(place) = LESSONS.iter().position(|entry| entry.id == lesson.id) else {
            return false;
        };
        let over = lesson.steps.iter().all(|step| step.done);
        let mark = match (over, lesson.viewed) {
            (true, false) => Mark::Solved,
            (true, true) => Mark::Viewed,
            (false, _) => Mark::Begun,
        };
        let mut line = Line { mark, ..Line::default() };
        for question in lesson.steps.iter().filter_map(|step| step.question.as_ref()) {
            match (question.right, question.chosen) {
                (Some(right), Some(chosen)) if right == chosen => line.right += 1,
                (Some(_), Some(_)) => line.wrong += 1,
                _ if question.skipped => line.skipped += 1,
                _ => {}
            }
        }
        let kept = &mut self.lines[place];
        let before = *kept;
        // A lesson that is begun anew stays as far as it was.
        if line.mark >= kept.mark {
            *kept = line;
        }
        *kept != before
    }

    /// Takes what is further in another one.
    pub fn merge(&mut self, other: &Progress) {
        for (own, line) in self.lines.iter_mut().zip(&other.lines) {
            if line.mark > own.mark {
                *own = *line;
            }
        }
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut text = String::from(HEAD);
        for (entry, line) in LESSONS.iter().zip(&self.lines) {
            if let Some((_, word)) = WORDS.iter().find(|(mark, _)| *mark == line.mark) {
                let counts = [line.right, line.wrong, line.skipped].map(|count| count.to_string());
                for piece in ["\n", entry.id, " ", word, " ", &counts.join(" ")] {
                    text.push_str(piece);
                }
            }
        }
        text.push('\n');
        text
    }

    /// Reads it from text: else the line that is wrong, from 1, and what stands there.
    pub fn parse(text: &str) -> Result<Progress, (usize, String)> {
        let mut progress = Progress::default();
        let mut lines = text.lines().enumerate();
        match lines.next() {
            Some((_, HEAD)) => {}
            other => return Err((1, short(other.map_or("", |(_, line)| line)))),
        }
        for (index, text) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let (id, line) = line(text).ok_or_else(|| (index + 1, short(text)))?;
            // A lesson that is not here is of another version.
            if let Some(entry) = catalog::find(id) {
                let place = LESSONS.iter().position(|known| known.id == entry.id);
                progress.lines[place.unwrap_or_default()] = line;
            }
        }
        Ok(progress)
    }
}

fn line(text: &str) -> Option<(&str, Line)> {
    let mut words = text.split_whitespace();
    let id = words.next()?;
    let word = words.next()?;
    let (mark, _) = WORDS.iter().find(|(_, known)| *known == word)?;
    let mut count = || words.next()?.parse::<u32>().ok();
    let line = Line { mark: *mark, right: count()?, wrong: count()?, skipped: count()? };
    words.next().is_none().then_some((id, line))
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::lesson::{Question, StepView};

    fn lesson(done: bool, viewed: bool, right: Option<usize>) -> LessonView {
        let question = Question { chosen: Some(1), right, ..Question::default() };
        let step = StepView { done, question: Some(question), ..StepView::default() };
        LessonView { id: "order".into(), steps: vec![step], viewed, ..LessonView::default() }
    }

    #[test]
    fn a_lesson_goes_on_and_never_back() {
        let mut progress = Progress::default();
        let place = LESSONS.iter().position(|entry| entry.id == "order").expect("it is there");
        assert!(progress.note(&lesson(false, false, None)));
        assert_eq!(progress.of(place).mark, Mark::Begun);
        assert!(progress.note(&lesson(true, false, Some(1))));
        assert_eq!(progress.of(place), Line { mark: Mark::Solved, right: 1, ..Line::default() });
        assert!(!progress.note(&lesson(false, false, None)));
        assert_eq!(progress.done(), 1);
        let unknown = LessonView { id: "none".into(), ..LessonView::default() };
        assert!(!progress.note(&unknown));
    }

    #[test]
    fn text_carries_it_to_another_browser() {
        let mut progress = Progress::default();
        progress.note(&lesson(true, true, Some(0)));
        let text = progress.text();
        assert_eq!(text, "pushpull progress 1\norder viewed 0 1 0\n");
        assert_eq!(Progress::parse(&text), Ok(progress.clone()));
        let mut other = Progress::default();
        other.merge(&progress);
        assert_eq!(other, progress);
    }

    #[test]
    fn what_is_no_progress_is_named() {
        assert_eq!(Progress::parse(""), Err((1, String::new())));
        assert_eq!(Progress::parse("hello"), Err((1, "hello".into())));
        let wrong = "pushpull progress 1\n\norder won 1 0 0\n";
        assert_eq!(Progress::parse(wrong), Err((3, "order won 1 0 0".into())));
        assert_eq!(Progress::parse("pushpull progress 1\norder solved 1 0\n").unwrap_err().0, 2);
        let newer = "pushpull progress 1\nlesson-of-tomorrow solved 1 0 0\n";
        assert_eq!(Progress::parse(newer), Ok(Progress::default()));
    }
}
