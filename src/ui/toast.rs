//! The message at the lower edge: it says what happened and what can be done, and waits.

use super::desk::use_desk;
use super::icon::Icon;
use super::share::refusal;
use super::state::{Action, Store, Toast};
use crate::view::words::keeping::Keeping;
use crate::view::words::runs::Runs;
use crate::view::words::{bytes, fill, seconds};
use yew::prelude::*;

/// The message.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// What happened.
    pub toast: Toast,
}

/// The message at the lower edge.
#[component]
pub fn ToastLine(props: &Props) -> Html {
    let desk = use_desk();
    let (t, keeping) = (desk.texts, Keeping::of(desk.language));
    let runs = Runs::of(desk.language);
    let link = match &props.toast {
        Toast::Link(error) => refusal(error, keeping),
        _ => String::new(),
    };
    let (class, text, detail) = match &props.toast {
        Toast::Forked => ("toast", t.toast_forked.to_owned(), None),
        Toast::Restored(us) => {
            let time = seconds(us / 100_000 * 100_000, desk.language);
            ("toast ok", fill(t.toast_restored, &[("time", &time)]), None)
        }
        Toast::NoStorage(why) => ("toast warning", t.toast_no_storage.to_owned(), Some(why)),
        Toast::Unreadable(why) => ("toast warning", t.toast_unreadable.to_owned(), Some(why)),
        Toast::Refused(why) => ("toast error", t.toast_refused.to_owned(), Some(why)),
        Toast::NoLesson => ("toast error", t.toast_no_lesson.to_owned(), None),
        Toast::Imported => ("toast ok", t.toast_imported.to_owned(), None),
        Toast::NotImported(0, _) => ("toast error", t.toast_no_file.to_owned(), None),
        Toast::NotImported(line, found) => {
            let text = fill(t.toast_not_imported, &[("line", &line.to_string())]);
            ("toast error", text, Some(found))
        }
        Toast::OtherTab => ("toast warning", keeping.toast_other_tab.to_owned(), None),
        Toast::Shared => ("toast ok", keeping.toast_shared.to_owned(), None),
        Toast::Link(_) => ("toast error", [keeping.toast_link, " ", &link].concat(), None),
        Toast::Newer => ("toast", runs.newer.to_owned(), None),
        Toast::MemoryFull(limit) => {
            let text = fill(runs.memory_full, &[("bytes", &bytes(*limit))]);
            ("toast warning", text, None)
        }
        Toast::Copied => ("toast ok", t.toast_copied.to_owned(), None),
    };
    html! {
        <div class="toasts">
            <div class={class} role="status" data-test="toast">
                <span>{ text }
                    if let Some(detail) = detail { <small class="mono" lang="en">{ detail }</small> }
                </span>
                if props.toast == Toast::Forked {
                    <button type="button" class="button" data-test="toast-undo"
                        onclick={desk.on(Action::Undo)}>{ t.undo }</button>
                }
                if props.toast == Toast::OtherTab {
                    <button type="button" class="button" data-test="toast-take-over"
                        onclick={desk.on(Action::Store(Store::TakeOver))}>{ keeping.take_over }</button>
                }
                if props.toast == Toast::Newer {
                    <button type="button" class="button" data-test="toast-reload"
                        onclick={desk.on(Action::Reload)}>{ t.reload }</button>
                }
                if props.toast == Toast::Shared {
                    <button type="button" class="button" data-test="toast-keep"
                        onclick={desk.on(Action::Store(Store::Keep))}>{ keeping.keep }</button>
                }
                <button type="button" class="button icon quiet" aria-label={t.close} data-test="close-toast"
                    onclick={desk.on(Action::CloseToast)}>{ Icon::Close.html() }</button>
            </div>
        </div>
    }
}
