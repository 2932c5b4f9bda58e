//! One behaviour of the world a scene: connections, processes, machines, time.

use crate::puppet::{A, B, C, Do, Puppet, Stage};
use pushpull::sim::network::DropRule;
use pushpull::sim::{CostModel, Disk, Input, NodeId, Span, Status, Time};
use std::collections::VecDeque;

fn ms(ms: u64) -> u64 {
    ms * 1_000
}

// ---- connections ----

#[test]
fn a_dead_process_refuses() {
    let mut stage = Stage::new();
    stage.world.crash(B);
    stage.tell(A, [Do::Say(B, "x")]);
    assert_eq!(stage.watch(ms(5)), ["2000 a loses 1"]);
}

#[test]
fn what_a_process_sent_before_it_died_arrives_before_the_news() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x"), Do::Say(B, "y")]);
    stage.run(10);
    stage.world.crash(A);
    assert_eq!(
        stage.watch(ms(5)),
        ["1000 b hears x of 0", "1000 b hears y of 0", "1010 b loses 0"]
    );
}

#[test]
fn what_is_under_way_to_a_process_that_dies_is_lost_and_its_sender_learns_of_it() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.tell(A, [Do::Say(B, "y")]);
    stage.run(10);
    stage.world.crash(B);
    stage.world.start(B);
    let seen = ["1000 b hears x of 0", "2010 b starts", "3010 a loses 1"];
    assert_eq!(stage.watch(ms(5)), seen);
    stage.tell(A, [Do::Say(B, "z")]);
    assert_eq!(stage.watch(ms(5)), ["8010 b hears z of 0"]);
}

#[test]
fn a_goodbye_that_a_cut_network_lost_is_made_up_for_by_a_reset() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.world.change_network(|network| network.isolate(A));
    stage.tell(A, [Do::Close(B)]);
    stage.run(ms(5));
    stage.world.change_network(|network| network.heal());
    assert_eq!(stage.watch(ms(5)), ["1000 b hears x of 0"], "b cannot know yet");
    stage.tell(B, [Do::Say(A, "y")]);
    assert_eq!(stage.watch(ms(5)), ["14000 b loses 0"]);
    stage.tell(B, [Do::Say(A, "z")]);
    assert_eq!(stage.watch(ms(5)), ["18000 a hears z of 1"]);
}

#[test]
fn a_message_on_a_new_connection_tells_that_the_old_one_is_gone() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.world.change_network(|network| network.isolate(A));
    stage.world.crash(A);
    stage.world.start(A);
    stage.run(ms(3));
    stage.world.change_network(|network| network.heal());
    stage.world.take_happenings();
    stage.tell(A, [Do::Say(B, "y")]);
    assert_eq!(stage.watch(ms(5)), ["6000 b loses 0", "6000 b hears y of 0"]);
}

#[test]
fn what_is_sent_before_the_news_is_taken_goes_to_the_old_connection() {
    // b hears for 10 ms; meanwhile a dies, comes back, and b's answers are for the dead.
    let mut stage = Stage::with(CostModel::preset("lesson").unwrap(), Span::millis(10));
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.world.crash(A);
    stage.world.start(A);
    stage.run(ms(2));
    stage.tell(A, [Do::Say(B, "again")]);
    stage.run(ms(3));
    stage.world.take_happenings();
    stage.tell(B, [Do::Say(A, "for the new")]);
    // The command waits behind the news and the word of the new life.
    let seen = ["11000 b loses 0", "11000 b hears again of 0", "22000 a hears for the new of 1"];
    assert_eq!(stage.watch(ms(30)), seen);

    stage.tell(A, [Do::Say(B, "y")]);
    stage.tell(B, [Do::Work(Span::millis(4)), Do::Say(A, "too late")]);
    stage.run(ms(2));
    stage.world.crash(A);
    stage.world.start(A);
    let seen = ["39000 a starts", "41000 b hears y of 0", "51000 b loses 0"];
    assert_eq!(stage.watch(ms(30)), seen, "the answer of the step that had begun is lost");
}

