//! The head of the page: whose it is, where one is, how saving stands, language and colours.

use super::desk::use_desk;
use super::icon::Icon;
use super::state::{Action, Left, Share, Store, Theme};
use crate::view::frame::Saving;
use crate::view::words::keeping::Keeping;
use crate::view::words::{Language, fill, seconds};
use yew::prelude::*;

/// How the head is.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// What stands at the left.
    pub left: Left,
    /// True if a lesson is open.
    pub lesson: bool,
    /// How saving stands.
    pub saving: Saving,
    /// True if the text view stands in the place of the picture.
    pub text: bool,
    /// The colours.
    pub theme: Theme,
    /// True once the lab is there.
    pub ready: bool,
}

/// The head of the page.
#[component]
pub fn Header(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let current = |is: bool| is.then_some("page");
    let (theme, next, name) = match props.theme {
        Theme::System => (Icon::System, Theme::Light, t.theme_system),
        Theme::Light => (Icon::Sun, Theme::Dark, t.theme_light),
        Theme::Dark => (Icon::Moon, Theme::System, t.theme_dark),
    };
    let language = |language: Language, test: &'static str, name: &'static str| {
        html! {
            <button type="button" data-test={test} lang={language.code()}
                aria-pressed={if desk.language == language { "true" } else { "false" }}
                onclick={desk.on(Action::SetLanguage(language))}>{ name }</button>
        }
    };
    html! {
        <header class="app-header">
            <span class="mark">
                <svg width="26" height="20" viewBox="0 0 26 20" aria-hidden="true">
                    <path class="poster-hook" d="M24 5H7a4.5 4.5 0 1 0 4.5 4.5" />
                    <path class="poster-arrow" d="M2 15.5h19M17 11.5l4.6 4-4.6 4" />
                </svg>
                { "pushpull" }
            </span>
            <nav class="tabs" aria-label={t.places}>
                <button type="button" data-test="lessons"
                    aria-current={current(props.left != Left::Nothing)}
                    onclick={desk.on(Action::ShowLessons)}>{ t.lessons }</button>
                <button type="button" data-test="free-lab"
                    aria-current={current(props.left == Left::Nothing && !props.lesson)}
                    onclick={desk.on(Action::FreeLab)}>{ t.free_lab }</button>
            </nav>
            { saving(props, desk.language, desk.on(Action::Store(Store::Open))) }
            <button type="button" class="button" data-test="share" disabled={!props.ready}
                onclick={desk.on(Action::Share(Share::Ask))}>{ Keeping::of(desk.language).share }</button>
            <button type="button" class="button" data-test="text"
                aria-pressed={if props.text { "true" } else { "false" }}
                onclick={desk.on(Action::ToggleText)}>{ t.text_view }</button>
            <div class="segments" role="group" aria-label={t.language}>
                { language(Language::Korean, "lang-ko", t.korean) }
                { language(Language::English, "lang-en", t.english) }
            </div>
            <button type="button" class="button icon" data-test="theme" aria-label={name}
                title={name} onclick={desk.on(Action::SetTheme(next))}>{ theme.html() }</button>
        </header>
    }
}

/// How saving stands, in a few words.
fn saving(props: &Props, language: Language, onclick: Callback<MouseEvent>) -> Html {
    let t = crate::view::words::page::Page::of(language);
    let at =
        |text: &str, us: u64| fill(text, &[("time", &seconds(us / 100_000 * 100_000, language))]);
    let (class, text, why) = match &props.saving {
        _ if !props.ready => ("quiet", t.saving_opening.to_owned(), None),
        Saving::Opening => ("quiet", t.saving_opening.to_owned(), None),
        Saving::SavedUpTo(us) => ("ok", at(t.saved_up_to, *us), None),
        Saving::Behind(us) => ("quiet", at(t.saving_behind, *us), None),
        Saving::Unavailable(reason) => ("warning", t.saving_unavailable.to_owned(), Some(reason)),
        Saving::Failed { reason, full: true, .. } => {
            ("error", t.saving_full.to_owned(), Some(reason))
        }
        Saving::Failed { saved_us, reason, .. } => {
            ("error", at(t.saving_failed, *saved_us), Some(reason))
        }
        Saving::Shared => ("quiet", Keeping::of(language).saving_shared.to_owned(), None),
        Saving::OtherTab => ("warning", t.saving_other_tab.to_owned(), None),
    };
    html! {
        <button type="button" class={classes!("saving", class)} data-test="saving" title={why.cloned()}
            aria-label={fill(Keeping::of(language).saving_more, &[("saving", &text)])} onclick={onclick}>
            <i aria-hidden="true" /><span>{ text }</span>
        </button>
    }
}
