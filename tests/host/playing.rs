//! Frames, pace, tasks.

use crate::tab::Tab;
use crate::{BUSY, QUIET};
use pushpull::host::protocol::{Grain, Reply, Request};
use pushpull::storage::Memory;
use pushpull::view::scene::Place;

#[test]
fn frames_come_only_when_something_changed() {
    let mut tab = Tab::open(Memory::new(), BUSY);
    tab.save();
    let frames = tab.frames;
    tab.pass_ms(5_000);
    assert_eq!(tab.frames, frames);
    tab.ask(Request::Select(None));
    assert_eq!(tab.frames, frames + 1, "every request that changes something is answered");
}

#[test]
fn the_page_knows_every_event_once_and_in_order() {
    let mut tab = Tab::open(Memory::new(), BUSY);
    tab.ask(Request::Play { speed: 1.0 });
    tab.pass_ms(1_000);
    tab.ask(Request::Pause);
    let log = tab.timeline().session().events().next();
    let numbers: Vec<u64> = tab.events.iter().map(|event| event.number).collect();
    assert_eq!(numbers.last(), Some(&(log - 1)));
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    tab.ask(Request::Step { grain: Grain::Event, back: true });
    let log = tab.timeline().session().events().next();
    assert_eq!(tab.events.last().map(|event| event.number + 1), Some(log));
}

#[test]
fn the_same_message_is_seen_on_its_way_to_both() {
    let mut tab = Tab::open(Memory::new(), BUSY);
    tab.run("kafka-topics --create --topic both\nrabbitmqadmin declare queue --name both");
    tab.arrived.clear();
    tab.run("producer pp --kafka both --rabbit /both --count 1");
    tab.run("run 1s");
    let sent = |kafka: bool| {
        let pp = Place::Producer("pp".into());
        let all = tab.arrived.iter().filter(|mover| mover.kafka == kafka && mover.from == pp);
        all.flat_map(|mover| mover.messages.clone()).collect::<Vec<u64>>()
    };
    assert_eq!(sent(true).len(), 1);
    assert_eq!(sent(true), sent(false));
}

#[test]
fn a_page_that_draws_slowly_gets_fewer_frames() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --rate 100/s");
    // At most one frame in 80 ms, and a page has four times as long as it drew: 400 ms after 100 ms.
    for (draws_for_ms, frames_at_most) in [(0, 51), (100, 11)] {
        tab.draws_for_ms = draws_for_ms;
        tab.ask(Request::Play { speed: 1.0 });
        let before = tab.frames;
        tab.pass_ms(4_000);
        let frames = tab.frames - before;
        assert!(
            (frames_at_most / 2..=frames_at_most).contains(&frames),
            "{draws_for_ms}: {frames}"
        );
        tab.ask(Request::Pause);
    }
}

#[test]
fn too_many_events_are_counted() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --count 5000");
    tab.run("run 10s");
    let frame = tab.last_frame();
    assert!(frame.events.len() <= 500);
    let log = tab.timeline().session().events().next();
    assert!(log > 5_000 && tab.events.len() < log as usize);
}

#[test]
fn a_virtual_second_takes_a_real_one() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --rate 1/s");
    let before = tab.timeline().session().now();
    tab.ask(Request::Play { speed: 8.0 });
    tab.pass_ms(2_000);
    let passed = tab.timeline().session().now().since(before).as_millis();
    assert!((15_000..=16_500).contains(&passed), "{passed} ms at 8x in 2 s");
    tab.ask(Request::Pause);
    let now = tab.timeline().session().now();
    tab.pass_ms(1_000);
    assert_eq!(tab.timeline().session().now(), now);
}

#[test]
fn pause_stops_a_long_command() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --rate 1000/s");
    tab.ask_only(Request::Run { id: 9, text: "run 10h\nledger".into() });
    tab.ask_only(Request::Pause);
    tab.settle();
    let stopped = |reply: &Reply| match reply {
        Reply::Ran { id: 9, error: Some(error), last: true, .. } => error == "stopped",
        _ => false,
    };
    assert!(tab.replies.iter().any(stopped), "{:?}", tab.replies);
    assert_eq!(tab.last_frame().status.working, None);
}

#[test]
fn answers_come_line_by_line_and_the_last_is_marked() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    tab.replies.clear();
    let text = "kafka-topics --create --topic t\n# nothing\nkafka-topics --list\nnonsense\nledger";
    tab.ask(Request::Run { id: 4, text: text.into() });
    let told: Vec<(String, bool, bool)> = tab
        .replies
        .iter()
        .filter_map(|reply| match reply {
            Reply::Ran { id: 4, line, error, last, .. } => {
                Some((line.clone(), error.is_some(), *last))
            }
            _ => None,
        })
        .collect();
    let expected = [
        ("kafka-topics --create --topic t".to_string(), false, false),
        ("kafka-topics --list".to_string(), false, false),
        ("nonsense".to_string(), true, true),
    ];
    assert_eq!(told, expected);
    tab.replies.clear();
    tab.ask(Request::Run { id: 5, text: "# nothing".into() });
    assert!(matches!(&tab.replies[..], [Reply::Ran { id: 5, error: None, last: true, .. }]));
}

#[test]
fn undo_and_redo_are_jumps() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    tab.run("kafka-topics --create --topic t");
    let text = "kafka-topics --create --topic t";
    assert_eq!(tab.last_frame().status.undo.as_deref(), Some(text));
    tab.ask(Request::Undo);
    assert!(tab.last_frame().events_replaced);
    assert_eq!(tab.last_frame().status.redo.as_deref(), Some(text));
    tab.ask(Request::Redo);
    assert_eq!(tab.last_frame().status.undo.as_deref(), Some(text));
}
