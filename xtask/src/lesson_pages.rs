//! A page for each lesson at `lessons/ID/`: what it is about, the picture of its key moment and its
//! text, without any program. It is what a search engine reads and what a link is previewed by.

use crate::Failure;
use crate::embed::{read_text, write_text};
use crate::inside::{attribute, element};
use std::fs;
use std::path::Path;

/// A lesson in one language.
#[derive(Debug, Default)]
pub struct Words {
    /// Its title.
    pub title: String,
    /// What it is about, in a sentence or a few.
    pub about: String,
    /// Its text, as HTML.
    pub article: String,
}

/// A lesson, as far as a page needs it that has no engine.
#[derive(Debug, Default)]
pub struct Lesson {
    /// Its id.
    pub id: String,
    /// In Korean.
    pub ko: Words,
    /// In English.
    pub en: Words,
    /// The picture of its key moment with its caption, as HTML.
    pub picture: String,
    /// The table of what is observed then, as HTML; empty if nothing is.
    pub table: String,
}

/// What the binary `lessons` made, by id.
pub fn read(parts: &Path) -> Result<Vec<Lesson>, Failure> {
    let mut lessons = Vec::new();
    for path in crate::page::paths(parts, "html")? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(id) = name.strip_suffix(".still.html") else { continue };
        let still = read_text(&path)?;
        let (picture, table) = still
            .split_once("<!-- table -->\n")
            .ok_or_else(|| format!("{} has no mark of its table.", path.display()))?;
        lessons.push(Lesson {
            id: id.to_string(),
            ko: words(parts, "ko", id)?,
            en: words(parts, "en", id)?,
            picture: picture.to_string(),
            table: table.to_string(),
        });
    }
    match lessons.is_empty() {
        true => Err(format!("{} holds no lesson.", parts.display())),
        false => Ok(lessons),
    }
}

fn words(parts: &Path, language: &str, id: &str) -> Result<Words, Failure> {
    let folder = parts.join(language);
    let about = read_text(&folder.join(format!("{id}.txt")))?;
    let (title, about) = about.split_once('\n').unwrap_or((&about, ""));
    Ok(Words {
        title: title.to_string(),
        about: about.trim().to_string(),
        article: read_text(&folder.join(format!("{id}.html")))?,
    })
}

/// The pictures that links to the pages are previewed by, `ID/LANGUAGE.png`: `cargo xtask previews`
/// takes them.
const PREVIEWS: &str = "www/previews";

/// The variable that tells where the site will stand.
pub const ADDRESS: &str = "PUSHPULL_ADDRESS";

/// How large they are.
const PREVIEW_SIZE: (u32, u32) = (1200, 630);

/// Writes all of them.
pub fn make(site: &Path, lessons: &[Lesson]) -> Result<(), Failure> {
    let index = read_text(&site.join("index.html"))?;
    let site_address = std::env::var(ADDRESS).unwrap_or_default();
    for lesson in lessons {
        let folder = site.join("lessons").join(&lesson.id);
        write_text(&folder.join("index.html"), &page(&index, lesson, &site_address)?)?;
        for name in ["ko.png", "en.png"] {
            let preview = Path::new(PREVIEWS).join(&lesson.id).join(name);
            let picture = fs::read(&preview).map_err(|error| {
                let preview = preview.display();
                format!("{preview}: {error}; `cargo xtask previews` takes it.")
            })?;
            crate::page::write(&folder.join(name), picture)?;
        }
    }
    Ok(())
}

/// Text that is no markup, wherever it stands.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// The same in two languages, of which the page shows one.
pub fn both(ko: &str, en: &str) -> String {
    format!("<span lang=\"ko\">{}</span><span lang=\"en\">{}</span>", escaped(ko), escaped(en))
}

/// The patterns that a picture is filled with, as the page has them.
pub fn patterns(index: &str) -> Result<&str, Failure> {
    let missing = "index.html has no patterns for its pictures.";
    let start = index.find("<svg class=\"poster-patterns\"").ok_or(missing)?;
    let length = index[start..].find("</svg>").ok_or(missing)? + "</svg>".len();
    Ok(&index[start..start + length])
}

