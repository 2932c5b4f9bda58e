//! Streams that several nodes have: who leads, chunks from the leader to its replicas, confirms.
//!
//! The definitions say in which epoch a stream is and who leads. When a node is down, streams that
//! it led enter the next epoch with the same change that says so; the members stop and tell how
//! far their logs go; the node that leads the definitions has the best of them lead.

use super::Broker;
use crate::rabbit::content::Content;
use crate::rabbit::event::{Event, GroupStep};
use crate::rabbit::ids::{PublishId, QueueId};
use crate::rabbit::messages::Messages;
use crate::rabbit::process::Out;
use crate::rabbit::quorum::group::{Awaited, tell};
use crate::rabbit::storage_v2::Means;
use crate::rabbit::stream::Stream;
use crate::rabbit::stream::chunk::Mark;
use crate::rabbit::stream::member::{Copy, Member, Says};
use crate::rabbit::stream::shared::Accepted;
use crate::rabbit::talk::{Change, Talk};
use crate::sim::{MessageId, NodeId};
use bytes::Bytes;
use std::rc::Rc;

impl Broker {
    /// What this node knows of the members of a stream.
    pub(super) fn member(&mut self, id: QueueId) -> Option<&mut Member> {
        self.queues.get_mut(&id)?.member.as_deref_mut()
    }

    /// True if a queue is a stream that several nodes have.
    pub(super) fn is_shared_stream(&self, id: QueueId) -> bool {
        self.queues.get(&id).is_some_and(|queue| queue.member.is_some())
    }

    /// All such streams.
    fn shared_streams(&self) -> Vec<QueueId> {
        let all = self.queues.values().filter(|queue| queue.member.is_some());
        all.map(|queue| queue.id).collect()
    }

    pub(super) fn with_stream<R>(
        &mut self,
        id: QueueId,
        out: &mut Out<'_>,
        act: impl FnOnce(&mut Stream, &crate::rabbit::rules::Rules, &mut Means<'_, '_>) -> R,
    ) -> Option<R> {
        let acted = self.with_queue(id, out, |queue, means| match &mut queue.storage {
            Messages::Stream(stream) => Some(act(stream, &queue.rules, means)),
            _ => None,
        });
        acted.flatten()
    }

    /// True if this node has a member of a stream.
    pub(super) fn has_member(&self, id: QueueId) -> bool {
        let member = self.queues.get(&id).and_then(|queue| queue.member.as_ref());
        member.is_some_and(|member| member.nodes.contains(&self.me))
    }

    fn leads_stream(&self, id: QueueId) -> bool {
        let member = self.queues.get(&id).and_then(|queue| queue.member.as_ref());
        member.is_some_and(|member| member.leader == Some(self.me))
    }

    // ---- publishers of this node ----

    /// A client of this node publishes to a stream.
    pub(super) fn publish_to_stream(
        &mut self,
        id: QueueId,
        content: &Rc<Content>,
        confirm: Option<PublishId>,
        out: &mut Out<'_>,
    ) {
        let awaited = confirm.map(Awaited::Confirm).or(self.sender.map(Awaited::Sent));
        let Some(member) = self.member(id) else { return };
        let number = member.publishes(content.clone(), awaited);
        self.hand_on(id, number, content.clone(), out);
    }

    fn hand_on(&mut self, id: QueueId, number: u64, content: Rc<Content>, out: &mut Out<'_>) {
        let (me, life) = (self.me, self.began.micros());
        match self.member(id).and_then(|member| member.leader) {
            Some(leader) if leader == me => self.accept(id, me, (life, number), &content, out),
            Some(leader) => {
                tell(leader, Talk::Stream(id, Says::Publish { life, number, content }), out);
            }
            None => {}
        }
    }

    /// What is not confirmed goes to the leader again.
    fn hand_on_all(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(member) = self.member(id) else { return };
        let all: Vec<(u64, Rc<Content>)> =
            member.pending.iter().map(|it| (it.number, it.content.clone())).collect();
        for (number, content) in all {
            self.hand_on(id, number, content, out);
        }
    }

    /// Messages of this node's clients are committed.
    fn stream_confirmed(&mut self, id: QueueId, (life, number): (u64, u64), out: &mut Out<'_>) {
        if life != self.began.micros() {
            return;
        }
        while let Some(awaited) = self.member(id).and_then(|member| member.confirmed(number)) {
            if let Some(Awaited::Confirm(publish)) = awaited {
                self.confirms.push(publish);
            }
            if let Some(channel) = awaited.as_ref().and_then(Awaited::channel) {
                self.has_applied(channel, id);
            }
        }
        self.confirm(id, out);
    }

