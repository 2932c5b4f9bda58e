//! What a client asks of the ensemble, what it is told, and what servers say to each other.

use crate::raft;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::rc::Rc;

/// What a client asks, in the order in which it is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// A client, first on each connection: a session, new (0) or as it was.
    Connect {
        /// The session that it had; 0 for a new one.
        session: i64,
        /// It is over when nothing is heard of the client for so long.
        timeout_ms: u64,
        /// The last transaction that it has seen: a server that is behind refuses it.
        zxid: i64,
        /// Who it is, for the lab's own words: the real ensemble does not ask.
        client: Rc<str>,
    },
    /// A client that has said nothing for a while: I live.
    Ping,
    /// A client that ends politely: what is ephemeral goes at once.
    CloseSession,
    /// Makes a znode.
    Create {
        /// Where.
        path: Rc<str>,
        /// What it holds.
        data: Bytes,
        /// True if it goes with the session.
        ephemeral: bool,
        /// True if ten digits are added to its name, counted by its parent.
        sequential: bool,
    },
    /// Removes a znode without children.
    Delete {
        /// Where.
        path: Rc<str>,
        /// The version that it must have; -1 for any.
        version: i32,
    },
    /// Writes a znode.
    SetData {
        /// Where.
        path: Rc<str>,
        /// What it holds now.
        data: Bytes,
        /// The version that it must have; -1 for any.
        version: i32,
    },
    /// In a [`Op::Multi`]: it must have this version.
    Check {
        /// Where.
        path: Rc<str>,
        /// The version.
        version: i32,
    },
    /// All of these or none.
    Multi(Vec<Op>),
    /// Is there such a znode?
    Exists {
        /// Where.
        path: Rc<str>,
        /// True if a change is to be told.
        watch: bool,
    },
    /// What does a znode hold?
    GetData {
        /// Where.
        path: Rc<str>,
        /// True if a change is to be told.
        watch: bool,
    },
    /// Which children has it?
    GetChildren {
        /// Where.
        path: Rc<str>,
        /// True if a change is to be told.
        watch: bool,
    },
    /// Which znodes lie below this one, at any depth? Simplified: one question for the many of a
    /// real client, which asks for the children of one after the other.
    GetTree {
        /// Where.
        path: Rc<str>,
    },
    /// `GetChildren` with a watch, and behind it in the same packet a watch for another znode: that
    /// it is made, or at once if it is there already. Simplified: the second one is no request of
    /// its own, and so costs nothing and has no answer.
    GetChildrenAnd {
        /// Where.
        path: Rc<str>,
        /// What is waited for.
        made: Rc<str>,
    },
    /// A client after a reconnect: what it watches, and up to where it has seen everything.
    SetWatches {
        /// The last transaction that it has seen.
        zxid: i64,
        /// Its watches.
        watches: Vec<(Rc<str>, WatchKind)>,
    },
}

impl Op {
    /// True if it changes the tree or a session, and so goes through the leader.
    pub fn is_write(&self) -> bool {
        !matches!(
            self,
            Op::Ping
                | Op::Exists { .. }
                | Op::GetData { .. }
                | Op::GetChildren { .. }
                | Op::GetChildrenAnd { .. }
                | Op::GetTree { .. }
                | Op::SetWatches { .. }
        )
    }

    /// Its name in ZooKeeper (`ZooDefs.OpCode`).
    pub fn kind(&self) -> &'static str {
        match self {
            Op::Connect { .. } => "createSession",
            Op::Ping => "ping",
            Op::CloseSession => "closeSession",
            Op::Create { .. } => "create",
            Op::Delete { .. } => "delete",
            Op::SetData { .. } => "setData",
            Op::Check { .. } => "check",
            Op::Multi(_) => "multi",
            Op::Exists { .. } => "exists",
            Op::GetData { .. } => "getData",
            Op::GetChildren { .. } | Op::GetChildrenAnd { .. } | Op::GetTree { .. } => {
                "getChildren2"
            }
            Op::SetWatches { .. } => "setWatches",
        }
    }

    /// Its bytes on the wire.
    pub fn bytes(&self) -> usize {
        match self {
            Op::Connect { .. } => 44,
            Op::Ping | Op::CloseSession => 0,
            Op::Create { path, data, .. } => path.len() + data.len() + 40,
            Op::SetData { path, data, .. } => path.len() + data.len() + 12,
            Op::Delete { path, .. } | Op::Check { path, .. } => path.len() + 8,
            Op::Multi(ops) => ops.iter().map(|op| op.bytes() + 9).sum::<usize>() + 9,
            Op::Exists { path, .. }
            | Op::GetData { path, .. }
            | Op::GetChildren { path, .. }
            | Op::GetChildrenAnd { path, .. }
            | Op::GetTree { path } => path.len() + 5,
            Op::SetWatches { watches, .. } => {
                20 + watches.iter().map(|(path, _)| path.len() + 4).sum::<usize>()
            }
        }
    }
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchKind {
    /// Whether it is there, and what it holds.
    Data,
    /// Its children.
    Children,
    /// That it is made.
    Made,
}

/// What is told of a znode that was watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchEvent {
    /// Where.
    pub path: Rc<str>,
    /// What was watched.
    pub kind: WatchKind,
}

