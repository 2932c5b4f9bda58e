//! A chart as lines on paper: paths, ticks and labels, for the page and for a file. A plotting
//! library would bring its own text layout and several times the code of the whole page.

use super::beside::Beside;
use super::bet::Ghost;
use super::scene::{Chart, ChartKind, Curve, Scene};
use super::text_view;
use super::words::page::Page;
use super::words::runs::Runs;
use super::words::{Language, bytes, fill, number};

/// The size of a chart's paper, and the place of its plane on it.
pub const WIDTH: f64 = 460.0;
/// Its height.
pub const HEIGHT: f64 = 190.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;

/// Rows of the table of values.
const ROWS_MAX: usize = 16;

/// A line, by what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Series {
    /// True for the Kafka side.
    pub kafka: bool,
    /// True for the upper curve: the 99th percentile.
    pub high: bool,
    /// True for the second run.
    pub second: bool,
}

/// A chart on its paper.
#[derive(Clone, Debug, PartialEq)]
pub struct Plot {
    /// What it shows.
    pub kind: ChartKind,
    /// The lines: what each stands for, and its path.
    pub lines: Vec<(Series, String)>,
    /// Where the ticks of the values are, with their labels, from below.
    pub rows: Vec<(f64, String)>,
    /// Where the ticks of time are, with their labels.
    pub columns: Vec<(f64, String)>,
    /// What the learner expected: on which side, and where.
    pub ghosts: Vec<(bool, f64)>,
    /// Where the present is.
    pub now: f64,
}

/// The left, right, upper and lower edge of the plane.
pub const EDGES: [f64; 4] = [LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM];

/// The lines of a chart, and behind them those of the second run: those with something to show.
pub fn series<'a>(chart: &'a Chart, other: Option<&'a Chart>) -> Vec<(Series, &'a Curve)> {
    let of = |chart: &'a Chart, second: bool| {
        let line = |kafka, high, curve| (Series { kafka, high, second }, curve);
        [
            line(true, false, &chart.kafka),
            line(true, true, &chart.kafka_high),
            line(false, false, &chart.rabbit),
            line(false, true, &chart.rabbit_high),
        ]
    };
    let other = other.map(|other| of(other, true));
    let all = of(chart, false).into_iter().chain(other.into_iter().flatten());
    all.filter(|(_, curve)| !curve.is_empty()).collect()
}

/// The same chart of the second run.
pub fn other_of<'a>(chart: &Chart, beside: Option<&'a Beside>) -> Option<&'a Chart> {
    beside?.charts.iter().find(|other| other.kind == chart.kind)
}

/// The time axis of all charts: its start and its end.
pub fn axis(scene: &Scene, end_us: u64) -> (u64, u64) {
    let first = scene.charts.first().and_then(|chart| chart.kafka.first());
    (first.map_or(0, |(at, _)| *at), end_us.max(scene.now_us).max(1))
}

/// A chart on its paper, with that of the second run, if there is one, and what the learner
/// expected of it.
pub fn plot(
    chart: &Chart,
    other: Option<&Chart>,
    ghosts: &[Ghost],
    now_us: u64,
    (start, end): (u64, u64),
    language: Language,
) -> Plot {
    let span = end.saturating_sub(start).max(1) as f64;
    let x = |at: u64| LEFT + at.saturating_sub(start) as f64 / span * (WIDTH - LEFT - RIGHT);
    let own: Vec<&Ghost> = ghosts.iter().filter(|ghost| ghost.kind == chart.kind).collect();
    let max = other.map_or(chart.max, |other| other.max.max(chart.max));
    let max = own.iter().map(|ghost| ghost.value).fold(max, f64::max);
    let step = step(max);
    let top = (max / step).ceil().max(1.0) * step;
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    let line = |curve: &Curve| {
        let mut path = String::new();
        // Steps: a count does not change between two events.
        for (at, value) in curve {
            let (x, y) = (tenths(x(*at)), tenths(y(*value)));
            let step = match path.is_empty() {
                true => ["M", &x, " ", &y],
                false => ["H", &x, "V", &y],
            };
            step.into_iter().for_each(|piece| path.push_str(piece));
        }
        path
    };
    let rows = (0..=(top / step) as u32).map(|row| {
        let value = f64::from(row) * step;
        (y(value), label(chart.kind, value, language))
    });
    let seconds = round_step(span / 1e6 / 5.0);
    let from = (start as f64 / 1e6 / seconds).ceil() as u64;
    let columns = (from..=(end as f64 / 1e6 / seconds) as u64).map(|column| {
        let at = column as f64 * seconds;
        (x((at * 1e6) as u64), [&*plain(at), " s"].concat())
    });
    Plot {
        kind: chart.kind,
        lines: series(chart, other)
            .into_iter()
            .map(|(series, curve)| (series, line(curve)))
            .collect(),
        rows: rows.collect(),
        columns: columns.collect(),
        ghosts: own.iter().map(|ghost| (ghost.kafka, y(ghost.value))).collect(),
        now: x(now_us),
    }
}

