//! Groups in the coordinator's memory.

use super::classic::{ClassicGroup, State};
use super::modern::ModernGroup;
use super::records::OffsetKey;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::{DescribedGroup, DescribedMember};
use crate::ordered::{BTreeMap, Order};
use crate::sim::Time;
use std::rc::Rc;

/// A committed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: i64,
    /// Leader epoch of the last record read; -1 if it is not known.
    pub leader_epoch: i32,
    /// When it was committed, in milliseconds since 1970.
    pub commit_ms: i64,
}

/// The protocol that a group speaks; an empty group takes up any.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `group.protocol=classic`, and groups that only have offsets.
    Classic(ClassicGroup),
    /// `group.protocol=consumer`.
    Consumer(ModernGroup),
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its members, by its protocol.
    pub kind: Kind,
    /// Committed offsets.
    pub offsets: BTreeMap<TopicPartition, CommittedOffset>,
    /// Since when it has had no member, in milliseconds since 1970.
    pub empty_since: Option<i64>,
}

impl Default for Group {
    fn default() -> Group {
        let kind = Kind::Classic(ClassicGroup::default());
        Group { kind, offsets: BTreeMap::new(), empty_since: None }
    }
}

impl Group {
    /// The name of its state.
    pub fn state(&self) -> &'static str {
        match &self.kind {
            Kind::Classic(group) => group.state.name(),
            Kind::Consumer(group) => group.state(),
        }
    }

    /// True if nobody is in it or on the way into it.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Classic(group) => group.state == State::Empty && group.pending.is_empty(),
            Kind::Consumer(group) => group.members.is_empty(),
        }
    }

    /// Its classic side, for a member that speaks that protocol.
    pub fn as_classic(&mut self) -> Result<&mut ClassicGroup, ErrorCode> {
        if let Kind::Consumer(group) = &self.kind
            && group.members.is_empty()
        {
            let generation = group.epoch;
            self.kind = Kind::Classic(ClassicGroup { generation, ..ClassicGroup::default() });
        }
        match &mut self.kind {
            Kind::Classic(group) => Ok(group),
            Kind::Consumer(_) => Err(ErrorCode::InconsistentGroupProtocol),
        }
    }

    /// Its modern side. Simplified: a classic group with members is not taken over while it runs.
    pub fn as_modern(&mut self) -> Result<&mut ModernGroup, ErrorCode> {
        if let Kind::Classic(group) = &self.kind
            && self.is_empty()
        {
            let epoch = group.generation;
            let modern = ModernGroup { epoch, assignment_epoch: epoch, ..ModernGroup::default() };
            self.kind = Kind::Consumer(modern);
        }
        match &mut self.kind {
            Kind::Consumer(group) => Ok(group),
            Kind::Classic(_) => Err(ErrorCode::GroupIdNotFound),
        }
    }

    /// Says whether an offset may be committed by this member of this generation or epoch; a tool
    /// has neither.
    pub fn check_commit(
        &self,
        (member, instance, generation): (&str, Option<&Rc<str>>, i32),
    ) -> Result<(), ErrorCode> {
        match &self.kind {
            Kind::Classic(group) => group.check_commit(member, instance, generation),
            Kind::Consumer(group) => group.check_commit(member, generation),
        }
    }

    /// True if its members read a topic.
    pub fn subscribes_to(&self, topic: &Rc<str>) -> bool {
        match &self.kind {
            Kind::Classic(group) => {
                group.members.iter().any(|member| member.subscription.topics.contains(topic))
            }
            Kind::Consumer(group) => {
                group.members.iter().any(|member| member.topics.contains(topic))
            }
        }
    }

    /// When something in it is due.
    pub fn next_due(&self) -> Option<Time> {
        match &self.kind {
            Kind::Classic(group) => group.next_due(),
            Kind::Consumer(group) => group.next_due(),
        }
    }

    /// As the tools and the lab see it, members in the order of their ids.
    pub fn describe(&self) -> DescribedGroup {
        let mut described = DescribedGroup {
            is_modern: matches!(self.kind, Kind::Consumer(_)),
            state: self.state().to_owned(),
            assignor: String::new(),
            generation: 0,
            members: Vec::new(),
        };
        match &self.kind {
            Kind::Classic(group) => {
                described.generation = group.generation;
                if group.state == State::Stable {
                    described.assignor = group.protocol.map_or("", |p| p.name()).to_owned();
                }
                described.members.extend(group.members.iter().map(|member| DescribedMember {
                    member: member.id.clone(),
                    instance: member.instance.clone(),
                    client: member.client.clone(),
                    assignment: match group.state {
                        State::Stable => member.assignment.clone(),
                        _ => Vec::new(),
                    },
                    epoch: None,
                    target: None,
                }));
            }
            Kind::Consumer(group) => {
                described.generation = group.epoch;
                described.assignor = group.assignor().name().to_owned();
                described.members.extend(group.members.iter().map(|member| DescribedMember {
                    member: member.id.clone(),
                    instance: member.instance.clone(),
                    client: member.client.clone(),
                    assignment: member.progress.assigned.clone(),
                    epoch: Some(member.progress.epoch),
                    target: Some((group.assignment_epoch, member.target.clone())),
                }));
            }
        }
        described.members.order_by(|a, b| a.member.cmp(&b.member));
        described
    }
}

