//! Tables of the text view.

use crate::view::text_view::{Table, TextView};
use yew::prelude::*;

/// The text view.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// What it says.
    pub view: TextView,
    /// Its name.
    pub name: &'static str,
}

/// The picture in words.
#[component]
pub fn TextAccount(props: &Props) -> Html {
    html! {
        <section class="text-view" aria-label={props.name} data-test="text-view">
            <p class="text-state" data-test="text-state">{ &props.view.state }</p>
            { for props.view.tables.iter().map(table_html) }
        </section>
    }
}

/// A table: the first column names its row.
pub fn table_html(table: &Table) -> Html {
    let cell = |(index, text): (usize, &String)| match index {
        0 => html! { <th scope="row">{ text }</th> },
        _ => html! { <td>{ text }</td> },
    };
    html! {
        <div class="scroll-x" tabindex="0" role="group" aria-label={table.caption}>
            <table>
                <caption>{ table.caption }</caption>
                <thead><tr>{ for table.head.iter().map(|head| html! { <th scope="col">{ *head }</th> }) }</tr></thead>
                <tbody>{ for table.rows.iter().map(|row| html! {
                    <tr>{ for row.iter().enumerate().map(cell) }</tr>
                }) }</tbody>
            </table>
        </div>
    }
}
