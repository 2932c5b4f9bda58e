//! A broker node.
//!
//! Clients open connections and channels; channels declare, bind, publish, consume, get and
//! acknowledge; exchanges choose queues; queues push to consumers. Everything stands in the file of
//! its name:
//!
//! - `boot`: from files to a serving broker, and the way back at a clean stop;
//! - `connections`: connections, channels, and what an error closes;
//! - `declare`: queues come and go;
//! - `bind`: exchanges and bindings come and go;
//! - `keep`: definitions are kept on the disk;
//! - `publish`: from an exchange to queues, returns and confirms;
//! - `transaction`: publishes and acknowledgements that wait for a commit;
//! - `flow`: connections are not read while a quorum queue lags behind;
//! - `blocking`: connections are not read while memory or disk run out;
//! - `timeout`: deliveries that are not acknowledged in time;
//! - `quorum`: queues whose every change goes through a log first;
//! - `bury`: messages that died go to dead letter exchanges;
//! - `graves`: those that are kept until they are safe there;
//! - `jms`: destinations of an older broker, in the place of exchanges;
//! - `policies`: what queues and exchanges keep to, beside their arguments;
//! - `deliver`: consumers, pushes, gets, acknowledgements;
//! - `arguments`: what may be declared, and when a declaration is the same as another;
//! - `nodes`: the other nodes of the cluster;
//! - `suspects`: what quorum queues are told of nodes that cannot be reached;
//! - `heal`: what a node does when it is cut off, and after that;
//! - `metadata`: definitions are the same on all nodes;
//! - `mirrors`: who mirrors a classic queue, and who takes its master's place;
//! - `mirroring`: what masters and mirrors say to each other;
//! - `members`: members of quorum queues come and go, leaders move;
//! - `promotion`: who has a log and no vote about it yet;
//! - `remote`: classic queues that live on another node;
//! - `room`: the prefetch of whole channels, where queues live on other nodes;
//! - `streams`: streams that several nodes have;
//! - `replicas`: who has them comes and goes;
//! - `manage`: what tools change;
//! - `maintenance`: a node makes ready for being stopped;
//! - `lists`: what tools and the lab may look at.
//!
//! Simplified: connections that come while it boots wait until it serves, where a real node refuses
//! them.

pub mod arguments;
mod bind;
pub mod blocking;
mod boot;
mod bury;
mod connections;
mod declare;
mod deliver;
pub mod flow;
mod graves;
mod heal;
pub mod jms;
mod keep;
mod lists;
mod maintenance;
mod manage;
mod members;
mod metadata;
mod mirroring;
mod mirrors;
pub mod nodes;
mod policies;
mod promotion;
mod publish;
mod quorum;
mod remote;
mod replicas;
mod room;
mod streams;
mod suspects;
mod timeout;
pub mod transaction;

use super::alarms::Alarms;
use super::channel::Mode;
use super::command::Answer;
use super::death::DeadLetter;
use super::exchange::Exchanges;
use super::ids::{ChannelId, PublishId, QueueId};
use super::limits::Limits;
use super::message::{Frame, Method};
use super::messages::Messages;
use super::names::Names;
use super::policy::Policies;
use super::process::{Out, Process, Ticket, Timer};
use super::profile::Profile;
use super::protection::{WITHOUT, Without};
use super::queue::Queue;
use super::quorum::command::Command;
use super::quorum::group::{Group, tell};
use super::quorum::suspects::setting as disconnected_timeout;
use super::settings::ENGINE;
use super::spec::Settings;
use super::storage_v2::Means;
use super::storage_v2::message_store::MessageStore;
use super::talk::{METADATA, Talk};
use crate::ordered::{BTreeMap, BTreeSet, Slots};
use crate::sim::{Input, NodeId, Span, Time};
use boot::Boot;
use connections::Connection;
pub use connections::{HEARTBEAT_INTERVAL, SILENCE_MAX};
use graves::Burials;
use heal::Handling;
pub use metadata::METADATA_TIMEOUT;
use nodes::Peer;
use std::collections::VecDeque;
use std::rc::Rc;

/// The write buffer of a queue waits so long at the most.
const WRITE_INTERVAL: Span = Span::millis(200);

