//! The curves under the lanes, on one time axis: Kafka's line is whole, RabbitMQ's is dashed.

use super::desk::use_desk;
use crate::view::beside::Beside;
use crate::view::bet::Ghost;
use crate::view::plot::{self, EDGES, HEIGHT, Plot, Series, WIDTH};
use crate::view::scene::{Chart, Scene};
use std::rc::Rc;
use yew::prelude::*;

/// So many charts stand under the lanes; all of them in the drawer.
const UNDER_LANES: usize = 3;

/// What is drawn.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The scene.
    pub scene: Rc<Scene>,
    /// The end of what is recorded.
    pub end_us: u64,
    /// True: all charts, with their ticks.
    #[prop_or_default]
    pub large: bool,
    /// The second run, if there is one.
    pub beside: Option<Rc<Beside>>,
    /// What the learner expected.
    #[prop_or_default]
    pub ghosts: Vec<Ghost>,
}

/// The curves.
#[component]
pub fn Charts(props: &Props) -> Html {
    let axis = plot::axis(&props.scene, props.end_us);
    let count = if props.large { usize::MAX } else { UNDER_LANES };
    let class = if props.large { "charts is-large" } else { "charts" };
    html! {
        <div {class} data-test={if props.large { "all-charts" } else { "charts" }}>
            { for props.scene.charts.iter().take(count).map(|chart| html! {
                <ChartView chart={chart.clone()} now={props.scene.now_us} {axis} large={props.large}
                    other={plot::other_of(chart, props.beside.as_deref()).cloned()}
                    ghosts={props.ghosts.clone()} />
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct ChartProps {
    chart: Chart,
    now: u64,
    axis: (u64, u64),
    large: bool,
    other: Option<Chart>,
    ghosts: Vec<Ghost>,
}

#[component]
fn ChartView(props: &ChartProps) -> Html {
    let desk = use_desk();
    let chart = &props.chart;
    let other = props.other.as_ref();
    let plot = plot::plot(chart, other, &props.ghosts, props.now, props.axis, desk.language);
    let title = plot::title(chart.kind, desk.language);
    // Under the lanes there is room for the values of one run.
    let shown = plot::series(chart, other.filter(|_| props.large));
    let values = shown.into_iter().map(|(series, curve)| {
        let value = curve.last().map_or(0.0, |(_, value)| *value);
        let name = plot::name(chart.kind, series, desk.language);
        html! {
            <span class={line_class("", series)}>
                <span class={if props.large { "" } else { "visually-hidden" }}>{ name }{ " " }</span>
                <b class="num">{ plot::label(chart.kind, value, desk.language) }</b>
            </span>
        }
    });
    let values: Vec<Html> = values.collect();
    html! {
        <section class="chart">
            <h3 class="chart-title">{ title }</h3>
            <p class="chart-values">{ values }
                if !plot.ghosts.is_empty() { <span class="is-bet">{ desk.texts.my_prediction }</span> }
            </p>
            { paper(&plot, props.large) }
        </section>
    }
}

/// The paper: its plane alone under the lanes, with its ticks in the drawer.
fn paper(plot: &Plot, large: bool) -> Html {
    let [left, right, top, bottom] = EDGES;
    let text = |number: f64| (number.round() as i32).to_string();
    let (from, size) = match large {
        true => ([0.0, 0.0], [WIDTH, HEIGHT]),
        false => ([left, top], [right - left, bottom - top]),
    };
    let view = [from[0], from[1], size[0], size[1]].map(text).join(" ");
    let across = |y: &f64| ["M", &*text(left), " ", &text(*y), "H", &text(right)].concat();
    let now = ["M", &*text(plot.now), " ", &text(top), "V", &text(bottom)].concat();
    html! {
        <svg viewBox={view} aria-hidden="true" preserveAspectRatio={if large { "xMidYMid" } else { "none" }}>
            { for plot.rows.iter().map(|(y, label)| html! {
                <>
                    <path class="chart-grid" d={across(y)} />
                    if large {
                        <text x={text(left - 6.0)} y={text(y + 4.0)} text-anchor="end">{ label }</text>
                    }
                </>
            }) }
            if large {
                { for plot.columns.iter().map(|(x, label)| html! {
                    <text x={text(*x)} y={text(bottom + 17.0)} text-anchor="middle">{ label }</text>
                }) }
            }
            { for plot.lines.iter().rev().map(|(series, path)| html! {
                <path class={line_class("chart-line", *series)} d={path.clone()} />
            }) }
            { for plot.ghosts.iter().map(|(kafka, y)| html! {
                <path class={classes!("chart-ghost", if *kafka { "kafka" } else { "rabbit" })}
                    data-test="ghost" d={across(y)} />
            }) }
            <path class="chart-now" d={now} />
        </svg>
    }
}

fn line_class(class: &'static str, series: Series) -> Classes {
    let side = if series.kafka { "kafka" } else { "rabbit" };
    classes!(class, side, series.high.then_some("is-high"), series.second.then_some("is-second"))
}
