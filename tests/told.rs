//! What a majority has is told to every member at once, and not with its leader's next sign of
//! life: by controllers (KIP-1166), by the members of quorum queues and by those that keep the
//! definitions.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::raft::Raft;
use pushpull::shell::run::{Progress, Running};

/// A lab in which these lines were run; they must all be right.
fn lab(text: &str) -> Timeline {
    let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab");
    let mut running = Running::new(text);
    loop {
        match running.work(&mut timeline, 10_000) {
            Progress::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
            Progress::More => {}
            Progress::Need(_) => panic!("nothing is stored"),
            Progress::End => return timeline,
        }
    }
}

/// What a member knows to be committed, and the last entry of its log.
fn known(raft: &Raft) -> (u64, u64) {
    (raft.committed(), raft.log().last().0)
}

#[test]
fn controllers_hear_at_once_what_is_committed() {
    // Ways take a millisecond; a sign of life comes every half second.
    let lab = lab("lab new --cost lesson\nrun 200ms\nkafka-topics --create --topic t\nrun 20ms");
    let members = lab.session().kafka.rafts();
    let known: Vec<(u64, u64)> = members.into_iter().map(known).collect();
    let (committed, last) = known[0];
    assert!(committed == last && last > 1, "{known:?}");
    assert_eq!(known, [(committed, last); 3]);
}

#[test]
fn members_of_quorum_queues_hear_at_once_what_is_committed() {
    // Two of three: the leader's own flush or the other's makes the majority.
    for cost in ["lesson", "ssd", "hdd"] {
        let lab = lab(&format!(
            "lab new --rabbit-nodes 3 --cost {cost}\n\
             rabbitmqadmin declare queue --name q --type quorum\nnode rabbit-3 crash\nrun 3s\n\
             rabbitmqadmin publish message -k q\nrabbitmqadmin declare queue --name r\nrun 60ms"
        ));
        let members = lab.session().rabbit.groups();
        assert_eq!(members.len(), 4, "{cost}: two groups on two nodes");
        for (group, node, raft) in members {
            let (committed, last) = known(raft);
            assert_eq!(committed, last, "{cost}: group {group} on {node}");
        }
    }
}

#[test]
fn a_lab_of_an_earlier_version_tells_as_it_did_then() {
    let lab = lab(
        "lab new --cost lesson --set lab.engine=0.1.0\nrun 200ms\nkafka-topics --create --topic t\n\
         run 20ms",
    );
    let known: Vec<(u64, u64)> = lab.session().kafka.rafts().into_iter().map(known).collect();
    let last = known[0].1;
    assert!(known.iter().all(|(_, end)| *end == last), "all have it: {known:?}");
    assert!(known.iter().any(|(committed, _)| *committed < last), "one was not told: {known:?}");
}
