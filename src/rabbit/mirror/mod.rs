//! Mirrored classic queues, up to 3.13: one node has the queue, the master; others have copies of
//! it, and one of them takes its place when it fails.
//!
//! A policy says on how many nodes (`policy`). All that channels want goes to the master, and it
//! tells every mirror what comes to the queue, what is delivered and what goes ([`Step`]). A
//! publish is confirmed when the master and all mirrors have it, a persistent one of a durable
//! queue when all have written it. A mirror that joins begins with nothing: what was there before
//! it lacks, until that is consumed, or the queue is synchronised. When the master is gone the
//! oldest mirror that lacks nothing is promoted: what was delivered and not acknowledged is there
//! again as redelivered, consumers of other nodes are registered anew (or cancelled, if they want
//! that: `x-cancel-on-ha-failover`), and what was not confirmed yet is sent again, once. If all
//! lack something the oldest is promoted all the same, unless the policy says otherwise; what it
//! lacks is lost. A mirror whose node was down throws away what it had.
//!
//! Source: `rabbit_mirror_queue_master`, `_slave`, `_sync`, `_misc` of server v3.11.0, and
//! <https://www.rabbitmq.com/docs/3.13/ha>.
//!
//! Simplified:
//! - Real copies form a ring in which the word goes round (`gm`); here the master tells each.
//! - Who is master and who mirrors is one of the definitions, which need a majority of the nodes,
//!   and a moment if the node that led them is the one that failed. A side of a cut network
//!   without a majority promotes nobody, and confirms nothing. The real Mnesia lets both sides
//!   have a master.
//! - Real channels send every message to all copies; here to the master, and what wants a confirm
//!   once more to the next one. What wants none and was on its way to a master that died is lost.
//! - A mirror holds all in memory. To send what a mirror lacks, the master reads it into memory,
//!   and sends it at once (`ha-sync-batch-size` has no effect); a real one sends all there is.
//! - A master that `ha-mode=nodes` does not name stays where it is. `exactly` takes the nodes that
//!   follow in order, where the real one picks any.

pub mod held;
pub mod master;
pub mod policy;

use super::content::Content;
use super::ids::{ChannelId, PublishId};
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, NodeId, Time};
use held::Held;
use master::Told;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// A node that mirrors a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirror {
    /// The node.
    pub node: NodeId,
    /// Tells this mirror from others of the queue, on that node too.
    pub number: u64,
    /// It lacks nothing.
    pub is_synchronised: bool,
}

/// Who mirrors a queue, as the definitions say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirrors {
    /// So many masters were promoted.
    pub epoch: u64,
    /// So many mirrors came.
    pub made: u64,
    /// The oldest first.
    pub all: Vec<Mirror>,
}

/// A change of who mirrors a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    /// A mirror comes.
    Comes(NodeId),
    /// The mirror with this number lacks nothing any more.
    Synchronised(u64),
    /// It goes.
    Goes(NodeId),
}

impl Mirrors {
    /// The nodes, the oldest mirror first.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.all.iter().map(|mirror| mirror.node)
    }

    /// True if the mirror of this number was there, and is not any more.
    pub fn is_over(&self, number: u64) -> bool {
        number <= self.made && !self.all.iter().any(|mirror| mirror.number == number)
    }

    /// True if a node mirrors the queue.
    fn has(&self, node: NodeId) -> bool {
        self.nodes().any(|it| it == node)
    }

    /// Takes a change; one that comes twice changes nothing.
    pub fn turn(&mut self, turn: Turn, home: NodeId) {
        match turn {
            Turn::Comes(node) if node != home && !self.has(node) => {
                self.made += 1;
                self.all.push(Mirror { node, number: self.made, is_synchronised: false });
            }
            Turn::Comes(_) => {}
            Turn::Synchronised(number) => {
                let found = self.all.iter_mut().find(|mirror| mirror.number == number);
                if let Some(mirror) = found {
                    mirror.is_synchronised = true;
                }
            }
            Turn::Goes(node) => self.all.retain(|mirror| mirror.node != node),
        }
    }

    /// The master is gone. Returns who is promoted: the oldest that lacks nothing, or else with
    /// `always` the oldest. Without anybody the others go too, and the queue waits for its master.
    pub fn promote(&mut self, always: bool) -> Option<NodeId> {
        let synchronised = self.all.iter().position(|mirror| mirror.is_synchronised);
        let is_any = always && !self.all.is_empty();
        match synchronised.or(is_any.then_some(0)) {
            Some(at) => {
                self.epoch += 1;
                Some(self.all.remove(at).node)
            }
            None => {
                self.all.clear();
                None
            }
        }
    }
}

/// What a queue remembers on a node because it is or may be mirrored.
#[derive(Clone, Debug, Default)]
pub struct Mirroring {
    /// Who mirrors it.
    pub mirrors: Mirrors,
    /// Changes of that which this node has proposed.
    pub asked: Vec<Turn>,
    /// At the master: the mirrors, as it knows them.
    pub told: Vec<Told>,
    /// At the master: who has not said yet that it has a publish.
    pub awaited: BTreeMap<PublishId, Vec<NodeId>>,
    /// At a promoted master: what it had then that wanted a confirm: message and sequence id.
    pub inherited: BTreeMap<PublishId, (MessageId, u64)>,
    /// At the master: it reads what a mirror lacks.
    pub is_syncing: bool,
    /// At a mirror: what it has.
    pub held: Option<Held>,
    /// At the node of a channel: what was sent to the master and is not confirmed.
    pub sent: BTreeMap<PublishId, Rc<Content>>,
    /// At the node of a channel: consumers that want to be cancelled when the master fails.
    pub ends: Vec<(ChannelId, Rc<str>)>,
}

/// A message that comes to a mirror.
#[derive(Clone, Debug, PartialEq)]
pub struct Came {
    /// Its sequence id.
    pub seq: u64,
    /// The message.
    pub content: Rc<Content>,
    /// When it expires.
    pub expires: Time,
    /// The publish, if it wants a confirm.
    pub confirm: Option<PublishId>,
    /// It is delivered, and not acknowledged.
    pub is_delivered: bool,
}

/// What master and mirrors say to each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// From the master: the mirror of this number begins with nothing. These messages it lacks.
    Begin(u64, Vec<(u64, MessageId)>),
    /// From the master: a message is there.
    Came(Came),
    /// From the master: one was delivered.
    Delivered(u64),
    /// From the master: these were not acknowledged, and are ready again.
    Back(Vec<u64>),
    /// From the master: these are gone.
    Gone(Vec<u64>),
    /// From a promoted master: these are there, and no others.
    There(Vec<(u64, MessageId)>),
    /// A mirror's answer to that: it lacks these.
    Lacks(Vec<u64>),
    /// From the master: the mirror of this number was sent all that it lacked. And its answer.
    Complete(u64),
    /// From a node that could not see the master for a while: is it that still?
    Who,
    /// It is, and has given up the channels of that node.
    Still,
    /// From a mirror: it has these publishes.
    Has(Vec<PublishId>),
}
