//! The curves under the lanes, on one time axis: Kafka's line is whole, RabbitMQ's is dashed.

use super::desk::use_desk;
use crate::view::scene::{Chart, ChartKind, Scene};
use crate::view::words::number;
use std::rc::Rc;
use yew::prelude::*;

/// A little less than the picture's: the line of the present has a width of its own.
const WIDTH: f64 = 239.0;
const HEIGHT: f64 = 56.0;

/// What is drawn.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The scene.
    pub scene: Rc<Scene>,
    /// The end of what is recorded.
    pub end_us: u64,
}

/// The curves.
#[component]
pub fn Charts(props: &Props) -> Html {
    let end = props.end_us.max(props.scene.now_us).max(1);
    let first = |chart: &Chart| chart.kafka.first().map_or(0, |(at, _)| *at);
    let start = props.scene.charts.first().map_or(0, first);
    html! {
        <div class="charts" data-test="charts">
            { for props.scene.charts.iter().map(|chart| html! {
                <ChartView chart={chart.clone()} now={props.scene.now_us} start={start} end={end} />
            }) }
        </div>
    }
}

#[derive(PartialEq, Properties)]
struct ChartProps {
    chart: Chart,
    now: u64,
    start: u64,
    end: u64,
}

#[component]
fn ChartView(props: &ChartProps) -> Html {
    let desk = use_desk();
    let chart = &props.chart;
    let title = match chart.kind {
        ChartKind::Waiting => desk.texts.chart_waiting,
        ChartKind::ConsumerMemory => desk.texts.chart_memory,
        ChartKind::Processed => desk.texts.chart_processed,
    };
    let last = |curve: &[(u64, f64)]| curve.last().map_or(0, |(_, value)| *value as u64);
    let (kafka, rabbit) = (number(last(&chart.kafka)), number(last(&chart.rabbit)));
    let x = |at: u64| {
        let span = props.end.saturating_sub(props.start).max(1) as f64;
        at.saturating_sub(props.start) as f64 / span * WIDTH
    };
    let line = |curve: &[(u64, f64)]| {
        let mut d = String::new();
        // Steps: a count does not change between two events.
        for (at, value) in curve {
            let y = tenths(HEIGHT - 2.0 - value / chart.max.max(1.0) * (HEIGHT - 6.0));
            let x = tenths(x(*at));
            let step = match d.is_empty() {
                true => ["M", &x, " ", &y],
                false => ["H", &x, "V", &y],
            };
            step.into_iter().for_each(|piece| d.push_str(piece));
        }
        d
    };
    let now = ["M", &tenths(x(props.now)), " 0v56"].concat();
    html! {
        <section class="chart">
            <h3 class="chart-title">{ title }</h3>
            <p class="chart-values">
                <span class="kafka"><span class="visually-hidden">{ "Kafka " }</span><b class="num">{ kafka }</b></span>
                <span class="rabbit"><span class="visually-hidden">{ "RabbitMQ " }</span><b class="num">{ rabbit }</b></span>
            </p>
            <svg viewBox="0 0 240 56" preserveAspectRatio="none" aria-hidden="true">
                <path class="chart-grid" d="M0 55.5H240M0 28H240" />
                <path class="chart-line rabbit" d={line(&chart.rabbit)} />
                <path class="chart-line kafka" d={line(&chart.kafka)} />
                <path class="chart-now" d={now} />
            </svg>
            <span class="chart-max num">{ number(chart.max as u64) }</span>
        </section>
    }
}

/// A number with one decimal.
fn tenths(value: f64) -> String {
    let tenths = (value.max(0.0) * 10.0) as u32;
    [&*(tenths / 10).to_string(), ".", &(tenths % 10).to_string()].concat()
}