/// A broker node.
#[derive(Clone, Debug)]
pub struct Broker {
    name: Rc<str>,
    /// Its id, once it has begun.
    me: NodeId,
    /// All nodes of the cluster; none if it is alone.
    nodes: Vec<NodeId>,
    /// The others, as it knows them.
    peers: Vec<Peer>,
    /// When its process began.
    began: Time,
    /// What it does about a cut of the network.
    handling: Handling,
    /// After a cut: each node that said so, who was on its side, and its clients.
    sides: Vec<(NodeId, Vec<NodeId>, u64)>,
    settings: Settings,
    /// The group that keeps the definitions of a cluster.
    metadata: Option<Box<Group>>,
    /// What is to be said when a change of the definitions is done, in the order of the changes.
    answers: Vec<(ChannelId, Method)>,
    /// Tools that wait for lists of other nodes: of which, and what is known.
    asking: Vec<(ChannelId, Vec<NodeId>, Answer)>,
    /// Tools that wait until members have come or gone.
    resizing: Vec<members::Resizing>,
    /// Tools that wait until a stream is led in this epoch or a later one.
    restarting: Vec<(ChannelId, QueueId, u64)>,
    /// What other nodes said that has to wait.
    early_talk: Vec<(NodeId, Rc<Talk>)>,
    profile: Profile,
    /// Protections that are left out.
    without: Without,
    /// What it does before it serves, and after it was asked to end.
    phase: Phase,
    exchanges: Exchanges,
    queues: Slots<QueueId, Queue>,
    queue_ids: BTreeMap<Rc<str>, QueueId>,
    queues_made: u32,
    connections: Slots<NodeId, Connection>,
    message_store: MessageStore,
    names: Names,
    limits: Limits,
    alarms: Alarms,
    /// Why publishers are blocked now.
    alarm: Option<&'static str>,
    /// True while a timer will look at memory and disk.
    has_monitor: bool,
    /// Deliveries must be acknowledged within so long (`consumer_timeout`).
    consumer_timeout: Option<Span>,
    /// What is held on a node that cannot be reached comes back after so long
    /// (`consumer_disconnected_timeout`, from 4.3 on).
    disconnected: Span,
    /// True if consumers of a node that cannot be reached are suspected first (from 4.3 on).
    suspects_first: bool,
    /// So many messages of a channel a quorum queue may have to apply.
    soft_limit: u32,
    /// How many a classic queue of another node may have to deal with.
    credit: super::credit::Spec,
    /// Those of users, and those of operators.
    policies: [Policies; 2],
    /// Queues with confirms that wait for the write buffer.
    unwritten: BTreeSet<QueueId>,
    /// Answers that wait until a definition is safe.
    replies: BTreeMap<u64, (ChannelId, Method)>,
    replies_made: u64,
    /// Empty between steps: channels whose publishers have to be told something.
    news: BTreeSet<ChannelId>,
    /// Empty between queues: publishes that are safe now.
    confirms: Vec<PublishId>,
    /// Empty between steps: what died and was not published to its dead letter exchange yet.
    dead: VecDeque<DeadLetter>,
    /// Dead letters that are kept until they are safe.
    burials: Burials,
    /// The channel of the message that is given to queues.
    sender: Option<ChannelId>,
    /// Empty between publishes: the queues of a message.
    routed: Vec<QueueId>,
    /// The queues of the last message, and their names: those of the next one are often the same.
    last_routed: (Vec<QueueId>, Rc<[Rc<str>]>),
    /// True while it is under maintenance: no client may connect, and others lead.
    is_drained: bool,
    /// True while a connection is not read for a queue that lags behind.
    waits: bool,
    /// When the work of this step is done.
    busy_until: Time,
}

#[derive(Clone, Debug)]
enum Phase {
    Boots(Box<Boot>),
    Serves,
    /// It sees a minority of the nodes, and waits.
    Paused,
    /// So many flushes are under way; then it ends.
    Stops(usize),
}

