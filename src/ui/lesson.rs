//! The open lesson: its current step, from the prediction to the goal.

use super::desk::{Desk, use_desk};
use super::host_page;
use super::icon::Icon;
use super::question::QuestionCard;
use super::rich_text::{blocks, command, inlines};
use super::state::{Action, Tab};
use crate::host::protocol::LessonAct;
use crate::lesson::catalog;
use crate::view::beside::Beside;
use crate::view::lesson::{Goal, Inline, LessonView, Observed, StepView};
use crate::view::words::runs::Runs;
use crate::view::words::{fill, seconds};
use std::rc::Rc;
use yew::prelude::*;

/// The lesson.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The lesson.
    pub lesson: Rc<LessonView>,
    /// Why it could not be read in this language.
    pub error: Option<String>,
    /// The second run, if there is one.
    pub beside: Option<Rc<Beside>>,
}

/// The open lesson.
#[component]
pub fn LessonPane(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let lesson = &*props.lesson;
    let Some(step) = lesson.steps.get(lesson.current) else { return Html::default() };
    let place = fill(
        t.step_of,
        &[("step", &(lesson.current + 1).to_string()), ("steps", &lesson.steps.len().to_string())],
    );
    html! {
        <article class="app-lesson lesson" aria-labelledby="lesson" data-test="lesson">
            <p class="lesson-crumb">
                <button type="button" class="button quiet lesson-all" data-test="all-lessons"
                    onclick={desk.on(Action::ShowLessons)}>{ t.all_lessons }</button>
                <span class="num quiet">{ lesson.order }{ " / " }{ catalog::LESSONS.len() }</span>
            </p>
            <h1 id="lesson" tabindex="-1">{ &lesson.title }</h1>
            <ol class="lesson-steps" aria-label={place.clone()}>
                { for lesson.steps.iter().enumerate().map(|(index, step)| dot(&desk, lesson, index, step)) }
            </ol>
            <p class="eyebrow">{ place }</p>
            <h2>{ &step.title }</h2>
            <div class="lesson-text">{ blocks(&step.text) }</div>
            if let Some(error) = &props.error {
                <p class="notice error" role="alert">{ t.lesson_refused }{ " " }<span lang="en">{ error }</span></p>
            }
            if let Some(question) = step.question.as_ref().filter(|_| host_page::asks_bets()) {
                <QuestionCard question={question.clone()}
                    open={question.right.is_none() && !step.commands.iter().any(|(_, ran)| *ran)} />
            }
            { commands(&desk, step) }
            { without(&desk, step, props.beside.as_deref()) }
            { observed(&desk, &step.observed) }
            { goals(&desk, step) }
            { hints(&desk, step) }
            { onward(&desk, lesson, step) }
        </article>
    }
}

fn dot(desk: &Desk, lesson: &LessonView, index: usize, step: &StepView) -> Html {
    let class = match (step.done, index == lesson.current) {
        (_, true) => "is-here",
        (true, _) => "is-done",
        _ => "",
    };
    html! {
        <li class={class}>
            <button type="button" aria-label={step.title.clone()} title={step.title.clone()}
                aria-current={(index == lesson.current).then_some("step")}
                onclick={desk.on(Action::Lesson(LessonAct::Go(index)))} />
        </li>
    }
}

