//! What a master and its mirrors say to each other, and which publishes they all have.

use super::Broker;
use super::publish::work_of;
use crate::rabbit::content::Content;
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::mirror::{Came, Mirror, Step, Turn};
use crate::rabbit::process::Out;
use crate::rabbit::queue::Published;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::talk::{Change, Talk};
use crate::sim::NodeId;
use std::rc::Rc;

impl Broker {
    // ---- at the master ----

    /// A mirror begins: it is told what it lacks.
    pub(super) fn begin_mirror(&mut self, id: QueueId, mirror: Mirror, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let messages = queue.all_messages();
        let mut told: crate::rabbit::mirror::master::Told = (&mirror).into();
        told.is_complete = false;
        told.lacks = messages.iter().map(|(seq, _)| *seq).collect();
        queue.mirroring.told.push(told);
        let complete = queue.mirroring.complete();
        let epoch = queue.mirroring.mirrors.epoch;
        tell(mirror.node, Talk::Mirror(id, epoch, Step::Begin(mirror.number, messages)), out);
        self.say_complete(id, complete, out);
    }

    /// Mirrors lack nothing: that is a change of the definitions.
    fn say_complete(&mut self, id: QueueId, numbers: Vec<u64>, out: &mut Out<'_>) {
        for number in numbers {
            let name = self.queues[&id].name.to_string();
            self.change(&Change::Mirror(name, Turn::Synchronised(number)), None, out);
        }
    }

    /// What happened to the queue is told to its mirrors.
    pub(super) fn tell_mirrors(&mut self, id: QueueId, news: Vec<Step>, out: &mut Out<'_>) {
        let me = self.me;
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let epoch = queue.mirroring.mirrors.epoch;
        let mut complete = Vec::new();
        for step in news {
            complete.extend(queue.mirroring.note(&step, me));
            for told in &queue.mirroring.told {
                tell(told.node, Talk::Mirror(id, epoch, step.clone()), out);
            }
        }
        self.say_complete(id, complete, out);
    }

    /// Sends mirrors what they lack, when it is in memory.
    pub(super) fn synchronise(&mut self, id: QueueId, out: &mut Out<'_>) {
        let lack = |told: &crate::rabbit::mirror::master::Told| !told.lacks.is_empty();
        let Some(queue) = self.queues.get(&id) else { return };
        if !queue.mirroring.told.iter().any(lack) {
            return;
        }
        let is_there = self.with_queue(id, out, |queue, means| queue.load(means));
        let Some(queue) = self.queues.get_mut(&id) else { return };
        queue.mirroring.is_syncing = is_there == Some(false);
        if queue.mirroring.is_syncing {
            return;
        }
        let epoch = queue.mirroring.mirrors.epoch;
        let lacking = queue.mirroring.told.iter_mut().filter(|told| lack(told));
        let lacking = lacking.map(|told| {
            told.is_complete = true;
            (told.node, told.number, std::mem::take(&mut told.lacks))
        });
        let lacking: Vec<_> = lacking.collect();
        for (node, number, lacks) in lacking {
            for came in self.queues[&id].told_of(&lacks) {
                // Whoever wants something of the queue waits meanwhile.
                self.charge(id, work_of(out.cost(), came.content.body.len()), out.now());
                tell(node, Talk::Mirror(id, epoch, Step::Came(came)), out);
            }
            tell(node, Talk::Mirror(id, epoch, Step::Complete(number)), out);
        }
    }

    /// Something that a queue waits for was read: perhaps it was for its mirrors.
    pub(super) fn synchronise_on(&mut self, id: QueueId, out: &mut Out<'_>) {
        if self.queues.get(&id).is_some_and(|queue| queue.mirroring.is_syncing) {
            self.synchronise(id, out);
        }
    }

    /// A publish that was sent to a master before it failed, and had come to this one by that: it
    /// is not taken twice, but all that mirror now have to say again that they have it.
    fn has_inherited(
        &mut self,
        id: QueueId,
        (publish, content): (PublishId, &Rc<Content>),
        out: &mut Out<'_>,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(&id) else { return false };
        let Some((message, seq)) = queue.mirroring.inherited.get(&publish).copied() else {
            return false;
        };
        if message != content.id {
            return false;
        }
        queue.mirroring.inherited.remove(&publish);
        if queue.has_seq(seq) {
            let (content, expires) = (content.clone(), queue.rules.expiry_of(content, out.now()));
            let (confirm, is_delivered) = (Some(publish), false);
            let came = Came { seq, content, expires, confirm, is_delivered };
            self.tell_mirrors(id, vec![Step::Came(came)], out);
            self.write(id, out);
        }
        self.confirms.push(publish);
        self.confirm(id, out);
        true
    }

    /// A message comes to a classic queue here from a channel of any node.
    pub(super) fn publish_here(
        &mut self,
        id: QueueId,
        channel: ChannelId,
        (content, confirm): (&Rc<Content>, Option<PublishId>),
        out: &mut Out<'_>,
    ) {
        if let Some(publish) = confirm
            && self.has_inherited(id, (publish, content), out)
        {
            return;
        }
        let mut copy = None;
        let published = self
            .with_queue(id, out, |queue, means| queue.publish(content, confirm, &mut copy, means));
        match published {
            Some(Published::Pushed(push)) => self.push(id, push, out),
            Some(Published::Refused) => self.refuse(confirm, out),
            _ => {}
        }
        self.see_to_timers(id, out);
        if channel.node != self.me {
            self.has_handled(id, channel, out);
        }
    }

