//! Messages from publishers to consumers.

use super::*;
use crate::rabbit::command::GetMode;
use crate::rabbit::inspect::CellState;
use crate::sim::Status;

#[test]
fn a_message_goes_from_publisher_to_consumer_and_is_gone() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.consumer("c", |_| {});
    lab.publish(publisher, 0..1);
    lab.run(2);
    assert_eq!(lab.queue(), (0, 1));
    lab.run(20);
    assert_eq!(lab.queue(), (0, 0));
    let names = lab.names();
    let at = names.iter().position(|name| *name == "rabbit.published").expect("it was published");
    assert_eq!(
        names[at..],
        [
            "rabbit.published",
            "rabbit.routed",
            "rabbit.pushed",
            "rabbit.written",
            "rabbit.delivered",
            "rabbit.processing_started",
            "rabbit.confirmed",
            "rabbit.processed",
            "rabbit.acknowledged",
        ]
    );
    let (publisher, consumer) = (lab.client("p"), lab.client("c"));
    assert_eq!((publisher.got, publisher.done, publisher.held_count), (1, 1, 0));
    assert_eq!((consumer.got, consumer.done, consumer.unacked), (1, 1, 0));
}

#[test]
fn an_idle_queue_confirms_a_persistent_message_at_once() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    let sent = lab.cluster.world.now();
    lab.publish(publisher, 0..1);
    lab.run(10);
    let confirmed = lab.told.iter().find(|told| told.event.name() == "rabbit.confirmed");
    assert_eq!(confirmed.expect("it is confirmed").at.since(sent), Span::millis(2));
    assert_eq!(lab.count("rabbit.written"), 1);
}

#[test]
fn without_a_confirm_to_wait_for_a_message_is_written_after_200_ms() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[("confirm", "false")]);
    lab.publish(publisher, 0..1);
    lab.run(200);
    assert_eq!(lab.disk_bytes("queues/q/"), 0);
    lab.run(1);
    assert!(lab.disk_bytes("queues/q/") > 0);
}

#[test]
fn what_is_acknowledged_before_the_write_is_never_written() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[("confirm", "false")]);
    lab.consumer("c", |_| {});
    lab.publish(publisher, 0..5);
    lab.run(500);
    assert_eq!((lab.client("c").done, lab.count("rabbit.written")), (5, 0));
}

#[test]
fn without_prefetch_the_whole_backlog_is_pushed_with_prefetch_one() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..100);
    lab.run(10);
    assert_eq!(lab.queue(), (100, 0));
    lab.consumer("one", |spec| spec.prefetch = 1);
    assert_eq!((lab.queue(), lab.client("one").held_count), ((99, 1), 1));
    lab.consumer("all", |_| {});
    assert_eq!(lab.queue().0, 0);
    assert!(lab.client("all").held_count >= 98);
    assert!(lab.client("one").held_count <= 1);
}

#[test]
fn consumers_take_turns() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.consumer("a", |_| {});
    lab.consumer("b", |_| {});
    let from = lab.told.len();
    lab.publish(publisher, 1..6);
    lab.run(10);
    let numbers = |name| lab.delivered(name, from).into_iter().map(|(number, _)| number);
    assert_eq!(numbers("a").collect::<Vec<_>>(), [1, 3, 5]);
    assert_eq!(numbers("b").collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn what_a_dead_consumer_had_comes_back_to_its_place() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    let dead = lab.consumer("dead", |spec| {
        spec.prefetch = 3;
        spec.work_per_message = Span::seconds(1);
    });
    lab.publish(publisher, 0..5);
    lab.run(10);
    assert_eq!(lab.queue(), (2, 3));
    lab.cluster.world.crash(dead);
    lab.run(10);
    assert_eq!(lab.queue(), (5, 0));
    let cells = lab.cluster.glimpse("q", 10);
    let seen: Vec<(u64, bool)> =
        cells.iter().map(|cell| (cell.message.0, cell.redelivered)).collect();
    assert_eq!(seen, [(0, true), (1, true), (2, true), (3, false), (4, false)]);
    assert!(cells.iter().all(|cell| cell.state == CellState::Ready));
    let from = lab.told.len();
    lab.consumer("heir", |_| {});
    assert_eq!(lab.delivered("heir", from), seen);
}

