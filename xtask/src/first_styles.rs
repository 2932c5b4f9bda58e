//! The part of the style sheet that the first picture is drawn with: it stands inside the page. The
//! whole sheet is a file, which www/boot/start.js brings once the picture is seen and before the
//! program takes its place; it says everything again, in its own order, so nothing looks another way
//! for having come in two parts.
//!
//! A rule is in that part if the page could meet one of its selectors: it has all the classes, ids
//! and elements that stand in it, what is in parentheses aside.

use crate::Failure;
use crate::inside;
use crate::page::{read, write};
use std::collections::BTreeSet;
use std::path::Path;

/// Under what name the page finds the file.
const NAMED: &str = "<meta name=\"styles\" content=\"./";

/// Where the page says so: before its program.
const PLACE: &str = "<meta name=\"program\"";

/// Selectors of what somebody does: nothing is done with the first picture.
const DEEDS: [&str; 3] = [":hover", ":active", ":focus"];

/// Leaves inside the page what its first picture needs.
pub fn make(site: &Path) -> Result<(), Failure> {
    let index = site.join("index.html");
    let page = read(&index)?;
    let sheet = inside::styles(&page)?.to_string();
    let part = part_for(&sheet, &Names::of(&page));
    let file = format!("styles-{}.css", inside::short_sum(&sheet));
    let page = inside::with_other_styles(&page, &part)?;
    if page.matches(PLACE).count() != 1 {
        return Err(format!("index.html must hold one `{PLACE}`."));
    }
    let page = page.replacen(PLACE, &format!("{NAMED}{file}\" />\n    {PLACE}"), 1);
    write(&site.join(file), sheet)?;
    write(&index, page)
}

/// What a page consists of.
#[derive(Default)]
struct Names<'a> {
    classes: BTreeSet<&'a str>,
    ids: BTreeSet<&'a str>,
    elements: BTreeSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(page: &'a str) -> Names<'a> {
        let mut names = Names::default();
        for tag in page.split('<').skip(1) {
            let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
            names.elements.insert(&tag[..end]);
            let tag = tag.split('>').next().unwrap_or_default();
            for class in inside::attribute(tag, " class=\"").unwrap_or_default().split(' ') {
                names.classes.insert(class);
            }
            names.ids.extend(inside::attribute(tag, " id=\""));
        }
        names
    }

    fn could_meet(&self, selector: &str) -> bool {
        let plain = without_parentheses(selector);
        if DEEDS.iter().any(|deed| plain.contains(deed)) {
            return false;
        }
        // Each word with what stands before it, which says what it is.
        let mut rest = &*plain;
        let mut before = ' ';
        while let Some(c) = rest.chars().next() {
            let length = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
            if length == 0 {
                // An attribute says what may be so at another time.
                let skipped = if c == '[' { rest.find(']') } else { None };
                before = c;
                rest = &rest[skipped.unwrap_or(0) + c.len_utf8()..];
                continue;
            }
            let (word, behind) = rest.split_at(length);
            let is_there = match before {
                '.' => self.classes.contains(word),
                '#' => self.ids.contains(word),
                ':' => true,
                _ => self.elements.contains(word),
            };
            if !is_there {
                return false;
            }
            (before, rest) = (' ', behind);
        }
        true
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

fn without_parentheses(selector: &str) -> String {
    let mut depth = 0_usize;
    let outside = |c: &char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    selector.chars().filter(outside).collect()
}

/// The rules that such a page could meet.
fn part_for(sheet: &str, names: &Names<'_>) -> String {
    let mut part = String::new();
    let mut movements = Vec::new();
    for (head, body) in blocks(sheet) {
        match head.split_once(' ') {
            Some(("@keyframes", name)) => movements.push((name, head, body)),
            Some(("@media", "print")) => {}
            Some(("@media" | "@container" | "@supports", _)) => {
                let inner = part_for(body, names);
                if !inner.is_empty() {
                    part.push_str(&[head, " {\n", &inner, "}\n"].concat());
                }
            }
            _ => {
                let selectors = split_outside(head, ',').into_iter().map(str::trim);
                let met: Vec<&str> = selectors.filter(|one| names.could_meet(one)).collect();
                if !met.is_empty() {
                    part.push_str(&[&*met.join(", "), " {", body, "}\n"].concat());
                }
            }
        }
    }
    for (name, head, body) in movements {
        if part.contains(name) {
            part.push_str(&[head, " {", body, "}\n"].concat());
        }
    }
    part
}

/// The blocks of a sheet without comments: what stands before the braces, and between them.
fn blocks(sheet: &str) -> Vec<(&str, &str)> {
    let mut blocks = Vec::new();
    let (mut depth, mut start, mut open) = (0_usize, 0, 0);
    for (at, c) in sheet.char_indices() {
        match c {
            '{' => {
                depth += 1;
                if depth == 1 {
                    open = at;
                }
            }
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    blocks.push((sheet[start..open].trim(), &sheet[open + 1..at]));
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    blocks
}

/// The parts between separators that do not stand in parentheses.
fn split_outside(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == separator && depth == 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{Names, blocks, part_for};

    const PAGE: &str = "<html lang=\"ko\"><body>\n<div id=\"app\" class=\"app poster\">\
        <p class=\"num\">a</p></div></body></html>";

    fn part(sheet: &str) -> String {
        part_for(sheet, &Names::of(PAGE))
    }

    #[test]
    fn rules_that_the_page_could_meet_are_kept() {
        for met in [
            "p {a:b}\n",
            ".app > p.num {a:b}\n",
            "html[data-x=\"y\"] #app p::before {a:b}\n",
            "* {a:b}\n",
            ".app:is(.lesson, .poster):not(.q) {a:b}\n",
            ":root {a:b}\n",
            "@media (x) {\n.num {a:b}\n}\n",
        ] {
            assert_eq!(part(met), met);
        }
        for other in [
            ".app .lesson {a:b}",
            "dialog {a:b}",
            "#main {a:b}",
            "p:hover {a:b}",
            "@media print {p {a:b}}",
            "@container app (x) {dialog {a:b}}",
        ] {
            assert_eq!(part(other), "", "{other}");
        }
    }

    #[test]
    fn of_several_selectors_those_are_kept() {
        assert_eq!(part("dialog, p:is(.a, .b), .app {a:b}"), "p:is(.a, .b), .app {a:b}\n");
    }

    #[test]
    fn a_movement_comes_with_the_rule_that_names_it() {
        let sheet =
            "@keyframes come {from{a:b}}\n@keyframes go {from{a:b}}\np {animation: come 1s}";
        assert_eq!(part(sheet), "p {animation: come 1s}\n@keyframes come {from{a:b}}\n");
    }

    #[test]
    fn blocks_are_found_with_what_stands_before_them() {
        assert_eq!(blocks("a {b:c}\n@m (x) {d {e}}"), [("a", "b:c"), ("@m (x)", "d {e}")]);
    }
}
