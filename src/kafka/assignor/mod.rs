//! Who reads what: the rules by which the partitions of some topics are divided among the members
//! of a group.
//!
//! Each is a pure function from topics and members to partitions, the same wherever it runs. With
//! the classic protocol that is the member that leads the group; with the consumer protocol
//! (KIP-848) it is the coordinator.
//!
//! - [`range`]: topic by topic, in rows of neighbours; the first members get what is left over.
//! - [`round_robin`]: all partitions in turn over all members.
//! - [`sticky`]: even, and everybody keeps what they have as far as that goes; [`mixed`] does the
//!   same where members subscribe to different topics.
//! - [`cooperative`]: the sticky result without what somebody else still has to give up.
//! - [`uniform`]: the coordinator's default: even, sticky, the rest in rows of neighbours.
//!
//! Members are visited in the order in which they are given where the real sticky assignor follows
//! a hash table; it matters only if more members hold the larger share than may keep it.

pub mod cooperative;
pub mod mixed;
pub mod range;
pub mod round_robin;
pub mod simple;
pub mod sticky;
pub mod uniform;

use super::event::TopicPartition;
use crate::ordered::Order;
use std::rc::Rc;

/// A topic that is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: Rc<str>,
    /// How many partitions it has.
    pub partitions: i32,
    /// The racks of each partition's replicas; empty where brokers have none.
    pub racks: Vec<Vec<Rc<str>>>,
}

/// A member among whom it is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `member.id`.
    pub id: Rc<str>,
    /// `group.instance.id`, if it is a static member.
    pub instance: Option<Rc<str>>,
    /// `client.rack`.
    pub rack: Option<Rc<str>>,
    /// What it subscribes to.
    pub topics: Vec<Rc<str>>,
    /// What it has.
    pub owned: Vec<TopicPartition>,
    /// The generation in which it was given that; -1 if none.
    pub generation: i32,
}

/// The partitions of each member, in the order of the members.
pub type Assignment = Vec<Vec<TopicPartition>>;

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assignor {
    /// `range`.
    Range,
    /// `roundrobin`.
    RoundRobin,
    /// `sticky`.
    Sticky,
    /// `cooperative-sticky`.
    CooperativeSticky,
    /// `uniform`, at the coordinator.
    ServerUniform,
    /// `range`, at the coordinator.
    ServerRange,
    /// `simple`, at the coordinator, of share groups.
    Simple,
}

/// The rules of the classic protocol, by the names that members vote for and by their classes.
const CLIENT: [(Assignor, &str, &str); 4] = [
    (Assignor::Range, "range", "RangeAssignor"),
    (Assignor::RoundRobin, "roundrobin", "RoundRobinAssignor"),
    (Assignor::Sticky, "sticky", "StickyAssignor"),
    (Assignor::CooperativeSticky, "cooperative-sticky", "CooperativeStickyAssignor"),
];

/// Where the classes of the client's assignors live.
const PACKAGE: &str = "org.apache.kafka.clients.consumer.";

impl Assignor {
    /// The client's rule of this name, as `partition.assignment.strategy` gives it: its class, or
    /// the name under which members vote for it.
    pub fn of_client(name: &str) -> Option<Assignor> {
        let class = name.strip_prefix(PACKAGE).unwrap_or(name);
        let found = CLIENT.iter().find(|(_, short, long)| class == *short || class == *long);
        found.map(|(assignor, ..)| *assignor)
    }

    /// The coordinator's rule of this name, as `group.remote.assignor` gives it.
    pub fn of_server(name: &str) -> Option<Assignor> {
        match name {
            "uniform" => Some(Assignor::ServerUniform),
            "range" => Some(Assignor::ServerRange),
            _ => None,
        }
    }

    /// Its name in the protocol.
    pub fn name(self) -> &'static str {
        match self {
            Assignor::Range | Assignor::ServerRange => "range",
            Assignor::RoundRobin => "roundrobin",
            Assignor::Sticky => "sticky",
            Assignor::CooperativeSticky => "cooperative-sticky",
            Assignor::ServerUniform => "uniform",
            Assignor::Simple => "simple",
        }
    }

    /// True if members keep what they have while the group rebalances.
    pub fn is_cooperative(self) -> bool {
        self == Assignor::CooperativeSticky
    }

    /// Divides the topics. A member gets nothing of a topic to which it does not subscribe; a topic
    /// to which nobody subscribes is left out.
    pub fn assign(self, topics: &[Topic], members: &[Member]) -> Assignment {
        match self {
            Assignor::Range => range::assign(topics, members, true),
            Assignor::ServerRange => range::assign(topics, members, false),
            Assignor::RoundRobin => round_robin::assign(topics, members),
            Assignor::Sticky => sticky::assign(topics, members).0,
            Assignor::CooperativeSticky => cooperative::assign(topics, members),
            Assignor::ServerUniform => uniform::assign(topics, members),
            Assignor::Simple => simple::assign(topics, members),
        }
    }
}

impl Topic {
    /// Its partitions in order.
    fn all(&self) -> impl Iterator<Item = TopicPartition> {
        (0..self.partitions).map(|partition| TopicPartition { topic: self.name.clone(), partition })
    }
}

impl Member {
    fn subscribes_to(&self, topic: &str) -> bool {
        self.topics.iter().any(|subscribed| **subscribed == *topic)
    }
}

/// True if the partition is there and this member may have it.
fn may_own(topics: &[Topic], member: &Member, partition: &TopicPartition) -> bool {
    let topic = topics.iter().find(|topic| topic.name == partition.topic);
    topic.is_some_and(|topic| (0..topic.partitions).contains(&partition.partition))
        && member.subscribes_to(&partition.topic)
}

/// What members have, in the order of the partitions: whoever has one are neighbours.
struct Claims<'a>(Vec<(&'a TopicPartition, usize)>);

impl<'a> Claims<'a> {
    /// By what each member has, in the order of the members.
    fn of(owned: impl Iterator<Item = &'a Vec<TopicPartition>>) -> Claims<'a> {
        let all = owned.enumerate();
        let all = all.flat_map(|(at, owned)| owned.iter().map(move |partition| (partition, at)));
        let mut all: Vec<(&TopicPartition, usize)> = all.collect();
        all.order();
        Claims(all)
    }

    /// The places of the members that have a partition.
    fn on(&self, partition: &TopicPartition) -> impl Iterator<Item = usize> {
        let first = self.0.partition_point(|(claimed, _)| *claimed < partition);
        let same = self.0[first..].iter().take_while(move |(claimed, _)| *claimed == partition);
        same.map(|(_, at)| *at)
    }
}

/// True if all members subscribe to the same topics.
fn are_alike(members: &[Member]) -> bool {
    let Some(first) = members.first() else { return true };
    let same = |member: &Member| {
        member.topics.iter().all(|topic| first.subscribes_to(topic))
            && first.topics.iter().all(|topic| member.subscribes_to(topic))
    };
    members.iter().all(same)
}

/// The members' places in their order: static ones by their instance id, then the others by their
/// member id.
fn in_order(members: &[Member]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.order_by_key(|at| {
        let member = &members[*at];
        (member.instance.is_none(), member.instance.as_ref().unwrap_or(&member.id))
    });
    order
}
