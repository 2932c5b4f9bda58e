//! The map of the lessons, with how far the learner is; and the worlds to begin the free lab with.

use super::desk::{Desk, use_desk};
use super::icon::Icon;
use super::outside;
use super::state::Action;
use crate::lesson::catalog::{Entry, LESSONS};
use crate::view::progress::{Mark, Progress};
use crate::view::words::fill;
use crate::view::worlds::WORLDS;
use std::rc::Rc;
use yew::prelude::*;

/// What is open.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The lesson that is open.
    pub open: Option<String>,
    /// Why a lesson could not be opened.
    pub error: Option<String>,
    /// How far the learner is.
    pub progress: Rc<Progress>,
}

/// The list of lessons.
#[component]
pub fn LessonList(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let (done, all) = (props.progress.done().to_string(), LESSONS.len().to_string());
    let units =
        ["A", "B", "C", "D", "E", "F"].into_iter().filter_map(|unit| unit_html(&desk, props, unit));
    html! {
        <section class="app-lesson lesson-list" aria-labelledby="lessons" data-test="lesson-list">
            <h1 id="lessons" class="large">{ t.lessons }</h1>
            <p class="quiet small">{ t.lessons_lead }</p>
            if let Some(error) = &props.error {
                <p class="notice error" role="alert">{ t.lesson_refused }{ " " }<span lang="en">{ error }</span></p>
            }
            <p class="small" data-test="progress">{ fill(t.progress_of, &[("done", &done), ("all", &all)]) }</p>
            { for units }
            { moving(&desk, &props.progress) }
            <h2 class="unit-name">{ t.worlds }</h2>
            <ul class="entries">
                { for WORLDS.iter().enumerate().map(|(index, world)| html! {
                    <li>
                        <button type="button" class="lesson-entry world" data-test={["world-", world.id].concat()}
                            onclick={desk.on(Action::World(index))}>
                            <span class="lesson-entry-title">{ world.name(desk.language) }</span>
                            <span class="small quiet">{ world.about(desk.language) }</span>
                        </button>
                    </li>
                }) }
            </ul>
        </section>
    }
}

fn unit_html(desk: &Desk, props: &Props, unit: &str) -> Option<Html> {
    let t = desk.texts;
    let name = match unit {
        "A" => t.unit_a,
        "B" => t.unit_b,
        "C" => t.unit_c,
        "D" => t.unit_d,
        "E" => t.unit_e,
        _ => t.unit_f,
    };
    let all = LESSONS.iter().enumerate().filter(|(_, entry)| entry.unit == unit);
    let entries: Vec<Html> =
        all.map(|(place, entry)| entry_html(desk, props, place, entry)).collect();
    (!entries.is_empty()).then(|| {
        html! { <><h2 class="unit-name">{ name }</h2><ol class="entries">{ entries }</ol></> }
    })
}

fn entry_html(desk: &Desk, props: &Props, place: usize, entry: &'static Entry) -> Html {
    let t = desk.texts;
    let open = props.open.as_deref() == Some(entry.id);
    let minutes = fill(t.minutes, &[("minutes", &entry.minutes.to_string())]);
    let line = props.progress.of(place);
    let (class, icon, word) = match line.mark {
        Mark::None => ("", None, ""),
        Mark::Begun => ("quiet", Some(Icon::Circle), t.mark_begun),
        Mark::Viewed => ("quiet", Some(Icon::Tick), t.mark_viewed),
        Mark::Solved => ("ok-text", Some(Icon::Tick), t.mark_solved),
    };
    let counts = [line.right, line.wrong, line.skipped].map(|count| count.to_string());
    let about = fill(
        t.predictions,
        &[("right", &counts[0]), ("wrong", &counts[1]), ("skipped", &counts[2])],
    );
    html! {
        <li>
            <button type="button" class="lesson-entry" data-test={["lesson-", entry.id].concat()}
                aria-current={open.then_some("true")} title={(!word.is_empty()).then_some(about)}
                onclick={desk.on(Action::OpenLesson(entry.id))}>
                <span class="num quiet">{ place + 1 }</span>
                <span class="lesson-entry-title">{ entry.title(desk.language.code()) }</span>
                <span class="small quiet">{ minutes }</span>
                if let Some(icon) = icon {
                    <span class={classes!("lesson-mark", "small", class)}>{ icon.html() }{ word }</span>
                }
            </button>
        </li>
    }
}

/// Progress goes to a file and comes from one.
fn moving(desk: &Desk, progress: &Rc<Progress>) -> Html {
    let t = desk.texts;
    let save = {
        let progress = progress.clone();
        Callback::from(move |_: MouseEvent| {
            outside::download("pushpull-progress.txt", "text/plain", &progress.text());
        })
    };
    let load = {
        let desk = desk.clone();
        Callback::from(move |event: Event| {
            let desk = desk.clone();
            outside::read_file(&event, move |text| desk.send(Action::Import(text)));
        })
    };
    html! {
        <div class="row">
            <button type="button" class="button" data-test="export-progress" onclick={save}>
                { t.export_progress }</button>
            <label class="button file-button">{ t.import_progress }
                <input type="file" accept=".txt,text/plain" class="visually-hidden"
                    data-test="import-progress" onchange={load} />
            </label>
        </div>
    }
}
