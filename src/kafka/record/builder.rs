//! How a batch is filled, record by record, until it is closed.

use super::header::{BatchHeader, HEADER_BYTES, LOG_OVERHEAD, crc_of};
use super::varint::{
    VARINT_BYTES_MAX, encode_unsigned, varint_bytes, varlong_bytes, zigzag32, zigzag64,
};
use bytes::Bytes;

/// Bit 6 of the attributes: the base time is the delete horizon of the batch's tombstones.
pub const DELETE_HORIZON: i16 = 0x40;

/// A header of a record: a name and a value that may be missing.
pub type RecordHeader<'a> = (&'a str, Option<&'a [u8]>);

/// What a record is made of, without the place it will get.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fields<'a> {
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value; a tombstone has none.
    pub value: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a [RecordHeader<'a>],
}

/// Who makes a batch: producer id, epoch and the sequence number of the first record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// Producer id; -1 without idempotence.
    pub id: i64,
    /// Its epoch; -1 without.
    pub epoch: i16,
    /// Sequence number of the first record; -1 without.
    pub base_sequence: i32,
}

impl ProducerStamp {
    /// The stamp of a producer without idempotence.
    pub const NONE: ProducerStamp = ProducerStamp { id: -1, epoch: -1, base_sequence: -1 };
}

/// The most bytes that a batch of one record can need whose fields take so many: what a producer
/// reserves.
pub fn batch_bytes_most(content: usize) -> usize {
    // Length, attributes, timestamp delta and offset delta at their longest (MAX_RECORD_OVERHEAD).
    const RECORD_OVERHEAD: usize = 21;
    HEADER_BYTES + RECORD_OVERHEAD + content
}

fn body_bytes(offset_delta: i32, timestamp_delta: i64, content: usize) -> usize {
    1 + varlong_bytes(timestamp_delta) + varint_bytes(offset_delta) + content
}

impl Fields<'_> {
    /// Bytes of a record that do not depend on its place.
    pub fn content_bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| {
            varint_bytes(name.len() as i32) + name.len() + optional_bytes(*value)
        });
        optional_bytes(self.key)
            + optional_bytes(self.value)
            + varint_bytes(self.headers.len() as i32)
            + headers.sum::<usize>()
    }
}

fn optional_bytes(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint_bytes(bytes.len() as i32) + bytes.len())
}

/// Small things that stand together are written as one.
struct Gathered<'a> {
    out: &'a mut Vec<u8>,
    small: [u8; 64],
    len: usize,
}

impl Gathered<'_> {
    fn of(out: &mut Vec<u8>) -> Gathered<'_> {
        Gathered { out, small: [0; 64], len: 0 }
    }

    fn varint(&mut self, value: i32) {
        self.unsigned(u64::from(zigzag32(value)));
    }

    fn varlong(&mut self, value: i64) {
        self.unsigned(zigzag64(value));
    }

    fn unsigned(&mut self, value: u64) {
        if self.len + VARINT_BYTES_MAX > self.small.len() {
            self.flush();
        }
        self.len += encode_unsigned(value, &mut self.small[self.len..]);
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        self.varint(bytes.map_or(-1, |bytes| bytes.len() as i32));
        self.bytes(bytes.unwrap_or_default());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.small.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len = end;
            }
            None => {
                self.flush();
                self.out.extend_from_slice(bytes);
            }
        }
    }

    fn flush(&mut self) {
        self.out.extend_from_slice(&self.small[..self.len]);
        self.len = 0;
    }
}

/// A batch that is still open. Offsets are counted from 0: the leader gives the real ones.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    attributes: i16,
    records: i32,
    last_offset_delta: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    /// True if the base time is given and does not follow from the first record.
    is_based: bool,
}

impl BatchBuilder {
    /// An empty batch with these attributes and room for so many bytes.
    pub fn new(attributes: i16, capacity: usize) -> BatchBuilder {
        let mut bytes = Vec::with_capacity(capacity.max(HEADER_BYTES));
        bytes.resize(HEADER_BYTES, 0);
        BatchBuilder {
            bytes,
            attributes,
            records: 0,
            last_offset_delta: -1,
            base_timestamp: -1,
            max_timestamp: -1,
            is_based: false,
        }
    }

