//! What the log of a quorum queue holds.

use crate::rabbit::content::Content;
use crate::rabbit::ids::{ChannelId, ConsumerId};
use crate::rabbit::message::Arguments;
use crate::rabbit::names::Names;
use crate::rabbit::queue::Settlement;
use crate::rabbit::quorum::group::ORIGIN_BYTES;
use crate::raft::MemberId;
use crate::sim::{NodeId, Time};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// A change of a quorum queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// A message comes; it lies behind the command, its properties taking so many bytes.
    Enqueue {
        /// Bytes before its body.
        head_bytes: u32,
    },
    /// A consumer comes.
    Consume {
        /// Its channel.
        channel: ChannelId,
        /// Its tag.
        tag: Rc<str>,
        /// True if it must acknowledge.
        ack_required: bool,
        /// How many unacknowledged deliveries it may have; 0 is without limit of its own.
        prefetch: u16,
        /// `x-priority`.
        priority: i64,
        /// True if no other consumer may have the queue.
        exclusive: bool,
    },
    /// A consumer goes. What it has not acknowledged stays with its channel.
    Cancel {
        /// Its channel.
        channel: ChannelId,
        /// Its tag.
        tag: Rc<str>,
    },
    /// One message is asked for.
    Get {
        /// By whom.
        channel: ChannelId,
        /// It counts as acknowledged when it is sent.
        no_ack: bool,
    },
    /// Deliveries are dealt with.
    Settle {
        /// The channel that had them.
        channel: ChannelId,
        /// Their sequence ids.
        seqs: Vec<u64>,
        /// How.
        how: Settlement,
    },
    /// Channels are gone: their consumers too, and what they had comes back.
    Down {
        /// The channels; none means that nobody at all is there any more.
        channels: Vec<ChannelId>,
    },
    /// Ready messages are removed.
    Purge,
    /// What has expired goes.
    Expire,
    /// What policies ask of it.
    Configure {
        /// Those of users and operators together.
        policy: Arguments,
    },
    /// A node is down: whoever used the queue through it is gone. (From 4.3 on only the node itself
    /// says so, when it gets a snapshot.)
    NodeDown {
        /// The node.
        node: NodeId,
    },
    /// Dead letters that were kept are safe elsewhere.
    Buried {
        /// Their sequence ids.
        seqs: Vec<u64>,
    },
    /// A member comes or goes.
    Members {
        /// Where in the log the members stand that were there before: if they are others by now,
        /// this is for nothing.
        base: u64,
        /// All members from now on.
        members: Vec<NodeId>,
    },
    /// A node cannot be reached: whoever uses the queue through it is suspected to be down (4.3).
    Suspect {
        /// The node.
        node: NodeId,
        /// What they hold comes back after so many milliseconds.
        wait_ms: u64,
    },
    /// A node that was suspected is there, and has gone on (4.3).
    Trust {
        /// The node.
        node: NodeId,
        /// Channels of it that are gone all the same.
        channels: Vec<ChannelId>,
        /// Consumers of it that its channels do not know.
        consumers: Vec<ConsumerId>,
    },
    /// A node has begun anew: whoever used the queue through it before is gone (4.3).
    Anew {
        /// The node.
        node: NodeId,
    },
}

/// With what the bytes of [`Command::Members`] begin: its place among the commands.
const MEMBERS_TAG: u8 = 11;

impl Command {
    /// The bytes of a command that is given at an instant.
    pub fn encode(&self, at: Time) -> Bytes {
        postcard::to_stdvec(&(at.micros(), self)).expect("plain data can always be encoded").into()
    }

    /// The bytes of the command that brings a message.
    pub fn encode_message(content: &Content, at: Time) -> Bytes {
        let head = content.encode_head();
        let command = Command::Enqueue { head_bytes: head.len() as u32 };
        let mut bytes = command.encode(at).to_vec();
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&content.body);
        bytes.into()
    }

    /// Who has a vote after an entry of a shared log, if it is a command that says so, and the
    /// place of the one that it follows.
    pub fn members_in(entry: &Bytes) -> Option<(u64, Vec<MemberId>)> {
        // The command lies behind its origin and its instant, a number of seven bits a byte.
        let command = entry.get(ORIGIN_BYTES..)?;
        let instant_bytes = command.iter().position(|byte| byte & 0x80 == 0)? + 1;
        if command.get(instant_bytes) != Some(&MEMBERS_TAG) {
            return None;
        }
        match postcard::from_bytes::<(u64, Command)>(command) {
            Ok((_, Command::Members { base, members })) => {
                Some((base, members.into_iter().map(|node| MemberId(node.0)).collect()))
            }
            _ => None,
        }
    }

    /// What such bytes say: the instant, the command, and the message of one that brings it.
    pub fn decode(bytes: &Bytes, names: &mut Names) -> Option<(Time, Command, Option<Content>)> {
        let ((at, command), rest): ((u64, Command), _) = postcard::take_from_bytes(bytes).ok()?;
        let content = match command {
            Command::Enqueue { head_bytes } => {
                let message = bytes.slice(bytes.len() - rest.len()..);
                Some(Content::decode(&message, head_bytes as usize, names)?)
            }
            _ => None,
        };
        Some((Time::from_micros(at), command, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_changes_the_members_is_told_from_others() {
        let entry = |command: &Command| {
            let mut bytes = vec![0xff; ORIGIN_BYTES];
            bytes.extend_from_slice(&command.encode(Time::from_micros(1_700_000_000)));
            Bytes::from(bytes)
        };
        let members = vec![NodeId(0), NodeId(3)];
        let command = Command::Members { base: 7, members };
        assert_eq!(
            Command::members_in(&entry(&command)),
            Some((7, vec![MemberId(0), MemberId(3)]))
        );
        for command in [Command::Purge, Command::Buried { seqs: vec![1] }, Command::Expire] {
            assert_eq!(Command::members_in(&entry(&command)), None);
        }
    }
}
