//! Definitions in a cluster: exchanges, queues, bindings and policies are the same on all nodes.
//!
//! As in Khepri, every change is a command in the log of one group of all nodes, and is done by
//! each node when it is committed; who asked is answered when their own node has done it. Without
//! a majority nothing changes: who asks is told after a while. A node that boots waits until it has
//! done what was committed before; then it deletes what belonged to its earlier life, reads its
//! queues, and serves.
//!
//! Queues have the same numbers on all nodes, as they are counted in the order of the log.
//!
//! Simplified: two clients that declare the same queue differently on two nodes at once both hear
//! that it is declared.

use super::arguments::queue_type;
use super::boot::Stage;
use super::{Broker, Phase};
use crate::ordered::BTreeMap;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::exchange::{Binding, Destination};
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::process::{Out, Ticket, Timer};
use crate::rabbit::profile::Profile;
use crate::rabbit::protection::Protection;
use crate::rabbit::queue::Queue;
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::files::{Files, directory};
use crate::rabbit::quorum::group::{Awaited, Group, ORIGIN_BYTES};
use crate::rabbit::stream::member::Member;
use crate::rabbit::talk::{Bound, Change, METADATA, NewQueue};
use crate::raft::{self, MemberId};
use crate::sim::{NodeId, Rope, Span};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// Where the log of the definitions lies.
pub const DIRECTORY: &str = "metadata/";

/// Who is not answered for so long is told so (Khepri's default timeout).
const TIMEOUT: Span = Span::seconds(30);

/// What is said then, if nothing better is known.
pub const METADATA_TIMEOUT: &str = "the metadata store operation timed out";

/// The log is cut when it has so many entries that are applied.
const LOG_ENTRIES_MIN: u64 = 4_096;

/// All definitions: what stands in the place of the commands that made them.
#[derive(Default, Serialize, Deserialize)]
struct State {
    queues_made: u32,
    /// Nodes that joined later, exchanges, policies, bindings.
    changes: Vec<Change>,
    queues: Vec<(u32, NewQueue)>,
}

/// Who has a vote after an entry of the log, if it is a change that says so, and the place of the
/// one that it follows.
fn voters_in(entry: &Bytes) -> Option<(u64, Vec<MemberId>)> {
    match postcard::from_bytes(entry.get(ORIGIN_BYTES..)?) {
        Ok(Change::Voters(base, members)) => {
            Some((base, members.into_iter().map(|node| MemberId(node.0)).collect()))
        }
        _ => None,
    }
}

impl Broker {
    /// A change of the definitions, and what is to be said to whom when it is done.
    pub(super) fn change(
        &mut self,
        change: &Change,
        answer: Option<(ChannelId, Method)>,
        out: &mut Out<'_>,
    ) {
        let bytes = postcard::to_stdvec(change).expect("plain data can always be encoded");
        let awaited = answer.map(|(channel, method)| {
            self.answers.push((channel, method));
            out.timer(Timer::Overdue(METADATA), TIMEOUT);
            Awaited::Answer(channel)
        });
        if let Some(group) = &mut self.metadata {
            group.submit(METADATA, bytes.into(), awaited, out);
        }
        self.metadata_moved(out);
    }

    // ---- the group ----

    /// The boot of a node of a cluster: the log of the definitions is read first.
    pub(super) fn read_metadata(&mut self, out: &mut Out<'_>) -> usize {
        let files = out.files().with_prefix(DIRECTORY);
        let files: Vec<String> = files.map(|(name, _)| name.to_owned()).collect();
        for file in &files {
            let inside = file.strip_prefix(DIRECTORY).unwrap_or_default().into();
            out.read(file, 0, u64::MAX, Ticket::GroupFile { queue: "".into(), file: inside });
        }
        files.len()
    }

    /// A file of it was read.
    pub(super) fn metadata_file(&mut self, file: &str, bytes: &Rope) {
        if let Phase::Boots(boot) = &mut self.phase {
            boot.metadata.add(file, bytes);
        }
    }

