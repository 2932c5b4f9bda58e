//! The embed's pages: the page itself without its preloads, at its own addresses, with a still
//! picture until it is clicked. One for each lesson, with the lesson's title, so that it says what
//! it is before any program is there; and what oEmbed asks for.

use crate::Failure;
use std::fs;
use std::path::Path;

/// Scripts and example pages, as they are.
const SCRIPTS: &str = "www/embed";
const EXAMPLES: &str = "www/examples";

/// Where the lessons are, by language.
const LESSONS: &str = "www/lessons";

/// The height that a snippet reserves, in pixels.
const HEIGHT: u32 = 520;

/// Writes everything below `embed/` and `oembed/`.
pub fn make(site: &Path) -> Result<(), Failure> {
    let embed = site.join("embed");
    copy(Path::new(SCRIPTS), &embed)?;
    copy(Path::new(EXAMPLES), &embed.join("examples"))?;
    let page = read(&site.join("index.html"))?;
    write(&embed.join("index.html"), &page_of(&page, "../", None)?)?;
    for path in fs::read_dir(Path::new(LESSONS).join("en")).map_err(told(LESSONS))?.flatten() {
        let path = path.path();
        let (Some(id), Some("md")) = (
            path.file_stem().and_then(|stem| stem.to_str()),
            path.extension().and_then(|extension| extension.to_str()),
        ) else {
            continue;
        };
        let english = title(&read(&path)?);
        let korean = title(&read(&Path::new(LESSONS).join("ko").join(format!("{id}.md")))?);
        let lesson = Lesson { id, korean: &korean, english: &english };
        write(&embed.join(id).join("index.html"), &page_of(&page, "../../", Some(&lesson))?)?;
        write(&site.join("oembed").join(format!("{id}.json")), &oembed(&lesson))?;
    }
    Ok(())
}

struct Lesson<'a> {
    id: &'a str,
    korean: &'a str,
    english: &'a str,
}

/// The page as an embed that stands so far below the site.
fn page_of(page: &str, up: &str, lesson: Option<&Lesson<'_>>) -> Result<String, Failure> {
    let mut embed = String::with_capacity(page.len() + 2_000);
    let mut start = String::new();
    for line in page.split_inclusive('\n') {
        match attribute(line, "src=\"").filter(|file| file.contains("start-")) {
            // The program comes with the first click.
            Some(file) => file.clone_into(&mut start),
            None => embed.push_str(&without_preloads(line)),
        }
    }
    if start.is_empty() {
        return Err("index.html names no start script for the embed.".to_string());
    }
    let (ko, en) = lesson.map_or(("자유 실습", "Free lab"), |l| (l.korean, l.english));
    let id = lesson.map_or("lab", |lesson| lesson.id);
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
    Ok(embed)
}

fn button(ko: &str, en: &str) -> String {
    let (ko, en) = (escaped(ko), escaped(en));
    format!(
        "          <div class=\"embed-start\">
            <h1 class=\"large bilingual\"><span lang=\"ko\">{ko}</span><span lang=\"en\">{en}</span></h1>
            <button class=\"button large primary bilingual\" type=\"button\" id=\"embed-start\">
              <span lang=\"ko\">실습 시작</span><span lang=\"en\">Start the lab</span>
            </button>
            <a class=\"bilingual\" id=\"embed-full\" href=\".\" target=\"_blank\" rel=\"noopener\">
              <span lang=\"ko\">새 탭에서 열기</span><span lang=\"en\">Open in a new tab</span>
            </a>
          </div>"
    )
}

fn oembed(lesson: &Lesson<'_>) -> String {
    let (id, title) = (lesson.id, lesson.korean.replace('"', "'"));
    format!(
        "{{\"version\":\"1.0\",\"type\":\"rich\",\"provider_name\":\"pushpull\",\"title\":\"{title}\",\
         \"width\":\"100%\",\"height\":{HEIGHT},\"html\":\"<iframe src=\\\"../embed/{id}/\\\" \
         title=\\\"{title}\\\" loading=\\\"lazy\\\" style=\\\"width:100%;height:{HEIGHT}px;border:0\\\">\
         </iframe>\"}}\n"
    )
}

/// The line without the links that load something ahead.
fn without_preloads(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("<link rel=\"") {
        let (before, tag) = rest.split_at(at);
        kept.push_str(before);
        let end = tag.find('>').map_or(tag.len(), |end| end + 1);
        let ahead = ["preload", "modulepreload", "prefetch"];
        if !attribute(tag, "rel=\"").is_some_and(|rel| ahead.contains(&rel)) {
            kept.push_str(&tag[..end]);
        }
        rest = &tag[end..];
    }
    kept.push_str(rest);
    kept
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(name)? + name.len();
    let length = tag[start..].find('"')?;
    Some(&tag[start..start + length])
}

/// The title in a lesson's front matter.
fn title(markdown: &str) -> String {
    let line = markdown.lines().find_map(|line| line.strip_prefix("title:"));
    line.unwrap_or_default().trim().trim_matches('"').to_string()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
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

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(told(&path.display().to_string()))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let place = path.display().to_string();
    fs::create_dir_all(path.parent().expect("it has a folder")).map_err(told(&place))?;
    fs::write(path, text).map_err(told(&place))
}

#[cfg(test)]
mod tests {
    use super::{Lesson, oembed, page_of, title, without_preloads};

    const PAGE: &str = "<html lang=\"ko\">\n<meta charset=\"utf-8\" />\n\
        <script src=\"./start-1.js\" type=\"module\"></script>\n\
        <link rel=\"icon\" href=\"a\" /><link rel=\"preload\" href=\"b.wasm\">\n\
        <main class=\"app-main\">\n";

    #[test]
    fn an_embed_loads_nothing_before_it_is_asked_to() {
        let lesson = Lesson { id: "x", korean: "가 <b>", english: "A" };
        let page = page_of(PAGE, "../../", Some(&lesson)).expect("it is a page");
        assert!(page.contains("data-program=\"./start-1.js\" data-lesson=\"x\""), "{page}");
        assert!(page.contains("<base href=\"../../\" />"), "{page}");
        assert!(page.contains("rel=\"icon\"") && !page.contains("wasm"), "{page}");
        assert!(!page.contains("<script src=\"./start"), "{page}");
        assert!(page.contains("가 &lt;b>"), "a title is text: {page}");
        assert!(page_of("<html>", "../", None).is_err());
    }

    #[test]
    fn what_is_not_loaded_ahead_stays() {
        let line = "a<link rel=\"prefetch\" href=\"w\" />b<link rel=\"manifest\" href=\"m\" />c";
        assert_eq!(without_preloads(line), "ab<link rel=\"manifest\" href=\"m\" />c");
    }

    #[test]
    fn the_title_is_that_of_the_front_matter() {
        assert_eq!(title("---\ntitle: A \"b\"\nunit: A\n---\n# no"), "A \"b");
        let json = oembed(&Lesson { id: "x", korean: "가", english: "A" });
        assert!(json.contains("\"type\":\"rich\"") && json.contains("embed/x/"), "{json}");
    }
}