impl Broker {
    /// A broker that has not started.
    pub fn new(name: Rc<str>, settings: &Settings) -> Broker {
        let profile = settings.get("profile").and_then(|name| Profile::named(name));
        let profile = profile.unwrap_or_default();
        Broker {
            name,
            me: NodeId(0),
            nodes: nodes::nodes(settings),
            peers: Vec::new(),
            began: Time::ZERO,
            handling: heal::handling(settings, profile),
            sides: Vec::new(),
            settings: settings.clone(),
            metadata: None,
            answers: Vec::new(),
            asking: Vec::new(),
            resizing: Vec::new(),
            restarting: Vec::new(),
            early_talk: Vec::new(),
            profile,
            without: settings.get(WITHOUT).map_or_else(Without::default, |list| Without::of(list)),
            alarms: blocking::alarms(settings, profile),
            alarm: None,
            has_monitor: false,
            consumer_timeout: timeout::setting(settings),
            disconnected: disconnected_timeout(settings),
            suspects_first: profile == Profile::V4_3 && !settings.contains_key(ENGINE),
            soft_limit: flow::soft_limit(settings),
            credit: flow::credit(settings),
            phase: Phase::Boots(Box::default()),
            exchanges: Exchanges::default(),
            queues: Slots::new(),
            queue_ids: BTreeMap::new(),
            queues_made: 0,
            connections: Slots::new(),
            message_store: MessageStore::new(0),
            names: Names::default(),
            limits: Limits::default(),
            policies: Default::default(),
            unwritten: BTreeSet::new(),
            replies: BTreeMap::new(),
            replies_made: 0,
            news: BTreeSet::new(),
            confirms: Vec::new(),
            dead: VecDeque::new(),
            burials: Burials::default(),
            sender: None,
            routed: Vec::new(),
            last_routed: Default::default(),
            is_drained: false,
            waits: false,
            busy_until: Time::ZERO,
        }
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        self.busy_until = out.now();
        self.me = out.me();
        if matches!(self.phase, Phase::Stops(_)) && !matches!(input, Input::Flushed { .. }) {
            return;
        }
        match input {
            Input::Start => self.boot(out),
            Input::Stop => self.stop(out),
            Input::Message { from, body } => self.take(from, body, out),
            Input::Closed { peer } => {
                if let Phase::Boots(boot) = &mut self.phase {
                    boot.early.retain(|(from, _)| *from != peer);
                }
                self.connection_lost(peer, out);
                self.node_down(peer, out);
            }
            Input::Timer(timer) => self.wake(timer, out),
            Input::Read { ticket, bytes } => self.was_read(ticket, &bytes, out),
            Input::Flushed { ticket } => self.was_flushed(&ticket, out),
            Input::Command(_) => {}
        }
        if self.waits {
            self.read_again(out);
        }
        if !self.dead.is_empty() || !self.burials.are_none() {
            self.bury(out);
        }
        if !self.news.is_empty() {
            self.tell_news(out);
        }
        out.work(self.busy_until.since(out.now()));
    }

    #[inline(always)]
    fn take(&mut self, from: NodeId, frame: Frame, out: &mut Out<'_>) {
        if let Method::Between(talk) = &frame.method {
            return self.between(from, talk, out);
        }
        match &mut self.phase {
            Phase::Paused => self.refuse_client(from, &frame, out),
            Phase::Boots(boot) => boot.early.push_back((from, frame)),
            Phase::Serves => self.frame(from, frame, out),
            Phase::Stops(_) => {}
        }
    }

