//! English.
use super::Page;
pub(super) const TEXTS: Page = Page { placeholder_text: "x" };