    // ---- the leader ----

    fn accept(
        &mut self,
        id: QueueId,
        node: NodeId,
        (life, number): (u64, u64),
        content: &Rc<Content>,
        out: &mut Out<'_>,
    ) {
        let mark = Mark { node, life, number };
        match self.with_stream(id, out, |stream, _, _| stream.accept(mark, content)) {
            Some(Accepted::Yes) => self.see_to_timers(id, out),
            Some(Accepted::Known(number)) => self.tell_confirmed(id, Mark { number, ..mark }, out),
            _ => {}
        }
    }

    fn tell_confirmed(&mut self, id: QueueId, mark: Mark, out: &mut Out<'_>) {
        let Mark { node, life, number } = mark;
        if node == self.me {
            self.stream_confirmed(id, (life, number), out);
        } else {
            tell(node, Talk::Stream(id, Says::Confirmed { life, number }), out);
        }
    }

    /// The log of the leader has grown, or a replica has more: what a majority has is committed,
    /// and replicas that wait get what is there.
    pub(super) fn stream_moved(&mut self, id: QueueId, out: &mut Out<'_>) {
        if !self.leads_stream(id) {
            return;
        }
        let own = self.with_stream(id, out, |stream, _, _| (stream.next, stream.committed()));
        let Some((own, before)) = own else { return };
        let Some(member) = self.member(id) else { return };
        let Some(committed) = member.committed(own) else { return self.feed_all(id, 0, out) };
        let is_new = !std::mem::replace(&mut member.is_announced, true);
        let marks =
            self.with_stream(id, out, |stream, _, means| stream.commit_to(committed, means));
        if is_new {
            self.announce_stream(id, out);
            self.change_replicas(id, out);
        }
        for mark in marks.unwrap_or_default() {
            self.tell_confirmed(id, mark, out);
        }
        self.feed_all(id, committed, out);
        if is_new || committed > before {
            self.run(id, out);
        }
    }

    /// The replicas that wait are sent what is there; or what is committed, if that is news.
    fn feed_all(&mut self, id: QueueId, committed: u64, out: &mut Out<'_>) {
        let Some(member) = self.member(id) else { return };
        let waiting = member.copies.iter().filter(|copy| !copy.is_asked);
        let waiting: Vec<(NodeId, u64)> = waiting.map(|copy| (copy.node, copy.told)).collect();
        for (node, told) in waiting {
            if !self.feed(id, node, out) && told < committed {
                self.send_chunks(id, node, Bytes::new(), out);
            }
        }
    }

    /// A replica is sent what is read for it. False if there is nothing.
    fn feed(&mut self, id: QueueId, node: NodeId, out: &mut Out<'_>) -> bool {
        let read =
            self.with_stream(id, out, |stream, _, means| stream.next_feed(node, id, means.out));
        let bytes = read.unwrap_or_default();
        if bytes.is_empty() {
            return false;
        }
        let Some(member) = self.member(id) else { return false };
        if let Some(copy) = member.copies.iter_mut().find(|copy| copy.node == node) {
            copy.is_asked = true;
        }
        self.send_chunks(id, node, bytes, out);
        true
    }

    fn send_chunks(&mut self, id: QueueId, node: NodeId, bytes: Bytes, out: &mut Out<'_>) {
        let committed = self.with_stream(id, out, |stream, _, _| stream.committed());
        let Some(member) = self.member(id) else { return };
        // Before a majority is in step nothing of what is there is known to be committed.
        let committed = committed.filter(|_| member.is_announced).unwrap_or(0);
        if let Some(copy) = member.copies.iter_mut().find(|copy| copy.node == node) {
            copy.told = committed;
        }
        let Member { epoch, start, .. } = *member;
        tell(node, Talk::Stream(id, Says::Chunks { epoch, start, bytes, committed }), out);
    }

    /// A leader tells what is there, for those who have not heard of it.
    fn announce_stream(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        let Messages::Stream(stream) = &queue.storage else { return };
        let committed = stream.committed();
        let all: Vec<(u64, MessageId)> =
            stream.iter().take_while(|(offset, _)| *offset < committed).collect();
        let name = queue.name.clone();
        out.emit(Event::Applies(GroupStep::All(id.0, committed)));
        out.emit(Event::QueueRecovered { queue: name.clone(), messages: all.len() as u64 });
        for (position, message) in all {
            out.emit(Event::Recovered { queue: name.clone(), message, position });
        }
        out.emit(Event::Applies(GroupStep::End));
    }

    // ---- epochs ----