/// The distance of two ticks of values, so that there are three to five.
fn step(max: f64) -> f64 {
    round_step((max / 4.0).max(1.0))
}

/// The next of 1, 2, 5, 10, 20...
fn round_step(least: f64) -> f64 {
    let mut step = 0.1;
    loop {
        for factor in [1.0, 2.0, 5.0] {
            if step * factor >= least * 0.999 {
                return step * factor;
            }
        }
        step *= 10.0;
    }
}

/// A value with its unit.
pub fn label(kind: ChartKind, value: f64, language: Language) -> String {
    let t = Page::of(language);
    match kind {
        ChartKind::Backlog | ChartKind::ConsumerMemory => number(value.round() as u64),
        ChartKind::Throughput | ChartKind::Traffic => [&*short(value), t.per_second].concat(),
        ChartKind::Latency if value >= 1e6 => [&*short(value / 1e6), " s"].concat(),
        ChartKind::Latency => [&*short(value / 1e3), " ms"].concat(),
        ChartKind::BrokerMemory | ChartKind::Disk => bytes(value.round() as u64),
    }
}

/// The name of a chart.
pub fn title(kind: ChartKind, language: Language) -> &'static str {
    let t = Page::of(language);
    match kind {
        ChartKind::Backlog => t.chart_backlog,
        ChartKind::ConsumerMemory => t.chart_memory,
        ChartKind::Throughput => t.chart_throughput,
        ChartKind::Latency => t.chart_latency,
        ChartKind::BrokerMemory => t.chart_broker_memory,
        ChartKind::Disk => t.chart_disk,
        ChartKind::Traffic => t.chart_traffic,
    }
}

/// The name of a line.
pub fn name(kind: ChartKind, series: Series, language: Language) -> String {
    let side = if series.kafka { "Kafka" } else { "RabbitMQ" };
    let name = match (kind, series.high) {
        (ChartKind::Latency, false) => [side, " p50"].concat(),
        (ChartKind::Latency, true) => [side, " p99"].concat(),
        _ => side.to_owned(),
    };
    match series.second {
        true => fill(Runs::of(language).of_second, &[("name", &name)]),
        false => name,
    }
}

/// A number without a fraction that says nothing.
pub fn plain(value: f64) -> String {
    match (value * 10.0).round() {
        tenths if tenths % 10.0 == 0.0 => number((tenths / 10.0) as u64),
        _ => tenths(value),
    }
}

/// The same, without a decimal that nobody reads beside three digits.
fn short(value: f64) -> String {
    if value >= 100.0 { number(value.round() as u64) } else { plain(value) }
}

/// A number with one decimal.
fn tenths(value: f64) -> String {
    let tenths = (value.max(0.0) * 10.0).round() as u64;
    [&*(tenths / 10).to_string(), ".", &(tenths % 10).to_string()].concat()
}

/// The names of all columns behind the time.
fn columns(scene: &Scene, beside: Option<&Beside>, language: Language) -> Vec<String> {
    let of = |chart: &Chart| -> Vec<String> {
        let title = title(chart.kind, language);
        let all = series(chart, other_of(chart, beside)).into_iter();
        all.map(|(series, _)| [title, ": ", &name(chart.kind, series, language)].concat()).collect()
    };
    scene.charts.iter().flat_map(of).collect()
}

/// Every instant at which a curve has a point.
fn instants(scene: &Scene) -> Vec<u64> {
    scene
        .charts
        .first()
        .map(|chart| chart.kafka.iter().map(|(at, _)| *at).collect())
        .unwrap_or_default()
}

/// The value of a curve at an instant: that of its last point before.
fn value_at(curve: &Curve, at: u64) -> f64 {
    curve.iter().take_while(|(point, _)| *point <= at).last().map_or(0.0, |(_, value)| *value)
}