/// An offset that counts when its transaction is committed.
#[derive(Clone, Debug)]
struct Promise {
    producer_id: i64,
    group: Rc<str>,
    partition: TopicPartition,
    committed: CommittedOffset,
}

/// All groups that a coordinator knows, by id.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    all: BTreeMap<Rc<str>, Group>,
    promises: Vec<Promise>,
}

impl Groups {
    /// An offset is in the log as part of an open transaction.
    pub fn promise(
        &mut self,
        producer_id: i64,
        group: &Rc<str>,
        partition: TopicPartition,
        committed: CommittedOffset,
    ) {
        self.get_or_make(group);
        self.promises.push(Promise { producer_id, group: group.clone(), partition, committed });
    }

    /// True while a transaction may still change a group's offset of a partition.
    pub fn is_promised(&self, group: &str, partition: &TopicPartition) -> bool {
        self.promises.iter().any(|p| *p.group == *group && p.partition == *partition)
    }

    /// The transaction of a producer is over: its offsets in these groups are committed, or
    /// forgotten. Gives what is committed now.
    pub fn decide(
        &mut self,
        producer_id: i64,
        commits: bool,
        is_here: impl Fn(&str) -> bool,
    ) -> Vec<(Rc<str>, TopicPartition, i64)> {
        let mut committed = Vec::new();
        for promise in std::mem::take(&mut self.promises) {
            if promise.producer_id != producer_id || !is_here(&promise.group) {
                self.promises.push(promise);
            } else if commits {
                let Promise { group, partition, committed: offset, .. } = promise;
                committed.push((group.clone(), partition.clone(), offset.offset));
                self.get_or_make(&group).offsets.insert(partition, offset);
            }
        }
        committed
    }

    /// A group, if it is known.
    pub fn get(&self, id: &str) -> Option<&Group> {
        self.all.get(id)
    }

    /// A group, to be changed; made if it is not known.
    pub fn get_or_make(&mut self, id: &Rc<str>) -> &mut Group {
        self.all.entry(id.clone()).or_default()
    }

    /// A group, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Group> {
        self.all.get_mut(id)
    }

    /// All groups in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&Rc<str>, &Group)> {
        self.all.iter()
    }

    /// Removes a group.
    pub fn remove(&mut self, id: &str) {
        self.all.remove(id);
    }

    /// Forgets groups that are not coordinated here any more.
    pub fn forget(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.all.retain(|id, _| !is_gone(id));
        self.promises.retain(|promise| !is_gone(&promise.group));
    }

    /// What a record of the log says: this was committed, or it is forgotten.
    pub fn replay(&mut self, key: OffsetKey, committed: Option<CommittedOffset>) {
        let id: Rc<str> = key.group.into();
        match committed {
            Some(committed) => {
                self.get_or_make(&id).offsets.insert(key.partition, committed);
            }
            None => {
                let group = self.get_or_make(&id);
                group.offsets.remove(&key.partition);
                self.forget_if_idle(&id);
            }
        }
    }

    /// What a record of the log says of a group's members; `None` if the group is forgotten.
    pub fn replay_members(&mut self, id: &Rc<str>, group: Option<(ClassicGroup, i64)>) {
        match group {
            Some((group, time)) => {
                let empty_since = group.members.is_empty().then_some(time);
                let known = self.get_or_make(id);
                known.kind = Kind::Classic(group);
                known.empty_since = empty_since;
            }
            None => self.remove(id),
        }
    }

    /// All groups, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Rc<str>, &mut Group)> {
        self.all.iter_mut()
    }

    fn forget_if_idle(&mut self, id: &Rc<str>) {
        if self.get(id).is_some_and(|group| group.offsets.is_empty() && group.is_empty()) {
            self.remove(id);
        }
    }

    /// When something in a group is due.
    pub fn next_due(&self) -> Option<Time> {
        self.all.values().filter_map(Group::next_due).min()
    }
}