    /// All of it is read: the member begins.
    pub(super) fn begin_metadata(&mut self, out: &mut Out<'_>) {
        let Phase::Boots(boot) = &mut self.phase else { return };
        boot.stage = Stage::Follows;
        let files = std::mem::take(&mut boot.metadata);
        let is_new = files.is_new();
        let group = Group::new(DIRECTORY, &self.nodes, files, out);
        let state = group.snapshot();
        self.metadata = Some(Box::new(group));
        self.restore_metadata(&state, out);
        let is_first = self.nodes.first() == Some(&out.me());
        if let Some(group) = &mut self.metadata {
            group.read_changes(voters_in);
            // Who has joined is known before it is known what of the log is committed.
            let commands = group.commands().filter_map(|it| postcard::from_bytes(&it).ok());
            let joined = commands.filter_map(|change| match change {
                Change::Join(node) => Some(node),
                _ => None,
            });
            let joined: Vec<NodeId> = joined.collect();
            joined.into_iter().for_each(|node| self.joined(node, out));
        }
        if let Some(group) = &mut self.metadata {
            group.begin(METADATA, out);
            // Somebody has to form the cluster.
            if is_new && is_first {
                group.campaign(METADATA, out);
            }
        }
        self.metadata_moved(out);
    }

    /// Another member of the group says something.
    pub(super) fn hear_of_metadata(
        &mut self,
        from: NodeId,
        message: &raft::Message,
        out: &mut Out<'_>,
    ) {
        if let Some(group) = &mut self.metadata {
            group.receive(METADATA, from, message.clone(), out);
        }
        self.metadata_moved(out);
    }

    pub(super) fn metadata_again(&mut self, out: &mut Out<'_>) {
        if let Some(group) = &mut self.metadata {
            group.hand_on_all(METADATA, out);
        }
        self.metadata_moved(out);
    }

    /// Something of the group is written and flushed.
    pub(super) fn metadata_flushed(&mut self, out: &mut Out<'_>) {
        if let Some(group) = &mut self.metadata {
            group.flushed(METADATA, out);
        }
        self.metadata_moved(out);
    }

    /// Something has moved in the group: what is committed is done.
    pub(super) fn metadata_moved(&mut self, out: &mut Out<'_>) {
        let restored = self.metadata.as_mut().and_then(|group| group.restored.take());
        if let Some(state) = restored {
            self.restore_metadata(&state, out);
        }
        let mut is_changed = false;
        while let Some(committed) = self.metadata.as_mut().and_then(|group| group.take_committed())
        {
            is_changed = true;
            if let Ok(change) = postcard::from_bytes::<Change>(&committed.command) {
                self.apply_change(&change, out);
            }
            match committed.awaited {
                Some(Awaited::Answer(channel)) => {
                    let method = self.take_answer(channel);
                    let is_there = channel.node != self.me || self.has_channel(channel);
                    if let Some(method) = method.filter(|_| is_there) {
                        self.answer_change(channel, method, out);
                    }
                }
                Some(Awaited::Own) => self.old_life_is_over(out),
                _ => {}
            }
        }
        if self.metadata.as_mut().is_some_and(|group| std::mem::take(&mut group.has_won)) {
            let down: Vec<NodeId> = self.nodes_down().collect();
            down.into_iter().for_each(|node| self.metadata_node_down(node, out));
            self.streams_again(out);
        }
        if is_changed {
            self.see_to_mirrors(out);
        }
        self.promote_nodes(out);
        self.cut_metadata(out);
        self.boot_on(out);
    }

    /// A change is done. A quorum queue is declared when its group has a leader.
    fn answer_change(&mut self, channel: ChannelId, method: Method, out: &mut Out<'_>) {
        if let Method::QueueDeclareOk { queue, .. } = &method
            && let Some(id) = self.queue_ids.get(queue).copied()
            && self.is_quorum(id)
        {
            return self.await_leader(id, channel, out);
        }
        self.send(channel, method, out);
    }

    fn take_answer(&mut self, channel: ChannelId) -> Option<Method> {
        let at = self.answers.iter().position(|(waits, _)| *waits == channel)?;
        Some(self.answers.remove(at).1)
    }

    fn cut_metadata(&mut self, out: &mut Out<'_>) {
        let is_long = |group: &Group| group.log_entries() >= LOG_ENTRIES_MIN && group.is_current();
        if !self.metadata.as_deref().is_some_and(is_long) {
            return;
        }
        let state = self.metadata_state();
        if let Some(group) = &mut self.metadata {
            group.compact(METADATA, state, out);
        }
    }

    /// A node that boots has done what was committed before: its earlier life is over.
    fn boot_on(&mut self, out: &mut Out<'_>) {
        let Phase::Boots(boot) = &mut self.phase else { return };
        let is_current = self.metadata.as_ref().is_some_and(|group| group.is_current());
        if boot.stage == Stage::Follows && is_current {
            boot.stage = Stage::Clears;
            // After a clean stop this is no failure: see `mirrors`.
            let was_stopped = boot.was_stopped() && self.profile == Profile::V3_11;
            let change = if was_stopped { Change::NodeLeft } else { Change::NodeDown };
            let change = change(out.me());
            let bytes = postcard::to_stdvec(&change).expect("plain data can always be encoded");
            if let Some(group) = &mut self.metadata {
                group.submit(METADATA, bytes.into(), Some(Awaited::Own), out);
            }
            self.metadata_moved(out);
        }
    }

