//! A lesson and its learner, as the page shows them.

use super::lesson::{BetFigure, Goal, LessonView, Observed, Question, StepView};
use crate::lesson::bet::figures;
use crate::lesson::condition::Condition;
use crate::lesson::document::{Prediction, Statement, Step};
use crate::lesson::player::{Live, Player};
use crate::lesson::progress::{Answer, StepProgress};
use crate::lesson::text::Inline;

/// What the page shows of a learner in a lesson.
pub fn lesson_view(player: &Player) -> LessonView {
    let (lesson, progress) = (player.lesson(), player.progress());
    let steps = lesson.steps.iter().zip(&progress.steps).zip(player.live());
    let steps = steps.enumerate().map(|(index, ((step, own), live))| {
        let mut view = step_view(step, own, live);
        view.done = player.step_done(index);
        let without = player.without().filter(|_| index == progress.current);
        if let Some((_, is_on)) = without.and_then(|place| view.without.get_mut(place)) {
            *is_on = true;
        }
        view
    });
    LessonView {
        id: lesson.id.clone(),
        language: lesson.language.clone(),
        title: lesson.front.title.clone(),
        unit: lesson.front.unit.clone(),
        order: lesson.front.order,
        minutes: lesson.front.minutes,
        steps: steps.collect(),
        current: progress.current,
        solved: player.solved(),
        viewed: player.viewed(),
    }
}

fn step_view(step: &Step, own: &StepProgress, live: &Live) -> StepView {
    let commands = step.commands.iter().enumerate();
    let solution = step.solution.iter().map(|command| command.text.clone());
    StepView {
        title: step.title.clone(),
        text: step.text.clone(),
        commands: commands.map(|(index, line)| (line.text.clone(), index < own.ran)).collect(),
        question: step.prediction.as_ref().map(|prediction| question(prediction, own)),
        observed: observed(&step.observations, live),
        goals: goals(&step.goals, live),
        hints: step.hints.iter().take(own.hints).cloned().collect(),
        hints_total: step.hints.len(),
        solution: own.solution_shown.then(|| solution.collect()),
        has_solution: !step.solution.is_empty(),
        without: step.without.iter().map(|without| (without.text.clone(), false)).collect(),
        done: false,
    }
}

fn question(prediction: &Prediction, own: &StepProgress) -> Question {
    let chosen = match own.answer {
        Answer::Chosen(choice) => Some(choice),
        Answer::Open | Answer::Skipped => None,
    };
    Question {
        text: prediction.question.clone(),
        options: prediction.choices.iter().map(|choice| choice.text.clone()).collect(),
        chosen,
        skipped: own.answer == Answer::Skipped,
        right: own.right,
        why: own.right.map_or(Vec::new(), |right| why(prediction, chosen, right)),
        bet: chosen.map_or(Vec::new(), |chosen| bet(&prediction.choices[chosen].when, own)),
    }
}

fn bet(when: &Condition, own: &StepProgress) -> Vec<BetFigure> {
    let figures = figures(when).into_iter().enumerate();
    let bet = figures.map(|(index, figure)| BetFigure {
        left: figure.left().to_owned(),
        sign: figure.sign.to_owned(),
        value: figure.value,
        came: own.bet.get(index).copied().flatten(),
    });
    bet.collect()
}

/// Why the right one is right; before it, for a wrong choice, why not so.
fn why(prediction: &Prediction, chosen: Option<usize>, right: usize) -> Vec<Inline> {
    let mut sentence = Vec::new();
    if let Some(wrong) = chosen.filter(|chosen| *chosen != right) {
        sentence.extend(prediction.choices[wrong].why.iter().cloned());
        sentence.push(Inline::Text(" ".into()));
    }
    sentence.extend(prediction.choices[right].why.iter().cloned());
    sentence
}

fn observed(statements: &[Statement], live: &Live) -> Vec<Observed> {
    let statements = statements.iter().enumerate();
    let observed = statements.map(|(index, statement)| Observed {
        label: statement.text.clone(),
        expression: statement.condition.left.clone(),
        value: live.observed.get(index).cloned().flatten(),
    });
    observed.collect()
}

fn goals(clauses: &[Statement], live: &Live) -> Vec<Goal> {
    let clauses = clauses.iter().enumerate();
    let goals = clauses.map(|(index, clause)| {
        let (holds, value) = live.goals.get(index).cloned().unwrap_or_default();
        Goal { text: clause.text.clone(), holds, value }
    });
    goals.collect()
}
