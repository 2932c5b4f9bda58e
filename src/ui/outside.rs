//! The document, the window and what events say: the one place where the page reads and writes
//! what is not its own.

use super::state::Theme;
use crate::view::scene::Scene;
use crate::view::words::Language;
use crate::view::words::page::Page;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use web_sys::{Element, HtmlDialogElement, HtmlElement, HtmlInputElement, HtmlSelectElement};
use yew::prelude::*;

fn root() -> Option<Element> {
    gloo::utils::document().document_element()
}

/// The language of the page, as its first script chose it.
pub fn language() -> Language {
    let tag = root().and_then(|root| root.get_attribute("lang")).unwrap_or_default();
    Language::of_tag(&tag).unwrap_or_default()
}

/// The colours of the page, as its first script chose them.
pub fn theme() -> Theme {
    match root().and_then(|root| root.get_attribute("data-theme")).as_deref() {
        Some("light") => Theme::Light,
        Some("dark") => Theme::Dark,
        _ => Theme::System,
    }
}

/// Gives the document its language and title.
pub fn set_language(language: Language, title: &str) {
    if let Some(root) = root() {
        let _ = root.set_attribute("lang", language.code());
    }
    gloo::utils::document().set_title(title);
}

/// Gives the document its colours.
pub fn set_theme(theme: Theme) {
    let Some(root) = root() else { return };
    let _ = match theme {
        Theme::System => root.remove_attribute("data-theme"),
        Theme::Light => root.set_attribute("data-theme", "light"),
        Theme::Dark => root.set_attribute("data-theme", "dark"),
    };
}

/// Says of the document that the page stands (`data-stands`), or that the first press works at once
/// (`data-ready`).
pub fn say(mark: &str) {
    if let Some(root) = root() {
        let _ = root.set_attribute(mark, "true");
    }
}

/// The scene that the engine will come to, if `www/boot/start.js` has brought it: it is the one of a
/// first visit.
pub fn foreseen() -> Option<Scene> {
    let bytes = js_sys::Reflect::get(&js_sys::global(), &"pushpullOpening".into()).ok()?;
    let bytes: js_sys::Uint8Array = bytes.dyn_into().ok()?;
    postcard::from_bytes(&bytes.to_vec()).ok()
}

/// Keeps a choice for the next visit. Where storage is refused the choice holds for this one.
pub fn keep(name: &str, value: Option<&str>) {
    let storage = gloo::utils::window().local_storage().ok().flatten();
    let Some(storage) = storage else { return };
    let name = ["pushpull.", name].concat();
    let _ = match value {
        Some(value) => storage.set_item(&name, value),
        None => storage.remove_item(&name),
    };
}

/// A choice of an earlier visit.
pub fn kept(name: &str) -> Option<String> {
    let storage = gloo::utils::window().local_storage().ok().flatten()?;
    storage.get_item(&["pushpull.", name].concat()).ok().flatten()
}