    /// The records that are left of a batch, or none. Where a delete horizon is given it stands in
    /// the place of the base time, as bit 6 of the attributes says.
    pub fn cleaned(before: &BatchHeader, horizon: Option<i64>) -> BatchBuilder {
        let mut builder = BatchBuilder::new(before.attributes, 0);
        builder.is_based = true;
        builder.base_timestamp = before.base_timestamp;
        if let Some(horizon) = horizon {
            builder.attributes |= DELETE_HORIZON;
            builder.base_timestamp = horizon;
        }
        builder
    }

    /// Closes a batch in the place of another one: offsets, epoch and producer stay.
    pub fn close_as(mut self, before: &BatchHeader) -> Bytes {
        let mut header = BatchHeader {
            batch_length: (self.bytes.len() - LOG_OVERHEAD) as i32,
            attributes: self.attributes,
            base_timestamp: if self.records == 0 { -1 } else { self.base_timestamp },
            max_timestamp: self.max_timestamp,
            records_count: self.records,
            ..*before
        };
        header.write(&mut self.bytes);
        header.crc = crc_of(&self.bytes);
        header.write(&mut self.bytes);
        self.bytes.into()
    }

    /// Bytes of the batch if it were closed now.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// How many records it holds.
    pub fn records(&self) -> i32 {
        self.records
    }

    /// Adds a record behind the ones that are there.
    pub fn push(&mut self, timestamp: i64, fields: &Fields<'_>) {
        self.push_at(self.last_offset_delta + 1, timestamp, fields);
    }

    /// Adds a record whose fields take `content` bytes behind the ones that are there, if the
    /// batch then has at most `limit` bytes; says whether it did.
    pub fn push_within(
        &mut self,
        limit: usize,
        timestamp: i64,
        (fields, content): (&Fields<'_>, usize),
    ) -> bool {
        let base = if self.records == 0 { timestamp } else { self.base_timestamp };
        let body = body_bytes(self.last_offset_delta + 1, timestamp - base, content);
        if self.bytes.len() + varint_bytes(body as i32) + body > limit {
            return false;
        }
        self.write(self.last_offset_delta + 1, timestamp, (fields, content));
        true
    }

    /// Adds a record at an offset counted from the batch's first; compaction leaves gaps.
    pub fn push_at(&mut self, offset_delta: i32, timestamp: i64, fields: &Fields<'_>) {
        self.write(offset_delta, timestamp, (fields, fields.content_bytes()));
    }

    fn write(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        (fields, content): (&Fields<'_>, usize),
    ) {
        if self.records == 0 && !self.is_based {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.records += 1;
        self.last_offset_delta = offset_delta;
        let delta = timestamp - self.base_timestamp;
        let body = body_bytes(offset_delta, delta, content);
        self.bytes.reserve(varint_bytes(body as i32) + body);
        let mut out = Gathered::of(&mut self.bytes);
        out.varint(body as i32);
        out.bytes(&[0]);
        out.varlong(delta);
        out.varint(offset_delta);
        out.optional(fields.key);
        out.optional(fields.value);
        out.varint(fields.headers.len() as i32);
        for (name, value) in fields.headers {
            out.varint(name.len() as i32);
            out.bytes(name.as_bytes());
            out.optional(*value);
        }
        out.flush();
    }

    /// Writes the header and closes the batch.
    pub fn close(mut self, producer: ProducerStamp) -> Bytes {
        let mut header = BatchHeader {
            base_offset: 0,
            batch_length: (self.bytes.len() - LOG_OVERHEAD) as i32,
            partition_leader_epoch: -1,
            magic: 2,
            crc: 0,
            attributes: self.attributes,
            last_offset_delta: self.last_offset_delta.max(0),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: producer.id,
            producer_epoch: producer.epoch,
            base_sequence: producer.base_sequence,
            records_count: self.records,
        };
        header.write(&mut self.bytes);
        header.crc = crc_of(&self.bytes);
        header.write(&mut self.bytes);
        self.bytes.into()
    }
}