#[test]
fn with_automatic_acknowledgement_a_dead_consumer_loses_what_it_had() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    let dead = lab.consumer("dead", |spec| spec.auto_ack = true);
    lab.publish(publisher, 0..5);
    lab.run(5);
    assert_eq!(lab.queue(), (0, 0));
    lab.cluster.world.crash(dead);
    lab.run(10);
    assert_eq!((lab.queue(), lab.count("rabbit.requeued")), ((0, 0), 0));
    assert!(lab.count("rabbit.processed") < 5);
}

#[test]
fn a_consumer_that_holds_too_much_dies_and_what_it_held_comes_back() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    let consumer = lab.consumer("c", |spec| {
        spec.memory = 100;
        spec.work_per_message = Span::seconds(1);
    });
    // Ten of ten bytes fit, the eleventh does not.
    for number in 0..11 {
        let body = vec![b'.'; 10].into();
        let message = OutgoingMessage { body, ..message(number, "q") };
        lab.cluster.command(publisher, Command::Publish(message));
    }
    lab.run(10);
    let dead = lab.client("c");
    assert_eq!(lab.cluster.world.status(consumer), Status::Down);
    assert!(dead.out_of_memory);
    assert_eq!((dead.held_count, dead.held_bytes, dead.held.len()), (11, 110, 11));
    assert_eq!(lab.queue(), (11, 0));
    // Started again, it is sent the same, and dies again.
    lab.cluster.world.start(consumer);
    assert!(lab.client("c").out_of_memory);
    lab.run(20);
    assert_eq!(lab.count("rabbit.out_of_memory"), 2);
    lab.cluster.world.start(consumer);
    lab.run(3);
    assert!(!lab.client("c").out_of_memory);
}

#[test]
fn a_crash_between_work_and_acknowledgement_delivers_twice() {
    let mut lab = Lab::new();
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    let consumer = lab.consumer("c", |_| {});
    lab.publish(publisher, 0..1);
    while lab.count("rabbit.processed") == 0 {
        assert!(matches!(lab.cluster.world.step(), Step::Ran));
        lab.told.extend(lab.cluster.take_happenings());
    }
    lab.cluster.world.crash(consumer);
    lab.run(10);
    lab.cluster.world.start(consumer);
    lab.run(50);
    assert_eq!(lab.count("rabbit.processed"), 2);
    assert_eq!(lab.queue(), (0, 0));
}

#[test]
fn a_handler_that_fails_gives_back_rejects_or_drops() {
    for (on_error, done, failed) in
        [(OnError::Requeue, 0, 50), (OnError::Reject, 2, 1), (OnError::Drop, 2, 1)]
    {
        let mut lab = Lab::new();
        lab.declare("q");
        let publisher = lab.publisher("p", &[]);
        lab.consumer("c", |spec| {
            spec.prefetch = 1;
            spec.on_error = on_error;
            spec.settings.insert("fail".to_owned(), "m0".to_owned());
        });
        lab.publish(publisher, 0..3);
        lab.run(1_000);
        let client = lab.client("c");
        assert_eq!(client.done, done, "{on_error:?}");
        assert!(client.failed >= failed && (failed > 1 || client.failed == 1), "{on_error:?}");
        let rejected = lab
            .told
            .iter()
            .filter(|told| matches!(told.event, Event::Removed { reason: "rejected", .. }));
        assert_eq!(rejected.count(), usize::from(on_error == OnError::Reject));
    }
}