    fn old_life_is_over(&mut self, out: &mut Out<'_>) {
        let Phase::Boots(boot) = &mut self.phase else { return };
        boot.stage = Stage::Recovers;
        self.read_indexes(out);
    }

    /// Who waits for a change that cannot be made is told so.
    pub(super) fn metadata_overdue(&mut self, out: &mut Out<'_>) {
        let overdue = self.metadata.as_ref().and_then(|it| it.overdue(out.now(), TIMEOUT));
        let Some((channel, _)) = overdue else { return };
        let method = self.take_answer(channel);
        let text = match method {
            Some(Method::QueueDeclareOk { queue, .. }) => format!(
                "Could not declare {} on node '{}' because the metadata store operation timed out",
                error::queue_in_vhost(&queue),
                self.full_name(self.me)
            ),
            Some(Method::QueueBindOk | Method::ExchangeBindOk) => {
                "Could not add binding due to timeout".to_owned()
            }
            Some(Method::QueueUnbindOk | Method::ExchangeUnbindOk) => {
                "Could not remove binding due to timeout".to_owned()
            }
            _ => METADATA_TIMEOUT.to_owned(),
        };
        if self.has_channel(channel) {
            self.fail(channel, error::internal(text), out);
        }
    }

    /// A node is down: the leader of the group sees to what it leaves behind.
    pub(super) fn metadata_node_down(&mut self, node: NodeId, out: &mut Out<'_>) {
        if self.leads_metadata() {
            let has_left = self.peers.iter().any(|peer| peer.id == node && peer.leaves);
            let change = if has_left { Change::NodeLeft } else { Change::NodeDown };
            self.change(&change(node), None, out);
        }
    }

    // ---- changes ----

    fn apply_change(&mut self, change: &Change, out: &mut Out<'_>) {
        match change {
            Change::Exchange(name, declaration) => {
                if self.exchanges.get(name).is_err() {
                    let name = self.names.shared(name);
                    self.exchanges.add(name.clone(), declaration.clone());
                    self.apply_to_exchange(&name);
                    self.tell_once(Event::ExchangeDeclared { exchange: name }, out);
                }
            }
            Change::DeleteExchange(name) => {
                self.exchanges.remove(name);
                self.exchanges.take_gone();
            }
            Change::Queue(queue) => {
                if !self.queue_ids.contains_key(&*queue.name) {
                    self.queues_made += 1;
                    self.add_from(QueueId(self.queues_made), queue, out);
                }
            }
            Change::DeleteQueue(name) => {
                if let Some(id) = self.queue_ids.get(&**name).copied() {
                    self.remove_queue_here(id, out);
                }
            }
            Change::Bind(bound, adds) => self.apply_binding(bound, *adds, out),
            Change::Policy(policy, is_operator) => {
                self.policies[usize::from(*is_operator)].set(policy.clone());
                self.apply_policies(out);
            }
            Change::ClearPolicy(name, is_operator) => {
                self.policies[usize::from(*is_operator)].clear(name);
                self.apply_policies(out);
            }
            Change::NodeDown(node) => self.forget_node(*node, false, out),
            Change::NodeLeft(node) => self.forget_node(*node, true, out),
            Change::Mirror(name, turn) => self.mirrors_turn(name, *turn, out),
            Change::Mirrors(name, home, mirrors) => {
                self.mirrors_known(name, (*home, mirrors), out);
            }
            Change::Join(node) => self.joined(*node, out),
            Change::Members(name, at, members) => {
                if let Some(id) = self.queue_ids.get(&**name).copied() {
                    self.members_known(id, *at, members, out);
                }
            }
            Change::Voters(base, members) => self.voters_changed(*base, members, out),
            Change::Promotable(name, node, comes) => {
                if let Some(id) = self.queue_ids.get(&**name).copied() {
                    self.promotable_known(id, (*node, *comes), out);
                }
            }
            Change::StreamMembers(name, epoch, nodes) => {
                if let Some(id) = self.queue_ids.get(&**name).copied() {
                    self.replicas_known(id, (*epoch, nodes), out);
                }
            }
            Change::StreamRestart(name, epoch, preferred) => {
                if let Some(id) = self.queue_ids.get(&**name).copied() {
                    self.restart_known(id, (*epoch, *preferred), out);
                }
            }
            Change::StreamLed(name, epoch, leader) => {
                if let Some(id) = self.queue_ids.get(&**name).copied() {
                    self.stream_led(id, *epoch, *leader, out);
                }
            }
        }
    }

