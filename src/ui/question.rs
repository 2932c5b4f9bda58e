//! A prediction: it comes before the run, and the lab decides.

use super::desk::use_desk;
use super::rich_text::inlines;
use super::state::Action;
use crate::host::protocol::LessonAct;
use crate::view::bet;
use crate::view::lesson::{BetFigure, Question};
use crate::view::plot;
use crate::view::words::runs::Runs;
use crate::view::words::{Language, fill};
use yew::prelude::*;

/// The question.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The question.
    pub question: Question,
    /// True if a choice can still be made.
    pub open: bool,
}

/// The question with its answers.
#[component]
pub fn QuestionCard(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let question = &props.question;
    let option = |(index, text): (usize, &Vec<crate::view::lesson::Inline>)| {
        let chosen = question.chosen == Some(index);
        let right = question.right == Some(index);
        let class = match (chosen, right) {
            (_, true) => "answer is-right",
            (true, false) if question.right.is_some() => "answer is-wrong",
            (true, _) => "answer is-chosen",
            _ => "answer",
        };
        html! {
            <label class={class}>
                <input type="radio" name="prediction" checked={chosen} data-test="option"
                    disabled={!props.open}
                    onchange={desk.on(Action::Lesson(LessonAct::Predict(index)))} />
                <span>{ inlines(text) }</span>
                if right { <span class="chip ok">{ t.is_so }</span> }
                if chosen { <span class="answer-mine">{ t.my_prediction }</span> }
            </label>
        }
    };
    let verdict = question.right.map(|right| match question.chosen {
        Some(chosen) if chosen == right => html! { <b class="ok-text">{ t.bet_right }</b> },
        Some(_) => html! { <b class="third-text">{ t.bet_wrong }</b> },
        None => html! { <b>{ t.it_is_so }</b> },
    });
    html! {
        <fieldset class="card question" data-test="question">
            <legend class="visually-hidden">{ t.predict }</legend>
            <p class="eyebrow" aria-hidden="true">{ t.predict }</p>
            <p class="question-text">{ inlines(&question.text) }</p>
            { for question.options.iter().enumerate().map(option) }
            { bets(desk.language, &question.bet) }
            if let Some(verdict) = verdict {
                <p class="question-why" role="status">{ verdict }{ " " }{ inlines(&question.why) }</p>
            }
            if props.open && question.chosen.is_none() && !question.skipped {
                <button type="button" class="button quiet" data-test="skip-prediction"
                    onclick={desk.on(Action::Lesson(LessonAct::SkipPrediction))}>{ t.skip_prediction }</button>
            }
        </fieldset>
    }
}

/// The learner's figures over those that came, once the lab has decided: bars of one scale, the bet
/// a dashed ghost.
fn bets(language: Language, bets: &[BetFigure]) -> Html {
    let t = Runs::of(language);
    let came: Vec<(&BetFigure, f64)> =
        bets.iter().filter_map(|bet| Some((bet, bet.came?))).collect();
    if came.is_empty() {
        return Html::default();
    }
    let one = |(bet, came): &(&BetFigure, f64)| {
        let top = bet.value.max(*came).max(1.0);
        let part = |value: f64| ((value / top).clamp(0.0, 1.0) * 100.0).round().to_string();
        let was = [bet::sign(&bet.sign), " ", &plot::plain(bet.value)].concat();
        html! {
            <li class="bet-figure">
                <code>{ &bet.left }</code>
                if bet::is_amount(&bet.left) {
                    <svg viewBox="-1 0 102 12" preserveAspectRatio="none" aria-hidden="true">
                        <rect class="bet-came" y="2" height="8" width={part(*came)} />
                        <rect class="bet-ghost" y="0.5" height="11" width={part(bet.value)} />
                    </svg>
                }
                <span class="small num">
                    <span class="bet-was">{ fill(t.bet_was, &[("value", &was)]) }</span>
                    <b>{ fill(t.bet_came, &[("value", &plot::plain(*came))]) }</b>
                </span>
            </li>
        }
    };
    html! {
        <ul class="bets" aria-label={t.bet_drawn} data-test="bets">{ for came.iter().map(one) }</ul>
    }
}
