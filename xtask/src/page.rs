//! `page`: what Trunk leaves to do. It runs this itself, as the hook of Trunk.toml, on the files
//! that are about to become the site.
//!
//! - The style sheets of www/styles are joined and come into the page, as does its first script:
//!   the first picture waits for no other file ([`crate::inside`]). The order is tokens, base, then
//!   by name.
//! - The still pictures of www/poster, which a test draws with the program's own code, come into
//!   the page.
//! - The lessons become data that the page's engine reads without a reader of Markdown.
//! - The programs lose the names of their functions and are cut in two ([`crate::parts`]), unless it
//!   is a debug build.
//! - The program's size is noted, so that the page can say how much of it has come; a server that
//!   compresses does not tell.
//! - The embed's pages are made from it, and a page for each lesson ([`crate::lesson_pages`]).
//! - Of the style sheet the page keeps inside what its first picture needs ([`crate::first_styles`]).
//! - The service worker learns which files it keeps ([`crate::offline`]).
//! - Another script inside the page, which the page's own policy forbids, fails the build here and
//!   not in somebody's browser.

use crate::Failure;
use crate::child;
use crate::embed;
use crate::first_styles;
use crate::inside;
use crate::lesson_pages;
use crate::offline;
use crate::options::Options;
use crate::parts;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the sheets are.
const SHEETS: &str = "www/styles";

/// The sheets that the others build upon.
const FIRST: [&str; 2] = ["tokens.css", "base.css"];

/// Where the lessons are.
const LESSONS: &str = "www/lessons";

/// Where what the pages of the lessons are made of comes to.
const LESSON_PARTS: &str = "target/lesson-pages";

/// The scene of a first visit.
const OPENING: &str = "opening.scene";

/// Where the still pictures are, and their place in the page.
const PICTURES: &str = "www/poster";
const PICTURES_PLACE: &str = "<!-- pictures -->";

/// How the page names its program.
const PROGRAM: &str = "data-wasm=\"";

/// `cargo xtask page`.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    options.refuse_names()?;
    let site = std::env::var_os("TRUNK_STAGING_DIR").map(PathBuf::from).ok_or_else(|| {
        "`cargo xtask page` is run by Trunk, while it builds: use `cargo xtask build`.".to_string()
    })?;
    if std::env::var_os("TRUNK_PROFILE").is_some_and(|profile| profile == "release") {
        parts::make(&site)?;
    }
    finish(&site)?;
    ready_lessons(&site)?;
    let lessons = lesson_pages::read(Path::new(LESSON_PARTS))?;
    lesson_pages::make(&site, &lessons)?;
    embed::make(&site, &lessons)?;
    first_styles::make(&site)?;
    offline::make(&site)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the lessons ready with the lab's own reader and engine, and the scene of a first visit.
fn ready_lessons(site: &Path) -> Result<(), Failure> {
    let mut command = child::own("lessons")?;
    command.arg(LESSONS).arg(site.join("lessons")).arg(LESSON_PARTS).arg(site.join(OPENING));
    child::run(&mut command)
}

fn finish(site: &Path) -> Result<(), Failure> {
    let index = site.join("index.html");
    let page = read(&index)?;
    refuse_scripts_inside(&page)?;
    let page = inside::without_preloads(&page);
    let page = inside::with_styles(&page, &joined(&sheets(Path::new(SHEETS))?))?;
    let (page, boot) = inside::with_boot(&page, |file| read(&site.join(file)))?;
    fs::remove_file(site.join(&boot)).map_err(|error| format!("{boot}: {error}."))?;
    let page = with_pictures(&page, &files(Path::new(PICTURES), "svg")?)?;
    let page = with_program_size(&page, |program| {
        let file = site.join(program);
        fs::metadata(&file)
            .map(|about| about.len())
            .map_err(|error| format!("{} cannot be read: {error}.", file.display()))
    })?;
    write(&index, page)
}

/// The names and texts of all sheets, in their order.
fn sheets(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let mut sheets = files(folder, "css")?;
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    sheets.sort_by_key(|(name, _)| rank(name));
    Ok(sheets)
}

/// The names and texts of the files of one kind in a folder, by name.
fn files(folder: &Path, kind: &str) -> Result<Vec<(String, String)>, Failure> {
    let mut files = Vec::new();
    for path in paths(folder, kind)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        files.push((name, read(&path)?));
    }
    Ok(files)
}