    /// An epoch of a stream has begun, as the definitions say.
    pub(super) fn stream_led(
        &mut self,
        id: QueueId,
        epoch: u64,
        leader: Option<NodeId>,
        out: &mut Out<'_>,
    ) {
        let Some(member) = self.member(id) else { return };
        let is_next = epoch > member.epoch || epoch == member.epoch && member.leader.is_none();
        if !is_next {
            return;
        }
        member.enter(epoch, leader);
        if !matches!(self.phase, super::Phase::Boots(_)) {
            self.begin_epoch(id, out);
            self.resize_again(id, out);
            self.restarted(id, out);
        }
    }

    /// The node serves: its members lead, follow or stop.
    pub(super) fn begin_epochs(&mut self, out: &mut Out<'_>) {
        for id in self.shared_streams() {
            self.begin_epoch(id, out);
        }
    }

    /// A node is down: streams that it led have no leader.
    pub(super) fn streams_without(&mut self, node: NodeId, out: &mut Out<'_>) {
        for id in self.shared_streams() {
            let Some(member) = self.member(id).filter(|it| it.leader == Some(node)) else {
                continue;
            };
            let epoch = member.epoch + 1;
            self.stream_led(id, epoch, None, out);
        }
    }

    /// This node's member does what the epoch asks of it: leads, follows, or stops.
    pub(super) fn begin_epoch(&mut self, id: QueueId, out: &mut Out<'_>) {
        let (me, has_member) = (self.me, self.has_member(id));
        let Some(member) = self.member(id) else { return };
        let (epoch, leader) = (member.epoch, member.leader);
        if has_member {
            let leads = leader == Some(me);
            let next = self.with_stream(id, out, |stream, _, means| {
                stream.begin_epoch(epoch, leads);
                if leads {
                    stream.in_step(epoch, means.out);
                }
                stream.next
            });
            match leader {
                Some(leader) if leader == me => {
                    if let Some(member) = self.member(id) {
                        member.start = next.unwrap_or(0);
                    }
                    let (queue, node) = (self.queues[&id].name.clone(), self.name.clone());
                    out.emit(Event::LeaderElected { queue, node, term: epoch });
                    self.stream_moved(id, out);
                    self.followed_early(id, out);
                }
                Some(_) => self.follow_stream(id, out),
                None => self.tell_tail(id, out),
            }
        } else {
            self.drop_replica(id, out);
        }
        self.hand_on_all(id, out);
    }

    /// A member that has stopped tells all nodes how far its log goes.
    fn tell_tail(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(tail) = self.with_stream(id, out, |stream, _, _| stream.tail()) else { return };
        let Some(member) = self.member(id) else { return };
        let epoch = member.epoch;
        for peer in &self.peers {
            tell(peer.id, Talk::Stream(id, Says::Tail { epoch, tail }), out);
        }
        let me = self.me;
        self.hear_tail(id, me, tail, out);
    }

    fn hear_tail(&mut self, id: QueueId, from: NodeId, tail: (u64, u64), out: &mut Out<'_>) {
        if let Some(member) = self.member(id) {
            member.tails.retain(|(node, _)| *node != from);
            member.tails.push((from, tail));
        }
        self.choose_leader(id, out);
    }

    /// The node that leads the definitions chooses who leads a stream.
    fn choose_leader(&mut self, id: QueueId, out: &mut Out<'_>) {
        if !self.leads_metadata() {
            return;
        }
        let Some(queue) = self.queues.get(&id) else { return };
        let Some(member) = queue.member.as_ref() else { return };
        if let Some(best) = member.best() {
            let change = Change::StreamLed(queue.name.to_string(), member.epoch, Some(best));
            self.change(&change, None, out);
        }
    }

    /// Now and then, and when another node leads the definitions: what was lost on the way is said
    /// again.
    pub(super) fn streams_again(&mut self, out: &mut Out<'_>) {
        for id in self.shared_streams() {
            let Some(member) = self.member(id) else { continue };
            let leader = member.leader;
            match leader {
                None if self.has_member(id) => self.tell_tail(id, out),
                None => self.choose_leader(id, out),
                Some(leader) if leader != self.me && self.has_member(id) => {
                    self.follow_stream(id, out);
                }
                _ => {}
            }
            self.hand_on_all(id, out);
        }
    }

    // ---- the replicas ----

    fn follow_stream(&mut self, id: QueueId, out: &mut Out<'_>) {
        let known = self.with_stream(id, out, |stream, _, _| (stream.last_epoch(), stream.next));
        let Some(member) = self.queues.get(&id).and_then(|it| it.member.as_ref()) else { return };
        if let (Some((last, next)), Some(leader)) = (known, member.leader) {
            let epoch = member.epoch;
            tell(leader, Talk::Stream(id, Says::Follow { epoch, last, next }), out);
        }
    }

