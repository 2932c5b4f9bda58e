//! Texts of the page around the picture.

mod en;
mod ko;

super::texts! {
    /// Texts of the page.
    Page { placeholder_text }
}