/// A value of the address: `?lesson=first-message`.
pub fn asked(name: &str) -> Option<String> {
    let search = gloo::utils::window().location().search().ok()?;
    let pairs = search.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// The link in the address: what stands behind `#x=`.
pub fn link() -> Option<String> {
    let hash = gloo::utils::window().location().hash().ok()?;
    hash.strip_prefix("#x=").map(str::to_owned)
}

/// The address of the page with a link.
pub fn address_with(link: &str) -> String {
    let location = gloo::utils::window().location();
    let place = |part: Result<String, JsValue>| part.unwrap_or_default();
    [&*place(location.origin()), &place(location.pathname()), "#x=", link].concat()
}

/// The address of the site, up to its last `/`.
pub fn site() -> String {
    let location = gloo::utils::window().location();
    let place = |part: Result<String, JsValue>| part.unwrap_or_default();
    let path = place(location.pathname());
    let folder = path.rfind('/').map_or("/", |end| &path[..=end]);
    [&place(location.origin()), folder].concat()
}

/// Saves the picture as a file: `www/boot/start.js` has it drawn.
pub fn save_picture(kind: &str, title: &str, about: &str) {
    let detail = js_sys::Object::new();
    for (name, value) in [("kind", kind), ("name", "pushpull"), ("title", title), ("about", about)]
    {
        let _ = js_sys::Reflect::set(&detail, &name.into(), &value.into());
    }
    let init = web_sys::CustomEventInit::new();
    init.set_detail(&detail);
    if let Ok(event) = web_sys::CustomEvent::new_with_event_init_dict("pushpull-picture", &init) {
        let _ = gloo::utils::document().dispatch_event(&event);
    }
}

/// The file that was chosen.
pub fn file_in(event: &web_sys::Event) -> Option<web_sys::File> {
    input_of(event)?.files()?.get(0)
}

/// What a file holds; `None` if it is no text.
pub async fn text_of_file(file: Option<web_sys::File>) -> Option<String> {
    wasm_bindgen_futures::JsFuture::from(file?.text()).await.ok()?.as_string()
}

/// A word that `embed.js` noted for an embed: `data-NAME` of the document.
pub fn noted(name: &str) -> Option<String> {
    root()?.get_attribute(&["data-", name].concat()).filter(|word| !word.is_empty())
}

/// The same, as a number.
pub fn data_number(name: &str) -> Option<f64> {
    noted(name)?.parse().ok()
}

/// True if the page is an embed.
pub fn is_embed() -> bool {
    noted("embed").is_some()
}

/// The address of this document with another fragment.
pub fn here(fragment: &str) -> String {
    let whole = gloo::utils::window().location().href().unwrap_or_default();
    [whole.split('#').next().unwrap_or_default(), "#", fragment].concat()
}

/// Real time, in milliseconds since the page began.
pub fn now_ms() -> i64 {
    gloo::utils::window().performance().map_or(0, |clock| clock.now() as i64)
}

/// True if the page is out of sight.
pub fn is_hidden() -> bool {
    gloo::utils::document().hidden()
}

/// Puts the focus on the element with this id.
pub fn focus(id: &str) {
    if is_embed() && !gloo::utils::document().has_focus().unwrap_or(false) {
        // The page around keeps its focus until somebody comes in.
        return;
    }
    let element = gloo::utils::document().get_element_by_id(id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let _ = element.focus();
    }
}

/// Brings the end of the element with this id into sight.
pub fn reveal(id: &str) {
    if is_embed() {
        return;
    }
    if let Some(element) = gloo::utils::document().get_element_by_id(id) {
        element.scroll_into_view_with_bool(false);
    }
}

/// Loads the page anew. `www/boot/start.js` does it itself if a newer page waits.
pub fn reload() {
    reload_with("");
}

/// Loads the page anew, or asks `www/boot/start.js` to, if it has something to do before.
fn reload_with(what: &str) {
    let init = web_sys::CustomEventInit::new();
    init.set_cancelable(true);
    init.set_detail(&what.into());
    let event = web_sys::CustomEvent::new_with_event_init_dict("pushpull-reload", &init);
    let goes_on = event.map(|event| gloo::utils::document().dispatch_event(&event));
    if !matches!(goes_on, Ok(Ok(false))) {
        let _ = gloo::utils::window().location().reload();
    }
}

/// The most that a file of progress may hold, in bytes.
const FILE_BYTES_MAX: f64 = 100_000.0;

/// Reads the file that was chosen: `None` if it cannot be read as text, or is far too large.
pub fn read_file(event: &web_sys::Event, tell: impl FnOnce(Option<String>) + 'static) {
    let Some(input) = input_of(event) else { return };
    let Some(file) = input.files().and_then(|files| files.get(0)) else { return };
    // The same file can be chosen again.
    input.set_value("");
    if file.size() > FILE_BYTES_MAX {
        return tell(None);
    }
    yew::platform::spawn_local(async move {
        let text = wasm_bindgen_futures::JsFuture::from(file.text()).await;
        tell(text.ok().and_then(|text| text.as_string()));
    });
}

/// Gives a text to the visitor as a file.
pub fn download(name: &str, kind: &str, text: &str) {
    let Ok(link) = gloo::utils::document().create_element("a") else { return };
    let content = String::from(js_sys::encode_uri_component(text));
    let address = ["data:", kind, ";charset=utf-8,", &content].concat();
    if link.set_attribute("href", &address).is_ok() && link.set_attribute("download", name).is_ok()
    {
        link.unchecked_into::<web_sys::HtmlElement>().click();
    }
}

/// Puts a text where it can be pasted from.
pub fn copy(text: &str) {
    let _ = gloo::utils::window().navigator().clipboard().write_text(text);
}

/// Asks `navigator.storage`, which is not everywhere.
async fn ask_storage(method: &str) -> Option<JsValue> {
    let navigator: JsValue = gloo::utils::window().navigator().into();
    let storage = js_sys::Reflect::get(&navigator, &"storage".into()).ok()?;
    let method = js_sys::Reflect::get(&storage, &method.into()).ok()?;
    let promise = method.dyn_into::<js_sys::Function>().ok()?.call0(&storage).ok()?;
    wasm_bindgen_futures::JsFuture::from(promise.dyn_into::<js_sys::Promise>().ok()?).await.ok()
}

/// How many bytes this site keeps and how many it may, and whether the browser promised to keep
/// them; if `persist`, it is asked to.
pub async fn estimate(persist: bool) -> (Option<(u64, u64)>, Option<bool>) {
    let number = |about: &JsValue, name: &str| {
        js_sys::Reflect::get(about, &name.into()).ok()?.as_f64().map(|number| number as u64)
    };
    let about = ask_storage("estimate").await;
    let bytes = about.and_then(|about| Some((number(&about, "usage")?, number(&about, "quota")?)));
    let persisted = match persist {
        true => ask_storage("persist").await.and_then(|kept| kept.as_bool()).or(Some(false)),
        false => {
            ask_storage("persisted").await.and_then(|kept| kept.as_bool()).filter(|kept| *kept)
        }
    };
    (bytes, persisted)
}

/// Deletes everything that this site keeps, and loads the page anew.
pub async fn erase_all() {
    for name in ["been", "lang", "theme", "lesson", "progress"] {
        keep(name, None);
    }
    let global = js_sys::global();
    let factory = js_sys::Reflect::get(&global, &"indexedDB".into()).unwrap_or_default();
    let delete = js_sys::Reflect::get(&factory, &"deleteDatabase".into()).ok();
    let request = delete
        .and_then(|delete| delete.dyn_into::<js_sys::Function>().ok())
        .and_then(|delete| delete.call1(&factory, &"pushpull".into()).ok());
    if let Some(request) = request {
        let done = js_sys::Promise::new(&mut |resolve, _| {
            for event in ["onsuccess", "onerror", "onblocked"] {
                let _ = js_sys::Reflect::set(&request, &event.into(), &resolve);
            }
        });
        let _ = wasm_bindgen_futures::JsFuture::from(done).await;
    }
    reload_with("erase");
}

/// Fetches a text beside the page; `None` if it does not come.
pub async fn fetch_text(address: &str) -> Option<String> {
    use wasm_bindgen_futures::JsFuture;
    let response = JsFuture::from(gloo::utils::window().fetch_with_str(address)).await.ok()?;
    let response: web_sys::Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    JsFuture::from(response.text().ok()?).await.ok()?.as_string()
}

/// Watches the width of an element until the watch is dropped.
pub struct WidthWatch {
    observer: web_sys::ResizeObserver,
    _heard: Closure<dyn FnMut(js_sys::Array)>,
}

impl WidthWatch {
    /// Begins to watch; tells the width at once and whenever it changes.
    pub fn new(element: &Element, tell: impl Fn(i32) + 'static) -> Option<WidthWatch> {
        let tell = Rc::new(tell);
        let heard = Closure::new(move |entries: js_sys::Array| {
            let entry = entries.get(0).dyn_into::<web_sys::ResizeObserverEntry>();
            if let Ok(entry) = entry {
                let (tell, width) = (tell.clone(), entry.content_rect().width() as i32);
                // Later: what is changed while observers are told would be told in a loop.
                gloo::timers::callback::Timeout::new(0, move || tell(width)).forget();
            }
        });
        let observer = web_sys::ResizeObserver::new(heard.as_ref().unchecked_ref()).ok()?;
        observer.observe(element);
        Some(WidthWatch { observer, _heard: heard })
    }
}

impl Drop for WidthWatch {
    fn drop(&mut self) {
        self.observer.disconnect();
    }
}

/// The program has broken: the page says so without it, in the place of everything else.
pub fn tell_broken(error: &str) {
    gloo::console::error!(error);
    let texts = Page::of(language());
    let document = gloo::utils::document();
    let (Some(app), Ok(notice), Ok(again)) = (
        document.get_element_by_id("app"),
        document.create_element("div"),
        document.create_element("button"),
    ) else {
        return;
    };
    app.set_text_content(None);
    notice.set_class_name("failure notice error");
    let _ = notice.set_attribute("role", "alert");
    for (tag, text) in [("h1", texts.failure), ("p", texts.failure_saved), ("pre", error)] {
        if let Ok(line) = document.create_element(tag) {
            line.set_text_content(Some(text));
            let _ = notice.append_child(&line);
        }
    }
    again.set_class_name("button primary");
    again.set_text_content(Some(texts.reload));
    let heard = Closure::<dyn FnMut()>::new(reload);
    let _ = again.add_event_listener_with_callback("click", heard.as_ref().unchecked_ref());
    heard.forget();
    let _ = notice.append_child(&again);
    let _ = app.append_child(&notice);
}

// ---- what events say ----

fn input_of(event: &web_sys::Event) -> Option<HtmlInputElement> {
    event.target()?.dyn_into().ok()
}

/// The text of the field that was typed into.
pub fn text_in(event: &web_sys::Event) -> Option<String> {
    input_of(event).map(|input| input.value())
}

/// The number of the field that was changed.
pub fn number_in(event: &web_sys::Event) -> Option<u64> {
    text_in(event)?.parse().ok()
}

/// The number of the message that was typed: `m12` or `12`.
pub fn message_in(event: &web_sys::Event) -> Option<u64> {
    text_in(event)?.trim().trim_start_matches('m').parse().ok()
}

/// The place in the list of what was chosen.
pub fn chosen_in(event: &web_sys::Event) -> Option<usize> {
    let select: HtmlSelectElement = event.target()?.dyn_into().ok()?;
    usize::try_from(select.selected_index()).ok()
}

/// True if something is typed in the field.
pub fn has_text(event: &web_sys::Event) -> bool {
    text_in(event).is_some_and(|text| !text.trim().is_empty())
}

/// True if the key was pressed in a field that takes text, or in a choice.
pub fn is_typing(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|element| match &*element.tag_name() {
        "TEXTAREA" | "SELECT" => true,
        "INPUT" => !matches!(element.get_attribute("type").as_deref(), Some("range" | "radio")),
        _ => false,
    })
}

