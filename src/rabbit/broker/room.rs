//! The prefetch of a whole channel (`basic.qos` with `global=true`) where its consumers are of
//! queues that live on other nodes: see [`limits`](crate::rabbit::limits).

use super::Broker;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::limits::Limiting;
use crate::rabbit::process::Out;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::talk::Talk;
use crate::sim::NodeId;

impl Broker {
    /// All other nodes hear whether a channel of a client of this node has a limit.
    pub(super) fn tell_limit(&mut self, channel: ChannelId, out: &mut Out<'_>) {
        let is_limited = self.limits.is_limited(channel);
        for node in self.others_up() {
            tell(node, Talk::Limit(channel, Limiting::Set(is_limited)), out);
        }
    }

    /// Queues of this node want to deliver to channels of others, which have a limit.
    pub(super) fn ask_for_room(&mut self, out: &mut Out<'_>) {
        for (channel, queue) in self.limits.take_asks() {
            tell(channel.node, Talk::Limit(channel, Limiting::Ask(queue)), out);
        }
    }

    /// A queue of another node has waited for room, or asks for it.
    pub(super) fn make_room(
        &mut self,
        home: NodeId,
        channel: ChannelId,
        queue: QueueId,
        out: &mut Out<'_>,
    ) {
        if self.limits.reserves(channel, queue) {
            tell(home, Talk::Limit(channel, Limiting::Grant(queue)), out);
        }
    }

    /// Another node says something about the limit of a channel.
    pub(super) fn limiting(
        &mut self,
        from: NodeId,
        channel: ChannelId,
        limiting: Limiting,
        out: &mut Out<'_>,
    ) {
        match limiting {
            Limiting::Set(is_limited) => {
                let again = self.limits.set_far(channel, is_limited);
                self.run_again(channel, again, out);
            }
            Limiting::Ask(queue) if self.has_channel(channel) => {
                self.make_room(from, channel, queue, out);
            }
            Limiting::Ask(_) => {}
            Limiting::Grant(queue) => {
                self.limits.granted(channel, queue);
                self.with_queue(queue, out, |queue, means| queue.unblock(channel, means));
                self.run(queue, out);
                let unused = self.limits.unused(channel);
                if unused > 0 {
                    tell(from, Talk::Limit(channel, Limiting::Back(unused)), out);
                }
            }
            Limiting::Back(count) => self.settled(channel, count, out),
        }
    }
}
