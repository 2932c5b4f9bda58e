//! The two languages of the page.

use serde::{Deserialize, Serialize};

/// A language of the page. Neither is a translation of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// `en` or `ko`, as `<html lang>`, links and the lessons' folders have it.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Korean => "ko",
        }
    }

    /// The language of a tag such as `ko-KR`; `None` if it is neither.
    pub fn of_tag(tag: &str) -> Option<Language> {
        match tag.split(['-', '_']).next().unwrap_or_default() {
            "ko" | "KO" => Some(Language::Korean),
            "en" | "EN" => Some(Language::English),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn tags_of_browsers_are_understood() {
        assert_eq!(Language::of_tag("ko-KR"), Some(Language::Korean));
        assert_eq!(Language::of_tag("en"), Some(Language::English));
        assert_eq!(Language::of_tag("kok"), None);
        assert_eq!(Language::of_tag("fr-FR"), None);
    }
}
