//! The list of lessons.

use super::desk::use_desk;
use super::state::Action;
use crate::lesson::catalog::{Entry, LESSONS};
use crate::view::words::fill;
use yew::prelude::*;

/// What is open.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The lesson that is open.
    pub open: Option<String>,
    /// Why a lesson could not be opened.
    pub error: Option<String>,
}

/// The list of lessons.
#[component]
pub fn LessonList(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let entry = |(index, entry): (usize, &'static Entry)| {
        let open = props.open.as_deref() == Some(entry.id);
        let minutes = fill(t.minutes, &[("minutes", &entry.minutes.to_string())]);
        html! {
            <li>
                <button type="button" class="lesson-entry" data-test={["lesson-", entry.id].concat()}
                    aria-current={open.then_some("true")}
                    onclick={desk.on(Action::OpenLesson(entry.id))}>
                    <span class="num quiet">{ index + 1 }</span>
                    <span class="lesson-entry-title">{ entry.title(desk.language.code()) }</span>
                    <span class="small quiet">{ minutes }</span>
                </button>
            </li>
        }
    };
    html! {
        <section class="app-lesson lesson-list" aria-labelledby="lessons" data-test="lesson-list">
            <h1 id="lessons" class="large">{ t.lessons }</h1>
            <p class="quiet small">{ t.lessons_lead }</p>
            if let Some(error) = &props.error {
                <p class="notice error" role="alert">{ t.lesson_refused }{ " " }<span lang="en">{ error }</span></p>
            }
            <ol class="entries">{ for LESSONS.iter().enumerate().map(entry) }</ol>
        </section>
    }
}