/// The commands of the step: run when the question is answered or passed over.
fn commands(desk: &Desk, step: &StepView) -> Html {
    if step.commands.is_empty() {
        return Html::default();
    }
    let t = desk.texts;
    let asked = step.question.as_ref();
    let is_open = asked.is_some_and(|question| question.chosen.is_none() && !question.skipped);
    let answered = !is_open || !host_page::asks_bets();
    let run = |act: LessonAct| {
        let desk = desk.clone();
        Callback::from(move |_: MouseEvent| {
            if is_open {
                desk.send(Action::Lesson(LessonAct::SkipPrediction));
            }
            desk.send(Action::Lesson(act.clone()));
        })
    };
    let over = step.commands.iter().all(|(_, ran)| *ran);
    let several = step.commands.iter().filter(|(_, ran)| !ran).count() > 1;
    html! {
        <section class="lesson-commands">
            <ul class="commands">
                { for step.commands.iter().map(|(line, ran)| html! {
                    <li class={if *ran { "is-run" } else { "" }}>
                        <code class="command">{ command(line) }</code>
                        if *ran { <span class="ok-text">{ Icon::Tick.html() }
                            <span class="visually-hidden">{ t.was_run }</span></span> }
                    </li>
                }) }
            </ul>
            if !over {
                <div class="row">
                    <button type="button" data-test="run" disabled={!answered}
                        class={if answered { "button primary" } else { "button" }}
                        onclick={run(LessonAct::RunAll)}>{ t.run }</button>
                    if several {
                        <button type="button" class="button" data-test="run-next" disabled={!answered}
                            onclick={run(LessonAct::RunNext)}>{ t.run_next }</button>
                    }
                    if !answered { <span class="small quiet">{ t.choose_first }</span> }
                </div>
            }
        </section>
    }
}

/// What if it were not so: a protection is left out, once the step has run.
fn without(desk: &Desk, step: &StepView, known: Option<&Beside>) -> Html {
    if step.without.is_empty() || !step.commands.iter().all(|(_, ran)| *ran) {
        return Html::default();
    }
    let t = desk.texts;
    let one = |(index, (text, is_on)): (usize, &(Vec<Inline>, bool))| {
        let (act, name) = match is_on {
            true => (LessonAct::Without(None), t.with_all),
            false => (LessonAct::Without(Some(index)), t.without_it),
        };
        html! {
            <>
                <p>{ inlines(text) }</p>
                if *is_on {
                    <p class="small" role="status"><b>{ t.without_now }</b></p>
                    { with_beside(desk, known) }
                }
                <button type="button" class="button" data-test="without"
                    aria-pressed={if *is_on { "true" } else { "false" }}
                    onclick={desk.on(Action::Lesson(act))}>{ name }</button>
            </>
        }
    };
    html! {
        <section class="card what-if" data-test="what-if">
            <h3>{ t.what_if }</h3>
            { for step.without.iter().enumerate().map(one) }
        </section>
    }
}

/// The same run with all protections, beside the one without: where they part, and all of both.
fn with_beside(desk: &Desk, known: Option<&Beside>) -> Html {
    let Some(known) = known else { return Html::default() };
    let t = Runs::of(desk.language);
    let parts_at = known.difference.as_ref().map(|parting| {
        let time = seconds(parting.at_us, desk.language);
        [&*fill(t.parts_at, &[("time", &time)]), "."].concat()
    });
    html! {
        <>
            <p class="small">{ t.with_rule }{ " " }{ parts_at.as_deref().unwrap_or(t.same_so_far) }</p>
            <div class="row">
                if parts_at.is_some() {
                    <button type="button" class="button" data-test="without-part"
                        onclick={desk.on(Action::Part)}>{ t.jump }</button>
                }
                <button type="button" class="button" data-test="without-both"
                    onclick={desk.on(Action::ShowTab(Tab::Compare))}>{ t.see_both }</button>
            </div>
        </>
    }
}

fn observed(desk: &Desk, observed: &[Observed]) -> Html {
    if observed.is_empty() {
        return Html::default();
    }
    html! {
        <section class="lesson-observed">
            <h3>{ desk.texts.observe }</h3>
            <dl class="values">
                { for observed.iter().map(|it| html! {
                    <div title={it.expression.clone()}>
                        <dt>{ inlines(&it.label) }</dt>
                        <dd class="num">{ it.value.as_deref().unwrap_or("–") }</dd>
                    </div>
                }) }
            </dl>
        </section>
    }
}

