//! A lesson's text as HTML, for readers and machines without its engine: everything but what the
//! learner finds out (answers, goals, hints).

use pushpull::lesson::Lesson;
use pushpull::lesson::document::Step;
use pushpull::lesson::text::{Block, Inline};

/// The steps of a lesson.
pub fn html(lesson: &Lesson) -> String {
    lesson.steps.iter().map(step).collect()
}

/// What it is about: its first paragraph.
pub fn about(lesson: &Lesson) -> String {
    let mut blocks = lesson.steps.iter().flat_map(|step| &step.text);
    let first = blocks.find_map(|block| match block {
        Block::Paragraph(inlines) => Some(inlines.iter().map(Inline::words).collect()),
        _ => None,
    });
    first.unwrap_or_default()
}

/// Text that is no markup, wherever it stands.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn step(step: &Step) -> String {
    let mut html = format!("<h2>{}</h2>\n", escaped(&step.title));
    html.extend(step.text.iter().map(block));
    if let Some(prediction) = &step.prediction {
        html.push_str(&format!(
            "<p class=\"article-question\">{}</p>\n<ul>\n",
            line(&prediction.question)
        ));
        html.extend(
            prediction.choices.iter().map(|choice| format!("<li>{}</li>\n", line(&choice.text))),
        );
        html.push_str("</ul>\n");
    }
    if !step.commands.is_empty() {
        let commands: Vec<&str> = step.commands.iter().map(|command| &*command.text).collect();
        html.push_str(&code(&commands.join("\n")));
    }
    html
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => format!("<p>{}</p>\n", line(text)),
        Block::List(numbered, items) => {
            let tag = if *numbered { "ol" } else { "ul" };
            let items: String =
                items.iter().map(|item| format!("<li>{}</li>\n", line(item))).collect();
            format!("<{tag}>\n{items}</{tag}>\n")
        }
        Block::Code(text) => code(text),
        Block::Table(head, rows) => {
            let row = |cells: &[Vec<Inline>], tag: &str| -> String {
                let cells: String =
                    cells.iter().map(|cell| format!("<{tag}>{}</{tag}>", line(cell))).collect();
                format!("<tr>{cells}</tr>\n")
            };
            let rows: String = rows.iter().map(|cells| row(cells, "td")).collect();
            format!("<table>\n{}{rows}</table>\n", row(head, "th"))
        }
        Block::Note(text) => format!("<blockquote>{}</blockquote>\n", line(text)),
        // Pictures lie beside the lesson's file, which is not beside its page.
        Block::Image(words, _) => format!("<p>{}</p>\n", escaped(words)),
    }
}

fn code(text: &str) -> String {
    format!("<pre><code>{}</code></pre>\n", escaped(text))
}

fn line(inlines: &[Inline]) -> String {
    let parts = inlines.iter().map(|inline| match inline {
        Inline::Text(words) => escaped(words),
        Inline::Strong(words) => format!("<strong>{}</strong>", escaped(words)),
        Inline::Code(words) => format!("<code>{}</code>", escaped(words)),
        Inline::Link(words, address) => format!(
            "<a href=\"{}\" target=\"_blank\" rel=\"noopener\">{}</a>",
            escaped(address),
            escaped(words)
        ),
    });
    parts.collect()
}
