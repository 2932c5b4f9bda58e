//! The records of a batch, one after the other. Keys and values are windows on the batch's bytes.

use super::header::{BatchHeader, CODEC_MASK, HEADER_BYTES};
use super::varint::{read_varint, read_varlong};
use bytes::Bytes;

/// A record as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Record<'a> {
    /// Its place in the log.
    pub offset: i64,
    /// Its time, in milliseconds since 1970.
    pub timestamp: i64,
    /// Bytes that its length counts.
    pub length: i32,
    /// Its time less the batch's base, as it stands in the bytes.
    pub timestamp_delta: i64,
    /// Its offset less the batch's base.
    pub offset_delta: i32,
    /// The key, if there is one.
    pub key: Option<&'a [u8]>,
    /// The value; a tombstone has none.
    pub value: Option<&'a [u8]>,
    headers: &'a [u8],
    headers_count: i32,
}

impl<'a> Record<'a> {
    /// Its headers in order.
    pub fn headers(&self) -> Headers<'a> {
        Headers { bytes: self.headers, left: self.headers_count }
    }

    /// The value of the last header of this name, as the real clients take it.
    pub fn last_header(&self, wanted: &str) -> Option<&'a [u8]> {
        let named = self.headers().filter(|(name, _)| *name == wanted.as_bytes());
        named.last().and_then(|(_, value)| value)
    }
}

/// Headers of a record, one after the other.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    left: i32,
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let name = take_optional(&mut self.bytes)??;
        let value = take_optional(&mut self.bytes)?;
        Some((name, value))
    }
}

/// Walks the records of one whole batch; ends early where the bytes make no sense.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    header: BatchHeader,
    rest: &'a [u8],
    left: i32,
}

impl<'a> Records<'a> {
    /// The records of these bytes of a whole batch; none of a batch that is compressed.
    pub fn of(batch: &'a [u8]) -> Option<Records<'a>> {
        let header = BatchHeader::parse(batch)?;
        let rest = batch.get(HEADER_BYTES..header.size_bytes())?;
        let readable = header.attributes & CODEC_MASK == 0;
        Some(Records { header, rest, left: if readable { header.records_count } else { 0 } })
    }

    /// The batch's header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// How many are left, as far as there are bytes for them.
    pub fn left(&self) -> usize {
        /// A record's length and six fields, each in a byte.
        const RECORD_BYTES_MIN: usize = 7;
        usize::try_from(self.left).unwrap_or(0).min(self.rest.len() / RECORD_BYTES_MIN)
    }

    fn read(&mut self) -> Option<Record<'a>> {
        let length = read_varint(&mut self.rest)?;
        let mut body = take(&mut self.rest, length)?;
        let _attributes = take(&mut body, 1)?;
        let timestamp_delta = read_varlong(&mut body)?;
        let offset_delta = read_varint(&mut body)?;
        let key = take_optional(&mut body)?;
        let value = take_optional(&mut body)?;
        let headers_count = read_varint(&mut body)?;
        let timestamp = match self.header.is_log_append_time() {
            true => self.header.max_timestamp,
            false => self.header.base_timestamp.wrapping_add(timestamp_delta),
        };
        Some(Record {
            offset: self.header.base_offset.wrapping_add(i64::from(offset_delta)),
            timestamp,
            length,
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers: body,
            headers_count,
        })
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.left <= 0 {
            return None;
        }
        self.left -= 1;
        let record = self.read();
        if record.is_none() {
            self.left = 0;
        }
        record
    }
}

/// What a control batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlMarker {
    /// Version of the key.
    pub version: i16,
    /// 0 abort, 1 commit.
    pub kind: i16,
    /// Epoch of the coordinator that wrote it.
    pub coordinator_epoch: i32,
}

impl ControlMarker {
    /// Reads the marker from a control record.
    pub fn of(record: &Record<'_>) -> Option<ControlMarker> {
        let (key, value) = (record.key?, record.value?);
        Some(ControlMarker {
            version: i16::from_be_bytes(key.get(0..2)?.try_into().ok()?),
            kind: i16::from_be_bytes(key.get(2..4)?.try_into().ok()?),
            coordinator_epoch: i32::from_be_bytes(value.get(2..6)?.try_into().ok()?),
        })
    }
}

/// Where a part of some bytes is: its beginning, and its length.
#[derive(Clone, Copy, Debug)]
pub struct Part(u32, u32);

impl Part {
    /// Where in `bytes` is what `part` was borrowed from.
    pub fn of(bytes: &Bytes, part: &[u8]) -> Part {
        let start = part.as_ptr().addr().wrapping_sub(bytes.as_ptr().addr());
        Part(start as u32, part.len() as u32)
    }

    /// The window of `bytes` there.
    pub fn window(self, bytes: &Bytes) -> Bytes {
        let Part(start, len) = self;
        bytes.slice(start as usize..start as usize + len as usize)
    }
}

fn take<'a>(bytes: &mut &'a [u8], len: i32) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(taken)
}

fn take_optional<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match read_varint(bytes)? {
        -1 => Some(None),
        len => Some(Some(take(bytes, len)?)),
    }
}
