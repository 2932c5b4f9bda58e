//! Names of facts and figures that are ours, and the reasons why a message waits or went. The real
//! systems' own names stay as they are.

mod en;
mod ko;

super::texts! {
    /// Names and reasons.
    Fact {
        partition, offset, broker, consumer, consumers, group, exchange, routing_key, queue,
        queues, position, place_in_queue, batch, high_watermark, delivery_tag, redelivered,
        reason, producer, key, got, done, held, held_bytes, unacked, kind, durable, binding,
        members, leader_epoch, memory, prefetch, yes, no, none, default_exchange, not_asked,
        not_visible, no_consumer, no_slot, returned, dropped, rejected, purged, auto_ack, taken,
        not_recovered, not_mirrored, queue_deleted, delay, delayed,
    }
}
