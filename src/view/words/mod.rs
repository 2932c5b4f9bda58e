//! Every text of the page, in two languages.
//!
//! An area of the page has a folder: a struct with one field for each text, and the two constants
//! that fill it. A text that is missing or spare does not compile. Texts have placeholders:
//! `{count}` is a value; `{client|이/가}` is a value with the Korean particle that its last letter
//! asks for; `{count#message/messages}` is the word alone, in the singular if the value is 1.

pub mod account;
pub mod event;
pub mod fact;
mod figure;
mod fill;
pub mod keeping;
mod language;
pub mod page;
mod particle;
pub mod picture;
pub mod runs;

pub use figure::{bytes, clock, instant, number, seconds};
pub use fill::fill;
pub use language::Language;
pub use particle::{Particle, particle};

/// Declares the texts of an area: a struct of `&'static str`, one field a text.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* $(,)? }) => {
        $(#[$doc])*
        ///
        /// The English text of a field is its documentation.
        #[expect(missing_docs, reason = "the English text of a field is its documentation")]
        #[derive(Debug)]
        pub struct $name {
            $(pub $field: &'static str),*
        }

        impl $name {
            /// Every text with the name of its field.
            #[cfg(test)]
            pub fn all(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($field), self.$field)),*]
            }

            /// The texts in a language.
            pub fn of(language: crate::view::words::Language) -> &'static $name {
                match language {
                    crate::view::words::Language::English => &en::TEXTS,
                    crate::view::words::Language::Korean => &ko::TEXTS,
                }
            }
        }
    };
}
pub(crate) use texts;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ordered::BTreeSet;

    /// Texts that are the same in both languages: names, numbers, symbols.
    const NAMES: [&str; 16] = [
        "kafka",
        "rabbit",
        "korean",
        "english",
        "speed_max",
        "isr",
        "acks",
        "high_watermark_short",
        "prefetch_value",
        "speed_value",
        "pull_word",
        "push_word",
        "p_partition",
        "file_ko",
        "name_value",
        "of_limit",
    ];

    fn placeholders(text: &str) -> BTreeSet<&str> {
        let parts = text.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        parts.map(|inside| inside.split(['|', '#']).next().unwrap_or(inside)).collect()
    }

    fn both() -> Vec<(String, &'static str, &'static str)> {
        let areas = [
            (
                "page",
                page::Page::of(Language::English).all(),
                page::Page::of(Language::Korean).all(),
            ),
            (
                "picture",
                picture::Picture::of(Language::English).all(),
                picture::Picture::of(Language::Korean).all(),
            ),
            (
                "event",
                event::Event::of(Language::English).all(),
                event::Event::of(Language::Korean).all(),
            ),
            (
                "fact",
                fact::Fact::of(Language::English).all(),
                fact::Fact::of(Language::Korean).all(),
            ),
            (
                "account",
                account::Account::of(Language::English).all(),
                account::Account::of(Language::Korean).all(),
            ),
            (
                "keeping",
                keeping::Keeping::of(Language::English).all(),
                keeping::Keeping::of(Language::Korean).all(),
            ),
        ];
        let pair = |(area, en, ko): (&str, Vec<(&'static str, &'static str)>, Vec<_>)| {
            let lines = en.into_iter().zip(ko);
            let named =
                |((name, en), (_, ko)): ((&str, _), (_, _))| (format!("{area}.{name}"), en, ko);
            lines.map(named).collect::<Vec<_>>()
        };
        areas.into_iter().flat_map(pair).collect()
    }

    #[test]
    fn both_languages_have_the_same_placeholders() {
        for (name, en, ko) in both() {
            assert_eq!(placeholders(en), placeholders(ko), "{name}: {en} / {ko}");
        }
    }

    #[test]
    fn korean_texts_hold_hangul_and_english_ones_none() {
        let hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
        for (name, en, ko) in both() {
            let field = name.split('.').nth(1).unwrap_or_default();
            if NAMES.contains(&field) {
                continue;
            }
            assert!(hangul(ko), "{name} has no Hangul: {ko}");
            assert!(!hangul(en), "{name} has Hangul: {en}");
            assert!(!en.is_empty(), "{name} is empty");
        }
    }

    #[test]
    fn korean_texts_keep_to_the_terms() {
        // Synonyms that are found by search and not used in text.
        let forbidden = [
            "소비자",
            "생산자",
            "중개자",
            "오프셋값",
            "교환기",
            "재조정",
            "복제 계수",
            "포이즌",
            "이(가)",
            "을(를)",
            "은(는)",
            "(으)로",
            "와(과)",
            "되어지",
            "샌드박스",
            " 내기",
        ];
        for (name, _, ko) in both() {
            for word in forbidden {
                assert!(!ko.contains(word), "{name} says {word}: {ko}");
            }
            assert!(!ko.contains('!'), "{name} exclaims: {ko}");
        }
    }

    #[test]
    fn every_particle_marker_is_one_that_is_known() {
        for (name, _, ko) in both() {
            for rest in ko.split('|').skip(1) {
                let marker = rest.split('}').next().unwrap_or_default();
                assert!(Particle::named(marker).is_some(), "{name}: {marker}");
            }
        }
    }
}
