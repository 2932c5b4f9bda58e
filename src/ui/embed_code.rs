//! The lab for a page of one's own: in which form, how large, in which colours; the code to be
//! copied, and how it will look.

use super::desk::use_desk;
use super::outside;
use super::state::Action;
use crate::view::lesson::LessonView;
use crate::view::snippet::{Form, Shown, Size, THEMES};
use crate::view::words::keeping::Keeping;
use std::rc::Rc;
use yew::prelude::*;

/// What is embedded.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The lab as the text of a link, if it is short enough.
    pub link: Option<AttrValue>,
    /// The lesson that is open.
    pub lesson: Option<Rc<LessonView>>,
}

/// The choices, the code, the preview.
#[component]
pub fn EmbedCode(props: &Props) -> Html {
    let desk = use_desk();
    let t = Keeping::of(desk.language);
    let (form, size, theme) = (use_state(|| 0_usize), use_state(|| 0_usize), use_state(|| 0_usize));
    let site = outside::site();
    let lesson = props.lesson.as_deref();
    let shown = Shown {
        site: &site,
        lesson: lesson.map(|lesson| (&*lesson.id, lesson.current)),
        title: lesson.map_or(t.embed_lab, |lesson| &lesson.title),
        link: props.link.as_deref(),
        language: desk.language,
        theme: THEMES[*theme],
        size: Size::ALL[*size],
    };
    let code = shown.text(Form::ALL[*form]);
    let choice = |name: &'static str,
                  mark: &'static str,
                  all: &[&'static str],
                  state: &UseStateHandle<usize>| {
        let (now, set) = (**state, state.clone());
        let on = Callback::from(move |event: Event| {
            set.set(outside::chosen_in(&event).unwrap_or(0));
        });
        html! {
            <label class="field">
                <span>{ name }</span>
                <select data-test={mark} onchange={on}>
                    { for all.iter().enumerate().map(|(index, text)| html! {
                        <option selected={index == now}>{ *text }</option>
                    }) }
                </select>
            </label>
        }
    };
    html! {
        <details class="share-embed" data-test="share-embed">
            <summary>{ t.embed }</summary>
            <div class="row">
                { choice(t.embed_form, "embed-form", &[t.embed_frame, t.embed_react, t.embed_link], &form) }
                { choice(t.embed_size, "embed-size", &[t.embed_compact, t.embed_full], &size) }
                { choice(t.embed_colours, "embed-colours", &[t.embed_auto, t.embed_light, t.embed_dark], &theme) }
            </div>
            <textarea class="mono" readonly=true rows="6" aria-label={t.embed} data-test="embed-code"
                value={code.clone()} />
            <div class="row">
                <button type="button" class="button" data-test="embed-copy"
                    onclick={desk.on(Action::Copy(code))}>{ t.embed_copy }</button>
            </div>
            <iframe class="share-preview" title={t.embed_preview} src={shown.embed()} loading="lazy" />
        </details>
    }
}
