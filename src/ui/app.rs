//! The page as a whole: the one component with a state, and what is done outside of it.

use super::charts::Charts;
use super::compare_panel::beside_line;
use super::context_menu::ContextMenu;
use super::desk::{Desk, Store};
use super::drawer::Drawer;
use super::effect::Effect;
use super::failure::Failure;
use super::figure::Figure;
use super::header::Header;
use super::host_page;
use super::inspector::InspectorPane;
use super::key_help::KeyHelp;
use super::keys::action_of;
use super::lesson::LessonPane;
use super::lesson_list::LessonList;
use super::outside;
use super::player::Player;
use super::share::ShareDialog;
use super::stage_bar::{StageBar, beckons};
use super::state::{Action, Left, Narrow, Phase, State};
use super::storage::StorageDialog;
use super::table::{TextAccount, table_html};
use super::toast::ToastLine;
use crate::browser::Engine;
use crate::host::protocol::Reply;
use crate::lesson::catalog;
use crate::view::bet::{self, Ghost};
use crate::view::layout::{Options, is_narrow};
use crate::view::progress::Progress;
use crate::view::text_view::{comparison, text_view};
use gloo::events::EventListener;
use std::rc::Rc;
use yew::platform::spawn_local;
use yew::prelude::*;

/// Mounts the page into `#app`, in the place of the first picture.
pub fn mount() {
    let Some(root) = gloo::utils::document().get_element_by_id("app") else { return };
    root.set_inner_html("");
    std::panic::set_hook(Box::new(|info| outside::tell_broken(&info.to_string())));
    yew::Renderer::<App>::with_root(root).render();
}

/// The page as somebody comes to it.
fn visit() -> State {
    let mut state = State::new(outside::language(), outside::theme());
    // What cannot be read is as if nothing had been kept.
    let kept = outside::kept("progress").and_then(|text| Progress::parse(&text).ok());
    state.progress = Rc::new(kept.unwrap_or_default());
    if outside::is_embed() {
        let side = host_page::side(&outside::noted("side").unwrap_or_default());
        let step = outside::data_number("step").unwrap_or(0.0) as usize;
        let seed = outside::data_number("seed").map(|seed| seed as u32);
        state = state.in_embed(side, step, seed);
    }
    state.with_link(outside::link()).foreseeing(outside::foreseen())
}

#[component]
fn App() -> Html {
    let store = use_reducer(|| Store(visit()));
    let state = &store.0;
    let desk = Desk::new(state.language, store.dispatcher());
    use_engine(&desk, &state.effects);
    use_document(&desk, state);
    let picture_box = use_node_ref();
    use_width(&desk, &picture_box);
    let keys = {
        let desk = desk.clone();
        Callback::from(move |event: KeyboardEvent| press(&desk, &event))
    };
    let class = match &state.welcome {
        Some(_) => "app is-welcome",
        None => "app",
    };
    html! {
        <ContextProvider<Desk> context={desk.clone()}>
            <a class="skip-link" href={outside::here("main")}>{ desk.texts.skip_link }</a>
            <p class="visually-hidden" role="status" data-test="said">{ &state.said }</p>
            <div class={class}>
                <Header left={state.left} lesson={state.lesson.is_some()} saving={state.saving().clone()}
                    text={state.text} theme={state.theme} ready={state.phase == Phase::Open} />
                { left(state) }
                <main id="main" class="app-main" tabindex="-1">
                    if let Phase::Failed(error) = &state.phase {
                        <Failure error={error.clone()} version={state.version.clone()} />
                    }
                    <StageBar scene={state.scene.clone()} welcome={state.welcome}
                        caption={state.caption.clone()} ready={state.is_ready()} waits={state.waits()}
                        lesson={state.lesson.is_some()} status={state.status.clone()} />
                    <div class="stage" id="stage" onkeydown={keys.clone()} ref={picture_box}>{ stage(&desk, state) }</div>
                    <div class="player-keys" onkeydown={keys}>
                        <Player status={state.status.clone()} speed={state.speed} grain={state.grain}
                            ready={state.is_ready()} />
                    </div>
                </main>
                if state.welcome.is_none() {
                    <InspectorPane scene={state.scene.clone()} selection={state.selection.clone()}
                        inspector={state.inspector.clone()} recorded={state.recorded.clone()} />
                    <Drawer tab={state.tab} open={state.drawer} terminal={state.terminal.clone()}
                        events={state.events.clone()} filter={state.filter.clone()}
                        scene={state.scene.clone()} end_us={state.status.end_us}
                        version={state.version.clone()} recorded={state.recorded.clone()}
                        beside={state.beside.clone()} />
                }
            </div>
            if let Some(menu) = &state.menu {
                <ContextMenu scene={state.scene.clone()} menu={menu.clone()} />
            }
            if let Some(toast) = &state.toast { <ToastLine toast={toast.clone()} /> }
            if state.keys { <KeyHelp /> }
            if let Some(known) = state.storage { <StorageDialog known={known} saving={state.saving().clone()} /> }
            if let Some(text) = &state.shared { <ShareDialog text={text.clone()} scene={state.scene.clone()}
                lesson={state.lesson.clone()} recorded={state.recorded.clone()} text_view={state.text} /> }
        </ContextProvider<Desk>>
    }
}

