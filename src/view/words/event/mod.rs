//! One sentence for each kind of event. Its placeholders are the event's own fields, and `by`, the
//! process that told it.

mod en;
mod ko;

super::texts! {
    /// Sentences of events.
    Event {
        kafka_answered, kafka_appended, kafka_broker_started, kafka_client_error,
        kafka_share_acquired, kafka_share_returned, kafka_client_crashed, kafka_result_written,
        kafka_transaction_begun, kafka_transaction_committed, kafka_transaction_aborted,
        kafka_transaction_fenced, kafka_transaction_late, kafka_transaction_loaded,
        kafka_transaction_decided, kafka_marker_written, kafka_transaction_completed,
        kafka_store_restored, kafka_client_finished, kafka_client_ready, kafka_fetch_parked, kafka_fetch_sent,
        kafka_fetched, kafka_fetched_nothing, kafka_high_watermark_advanced, kafka_log_recovered,
        kafka_group_empty, kafka_group_epoch_bumped, kafka_member_joined, kafka_member_left,
        kafka_member_silent, kafka_member_late, kafka_offset_expired, kafka_partitions_assigned,
        kafka_partitions_none, kafka_partitions_lost, kafka_partitions_revoked,
        kafka_rebalance_completed, kafka_rebalance_started,
        kafka_offset_committed, kafka_offset_reset, kafka_processed, kafka_processing_started,
        kafka_produce_acknowledged, kafka_produce_failed, kafka_produce_sent, kafka_produce_stored,
        kafka_broker_fenced, kafka_broker_unfenced, kafka_controller_elected,
        kafka_controller_resigned, kafka_controller_started, kafka_isr_changed,
        kafka_session_expired, kafka_stale_controller_refused, kafka_zookeeper_leader_elected,
        kafka_zookeeper_started,
        kafka_leader_elected, kafka_leader_started, kafka_log_compacted, kafka_log_start_advanced,
        kafka_log_truncated, kafka_replicated,
        kafka_producer_buffered, kafka_segment_rolled, kafka_topic_created, kafka_topic_deleted,
        lab_message_sent, lab_network, lab_process_stopped, lab_process_crashed,
        lab_process_started, lab_process_paused, lab_process_resumed, lab_process_power_cut,
        lab_producer_done,
        rabbit_acknowledged, rabbit_answered, rabbit_bound, rabbit_client_error,
        rabbit_client_ready, rabbit_confirmed, rabbit_consumer_gone, rabbit_consumer_registered,
        rabbit_delivered, rabbit_redelivered, rabbit_enqueued, rabbit_exchange_declared,
        rabbit_got, rabbit_handler_failed, rabbit_recovered, rabbit_node_started, rabbit_out_of_memory, rabbit_processed,
        rabbit_processing_started, rabbit_published, rabbit_pushed, rabbit_queue_declared,
        rabbit_queue_deleted, rabbit_queue_recovered, rabbit_refused, rabbit_removed,
        rabbit_delayed, rabbit_requeued, rabbit_returned, rabbit_routed, rabbit_unroutable, rabbit_written,
        rabbit_alarm_cleared, rabbit_alarm_set, rabbit_connection_blocked,
        rabbit_connection_unblocked, rabbit_connection_flow, rabbit_dead_lettered,
        rabbit_segment_deleted,
        rabbit_client_crashed, rabbit_leader_elected, rabbit_node_down, rabbit_node_paused, rabbit_partition_lost,
        rabbit_mirror_promoted,
        rabbit_node_up,
        unknown, default_exchange,
    }
}
