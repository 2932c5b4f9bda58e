//! The embed's pages: the page itself without its program, at its own addresses, with a still
//! picture until it is clicked. One for each lesson, with the lesson's title, so that it says what
//! it is before any program is there; and what oEmbed asks for.

use crate::Failure;
use crate::inside::attribute;
use crate::lesson_pages::{self, Lesson, both};
use std::fs;
use std::path::Path;

/// Scripts and example pages, as they are.
const SCRIPTS: &str = "www/embed";
const EXAMPLES: &str = "www/examples";

/// The height that a snippet reserves, in pixels.
const HEIGHT: u32 = 520;

/// Writes everything below `embed/` and `oembed/`.
pub fn make(site: &Path, lessons: &[Lesson]) -> Result<(), Failure> {
    let embed = site.join("embed");
    copy(Path::new(SCRIPTS), &embed)?;
    copy(Path::new(EXAMPLES), &embed.join("examples"))?;
    let page = read_text(&site.join("index.html"))?;
    write_text(&embed.join("index.html"), &page_of(&page, "../", None)?)?;
    for lesson in lessons {
        let id = &lesson.id;
        write_text(&embed.join(id).join("index.html"), &page_of(&page, "../../", Some(lesson))?)?;
        write_text(&site.join("oembed").join(format!("{id}.json")), &oembed(lesson))?;
    }
    Ok(())
}

/// The page as an embed that stands so far below the site.
fn page_of(page: &str, up: &str, lesson: Option<&Lesson>) -> Result<String, Failure> {
    let mut embed = String::with_capacity(page.len() + 2_000);
    let mut start = String::new();
    for line in page.split_inclusive('\n') {
        match attribute(line, "src=\"").filter(|file| file.contains("start-")) {
            // The program comes with the first click.
            Some(file) => file.clone_into(&mut start),
            None => embed.push_str(line),
        }
    }
    if start.is_empty() {
        return Err("index.html names no start script for the embed.".to_string());
    }
    let (ko, en) =
        lesson.map_or(("자유 실습", "Free lab"), |lesson| (&lesson.ko.title, &lesson.en.title));
    let id = lesson.map_or("lab", |lesson| &lesson.id);
    let named = lesson.map_or(String::new(), |_| format!(" data-lesson=\"{id}\""));
    let html = "<html lang=\"ko\">";
    let head = "<meta charset=\"utf-8\" />";
    let main = "<main class=\"app-main\">";
    for mark in [html, head, main] {
        if embed.matches(mark).count() != 1 {
            return Err(format!("index.html must hold one `{mark}` for the embed."));
        }
    }
    let embed = embed
        .replacen(
            html,
            &format!("<html lang=\"ko\" data-program=\"{start}\"{named} data-embed=\"waits\">"),
            1,
        )
        .replacen(
            head,
            &format!(
                "{head}\n    <base href=\"{up}\" />\n    \
                 <script type=\"module\" src=\"embed/embed.js\"></script>\n    \
                 <meta name=\"responsive-embedded-sizing\" content=\"allow-origins=*\" />"
            ),
            1,
        )
        .replacen(main, &format!("{main}\n{}", button(ko, en)), 1);
    match lesson {
        Some(lesson) => with_still(&embed, lesson),
        None => Ok(embed),
    }
}

/// The page with the picture of the lesson's key moment in the place of the first picture.
fn with_still(embed: &str, lesson: &Lesson) -> Result<String, Failure> {
    let (figure, end) = ("<figure class=\"picture poster-picture\">", "</figure>");
    let missing = "index.html has no picture for the embed.";
    let start = embed.find(figure).ok_or(missing)? + figure.len();
    let length = embed[start..].find(end).ok_or(missing)?;
    let (before, after) = (&embed[..start], &embed[start + length..]);
    let after = after.replacen(end, &format!("{end}\n{}", lesson.table), 1);
    let patterns = lesson_pages::patterns(embed)?;
    let about = both(&lesson.ko.about, &lesson.en.about);
    let about = format!("<p class=\"bilingual still-about\">{about}</p>");
    let before =
        before.replacen("<div class=\"stage\">", &format!("{about}<div class=\"stage\">"), 1);
    Ok(format!("{before}\n{patterns}\n{}{after}", lesson.picture))
}

