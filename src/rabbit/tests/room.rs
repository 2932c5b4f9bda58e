//! The prefetch of a whole channel, whose consumers are of queues on two nodes.

use super::Lab;
use crate::rabbit::broker::nodes::CLUSTER_SIZE;
use crate::rabbit::cluster::Cluster;
use crate::rabbit::command::{Ask, Command, OutgoingMessage};
use crate::rabbit::message::{Arguments, Consume, Frame, Method};
use crate::rabbit::spec::{Settings, Spec};
use crate::sim::{CostModel, Disk, MessageId, NodeId};
use std::rc::Rc;

/// A lab with two nodes; the queue `far` lives on the second one, `near` on the first.
fn lab() -> Lab {
    let cost = CostModel::preset("lesson").expect("it is a preset");
    let mut cluster = Cluster::new(1, cost);
    let [rabbit, _] = [1, 2].map(|number| {
        let settings = Settings::from_iter([(CLUSTER_SIZE.to_owned(), "2".to_owned())]);
        cluster.add(&format!("rabbit-{number}"), Spec::Broker { number, settings }, Disk::default())
    });
    let admin = cluster.add("rabbit-admin", Spec::Admin, Disk::default());
    let mut lab = Lab { cluster, rabbit, admin, asked: 0, told: Vec::new() };
    lab.run(2_000);
    for (number, queue) in [(1, "near"), (2, "far")] {
        let ask = Ask::On(number, Box::new(super::declare(queue, true)));
        lab.ask(ask).expect("it is declared");
    }
    lab
}

fn say(lab: &mut Lab, probe: NodeId, channel: u16, method: Method) {
    lab.cluster.command(probe, Command::Say(Frame { channel, method }));
    lab.run(50);
}

fn publish(lab: &mut Lab, queue: &str, count: u64) {
    for number in 0..count {
        lab.ask(Ask::Publish(OutgoingMessage {
            id: MessageId(number),
            exchange: "".into(),
            routing_key: queue.into(),
            key: None,
            body: bytes::Bytes::from_static(b"x"),
            properties: None,
        }))
        .expect("it is published");
    }
}

fn consume(lab: &mut Lab, probe: NodeId, queue: &str) {
    let consume = Consume {
        queue: queue.to_owned(),
        tag: queue.into(),
        no_ack: false,
        exclusive: false,
        arguments: Arguments::new(),
    };
    say(lab, probe, 1, Method::BasicConsume(Rc::new(consume)));
}

fn delivered(lab: &Lab, probe: NodeId) -> usize {
    let heard = lab.cluster.world.node(probe).heard();
    heard.iter().filter(|frame| matches!(frame.method, Method::BasicDeliver { .. })).count()
}

fn ack(lab: &mut Lab, probe: NodeId, delivery_tag: u64) {
    say(lab, probe, 1, Method::BasicAck { delivery_tag, multiple: false });
}

#[test]
fn a_channels_limit_holds_for_queues_of_other_nodes() {
    let mut lab = lab();
    let probe = lab.cluster.add_probe("probe");
    lab.run(20);
    say(&mut lab, probe, 1, Method::ChannelOpen);
    say(&mut lab, probe, 1, Method::BasicQos { prefetch_count: 3, global: true });
    publish(&mut lab, "far", 10);
    consume(&mut lab, probe, "far");
    assert_eq!(delivered(&lab, probe), 3);
    // The same limit for a queue of the channel's own node.
    publish(&mut lab, "near", 10);
    consume(&mut lab, probe, "near");
    assert_eq!(delivered(&lab, probe), 3);
    // What is acknowledged makes room, for one of them.
    ack(&mut lab, probe, 1);
    assert_eq!(delivered(&lab, probe), 4);
    ack(&mut lab, probe, 2);
    ack(&mut lab, probe, 3);
    assert_eq!(delivered(&lab, probe), 6);
    // Room that a queue took and did not need is given back: then all twenty come.
    for tag in 4..=20 {
        ack(&mut lab, probe, tag);
    }
    assert_eq!(delivered(&lab, probe), 20);
    publish(&mut lab, "near", 5);
    assert_eq!(delivered(&lab, probe), 23);
    // Without a limit all that is left.
    publish(&mut lab, "far", 5);
    assert_eq!(delivered(&lab, probe), 23);
    say(&mut lab, probe, 1, Method::BasicQos { prefetch_count: 0, global: true });
    assert_eq!(delivered(&lab, probe), 30);
}
