//! What a node does when the network is cut, and when it is whole again
//! (`cluster_partition_handling`, up to 4.2).
//!
//! - `ignore`: both sides go on.
//! - `pause_minority`: a node that sees no majority of the nodes stands aside. It closes the
//!   connections of its clients, and looks once a second whether a majority is there again.
//! - `pause_if_all_down`: so does one that sees none of the nodes that
//!   `cluster_partition_handling.pause_if_all_down.nodes.1`, `.2`... name. Both sides may see one
//!   of them: what they do afterwards says `pause_if_all_down.recover`, `ignore` or `autoheal`.
//! - `autoheal`: both sides go on. When they see each other again, the side with the most clients
//!   wins, of several the one with the most nodes; the nodes of the others begin anew, and what
//!   only their memory had is gone.
//!
//! Whatever the setting, definitions and quorum queues need a majority: a side without one changes
//! nothing of them.
//!
//! Simplified: of sides that are as good as each other that with the lowest node wins, where the
//! real system picks any.

use super::{Broker, Phase};
use crate::ordered::Order;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::message::{Frame, Method};
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::profile::Profile;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::spec::Settings;
use crate::rabbit::talk::{METADATA, Talk};
use crate::sim::{NodeId, Span};
use std::rc::Rc;

/// A node that stands aside looks so often whether it may go on.
pub(super) const PAUSED_TICK: Span = Span::seconds(1);

/// After a cut all nodes have so long to say who was on their side.
const HEAL_AFTER: Span = Span::seconds(1);

/// What a node does about a cut of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Nothing.
    Ignore,
    /// Without a majority it stands aside.
    PauseMinority,
    /// Without any of these it stands aside.
    PauseIfAllDown {
        /// The nodes.
        nodes: Vec<NodeId>,
        /// After a cut it does as `autoheal` does.
        heals: bool,
    },
    /// Afterwards one side begins anew.
    Autoheal,
}

/// The handling that settings name; 4.3 knows none.
pub(super) fn handling(settings: &Settings, profile: Profile) -> Handling {
    const NODES: &str = "cluster_partition_handling.pause_if_all_down.nodes.";
    let name = settings.get("cluster_partition_handling");
    match name.map(|name| &**name).filter(|_| profile != Profile::V4_3) {
        Some("pause_minority") => Handling::PauseMinority,
        Some("autoheal") => Handling::Autoheal,
        Some("pause_if_all_down") => {
            let named = settings.iter().filter(|(name, _)| name.starts_with(NODES));
            let number = |name: &str| name.strip_prefix("rabbit@rabbit-")?.parse::<u32>().ok();
            let ids = named.filter_map(|(_, node)| number(node)?.checked_sub(1).map(NodeId));
            // The real system wants `recover` to be given; its documentation shows `ignore`.
            let recover = settings.get("cluster_partition_handling.pause_if_all_down.recover");
            let heals = recover.is_some_and(|it| &**it == "autoheal");
            Handling::PauseIfAllDown { nodes: ids.collect(), heals }
        }
        _ => Handling::Ignore,
    }
}

impl Broker {
    /// True if one side begins anew after a cut.
    fn heals(&self) -> bool {
        matches!(self.handling, Handling::Autoheal | Handling::PauseIfAllDown { heals: true, .. })
    }

    /// True if it sees the nodes without which it would stand aside.
    pub(super) fn sees_enough(&self) -> bool {
        match &self.handling {
            Handling::Ignore | Handling::Autoheal => true,
            Handling::PauseMinority => self.sees_majority(),
            Handling::PauseIfAllDown { nodes, .. } => {
                nodes.is_empty() || nodes.iter().any(|node| self.is_up(*node))
            }
        }
    }

