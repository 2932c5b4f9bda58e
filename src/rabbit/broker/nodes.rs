//! The other nodes of the cluster: which of them live, and what they say.
//!
//! A node that dies is noticed at once, as its connections close. One that is silent for the net
//! tick time (60 s) is taken for down too: that is how a cut of the network is noticed. What it
//! does then, and when the cut is over, is in `heal`.
//!
//! A node may join later: it asks to, and its joining is a change of the definitions. It has copies
//! of all logs and can have queues of its own, and members of quorum queues that are declared from
//! then on; those that were there before grow to it when a tool says so (`members`). It has a vote
//! about the definitions when it has all of them (`promotion`).

use super::{Broker, Phase, heal};
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::QueueId;
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::spec::Settings;
use crate::rabbit::talk::{Change, METADATA, Talk};
use crate::sim::{NodeId, Span, Time};
use std::rc::Rc;

/// How many nodes the lab began with: a setting of the lab.
pub const CLUSTER_SIZE: &str = "lab_cluster_size";

/// A node that is silent for so long is down (`net_ticktime`).
const SILENCE_MAX: Span = Span::seconds(60);

/// A node says so often that it lives: a quarter of that.
const TICK: Span = Span::seconds(15);

/// Who is not answered for so long by a queue's group is told so.
const COMMAND_TIMEOUT: Span = Span::seconds(30);

/// Another node, as this one knows it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its id.
    pub id: NodeId,
    /// True while it is believed to live.
    pub is_up: bool,
    /// When it was last heard of.
    pub last_heard: Time,
    /// Which alarm it has.
    pub alarm: Option<&'static str>,
    /// True while it stands aside.
    pub is_paused: bool,
    /// True while it is under maintenance.
    pub is_drained: bool,
    /// When its life began, if it has said so.
    pub began: Option<Time>,
    /// It was taken for down, and has not said whether it went on.
    pub is_back: bool,
    /// It has said that it is asked to end.
    pub leaves: bool,
}

fn peer(id: NodeId, now: Time) -> Peer {
    Peer {
        id,
        is_up: true,
        last_heard: now,
        alarm: None,
        is_paused: false,
        is_drained: false,
        began: None,
        is_back: false,
        leaves: false,
    }
}

/// The ids of the nodes that the lab began with. Nodes come before all else in their world.
pub(super) fn nodes(settings: &Settings) -> Vec<NodeId> {
    let size = settings.get(CLUSTER_SIZE).and_then(|text| text.parse().ok()).unwrap_or(1);
    if size > 1 { (0..size).map(NodeId).collect() } else { Vec::new() }
}

impl Broker {
    /// The name of a node in the lab: they are counted in the order in which they came.
    pub(super) fn short_name(&self, node: NodeId) -> Rc<str> {
        if node == self.me {
            return self.name.clone();
        }
        let place = self.nodes.iter().position(|it| *it == node).unwrap_or(0);
        format!("rabbit-{}", place + 1).into()
    }

    /// The name that Erlang gives a node.
    pub(super) fn full_name(&self, node: NodeId) -> String {
        format!("rabbit@{}", self.short_name(node))
    }

    // ---- nodes that join ----

    /// The nodes that were not there at the beginning.
    pub(super) fn joined_later(&self) -> impl Iterator<Item = NodeId> {
        let first = nodes(&self.settings);
        self.nodes.iter().copied().filter(move |node| !first.contains(node))
    }

    /// A node that is no member yet says so again and again.
    fn ask_to_join(&self, out: &mut Out<'_>) {
        if !self.nodes.contains(&self.me) {
            self.peers.iter().for_each(|peer| tell(peer.id, Talk::Join, out));
        }
    }

    /// A node has joined: it gets the logs, and a place among the others.
    pub(super) fn joined(&mut self, node: NodeId, out: &mut Out<'_>) {
        if self.nodes.contains(&node) {
            return;
        }
        self.nodes.push(node);
        if node == self.me {
            return;
        }
        self.peers.push(peer(node, out.now()));
        if let Some(group) = &mut self.metadata {
            group.teach(METADATA, node, out);
        }
        for id in self.quorum_queues() {
            if let Some(group) = self.group_mut(id) {
                group.teach(id, node, out);
            }
        }
        tell(node, self.alive(), out);
    }

    /// True if there are several nodes.
    pub fn is_clustered(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The other nodes that are up.
    pub(super) fn others_up(&self) -> Vec<NodeId> {
        let up = self.peers.iter().filter(|peer| peer.is_up && !peer.is_paused);
        up.map(|peer| peer.id).collect()
    }

    /// True if a node is this one, or is up.
    pub fn is_up(&self, node: NodeId) -> bool {
        node == self.me || self.peers.iter().any(|peer| peer.id == node && peer.is_up)
    }

    /// The other nodes that are down.
    pub(super) fn nodes_down(&self) -> impl Iterator<Item = NodeId> + use<'_> {
        self.peers.iter().filter(|peer| !peer.is_up).map(|peer| peer.id)
    }

    pub(super) fn sees_majority(&self) -> bool {
        let up = self.peers.iter().filter(|peer| peer.is_up).count() + 1;
        up > self.nodes.len() / 2
    }