#[test]
fn a_machine_without_power_says_nothing_until_it_is_back() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.tell(C, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.world.take_happenings();
    stage.world.power_cut(stage.world.machine(B));
    assert_eq!(stage.world.status(B), Status::Off);
    stage.tell(A, [Do::Say(B, "y")]);
    assert_eq!(stage.watch(ms(100)), [""; 0]);
    assert_eq!(stage.world.in_flight().count(), 1, "a's machine goes on trying");
    stage.world.start(B);
    // Only who had something to say learns of it.
    assert_eq!(stage.watch(ms(5)), ["102000 b starts", "104000 a loses 1"]);
    stage.tell(B, [Do::Say(C, "z")]);
    assert_eq!(stage.watch(ms(5)), ["108000 c loses 1", "108000 c hears z of 1"]);
}

#[test]
fn a_process_that_dies_at_work_has_not_sent_its_answer() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.tell(A, [Do::Work(Span::seconds(1)), Do::Say(B, "y"), Do::Close(C)]);
    stage.run(ms(3));
    stage.world.crash(A);
    assert_eq!(stage.watch(ms(3_000)), ["1000 b hears x of 0", "6000 b loses 0"]);
}

#[test]
fn a_closed_connection_gives_nothing_more_to_the_one_who_closed_it() {
    let mut stage = Stage::new();
    stage.world.pause(B);
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.tell(B, [Do::Close(A)]);
    stage.tell(A, [Do::Say(B, "y")]);
    stage.run(ms(2));
    assert_eq!(stage.world.backlog(B), 3, "x, the command, y");
    stage.world.resume(B);
    assert_eq!(stage.watch(ms(5)), ["4000 b hears x of 0", "5000 a loses 1"]);
    stage.tell(A, [Do::Say(B, "z")]);
    assert_eq!(stage.watch(ms(5)), ["10000 b hears z of 0"]);
}

#[test]
fn what_a_dead_process_could_not_get_through_is_lost() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x"), Do::Say(C, "x")]);
    stage.run(ms(2));
    stage.tell(A, [Do::Say(B, "held")]);
    stage.run(100);
    stage.world.change_network(|network| network.isolate(A));
    stage.run(ms(2));
    // Two more on their way to the cut: one connection is closed, and then the process dies.
    stage.tell(A, [Do::Say(B, "moving"), Do::Say(C, "moving"), Do::Close(C)]);
    stage.run(0);
    stage.world.crash(A);
    stage.run(500);
    assert_eq!(stage.world.in_flight().count(), 2, "what was held is given up");
    stage.run(500);
    stage.world.take_happenings();
    stage.world.change_network(|network| network.heal());
    assert_eq!(stage.watch(ms(5)), [""; 0], "nothing arrives with a gap before it");
    stage.tell(B, [Do::Say(A, "anybody?")]);
    assert_eq!(stage.watch(ms(5)), ["12100 b loses 0"]);
}

#[test]
fn who_closes_a_connection_takes_back_what_waited_for_a_way() {
    let mut stage = Stage::new();
    stage.world.change_network(|network| network.isolate(A));
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.tell(A, [Do::Close(B)]);
    stage.run(ms(2));
    stage.world.change_network(|network| network.heal());
    assert_eq!(stage.watch(ms(5)), [""; 0]);
}

#[test]
fn a_goodbye_ends_the_waiting_for_a_machine_without_power() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.world.change_network(|network| network.slow(A, Some(B), Span::millis(10)));
    stage.tell(A, [Do::Say(B, "y")]);
    stage.run(ms(5));
    stage.tell(B, [Do::Close(A)]);
    stage.run(0);
    stage.world.power_cut(stage.world.machine(B));
    stage.run(ms(5));
    assert_eq!(stage.world.in_flight().count(), 1, "a's machine goes on trying");
    let seen = ["1000 b hears x of 0", "17000 a loses 1"];
    assert_eq!(stage.watch(ms(5)), seen);
    assert_eq!(stage.world.in_flight().count(), 0, "and then no more");
}

#[test]
fn a_connection_of_which_one_end_never_heard_does_not_spoil_the_next() {
    let mut stage = Stage::new();
    stage.world.change_network(|network| network.isolate(A));
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.tell(A, [Do::Close(B)]);
    stage.run(ms(2));
    stage.world.change_network(|network| network.heal());
    stage.tell(B, [Do::Say(A, "y")]);
    assert_eq!(stage.watch(ms(5)), ["5000 a hears y of 1"]);
}

