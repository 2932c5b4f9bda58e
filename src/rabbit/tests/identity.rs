//! The same seed and the same commands give the same events.

use super::*;
use crate::sim::Time;

/// A lab with a bit of everything.
fn busy() -> Lab {
    let mut lab = Lab::with_cost("lan");
    lab.declare("q");
    let publisher = lab.publisher("p", &[]);
    lab.consumer("a", |spec| spec.prefetch = 3);
    lab.consumer("b", |spec| {
        spec.prefetch = 10;
        spec.settings.insert("fail".to_owned(), "m3,m30".to_owned());
        spec.on_error = OnError::Reject;
    });
    lab.publish(publisher, 0..50);
    lab.run(5);
    lab
}

fn go_on(lab: &mut Lab) -> Vec<(Time, String)> {
    let b = lab.cluster.world.id("b").expect("it is there");
    lab.cluster.world.crash(b);
    lab.run(100);
    lab.cluster.world.start(b);
    lab.cluster.world.crash(lab.rabbit);
    lab.run(100);
    lab.cluster.world.start(lab.rabbit);
    lab.run(10_000);
    lab.told.iter().map(|told| (told.at, format!("{:?}", told.event))).collect()
}

#[test]
fn the_same_seed_gives_the_same_events() {
    let events = go_on(&mut busy());
    assert!(events.len() > 300);
    assert_eq!(events, go_on(&mut busy()));
}

#[test]
fn a_clone_goes_on_identically() {
    let mut lab = busy();
    let mut clone = lab.clone();
    assert_eq!(go_on(&mut lab), go_on(&mut clone));
    assert_eq!(lab.cluster.queues(), clone.cluster.queues());
    assert_eq!(lab.cluster.clients(), clone.cluster.clients());
}

#[test]
fn looking_changes_nothing() {
    let (mut lab, mut looked_at) = (busy(), busy());
    for cluster in [&looked_at.cluster; 3] {
        let _ = (cluster.queues(), cluster.clients(), cluster.glimpse("q", 100));
        let _ = (cluster.exchanges(), cluster.bindings(), cluster.consumers());
    }
    assert_eq!(go_on(&mut lab), go_on(&mut looked_at));
}