fn page(index: &str, lesson: &Lesson, site_address: &str) -> Result<String, Failure> {
    // A tag may go over several lines: its attribute is the next one of that name.
    let tag = index.find("http-equiv=\"Content-Security-Policy\"").map(|at| &index[at..]);
    let policy = tag.and_then(|tag| attribute(tag, "content=\""));
    let policy = policy.ok_or("index.html has no policy for the pages of lessons.")?;
    let (styles, boot) = (element(index, "style")?, element(index, "script")?);
    let patterns = patterns(index)?;
    let Lesson { id, ko, en, picture, table } = lesson;
    let (title, about) = (escaped(&ko.title), escaped(&ko.about));
    let (width, height) = PREVIEW_SIZE;
    let preview = match site_address {
        "" => "ko.png".to_string(),
        address => format!("{}lessons/{id}/ko.png", escaped(address)),
    };
    Ok(format!(
        "<!doctype html>
<html lang=\"ko\" data-page=\"lesson\">
  <head>
    <meta charset=\"utf-8\" />
    <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\" />
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover\" />
    <title>{title} · {en_title}</title>
    <meta name=\"description\" content=\"{about}\" />
    <meta property=\"og:type\" content=\"article\" />
    <meta property=\"og:site_name\" content=\"pushpull\" />
    <meta property=\"og:title\" content=\"{title}\" />
    <meta property=\"og:description\" content=\"{about}\" />
    <meta property=\"og:image\" content=\"{preview}\" />
    <meta property=\"og:image:width\" content=\"{width}\" />
    <meta property=\"og:image:height\" content=\"{height}\" />
    <meta property=\"og:image:alt\" content=\"{title}\" />
    <meta name=\"twitter:card\" content=\"summary_large_image\" />
    <meta name=\"twitter:image\" content=\"{preview}\" />
    <meta property=\"og:locale\" content=\"ko_KR\" />
    <meta property=\"og:locale:alternate\" content=\"en_US\" />
    <link rel=\"alternate\" hreflang=\"ko\" href=\"?lang=ko\" />
    <link rel=\"alternate\" hreflang=\"en\" href=\"?lang=en\" />
    <link rel=\"alternate\" hreflang=\"x-default\" href=\"?\" />
    <link rel=\"alternate\" type=\"application/json+oembed\" href=\"../../oembed/{id}.json\" title=\"{title}\" />
    <meta name=\"color-scheme\" content=\"light dark\" />
    <meta name=\"theme-color\" media=\"(prefers-color-scheme: light)\" content=\"#ffffff\" />
    <meta name=\"theme-color\" media=\"(prefers-color-scheme: dark)\" content=\"#0f172a\" />
    {boot}
    {styles}
    <link rel=\"icon\" href=\"../../icons/icon.svg\" type=\"image/svg+xml\" sizes=\"any\" />
  </head>
  <body>
    <div id=\"app\" class=\"article\">
    <div class=\"article-page\">
      <header class=\"app-header\">
        <a class=\"mark\" href=\"../../\">pushpull</a>
        <nav class=\"push-end article-languages\">
          <a href=\"?lang=ko\" lang=\"ko\" hreflang=\"ko\">한국어</a>
          <a href=\"?lang=en\" lang=\"en\" hreflang=\"en\">English</a>
        </nav>
      </header>
      <main class=\"article-main\">
        <h1 class=\"bilingual\">{titles}</h1>
        <p class=\"bilingual\">
          <a class=\"button large primary\" lang=\"ko\" href=\"../../?lesson={id}&amp;lang=ko\">실습 시작</a>
          <a class=\"button large primary\" lang=\"en\" href=\"../../?lesson={id}&amp;lang=en\">Start the lab</a>
        </p>
        <figure class=\"picture poster-picture\">
          {patterns}
          {picture}
        </figure>
        {table}
        <div class=\"bilingual\">
          <article lang=\"ko\">{ko_article}</article>
          <article lang=\"en\">{en_article}</article>
        </div>
      </main>
    </div>
    </div>
  </body>
</html>
",
        en_title = escaped(&en.title),
        titles = both(&ko.title, &en.title),
        ko_article = ko.article,
        en_article = en.article,
    ))
}

#[cfg(test)]
mod tests {
    use super::{Lesson, PREVIEW_SIZE, PREVIEWS, Words, page, patterns};
    use std::fs;
    use std::path::Path;

    /// A picture that somebody's page shows is small.
    const PREVIEW_BYTES_MAX: usize = 40_000;

    const INDEX: &str = "<meta\n http-equiv=\"Content-Security-Policy\"\n content=\"default-src 'self'\"\n/>\n\
        <script>boot()</script>\n<style>a{}</style>\n\
        <svg class=\"poster-patterns\"><pattern/></svg>\n";

    #[test]
    fn a_page_has_both_languages_and_no_program() {
        let words = |title: &str| Words { title: title.into(), ..Words::default() };
        let lesson = Lesson {
            id: "x".into(),
            ko: words("가 <b>"),
            en: words("A"),
            picture: "<svg class=\"poster-narrow\"/>".into(),
            ..Lesson::default()
        };
        let page = page(INDEX, &lesson, "https://lab.example/p/").expect("it is a page");
        assert!(
            page.contains("가 &lt;b>") && page.contains("<span lang=\"en\">A</span>"),
            "{page}"
        );
        assert!(page.contains("<script>boot()</script>\n    <style>a{}</style>"), "{page}");
        assert!(page.contains("content=\"default-src 'self'\""), "{page}");
        assert!(page.contains("<pattern/></svg>") && page.contains("poster-narrow"), "{page}");
        let preview = "\"og:image\" content=\"https://lab.example/p/lessons/x/ko.png\"";
        assert!(page.contains(preview), "{page}");
        assert!(!page.contains(".wasm") && !page.contains("start-"), "{page}");
        assert!(super::page("<html>", &lesson, "").is_err());
    }

    /// What it is and its size stand in the first bytes of a PNG.
    #[test]
    fn every_lesson_has_its_previews() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
        let mut lessons = 0;
        for lesson in crate::page::paths(&root.join("www/lessons/ko"), "md").expect("lessons") {
            let id = lesson.file_stem().expect("it has a name");
            for name in ["ko.png", "en.png"] {
                let file = root.join(PREVIEWS).join(id).join(name);
                let picture = fs::read(&file).unwrap_or_default();
                let said = format!("{}: `cargo xtask previews` takes it", file.display());
                assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"), "{said}");
                let size = (number(&picture[16..20]), number(&picture[20..24]));
                assert_eq!(size, PREVIEW_SIZE, "{said}");
                assert!(picture.len() < PREVIEW_BYTES_MAX, "{} bytes: {said}", picture.len());
            }
            lessons += 1;
        }
        assert!(lessons > 0);
    }

    #[test]
    fn the_patterns_are_those_of_the_page() {
        assert_eq!(patterns(INDEX), Ok("<svg class=\"poster-patterns\"><pattern/></svg>"));
        assert!(patterns("<svg>").is_err());
    }
}