    fn apply_binding(&mut self, bound: &Bound, adds: bool, out: &mut Out<'_>) {
        let destination = match bound.to_exchange {
            true => match self.exchanges.get(&bound.destination) {
                Ok(exchange) => Destination::Exchange(exchange.name.clone()),
                Err(_) => return,
            },
            false => match self.queue_ids.get(&*bound.destination) {
                Some(id) => Destination::Queue(*id),
                None => return,
            },
        };
        let (key, arguments) = (self.names.shared(&bound.key), bound.arguments.clone());
        let binding = Binding { key: key.clone(), destination, arguments };
        let changed = match adds {
            true => self.exchanges.bind(&bound.source, binding),
            false => self.exchanges.unbind(&bound.source, &binding),
        };
        self.exchanges.take_gone();
        if changed.unwrap_or(false) && adds {
            let source = self.names.shared(&bound.source);
            let destination = self.names.shared(&bound.destination);
            self.tell_once(Event::Bound { source, destination, key }, out);
        }
    }

    /// All nodes come to the same: the one that leads tells it.
    fn tell_once(&self, event: Event, out: &mut Out<'_>) {
        if self.leads_metadata() {
            out.emit(event);
        }
    }

    /// A queue comes: here with its messages, or as what is known of one elsewhere.
    fn add_from(&mut self, id: QueueId, new: &NewQueue, out: &mut Out<'_>) {
        let name = self.names.shared(&new.name);
        let is_stream = queue_type(&new.declaration.arguments) == "stream";
        let has_members = !new.members.is_empty();
        let (is_quorum, is_shared) = (has_members && !is_stream, has_members && is_stream);
        let shared = is_shared.then_some(id);
        let storage = self.storage_of((&name, shared), &new.declaration, out.now());
        let key = (id, name.clone());
        let mut queue = Queue::new(key, new.declaration.clone(), new.exclusive, storage, out.now());
        queue.home = (!has_members && new.home != out.me()).then_some(new.home);
        queue.member = is_shared.then(|| Box::new(Member::new(new.members.clone(), new.home)));
        queue.definition = Some(Rc::new(new.clone()));
        self.add_queue(queue);
        if let Phase::Boots(_) = self.phase {
            return;
        }
        if is_quorum {
            self.begin_member(id, Files::default(), out);
            if new.home == out.me() {
                if let Some(group) = self.group_mut(id) {
                    group.campaign(id, out);
                }
                self.configure_group(id, out);
            }
        }
        self.tell_once(Event::QueueDeclared { queue: name }, out);
        self.begin_epoch(id, out);
        self.used(id, out);
        self.take_early_talk(out);
    }