/// What is known of a znode beside what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// The transaction that made it.
    pub czxid: i64,
    /// The transaction that wrote it last.
    pub mzxid: i64,
    /// The transaction that changed its children last.
    pub pzxid: i64,
    /// When it was made, in milliseconds.
    pub ctime_ms: i64,
    /// When it was written last, in milliseconds.
    pub mtime_ms: i64,
    /// How often it was written.
    pub version: i32,
    /// How often its children changed.
    pub cversion: i32,
    /// The session with which it goes; 0 if it stays.
    pub ephemeral_owner: i64,
    /// Bytes that it holds.
    pub data_length: i32,
    /// How many children it has.
    pub num_children: i32,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is done.
    Done,
    /// The session, and its timeout; a timeout of 0 says that it is over.
    Connected {
        /// The session.
        session: i64,
        /// What was agreed on.
        timeout_ms: u64,
    },
    /// It was made, under this name.
    Created(Rc<str>),
    /// It is there, or was written.
    Stat(Stat),
    /// What it holds.
    Data(Bytes, Stat),
    /// The names of its children, sorted.
    Children(Vec<Rc<str>>, Stat),
    /// What became of each part.
    Multi(Vec<Reply>),
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZkError {
    /// There is no such znode.
    NoNode,
    /// It is there already.
    NodeExists,
    /// It has another version.
    BadVersion,
    /// It has children.
    NotEmpty,
    /// What is ephemeral has no children.
    NoChildrenForEphemerals,
    /// The connection was lost before the answer came.
    ConnectionLoss,
    /// The session is over.
    SessionExpired,
    /// A path that cannot be.
    BadArguments,
}

impl fmt::Display for ZkError {
    /// As `KeeperException.Code` is named in messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ZkError::NoNode => "NoNode",
            ZkError::NodeExists => "NodeExists",
            ZkError::BadVersion => "BadVersion",
            ZkError::NotEmpty => "Directory not empty",
            ZkError::NoChildrenForEphemerals => "NoChildrenForEphemerals",
            ZkError::ConnectionLoss => "ConnectionLoss",
            ZkError::SessionExpired => "Session expired",
            ZkError::BadArguments => "BadArguments",
        })
    }
}

/// An answer with the last transaction that its server knew of.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To what was asked.
    Result(i64, Result<Reply, ZkError>),
    /// A watch (xid -1 in the real protocol).
    Watch(WatchEvent),
}

impl Answer {
    /// Its bytes on the wire.
    pub fn bytes(&self) -> usize {
        fn reply(told: &Reply) -> usize {
            match told {
                Reply::Done => 0,
                Reply::Connected { .. } => 36,
                Reply::Created(path) => path.len() + 4,
                Reply::Stat(_) => 68,
                Reply::Data(data, _) => data.len() + 72,
                Reply::Children(names, _) => 72 + names.iter().map(|n| n.len() + 4).sum::<usize>(),
                Reply::Multi(all) => all.iter().map(|each| reply(each) + 9).sum(),
            }
        }
        match self {
            Answer::Result(_, result) => 16 + result.as_ref().map_or(0, reply),
            Answer::Watch(event) => 28 + event.path.len(),
        }
    }
}

/// A write on its way into the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Txn {
    /// The server whose client asks, and its number of the question.
    pub origin: (u32, u64),
    /// The session that asks.
    pub session: i64,
    /// The leader's clock.
    pub time_ms: i64,
    /// What is asked.
    pub op: Op,
}

/// What servers of the ensemble say to each other.
#[derive(Clone, Debug, PartialEq)]
pub enum Peer {
    /// Votes, proposals, acknowledgements.
    Raft(raft::Message),
    /// A follower, for a client: put this into the log.
    Submit {
        /// The follower's number of the question.
        request: u64,
        /// The session that asks.
        session: i64,
        /// What is asked.
        op: Op,
    },
    /// Who was asked for that does not lead: ask another one.
    NotLeading,
    /// A follower, from time to time: these sessions were heard of.
    Touch(Vec<i64>),
}

impl Peer {
    /// Its name: those of ZooKeeper's messages that carry the same.
    pub fn kind(&self) -> &'static str {
        match self {
            Peer::Raft(message) => match message.body {
                raft::message::Body::AskVote { .. } => "Notification",
                raft::message::Body::Vote { .. } => "Vote",
                raft::message::Body::Append { .. } => "PROPOSAL",
                raft::message::Body::Snapshot { .. } => "SNAP",
                raft::message::Body::Appended { .. } | raft::message::Body::Stand => "ACK",
            },
            Peer::Submit { .. } => "REQUEST",
            Peer::NotLeading => "NotLeading",
            Peer::Touch(_) => "PING",
        }
    }

    /// Its bytes on the wire.
    pub fn bytes(&self) -> usize {
        match self {
            Peer::Raft(message) => match &message.body {
                raft::message::Body::Append { entries, .. } => {
                    let each = entries.iter();
                    let each = each.map(|it| 20 + it.command.as_ref().map_or(0, Bytes::len));
                    40 + each.sum::<usize>()
                }
                _ => 40,
            },
            Peer::Submit { op, .. } => 24 + op.bytes(),
            Peer::NotLeading => 20,
            Peer::Touch(sessions) => 20 + 8 * sessions.len(),
        }
    }
}
