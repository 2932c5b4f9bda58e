//! What survives what.

use super::*;
use std::rc::Rc;

/// Queues `q` (durable) and `t` (transient), each with a persistent and a transient message.
fn four_cells(lab: &mut Lab) {
    lab.declare("q");
    assert_eq!(lab.ask(declare("t", false)), Ok(Answer::Done));
    let publisher = lab.publisher("p", &[]);
    for (number, (queue, mode)) in [("q", 2), ("q", 1), ("t", 2), ("t", 1)].into_iter().enumerate()
    {
        let properties = Properties { delivery_mode: Some(mode), ..Properties::default() };
        let properties = Some(Rc::new(properties));
        let message = OutgoingMessage { properties, ..message(number as u64, queue) };
        lab.cluster.command(publisher, Command::Publish(message));
    }
    lab.run(500);
    assert_eq!(lab.client("p").done, 4);
    lab.cluster.world.stop(publisher);
    lab.run(10);
}

#[test]
fn a_crash_keeps_persistent_messages_of_durable_queues_only() {
    let mut lab = Lab::new();
    four_cells(&mut lab);
    lab.cluster.world.crash(lab.rabbit);
    lab.restart();
    let queues = lab.cluster.queues();
    assert_eq!(queues.len(), 1);
    assert_eq!((queues[0].name.as_str(), queues[0].ready), ("q", 1));
    assert_eq!(lab.disk_bytes("queues/t/"), 0);
    let cells = lab.cluster.glimpse("q", 10);
    assert_eq!((cells[0].message.0, cells[0].redelivered), (0, true));
    let recovered = lab.numbers(|event| match event {
        Event::Recovered { message, .. } => Some(*message),
        _ => None,
    });
    assert_eq!(recovered, [0]);
}

#[test]
fn a_power_cut_takes_what_was_written_and_not_flushed() {
    let mut lab = Lab::new();
    four_cells(&mut lab);
    let machine = lab.cluster.world.machine(lab.rabbit);
    lab.cluster.world.power_cut(machine);
    lab.restart();
    let queues = lab.cluster.queues();
    assert_eq!(queues.len(), 1, "definitions are flushed before they are answered");
    assert_eq!(queues[0].ready, 0, "messages are confirmed before they are flushed");
}

#[test]
fn a_torn_power_cut_never_brings_anything_wrong_back() {
    for seed in 0..40 {
        let mut lab = Lab::new();
        lab.declare("q");
        let publisher = lab.publisher("p", &[]);
        for round in 0..1 + seed % 7 {
            lab.publish(publisher, round * 20..round * 20 + 20);
            lab.run(3);
        }
        let machine = lab.cluster.world.machine(lab.rabbit);
        lab.cluster.world.crash(publisher);
        lab.cluster.world.power_cut_torn(machine);
        lab.restart();
        let ready = lab.queue().0;
        let from = lab.told.len();
        lab.consumer("c", |spec| spec.work_per_message = Span::ZERO);
        lab.run(50);
        let delivered = lab.delivered("c", from);
        assert!(delivered.iter().all(|(_, redelivered)| *redelivered));
        assert!(delivered.is_sorted() && delivered.len() as u64 == ready, "seed {seed}");
        assert_eq!(lab.queue(), (0, 0));
    }
}

#[test]
fn a_clean_stop_keeps_everything_and_remembers_what_was_delivered() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[("confirm", "false")]);
    let consumer = lab.consumer("c", |spec| {
        spec.prefetch = 2;
        spec.work_per_message = Span::seconds(1);
    });
    lab.publish(publisher, 0..5);
    lab.run(10);
    lab.cluster.world.crash(consumer);
    lab.run(10);
    lab.cluster.world.stop(lab.rabbit);
    lab.run(10);
    let machine = lab.cluster.world.machine(lab.rabbit);
    lab.cluster.world.power_cut(machine);
    lab.restart();
    let cells = lab.cluster.glimpse("q", 10);
    let flags: Vec<bool> = cells.iter().map(|cell| cell.redelivered).collect();
    assert_eq!(flags, [true, true, false, false, false]);
}

#[test]
fn what_was_acknowledged_stays_gone() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..100);
    lab.run(10);
    lab.consumer("c", |spec| spec.prefetch = 1);
    lab.run(500);
    let done = lab.client("c").done;
    assert!(done > 30 && done < 100);
    lab.run(210);
    let left = lab.queue();
    lab.cluster.world.crash(lab.rabbit);
    lab.restart();
    let back = lab.queue().0;
    // At most the acknowledgements of the last 200 ms are not on the disk.
    assert!(back >= left.0 && back <= left.0 + left.1 + 20, "{back} of {left:?}");
}

