//! All charts with their ticks, their values as a table, and both as files.

use super::charts::Charts;
use super::desk::use_desk;
use super::outside;
use crate::view::beside::Beside;
use crate::view::plot;
use crate::view::scene::Scene;
use std::rc::Rc;
use yew::prelude::*;

/// What is drawn.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The scene.
    pub scene: Rc<Scene>,
    /// The end of what is recorded.
    pub end_us: u64,
    /// The second run, if there is one.
    pub beside: Option<Rc<Beside>>,
}

/// All charts.
#[component]
pub fn ChartPanel(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let language = desk.language;
    let open = use_state(|| false);
    let table = {
        let open = open.clone();
        Callback::from(move |_: MouseEvent| open.set(!*open))
    };
    let csv = {
        let (scene, beside) = (props.scene.clone(), props.beside.clone());
        Callback::from(move |_: MouseEvent| {
            let text = plot::csv(&scene, beside.as_deref(), language);
            outside::download("pushpull-charts.csv", "text/csv", &text);
        })
    };
    let svg = {
        let (scene, end, beside) = (props.scene.clone(), props.end_us, props.beside.clone());
        Callback::from(move |_: MouseEvent| {
            let picture = plot::svg(&scene, beside.as_deref(), end, language);
            outside::download("pushpull-charts.svg", "image/svg+xml", &picture);
        })
    };
    html! {
        <div class="chart-panel">
            <div class="row">
                <button type="button" class="button" data-test="chart-table"
                    aria-expanded={if *open { "true" } else { "false" }} onclick={table}>{ t.as_table }</button>
                <button type="button" class="button" data-test="chart-csv" onclick={csv}>{ t.export_csv }</button>
                <button type="button" class="button" data-test="chart-svg" onclick={svg}>{ t.export_svg }</button>
            </div>
            if *open { { values(&props.scene, props.beside.as_deref(), language) } }
            <Charts scene={props.scene.clone()} end_us={props.end_us} large={true}
                beside={props.beside.clone()} />
            <p class="small quiet">{ t.charts_simplified }</p>
        </div>
    }
}

fn values(scene: &Scene, beside: Option<&Beside>, language: crate::view::words::Language) -> Html {
    let (head, rows) = plot::table(scene, beside, language);
    html! {
        <div class="chart-table" tabindex="0" role="region" aria-label={plot_name(language)}>
            <table>
                <thead><tr>{ for head.into_iter().map(|name| html! { <th scope="col">{ name }</th> }) }</tr></thead>
                <tbody>{ for rows.into_iter().map(|row| html! {
                    <tr>{ for row.into_iter().enumerate().map(|(index, cell)| match index {
                        0 => html! { <th scope="row" class="num">{ cell }</th> },
                        _ => html! { <td class="num">{ cell }</td> },
                    }) }</tr>
                }) }</tbody>
            </table>
        </div>
    }
}

fn plot_name(language: crate::view::words::Language) -> &'static str {
    crate::view::words::page::Page::of(language).charts
}