    /// A replica wants to follow: from where, or it has to cut its log first.
    fn followed(&mut self, id: QueueId, from: NodeId, (last, next): (u64, u64), out: &mut Out<'_>) {
        let begun = self.with_stream(id, out, |stream, _, _| {
            let (known, to) = stream.end_of_epoch(last);
            let is_same = (known == last || next == 0) && next <= to && next >= stream.first();
            if is_same {
                stream.begin_feed(from, next);
                return None;
            }
            Some((known, to, stream.first()))
        });
        let Some(member) = self.member(id) else { return };
        match begun {
            Some(None) => {
                member.copies.retain(|copy| copy.node != from);
                member.copies.push(Copy { node: from, next, is_asked: false, told: 0 });
                self.stream_moved(id, out);
                self.send_chunks(id, from, Bytes::new(), out);
            }
            Some(Some((last, to, first))) => {
                let epoch = member.epoch;
                tell(from, Talk::Stream(id, Says::Cut { epoch, last, to, first }), out);
            }
            None => {}
        }
    }

    /// Those follow that knew of the epoch before its leader did.
    fn followed_early(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(member) = self.member(id) else { return };
        let epoch = member.epoch;
        let early = std::mem::take(&mut member.early);
        for (node, _, log) in early.into_iter().filter(|(_, of, _)| *of == epoch) {
            self.followed(id, node, log, out);
        }
    }

    fn cut_stream(&mut self, id: QueueId, (last, to, first): (u64, u64, u64), out: &mut Out<'_>) {
        self.with_stream(id, out, |stream, _, means| {
            let to = to.min(stream.end_of_epoch(last).1).min(stream.next);
            // What the leader's retention has deleted is not needed here either.
            if stream.next < first || !stream.truncate(to, means.out) {
                stream.begin_at(first, means.out);
            }
        });
        self.follow_stream(id, out);
    }

    fn take_chunks(
        &mut self,
        id: QueueId,
        from: NodeId,
        (start, bytes, committed): (u64, &Bytes, u64),
        out: &mut Out<'_>,
    ) {
        let Some(member) = self.member(id) else { return };
        let epoch = member.epoch;
        let next = self.with_stream(id, out, |stream, rules, means| {
            stream.append_chunks(bytes, rules, means);
            stream.commit_to(committed, means);
            if stream.next >= start {
                stream.in_step(epoch, means.out);
            }
            stream.next
        });
        if let Some(next) = next.filter(|_| !bytes.is_empty()) {
            tell(from, Talk::Stream(id, Says::Have { epoch, next }), out);
        }
        self.run(id, out);
    }

    // ---- what others say ----

    /// Another node says something about a stream.
    pub(super) fn hear_of_stream(
        &mut self,
        from: NodeId,
        id: QueueId,
        says: &Says,
        out: &mut Out<'_>,
    ) {
        let (me, has_member) = (self.me, self.has_member(id));
        let Some(member) = self.member(id) else { return };
        let (epoch, leads) = (member.epoch, member.leader == Some(me));
        let is_led_by_it = member.leader == Some(from) && has_member;
        match says {
            Says::Publish { life, number, content } if leads => {
                self.accept(id, from, (*life, *number), content, out);
            }
            Says::Confirmed { life, number } => self.stream_confirmed(id, (*life, *number), out),
            Says::Follow { epoch: its, last, next } if leads && *its == epoch => {
                self.followed(id, from, (*last, *next), out);
            }
            Says::Follow { epoch: its, last, next } if *its >= epoch => {
                member.early.retain(|(node, ..)| *node != from);
                member.early.push((from, *its, (*last, *next)));
            }
            Says::Cut { epoch: its, last, to, first } if is_led_by_it && *its == epoch => {
                self.cut_stream(id, (*last, *to, *first), out);
            }
            Says::Chunks { epoch: its, start, bytes, committed }
                if is_led_by_it && *its == epoch =>
            {
                self.take_chunks(id, from, (*start, bytes, *committed), out);
            }
            Says::Have { epoch: its, next } if leads && *its == epoch => {
                if let Some(copy) = member.copies.iter_mut().find(|copy| copy.node == from) {
                    copy.is_asked = false;
                    copy.next = copy.next.max(*next);
                }
                self.stream_moved(id, out);
            }
            Says::Resize { epoch: its, node, comes } if leads && *its == epoch => {
                self.want_replica(id, (*node, *comes), out);
            }
            Says::Tail { epoch: its, tail } if *its == epoch && member.leader.is_none() => {
                self.hear_tail(id, from, *tail, out);
            }
            _ => {}
        }
    }
}