    /// It serves nobody any more, until it begins anew.
    pub(super) fn stand_aside(&mut self, out: &mut Out<'_>) {
        self.force_clients(out);
        for (client, _) in std::mem::take(&mut self.connections) {
            out.cancel(Timer::Heartbeat(client));
            out.close(client);
        }
        for id in self.queues.keys() {
            out.cancel(Timer::Group(id));
            out.cancel(Timer::Ttl(id));
            out.cancel(Timer::Expire(id));
            out.cancel(Timer::Write(id));
        }
        out.cancel(Timer::Group(METADATA));
        out.cancel(Timer::Monitor);
        out.forget_reads();
        self.phase = Phase::Paused;
        self.say_alive(out);
        out.timer(Timer::NodeTick, PAUSED_TICK);
    }

    /// All clients hear that their connections end.
    pub(super) fn force_clients(&self, out: &mut Out<'_>) {
        let forced = "broker forced connection closure with reason 'shutdown'";
        let error = Rc::new(error::connection_forced(forced));
        for client in self.connections.keys() {
            let method = Method::ConnectionClose(Some(error.clone()));
            self.send(self.connection_id(client), method, out);
        }
    }

    /// The node begins anew with what is on its disk.
    pub(super) fn begin_anew(&mut self, out: &mut Out<'_>) {
        let peers = std::mem::take(&mut self.peers);
        *self = Broker::new(self.name.clone(), &self.settings.clone());
        self.me = out.me();
        self.phase = Phase::Boots(Box::default());
        self.boot(out);
        for peer in &mut self.peers {
            peer.is_up = peers.iter().any(|old| old.id == peer.id && old.is_up);
        }
    }

    /// A client that talks to a node that stands aside finds nobody listening.
    pub(super) fn refuse_client(&self, client: NodeId, frame: &Frame, out: &mut Out<'_>) {
        if !matches!(frame.method, Method::Between(_)) {
            out.close(client);
        }
    }

    // ---- after a cut ----

    /// It sees a node again that it had taken for down and that had gone on.
    pub(super) fn cut_is_over(&mut self, out: &mut Out<'_>) {
        if !self.heals() || self.sides.iter().any(|(of, ..)| *of == self.me) {
            return;
        }
        let mut side = vec![self.me];
        side.extend(self.peers.iter().filter(|it| it.is_up && !it.is_back).map(|it| it.id));
        side.order();
        let clients = self.connections.values().filter(|it| !it.is_tool).count() as u64;
        for peer in &self.peers {
            tell(peer.id, Talk::Healed { side: side.clone(), clients }, out);
        }
        let me = self.me;
        self.hear_of_side(me, &side, clients, out);
    }

    /// A node says who was on its side.
    pub(super) fn hear_of_side(
        &mut self,
        node: NodeId,
        side: &[NodeId],
        clients: u64,
        out: &mut Out<'_>,
    ) {
        if self.sides.is_empty() {
            out.timer(Timer::Heal, HEAL_AFTER);
        }
        self.sides.retain(|(of, ..)| *of != node);
        self.sides.push((node, side.to_vec(), clients));
    }

    /// All had time to say so: the lowest of them decides.
    pub(super) fn heal(&mut self, out: &mut Out<'_>) {
        let sides = std::mem::take(&mut self.sides);
        if sides.iter().map(|(node, ..)| *node).min() != Some(self.me) {
            return;
        }
        let strength = |side: &Vec<NodeId>| {
            let clients = sides.iter().filter(|(node, ..)| side.contains(node));
            let clients: u64 = clients.map(|(.., clients)| clients).sum();
            (clients, side.len(), std::cmp::Reverse(side.first().copied()))
        };
        let best = sides.iter().map(|(_, side, _)| side).max_by_key(|side| strength(side));
        let Some(winner) = best.cloned() else { return };
        for (node, ..) in sides.iter().filter(|(node, ..)| !winner.contains(node)) {
            if *node != self.me {
                tell(*node, Talk::BeginAnew, out);
            }
        }
        if !winner.contains(&self.me) {
            self.lose_partition(out);
        }
    }

    /// The side that it was on lost.
    pub(super) fn lose_partition(&mut self, out: &mut Out<'_>) {
        if self.heals() {
            out.emit(Event::PartitionLost { node: self.name.clone() });
            self.stand_aside(out);
            self.begin_anew(out);
        }
    }
}