/// What stands at the left.
fn left(state: &State) -> Html {
    let open = state.lesson.as_ref().map(|lesson| lesson.id.clone());
    match (state.left, &state.lesson) {
        _ if state.welcome.is_some() => Html::default(),
        (Left::Lesson, Some(lesson)) => html! {
            <LessonPane lesson={lesson.clone()} error={state.lesson_error.clone()}
                beside={state.beside.clone()} />
        },
        (Left::List, _) => html! {
            <LessonList open={open} error={state.lesson_error.clone()}
                progress={state.progress.clone()} />
        },
        _ => Html::default(),
    }
}

/// The picture with its curves, or the same in words.
fn stage(desk: &Desk, state: &State) -> Html {
    let narrow = is_narrow(state.width) && state.welcome.is_none();
    let compare = narrow && state.narrow == Narrow::Compare;
    if state.text {
        let view = text_view(&state.scene, state.language);
        return html! { <TextAccount view={view} name={desk.texts.text_view} /> };
    }
    if compare {
        let table = comparison(&state.scene, state.language);
        return html! {
            <>{ lane_switch(desk, state) }<div class="comparison">{ table_html(&table) }</div></>
        };
    }
    let options = Options {
        width: state.width,
        lanes: state.lanes(narrow),
        language: state.language,
        selected: state.selection.clone(),
        beckons: beckons(state.welcome),
        bet: state.welcome.and_then(|welcome| welcome.bet),
    };
    html! {
        <>
            // Each has a place of its own: they come and go.
            <div class="place">if narrow { { lane_switch(desk, state) } }</div>
            <div class="place">if state.width > 0 {
                <Figure scene={state.scene.clone()} frame={state.frame} frame_ms={state.frame_ms}
                    jumped={state.jumped} options={options}
                    curves={state.welcome.is_none()} />
            }</div>
            <div class="place">if let Some(known) = &state.beside { { beside_line(desk, known) } }</div>
            if state.welcome.is_none() {
                <Charts scene={state.scene.clone()} end_us={state.status.end_us}
                    beside={state.beside.clone()} ghosts={ghosts(state)} />
            }
        </>
    }
}

/// What the learner expects of the open lesson's step.
fn ghosts(state: &State) -> Vec<Ghost> {
    let lesson = state.lesson.as_deref().filter(|_| state.left == Left::Lesson);
    lesson.map(|lesson| bet::ghosts(lesson, &state.scene)).unwrap_or_default()
}

/// In a narrow page: one lane at a time, or both as a table.
fn lane_switch(desk: &Desk, state: &State) -> Html {
    let t = desk.texts;
    let all = [
        (Narrow::Kafka, "lane-kafka", "Kafka"),
        (Narrow::Rabbit, "lane-rabbit", "RabbitMQ"),
        (Narrow::Compare, "lane-compare", t.compare),
    ];
    html! {
        <div class="segments lane-switch" role="group" aria-label={t.lane}>
            { for all.into_iter().map(|(narrow, test, name)| html! {
                <button type="button" data-test={test}
                    aria-pressed={if state.narrow == narrow { "true" } else { "false" }}
                    onclick={desk.on(Action::SetNarrow(narrow))}>{ name }</button>
            }) }
        </div>
    }
}

/// A key in the player or the picture.
fn press(desk: &Desk, event: &KeyboardEvent) {
    if event.is_composing() || event.alt_key() || outside::is_typing(event) {
        return;
    }
    let control = event.ctrl_key() || event.meta_key();
    let code = event.code();
    if code == "Space" && outside::is_button(event) {
        return;
    }
    let slider = outside::is_slider(event);
    if let Some(action) = action_of(&code, event.shift_key(), control, slider) {
        event.prevent_default();
        desk.send(action);
    }
}

