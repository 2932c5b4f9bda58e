//! The state of a learner in a lesson. The player runs nothing: it says which lines are to run,
//! is told how each went, and looks at the lab through a [`Lookup`].
//!
//! A host does this, and nothing more:
//!
//! 1. [`Player::open`], then run the lines of [`Player::start`] in the lab;
//! 2. at each [`LessonAct`]: run the lines that [`Player::act`] gives, in order, and after each
//!    call [`Player::ran`]; at the first that fails, call it with `false` and drop the rest;
//! 3. for each line that the learner typed and that was run: [`Player::typed`];
//! 4. before a frame is drawn: [`Player::refresh`].

use super::bet::figures;
use super::condition::Lookup;
use super::document::{Lesson, Step};
use super::error::LessonError;
use super::progress::{Answer, Progress, StepProgress};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a learner does in a lesson.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum LessonAct {
    /// Run the next command of the current step.
    RunNext,
    /// Run all commands of the current step that were not run.
    RunAll,
    /// Choose an option.
    Predict(usize),
    /// Go on without choosing.
    SkipPrediction,
    /// One more hint.
    Hint,
    /// Show the solution.
    ShowSolution,
    /// Go to a step.
    Go(usize),
    /// The lab of this step without one of the protections that the step names, by its place; with
    /// all of them again if `None`.
    Without(Option<usize>),
    /// Begin the lesson anew.
    Reset,
    /// The same lesson in another language, at the same place.
    Translate {
        /// `en` or `ko`.
        language: String,
        /// The lesson as JSON.
        json: String,
    },
}

/// What the lab says to the statements of a step, as of the last refresh while it was current.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Live {
    /// The value of each observation.
    pub observed: Vec<Option<String>>,
    /// Of each clause of the goal: whether it holds, and the value of its left side.
    pub goals: Vec<(bool, Option<String>)>,
}

/// A learner in a lesson.
#[derive(Clone, Debug)]
pub struct Player {
    lesson: Lesson,
    progress: Progress,
    live: Vec<Live>,
    /// Lines that were handed out and not told of yet, by the step they belong to; `None` for the
    /// commands that set the stage.
    under_way: VecDeque<Option<usize>>,
    /// The protection that the lab is without: nothing that happens there counts.
    without: Option<usize>,
}

impl Player {
    /// Opens a lesson at its first step. The host runs [`Player::start`] in a fresh lab then.
    pub fn open(lesson: Lesson) -> Player {
        let mut player = Player {
            lesson,
            progress: Progress::default(),
            live: Vec::new(),
            under_way: VecDeque::new(),
            without: None,
        };
        player.begin();
        player
    }

    /// The lesson.
    pub fn lesson(&self) -> &Lesson {
        &self.lesson
    }

    /// How far the learner is.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Goes on where the learner was. What does not fit the lesson is left out.
    pub fn resume(&mut self, progress: Progress) {
        self.under_way.clear();
        self.without = None;
        self.progress.current = progress.current.min(self.lesson.steps.len() - 1);
        let steps = self.lesson.steps.iter().zip(&mut self.progress.steps);
        for ((step, own), kept) in steps.zip(progress.steps) {
            *own = fitted(step, kept);
        }
    }

    /// The lab is without a protection that the current step names, as it was when it was left.
    pub fn resume_without(&mut self, without: Option<usize>) {
        self.without = without.filter(|index| *index < self.step().without.len());
    }

    /// What the lab says to each step, as of the last refresh while it was current.
    pub fn live(&self) -> &[Live] {
        &self.live
    }

    /// The lines that set the stage, from `lab new` on: to run when the lesson was opened.
    pub fn start(&mut self) -> Vec<String> {
        self.under_way = self.lesson.start.iter().map(|_| None).collect();
        self.lesson.start.iter().map(|command| command.text.clone()).collect()
    }

