//! Texts of the picture.

mod en;
mod ko;

super::texts! {
    /// Texts of the picture.
    Picture {
        kafka, rabbit, pull_word, push_word, pull_meaning, push_meaning, server_label,
        fetch_way, records_way, ack_way, deliver_way, no_consumer, more_consumers, consumer_title,
        slot_unit, at_work, nearly_full, asked, idle, kafka_consumer_label, rabbit_consumer_label, held_count, done_count,
        no_producer, producer, sent_count, same_message, producer_title, producer_label,
        no_topic, partition_title, record_count, leader, no_leader, partition_label, record_label,
        not_visible, committed, not_committed, lag, in_sync, out_of_sync,
        no_queue, queue_title, transient, queue_label, queue_label_delayed, unacked, delayed, ready, empty_queue, is_unacked, is_delayed,
        is_ready, message_label, redelivered, default_exchange, exchange, exchange_label,
        density_cards, density_squares, density_bars, density_figures, bet, bet_nowhere, more_arrived,
    }
}
