//! A page in a tab, and what a person does with it.
//!
//! Whatever names an element waits until exactly one visible element is meant, up to
//! [`PATIENCE`](crate::wait::PATIENCE), so a test never has to wait before it acts.

use crate::browser::Browser;
use crate::dialect;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::Target;
use crate::keys;
use crate::setup::Family;
use crate::visit::Visit;
use crate::wait::wait_for;
use fantoccini::actions::{InputSource, PointerAction};
use fantoccini::elements::Element;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, Locator};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::path::PathBuf;

/// An open page.
pub struct Page {
    browser: Browser,
    tab: WindowHandle,
    visit: Visit,
}

impl Page {
    pub(crate) fn new(browser: Browser, tab: WindowHandle, visit: Visit) -> Self {
        Page { browser, tab, visit }
    }

    /// The browser that it is in.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// The browser, for commands of its own.
    pub async fn client(&self) -> Outcome<Client> {
        self.browser.turn_to(&self.tab).await?;
        self.browser.client()
    }

    // Acting.

    /// Clicks an element.
    pub async fn click(&self, target: Target) -> Outcome {
        Ok(self.one(&target).await?.click().await?)
    }

    /// Presses a key or a chord where the focus is: "Enter", "Control+k".
    pub async fn press(&self, chord: &str) -> Outcome {
        Ok(self.client().await?.perform_actions(keys::press(chord)?).await?)
    }

    /// Types text where the focus is; a line break is the Enter key.
    pub async fn type_text(&self, text: &str) -> Outcome {
        Ok(self.client().await?.perform_actions(keys::type_text(text)).await?)
    }

    /// Empties a field and types text into it.
    pub async fn fill(&self, target: Target, text: &str) -> Outcome {
        let element = self.one(&target).await?;
        element.clear().await?;
        Ok(element.send_keys(text).await?)
    }

    /// Chooses the option of a `<select>` that reads `label`.
    pub async fn choose(&self, target: Target, label: &str) -> Outcome {
        Ok(self.one(&target).await?.select_by_label(label).await?)
    }

