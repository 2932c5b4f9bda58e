//! The colours as a test: every colour of www/styles/tokens.css on every ground that it may stand
//! on, in both themes, has the contrast that WCAG 2.2 AA asks for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Of text with its ground (1.4.3).
const TEXT: f64 = 4.5;

/// Of graphics and controls with their ground (1.4.11).
const GRAPHICS: f64 = 3.0;

/// Grounds for everything.
const GROUNDS: [&str; 2] = ["page", "panel"];

/// Grounds for plain text, graphics and controls, and for text of the colour that they are a tint
/// of.
const TINTS: [&str; 7] =
    ["panel-2", "kafka-tint", "rabbit-tint", "ok-tint", "error-tint", "warning-tint", "third-tint"];

/// What text is written in anywhere.
const PLAIN: [&str; 2] = ["text", "text-quiet"];

/// What text is written in on a page, a panel and the colour's own tint; on the other tints it
/// draws.
const COLOURS: [&str; 6] = ["kafka", "rabbit", "ok", "error", "warning", "third"];

/// What draws and is never read.
const DRAWN: [&str; 3] = ["neutral", "edge", "focus"];

type Rgb = [u8; 3];
type Theme = BTreeMap<String, Rgb>;

fn sheet() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/styles/tokens.css");
    let text = fs::read_to_string(path).expect("the tokens are there");
    let mut code = String::new();
    let mut rest = &*text;
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    code + rest
}

/// The declarations of the first rule with exactly this selector.
fn declarations(sheet: &str, selector: &str) -> BTreeMap<String, String> {
    let rule = format!("{selector} {{");
    let is_whole = |at: &usize| sheet[..*at].trim_end_matches(' ').ends_with(['\n', '}']);
    let at = sheet.match_indices(&rule).map(|(at, _)| at).find(is_whole);
    let body = &sheet[at.unwrap_or_else(|| panic!("no rule `{selector}`")) + rule.len()..];
    let body = &body[..body.find('}').expect("a rule ends")];
    let pairs = body.split(';').filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

const LIGHT: &str = ":root";
const DARK_CHOSEN: &str = ":root[data-theme=\"dark\"]";
const DARK_OF_THE_SYSTEM: &str = ":root:not([data-theme=\"light\"], [data-theme=\"dark\"])";

fn colours(declarations: &BTreeMap<String, String>) -> Theme {
    let hex = |value: &str| {
        let digits = value.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        Some([(number >> 16) as u8, (number >> 8) as u8, number as u8])
    };
    let named = declarations.iter();
    named
        .filter_map(|(name, value)| Some((name.strip_prefix("--")?.to_owned(), hex(value)?)))
        .collect()
}

fn themes() -> [(&'static str, Theme); 2] {
    let sheet = sheet();
    [LIGHT, DARK_CHOSEN].map(|selector| {
        let theme = colours(&declarations(&sheet, selector));
        (if selector == LIGHT { "light" } else { "dark" }, theme)
    })
}

fn luminance(colour: Rgb) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Every pair of a colour and a ground, with the least contrast they may have.
fn pairs() -> Vec<(&'static str, &'static str, f64)> {
    let mut pairs = Vec::new();
    for ground in GROUNDS {
        pairs.extend(PLAIN.iter().chain(&COLOURS).map(|colour| (*colour, ground, TEXT)));
        pairs.extend(DRAWN.map(|colour| (colour, ground, GRAPHICS)));
    }
    for ground in TINTS {
        pairs.extend(PLAIN.map(|colour| (colour, ground, TEXT)));
        pairs.extend(DRAWN.map(|colour| (colour, ground, GRAPHICS)));
        pairs.extend(COLOURS.map(|colour| {
            let is_own = ground.strip_suffix("-tint") == Some(colour);
            (colour, ground, if is_own { TEXT } else { GRAPHICS })
        }));
    }
    // Filled buttons and cells; the page's own ink is filled with the page's colour.
    pairs.extend(COLOURS.map(|ground| ("on-fill", ground, TEXT)));
    pairs.push(("page", "text", TEXT));
    pairs
}

#[test]
fn every_colour_stands_out_from_its_ground() {
    let mut weak = Vec::new();
    for (name, theme) in themes() {
        for (colour, ground, least) in pairs() {
            let of = |token: &str| *theme.get(token).unwrap_or_else(|| panic!("no --{token}"));
            let found = contrast(of(colour), of(ground));
            if found < least {
                weak.push(format!("{name}: --{colour} on --{ground}: {found:.2}, not {least}"));
            }
        }
    }
    assert!(weak.is_empty(), "too weak:\n{}", weak.join("\n"));
}

#[test]
fn every_colour_has_its_place_in_this_test() {
    let known: Vec<&str> = GROUNDS
        .into_iter()
        .chain(TINTS)
        .chain(PLAIN)
        .chain(COLOURS)
        .chain(DRAWN)
        .chain(["on-fill", "line"])
        .collect();
    for (name, theme) in themes() {
        let names: Vec<&String> = theme.keys().collect();
        assert!(names.iter().all(|colour| known.contains(&&***colour)), "{name}: {names:?}");
        assert_eq!(names.len(), known.len(), "{name} lacks a colour: {names:?}");
    }
}

#[test]
fn dark_is_one_theme_however_it_was_chosen() {
    let sheet = sheet();
    let chosen = declarations(&sheet, DARK_CHOSEN);
    assert_eq!(chosen, declarations(&sheet, DARK_OF_THE_SYSTEM));
    let light = declarations(&sheet, LIGHT);
    assert!(chosen.keys().eq(light.keys()), "the themes do not name the same tokens");
}

/// The frame of the browser has the colour of the page, before and after it is installed.
#[test]
fn the_browser_is_told_the_colours_of_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("index.html")).expect("the page");
    for (name, theme) in themes() {
        let [red, green, blue] = theme["page"];
        let tag = format!(
            "<meta name=\"theme-color\" media=\"(prefers-color-scheme: {name})\" \
             content=\"#{red:02x}{green:02x}{blue:02x}\" />"
        );
        assert!(page.contains(&tag), "index.html lacks {tag}");
    }
}

/// A colour that stands elsewhere is in no theme and in no test.
#[test]
fn no_other_sheet_has_a_colour_of_its_own() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/styles");
    for entry in fs::read_dir(folder).expect("the sheets") {
        let path = entry.expect("a sheet").path();
        if path.ends_with("tokens.css") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a sheet is text");
        for (number, line) in text.lines().enumerate() {
            let value = line.split_once(':').map_or("", |(_, value)| value);
            let has_hex = value
                .split('#')
                .skip(1)
                .any(|after| after.chars().take_while(char::is_ascii_hexdigit).count() >= 3);
            let has_function =
                ["rgb(", "rgba(", "hsl(", "oklch("].iter().any(|f| value.contains(f));
            assert!(!has_hex && !has_function, "{}:{}: {line}", path.display(), number + 1);
        }
    }
}