    // ---- confirms ----

    /// Publishes are safe here: at a mirror its master is told so, at a master those stay that all
    /// mirrors have.
    pub(super) fn confirm_mirrored(&mut self, id: QueueId, out: &mut Out<'_>) {
        let me = self.me;
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let mirroring = &mut queue.mirroring;
        match queue.home {
            Some(home) if mirroring.held.is_some() => {
                let has = Step::Has(std::mem::take(&mut self.confirms));
                tell(home, Talk::Mirror(id, mirroring.mirrors.epoch, has), out);
            }
            Some(_) => {}
            None if mirroring.awaited.is_empty() => {}
            None => self.confirms.retain(|publish| mirroring.has(*publish, me)),
        }
    }

    /// A channel of this node sends something to a master elsewhere: it is kept until it is
    /// confirmed. True if the master is down and another will be promoted.
    pub(super) fn keeps_for_master(
        &mut self,
        id: QueueId,
        (content, confirm): (&Rc<Content>, Option<PublishId>),
    ) -> bool {
        let Some(queue) = self.queues.get_mut(&id) else { return false };
        if queue.mirroring.mirrors.all.is_empty() {
            return false;
        }
        if let Some(publish) = confirm {
            queue.mirroring.sent.insert(publish, content.clone());
        }
        queue.home.is_some_and(|home| !self.is_up(home))
    }

    /// Publishes of channels here are confirmed or refused, or their channels are gone.
    pub(super) fn forget_sent(&mut self, is_gone: impl Fn(&PublishId) -> bool) {
        for queue in self.queues.values_mut().filter(|it| !it.mirroring.sent.is_empty()) {
            queue.mirroring.sent.retain(|publish, _| !is_gone(publish));
        }
    }

    // ---- what is said ----

    /// Another node says something about a mirrored queue.
    pub(super) fn hear_of_mirror(
        &mut self,
        from: NodeId,
        (id, step): (QueueId, &Step),
        out: &mut Out<'_>,
    ) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let epoch = queue.mirroring.mirrors.epoch;
        let is_master = queue.home.is_none();
        match step {
            Step::Has(publishes) if is_master => {
                let has = |publish: &&PublishId| queue.mirroring.has(**publish, from);
                let safe: Vec<PublishId> = publishes.iter().filter(has).copied().collect();
                self.confirms.extend(safe);
                self.confirm_now(id, out);
            }
            Step::Complete(number) if is_master => {
                let told = queue.mirroring.told.iter().find(|told| told.number == *number);
                if told.is_some_and(|told| told.lacks.is_empty()) {
                    self.say_complete(id, vec![*number], out);
                }
            }
            Step::Who if is_master => {
                let channels = queue.channels_of(from);
                if !channels.is_empty() {
                    self.take_all_back(id, &channels, out);
                }
                tell(from, Talk::Mirror(id, epoch, Step::Still), out);
            }
            Step::Lacks(seqs) if is_master => self.mirror_lacks(id, from, seqs, out),
            _ if is_master || queue.home != Some(from) => {}
            Step::Still => self.return_to_master(id, out),
            Step::Complete(_) => tell(from, Talk::Mirror(id, epoch, step.clone()), out),
            Step::There(there) => {
                let lacks = self.with_queue(id, out, |queue, means| queue.compare(there, means));
                if let Some(lacks) = lacks.flatten() {
                    tell(from, Talk::Mirror(id, epoch, Step::Lacks(lacks)), out);
                }
            }
            Step::Came(came) => {
                self.charge(id, work_of(out.cost(), came.content.body.len()), out.now());
                let has = self.with_queue(id, out, |queue, means| queue.hold(came, means));
                if let Some(publish) = has.flatten() {
                    tell(from, Talk::Mirror(id, epoch, Step::Has(vec![publish])), out);
                }
                self.see_to_timers(id, out);
            }
            step => {
                self.with_queue(id, out, |queue, means| match step {
                    Step::Begin(number, lacks) => queue.begin_mirror(*number, lacks, means),
                    Step::Delivered(seq) => queue.mark_delivered(*seq),
                    Step::Back(seqs) => queue.mark_back(seqs),
                    Step::Gone(seqs) => queue.let_go(seqs, means),
                    _ => {}
                });
                self.see_to_timers(id, out);
            }
        }
    }

    /// A mirror has compared what it has with this promoted master's: what it lacks of what was on
    /// its way it is sent now; what it lacked before it goes on lacking.
    fn mirror_lacks(&mut self, id: QueueId, from: NodeId, seqs: &[u64], out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let mirror = queue.mirroring.mirrors.all.iter().find(|mirror| mirror.node == from);
        let is_sent = mirror.is_some_and(|it| it.is_synchronised);
        let Some(told) = queue.mirroring.told.iter_mut().find(|told| told.node == from) else {
            return;
        };
        told.is_complete = false;
        told.lacks = seqs.iter().copied().collect();
        // Some of them are gone since.
        let there: crate::ordered::BTreeSet<u64> =
            queue.all_messages().into_iter().map(|(seq, _)| seq).collect();
        if let Some(told) = queue.mirroring.told.iter_mut().find(|told| told.node == from) {
            told.lacks.retain(|seq| there.contains(seq));
        }
        let complete = queue.mirroring.complete();
        self.say_complete(id, complete, out);
        if is_sent {
            self.synchronise(id, out);
        }
    }
}
