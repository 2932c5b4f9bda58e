//! Texts of the text view: the state in one sentence, and the tables.

mod en;
mod ko;

super::texts! {
    /// Texts of the text view.
    Account {
        empty, kafka_state, rabbit_state, rabbit_delayed, ledger_bad,
        kafka_paused, kafka_down, kafka_full, kafka_holds,
        rabbit_paused, rabbit_down, rabbit_full, rabbit_holds,
        partitions, queues, exchanges, consumers, producers, servers, ledger, on_the_way,
        partition, leader, isr_head, replicas, log_start, high_watermark, log_end, group,
        committed, position, lag, bytes, segments, newest, none, not_visible,
        queue, kind, durable, ready, unacked, delayed, redelivered, head, yes, no,
        exchange, bindings, default_exchange,
        name, side, state, reads, held, limit, prefetch, memory, got, done, unlimited, asking,
        working, rate, work, sent, of, acknowledged, confirmed, failed, to, all_at_once, endless,
        delivered, processed, duplicated, lost, reordered,
        what, from, compared, waiting, in_memory, place_to, count, tool,
        running, starting, paused, down, off, out_of_memory,
    }
}
