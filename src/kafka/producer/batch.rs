//! A batch at its producer, from the first record to the acknowledgement.

use crate::kafka::command::OutgoingRecord;
use crate::kafka::message::{ID_HEADER, decimal};
use crate::kafka::record::BatchBuilder;
use crate::kafka::record::builder::{Fields, ProducerStamp, batch_bytes_most};
use crate::kafka::record::header::stamp_producer;
use crate::sim::{MessageId, Time};
use bytes::{Bytes, BytesMut};

#[derive(Clone, Debug)]
enum Content {
    Open(BatchBuilder),
    Closed(Bytes),
}

/// Records of one partition that travel together.
#[derive(Clone, Debug)]
pub struct ProducerBatch {
    /// By which an answer finds it.
    pub id: u64,
    /// The messages, in order.
    pub messages: Vec<MessageId>,
    /// When its first record came.
    pub created_at: Time,
    /// Bytes of the buffer that it holds.
    pub reserved_bytes: u64,
    /// How often it was sent in vain.
    pub attempts: u32,
    /// Not to be sent again before this instant.
    pub retry_at: Time,
    /// Id, epoch and sequence that it was given.
    pub stamp: Option<ProducerStamp>,
    content: Content,
    limit_bytes: u64,
    /// True once a record did not fit.
    is_closed: bool,
}

/// How a record will stand in the log: looked at once, asked for often.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The message's number as decimal text, at the end.
    digits: ([u8; 20], usize),
    content: usize,
}

impl Measured {
    /// Measures a record.
    pub fn of(record: &OutgoingRecord) -> Measured {
        let mut measured = Measured { digits: decimal(record.id.0), content: 0 };
        measured.content = measured.with_fields(record, |fields| fields.content_bytes());
        measured
    }

    /// The most bytes that it can need in a batch of its own.
    pub fn bytes_most(&self) -> u64 {
        batch_bytes_most(self.content) as u64
    }

    /// Its fields in the log, given to `take`.
    fn with_fields<T>(&self, record: &OutgoingRecord, take: impl FnOnce(&Fields<'_>) -> T) -> T {
        let (digits, start) = &self.digits;
        let id = (ID_HEADER, Some(&digits[*start..]));
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        if record.headers.is_empty() {
            return take(&Fields { key, value, headers: &[id] });
        }
        let own = record.headers.iter().map(|(name, value)| (&**name, value.as_deref()));
        take(&Fields { key, value, headers: &own.chain([id]).collect::<Vec<_>>() })
    }
}

impl ProducerBatch {
    /// A batch for this record and those that follow, up to `batch_size` bytes.
    pub fn new(
        id: u64,
        (reserved_bytes, batch_size): (u64, u64),
        attributes: i16,
        now: Time,
    ) -> ProducerBatch {
        ProducerBatch {
            id,
            messages: Vec::new(),
            created_at: now,
            reserved_bytes,
            attempts: 0,
            retry_at: Time::ZERO,
            stamp: None,
            content: Content::Open(BatchBuilder::new(
                attributes,
                reserved_bytes.min(16_384) as usize,
            )),
            limit_bytes: reserved_bytes.max(batch_size),
            is_closed: false,
        }
    }

    /// Adds a record if there is room; the first always has room. Returns the bytes that it
    /// added, the batch's header among the first record's.
    pub fn try_push(
        &mut self,
        (record, measured): (&OutgoingRecord, &Measured),
        timestamp: i64,
    ) -> Option<u64> {
        let Content::Open(builder) = &mut self.content else { return None };
        if self.is_closed {
            return None;
        }
        let first = builder.records() == 0;
        let before = if first { 0 } else { builder.size_bytes() };
        let limit = if first { usize::MAX } else { self.limit_bytes as usize };
        let pushed = measured.with_fields(record, |fields| {
            builder.push_within(limit, timestamp, (fields, measured.content))
        });
        if !pushed {
            self.is_closed = true;
            return None;
        }
        let added = builder.size_bytes() - before;
        self.messages.push(record.id);
        Some(added as u64)
    }

    /// True if no record can be added any more.
    pub fn is_full(&self) -> bool {
        match &self.content {
            Content::Open(builder) => {
                self.is_closed || builder.size_bytes() as u64 >= self.limit_bytes
            }
            Content::Closed(_) => true,
        }
    }

    /// How many records it holds.
    pub fn records(&self) -> i32 {
        self.messages.len() as i32
    }

    /// Its size on the wire.
    pub fn size_bytes(&self) -> u64 {
        match &self.content {
            Content::Open(builder) => builder.size_bytes() as u64,
            Content::Closed(bytes) => bytes.len() as u64,
        }
    }

    /// Its bytes, closed with this stamp; the same bytes again for the same stamp.
    pub fn close(&mut self, stamp: ProducerStamp) -> Bytes {
        let bytes = match std::mem::replace(&mut self.content, Content::Closed(Bytes::new())) {
            Content::Open(builder) => builder.close(stamp),
            Content::Closed(bytes) if self.stamp == Some(stamp) => bytes,
            Content::Closed(bytes) => {
                let mut again = BytesMut::from(&bytes[..]);
                stamp_producer(&mut again, stamp.id, stamp.epoch, stamp.base_sequence);
                again.freeze()
            }
        };
        self.stamp = Some(stamp);
        self.content = Content::Closed(bytes.clone());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::record::BatchHeader;
    use crate::kafka::record::header::crc_matches;

    fn record(id: u64) -> OutgoingRecord {
        let value = Some(Bytes::from_static(b"0123456789"));
        OutgoingRecord {
            id: MessageId(id),
            topic: "t".into(),
            partition: None,
            key: None,
            value,
            headers: Vec::new(),
        }
    }

    fn push(batch: &mut ProducerBatch, id: u64) -> Option<u64> {
        let record = record(id);
        batch.try_push((&record, &Measured::of(&record)), 0)
    }

    #[test]
    fn a_batch_takes_records_up_to_its_size_and_a_large_one_alone() {
        let mut batch = ProducerBatch::new(1, (100, 100), 0, Time::ZERO);
        assert!(push(&mut batch, 1).is_some());
        // 61 of the header; 1 + 1 + 1 + 1 + 1 + 11 + 1 + 3 + 2 for a record.
        assert_eq!(batch.size_bytes(), 83);
        assert!(push(&mut batch, 2).is_none(), "105 bytes are over 100");
        assert!(batch.is_full(), "and it takes no more");
        let mut tiny =
            ProducerBatch::new(2, (Measured::of(&record(3)).bytes_most(), 0), 0, Time::ZERO);
        assert!(push(&mut tiny, 3).is_some(), "the first record always fits");
    }

    #[test]
    fn a_new_stamp_changes_only_the_stamp() {
        let mut batch = ProducerBatch::new(1, (100, 100), 0, Time::ZERO);
        push(&mut batch, 1);
        let first = batch.close(ProducerStamp { id: 7, epoch: 0, base_sequence: 4 });
        let again = batch.close(ProducerStamp { id: 7, epoch: 1, base_sequence: 0 });
        assert_eq!(first.len(), again.len());
        assert_eq!(first[57..], again[57..], "the records are the same");
        let header = BatchHeader::parse(&again).expect("it is a batch");
        assert_eq!((header.producer_epoch, header.base_sequence), (1, 0));
        assert!(crc_matches(&again));
    }
}
