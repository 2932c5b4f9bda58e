//! A picture that stands still: what the page shows before its program, and what a lesson shows
//! where no program runs. The words of both languages are in it; the language of the page decides.

use super::layout::{Anchor, Options, Part, Picture, Shape, picture};
use super::scene::Scene;
use super::words::Language;

/// Names and widths: a phone, a tablet, a desk. www/styles/poster.css chooses.
pub const WIDTHS: [(&str, i32); 3] = [("narrow", 340), ("middle", 720), ("wide", 1120)];

/// The scene in one width as one SVG: what the languages share once, what differs in both. `Err`
/// if they differ in more than their words.
pub fn svg(name: &str, scene: &Scene, width: i32) -> Result<String, String> {
    let drawn = |language| picture(scene, &Options { width, language, ..Options::default() });
    let (ko, en) = (drawn(Language::Korean), drawn(Language::English));
    let room = |picture: &Picture| (picture.width, picture.height, picture.parts.len());
    if room(&ko) != room(&en) {
        return Err(format!("{name}: {:?} in Korean, {:?} in English", room(&ko), room(&en)));
    }
    let mut svg = format!(
        "<svg class=\"poster-{name}\" viewBox=\"0 0 {width} {}\" aria-hidden=\"true\">\n",
        ko.height
    );
    for (ko, en) in ko.parts.iter().zip(&en.parts) {
        if (&ko.key, ko.class, ko.at) != (&en.key, en.class, en.at) {
            return Err(format!("{name}: {} in Korean, {} in English", ko.key, en.key));
        }
        part(&mut svg, ko, en);
    }
    svg.push_str("</svg>\n");
    Ok(svg)
}

fn part(svg: &mut String, ko: &Part, en: &Part) {
    let place = match (ko.at.x, ko.at.y) {
        (0, 0) => String::new(),
        (x, y) => format!(" transform=\"translate({x} {y})\""),
    };
    svg.push_str(&format!("<g class=\"bilingual {}\"{place}>\n", ko.class));
    for index in 0..ko.shapes.len().max(en.shapes.len()) {
        let (ko, en) = (ko.shapes.get(index), en.shapes.get(index));
        let shared = ko.filter(|ko| Some(*ko) == en);
        let own = [(ko, " lang=\"ko\""), (en, " lang=\"en\"")];
        match shared {
            Some(shape) => svg.push_str(&element(shape, "")),
            None => own.iter().for_each(|(shape, lang)| {
                svg.push_str(&shape.map(|shape| element(shape, lang)).unwrap_or_default());
            }),
        }
    }
    svg.push_str("</g>\n");
}

fn element(shape: &Shape, lang: &str) -> String {
    match shape {
        Shape::Rect { class, rect, radius } => format!(
            "<rect class=\"{class}\"{lang} x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" \
             rx=\"{radius}\"/>\n",
            rect.x, rect.y, rect.w, rect.h
        ),
        Shape::Path { class, d } => format!("<path class=\"{class}\"{lang} d=\"{d}\"/>\n"),
        Shape::Text { text, .. } if text.is_empty() => String::new(),
        Shape::Text { class, at, anchor, text } => {
            let anchor = match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            };
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            format!(
                "<text class=\"{class}\"{lang} x=\"{}\" y=\"{}\"{anchor}>{text}</text>\n",
                at.x, at.y
            )
        }
    }
}