/// The engine, and everything else that is done outside.
#[hook]
fn use_engine(desk: &Desk, effects: &[(u64, Effect)]) {
    let engine = use_mut_ref(|| None::<Engine>);
    {
        let (desk, engine) = (desk.clone(), engine.clone());
        use_effect_with((), move |()| {
            let heard = desk.clone();
            let embed = outside::is_embed();
            let on_reply = move |reply: Reply| {
                if embed && host_page::pass_on(&reply) {
                    return;
                }
                heard.send(Action::Reply(Box::new(reply), outside::now_ms()));
            };
            *engine.borrow_mut() = Some(Engine::start(Rc::new(on_reply)));
            let around = embed.then(|| host_page::listen(desk.clone()));
            let kept = || outside::kept("lesson").filter(|_| !embed && outside::link().is_none());
            let asked = || outside::asked("lesson").or_else(kept);
            let lesson = outside::noted("lesson").or_else(asked);
            if let Some(entry) = lesson.and_then(|id| catalog::find(&id)) {
                desk.send(Action::OpenLesson(entry.id));
            }
            if outside::is_hidden() {
                desk.send(Action::Hidden(true));
            }
            let seen = desk.clone();
            let document = gloo::utils::document();
            let listener = EventListener::new(&document, "visibilitychange", move |_| {
                seen.send(Action::Hidden(outside::is_hidden()));
            });
            let told = desk.clone();
            let newer = EventListener::new(&document, "pushpull-newer", move |_| {
                told.send(Action::Newer);
            });
            // Another link in the same tab is another visit.
            let other = EventListener::new(&gloo::utils::window(), "hashchange", |_| {
                if outside::link().is_some() {
                    outside::reload();
                }
            });
            move || drop((listener, newer, other, around))
        });
    }
    let desk = desk.clone();
    let last = effects.last().map(|(number, _)| *number);
    let effects: Vec<Effect> = effects.iter().map(|(_, effect)| effect.clone()).collect();
    use_effect_with(last, move |last| {
        let Some(last) = *last else { return };
        desk.send(Action::Done(last));
        effects.into_iter().for_each(|effect| carry_out(&desk, engine.borrow().as_ref(), effect));
    });
}

fn carry_out(desk: &Desk, engine: Option<&Engine>, effect: Effect) {
    match effect {
        Effect::Ask(request) => {
            if let Some(engine) = engine {
                engine.send(request);
            }
        }
        Effect::Keep { .. } | Effect::KeepProgress(_) if outside::is_embed() => {}
        Effect::Keep { name, value } => outside::keep(name, value),
        Effect::KeepProgress(text) => outside::keep("progress", Some(&text)),
        Effect::Focus(id) => {
            // It may be drawn only now.
            gloo::timers::callback::Timeout::new(0, move || outside::focus(id)).forget();
        }
        Effect::Reveal(id) => outside::reveal(id),
        Effect::Copy(text) => outside::copy(&text),
        Effect::Estimate(persist) => {
            let desk = desk.clone();
            spawn_local(async move {
                let (bytes, persisted) = outside::estimate(persist).await;
                desk.send(Action::Store(super::state::Store::Known(bytes, persisted)));
            });
        }
        Effect::EraseAll => spawn_local(outside::erase_all()),
        Effect::Reload => outside::reload(),
        Effect::FetchLesson { id, language, translate } => {
            let desk = desk.clone();
            spawn_local(async move {
                let Some(entry) = catalog::find(id) else { return };
                let json = outside::fetch_text(&entry.address(language.code())).await;
                desk.send(Action::LessonText { id, language, json, translate });
            });
        }
    }
}

/// Language, title, colours and readiness of the document.
#[hook]
fn use_document(desk: &Desk, state: &State) {
    let title = match (&state.left, &state.lesson) {
        (Left::Lesson, Some(lesson)) => [&*lesson.title, " · pushpull"].concat(),
        _ => desk.texts.title.to_owned(),
    };
    use_effect_with((state.language, title), |(language, title)| {
        outside::set_language(*language, title);
    });
    use_effect_with(state.theme, |theme| outside::set_theme(*theme));
    use_mark("data-stands", state.is_ready() && state.width > 0);
    use_mark("data-ready", state.stands() && state.width > 0);
}

/// Says of the document that something is so, from now on.
#[hook]
fn use_mark(name: &'static str, is_so: bool) {
    use_effect_with(is_so, move |is_so| {
        if *is_so {
            outside::say(name);
        }
    });
}

/// The width of the picture.
#[hook]
fn use_width(desk: &Desk, node: &NodeRef) {
    let (desk, node) = (desk.clone(), node.clone());
    use_effect_with((), move |()| {
        let watch = node.cast::<web_sys::Element>().and_then(|element| {
            outside::WidthWatch::new(&element, move |width| desk.send(Action::Width(width)))
        });
        move || drop(watch)
    });
}
