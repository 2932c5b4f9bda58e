//! What a broker forgets: segments that are too old or too much, and what it is told to delete.

use super::server::{Call, Server, write_epochs};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::Response;
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};

/// In DeleteRecords: everything up to the high watermark.
const HIGH_WATERMARK: i64 = -1;

impl Server {
    /// Every `log.retention.check.interval.ms`.
    pub(super) fn delete_old_segments(&mut self, out: &mut Out<'_>) {
        out.timer(Timer::Retention, self.config.retention_check);
        let all: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
        for key in all {
            let Some(partition) = self.partitions.get_mut(&key) else { continue };
            let (before, now) = (partition.log.log_start(), now_ms(out.now()));
            if !partition.log.delete_old(now, partition.high_watermark(), out) {
                continue;
            }
            self.log_start_moved(&key, before, out);
        }
    }

    fn log_start_moved(&mut self, key: &TopicPartition, before: i64, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let offset = partition.log.log_start();
        partition.bound_high_watermark();
        if offset == before {
            return;
        }
        if partition.log.epochs.truncate_from_start(offset) {
            write_epochs(partition, out);
        }
        let (broker, partition) = (self.id, key.clone());
        out.emit(Event::LogStartAdvanced { broker, partition, offset });
    }

    /// Records before these offsets may no longer be read; whole segments of them go.
    pub(super) fn delete_records(
        &mut self,
        call: &Call,
        partitions: Vec<(TopicPartition, i64)>,
        out: &mut Out<'_>,
    ) {
        let mut results = Vec::with_capacity(partitions.len());
        for (key, offset) in partitions {
            let result = self.delete_before(&key, offset, out);
            results.push((key, result));
        }
        call.answer(Response::DeleteRecords(results), out);
    }

    fn delete_before(
        &mut self,
        key: &TopicPartition,
        offset: i64,
        out: &mut Out<'_>,
    ) -> Result<i64, ErrorCode> {
        let partition = self.partitions.get_mut(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        partition.leadership().ok_or(ErrorCode::NotLeaderOrFollower)?;
        if !partition.config().is_deleted {
            return Err(ErrorCode::PolicyViolation);
        }
        let high_watermark = partition.high_watermark();
        let offset = if offset == HIGH_WATERMARK { high_watermark } else { offset };
        if offset < 0 || offset > high_watermark {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let before = partition.log.log_start();
        partition.log.set_log_start(offset);
        self.log_start_moved(key, before, out);
        let partition = self.partitions.get(key).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        Ok(partition.log.log_start())
    }
}