    /// This node's member of a quorum queue begins, or its copy if it is no member.
    pub(super) fn begin_member(&mut self, id: QueueId, files: Files, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        let Some(definition) = queue.definition.clone() else { return };
        let members_at = queue.members_at;
        let is_new = files.is_new();
        let directory = directory(&queue.name, Some(id));
        let mut group = Group::new(&directory, &definition.members, files, out);
        if self.without.lacks(Protection::QuorumMajority) {
            group.commit_alone();
        }
        let state = group.snapshot();
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.restore(&state, &mut self.names);
        }
        group.members_at = members_at;
        group.read_changes(Command::members_in);
        group.begin(id, out);
        for node in self.nodes.iter().filter(|node| !definition.members.contains(node)) {
            group.teach(id, *node, out);
        }
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.group = Some(Box::new(group));
        }
        if !is_new {
            self.node_is_anew(id, out);
        }
    }

    /// What a node leaves behind when it is down: queues that were in its memory alone, and those
    /// of its clients.
    fn forget_node(&mut self, node: NodeId, is_shutdown: bool, out: &mut Out<'_>) {
        self.mirrors_without(node, is_shutdown, out);
        let theirs = self.queues.values().filter(|queue| {
            let definition = queue.definition.as_ref();
            let is_home = definition.is_some_and(|it| it.members.is_empty() && it.home == node);
            is_home && (!queue.declaration.durable || queue.exclusive.is_some())
        });
        let theirs: Vec<QueueId> = theirs.map(|queue| queue.id).collect();
        for id in theirs {
            self.remove_queue_here(id, out);
        }
        self.streams_without(node, out);
    }

    // ---- all of it ----

    fn metadata_state(&self) -> Bytes {
        let mut state = State { queues_made: self.queues_made, ..State::default() };
        state.changes.extend(self.joined_later().map(Change::Join));
        if let Some(group) = self.metadata.as_ref().filter(|group| group.members_at > 0) {
            state.changes.push(Change::Voters(group.members_at, group.members()));
        }
        let own = self.exchanges.iter().filter(|exchange| !exchange.predeclared);
        state
            .changes
            .extend(own.map(|it| Change::Exchange(it.name.to_string(), it.declaration.clone())));
        for (sort, policies) in self.policies.iter().enumerate() {
            let all = policies.iter().map(|policy| Change::Policy(policy.clone(), sort == 1));
            state.changes.extend(all);
        }
        for queue in self.queues.values() {
            let definition = queue.definition.as_ref().map(|it| (queue.id.0, (**it).clone()));
            state.queues.extend(definition);
            if let Some(definition) = queue.definition.as_ref().filter(|_| queue.members_at > 0) {
                let (name, members) = (queue.name.to_string(), definition.members.clone());
                state.changes.push(Change::Members(name, queue.members_at, members));
            }
            let promotable = queue.promotable.iter();
            let named = promotable.map(|it| Change::Promotable(queue.name.to_string(), *it, true));
            state.changes.extend(named);
            let mirrors = &queue.mirroring.mirrors;
            if let Some(definition) = queue.definition.as_ref().filter(|_| mirrors.made > 0) {
                let name = queue.name.to_string();
                state.changes.push(Change::Mirrors(name, definition.home, mirrors.clone()));
            }
            if let Some(member) = queue.member.as_ref().filter(|member| member.epoch > 1) {
                let (name, nodes) = (queue.name.to_string(), member.nodes.clone());
                state.changes.push(Change::StreamMembers(name.clone(), member.epoch, nodes));
                if let Some(node) = member.preferred {
                    let preferred = Some(node);
                    let change = Change::StreamRestart(name.clone(), member.epoch, preferred);
                    state.changes.push(change);
                }
                state.changes.push(Change::StreamLed(name, member.epoch, member.leader));
            }
        }
        for exchange in self.exchanges.iter() {
            for binding in exchange.bindings() {
                let to_exchange = matches!(binding.destination, Destination::Exchange(_));
                let bound = Bound {
                    source: exchange.name.to_string(),
                    destination: self.destination_name(&binding.destination).to_string(),
                    to_exchange,
                    key: binding.key.to_string(),
                    arguments: binding.arguments.clone(),
                };
                state.changes.push(Change::Bind(bound, true));
            }
        }
        postcard::to_stdvec(&state).expect("plain data can always be encoded").into()
    }

    /// Takes all definitions from a snapshot: those that are there and not in it are gone.
    fn restore_metadata(&mut self, bytes: &Bytes, out: &mut Out<'_>) {
        let Ok(state) = postcard::from_bytes::<State>(bytes) else { return };
        let kept: BTreeMap<u32, NewQueue> = state.queues.into_iter().collect();
        let gone = self.queues.keys().filter(|id| !kept.contains_key(&id.0));
        let gone: Vec<QueueId> = gone.collect();
        for id in gone {
            self.remove_queue_here(id, out);
        }
        let names: Vec<Rc<str>> = self.exchanges.iter().map(|it| it.name.clone()).collect();
        for name in names.iter().filter(|name| !name.is_empty() && !name.starts_with("amq.")) {
            self.exchanges.remove(name);
        }
        self.policies = Default::default();
        for (id, queue) in &kept {
            if !self.queues.contains_key(&QueueId(*id)) {
                self.add_from(QueueId(*id), queue, out);
            }
        }
        self.queues_made = state.queues_made;
        for change in &state.changes {
            match change {
                Change::Voters(at, members) => {
                    if let Some(group) = &mut self.metadata {
                        group.set_members(METADATA, *at, members, out);
                    }
                }
                change => self.apply_change(change, out),
            }
        }
    }

    /// When something of a group that nobody answers has to be looked at.
    pub(super) fn overdue(&mut self, id: QueueId, out: &mut Out<'_>) {
        match id {
            METADATA => self.metadata_overdue(out),
            id => self.look_at_overdue(id, out),
        }
    }

    /// True if this node leads the group of the definitions.
    pub(super) fn leads_metadata(&self) -> bool {
        self.metadata.as_ref().is_some_and(|group| group.leads())
    }

    /// True if a channel of a client of this node is open.
    pub(super) fn has_channel(&self, id: ChannelId) -> bool {
        let connection = self.connections.get(&id.client).filter(|_| id.node == self.me);
        connection.is_some_and(|connection| connection.channels.contains_key(&id.number))
    }
}