    /// Puts the pointer over an element.
    pub async fn hover(&self, target: Target) -> Outcome {
        let element = self.one(&target).await?;
        let mouse = fantoccini::actions::MouseActions::new("mouse".to_string())
            .then(PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 })
            .then(PointerAction::Pause { duration: std::time::Duration::ZERO });
        Ok(self.client().await?.perform_actions(mouse).await?)
    }

    /// Drags one element onto another with the mouse, holds it there, and runs `held` before it
    /// is let go.
    pub async fn drag(
        &self,
        from: Target,
        to: Target,
        held: impl AsyncFnOnce(&Page) -> Outcome,
    ) -> Outcome {
        let (from, to) = (self.one(&from).await?, self.one(&to).await?);
        let mouse = || fantoccini::actions::MouseActions::new("mouse".to_string());
        let over =
            |element| PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 };
        let takes = mouse()
            .then(over(from))
            .then(PointerAction::Down { button: fantoccini::actions::MOUSE_BUTTON_LEFT })
            .then(over(to));
        self.client().await?.perform_actions(takes).await?;
        held(self).await?;
        let lets_go =
            mouse().then(PointerAction::Up { button: fantoccini::actions::MOUSE_BUTTON_LEFT });
        Ok(self.client().await?.perform_actions(lets_go).await?)
    }

    /// Loads the page again.
    pub async fn reload(&self) -> Outcome {
        let client = self.client().await?;
        self.browser.gather_console().await;
        Ok(client.refresh().await?)
    }

    /// Goes to another path of the site, or to another address, in the same tab.
    pub async fn go(&self, path: &str) -> Outcome {
        let client = self.client().await?;
        self.browser.gather_console().await;
        Ok(client.goto(&self.browser.setup().address(path)).await?)
    }

    /// Closes this tab; the browser must have another.
    pub async fn close_tab(self) -> Outcome {
        let client = self.client().await?;
        self.browser.gather_console().await;
        Ok(client.close_window().await?)
    }

    /// Quits the browser and comes back to the same address with the same profile.
    pub async fn reopen(self) -> Outcome<Page> {
        let visit = self.same_address().await?;
        self.browser.quit().await?;
        self.browser.open(visit).await
    }

    /// Kills the browser without warning and comes back to the same address with what is left.
    pub async fn crash_and_reopen(self) -> Outcome<Page> {
        let visit = self.same_address().await?;
        self.browser.crash().await?;
        self.browser.open(visit).await
    }

    // Looking.

    /// The text of an element as one sees it.
    pub async fn text(&self, target: Target) -> Outcome<String> {
        Ok(self.one(&target).await?.text().await?)
    }

    /// An attribute of an element.
    pub async fn attribute(&self, target: Target, name: &str) -> Outcome<Option<String>> {
        Ok(self.one(&target).await?.attr(name).await?)
    }

    /// What has the focus, as assistive technology calls it: `button "Play"`.
    pub async fn focused(&self) -> Outcome<String> {
        let client = self.client().await?;
        let id = client.active_element().await?.element_id().to_string();
        let name = dialect::accessible_name(&client, &id).await?;
        Ok(format!("{} \"{name}\"", dialect::accessible_role(&client, &id).await?))
    }

    /// How many visible elements are meant, at this moment.
    pub async fn count(&self, target: Target) -> Outcome<usize> {
        Ok(target.all(&self.client().await?).await?.len())
    }

    /// The element that is meant, once it is the only one.
    pub async fn one(&self, target: &Target) -> Outcome<Element> {
        let client = self.client().await?;
        wait_for(&format!("{target} appears, once"), async || {
            let mut found = target.all(&client).await?;
            ensure!(found.len() < 2, "there are {} of them", found.len());
            Ok(found.pop())
        })
        .await
    }

    /// Runs JavaScript in the page and returns what it returns; a promise is awaited.
    pub async fn eval(&self, script: &str, arguments: Vec<Value>) -> Outcome<Value> {
        Ok(self.client().await?.execute(script, arguments).await?)
    }

    /// The same, into a type of Rust.
    pub async fn eval_as<T: DeserializeOwned>(&self, script: &str) -> Outcome<T> {
        Ok(serde_json::from_value(self.eval(script, Vec::new()).await?)?)
    }

    // Waiting.

    /// Waits until the page says that it can be used: `data-ready="true"` on `<html>`.
    pub async fn wait_until_ready(&self) -> Outcome {
        self.wait_until("the page is ready", "document.documentElement.dataset.ready === 'true'")
            .await
    }

    /// Waits until an expression in JavaScript is true. `what` says it in words.
    pub async fn wait_until(&self, what: &str, expression: &str) -> Outcome {
        let script = format!("return Boolean({expression})");
        wait_for(what, async || {
            let is_so = self.eval(&script, Vec::new()).await? == json!(true);
            Ok(is_so.then_some(()))
        })
        .await
    }

    /// Waits until an element reads exactly `text`.
    pub async fn wait_for_text(&self, target: Target, text: &str) -> Outcome {
        let client = self.client().await?;
        let mut last = String::new();
        let waited = wait_for(&format!("{target} reads \"{text}\""), async || {
            let mut found = target.all(&client).await?;
            ensure!(found.len() == 1, "there are {} of them", found.len());
            last = found.remove(0).text().await?;
            Ok((last == text).then_some(()))
        })
        .await;
        waited.map_err(|failure| format!("{failure} It reads \"{last}\".").into())
    }

    /// Waits until no visible element is meant.
    pub async fn wait_until_gone(&self, target: Target) -> Outcome {
        let client = self.client().await?;
        wait_for(&format!("{target} goes away"), async || {
            Ok(target.all(&client).await?.is_empty().then_some(()))
        })
        .await
    }

    // Frames.

    /// Makes what follows happen inside an `<iframe>`.
    pub async fn enter_frame(&self, selector: &str) -> Outcome {
        self.browser.use_up();
        let frame = self.client().await?.find(Locator::Css(selector)).await?;
        Ok(frame.enter_frame().await?)
    }

    /// Makes what follows happen in the page around the `<iframe>` again.
    pub async fn leave_frame(&self) -> Outcome {
        Ok(self.client().await?.enter_parent_frame().await?)
    }

    // Evidence and conditions.

    /// Takes a picture of the view: target/screens/NAME.png.
    pub async fn screenshot(&self, name: &str) -> Outcome<PathBuf> {
        let picture = self.client().await?.screenshot().await?;
        let path = self.browser.setup().screens.join(format!("{name}.png"));
        std::fs::write(&path, picture)?;
        Ok(path)
    }

    /// Fails if any page of this browser said an error or a warning on its console.
    pub async fn expect_quiet_console(&self) -> Outcome {
        let said = self.browser.console().await;
        let loud: Vec<String> =
            said.iter().filter(|message| message.is_loud()).map(ToString::to_string).collect();
        ensure!(loud.is_empty(), "the console is not quiet:\n    {}", loud.join("\n    "));
        Ok(())
    }

    /// Gives Chromium a DevTools command; tests that need it ask [`Page::is_chromium`] first.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Outcome<Value> {
        dialect::devtools(&self.client().await?, command, parameters).await
    }

    /// Whether the browser understands DevTools commands.
    pub fn is_chromium(&self) -> bool {
        self.browser.setup().family == Family::Chromium
    }

    async fn same_address(&self) -> Outcome<Visit> {
        let path = self.client().await?.current_url().await?.to_string();
        Ok(Visit { path, ..self.visit.clone() })
    }
}
