//! The key moment of a lesson, as the engine draws it: the end of its first step with commands. So
//! the picture cannot disagree with the lesson.

use crate::article::escaped;
use pushpull::lesson::Lesson;
use pushpull::lesson::bench::LabBench;
use pushpull::lesson::document::Step;
use pushpull::lesson::trial::Bench;
use pushpull::view::build::scene;
use pushpull::view::scene::Scene;
use pushpull::view::still::{WIDTHS, svg};
use pushpull::view::text_view::state;
use pushpull::view::words::Language;

/// The picture in three widths with its description, and the table of what is observed then.
pub fn html(ko: &Lesson, en: &Lesson) -> Result<String, String> {
    let (mut bench, moment) = (LabBench::fresh()?, key_moment(ko));
    let steps = ko.steps.iter().take(moment + 1).flat_map(|step| &step.commands);
    for command in ko.start.iter().chain(steps) {
        bench.run(&command.text)?;
    }
    let scene = scene(bench.seen());
    let mut html = caption(&scene);
    for (name, width) in WIDTHS {
        html.push_str(&svg(name, &scene, width)?);
    }
    html.push_str("<!-- table -->\n");
    html.push_str(&table(&ko.steps[moment], &en.steps[moment], &bench));
    Ok(html)
}

/// The step whose end is the key moment.
fn key_moment(lesson: &Lesson) -> usize {
    let asks = |step: &Step| step.prediction.is_some() && !step.commands.is_empty();
    let acts = |step: &Step| !step.commands.is_empty();
    let steps = &lesson.steps;
    steps.iter().position(asks).or_else(|| steps.iter().position(acts)).unwrap_or(0)
}

fn caption(scene: &Scene) -> String {
    format!(
        "<figcaption class=\"visually-hidden bilingual\">{}</figcaption>\n",
        both(&state(scene, Language::Korean), &state(scene, Language::English))
    )
}

fn table(ko: &Step, en: &Step, bench: &LabBench) -> String {
    let pairs = ko.observations.iter().zip(&en.observations);
    let rows: String = pairs
        .filter_map(|(ko, en)| {
            let value = ko.condition.value(bench.seen())?;
            Some(format!(
                "<tr><th scope=\"row\" class=\"bilingual\">{}</th><td class=\"num\">{}</td></tr>\n",
                both(
                    &ko.text.iter().map(|i| i.words()).collect::<String>(),
                    &en.text.iter().map(|i| i.words()).collect::<String>()
                ),
                escaped(&value)
            ))
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("<table class=\"still-table\">\n{rows}</table>\n"),
    }
}

fn both(ko: &str, en: &str) -> String {
    format!("<span lang=\"ko\">{}</span><span lang=\"en\">{}</span>", escaped(ko), escaped(en))
}