/// The files of one kind in a folder, by name.
pub fn paths(folder: &Path, kind: &str) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| format!("{} cannot be read: {error}.", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == kind) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The sheets as one, without comments and indentation.
fn joined(sheets: &[(String, String)]) -> String {
    let mut all = String::new();
    for (_, sheet) in sheets {
        let code = without_comments(sheet);
        for line in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
            all.push_str(line);
            all.push('\n');
        }
    }
    all
}

fn without_comments(sheet: &str) -> String {
    let mut code = String::with_capacity(sheet.len());
    let mut quote = None;
    let mut rest = sheet;
    while let Some(c) = rest.chars().next() {
        if quote.is_none() && rest.starts_with("/*") {
            let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
            rest = &rest[end..];
            continue;
        }
        match quote {
            None if c == '"' || c == '\'' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        code.push(c);
        rest = &rest[c.len_utf8()..];
    }
    code
}

fn with_pictures(page: &str, pictures: &[(String, String)]) -> Result<String, Failure> {
    if page.matches(PICTURES_PLACE).count() != 1 {
        return Err(format!("index.html must hold one `{PICTURES_PLACE}`."));
    }
    let pictures: String = pictures.iter().map(|(_, picture)| picture.as_str()).collect();
    Ok(page.replacen(PICTURES_PLACE, &pictures, 1))
}

/// The page, with `data-bytes` beside the address of its program.
fn with_program_size(
    page: &str,
    size_of: impl Fn(&str) -> Result<u64, Failure>,
) -> Result<String, Failure> {
    let missing = || format!("index.html names no program: `{PROGRAM}` of Trunk.toml is missing.");
    let start = page.find(PROGRAM).ok_or_else(missing)? + PROGRAM.len();
    let length = page[start..].find('"').ok_or_else(missing)?;
    let bytes = size_of(&page[start..start + length])?;
    let (before, after) = page.split_at(start + length + 1);
    Ok(format!("{before} data-bytes=\"{bytes}\"{after}"))
}

fn refuse_scripts_inside(page: &str) -> Result<(), Failure> {
    for (at, _) in page.match_indices("<script") {
        let tag = &page[at..page[at..].find('>').map_or(page.len(), |end| at + end)];
        if !tag.contains(" src=") {
            return Err(format!(
                "index.html holds a script, which its policy forbids: `{tag}>`. Put it into a file \
                 below www/boot."
            ));
        }
    }
    Ok(())
}

pub fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))
}

pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Failure> {
    fs::write(path, content)
        .map_err(|error| format!("{} cannot be written: {error}.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{joined, refuse_scripts_inside, sheets, with_pictures, with_program_size};
    use std::path::Path;

    #[test]
    fn tokens_and_base_come_first() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../www/styles");
        let names: Vec<String> =
            sheets(&folder).expect("the sheets").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["tokens.css", "base.css"]);
        assert!(names[2..].is_sorted(), "{names:?}");
    }

    #[test]
    fn a_sheet_loses_its_comments_and_nothing_else() {
        let sheet = "/* a */\n  p::before {\n    content: \"/* b */\"; /* c\n d */\n  }\n";
        let joined = joined(&[("one.css".to_string(), sheet.to_string())]);
        assert_eq!(joined, "p::before {\ncontent: \"/* b */\";\n}\n");
    }

    #[test]
    fn the_page_holds_the_still_pictures() {
        let pictures = [("a.svg".to_string(), "<svg/>".to_string())];
        let page = with_pictures("<figure><!-- pictures --></figure>", &pictures);
        assert_eq!(page.expect("it has the place"), "<figure><svg/></figure>");
        assert!(with_pictures("<figure></figure>", &pictures).is_err());
    }

    #[test]
    fn the_page_knows_the_size_of_its_program() {
        let page = "<meta content=\"./a.js\" data-wasm=\"./a.wasm\" />";
        let told = with_program_size(page, |program| {
            assert_eq!(program, "./a.wasm");
            Ok(7)
        });
        let told = told.expect("it names a program");
        assert_eq!(told, "<meta content=\"./a.js\" data-wasm=\"./a.wasm\" data-bytes=\"7\" />");
        assert!(with_program_size("<meta>", |_| Ok(7)).is_err());
    }

    #[test]
    fn a_script_inside_the_page_is_refused() {
        assert!(refuse_scripts_inside("<script type=\"module\" src=\"./a.js\"></script>").is_ok());
        assert!(refuse_scripts_inside("<script type=\"module\">import './a.js'</script>").is_err());
    }
}
