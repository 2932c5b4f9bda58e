//! A lesson run in a lab of its own: once with its solutions, once more to see that it comes out
//! the same, and once without them.

use super::check::Failure;
use super::condition::{Condition, Lookup};
use super::document::{Choice, Command, Lesson, Prediction, Statement, Step};

/// A lab that a lesson is tried in.
pub trait Bench {
    /// What its predicates are asked of.
    type Seen: Lookup;
    /// Runs a line of the lab's language to its end; its output, or why it failed.
    fn run(&mut self, line: &str) -> Result<Vec<String>, String>;
    /// The lab as it is now.
    fn seen(&self) -> &Self::Seen;
}

/// What is not as the lesson says when it is run. `fresh` gives a lab that nothing was done to.
pub fn try_lesson<B: Bench>(
    file: &str,
    lesson: &Lesson,
    fresh: impl Fn() -> Result<B, String>,
) -> Vec<Failure> {
    let run = |with_solutions: bool| -> Result<Trial<'_, B>, Failure> {
        let bench = fresh().map_err(|sentence| Failure { file: file.into(), line: 0, sentence })?;
        let mut trial = Trial { file, bench, transcript: Vec::new(), failures: Vec::new() };
        let _ = trial.whole(lesson, with_solutions);
        Ok(trial)
    };
    let runs = (run(true), run(true), run(false));
    let (solved, again, plain) = match runs {
        (Ok(solved), Ok(again), Ok(plain)) => (solved, again, plain),
        (Err(failure), ..) | (_, Err(failure), _) | (.., Err(failure)) => return vec![failure],
    };
    let mut failures = solved.failures;
    failures.extend(differing(file, &solved.transcript, &again.transcript));
    let new = plain.failures.into_iter().filter(|failure| !failures.contains(failure));
    let new: Vec<_> = new.collect();
    failures.extend(new);
    failures
}

/// The first line in which two runs differ.
fn differing(file: &str, one: &[String], other: &[String]) -> Option<Failure> {
    let pairs = one.iter().zip(other).find(|(one, other)| one != other);
    let (found, expected) = match pairs {
        Some((one, other)) => (other.as_str(), one.as_str()),
        None if one.len() != other.len() => ("another number of lines", "the same run"),
        None => return None,
    };
    let sentence = format!("a second run differs: found {found:?}, expected {expected:?}");
    Some(Failure { file: file.into(), line: 0, sentence })
}

/// A run ends at the first command that fails: what comes after it would only confuse.
struct Ended;

struct Trial<'a, B> {
    file: &'a str,
    bench: B,
    transcript: Vec<String>,
    failures: Vec<Failure>,
}

impl<B: Bench> Trial<'_, B> {
    fn whole(&mut self, lesson: &Lesson, with_solutions: bool) -> Result<(), Ended> {
        self.commands(&lesson.start)?;
        for step in &lesson.steps {
            match with_solutions {
                true => self.solved_step(step)?,
                false => self.plain_step(step)?,
            }
        }
        Ok(())
    }

    fn solved_step(&mut self, step: &Step) -> Result<(), Ended> {
        self.not_yet(step, "before its step begins");
        self.commands(&step.commands)?;
        if let Some(prediction) = &step.prediction {
            self.decided(prediction);
        }
        if !step.solution.is_empty() {
            self.not_yet(step, "without the solution");
            self.commands(&step.solution)?;
        }
        let after = if step.solution.is_empty() { "the commands" } else { "the solution" };
        for clause in &step.goals {
            self.holds(clause, &format!("the clause \"{}\" holds after {after}", words(clause)));
        }
        for observed in &step.observations {
            self.holds(observed, &format!("\"{}\" is as the text says", words(observed)));
        }
        Ok(())
    }

    /// A learner who only runs the commands.
    fn plain_step(&mut self, step: &Step) -> Result<(), Ended> {
        self.commands(&step.commands)?;
        if let Some(prediction) = &step.prediction {
            let right = prediction.choices.iter().filter(|c| c.when.holds(self.bench.seen()));
            let wrong: Vec<_> = right.filter(|choice| choice.belief.is_some()).collect();
            for choice in wrong {
                let text = choice.words();
                self.fail(
                    choice.line,
                    format!("without solutions the engine decides for {text:?}"),
                );
            }
        }
        if !step.solution.is_empty() {
            self.not_yet(step, "without any solution");
        }
        Ok(())
    }

    fn commands(&mut self, commands: &[Command]) -> Result<(), Ended> {
        for command in commands {
            self.transcript.push(format!("$ {}", command.text));
            match self.bench.run(&command.text) {
                Ok(output) => self.transcript.extend(output),
                Err(error) => {
                    let text = &command.text;
                    self.fail(command.line, format!("the command failed: {text}\n    {error}"));
                    return Err(Ended);
                }
            }
        }
        Ok(())
    }

    fn not_yet(&mut self, step: &Step, when: &str) {
        let holds = |clause: &Statement| clause.condition.holds(self.bench.seen());
        if !step.goals.is_empty() && step.goals.iter().all(holds) {
            let line = step.goals[0].line;
            self.fail(line, format!("found the goal reached {when}, expected an act to be needed"));
        }
    }

    fn decided(&mut self, prediction: &Prediction) {
        let holds = |choice: &&Choice| choice.when.holds(self.bench.seen());
        let right: Vec<&Choice> = prediction.choices.iter().filter(holds).collect();
        let texts: Vec<String> = right.iter().map(|choice| choice.words()).collect();
        self.transcript.push(format!("right: {texts:?}"));
        let believed = prediction.choices.iter().find(|choice| choice.belief.is_none());
        if let ([right], Some(believed)) = (&right[..], believed)
            && right.line == believed.line
        {
            return;
        }
        let mut found = match right.len() {
            0 => "no choice that is right".to_string(),
            1 => format!("{:?} right", texts[0]),
            count => format!("{count} choices right, {texts:?}"),
        };
        for choice in believed.into_iter().chain(right.iter().copied()) {
            found.push_str(&format!("; {}", self.account(&choice.when)));
        }
        let expected = "exactly the one without `belief:`";
        self.fail(prediction.line, format!("found {found}, expected {expected}"));
    }

    fn holds(&mut self, statement: &Statement, expected: &str) {
        let account = self.account(&statement.condition);
        self.transcript.push(account.clone());
        if !statement.condition.holds(self.bench.seen()) {
            self.fail(statement.line, format!("found {account}, expected that {expected}"));
        }
    }

    /// A predicate with the value of its left side.
    fn account(&self, condition: &Condition) -> String {
        let value = condition.value(self.bench.seen());
        let value = value.unwrap_or_else(|| "no value".into());
        format!("`{}` = {value} in `{}`", condition.left, condition.text)
    }

    fn fail(&mut self, line: usize, sentence: String) {
        self.failures.push(Failure { file: self.file.into(), line, sentence });
    }
}

fn words(statement: &Statement) -> String {
    statement.text.iter().map(|inline| inline.words()).collect()
}