#[test]
fn gets_take_put_back_and_reject() {
    let mut lab = Lab::new();
    lab.declare("q");
    for number in 0..3 {
        let publish = Ask::Publish(message(number, "q"));
        assert_eq!(lab.ask(publish), Ok(Answer::Published { routed: true }));
    }
    let get = |mode| Ask::Get { queue: "q".to_owned(), count: 2, mode };
    for (round, mode) in [GetMode::AckRequeue, GetMode::RejectRequeue].into_iter().enumerate() {
        let Ok(Answer::Messages(got)) = lab.ask(get(mode)) else { panic!("no messages") };
        let facts: Vec<(&[u8], bool, u64)> =
            got.iter().map(|it| (&it.body[..], it.redelivered, it.message_count)).collect();
        assert_eq!(facts, [(&b"message 0"[..], round > 0, 2), (b"message 1", round > 0, 1)]);
        assert_eq!(lab.queue(), (3, 0));
        let ids: Vec<u64> = lab.cluster.glimpse("q", 9).iter().map(|it| it.message.0).collect();
        assert_eq!(ids, [0, 1, 2]);
    }
    assert!(matches!(lab.ask(get(GetMode::Reject)), Ok(Answer::Messages(got)) if got.len() == 2));
    assert_eq!(lab.queue(), (1, 0));
    assert!(matches!(lab.ask(get(GetMode::Ack)), Ok(Answer::Messages(got)) if got.len() == 1));
    assert_eq!(lab.queue(), (0, 0));
    assert_eq!(lab.ask(get(GetMode::Ack)), Ok(Answer::Messages(Vec::new())));
}

#[test]
fn a_mandatory_message_that_nobody_takes_comes_back_before_its_confirm() {
    let mut lab = Lab::new();
    let publisher = lab.publisher("p", &[("mandatory", "true")]);
    lab.cluster.command(publisher, Command::Publish(message(7, "nowhere")));
    lab.run(10);
    assert_eq!((lab.count("rabbit.returned"), lab.count("rabbit.confirmed")), (1, 0));
    let client = lab.client("p");
    assert_eq!((client.failed, client.done, client.held_count), (1, 0, 0));
    // Without `mandatory` it is confirmed, and gone.
    let publisher = lab.publisher("p2", &[]);
    lab.cluster.command(publisher, Command::Publish(message(8, "nowhere")));
    lab.run(10);
    assert_eq!(lab.client("p2").done, 1);
}

#[test]
fn a_direct_exchange_gives_each_bound_queue_one_copy() {
    let mut lab = Lab::new();
    lab.declare("a");
    lab.declare("b");
    for (queue, key) in [("a", "red"), ("a", "blue"), ("b", "red"), ("a", "red")] {
        let bind = Ask::Bind {
            to_exchange: false,
            source: "amq.direct".to_owned(),
            destination: queue.to_owned(),
            key: key.to_owned(),
            arguments: Default::default(),
        };
        assert_eq!(lab.ask(bind), Ok(Answer::Done));
    }
    assert_eq!(lab.cluster.bindings().len(), 3);
    let message = OutgoingMessage { exchange: "amq.direct".into(), ..message(1, "red") };
    assert_eq!(lab.ask(Ask::Publish(message)), Ok(Answer::Published { routed: true }));
    let ready: Vec<u64> = lab.cluster.queues().iter().map(|queue| queue.ready).collect();
    assert_eq!(ready, [1, 1]);
}

#[test]
fn a_queue_that_cannot_deliver_says_so() {
    let mut lab = Lab::new();
    lab.declare("q");
    let utilisation = |lab: &Lab| lab.cluster.queues()[0].consumer_utilisation;
    assert_eq!(utilisation(&lab), 0.0);
    let publisher = lab.publisher("p", &[]);
    lab.consumer("c", |spec| {
        spec.prefetch = 1;
        spec.work_per_message = Span::millis(98);
    });
    assert_eq!(utilisation(&lab), 1.0);
    lab.publish(publisher, 0..100);
    lab.run(8_000);
    // It can deliver as soon as an acknowledgement comes, and then not for 100 ms.
    assert!(utilisation(&lab) < 0.02, "{}", utilisation(&lab));
    lab.run(10_000);
    assert!(utilisation(&lab) > 0.9, "{}", utilisation(&lab));
}

#[test]
fn one_queue_works_on_one_message_after_the_other() {
    let mut lab = Lab::with_cost("lan");
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.publish(publisher, 0..10_000);
    lab.run(1_000);
    assert_eq!(lab.client("p").done, 10_000);
    let arrived = |name: &str| {
        let at = lab.told.iter().filter(|told| told.event.name() == name).map(|told| told.at);
        (at.clone().min().expect("some"), at.max().expect("some"))
    };
    let (first, last) = arrived("rabbit.enqueued");
    // 5 us for each on its way in.
    assert!(last.since(first) >= Span::micros(49_000), "{}", last.since(first));
}
