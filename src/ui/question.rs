//! A prediction: it comes before the run, and the lab decides.

use super::desk::use_desk;
use super::rich_text::inlines;
use super::state::Action;
use crate::host::protocol::LessonAct;
use crate::view::lesson::Question;
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