#[test]
fn both_may_open_a_connection_at_once() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.tell(B, [Do::Say(A, "y")]);
    let seen = ["1000 b hears x of 0", "1000 a hears y of 1"];
    assert_eq!(stage.watch(ms(5)), seen);
}

#[test]
fn a_process_may_talk_to_itself_even_if_isolated() {
    let mut stage = Stage::new();
    stage.world.change_network(|network| network.isolate(A));
    stage.tell(A, [Do::Say(A, "x"), Do::Close(A), Do::Say(A, "y")]);
    assert_eq!(stage.watch(ms(5)), ["0 a hears y of 0"]);
}

// ---- faults of the network ----

#[test]
fn what_a_cut_network_held_arrives_in_order_after_it_heals() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "1")]);
    stage.run(500);
    stage.world.change_network(|network| network.partition([A].into(), [B, C].into()));
    stage.run(1_000);
    stage.tell(A, [Do::Say(B, "2")]);
    stage.tell(C, [Do::Say(B, "aside")]);
    stage.run(500);
    // 1 is held, 2 is still moving.
    stage.world.change_network(|network| network.heal());
    let seen = ["2500 b hears aside of 2", "3000 b hears 1 of 0", "3000 b hears 2 of 0"];
    assert_eq!(stage.watch(ms(5)), seen);
}

#[test]
fn what_was_held_does_not_wait_for_what_is_slower_behind_it() {
    let mut stage = Stage::new();
    stage.world.change_network(|network| network.isolate(A));
    stage.tell(A, [Do::Say(B, "1")]);
    stage.run(ms(2));
    stage.world.change_network(|network| network.slow(A, None, Span::millis(50)));
    stage.tell(A, [Do::Say(B, "2")]);
    stage.run(0);
    stage.world.change_network(|network| network.heal());
    assert_eq!(stage.watch(ms(60)), ["3000 b hears 1 of 0", "52000 b hears 2 of 0"]);
}

#[test]
fn a_cut_that_heals_before_a_message_arrives_is_not_noticed() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(100);
    stage.world.change_network(|network| network.isolate(B));
    stage.run(100);
    stage.world.change_network(|network| network.heal());
    assert_eq!(stage.watch(ms(5)), ["1000 b hears x of 0"]);
}

#[test]
fn slow_takes_so_long_one_way_in_both_directions() {
    let mut stage = Stage::new();
    stage.world.change_network(|network| {
        network.slow(A, None, Span::millis(200));
        network.slow(B, Some(A), Span::millis(50));
        network.slow(A, Some(B), Span::millis(40));
    });
    stage.tell(A, [Do::Say(B, "x"), Do::Say(C, "x")]);
    stage.tell(B, [Do::Say(A, "y"), Do::Say(C, "y")]);
    let seen = [
        "1000 c hears y of 1",
        "40000 b hears x of 0",
        "40000 a hears y of 1",
        "200000 c hears x of 0",
    ];
    assert_eq!(stage.watch(ms(300)), seen);
}

#[test]
fn faster_again_never_overtakes() {
    let mut stage = Stage::new();
    stage.world.change_network(|network| network.slow(A, Some(B), Span::millis(50)));
    stage.tell(A, [Do::Say(B, "1")]);
    stage.run(0);
    stage.world.change_network(|network| network.heal());
    stage.tell(A, [Do::Say(B, "2")]);
    assert_eq!(stage.watch(ms(60)), ["50000 b hears 1 of 0", "50000 b hears 2 of 0"]);
}

#[test]
fn drop_swallows_so_many_of_a_kind_in_both_directions() {
    let mut stage = Stage::new();
    let rule = DropRule { a: A, b: B, kind: Some("fetch".into()), left: Some(2) };
    stage.world.change_network(|network| network.swallow(rule));
    stage.tell(A, [Do::Say(B, "Fetch"), Do::Say(B, "Produce"), Do::Say(C, "Fetch")]);
    stage.tell(B, [Do::Say(A, "Fetch"), Do::Say(A, "Fetch")]);
    let seen = ["1000 b hears Produce of 0", "1000 c hears Fetch of 0", "1000 a hears Fetch of 1"];
    assert_eq!(stage.watch(ms(5)), seen);
    assert!(stage.world.network().is_whole(), "a rule that is used up is gone");
}

