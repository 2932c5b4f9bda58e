//! A lesson's text: blocks and stretches as elements. Text is data; no HTML passes through.

use crate::view::lesson::{Block, Inline};
use yew::prelude::*;

/// Code of so many bytes fits on a line of the narrowest page.
const SHORT: usize = 24;

/// Stretches of text.
pub fn inlines(stretches: &[Inline]) -> Html {
    stretches.iter().map(inline).collect()
}

fn inline(stretch: &Inline) -> Html {
    match stretch {
        Inline::Text(text) => html! { text },
        Inline::Strong(text) => html! { <strong>{ text }</strong> },
        // A short name is not broken at its hyphen.
        Inline::Code(text) => html! {
            <code class={(text.len() <= SHORT).then_some("short")}>{ text }</code>
        },
        Inline::Link(text, address) => html! {
            <a href={address.clone()} target="_blank" rel="noopener noreferrer">{ text }</a>
        },
    }
}

/// A command, broken between its words and not inside of them: an option is one word.
pub fn command(text: &str) -> Html {
    let word = |word: &str| html! { <><span class="word">{ word }</span>{ " " }</> };
    text.split(' ').map(word).collect()
}

/// Blocks of text.
pub fn blocks(blocks: &[Block]) -> Html {
    blocks.iter().map(block).collect()
}

fn block(block: &Block) -> Html {
    match block {
        Block::Paragraph(text) => html! { <p>{ inlines(text) }</p> },
        Block::List(numbered, items) => {
            let items: Html =
                items.iter().map(|item| html! { <li>{ inlines(item) }</li> }).collect();
            match numbered {
                true => html! { <ol>{ items }</ol> },
                false => html! { <ul>{ items }</ul> },
            }
        }
        Block::Code(text) => html! { <pre class="code">{ text }</pre> },
        Block::Image(text, source) => {
            html! { <img alt={text.clone()} src={["lessons/", source].concat()} /> }
        }
        Block::Note(text) => html! { <blockquote class="rule">{ inlines(text) }</blockquote> },
        Block::Table(head, rows) => html! {
            <div class="scroll-x" tabindex="0">
                <table>
                    <thead><tr>{ for head.iter().map(|cell| html! {
                        <th scope="col">{ inlines(cell) }</th>
                    }) }</tr></thead>
                    <tbody>{ for rows.iter().map(|row| html! {
                        <tr>{ for row.iter().map(|cell| html! { <td>{ inlines(cell) }</td> }) }</tr>
                    }) }</tbody>
                </table>
            </div>
        },
    }
}