    /// Takes an act of the learner and gives the lines to run now: none for most acts. Only a
    /// translation can be refused, and then nothing has changed.
    pub fn act(&mut self, act: LessonAct) -> Result<Vec<String>, LessonError> {
        let mut lines = Vec::new();
        if self.without.is_some() && acts_on_the_lab(&act) {
            lines = self.with_all();
        }
        match act {
            LessonAct::RunNext => lines.extend(self.lines_to_run(1)),
            LessonAct::RunAll => lines.extend(self.lines_to_run(usize::MAX)),
            LessonAct::Without(Some(index)) => lines = self.lines_without(index),
            LessonAct::Without(None) => {}
            LessonAct::Predict(choice) => self.answer(Answer::Chosen(choice)),
            LessonAct::SkipPrediction => self.answer(Answer::Skipped),
            LessonAct::Hint => {
                let hints_total = self.step().hints.len();
                let own = self.own();
                own.hints = hints_total.min(own.hints + 1);
            }
            LessonAct::ShowSolution => {
                if !self.step().solution.is_empty() {
                    let own = self.own();
                    own.viewed |= !own.reached;
                    own.solution_shown = true;
                }
            }
            LessonAct::Go(step) => self.progress.current = step.min(self.lesson.steps.len() - 1),
            LessonAct::Reset => {
                self.begin();
                return Ok(self.start());
            }
            LessonAct::Translate { language, json } => self.translate(&language, &json)?,
        }
        Ok(lines)
    }

    /// A line that was handed out has run, or has failed. A failed one can be run again; the lines
    /// behind it are taken back.
    pub fn ran(&mut self, ok: bool, lookup: &impl Lookup) {
        if !ok {
            self.under_way.clear();
        } else if let Some(Some(step)) = self.under_way.pop_front() {
            self.count_command(step, lookup);
        }
        self.refresh(lookup);
    }

    /// The learner ran a line of his own. If it is the next command of the step, it counts as run.
    pub fn typed(&mut self, line: &str, ok: bool, lookup: &impl Lookup) {
        let step = self.progress.current;
        let next = self.step().commands.get(self.progress.steps[step].ran);
        let counts = ok && self.without.is_none() && self.under_way.is_empty();
        if counts && next.is_some_and(|next| next.text == line.trim()) {
            self.count_command(step, lookup);
        }
        self.refresh(lookup);
    }

    /// Looks at the lab: values, goals, and a prediction that needs no command to be decided.
    pub fn refresh(&mut self, lookup: &impl Lookup) {
        let current = self.progress.current;
        let step = &self.lesson.steps[current];
        let own = &mut self.progress.steps[current];
        if self.without.is_none() && step.commands.is_empty() && own.answer != Answer::Open {
            decide(step, own, lookup);
        }
        let live = &mut self.live[current];
        match (&step.prediction, own.answer, own.right) {
            (Some(prediction), Answer::Chosen(choice), Some(_)) if own.bet.is_empty() => {
                let figures = figures(&prediction.choices[choice].when);
                own.bet = figures.iter().map(|figure| figure.came(lookup)).collect();
            }
            _ => {}
        }
        live.observed =
            step.observations.iter().map(|observed| observed.condition.value(lookup)).collect();
        let clauses = step.goals.iter().map(|clause| &clause.condition);
        live.goals = clauses.map(|clause| (clause.holds(lookup), clause.value(lookup))).collect();
        own.reached |= self.without.is_none()
            && !step.goals.is_empty()
            && live.goals.iter().all(|(holds, _)| *holds);
    }

    /// True once a step is done: its commands ran, its question is answered or skipped, its goal
    /// was reached.
    pub fn step_done(&self, step: usize) -> bool {
        let (plan, own) = (&self.lesson.steps[step], &self.progress.steps[step]);
        own.ran == plan.commands.len()
            && (plan.prediction.is_none() || own.answer != Answer::Open)
            && (plan.goals.is_empty() || own.reached)
    }

    /// True once all goals were reached, none of them by a solution that was shown.
    pub fn solved(&self) -> bool {
        let steps = self.lesson.steps.iter().zip(&self.progress.steps);
        !self.viewed() && steps.clone().all(|(plan, own)| plan.goals.is_empty() || own.reached)
    }

    /// True if a solution was shown before its goal was reached.
    pub fn viewed(&self) -> bool {
        self.progress.steps.iter().any(|own| own.viewed)
    }

    fn begin(&mut self) {
        let steps = vec![StepProgress::default(); self.lesson.steps.len()];
        self.progress = Progress { current: 0, steps };
        self.live = vec![Live::default(); self.lesson.steps.len()];
        self.under_way.clear();
        self.without = None;
    }

    fn step(&self) -> &Step {
        &self.lesson.steps[self.progress.current]
    }

    fn own(&mut self) -> &mut StepProgress {
        &mut self.progress.steps[self.progress.current]
    }

    /// An answer can be changed until the step's first command has run.
    fn answer(&mut self, answer: Answer) {
        let step = self.step();
        let Some(prediction) = &step.prediction else { return };
        if matches!(answer, Answer::Chosen(choice) if choice >= prediction.choices.len()) {
            return;
        }
        let own = self.own();
        if own.ran == 0 && own.right.is_none() {
            own.answer = answer;
        }
    }