    /// The process has begun: it meets the others.
    pub(super) fn meet(&mut self, out: &mut Out<'_>) {
        let now = out.now();
        self.began = now;
        let others = self.nodes.iter().filter(|node| **node != out.me());
        self.peers = others.map(|id| peer(*id, now)).collect();
        self.ask_to_join(out);
        self.say_alive(out);
        out.timer(Timer::NodeTick, TICK);
    }

    fn alive(&self) -> Talk {
        let (alarm, is_paused) = (self.alarms.reason(), matches!(self.phase, Phase::Paused));
        let is_drained = self.is_drained;
        Talk::Alive { alarm, is_paused, is_drained, began: self.began }
    }

    pub(super) fn say_alive(&mut self, out: &mut Out<'_>) {
        for peer in &self.peers {
            tell(peer.id, self.alive(), out);
        }
    }

    /// It is time to say that this node lives, and to look which others do.
    pub(super) fn node_tick(&mut self, out: &mut Out<'_>) {
        self.say_alive(out);
        self.ask_to_join(out);
        let now = out.now();
        let silent = self
            .peers
            .iter()
            .filter(|peer| peer.is_up && now.since(peer.last_heard) >= SILENCE_MAX);
        let silent: Vec<NodeId> = silent.map(|peer| peer.id).collect();
        for node in silent {
            out.close(node);
            self.node_down(node, out);
        }
        if let Phase::Paused = self.phase {
            if self.sees_enough() {
                return self.begin_anew(out);
            }
            return out.timer(Timer::NodeTick, heal::PAUSED_TICK);
        }
        self.give_up_overdue(out);
        self.see_to_mirrors(out);
        out.timer(Timer::NodeTick, TICK);
    }

    /// Groups that do not answer: what is pending goes to the leader again, and who has waited for
    /// too long is told so.
    fn give_up_overdue(&mut self, out: &mut Out<'_>) {
        self.metadata_again(out);
        self.streams_again(out);
        let quorum: Vec<QueueId> = self.quorum_queues();
        for id in quorum {
            let queue = self.queues.get_mut(&id);
            if let Some(group) = queue.and_then(|queue| queue.group.as_mut()) {
                group.hand_on_all(id, out);
            }
            self.group_moved(id, out);
        }
    }

    /// Somebody waits for a quorum queue that has no leader: looked at when the wait may be over.
    pub(super) fn look_at_overdue(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        let (name, group) = (queue.name.clone(), queue.group.as_ref());
        let late = group.and_then(|group| group.overdue(out.now(), COMMAND_TIMEOUT));
        let Some((channel, bytes)) = late else { return };
        let of = error::queue_in_vhost(&name);
        let text = match Command::decode(&bytes, &mut self.names).map(|(_, command, _)| command) {
            Some(Command::Members { .. }) => {
                return self.resized(channel, Some("timeout"), out);
            }
            Some(Command::Get { .. }) => {
                format!("Cannot get a message from queue '{of}': timeout")
            }
            Some(Command::Expire) => format!(
                "Cannot declare quorum {of} on node '{0}' with leader on node '{0}': timeout",
                self.full_name(self.me)
            ),
            _ => format!("failed consuming from quorum {of}: timeout"),
        };
        self.fail(channel, error::internal(text), out);
    }

    pub(super) fn expect_answer(&self, id: QueueId, out: &mut Out<'_>) {
        if self.is_clustered() {
            out.timer(Timer::Overdue(id), COMMAND_TIMEOUT);
        }
    }

