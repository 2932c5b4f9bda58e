//! Quorum queues: what is confirmed survives, whenever the machine loses its power, and the log
//! does not grow for ever.

use super::*;

fn declare_quorum(lab: &mut Lab) {
    let Ask::DeclareQueue { queue, durable, auto_delete, arguments, .. } = declare("q", true)
    else {
        unreachable!("that is what it makes")
    };
    let kind = "quorum".to_owned();
    let ask = Ask::DeclareQueue { queue, kind, durable, auto_delete, arguments };
    assert_eq!(lab.ask(ask), Ok(Answer::Done));
    lab.run(50);
}

fn confirmed(lab: &Lab) -> Vec<u64> {
    lab.numbers(|event| match event {
        Event::Confirmed { message, .. } => Some(*message),
        _ => None,
    })
}

#[test]
fn a_confirm_waits_for_the_flush() {
    // A flush of this disk takes 5.9 ms; a way takes at most 0.3 ms.
    let mut lab = Lab::with_cost("ssd");
    declare_quorum(&mut lab);
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..1);
    lab.run(5);
    assert_eq!((confirmed(&lab).len(), lab.queue()), (0, (0, 0)));
    lab.run(3);
    assert_eq!((confirmed(&lab), lab.queue()), (vec![0], (1, 0)));
}

#[test]
fn messages_share_flushes() {
    let mut lab = Lab::with_cost("ssd");
    declare_quorum(&mut lab);
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..200);
    // One by one they would take 200 * 5.9 ms: more than a second.
    lab.run(50);
    assert_eq!(confirmed(&lab).len(), 200);
}

#[test]
fn nothing_confirmed_is_lost_whenever_the_power_goes() {
    for seed in 0..60 {
        let mut lab = Lab::with_cost("ssd");
        declare_quorum(&mut lab);
        let publisher = lab.publisher("p", &[]);
        for round in 0..12 {
            lab.publish(publisher, round * 5..round * 5 + 5);
            lab.run(1 + seed % 5);
        }
        let machine = lab.cluster.world.machine(lab.rabbit);
        lab.cluster.world.crash(publisher);
        match seed % 3 {
            0 => lab.cluster.world.crash(lab.rabbit),
            1 => lab.cluster.world.power_cut(machine),
            _ => lab.cluster.world.power_cut_torn(machine),
        }
        // What the broker had said arrives even if it has died meanwhile.
        lab.run(10);
        let confirmed = confirmed(&lab);
        let from = lab.told.len();
        lab.cluster.world.start(lab.rabbit);
        lab.run(100);
        assert!(lab.cluster.is_ready(lab.rabbit));
        lab.consumer("c", |spec| spec.work_per_message = Span::ZERO);
        lab.run(2_000);
        let delivered: Vec<u64> =
            lab.delivered("c", from).into_iter().map(|(message, _)| message).collect();
        let lost = confirmed.iter().find(|message| !delivered.contains(message));
        assert_eq!(lost, None, "seed {seed}: it was confirmed and is not there");
        assert!(delivered.is_sorted(), "seed {seed}: {delivered:?}");
        assert!(!confirmed.is_empty() && confirmed.len() < 60, "seed {seed} shows nothing");
    }
}

#[test]
fn a_crash_requeues_what_was_delivered_and_counts_it() {
    let mut lab = Lab::new();
    declare_quorum(&mut lab);
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..4);
    lab.run(10);
    let consumer = lab.consumer("c", |spec| {
        spec.prefetch = 2;
        spec.work_per_message = Span::seconds(100);
    });
    lab.run(10);
    assert_eq!(lab.queue(), (2, 2));
    lab.cluster.world.crash(consumer);
    lab.cluster.world.crash(lab.rabbit);
    lab.restart();
    assert_eq!(lab.queue(), (4, 0));
    let cells = lab.cluster.glimpse("q", 10);
    let cells: Vec<(u64, bool)> =
        cells.iter().map(|cell| (cell.message.0, cell.redelivered)).collect();
    assert_eq!(cells, [(0, true), (1, true), (2, false), (3, false)]);
}

#[test]
fn the_log_is_cut_and_the_snapshot_brings_everything_back() {
    let mut lab = Lab::new();
    declare_quorum(&mut lab);
    let publisher = lab.publisher("p", &[]);
    // Ten that stay with their consumer, and ten that wait, while many pass by.
    lab.publish(publisher, 0..10);
    lab.run(10);
    let holder = lab.consumer("holder", |spec| {
        spec.prefetch = 10;
        spec.work_per_message = Span::seconds(1_000_000);
    });
    lab.run(10);
    let worker = lab.consumer("worker", |spec| spec.work_per_message = Span::ZERO);
    for round in 1..=10 {
        lab.publish(publisher, round * 1_000..round * 1_000 + 1_000);
        lab.run(100);
    }
    lab.cluster.world.crash(worker);
    lab.run(10);
    lab.publish(publisher, 20_000..20_010);
    lab.run(100);
    assert_eq!(lab.queue(), (10, 10));
    // 20,000 commands of more than 25 bytes went through the log, half of them with a message.
    let bytes = lab.disk_bytes("quorum/");
    assert!(bytes < 1_000_000, "{bytes} bytes are on the disk");
    lab.cluster.world.crash(holder);
    lab.cluster.world.crash(lab.rabbit);
    lab.restart();
    let cells = lab.cluster.glimpse("q", 100);
    let messages: Vec<u64> = cells.iter().map(|cell| cell.message.0).collect();
    assert_eq!(messages, (0..10).chain(20_000..20_010).collect::<Vec<u64>>());
    assert!(cells.iter().all(|cell| cell.redelivered == (cell.message.0 < 10)));
}

#[test]
fn deleting_it_leaves_nothing_on_the_disk() {
    let mut lab = Lab::new();
    declare_quorum(&mut lab);
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..10);
    lab.run(10);
    assert!(lab.disk_bytes("quorum/q/") > 0);
    assert_eq!(lab.ask(Ask::DeleteQueue { queue: "q".to_owned() }), Ok(Answer::Count(10)));
    assert_eq!(lab.disk_bytes("quorum/"), 0);
}
