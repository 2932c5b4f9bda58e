//! The lessons there are, in the order of the curriculum. Their texts are fetched when one is
//! opened.

use super::words::Language;

/// A lesson in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id, and the name of its file.
    pub id: &'static str,
    /// Its unit.
    pub unit: char,
    /// Minutes it takes.
    pub minutes: u32,
    title_en: &'static str,
    title_ko: &'static str,
}

impl Entry {
    /// Its title.
    pub fn title(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.title_en,
            Language::Korean => self.title_ko,
        }
    }

    /// Where its text is, relative to the page.
    pub fn address(&self, language: Language) -> String {
        ["lessons/", language.code(), "/", self.id, ".md"].concat()
    }
}

/// All lessons.
pub const LESSONS: &[Entry] = &[
    Entry {
        id: "first-message",
        unit: 'A',
        minutes: 3,
        title_en: "First message",
        title_ko: "첫 메시지",
    },
    Entry {
        id: "steering-wheel",
        unit: 'A',
        minutes: 4,
        title_en: "Push and pull: who holds the steering wheel",
        title_ko: "푸시와 풀: 운전대는 누가 잡나",
    },
    Entry {
        id: "ack-or-retain",
        unit: 'A',
        minutes: 3,
        title_en: "Acknowledge and delete, or retain",
        title_ko: "확인하면 삭제, 아니면 보존",
    },
];

/// The lesson of this id.
pub fn entry(id: &str) -> Option<&'static Entry> {
    LESSONS.iter().find(|entry| entry.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_list_is_that_of_the_files() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/lessons");
        for language in [Language::English, Language::Korean] {
            let folder = root.join(language.code());
            let mut files: Vec<String> = std::fs::read_dir(&folder)
                .expect("there are lessons")
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
                .collect();
            files.sort();
            let mut ids: Vec<&str> = LESSONS.iter().map(|entry| entry.id).collect();
            ids.sort_unstable();
            assert_eq!(files, ids, "{}", folder.display());
        }
    }

    #[test]
    fn the_list_says_what_the_files_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("www");
        for (index, entry) in LESSONS.iter().enumerate() {
            for language in [Language::English, Language::Korean] {
                let path = root.join(entry.address(language));
                let text = std::fs::read_to_string(&path).expect("the lesson is there");
                let head = text.split("---").nth(1).unwrap_or_default();
                let field = |name: &str| {
                    let line = head.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().trim().trim_matches('"').to_owned()
                };
                assert_eq!(field("title:"), entry.title(language), "{}", path.display());
                assert_eq!(field("unit:"), entry.unit.to_string(), "{}", path.display());
                assert_eq!(field("minutes:"), entry.minutes.to_string(), "{}", path.display());
                assert_eq!(field("order:"), (index + 1).to_string(), "{}", path.display());
            }
        }
    }
}