fn goals(desk: &Desk, step: &StepView) -> Html {
    if step.goals.is_empty() {
        return Html::default();
    }
    let t = desk.texts;
    let reached = step.goals.iter().all(|goal| goal.holds);
    let goal = |goal: &Goal| {
        let (class, icon, word) = match goal.holds {
            true => ("goal is-met", Icon::Tick, t.holds),
            false => ("goal", Icon::Circle, t.holds_not),
        };
        html! {
            <li class={class}>
                { icon.html() }<span class="visually-hidden">{ word }</span>
                <span>{ inlines(&goal.text) }</span>
                <span class="goal-value num">{ goal.value.as_deref().unwrap_or("–") }</span>
            </li>
        }
    };
    html! {
        <section class="card goals" data-test="goals">
            <h3>{ t.goal }
                if reached { <span class="chip ok">{ t.reached }</span> }
            </h3>
            <ul class="goal-list">{ for step.goals.iter().map(goal) }</ul>
        </section>
    }
}

fn hints(desk: &Desk, step: &StepView) -> Html {
    let t = desk.texts;
    let shown = step.hints.len();
    let next = fill(
        t.hint_of,
        &[("hint", &(shown + 1).to_string()), ("hints", &step.hints_total.to_string())],
    );
    let stuck = shown == step.hints_total && step.has_solution && !step.done;
    html! {
        <section class="hints">
            { for step.hints.iter().map(|hint| html! {
                <div class="notice hint">{ blocks(hint) }</div>
            }) }
            if let Some(solution) = &step.solution {
                <div class="solution">
                    <h3>{ t.solution }</h3>
                    <ul class="commands">{ for solution.iter().map(|line| html! {
                        <li><code class="command">{ command(line) }</code></li>
                    }) }</ul>
                    <button type="button" class="button" data-test="run-solution"
                        onclick={desk.on(Action::Run(solution.join("\n")))}>{ t.run_solution }</button>
                </div>
            }
            <div class="row">
                if shown < step.hints_total && !step.done {
                    <button type="button" class="button" data-test="hint"
                        onclick={desk.on(Action::Lesson(LessonAct::Hint))}>{ next }</button>
                }
                if stuck && step.solution.is_none() {
                    <button type="button" class="button" data-test="solution"
                        onclick={desk.on(Action::Lesson(LessonAct::ShowSolution))}>{ t.show_solution }</button>
                }
            </div>
        </section>
    }
}

/// To the next step, the one before, or out.
fn onward(desk: &Desk, lesson: &LessonView, step: &StepView) -> Html {
    let t = desk.texts;
    let last = lesson.current + 1 == lesson.steps.len();
    let at = catalog::LESSONS.iter().position(|entry| entry.id == lesson.id);
    let next = at.and_then(|at| catalog::LESSONS.get(at + 1));
    let over = last && lesson.steps.iter().all(|step| step.done);
    let class = if step.done { "button primary" } else { "button" };
    html! {
        <nav class="onward" aria-label={t.onward}>
            if over {
                <p class="notice ok" role="status">{ if lesson.viewed { t.lesson_viewed } else { t.lesson_solved } }</p>
            }
            <div class="row">
                if lesson.current > 0 {
                    <button type="button" class="button" data-test="previous-step"
                        onclick={desk.on(Action::Lesson(LessonAct::Go(lesson.current - 1)))}>{ t.previous_step }</button>
                }
                if !last {
                    <button type="button" class={class} data-test="next-step"
                        onclick={desk.on(Action::Lesson(LessonAct::Go(lesson.current + 1)))}>{ t.next_step }</button>
                }
                if let (true, Some(next)) = (over, next) {
                    <button type="button" class="button primary" data-test="next-lesson"
                        onclick={desk.on(Action::OpenLesson(next.id))}>{ t.next_lesson }</button>
                }
                if over {
                    <button type="button" class="button" data-test="explore"
                        onclick={desk.on(Action::FreeLab)}>{ t.explore }</button>
                }
            </div>
        </nav>
    }
}
