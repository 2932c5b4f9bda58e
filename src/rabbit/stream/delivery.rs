//! From a stream to its consumers.

use crate::rabbit::command::Argument;
use crate::rabbit::ids::ConsumerId;
use crate::rabbit::messages::Messages;
use crate::rabbit::queue::{Push, Queue};
use crate::rabbit::storage_v2::Means;
use crate::rabbit::stream::reader::Reads;
use std::rc::Rc;

/// The header that tells the offset of a message.
const OFFSET_HEADER: &str = "x-stream-offset";

/// A delivery has the offset in its lower bits, and whose it is above them.
const OFFSET_BITS: u32 = 40;

impl Queue {
    /// The next delivery of a stream, if a consumer has credit and its message is read.
    pub fn next_of_stream(&mut self, means: &mut Means<'_, '_>) -> Option<Push> {
        let Messages::Stream(stream) = &mut self.storage else { return None };
        let consumers = &mut self.consumers;
        stream.readers.retain(|reader| match reader.by {
            Reads::Consumer(consumer) => consumers.get(consumer).is_some(),
            Reads::Replica(_) => true,
        });
        let has_credit = |id| consumers.may_take(id);
        let (consumer, (offset, content)) = stream.next_for(has_credit, self.id, means.out)?;
        let taker = consumers.take_for(consumer)?;
        let mut content = (*content).clone();
        let headers = [(OFFSET_HEADER, Argument::Integer(offset as i64))];
        content.set_headers(headers.into_iter());
        Some(Push {
            channel: taker.channel,
            consumer,
            tag: taker.tag.clone(),
            ack_required: true,
            seq: u64::from(consumer.0) << OFFSET_BITS | offset,
            redelivered: false,
            content: Rc::new(content),
        })
    }

    /// Deliveries of a stream are answered, whatever the answer: that is credit.
    pub fn answered_to_stream(&mut self, seqs: &[u64]) {
        for seq in seqs {
            self.consumers.credit(ConsumerId((seq >> OFFSET_BITS) as u32), 1);
        }
    }
}
