//! The same lesson in two languages: all but the words is the same.

use super::document::{Choice, Lesson, Prediction, Statement, Step};
use super::error::LessonError;
use super::number::numbers;
use crate::ordered::BTreeSet;
use std::fmt::Debug;

/// Where `other` differs from `one` in more than words; messages name lines of `other`.
pub fn differences(one: &Lesson, other: &Lesson) -> Vec<LessonError> {
    let mut found = Differences {
        file: format!("{}/{}.md", other.language, other.id),
        language: one.language.clone(),
        list: Vec::new(),
    };
    found.expect(0, "id", &one.id, &other.id);
    let (left, right) = (&one.front, &other.front);
    found.expect(1, "unit", &left.unit, &right.unit);
    found.expect(1, "order", &left.order, &right.order);
    found.expect(1, "minutes", &left.minutes, &right.minutes);
    found.expect(1, "prerequisites", &left.prerequisites, &right.prerequisites);
    found.expect(1, "seed", &left.seed, &right.seed);
    found.expect(1, "controls", &left.controls, &right.controls);
    found.expect(1, "numbers", &left.numbers, &right.numbers);
    let texts = |lesson: &Lesson| -> Vec<String> {
        lesson.start.iter().map(|command| command.text.clone()).collect()
    };
    found.expect(1, "commands of `sh start`", &texts(one), &texts(other));
    found.expect(0, "number of steps", &one.steps.len(), &other.steps.len());
    for (left, right) in one.steps.iter().zip(&other.steps) {
        found.steps(left, right);
    }
    found.list
}

struct Differences {
    file: String,
    language: String,
    list: Vec<LessonError>,
}

impl Differences {
    fn expect<T: PartialEq + Debug>(&mut self, line: usize, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.list.push(LessonError {
                file: self.file.clone(),
                line,
                found: format!("{what} {found:?}"),
                expected: format!("{expected:?} as in `{}`", self.language),
            });
        }
    }

    fn steps(&mut self, one: &Step, other: &Step) {
        let line = other.line;
        let texts = |step: &Step| -> Vec<String> {
            step.commands.iter().map(|command| command.text.clone()).collect()
        };
        self.expect(line, "commands", &texts(one), &texts(other));
        self.predictions(line, one.prediction.as_ref(), other.prediction.as_ref());
        self.statements(line, "observations", &one.observations, &other.observations);
        self.statements(line, "clauses", &one.goals, &other.goals);
        self.expect(line, "number of hints", &one.hints.len(), &other.hints.len());
        let texts = |step: &Step| -> Vec<String> {
            step.solution.iter().map(|command| command.text.clone()).collect()
        };
        self.expect(line, "solution", &texts(one), &texts(other));
        let names = |step: &Step| -> Vec<String> {
            step.without.iter().map(|without| without.protection.clone()).collect()
        };
        self.expect(line, "protections", &names(one), &names(other));
        self.expect(line, "numbers in the text", &prose_numbers(one), &prose_numbers(other));
    }

    fn predictions(&mut self, line: usize, one: Option<&Prediction>, other: Option<&Prediction>) {
        let count = |prediction: Option<&Prediction>| prediction.map(|found| found.choices.len());
        self.expect(line, "number of choices", &count(one), &count(other));
        let (Some(one), Some(other)) = (one, other) else { return };
        for (left, right) in one.choices.iter().zip(&other.choices) {
            let facts = |choice: &Choice| (choice.when.text.clone(), choice.belief.clone());
            self.expect(right.line, "choice", &facts(left), &facts(right));
        }
    }

    fn statements(&mut self, line: usize, what: &str, one: &[Statement], other: &[Statement]) {
        let texts = |list: &[Statement]| -> Vec<String> {
            list.iter().map(|statement| statement.condition.text.clone()).collect()
        };
        self.expect(line, what, &texts(one), &texts(other));
    }
}

fn prose_numbers(step: &Step) -> BTreeSet<String> {
    let choices = step.prediction.iter().flat_map(|prediction| &prediction.choices);
    let prose = step.prose.iter().flat_map(|prose| numbers(&prose.text));
    prose.chain(choices.flat_map(|choice| numbers(&choice.words()))).collect()
}
