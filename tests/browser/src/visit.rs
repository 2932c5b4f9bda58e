//! How somebody comes to the page: with which address, language, colours and width of window.

/// What the operating system asks pages to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark letters on a light ground.
    Light,
    /// Light letters on a dark ground.
    Dark,
}

impl Theme {
    /// The word of the media query `prefers-color-scheme`.
    pub fn word(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

/// One way of coming to the page. Language, theme and motion are the browser's own preferences, as
/// they are for a person; the page finds them out by itself.
#[derive(Clone, Debug)]
pub struct Visit {
    /// Path below the site, or a whole address.
    pub path: String,
    /// The browser's language, `en` or `ko`.
    pub language: String,
    /// The system's colours.
    pub theme: Theme,
    /// The width of the view in CSS pixels.
    pub width: u32,
    /// The height of the view in CSS pixels.
    pub height: u32,
    /// Whether the system asks for less motion.
    pub is_motion_reduced: bool,
    /// Whether the system replaces all colours with a few of its own (Chromium).
    pub are_colours_forced: bool,
    /// JavaScript that runs before the page's own, to take something away from it (Chromium).
    pub first_script: Option<String>,
}

impl Visit {
    /// An English visit with light colours in a laptop's window.
    pub fn to(path: impl Into<String>) -> Self {
        Visit {
            path: path.into(),
            language: "en".to_string(),
            theme: Theme::Light,
            width: 1280,
            height: 800,
            is_motion_reduced: false,
            are_colours_forced: false,
            first_script: None,
        }
    }

    /// In another language.
    pub fn language(self, language: &str) -> Self {
        Visit { language: language.to_string(), ..self }
    }

    /// In other colours.
    pub fn theme(self, theme: Theme) -> Self {
        Visit { theme, ..self }
    }

    /// In a window of another size.
    pub fn size(self, width: u32, height: u32) -> Self {
        Visit { width, height, ..self }
    }

    /// On a phone held upright.
    pub fn on_a_phone(self) -> Self {
        self.size(390, 844)
    }

    /// With the system's wish for less motion.
    pub fn with_less_motion(self) -> Self {
        Visit { is_motion_reduced: true, ..self }
    }
    /// With the system's few colours for people who need contrast.
    pub fn with_forced_colours(self) -> Self {
        Visit { are_colours_forced: true, ..self }
    }

    /// In a browser that lacks something: `delete window.indexedDB`.
    pub fn after(self, script: &str) -> Self {
        Visit { first_script: Some(script.to_string()), ..self }
    }
}
