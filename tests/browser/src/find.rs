//! Saying which element is meant: the way a person would, by role and name, or by a test's mark.

use crate::dialect;
use crate::failure::Outcome;
use fantoccini::Client;
use fantoccini::elements::Element;
use serde_json::{Value, json};
use std::fmt;

/// An element, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// By what assistive technology calls it: `role("button", "Crash broker 2")`.
    Role {
        /// `button`, `link`, `textbox`, `tab`, `heading`, ...
        role: String,
        /// The whole accessible name.
        name: String,
    },
    /// By its attribute `data-test`.
    Test(String),
    /// By a CSS selector, for what is neither.
    Css(String),
}

/// The element of that role and accessible name.
pub fn role(role: &str, name: &str) -> Target {
    Target::Role { role: role.to_string(), name: name.to_string() }
}

/// The element marked `data-test="mark"`.
pub fn test(mark: &str) -> Target {
    Target::Test(mark.to_string())
}

/// The element of a CSS selector.
pub fn css(selector: &str) -> Target {
    Target::Css(selector.to_string())
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Target::Role { role, name } => write!(f, "the {role} \"{name}\""),
            Target::Test(mark) => write!(f, "the element with data-test=\"{mark}\""),
            Target::Css(selector) => write!(f, "the element `{selector}`"),
        }
    }
}

impl Target {
    /// All visible elements that are meant, in the order of the document.
    pub async fn all(&self, client: &Client) -> Outcome<Vec<Element>> {
        let (selector, name) = match self {
            Target::Role { role, name } => (selector_of(role), name.as_str()),
            Target::Test(mark) => (format!("[data-test={}]", json!(mark)), ""),
            Target::Css(selector) => (selector.clone(), ""),
        };
        let found = client.execute(CANDIDATES, vec![json!(selector), json!(name)]).await?;
        let mut elements = Vec::new();
        for value in found.as_array().into_iter().flatten() {
            let element: Element = element_of(client, value)?;
            if self.is_meant(client, &element).await? {
                elements.push(element);
            }
        }
        Ok(elements)
    }

    /// Whether a candidate is what a role and name call for; the browser itself computes both.
    async fn is_meant(&self, client: &Client, element: &Element) -> Outcome<bool> {
        let Target::Role { role, name } = self else { return Ok(true) };
        let id = element.element_id().to_string();
        Ok(dialect::accessible_name(client, &id).await?.trim() == name
            && dialect::accessible_role(client, &id).await? == *role)
    }
}

/// Visible elements of a selector; with a name, those whose words could amount to it, so that the
/// browser need not be asked about each element of the page.
const CANDIDATES: &str = r#"
const [selector, name] = arguments;
const squeezed = (text) => text.replace(/\s+/g, "");
const words = (element) => [
  element.textContent, element.value, element.alt, element.title, element.placeholder,
  element.ariaLabel, ...[...(element.labels ?? [])].map((label) => label.textContent),
  ...(element.getAttribute("aria-labelledby") ?? "").split(/\s+/).map((id) => document.getElementById(id)?.textContent),
  ...[...element.querySelectorAll("[aria-label], [alt], title")].map((inner) => inner.ariaLabel ?? inner.alt ?? ""),
].filter((text) => typeof text === "string").map(squeezed);
const isVisible = (element) => element.checkVisibility({ checkOpacity: false, checkVisibilityCSS: true });
const composed = (element) => element.querySelector("[aria-label], [alt]") !== null || (element.getAttribute("aria-labelledby") ?? "").includes(" ");
return [...document.querySelectorAll(selector)].filter((element) => isVisible(element)
  && (name === "" || composed(element) || words(element).some((text) => text.includes(squeezed(name)))));
"#;

/// The elements that may have a role: those marked with it, and those that have it by nature.
fn selector_of(role: &str) -> String {
    let native = match role {
        "button" => "button, summary, input[type=button], input[type=submit], input[type=reset]",
        "link" => "a[href], area[href]",
        "heading" => "h1, h2, h3, h4, h5, h6",
        "textbox" => {
            "textarea, input:not([type]), input[type=text], input[type=email], input[type=url]"
        }
        "searchbox" => "input[type=search]",
        "spinbutton" => "input[type=number]",
        "slider" => "input[type=range]",
        "checkbox" => "input[type=checkbox]",
        "switch" => "input[type=checkbox][switch]",
        "radio" => "input[type=radio]",
        "combobox" => "select, input[list]",
        "listbox" => "select[multiple], select[size]",
        "option" => "option",
        "list" => "ul, ol, menu",
        "listitem" => "li",
        "img" | "image" => "img, svg",
        "table" => "table",
        "row" => "tr",
        "cell" => "td",
        "columnheader" | "rowheader" => "th",
        "dialog" => "dialog",
        "group" => "fieldset, details",
        "region" => "section",
        "navigation" => "nav",
        "main" => "main",
        "banner" => "header",
        "contentinfo" => "footer",
        "complementary" => "aside",
        "form" => "form",
        "status" => "output",
        "progressbar" => "progress",
        "meter" => "meter",
        _ => "",
    };
    let marked = format!("[role={}]", json!(role));
    if native.is_empty() { marked } else { format!("{marked}, {native}") }
}

fn element_of(client: &Client, value: &Value) -> Outcome<Element> {
    let id = value
        .as_object()
        .and_then(|object| object.values().next())
        .and_then(Value::as_str)
        .ok_or("the browser did not answer with elements.")?;
    let reference = fantoccini::elements::ElementRef::from(id.to_string());
    Ok(Element::from_element_id(client.clone(), reference))
}