    /// The next commands of the current step, behind those of earlier steps that were passed over:
    /// the later ones need what they made.
    fn lines_to_run(&mut self, count: usize) -> Vec<String> {
        if self.under_way.iter().any(Option::is_some) {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for index in 0..=self.progress.current {
            let step = &self.lesson.steps[index];
            let own = &mut self.progress.steps[index];
            if step.prediction.is_some() && own.answer == Answer::Open {
                own.answer = Answer::Skipped;
            }
            let count = if index == self.progress.current { count } else { usize::MAX };
            for command in step.commands.iter().skip(own.ran).take(count) {
                lines.push(command.text.clone());
                self.under_way.push_back(Some(index));
            }
        }
        lines
    }

    /// The protection that the lab is without now, by its place in the step.
    pub fn without(&self) -> Option<usize> {
        self.without
    }

    /// The lab anew up to this step, without a protection: the learner's own acts are left out.
    fn lines_without(&mut self, index: usize) -> Vec<String> {
        let Some(without) = self.step().without.get(index) else { return Vec::new() };
        let option = [" --without ", &without.protection].concat();
        let mut lines = self.lines_so_far(true);
        if let Some(first) = lines.first_mut() {
            first.push_str(&option);
        }
        self.without = Some(index);
        lines
    }

    /// While the lab is without a protection: the line that puts the same run beside it, with all
    /// of them.
    pub fn beside(&self) -> Option<String> {
        let first = self.lesson.start.first().filter(|_| self.without.is_some())?;
        Some(["lab compare ", &first.text].concat())
    }

    /// The lab anew as the lesson had made it, with all protections.
    fn with_all(&mut self) -> Vec<String> {
        self.without = None;
        self.lines_so_far(false)
    }

    /// The lines that set the stage and those of the steps so far, which count for nothing: all of
    /// them, or those that have run.
    fn lines_so_far(&mut self, all: bool) -> Vec<String> {
        let mut lines: Vec<String> =
            self.lesson.start.iter().map(|command| command.text.clone()).collect();
        let steps = self.lesson.steps.iter().zip(&self.progress.steps);
        for (step, own) in steps.take(self.progress.current + 1) {
            let count = if all { step.commands.len() } else { own.ran };
            lines.extend(step.commands.iter().take(count).map(|command| command.text.clone()));
        }
        self.under_way = lines.iter().map(|_| None).collect();
        lines
    }

    fn count_command(&mut self, step: usize, lookup: &impl Lookup) {
        let plan = &self.lesson.steps[step];
        let own = &mut self.progress.steps[step];
        own.ran += 1;
        if own.ran == plan.commands.len() {
            decide(plan, own, lookup);
        }
    }

    fn translate(&mut self, language: &str, json: &str) -> Result<(), LessonError> {
        let lesson = Lesson::from_json(&self.lesson.id, language, json)?;
        let lesson = lesson.with_seed(self.lesson.front.seed);
        if let Some(difference) = super::compare::differences(&self.lesson, &lesson).pop() {
            return Err(difference);
        }
        self.lesson = lesson;
        Ok(())
    }
}

/// True for what begins in the lab as the lesson has it.
fn acts_on_the_lab(act: &LessonAct) -> bool {
    matches!(
        act,
        LessonAct::RunNext | LessonAct::RunAll | LessonAct::Go(_) | LessonAct::Without(None)
    )
}

/// The engine decides: right is the one choice that holds now.
fn decide(step: &Step, own: &mut StepProgress, lookup: &impl Lookup) {
    let Some(prediction) = &step.prediction else { return };
    if own.right.is_some() {
        return;
    }
    let choices = prediction.choices.iter().enumerate();
    let mut holding = choices.filter(|(_, choice)| choice.when.holds(lookup));
    if let (Some((index, _)), None) = (holding.next(), holding.next()) {
        own.right = Some(index);
    }
}

fn fitted(step: &Step, mut kept: StepProgress) -> StepProgress {
    let choices = step.prediction.as_ref().map_or(0, |prediction| prediction.choices.len());
    kept.ran = kept.ran.min(step.commands.len());
    kept.hints = kept.hints.min(step.hints.len());
    kept.right = kept.right.filter(|right| *right < choices);
    if matches!(kept.answer, Answer::Chosen(choice) if choice >= choices) {
        kept.answer = Answer::Open;
    }
    kept
}
