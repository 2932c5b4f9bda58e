//! Sharing: the lab as a link, a file, a picture or a part of another page; opening such a file.

use super::desk::use_desk;
use super::embed_code::EmbedCode;
use super::outside;
use super::state::{Action, Share};
use crate::host::link::OFFERED_MAX;
use crate::host::protocol::{Fault, LinkError};
use crate::view::lesson::LessonView;
use crate::view::scene::Scene;
use crate::view::text_view;
use crate::view::words::keeping::Keeping;
use crate::view::words::{fill, seconds};
use std::rc::Rc;
use yew::platform::spawn_local;
use yew::prelude::*;

/// What is shared.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The text of the link.
    pub text: AttrValue,
    /// The picture.
    pub scene: Rc<Scene>,
    /// The lesson that is open.
    pub lesson: Option<Rc<LessonView>>,
    /// The lines that made the lab; the first says its seed.
    pub recorded: Rc<Vec<String>>,
    /// True if the text view stands in the place of the picture.
    pub text_view: bool,
}

/// The dialog.
#[component]
pub fn ShareDialog(props: &Props) -> Html {
    let desk = use_desk();
    let t = Keeping::of(desk.language);
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with((), move |()| outside::show_modal(&dialog));
    }
    let address = outside::address_with(&props.text);
    let file = ["data:application/octet-stream,", &props.text].concat();
    let long = address.len() > OFFERED_MAX;
    let open = {
        let desk = desk.clone();
        Callback::from(move |event: Event| {
            let (desk, file) = (desk.clone(), outside::file_in(&event));
            spawn_local(async move {
                if let Some(text) = outside::text_of_file(file).await {
                    desk.send(Action::Share(Share::OpenFile(text)));
                }
            });
        })
    };
    let picture = |kind: &'static str| {
        let (scene, lesson, language) = (props.scene.clone(), props.lesson.clone(), desk.language);
        let made_by = props.recorded.first().cloned();
        Callback::from(move |_: MouseEvent| {
            let at = seconds(scene.now_us, language);
            let lesson = lesson.as_ref().map(|lesson| lesson.title.clone());
            let parts = [Some("pushpull".to_owned()), lesson, made_by.clone(), Some(at)];
            let title = parts.into_iter().flatten().collect::<Vec<String>>().join(" · ");
            outside::save_picture(kind, &title, &text_view::state(&scene, language));
        })
    };
    html! {
        <dialog class="share" aria-labelledby="share" data-test="share-dialog" ref={dialog}
            onclose={desk.on(Action::Share(Share::Close))}>
            <h2 id="share">{ t.share_title }</h2>
            <p class="small quiet">{ t.share_lead }</p>
            if long {
                <p class="notice warning" data-test="share-long">{ fill(t.share_long, &[
                    ("count", &address.len().to_string()), ("limit", &OFFERED_MAX.to_string())]) }</p>
            } else {
                <label class="share-link">{ t.share_link }
                    <input class="mono" readonly=true value={address.clone()} data-test="share-link" />
                </label>
            }
            <div class="row">
                if !long {
                    <button type="button" class="button primary" data-test="share-copy"
                        onclick={desk.on(Action::Copy(address))}>{ t.share_copy }</button>
                }
                <a class={if long { "button primary" } else { "button" }} href={file}
                    download="pushpull-lab.txt" data-test="share-save">{ t.share_save }</a>
                <label class="button share-file">{ t.share_open }
                    <input type="file" class="visually-hidden" accept=".txt" data-test="share-open" onchange={open} />
                </label>
                if !props.text_view {
                    <button type="button" class="button" data-test="share-svg" onclick={picture("svg")}>{ t.picture_svg }</button>
                    <button type="button" class="button" data-test="share-png" onclick={picture("png")}>{ t.picture_png }</button>
                }
                <form method="dialog" class="push-end">
                    <button class="button" data-test="close-share">{ desk.texts.close }</button>
                </form>
            </div>
            <EmbedCode link={(!long).then(|| props.text.clone())} lesson={props.lesson.clone()} />
        </dialog>
    }
}

/// Why a link is refused, in words.
pub fn refusal(error: &LinkError, t: &Keeping) -> String {
    let text = match error.fault {
        Fault::Long => t.link_long,
        Fault::Letter => t.link_letter,
        Fault::Short => t.link_short,
        Fault::Newer => t.link_newer,
        Fault::Damaged => t.link_damaged,
        Fault::Unpacked => t.link_unpacked,
        Fault::Shape => t.link_shape,
        Fault::Actions => t.link_actions,
        Fault::Action => t.link_action,
        Fault::Lab => t.link_lab,
        Fault::Far => t.link_far,
        Fault::Strayed => t.link_strayed,
        Fault::Lesson => t.link_lesson,
    };
    fill(text, &[("found", &error.found), ("expected", &error.expected)])
}