    fn wake(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Idle => {
                for queue in std::mem::take(&mut self.unwritten) {
                    self.write(queue, out);
                }
            }
            Timer::Write(queue) => {
                if let Some(found) = self.queues.get_mut(&queue) {
                    found.has_timer = false;
                    self.see_to_timers(queue, out);
                }
            }
            Timer::Ttl(queue) => {
                if let Some(found) = self.queues.get_mut(&queue) {
                    found.ttl_timer = Time::NEVER;
                    self.look_at_head(queue, out);
                }
            }
            Timer::Expire(queue) => {
                self.remove_queue(queue, out);
            }
            Timer::Graves(queue) => drop(self.burials.queues.insert(queue)),
            Timer::Heartbeat(client) => self.heartbeat(client, out),
            Timer::NodeTick => self.node_tick(out),
            Timer::Heal => self.heal(out),
            Timer::Group(METADATA) => {
                if let Some(group) = &mut self.metadata {
                    group.tick(METADATA, out);
                }
                self.metadata_moved(out);
            }
            Timer::Group(queue) => {
                if let Some(group) = self.group_mut(queue) {
                    group.tick(queue, out);
                }
                self.group_moved(queue, out);
            }
            Timer::Overdue(queue) => self.overdue(queue, out),
            Timer::Monitor => {
                self.has_monitor = false;
                self.monitor(out);
            }
            Timer::ChannelTick(channel) => self.channel_tick(channel, out),
            _ => {}
        }
    }

    fn was_flushed(&mut self, ticket: &Ticket, out: &mut Out<'_>) {
        if let Ticket::Group { queue: METADATA } = ticket {
            if !matches!(self.phase, Phase::Stops(_)) {
                self.metadata_flushed(out);
            }
        } else if let Ticket::Group { queue } = ticket {
            if !matches!(self.phase, Phase::Stops(_)) {
                self.group_flushed(*queue, out);
            }
        } else if let Ticket::Snapshot { queue } = ticket {
            if !matches!(self.phase, Phase::Stops(_)) {
                self.snapshot_flushed(*queue, out);
            }
        } else if let Phase::Stops(flushes) = &mut self.phase {
            *flushes = flushes.saturating_sub(1);
            if *flushes == 0 {
                out.exit();
            }
        } else if let Ticket::Defined { reply } = ticket
            && let Some((channel, method)) = self.replies.remove(reply)
        {
            self.send(channel, method, out);
        }
    }

    /// Says something on a channel.
    fn send(&self, channel: ChannelId, method: Method, out: &mut Out<'_>) {
        if channel.node != self.me {
            tell(channel.node, Talk::Say(channel, method), out);
        } else if self.connections.contains_key(&channel.client) {
            out.send(channel.client, Frame { channel: channel.number, method });
        }
    }

    // ---- queues at work ----

    /// True if this node is the one that looks after a queue: it lives here, or is led from here.
    fn sees_to(&self, queue: &Queue) -> bool {
        let group = queue.group.as_ref();
        queue.home.is_none()
            && group
                .is_none_or(|group| !group.is_replaying && (!self.is_clustered() || group.leads()))
    }

    /// Lets a queue do something; what is safe by that is confirmed.
    #[inline(always)]
    fn with_queue<R>(
        &mut self,
        id: QueueId,
        out: &mut Out<'_>,
        act: impl FnOnce(&mut Queue, &mut Means<'_, '_>) -> R,
    ) -> Option<R> {
        let queue = self.queues.get_mut(&id)?;
        let group = queue.group.as_ref();
        let mut means = Means {
            now: group.map_or(out.now(), |group| group.time),
            is_silent: group.is_some_and(|group| group.is_replaying),
            out,
            message_store: &mut self.message_store,
            confirms: &mut self.confirms,
            names: &mut self.names,
            limits: &mut self.limits,
            dead: &mut self.dead,
        };
        let result = act(queue, &mut means);
        if queue.graves.count() > 0 {
            self.burials.queues.insert(id);
        }
        if queue.storage.has_news() {
            let news = queue.storage.take_news();
            self.tell_mirrors(id, news, out);
        }
        if !self.confirms.is_empty() {
            self.confirm(id, out);
        }
        if self.limits.asks() {
            self.ask_for_room(out);
        }
        Some(result)
    }

    /// A queue works on a message for so long: the step takes until then.
    #[inline(always)]
    fn charge(&mut self, id: QueueId, work: Span, now: Time) {
        if work.is_zero() {
            return;
        }
        if let Some(queue) = self.queues.get_mut(&id) {
            self.busy_until = self.busy_until.max(now + queue.works(now, work));
        }
    }

    /// Confirms what a queue has made safe.
    fn confirm(&mut self, id: QueueId, out: &mut Out<'_>) {
        if self.is_clustered() {
            self.confirm_mirrored(id, out);
        }
        self.confirm_now(id, out);
    }

    /// Confirms what is safe, and known to be so everywhere.
    fn confirm_now(&mut self, id: QueueId, out: &mut Out<'_>) {
        if self.is_clustered() {
            self.confirm_elsewhere(id, out);
        }
        for PublishId { channel, number } in self.confirms.drain(..) {
            if graves::is_own(PublishId { channel, number }) {
                self.burials.confirm(number, id);
                continue;
            }
            let connection = self.connections.get_mut(&channel.client);
            let channels = connection.map(|connection| &mut connection.channels);
            let found = channels.and_then(|channels| channels.get_mut(&channel.number));
            match found.map(|found| &mut found.mode) {
                Some(Mode::Confirm(confirming)) => {
                    if !confirming.waiting.confirm(number, &id) {
                        continue;
                    }
                    confirming.acknowledge(number);
                    self.news.insert(channel);
                }
                Some(Mode::Transaction(transaction)) => {
                    transaction.confirm(number, &id);
                    self.news.insert(channel);
                }
                _ => {}
            }
        }
    }

    /// A queue is used now, or is not any more: if it is to go when it was unused for long enough,
    /// that begins anew.
    fn used(&self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        if !self.sees_to(queue) {
            return;
        }
        if let Some(expires) = queue.rules.expires {
            match queue.consumers.trusted() {
                0 => out.timer(Timer::Expire(id), expires),
                _ => out.cancel(Timer::Expire(id)),
            }
        }
    }

    /// Writes the buffer of a queue out.
    fn write(&mut self, id: QueueId, out: &mut Out<'_>) {
        let is_stream = self.with_queue(id, out, |queue, means| {
            queue.storage.flush(&queue.rules, means);
            queue.write_by = None;
            matches!(queue.storage, Messages::Stream(_))
        });
        if is_stream == Some(true) {
            self.stream_moved(id, out);
            self.run(id, out);
        }
    }

    /// What is too much at the head of a queue goes, and what has expired.
    fn look_at_head(&mut self, id: QueueId, out: &mut Out<'_>) {
        if self.is_quorum(id) {
            return self.submit(id, &Command::Expire, None, out);
        }
        self.with_queue(id, out, |queue, means| {
            queue.drop_excess(means);
            queue.drop_expired(means);
        });
        self.see_to_timers(id, out);
    }

    /// Sets the timers that a queue needs.
    #[inline(always)]
    fn see_to_timers(&mut self, id: QueueId, out: &mut Out<'_>) {
        if self.queues.get(&id).is_some_and(|queue| !queue.needs_no_timer()) {
            self.set_timers(id, out);
        }
    }

    fn set_timers(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        if !self.sees_to(queue) {
            if queue.mirroring.held.is_some() {
                self.see_to_writing(id, out);
            }
            return;
        }
        if queue.storage.is_empty() && !queue.storage.is_unwritten() && queue.write_by.is_none() {
            return;
        }
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let expires = queue.storage.front_expires().min(queue.storage.next_due());
        let expires = expires.min(queue.suspicion_due());
        // A head that is being read cannot go yet: it is looked at when it is there.
        if expires < queue.ttl_timer && !queue.storage.reads_front() {
            // In whole milliseconds from now: up to one late.
            let after = expires.since(out.now()).as_micros().div_ceil(1_000);
            queue.ttl_timer = out.now() + Span::millis(after);
            out.timer_at(Timer::Ttl(id), queue.ttl_timer);
        }
        self.see_to_writing(id, out);
    }

    /// Sees to it that what a queue has to write is written: as soon as nothing else is waiting
    /// if a confirm waits for it, in any case after 200 ms.
    fn see_to_writing(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if !queue.storage.is_unwritten() {
            queue.write_by = None;
            return;
        }
        let write_by = *queue.write_by.get_or_insert(out.now() + WRITE_INTERVAL);
        if out.now() >= write_by {
            return self.write(id, out);
        }
        if queue.storage.owes_confirms() {
            self.unwritten.insert(id);
            // Behind everything that is there already.
            out.timer(Timer::Idle, Span::ZERO);
        } else if !queue.has_timer {
            queue.has_timer = true;
            out.timer_at(Timer::Write(id), write_by);
        }
    }
}
