//! What this browser keeps, as a dialog.

use super::desk::use_desk;
use super::outside;
use super::state::{Action, Erase, Estimate, Store};
use crate::view::frame::Saving;
use crate::view::words::keeping::Keeping;
use crate::view::words::{bytes, fill};
use yew::prelude::*;

/// What is known of it.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// How much there is.
    pub known: Estimate,
    /// How saving stands.
    pub saving: Saving,
}

/// The dialog.
#[component]
pub fn StorageDialog(props: &Props) -> Html {
    let desk = use_desk();
    let t = Keeping::of(desk.language);
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with((), move |()| outside::show_modal(&dialog));
    }
    let used = props.known.bytes.map(|(used, room)| {
        let (used, room) = (bytes(used), bytes(room));
        fill(t.storage_used, &[("used", &used), ("room", &room)])
    });
    let kept = match props.known.persisted {
        Some(true) => Some(t.storage_persisted),
        Some(false) => Some(t.storage_not_persisted),
        None => None,
    };
    let own = !matches!(props.saving, Saving::Shared | Saving::OtherTab);
    let button = |action: Store, test: &'static str, text: &'static str| {
        html! {
            <button type="button" class="button" data-test={test}
                onclick={desk.on(Action::Store(action))}>{ text }</button>
        }
    };
    html! {
        <dialog class="share" aria-labelledby="storage" data-test="storage-dialog" ref={dialog}
            onclose={desk.on(Action::Store(Store::Close))}>
            <h2 id="storage">{ t.storage_title }</h2>
            <p class="small quiet">{ t.storage_lead }</p>
            if let Some(used) = used { <p class="num" data-test="storage-used">{ used }</p> }
            if let Some(kept) = kept { <p data-test="storage-kept">{ kept }</p> }
            if props.saving == Saving::Shared { <p class="small quiet">{ t.keep_lead }</p> }
            if props.known.sure.is_some() { <p class="notice warning" role="alert">{ t.storage_sure }</p> }
            <div class="row">
                if props.saving == Saving::OtherTab { { button(Store::TakeOver, "take-over", t.take_over) } }
                if props.saving == Saving::Shared { { button(Store::Keep, "keep", t.keep) } }
                if props.known.persisted != Some(true) {
                    { button(Store::Persist, "persist", t.storage_persist) }
                }
                if own { { button(Store::Erase(Erase::Lab), "erase", t.storage_erase) } }
                { button(Store::Erase(Erase::All), "erase-all", t.storage_erase_all) }
                <form method="dialog" class="push-end">
                    <button class="button" data-test="close-storage">{ desk.texts.close }</button>
                </form>
            </div>
        </dialog>
    }
}
