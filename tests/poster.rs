//! The still picture of the page before its program is the picture that the program draws first:
//! the lab of a first visit, in three widths, with the words of both languages.
//! `UPDATE_POSTER=1 cargo test --test poster` draws it anew; look at it before you keep it.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::shell::run::{Progress, Running};
use pushpull::view::build::scene;
use pushpull::view::layout::{Anchor, Options, Part, Picture, Shape, picture};
use pushpull::view::scene::Scene;
use pushpull::view::welcome::SCRIPT;
use pushpull::view::words::Language;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Names and widths: a phone, a tablet, a desk. www/styles/poster.css chooses.
const WIDTHS: [(&str, i32); 3] = [("narrow", 340), ("middle", 720), ("wide", 1120)];

fn first_scene() -> Scene {
    let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab");
    let mut running = Running::new(SCRIPT);
    loop {
        match running.work(&mut timeline, 10_000) {
            Progress::More => {}
            Progress::Need(_) => panic!("bytes are not in memory"),
            Progress::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
            Progress::End => return scene(timeline.session()),
        }
    }
}

fn drawn(scene: &Scene, width: i32, language: Language) -> Picture {
    let options = Options { width, language, ..Options::default() };
    picture(scene, &options)
}

/// Both pictures as one: what they share once, what differs in both languages.
fn svg(name: &str, ko: &Picture, en: &Picture) -> String {
    assert_eq!((ko.width, ko.height), (en.width, en.height), "the languages need the same room");
    let (width, height) = (ko.width, ko.height);
    let mut svg = format!(
        "<svg class=\"poster-{name}\" viewBox=\"0 0 {width} {height}\" \
         aria-hidden=\"true\">\n"
    );
    assert_eq!(ko.parts.len(), en.parts.len(), "the languages have the same parts");
    for (ko, en) in ko.parts.iter().zip(&en.parts) {
        assert_eq!((&ko.key, ko.class, ko.at), (&en.key, en.class, en.at));
        part(&mut svg, ko, en);
    }
    svg.push_str("</svg>\n");
    svg
}

fn part(svg: &mut String, ko: &Part, en: &Part) {
    let place = match (ko.at.x, ko.at.y) {
        (0, 0) => String::new(),
        (x, y) => format!(" transform=\"translate({x} {y})\""),
    };
    writeln!(svg, "<g class=\"bilingual {}\"{place}>", ko.class).expect("a string takes all");
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

#[test]
fn the_still_picture_is_the_first_picture() {
    let scene = first_scene();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/poster");
    for (name, width) in WIDTHS {
        let (ko, en) =
            (drawn(&scene, width, Language::Korean), drawn(&scene, width, Language::English));
        let drawn = svg(name, &ko, &en);
        let path = folder.join(format!("{name}.svg"));
        if std::env::var_os("UPDATE_POSTER").is_some() {
            fs::create_dir_all(&folder).expect("the folder of the poster");
            fs::write(&path, &drawn).expect("the poster can be written");
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == drawn,
            "{} is not what the program draws first: look at it after UPDATE_POSTER=1",
            path.display()
        );
    }
}