/// True if the focus is on a time bar.
pub fn is_slider(event: &web_sys::Event) -> bool {
    input_of(event).is_some_and(|input| input.type_() == "range")
}

/// True if the focus is on something that takes a press of the space bar itself.
pub fn is_button(event: &web_sys::Event) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    target.is_some_and(|element| element.tag_name() == "BUTTON")
}

/// Where in the box of this class a mouse was pressed, in pixels.
pub fn place_in(event: &MouseEvent, class: &str) -> Option<(i32, i32)> {
    let target: Element = event.target()?.dyn_into().ok()?;
    let found = target.closest(&[".", class].concat()).ok().flatten()?;
    let rect = found.get_bounding_client_rect();
    Some((event.client_x() - rect.left() as i32, event.client_y() - rect.top() as i32))
}

/// From now on the element under this pointer hears of it, wherever the pointer goes.
pub fn capture(event: &PointerEvent) {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    if let Some(element) = target {
        // A pointer that is gone cannot be captured, and need not be.
        let _ = element.set_pointer_capture(event.pointer_id());
    }
}

/// Shows the end of what is scrolled.
pub fn scroll_to_end(node: &NodeRef) {
    if let Some(element) = node.cast::<Element>() {
        element.set_scroll_top(element.scroll_height());
    }
}

/// Opens a dialog over everything else.
pub fn show_modal(node: &NodeRef) {
    if let Some(dialog) = node.cast::<HtmlDialogElement>() {
        let _ = dialog.show_modal();
    }
}