/// All curves as comma-separated values, with plain numbers.
pub fn csv(scene: &Scene, beside: Option<&Beside>, language: Language) -> String {
    let mut text = String::from("time_s");
    for column in columns(scene, beside, language) {
        for piece in [",\"", &column, "\""] {
            text.push_str(piece);
        }
    }
    text.push('\n');
    for at in instants(scene) {
        let micros = (1_000_000 + at % 1_000_000).to_string();
        for piece in [&*(at / 1_000_000).to_string(), ".", &micros[1..]] {
            text.push_str(piece);
        }
        for chart in &scene.charts {
            for (_, curve) in series(chart, other_of(chart, beside)) {
                text.push(',');
                text.push_str(tenths(value_at(curve, at)).trim_end_matches(".0"));
            }
        }
        text.push('\n');
    }
    text
}

/// A few values of each curve: the heads of the columns, then the rows.
pub fn table(
    scene: &Scene,
    beside: Option<&Beside>,
    language: Language,
) -> (Vec<String>, Vec<Vec<String>>) {
    let mut head = vec![Page::of(language).time_column.to_owned()];
    head.extend(columns(scene, beside, language));
    let all = instants(scene);
    let stride = all.len().div_ceil(ROWS_MAX).max(1);
    // From the present backwards.
    let shown = all.into_iter().rev().step_by(stride).collect::<Vec<_>>();
    let row = |at: u64| {
        let mut row = vec![[&*tenths(at as f64 / 1e6), " s"].concat()];
        for chart in &scene.charts {
            let all = series(chart, other_of(chart, beside)).into_iter();
            row.extend(all.map(|(_, curve)| label(chart.kind, value_at(curve, at), language)));
        }
        row
    };
    (head, shown.into_iter().rev().map(row).collect())
}

/// All charts as one picture for a file: it carries its own colours and its description.
pub fn svg(scene: &Scene, beside: Option<&Beside>, end_us: u64, language: Language) -> String {
    const GAP: f64 = 34.0;
    let axis = axis(scene, end_us);
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" font-size=\"11\" \
         fill=\"#111827\" viewBox=\"0 0 460 ",
    );
    let height = scene.charts.len() as f64 * (HEIGHT + GAP);
    let about = text_view::state(scene, language).replace('&', "&amp;").replace('<', "&lt;");
    put(&mut out, &[&tenths(height), "\"><title>", Page::of(language).charts, "</title><desc>"]);
    put(&mut out, &[&about, "</desc><rect width=\"100%\" height=\"100%\" fill=\"#FFFFFF\"/>"]);
    for (index, chart) in scene.charts.iter().enumerate() {
        let other = other_of(chart, beside);
        let plot = plot(chart, other, &[], scene.now_us, axis, language);
        let down = index as f64 * (HEIGHT + GAP) + GAP;
        put(&mut out, &["<g transform=\"translate(0 ", &tenths(down), ")\">"]);
        draw(&mut out, &plot, language);
        out.push_str("</g>");
    }
    out + "</svg>"
}

/// A chart of the picture for a file.
fn draw(out: &mut String, plot: &Plot, language: Language) {
    let [left, right, _, bottom] = EDGES;
    let mut text = |x: f64, y: f64, more: &str, label: &str| {
        let (x, y) = (tenths(x), tenths(y));
        put(out, &["<text x=\"", &x, "\" y=\"", &y, "\"", more, ">", label, "</text>"]);
    };
    let names: Vec<String> =
        plot.lines.iter().map(|(s, _)| name(plot.kind, *s, language)).collect();
    let title = [title(plot.kind, language), " (", &names.join(", "), ")"].concat();
    text(left, 2.0, " font-weight=\"600\"", &title);
    for (y, label) in &plot.rows {
        text(left - 6.0, y + 4.0, " text-anchor=\"end\"", label);
    }
    for (x, label) in &plot.columns {
        text(*x, bottom + 16.0, " text-anchor=\"middle\"", label);
    }
    for (y, _) in &plot.rows {
        let (left, y, right) = (tenths(left), tenths(*y), tenths(right));
        put(out, &["<path stroke=\"#D1D5DB\" d=\"M", &left, " ", &y, "H", &right, "\"/>"]);
    }
    // Kafka's line lies above.
    for (series, path) in plot.lines.iter().rev() {
        let colour = match (series.kafka, series.second) {
            (true, false) => "#0072B2\"",
            (false, false) => "#B35900\" stroke-dasharray=\"6 3\"",
            (true, true) => "#0072B2\" stroke-dasharray=\"1.5 3\"",
            (false, true) => "#B35900\" stroke-dasharray=\"1.5 5\"",
        };
        let width = if series.high { "1.2" } else { "2" };
        put(out, &["<path fill=\"none\" stroke-width=\"", width, "\" stroke=\"", colour]);
        put(out, &[" d=\"", path, "\"/>"]);
    }
}

fn put(out: &mut String, pieces: &[&str]) {
    pieces.iter().for_each(|piece| out.push_str(piece));
}

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