    /// Another node says something.
    pub(super) fn between(&mut self, from: NodeId, talk: &Talk, out: &mut Out<'_>) {
        let now = out.now();
        if let (Talk::Join, Phase::Serves) = (talk, &self.phase)
            && !self.nodes.contains(&from)
        {
            return self.change(&Change::Join(from), None, out);
        }
        let peer = self.peers.iter_mut().find(|peer| peer.id == from);
        let Some(peer) = peer else {
            // It has joined while this node was down: the log that it sends says so.
            return match (&self.phase, talk) {
                (Phase::Paused | Phase::Stops(_), _) => {}
                (_, Talk::Raft(METADATA, message)) => self.hear_of_metadata(from, message, out),
                _ => {}
            };
        };
        peer.last_heard = now;
        let lives = peer.began;
        if let Talk::Alive { began, .. } = talk
            && peer.is_up
            && lives.is_some_and(|before| before != *began)
        {
            // It began anew, and nobody noticed: its clients are gone all the same.
            self.node_down(from, out);
        }
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == from) else { return };
        let was_up = std::mem::replace(&mut peer.is_up, true);
        if !was_up {
            self.node_up(from, out);
        }
        match (&self.phase, talk) {
            (_, Talk::Alive { alarm, is_paused, is_drained, began }) => {
                let mut went_on = false;
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == from) {
                    peer.alarm = *alarm;
                    peer.is_paused = *is_paused;
                    peer.is_drained = *is_drained;
                    went_on = peer.is_back && peer.began == Some(*began);
                    peer.began = Some(*began);
                }
                if let Phase::Serves = self.phase {
                    if went_on {
                        self.cut_is_over(out);
                    }
                    self.look_at_alarms(out);
                }
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == from) {
                    peer.is_back = false;
                }
            }
            (Phase::Paused | Phase::Stops(_), _) => {}
            (_, Talk::Leaving) => {
                self.peers.iter_mut().filter(|it| it.id == from).for_each(|it| it.leaves = true);
            }
            (_, Talk::Raft(METADATA, message)) => self.hear_of_metadata(from, message, out),
            (_, Talk::Propose(METADATA, bytes)) => {
                if let Some(group) = &mut self.metadata {
                    group.proposed(METADATA, bytes.clone(), out);
                }
                self.metadata_moved(out);
            }
            (Phase::Boots(_), _) => self.keep_for_later(from, talk),
            (
                Phase::Serves,
                Talk::Raft(id, _)
                | Talk::Propose(id, _)
                | Talk::Do(id, ..)
                | Talk::Stream(id, _)
                | Talk::Mirror(id, ..),
            ) if !self.queues.contains_key(id) => {
                // It may come here later: this node has not heard of it yet.
                if id.0 > self.queues_made {
                    self.keep_for_later(from, talk);
                }
            }
            (Phase::Serves, Talk::Healed { side, clients }) => {
                self.hear_of_side(from, side, *clients, out);
            }
            (Phase::Serves, Talk::BeginAnew) => self.lose_partition(out),
            (Phase::Serves, talk) => self.serve_node(from, talk, out),
        }
    }

    fn keep_for_later(&mut self, from: NodeId, talk: &Talk) {
        const KEPT_MAX: usize = 10_000;
        if self.early_talk.len() < KEPT_MAX {
            self.early_talk.push((from, Rc::new(talk.clone())));
        }
    }

    /// What had to wait until this node serves, or knows a queue, is looked at again.
    pub(super) fn take_early_talk(&mut self, out: &mut Out<'_>) {
        for (from, talk) in std::mem::take(&mut self.early_talk) {
            self.between(from, &talk, out);
        }
    }

    fn serve_node(&mut self, from: NodeId, talk: &Talk, out: &mut Out<'_>) {
        match talk {
            Talk::Raft(id, message) => {
                if let Some(group) = self.group_mut(*id) {
                    group.receive(*id, from, message.clone(), out);
                }
                self.group_moved(*id, out);
            }
            Talk::Propose(id, bytes) => {
                if let Some(group) = self.group_mut(*id) {
                    group.proposed(*id, bytes.clone(), out);
                }
                self.group_moved(*id, out);
            }
            Talk::Lead(id, node) => {
                if let Some(group) = self.group_mut(*id) {
                    group.transfer(*id, *node, out);
                }
            }
            Talk::Stream(id, says) => self.hear_of_stream(from, *id, says, out),
            Talk::Mirror(id, epoch, step) => match self.queues[id].mirroring.mirrors.epoch {
                known if known > *epoch => {}
                known if known == *epoch => self.hear_of_mirror(from, (*id, step), out),
                // The new master has heard of it first.
                _ => self.keep_for_later(from, talk),
            },
            Talk::Do(id, ..) if self.home_of(*id).is_some() => {
                // It will be the master: others have heard of that first.
                if self.queues[id].mirroring.held.is_some() {
                    self.keep_for_later(from, talk);
                }
            }
            other => self.remote(from, other, out),
        }
    }

    /// A node that was down is there again.
    fn node_up(&mut self, node: NodeId, out: &mut Out<'_>) {
        if let Phase::Serves = self.phase {
            out.emit(Event::NodeUp { node: self.name.clone(), peer: self.short_name(node) });
        }
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == node) {
            peer.alarm = None;
            peer.is_back = true;
            peer.leaves = false;
        }
        tell(node, self.alive(), out);
        if let Phase::Serves = self.phase {
            self.streams_again(out);
            self.ask_masters(node, out);
            self.see_to_mirrors(out);
        }
    }

    /// A node is down, or cannot be reached.
    pub(super) fn node_down(&mut self, node: NodeId, out: &mut Out<'_>) {
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == node) else { return };
        if !std::mem::replace(&mut peer.is_up, false) {
            return;
        }
        peer.alarm = None;
        if let Some(group) = &mut self.metadata {
            group.node_gone(METADATA, node, out);
        }
        self.metadata_moved(out);
        self.early_talk.retain(|(from, _)| *from != node);
        if !matches!(self.phase, Phase::Serves) {
            return;
        }
        out.emit(Event::NodeDown { node: self.name.clone(), peer: self.short_name(node) });
        for id in self.quorum_queues() {
            if let Some(group) = self.group_mut(id) {
                group.node_gone(id, node, out);
            }
            self.group_moved(id, out);
            if self.leads(id) {
                self.lose_node(id, node, out);
            }
        }
        self.remote_down(node, out);
        self.metadata_node_down(node, out);
        self.look_at_alarms(out);
        if !self.sees_enough() {
            out.emit(Event::NodePaused { node: self.name.clone() });
            self.stand_aside(out);
        }
    }
}