#[test]
fn a_publisher_publishes_again_what_was_not_confirmed() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..3);
    lab.run(1);
    // Taken and written, and the confirms are on their way when the broker dies.
    lab.cluster.world.crash(lab.rabbit);
    lab.run(1);
    lab.cluster.world.start(lab.rabbit);
    lab.run(5_100);
    assert_eq!(lab.client("p").done, 3);
    let (ready, _) = lab.queue();
    assert!((3..=6).contains(&ready), "{ready}");
    // What is published while there is no connection waits for one.
    lab.cluster.world.crash(lab.rabbit);
    lab.run(10);
    lab.publish(publisher, 3..5);
    lab.run(10);
    assert_eq!(lab.client("p").held_count, 2);
    lab.cluster.world.start(lab.rabbit);
    lab.run(5_100);
    assert_eq!((lab.client("p").done, lab.queue().0), (5, ready + 2));
}

#[test]
fn a_long_queue_comes_back_in_order_and_leaves_nothing_on_the_disk() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..10_000);
    lab.run(10);
    let queue = &lab.cluster.queues()[0];
    assert_eq!((queue.ready, queue.in_memory), (10_000, 1));
    let ids: Vec<u64> = lab.cluster.glimpse("q", 20_000).iter().map(|it| it.message.0).collect();
    assert!(ids.into_iter().eq(0..10_000));
    lab.cluster.world.crash(lab.rabbit);
    lab.cluster.world.crash(publisher);
    lab.restart();
    let ids: Vec<u64> = lab.cluster.glimpse("q", 20_000).iter().map(|it| it.message.0).collect();
    assert!(ids.into_iter().eq(0..10_000));
    let from = lab.told.len();
    lab.consumer("c", |spec| {
        spec.work_per_message = Span::ZERO;
        spec.prefetch = 100;
    });
    lab.run(5_000);
    let numbers: Vec<u64> = lab.delivered("c", from).into_iter().map(|(it, _)| it).collect();
    assert!(numbers.into_iter().eq(0..10_000));
    assert_eq!((lab.queue(), lab.disk_bytes("queues/q/")), ((0, 0), 0));
}

#[test]
fn a_large_message_is_stored_once_for_all_queues() {
    let mut lab = Lab::new();
    for queue in ["q", "r", "s"] {
        lab.declare(queue);
        let bind = Ask::Bind {
            to_exchange: false,
            source: "amq.fanout".to_owned(),
            destination: queue.to_owned(),
            key: String::new(),
            arguments: Default::default(),
        };
        assert_eq!(lab.ask(bind), Ok(Answer::Done));
    }
    let publisher = lab.publisher("p", &[]);
    for number in 0..10 {
        let exchange = "amq.fanout".into();
        let body = vec![b'.'; 5_000].into();
        let message = OutgoingMessage { exchange, body, ..message(number, "") };
        lab.cluster.command(publisher, Command::Publish(message));
    }
    lab.run(10);
    assert_eq!(lab.disk_bytes("msg_store") / 5_000, 10);
    lab.cluster.world.crash(lab.rabbit);
    lab.cluster.world.crash(publisher);
    lab.restart();
    assert!(lab.cluster.queues().iter().all(|queue| queue.ready == 10 && queue.bytes == 50_000));
    for queue in ["r", "s"] {
        assert_eq!(lab.ask(Ask::Purge { queue: queue.to_owned() }), Ok(Answer::Count(10)));
    }
    lab.run(300);
    assert_eq!(lab.disk_bytes("msg_store") / 5_000, 10);
    lab.consumer("c", |spec| spec.work_per_message = Span::ZERO);
    lab.run(50);
    assert_eq!((lab.client("c").done, lab.disk_bytes("msg_store")), (10, 0));
    assert_eq!(lab.disk_bytes("queues/"), 0);
}

#[test]
fn a_deleted_queue_leaves_nothing() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..5_000);
    lab.run(10);
    lab.consumer("c", |spec| spec.prefetch = 10);
    assert!(lab.disk_bytes("queues/q/") > 0);
    let delete = Ask::DeleteQueue { queue: "q".to_owned() };
    assert!(matches!(lab.ask(delete), Ok(Answer::Count(ready)) if ready > 4_900));
    assert_eq!((lab.disk_bytes("queues/"), lab.disk_bytes("definitions/queues/")), (0, 0));
    lab.cluster.world.crash(lab.rabbit);
    lab.restart();
    assert!(lab.cluster.queues().is_empty());
}

#[test]
fn clients_notice_a_broker_that_lost_its_power() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.consumer("c", |_| {});
    let machine = lab.cluster.world.machine(lab.rabbit);
    lab.cluster.world.power_cut(machine);
    lab.run(1_000);
    lab.restart();
    assert!(lab.cluster.consumers().is_empty());
    // At the latest when the next heartbeat is due.
    lab.run(40_000);
    assert_eq!(lab.cluster.consumers().len(), 1);
    lab.publish(publisher, 0..1);
    lab.run(50);
    assert_eq!(lab.client("c").done, 1);
}
