//! What stands inside the page, so that the first picture needs no other file: the style sheet,
//! and the first script, which chooses language and colours before anything is drawn. The page's
//! policy names both by what they are (SHA-256), and forbids every other one.

use crate::Failure;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// How the page names the joined sheet.
const STYLES: &str = "<link rel=\"stylesheet\" href=\"styles.css\" />";

/// How it names its first script, which has a name of its own by now.
const BOOT: &str = "src=\"./boot-";

/// What the policy allows of each kind without more.
const SCRIPTS_ALLOWED: &str = "script-src 'self'";
const STYLES_ALLOWED: &str = "style-src 'self'";

/// The page with the sheet inside.
pub fn with_styles(page: &str, styles: &str) -> Result<String, Failure> {
    let page = replaced_once(page, STYLES, &wrapped("style", styles)?)?;
    allowed(&page, STYLES_ALLOWED, styles)
}

/// The sheet inside the page.
pub fn styles(page: &str) -> Result<&str, Failure> {
    let element = element(page, "style")?;
    Ok(&element["<style>".len()..element.len() - "</style>".len()])
}

/// The page with another sheet inside.
pub fn with_other_styles(page: &str, styles: &str) -> Result<String, Failure> {
    let former = element(page, "style")?.to_string();
    let page = replaced_once(page, &format!(" '{}'", sum(self::styles(page)?)), "")?;
    let page = replaced_once(&page, &former, &wrapped("style", styles)?)?;
    allowed(&page, STYLES_ALLOWED, styles)
}

/// The page with its first script inside, and where the script was.
pub fn with_boot(
    page: &str,
    read: impl FnOnce(&str) -> Result<String, Failure>,
) -> Result<(String, String), Failure> {
    let missing = || format!("index.html names no first script: `{BOOT}`.");
    let at = page.find(BOOT).ok_or_else(missing)?;
    let start = page[..at].rfind("<script").ok_or_else(missing)?;
    let close = "</script>";
    let end = start + page[start..].find(close).ok_or_else(missing)? + close.len();
    let file = attribute(&page[start..end], "src=\"").ok_or_else(missing)?.to_string();
    let script = read(&file)?;
    let inside = wrapped("script", script.trim())?;
    let page = [&page[..start], &inside, &page[end..]].concat();
    Ok((allowed(&page, SCRIPTS_ALLOWED, script.trim())?, file))
}

/// The first element of this kind that has no attributes, whole.
pub fn element<'a>(page: &'a str, tag: &str) -> Result<&'a str, Failure> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let missing = || format!("index.html has no `{open}` inside.");
    let start = page.find(&open).ok_or_else(missing)?;
    let length = page[start..].find(&close).ok_or_else(missing)? + close.len();
    Ok(&page[start..start + length])
}

/// The page without the links that load something ahead: all of it would come before the first
/// picture, and make it late.
pub fn without_preloads(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    let mut rest = page;
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

/// What is between the quotes after `name`.
pub fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(name)? + name.len();
    let length = tag[start..].find('"')?;
    Some(&tag[start..start + length])
}

fn wrapped(tag: &str, content: &str) -> Result<String, Failure> {
    // It would end there, and its sum would be another one.
    if content.contains("</") || content.contains('\r') {
        return Err(format!("what stands inside the page as <{tag}> holds `</` or a CR."));
    }
    Ok(format!("<{tag}>{content}</{tag}>"))
}

/// The page whose policy also allows this content.
fn allowed(page: &str, words: &str, content: &str) -> Result<String, Failure> {
    replaced_once(page, words, &format!("{words} '{}'", sum(content)))
}

/// What a content is, as a policy names it.
fn sum(content: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(content.as_bytes())))
}

/// The same, short, as a part of the name of a file.
pub fn short_sum(content: &str) -> String {
    Sha256::digest(content.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn replaced_once(page: &str, from: &str, to: &str) -> Result<String, Failure> {
    if page.matches(from).count() != 1 {
        return Err(format!("index.html must hold one `{from}`."));
    }
    Ok(page.replacen(from, to, 1))
}

#[cfg(test)]
mod tests {
    use super::{element, styles, with_boot, with_other_styles, with_styles, without_preloads};

    const PAGE: &str = "content=\"script-src 'self' 'wasm-unsafe-eval'; style-src 'self'\"\n\
        <script src=\"./boot-1.js\"></script>\n<link rel=\"stylesheet\" href=\"styles.css\" />";

    #[test]
    fn the_sheet_stands_inside_and_the_policy_knows_it() {
        // The sum of `a{}` as `openssl dgst -sha256 -binary | base64` has it.
        let page = with_styles(PAGE, "a{}").expect("it has the link");
        let sum = "'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='";
        assert!(page.contains(&format!("; style-src 'self' {sum}\"")), "{page}");
        assert_eq!(element(&page, "style"), Ok("<style>a{}</style>"));
        assert!(with_styles(&page, "a{}").is_err(), "there is one place");
        assert!(with_styles(PAGE, "a::after{content:'</style>'}").is_err(), "it would end there");
        let other = with_other_styles(&page, "b{}").expect("it has one");
        assert_eq!(styles(&other), Ok("b{}"));
        assert_eq!(other.matches("'sha256-").count(), 1);
        assert!(!other.contains("X1RutGBrXCt9"), "{other}");
    }

    #[test]
    fn the_first_script_stands_inside_and_the_policy_knows_it() {
        let (page, file) = with_boot(PAGE, |_| Ok("f();\n".to_string())).expect("it has one");
        assert_eq!(file, "./boot-1.js");
        assert_eq!(element(&page, "script"), Ok("<script>f();</script>"));
        assert!(page.contains("script-src 'self' 'sha256-"), "{page}");
        assert!(page.contains("' 'wasm-unsafe-eval'; style-src 'self'\""), "{page}");
        assert!(with_boot("<script></script>", |_| Ok(String::new())).is_err());
    }

    #[test]
    fn nothing_is_loaded_before_the_first_picture() {
        let line = "a<link rel=\"prefetch\" href=\"w\" />b<link rel=\"manifest\" href=\"m\" />c";
        assert_eq!(without_preloads(line), "ab<link rel=\"manifest\" href=\"m\" />c");
    }
}