fn button(ko: &str, en: &str) -> String {
    let title = both(ko, en);
    format!(
        "          <div class=\"embed-start\">
            <h1 class=\"large bilingual\">{title}</h1>
            <button class=\"button large primary bilingual\" type=\"button\" id=\"embed-start\">
              <span lang=\"ko\">실습 시작</span><span lang=\"en\">Start the lab</span>
            </button>
            <a class=\"bilingual\" id=\"embed-full\" href=\".\" target=\"_blank\" rel=\"noopener\">
              <span lang=\"ko\">새 탭에서 열기</span><span lang=\"en\">Open in a new tab</span>
            </a>
          </div>"
    )
}

fn oembed(lesson: &Lesson) -> String {
    let (id, title) = (&lesson.id, lesson.ko.title.replace('"', "'"));
    format!(
        "{{\"version\":\"1.0\",\"type\":\"rich\",\"provider_name\":\"pushpull\",\"title\":\"{title}\",\
         \"width\":\"100%\",\"height\":{HEIGHT},\"html\":\"<iframe src=\\\"../embed/{id}/\\\" \
         title=\\\"{title}\\\" loading=\\\"lazy\\\" style=\\\"width:100%;height:{HEIGHT}px;border:0\\\">\
         </iframe>\"}}\n"
    )
}

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let place = from.display().to_string();
    for entry in fs::read_dir(from).map_err(told(&place))?.flatten() {
        let content = fs::read(entry.path()).map_err(told(&place))?;
        fs::create_dir_all(to).map_err(told(&place))?;
        fs::write(to.join(entry.file_name()), content).map_err(told(&place))?;
    }
    Ok(())
}

fn told(place: &str) -> impl Fn(std::io::Error) -> Failure {
    let place = place.to_string();
    move |error| format!("{place}: {error}.")
}

/// The text of a file.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(told(&path.display().to_string()))
}

/// Writes a file, and its folder if it is missing.
pub fn write_text(path: &Path, text: &str) -> Result<(), Failure> {
    let place = path.display().to_string();
    fs::create_dir_all(path.parent().expect("it has a folder")).map_err(told(&place))?;
    fs::write(path, text).map_err(told(&place))
}

#[cfg(test)]
mod tests {
    use super::{oembed, page_of};
    use crate::lesson_pages::{Lesson, Words};

    const PAGE: &str = "<html lang=\"ko\">\n<meta charset=\"utf-8\" />\n\
        <script src=\"./start-1.js\" type=\"module\"></script>\n\
        <link rel=\"icon\" href=\"a\" />\n\
        <main class=\"app-main\">\n<div class=\"stage\">\
        <figure class=\"picture poster-picture\"><svg class=\"poster-patterns\"></svg>\
        <svg class=\"first\"></svg></figure></div>\n";

    fn lesson() -> Lesson {
        let words =
            |title: &str| Words { title: title.into(), about: "!".into(), ..Words::default() };
        Lesson {
            id: "x".into(),
            ko: words("가 <b>"),
            en: words("A"),
            picture: "<svg class=\"still\"></svg>".into(),
            table: "<table></table>".into(),
        }
    }

    #[test]
    fn an_embed_loads_nothing_before_it_is_asked_to() {
        let page = page_of(PAGE, "../../", Some(&lesson())).expect("it is a page");
        assert!(page.contains("data-program=\"./start-1.js\" data-lesson=\"x\""), "{page}");
        assert!(page.contains("<base href=\"../../\" />"), "{page}");
        assert!(page.contains("rel=\"icon\""), "{page}");
        assert!(!page.contains("<script src=\"./start"), "{page}");
        assert!(page.contains("가 &lt;b>"), "a title is text: {page}");
        assert!(page_of("<html>", "../", None).is_err());
    }

    #[test]
    fn an_embed_of_a_lesson_has_its_picture_and_table() {
        let page = page_of(PAGE, "../../", Some(&lesson())).expect("it is a page");
        assert!(page.contains("poster-patterns") && !page.contains("\"first\""), "{page}");
        assert!(page.contains("<svg class=\"still\"></svg></figure>\n<table>"), "{page}");
        let free = page_of(PAGE, "../", None).expect("it is a page");
        assert!(free.contains("\"first\"") && !free.contains("still"), "{free}");
    }

    #[test]
    fn oembed_is_a_frame() {
        let json = oembed(&lesson());
        assert!(json.contains("\"type\":\"rich\"") && json.contains("embed/x/"), "{json}");
    }
}