#[test]
fn a_link_sends_one_thing_at_a_time_and_each_direction_by_itself() {
    let cost = CostModel { bandwidth: 1_000_000, ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(cost, Span::ZERO);
    stage.tell(A, [Do::SayBytes(B, "big", 5_000), Do::SayBytes(B, "small", 100)]);
    stage.tell(A, [Do::SayBytes(C, "aside", 100)]);
    stage.tell(B, [Do::SayBytes(A, "back", 100)]);
    let seen = [
        "1100 c hears aside of 0",
        "1100 a hears back of 1",
        "6000 b hears big of 0",
        "6100 b hears small of 0",
    ];
    assert_eq!(stage.watch(ms(10)), seen);
}

#[test]
fn a_lost_packet_is_a_delay() {
    let lossy = CostModel { loss_per_million: 1_000_000, ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(lossy, Span::ZERO);
    stage.tell(A, [Do::Say(B, "x")]);
    // Even a network that loses everything gives in: 200 ms doubled up to 120 s, 15 times.
    let waits: u64 = (0..15).map(|n| (200 << n).min(120_000)).sum();
    let seen = format!("{} b hears x of 0", ms(waits + 1));
    assert_eq!(stage.watch(ms(waits + 5)), [seen]);
}

// ---- processes ----

#[test]
fn a_start_comes_before_everything_else() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(999);
    stage.world.crash(B);
    stage.run(0);
    // The message is due before anything that is added now.
    stage.world.advance_to(Time::from_micros(1_000));
    stage.world.start(B);
    stage.tell(B, [Do::Say(C, "y")]);
    let seen = ["1000 b starts", "1000 b hears x of 0", "2000 c hears y of 1"];
    assert_eq!(stage.watch(ms(5)), seen);
}

#[test]
fn a_command_to_the_dead_is_not_heard_after_the_start() {
    let mut stage = Stage::new();
    stage.world.crash(A);
    stage.tell(A, [Do::Say(B, "x")]);
    stage.world.start(A);
    assert_eq!(stage.watch(ms(5)), ["0 a starts"]);
}

#[test]
fn a_paused_process_takes_what_came_in_order_when_it_goes_on() {
    let mut stage = Stage::new();
    stage.tell(B, [Do::Timer("t", Span::millis(2))]);
    stage.run(0);
    stage.world.pause(B);
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(3));
    stage.tell(C, [Do::Say(B, "y")]);
    stage.run(ms(3));
    assert_eq!(stage.world.backlog(B), 3);
    stage.world.resume(B);
    stage.world.pause(B);
    stage.run(ms(1));
    stage.world.resume(B);
    let seen = ["7000 b hears x of 0", "7000 b wakes for t", "7000 b hears y of 2"];
    assert_eq!(stage.watch(ms(5)), seen);
}

#[test]
fn stop_is_polite_and_a_paused_process_dies_of_it() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Say(B, "x")]);
    stage.run(ms(2));
    stage.world.take_happenings();
    stage.world.stop(A);
    assert_eq!(stage.watch(ms(2)), ["2000 a is asked to stop", "3000 b loses 0"]);
    assert_eq!(stage.world.status(A), Status::Down);
    stage.world.pause(B);
    stage.world.stop(B);
    assert_eq!((stage.world.status(B), stage.world.life(B)), (Status::Down, 1));
}

#[test]
fn an_exit_waits_for_the_work_and_what_was_sent_arrives() {
    let cost = CostModel { cores: 2, ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(cost, Span::ZERO);
    let last = [Do::Work(Span::millis(3)), Do::Exit, Do::Say(B, "bye"), Do::Timer("t", Span::ZERO)];
    stage.tell(A, last);
    stage.tell(A, [Do::Say(C, "not any more")]);
    assert_eq!(stage.watch(ms(10)), ["4000 b hears bye of 0", "4000 b loses 0"]);
    assert_eq!(stage.world.status(A), Status::Down);
}

#[test]
fn a_timer_that_is_moved_or_taken_back_while_it_waits_for_a_core_does_not_ring() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Timer("moved", Span::millis(1)), Do::Timer("off", Span::millis(1))]);
    stage
        .tell(A, [Do::Timer("kept", Span::millis(1)), Do::Timer("never", Span::seconds(u64::MAX))]);
    stage.tell(A, [Do::Work(Span::millis(2))]);
    stage.tell(A, [Do::Timer("moved", Span::millis(5)), Do::Cancel("off"), Do::Cancel("unknown")]);
    assert_eq!(stage.watch(ms(20)), ["2000 a wakes for kept", "7000 a wakes for moved"]);
    assert_eq!(stage.world.next_time(), None, "nothing stale is left");
}

