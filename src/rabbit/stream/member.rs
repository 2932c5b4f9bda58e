//! A member of a stream in its node: who leads, how far the others are, and what this node's
//! clients have published.
//!
//! | what is said | by whom | to whom |
//! |---|---|---|
//! | [`Says::Publish`] | a node with a publisher | the leader |
//! | [`Says::Confirmed`] | the leader | that node |
//! | [`Says::Follow`] | a replica that begins | the leader |
//! | [`Says::Cut`] | the leader | a replica with other chunks than its own |
//! | [`Says::Chunks`] | the leader | a replica |
//! | [`Says::Have`] | a replica | the leader |
//! | [`Says::Tail`] | a member that has stopped | all nodes |
//! | [`Says::Resize`] | the node of a tool | the leader |

use crate::rabbit::content::Content;
use crate::rabbit::ids::ChannelId;
use crate::rabbit::quorum::group::Awaited;
use crate::sim::NodeId;
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

/// What nodes say to each other about a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// A message, numbered by the node whose client published it.
    Publish {
        /// When the life of that node began.
        life: u64,
        /// Its number in it, from 1.
        number: u64,
        /// The message.
        content: Rc<Content>,
    },
    /// Messages up to a number are committed.
    Confirmed {
        /// The life of the node in which it numbered them.
        life: u64,
        /// The number.
        number: u64,
    },
    /// A replica asks for what it does not have.
    Follow {
        /// The epoch that it knows.
        epoch: u64,
        /// The epoch of its last chunk.
        last: u64,
        /// The offset behind that.
        next: u64,
    },
    /// The logs part: the replica is to cut its own, and to ask again.
    Cut {
        /// The epoch.
        epoch: u64,
        /// The last epoch up to that of the replica's last chunk that the leader's log has.
        last: u64,
        /// Where that ends in the leader's log.
        to: u64,
        /// The first offset of the leader's log.
        first: u64,
    },
    /// Chunks, or none to say what is committed.
    Chunks {
        /// The epoch.
        epoch: u64,
        /// Where the leader's log ended when the epoch began.
        start: u64,
        /// Whole chunks.
        bytes: Bytes,
        /// Before this offset all is committed.
        committed: u64,
    },
    /// A replica has written what it was sent.
    Have {
        /// The epoch.
        epoch: u64,
        /// The offset behind its last message.
        next: u64,
    },
    /// How far the log of a member goes that has stopped.
    Tail {
        /// The epoch that has no leader yet.
        epoch: u64,
        /// The last epoch that it was in step with, and the offset behind its last message.
        tail: (u64, u64),
    },
    /// A tool wants a replica to come, or to go.
    Resize {
        /// The epoch.
        epoch: u64,
        /// On which node.
        node: NodeId,
        /// It comes.
        comes: bool,
    },
}

/// A message that is not confirmed.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Its number.
    pub number: u64,
    /// The message.
    pub content: Rc<Content>,
    /// Who waits.
    pub awaited: Option<Awaited>,
}

/// A replica, as its leader knows it.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Its node.
    pub node: NodeId,
    /// It has all before this offset.
    pub next: u64,
    /// True while chunks are on the way.
    pub is_asked: bool,
    /// It was told that all before this offset is committed.
    pub told: u64,
}

/// What a node knows of the members of a stream.
#[derive(Clone, Debug)]
pub struct Member {
    /// The nodes that have a member.
    pub nodes: Vec<NodeId>,
    /// The epoch.
    pub epoch: u64,
    /// The node that leads in it, once it is chosen.
    pub leader: Option<NodeId>,
    /// While there is none: of each member that has stopped how far its log goes.
    pub tails: Vec<(NodeId, (u64, u64))>,
    /// While there is none: who is to lead if its log is as good as any.
    pub preferred: Option<NodeId>,
    /// As the leader: the replicas that follow.
    pub copies: Vec<Copy>,
    /// Replicas that want to follow in an epoch that this node has not heard of yet: which one, the
    /// epoch of the last chunk, and the offset behind it.
    pub early: Vec<(NodeId, u64, (u64, u64))>,
    /// As the leader: where its log ended when the epoch began.
    pub start: u64,
    /// As the leader: it has told what is there.
    pub is_announced: bool,
    /// As the leader: a replica that is to come (true) or to go.
    pub wanted: Option<(NodeId, bool)>,
    /// Messages of this node's clients that are not confirmed.
    pub pending: VecDeque<Pending>,
    published: u64,
}

impl Member {
    /// Of a new stream.
    pub fn new(nodes: Vec<NodeId>, leader: NodeId) -> Member {
        Member {
            nodes,
            epoch: 1,
            leader: Some(leader),
            tails: Vec::new(),
            preferred: None,
            copies: Vec::new(),
            early: Vec::new(),
            start: 0,
            is_announced: false,
            wanted: None,
            pending: VecDeque::new(),
            published: 0,
        }
    }

    /// So many members are a majority.
    pub fn majority(&self) -> usize {
        self.nodes.len() / 2 + 1
    }

    /// An epoch begins: with this leader, or with the question who that is.
    pub fn enter(&mut self, epoch: u64, leader: Option<NodeId>) {
        (self.epoch, self.leader) = (epoch, leader);
        self.preferred = self.preferred.filter(|_| leader.is_none());
        self.tails.clear();
        self.copies.clear();
        self.is_announced = false;
        self.wanted = None;
    }

    /// A client of this node publishes. Returns the number of the message.
    pub fn publishes(&mut self, content: Rc<Content>, awaited: Option<Awaited>) -> u64 {
        self.published += 1;
        self.pending.push_back(Pending { number: self.published, content, awaited });
        self.published
    }

    /// Who waits for a message up to this number: it is committed.
    pub fn confirmed(&mut self, number: u64) -> Option<Option<Awaited>> {
        self.pending.front().filter(|pending| pending.number <= number)?;
        self.pending.pop_front().map(|pending| pending.awaited)
    }

    /// Channels are gone: nothing is answered to them.
    pub fn forget(&mut self, channels: &[ChannelId]) {
        for pending in &mut self.pending {
            pending.awaited = pending.awaited.filter(|awaited| {
                awaited.channel().is_none_or(|channel| !channels.contains(&channel))
            });
        }
    }

    /// As the leader, with all before `own` written: before the returned offset a majority has
    /// everything. Nothing counts before those have what was there when the epoch began.
    pub fn committed(&self, own: u64) -> Option<u64> {
        let behind = |offset: u64| {
            1 + self.copies.iter().filter(|copy| copy.next >= offset).count() >= self.majority()
        };
        let offsets = self.copies.iter().map(|copy| copy.next).chain([own]);
        offsets
            .filter(|offset| *offset <= own && behind(*offset))
            .max()
            .filter(|it| *it >= self.start)
    }

    /// While there is no leader: the member with the best log, once a majority has told.
    pub fn best(&self) -> Option<NodeId> {
        let is_open = self.leader.is_none() && self.tails.len() >= self.majority();
        let best = self.tails.iter().max_by_key(|(node, tail)| {
            (*tail, self.preferred == Some(*node), std::cmp::Reverse(*node))
        });
        best.filter(|_| is_open).map(|(node, _)| *node)
    }
}
