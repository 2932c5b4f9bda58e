//! Ticks, tables and files of the charts.

use super::*;

fn scene() -> Scene {
    let chart = |kind, max: f64| Chart {
        kind,
        kafka: vec![(0, 0.0), (5_000_000, max), (10_000_000, max)],
        rabbit: vec![(0, 0.0), (5_000_000, 1.0), (10_000_000, 0.0)],
        kafka_high: Curve::new(),
        rabbit_high: Curve::new(),
        max,
    };
    Scene {
        now_us: 10_000_000,
        charts: vec![chart(ChartKind::Backlog, 1_000.0), chart(ChartKind::Disk, 3_000_000.0)],
        ..Scene::default()
    }
}

#[test]
fn ticks_are_round_and_hold_the_greatest_value() {
    let scene = scene();
    let plot = plot(&scene.charts[0], None, &[], scene.now_us, axis(&scene, 0), Language::English);
    let rows: Vec<&str> = plot.rows.iter().map(|(_, label)| &**label).collect();
    assert_eq!(rows, ["0", "500", "1,000"]);
    let columns: Vec<&str> = plot.columns.iter().map(|(_, label)| &**label).collect();
    assert_eq!(columns, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]);
    let [left, right, top, bottom] = EDGES;
    assert_eq!(plot.rows[0].0, bottom);
    assert_eq!(plot.rows[2].0, top);
    assert_eq!((plot.columns[0].0, plot.now), (left, right));
}

#[test]
fn a_step_is_one_two_or_five() {
    for (least, step) in [(0.01, 0.1), (0.15, 0.2), (1.0, 1.0), (3.0, 5.0), (51.0, 100.0)] {
        assert!((round_step(least) - step).abs() < 1e-9, "{least}");
    }
}

#[test]
fn every_value_is_in_the_file() {
    let csv = csv(&scene(), None, Language::English);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("time_s,\"Backlog: Kafka\",\"Backlog: RabbitMQ\""), "{csv}");
    assert_eq!(lines[2], "5.000000,1000,1,3000000,1");
}

#[test]
fn the_table_ends_with_the_present() {
    let (head, rows) = table(&scene(), None, Language::English);
    assert_eq!(head.len(), 5);
    assert_eq!(rows.last().map(|row| &*row[0]), Some("10.0 s"));
    assert_eq!(rows.last().map(|row| &*row[1]), Some("1,000"));
}

#[test]
fn the_picture_for_a_file_describes_itself() {
    for language in [Language::English, Language::Korean] {
        let svg = svg(&scene(), None, 0, language);
        assert!(svg.contains("<title>") && svg.contains("<desc>"), "{svg}");
        assert_eq!(svg.matches("<g ").count(), 2);
    }
}

#[test]
fn the_second_run_and_a_bet_share_the_paper() {
    let scene = scene();
    let mut other = scene.charts[0].clone();
    (other.kafka, other.max) = (vec![(0, 0.0), (5_000_000, 4_000.0)], 4_000.0);
    let bets = [Ghost { kind: ChartKind::Backlog, kafka: true, value: 2_000.0 }];
    let axis = axis(&scene, 0);
    let plot = plot(&scene.charts[0], Some(&other), &bets, 10_000_000, axis, Language::English);
    assert_eq!(plot.rows.last().map(|(_, label)| &**label), Some("4,000"));
    assert_eq!(plot.lines.iter().filter(|(series, _)| series.second).count(), 2);
    let [_, _, top, bottom] = EDGES;
    assert_eq!(plot.ghosts, [(true, (top + bottom) / 2.0)]);
    let beside = Beside { charts: vec![other], ..Beside::default() };
    let csv = csv(&scene, Some(&beside), Language::English);
    assert!(csv.lines().next().unwrap().contains("\"Backlog: Kafka, second run\""), "{csv}");
}
