//! Groups in the coordinator's memory.

use super::records::OffsetKey;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::ordered::BTreeMap;
use crate::sim::NodeId;
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

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// `member.id`.
    pub id: Rc<str>,
    /// `client.id`.
    pub client: Rc<str>,
    /// Where it is.
    pub node: NodeId,
    /// Its partitions; `None` until they are agreed on.
    pub assignment: Option<Vec<TopicPartition>>,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Grows with each join.
    pub generation: i32,
    /// Its one member.
    pub member: Option<Member>,
    /// Committed offsets.
    pub offsets: BTreeMap<TopicPartition, CommittedOffset>,
}

impl Group {
    /// The name of its state.
    pub fn state(&self) -> &'static str {
        match &self.member {
            Some(Member { assignment: Some(_), .. }) => "Stable",
            Some(_) => "CompletingRebalance",
            None => "Empty",
        }
    }

    /// Says whether an offset may be committed by this member of this generation; a tool has
    /// neither.
    pub fn check_commit(&self, member: &str, generation: i32) -> Result<(), ErrorCode> {
        match &self.member {
            None if generation < 0 => Ok(()),
            Some(current) if *current.id == *member => match () {
                _ if generation != self.generation => Err(ErrorCode::IllegalGeneration),
                _ if current.assignment.is_none() => Err(ErrorCode::RebalanceInProgress),
                _ => Ok(()),
            },
            _ => Err(ErrorCode::UnknownMemberId),
        }
    }
}

/// All groups that a coordinator knows, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(BTreeMap<Rc<str>, Group>);

impl Groups {
    /// A group, if it is known.
    pub fn get(&self, id: &str) -> Option<&Group> {
        self.0.get(id)
    }

    /// A group, to be changed; made if it is not known.
    pub fn get_or_make(&mut self, id: &Rc<str>) -> &mut Group {
        self.0.entry(id.clone()).or_default()
    }

    /// A group, to be changed.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut Group> {
        self.0.get_mut(id)
    }

    /// All groups in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (&Rc<str>, &Group)> {
        self.0.iter()
    }

    /// Removes a group.
    pub fn remove(&mut self, id: &str) {
        self.0.remove(id);
    }

    /// Forgets groups that are not coordinated here any more.
    pub fn forget(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.0.retain(|id, _| !is_gone(id));
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
                if group.offsets.is_empty() && group.member.is_none() {
                    self.remove(&id);
                }
            }
        }
    }

    /// A connection ended: its member is gone.
    pub fn disconnected(&mut self, node: NodeId) {
        for group in self.0.values_mut() {
            if group.member.as_ref().is_some_and(|member| member.node == node) {
                group.member = None;
            }
        }
    }
}
