//! What an author puts into a page of their own: the lab in a frame, or a link to it.

use super::words::Language;

/// How it is to stand in the other page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A frame, as HTML.
    Frame,
    /// A frame, as JSX.
    React,
    /// A picture with a link, as Markdown: where no frames are taken.
    Link,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 3] = [Form::Frame, Form::React, Form::Link];
}

/// How much of the lab is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Picture, bet and player.
    Compact,
    /// All of it.
    Full,
}

impl Size {
    /// All of them.
    pub const ALL: [Size; 2] = [Size::Compact, Size::Full];

    fn height_px(self) -> u32 {
        match self {
            Size::Compact => 520,
            Size::Full => 760,
        }
    }
}

/// The colours, as an address names them; by itself the embed follows the reader's system.
pub const THEMES: [&str; 3] = ["auto", "light", "dark"];

/// A place in the lab, and how it is to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown<'a> {
    /// The address of the site, up to its last `/`.
    pub site: &'a str,
    /// Id and step of the lesson that is open; without one the free lab as it stands.
    pub lesson: Option<(&'a str, usize)>,
    /// What the frame is called.
    pub title: &'a str,
    /// The lab as the text of a link, if it is short enough to stand in one.
    pub link: Option<&'a str>,
    /// The language of the page.
    pub language: Language,
    /// One of [`THEMES`].
    pub theme: &'a str,
    /// How much is shown.
    pub size: Size,
}

impl Shown<'_> {
    /// The address of the embed.
    pub fn embed(&self) -> String {
        let language = self.language.code();
        let mut address = match self.lesson {
            Some((id, _)) => [self.site, "embed/", id, "/?lang=", language].concat(),
            None => [self.site, "embed/?lesson=lab&lang=", language].concat(),
        };
        if let Some((_, step @ 1..)) = self.lesson {
            address += &["&step=", &step.to_string()].concat();
        }
        if self.theme != THEMES[0] {
            address += &["&theme=", self.theme].concat();
        }
        if self.size == Size::Full {
            address += "&ui=full";
        }
        if let (None, Some(link)) = (self.lesson, self.link) {
            address += &["#x=", link].concat();
        }
        address
    }

    /// The address of the whole page.
    fn page(&self) -> String {
        let language = self.language.code();
        match (self.lesson, self.link) {
            (Some((id, _)), _) => [self.site, "lessons/", id, "/?lang=", language].concat(),
            (None, Some(link)) => [self.site, "?lang=", language, "#x=", link].concat(),
            (None, None) => [self.site, "?lang=", language].concat(),
        }
    }

    /// The text to be copied.
    pub fn text(&self, form: Form) -> String {
        let height = self.size.height_px().to_string();
        let (title, embed, page) =
            (escaped(self.title), escaped(&self.embed()), escaped(&self.page()));
        match form {
            Form::Frame => [
                "<iframe src=\"",
                &embed,
                "\" title=\"",
                &title,
                "\" loading=\"lazy\"\n  allow=\"fullscreen; clipboard-write\" allowfullscreen\n  \
                 sandbox=\"allow-scripts allow-same-origin allow-popups \
                 allow-popups-to-escape-sandbox allow-downloads\"\n  style=\"width:100%;height:",
                &height,
                "px;border:0\"></iframe>\n<p><a href=\"",
                &page,
                "\">",
                &title,
                "</a></p>",
            ]
            .concat(),
            Form::React => [
                "<iframe src=\"",
                &embed,
                "\" title=\"",
                &title,
                "\" loading=\"lazy\"\n  style={{width: \"100%\", height: ",
                &height,
                ", border: 0}} />",
            ]
            .concat(),
            Form::Link => {
                let title = self.title.replace('[', "\\[").replace(']', "\\]");
                match self.lesson {
                    // A lesson has a picture: where no frames are taken, it stands for one.
                    Some((id, _)) => [
                        "[![",
                        &title,
                        "](",
                        self.site,
                        "lessons/",
                        id,
                        "/",
                        self.language.code(),
                        ".png)](",
                        &self.page(),
                        ")",
                    ]
                    .concat(),
                    None => ["[", &title, "](", &self.page(), ")"].concat(),
                }
            }
        }
    }
}

/// A text as it stands between quotes or tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> Shown<'static> {
        Shown {
            site: "https://lab.example/p/",
            lesson: Some(("overload", 0)),
            title: "A \"slow\" <consumer>",
            link: Some("AbC-_"),
            language: Language::Korean,
            theme: "auto",
            size: Size::Compact,
        }
    }

    #[test]
    fn an_address_says_only_what_differs() {
        let plain = shown();
        assert_eq!(plain.embed(), "https://lab.example/p/embed/overload/?lang=ko");
        let own = Shown {
            lesson: Some(("overload", 2)),
            theme: "dark",
            size: Size::Full,
            language: Language::English,
            ..plain
        };
        let address = "https://lab.example/p/embed/overload/?lang=en&step=2&theme=dark&ui=full";
        assert_eq!(own.embed(), address);
        let free = Shown { lesson: None, ..plain };
        assert_eq!(free.embed(), "https://lab.example/p/embed/?lesson=lab&lang=ko#x=AbC-_");
        assert_eq!(
            free.text(Form::Link).split_once("](").map(|it| it.1),
            Some("https://lab.example/p/?lang=ko#x=AbC-_)")
        );
        let long = Shown { link: None, ..free };
        assert_eq!(long.embed(), "https://lab.example/p/embed/?lesson=lab&lang=ko");
    }

    #[test]
    fn a_title_cannot_end_the_tag() {
        let text = Shown { lesson: None, ..shown() }.text(Form::Frame);
        assert!(text.contains("title=\"A &quot;slow&quot; &lt;consumer>\""), "{text}");
        assert!(text.contains("lesson=lab&amp;lang=ko#x=AbC-_\""), "{text}");
        assert_eq!(text.matches("<iframe").count() + text.matches("</iframe>").count(), 2);
        let title = Shown { title: "a [b](c)", ..shown() };
        assert_eq!(
            title.text(Form::Link),
            "[![a \\[b\\](c)](https://lab.example/p/lessons/overload/ko.png)]\
             (https://lab.example/p/lessons/overload/?lang=ko)"
        );
    }
}
