//! The public names of all events, so that a mistyped one can be told from one that has not
//! happened yet.

/// Every name that [`Event::name`](super::event::Event::name) can give, in order.
pub const NAMES: &[&str] = &[
    "kafka.answered",
    "kafka.appended",
    "kafka.broker_fenced",
    "kafka.broker_started",
    "kafka.broker_unfenced",
    "kafka.client_crashed",
    "kafka.client_error",
    "kafka.client_finished",
    "kafka.client_ready",
    "kafka.controller_elected",
    "kafka.controller_resigned",
    "kafka.controller_started",
    "kafka.fetch_parked",
    "kafka.fetch_sent",
    "kafka.fetched",
    "kafka.fetched_nothing",
    "kafka.group_empty",
    "kafka.group_epoch_bumped",
    "kafka.high_watermark_advanced",
    "kafka.isr_changed",
    "kafka.leader_elected",
    "kafka.leader_started",
    "kafka.log_compacted",
    "kafka.log_recovered",
    "kafka.log_start_advanced",
    "kafka.log_truncated",
    "kafka.member_joined",
    "kafka.member_left",
    "kafka.offset_committed",
    "kafka.offset_expired",
    "kafka.offset_reset",
    "kafka.partitions_assigned",
    "kafka.partitions_lost",
    "kafka.partitions_revoked",
    "kafka.processed",
    "kafka.processing_started",
    "kafka.produce_acknowledged",
    "kafka.produce_failed",
    "kafka.produce_sent",
    "kafka.producer_buffered",
    "kafka.rebalance_completed",
    "kafka.rebalance_started",
    "kafka.replicated",
    "kafka.result_written",
    "kafka.segment_rolled",
    "kafka.share_acquired",
    "kafka.share_returned",
    "kafka.topic_created",
    "kafka.topic_deleted",
    "lab.message_sent",
    "lab.network",
    "lab.process",
    "lab.producer_done",
    "rabbit.acknowledged",
    "rabbit.alarm_cleared",
    "rabbit.alarm_set",
    "rabbit.answered",
    "rabbit.bound",
    "rabbit.client_error",
    "rabbit.client_ready",
    "rabbit.confirmed",
    "rabbit.connection_blocked",
    "rabbit.connection_unblocked",
    "rabbit.consumer_gone",
    "rabbit.consumer_registered",
    "rabbit.dead_lettered",
    "rabbit.delivered",
    "rabbit.enqueued",
    "rabbit.exchange_declared",
    "rabbit.got",
    "rabbit.handler_failed",
    "rabbit.node_started",
    "rabbit.out_of_memory",
    "rabbit.processed",
    "rabbit.processing_started",
    "rabbit.published",
    "rabbit.pushed",
    "rabbit.queue_declared",
    "rabbit.queue_deleted",
    "rabbit.queue_recovered",
    "rabbit.recovered",
    "rabbit.refused",
    "rabbit.removed",
    "rabbit.requeued",
    "rabbit.returned",
    "rabbit.routed",
    "rabbit.unroutable",
    "rabbit.written",
];

#[cfg(test)]
mod tests {
    use super::NAMES;

    #[test]
    fn every_event_is_named_here() {
        let sources = [
            include_str!("../kafka/event.rs"),
            include_str!("../rabbit/event.rs"),
            include_str!("event.rs"),
        ];
        let named = sources.iter().flat_map(|source| source.split("=> \"").skip(1));
        let mut named: Vec<&str> = named.filter_map(|rest| rest.split('"').next()).collect();
        named.retain(|name| name.contains('.'));
        named.sort_unstable();
        assert_eq!(named, NAMES);
    }
}