#[test]
fn a_timer_that_is_moved_leaves_nothing_behind() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Timer("t", Span::millis(1)), Do::Timer("t", Span::millis(5))]);
    stage.run(0);
    assert_eq!(stage.world.next_time(), Some(Time::from_micros(5_000)));
    stage.tell(A, [Do::Cancel("t")]);
    stage.run(0);
    assert_eq!(stage.world.next_time(), None);
}

#[test]
fn cores_work_side_by_side_and_the_rest_waits_in_line() {
    let cost = CostModel { cores: 2, ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(cost, Span::millis(10));
    for word in ["1", "2", "3", "4", "5"] {
        stage.tell(A, [Do::Say(B, word)]);
    }
    let seen = [
        "1000 b hears 1 of 0",
        "1000 b hears 2 of 0",
        "11000 b hears 3 of 0",
        "11000 b hears 4 of 0",
        "21000 b hears 5 of 0",
    ];
    assert_eq!(stage.watch(ms(50)), seen);
}

#[test]
fn two_cores_do_not_mix_up_the_order_of_a_link() {
    let cost = CostModel { cores: 2, ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(cost, Span::ZERO);
    stage.tell(A, [Do::Work(Span::millis(5)), Do::Say(B, "first")]);
    stage.tell(A, [Do::Work(Span::millis(1)), Do::Say(B, "second"), Do::Say(C, "aside")]);
    let seen = ["2000 c hears aside of 0", "6000 b hears first of 0", "6000 b hears second of 0"];
    assert_eq!(stage.watch(ms(10)), seen);
}

#[test]
fn a_removed_process_is_gone_and_its_name_is_free() {
    let mut stage = Stage::new();
    stage.tell(B, [Do::Timer("t", Span::millis(1)), Do::Append("f", "x"), Do::Flush("f")]);
    stage.tell(A, [Do::Say(B, "x")]);
    stage.watch(100);
    stage.world.remove(B);
    let machine = stage.world.add_machine();
    let again = stage.add("b", machine, Span::ZERO);
    stage.world.remove(B);
    assert_eq!(stage.world.id("b"), Some(again), "who is gone cannot be removed again");
    for act in [
        pushpull::sim::World::start,
        pushpull::sim::World::stop,
        pushpull::sim::World::crash,
        pushpull::sim::World::pause,
        pushpull::sim::World::resume,
    ] {
        act(&mut stage.world, B);
    }
    stage.world.power_cut(stage.world.machine(B));
    assert_eq!(stage.world.status(B), Status::Gone);
    assert!(stage.world.disk(B).is_empty());
    assert_eq!(stage.watch(ms(5)), ["100 b starts"]);
    stage.tell(again, [Do::Say(A, "hello")]);
    assert_eq!(stage.watch(ms(5)), ["6100 a hears hello of 3"]);
}

// ---- machines ----

#[test]
fn processes_on_one_machine_share_its_power_and_its_loopback() {
    let cost = CostModel { bandwidth: 1_000_000, ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(cost, Span::ZERO);
    let d = stage.add("d", stage.world.machine(A), Span::ZERO);
    stage.tell(A, [Do::SayBytes(d, "neighbour", 1 << 40)]);
    assert_eq!(stage.watch(0), ["0 d starts", "0 d hears neighbour of 0"]);
    stage.world.power_cut(stage.world.machine(d));
    let puppet = Puppet { work: Span::ZERO };
    let e = stage.world.add("e", stage.world.machine(A), puppet, Disk::default());
    let statuses = |stage: &Stage| [A, d, e].map(|id| stage.world.status(id));
    assert_eq!(statuses(&stage), [Status::Off; 3]);
    stage.world.start(A);
    let expected = [Status::Running, Status::Down, Status::Down];
    assert_eq!(statuses(&stage), expected, "the machine is back, the others are not");
    stage.tell(B, [Do::Say(d, "x")]);
    assert_eq!(stage.watch(ms(5)), ["0 a starts", "2000 b loses 3"]);
}

#[test]
fn processes_on_one_machine_wait_for_its_drive() {
    let cost = CostModel { fsync: Span::millis(10), ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(cost, Span::ZERO);
    let d = stage.add("d", stage.world.machine(A), Span::ZERO);
    // The drive is not asked before the work is done.
    stage.tell(A, [Do::Work(Span::millis(5)), Do::Append("f", "x"), Do::Flush("f")]);
    for id in [d, B] {
        stage.tell(id, [Do::Append("f", "x"), Do::Flush("f")]);
    }
    let seen =
        ["0 d starts", "10000 d has flushed f", "10000 b has flushed f", "20000 a has flushed f"];
    assert_eq!(stage.watch(ms(50)), seen);
}

#[test]
fn a_read_waits_for_the_drive_unless_the_page_cache_has_it() {
    let cost = CostModel {
        seek: Span::millis(8),
        page_cache: 1 << 30,
        ..CostModel::preset("lesson").unwrap()
    };
    let mut stage = Stage::with(cost, Span::ZERO);
    stage.tell(A, [Do::Append("f", "abc"), Do::Flush("f"), Do::Read("f", 0, 2)]);
    assert_eq!(stage.watch(ms(10)), ["0 a has flushed f", "0 a reads 'ab' of f"]);
    stage.world.crash(A);
    stage.world.start(A);
    stage.tell(A, [Do::Read("f", 0, 2)]);
    let seen = ["10000 a starts", "10000 a reads 'ab' of f"];
    assert_eq!(stage.watch(ms(10)), seen, "the machine remembers what the process read");
    stage.world.power_cut(stage.world.machine(A));
    stage.world.start(A);
    stage.tell(A, [Do::Read("f", 0, 2)]);
    stage.tell(A, [Do::Read("f", 1, 9)]);
    let seen = ["20000 a starts", "28000 a reads 'ab' of f", "28000 a reads 'bc' of f"];
    assert_eq!(stage.watch(ms(10)), seen, "the second waits for the page that is on its way");
}

#[test]
fn a_file_that_is_gone_leaves_its_place_in_the_page_cache() {
    let cost = CostModel {
        seek: Span::millis(8),
        page_cache: 128 << 10,
        ..CostModel::preset("lesson").unwrap()
    };
    for go in [Do::Delete("new"), Do::Rename("old", "new")] {
        let mut stage = Stage::with(cost.clone(), Span::ZERO);
        // There is room for two pages, and three are written; the second is gone before.
        stage
            .tell(A, [Do::Append("old", "x"), Do::Append("new", "x"), go, Do::Append("more", "x")]);
        stage.tell(A, [Do::Read("old", 0, 1), Do::Read("new", 0, 1)]);
        assert!(stage.watch(ms(20)).iter().all(|line| line.starts_with("0 ")), "it is not there");
    }
}

#[test]
fn a_process_by_itself_says_what_it_would_and_leaves_the_world_alone() {
    let mut stage = Stage::new();
    let mut alone = stage.world.alone(A);
    let all =
        vec![Do::Append("f", "x"), Do::Say(B, "x"), Do::Timer("t", Span::ZERO), Do::Say(C, "y")];
    let mut sent = VecDeque::new();
    alone.step(Time::from_micros(7), Input::Command(all), &mut sent);
    let words: Vec<(NodeId, &str)> = sent.iter().map(|(to, word)| (*to, word.text)).collect();
    assert_eq!(words, [(B, "x"), (C, "y")]);
    assert_eq!(stage.watch(ms(5)), [""; 0], "the world has heard of it");
    assert!(stage.world.disk(A).get("f").is_none(), "it shares a disk with the world");
}

// ---- time ----

#[test]
fn the_clock_may_stand_anywhere_before_the_next_event() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Timer("t", Span::millis(5))]);
    stage.run(0);
    stage.world.advance_to(Time::from_micros(5_000));
    stage.world.advance_to(Time::ZERO);
    assert_eq!(stage.world.now(), Time::from_micros(5_000), "it never goes back");
    assert_eq!(stage.watch(0), ["5000 a wakes for t"]);
}

#[test]
#[should_panic(expected = "an event was passed over")]
fn the_clock_passes_over_nothing() {
    let mut stage = Stage::new();
    stage.tell(A, [Do::Timer("t", Span::millis(5))]);
    stage.run(0);
    stage.world.advance_to(Time::from_micros(5_001));
}
