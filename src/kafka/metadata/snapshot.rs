//! A snapshot of the metadata log (KIP-630): all that the records up to an offset add up to, as
//! records, in one file.
//!
//! The file is `OFFSET-EPOCH.checkpoint`: the offset behind the last record that is in it and the
//! epoch of that record. It holds batches as a log does, counted from offset 0: a control record
//! that says when the last record in it was made (SnapshotHeader, 3), the records, and a control
//! record that says that this is all (SnapshotFooter, 4).

use super::METADATA_TOPIC;
use super::records::MetadataRecord;
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::kafka::record::header::{CONTROL, crc_matches, stamp};
use crate::kafka::record::varint::{read_unsigned, write_unsigned};
use crate::kafka::record::{BatchHeader, BatchStream, Records};
use crate::sim::Rope;
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt;

/// What the names of snapshots end with.
pub const SUFFIX: &str = ".checkpoint";

/// The control records that begin and end a snapshot.
const HEADER: i16 = 3;
const FOOTER: i16 = 4;

/// The tagged field of the header that counts the batches. Of the lab alone: here the voters count
/// batches, where real ones count offsets.
const BATCHES: u64 = 1_000;

/// Records of one batch.
const BATCH_RECORDS: usize = 500;

/// Up to where a snapshot goes. Prints as its file's name does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotId {
    /// The offset behind the last record that is in it.
    pub offset: i64,
    /// The epoch of that record.
    pub epoch: i32,
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:020}-{:010}", self.offset, self.epoch)
    }
}

impl SnapshotId {
    /// The file it lies in.
    pub fn file(&self) -> String {
        format!("{METADATA_TOPIC}-0/{self}{SUFFIX}")
    }

    /// Reads the name of a file, without its directory.
    pub fn of_file(name: &str) -> Option<SnapshotId> {
        let (offset, epoch) = name.strip_suffix(SUFFIX)?.split_once('-')?;
        Some(SnapshotId { offset: offset.parse().ok()?, epoch: epoch.parse().ok()? })
    }
}

/// What stands at the beginning of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotHeader {
    /// When the last record that is in it was made, in milliseconds since 1970.
    pub last_contained_ms: i64,
    /// How many batches of the log it stands for.
    pub batches: u64,
}

impl SnapshotHeader {
    /// Reads the value of its record.
    pub fn decode(bytes: &[u8]) -> Option<SnapshotHeader> {
        let (_version, rest) = bytes.split_first_chunk::<2>()?;
        let (time, mut rest) = rest.split_first_chunk::<8>()?;
        let mut header =
            SnapshotHeader { last_contained_ms: i64::from_be_bytes(*time), batches: 0 };
        for _ in 0..read_unsigned(&mut rest, 5)? {
            let (tag, len) = (read_unsigned(&mut rest, 5)?, read_unsigned(&mut rest, 5)?);
            let (mut field, behind) = rest.split_at_checked(len as usize)?;
            rest = behind;
            if tag == BATCHES {
                header.batches = read_unsigned(&mut field, 10)?;
            }
        }
        Some(header)
    }

    fn encode(&self) -> BytesMut {
        let mut count = BytesMut::new();
        write_unsigned(&mut count, self.batches);
        let mut out = BytesMut::new();
        out.put_i16(0);
        out.put_i64(self.last_contained_ms);
        for number in [1, BATCHES, count.len() as u64] {
            write_unsigned(&mut out, number);
        }
        out.put_slice(&count);
        out
    }
}

/// The bytes of a snapshot.
pub fn encode(
    id: SnapshotId,
    header: SnapshotHeader,
    records: &[MetadataRecord],
    now_ms: i64,
) -> Bytes {
    let mut out = BytesMut::new();
    let mut offset = 0;
    let mut close = |builder: BatchBuilder, count: i64| {
        let mut batch = BytesMut::from(&*builder.close(ProducerStamp::NONE));
        stamp(&mut batch, offset, id.epoch);
        offset += count;
        out.extend_from_slice(&batch);
    };
    let control = |kind: i16, value: &[u8]| {
        let mut builder = BatchBuilder::new(CONTROL, 0);
        let [high, low] = kind.to_be_bytes();
        let key = [0, 0, high, low];
        builder.push(now_ms, &Fields { key: Some(&key), value: Some(value), headers: &[] });
        builder
    };
    close(control(HEADER, &header.encode()), 1);
    for some in records.chunks(BATCH_RECORDS) {
        let mut builder = BatchBuilder::new(0, 0);
        for record in some {
            let value = record.encode();
            builder.push(now_ms, &Fields { value: Some(&value), ..Fields::default() });
        }
        close(builder, some.len() as i64);
    }
    // Version 0, no tagged fields.
    close(control(FOOTER, &[0, 0, 0]), 1);
    out.freeze()
}

/// Reads a snapshot; `None` if it does not end as one does.
pub fn decode(bytes: &Bytes) -> Option<(SnapshotHeader, Vec<MetadataRecord>)> {
    let rope = Rope::from(bytes.clone());
    let mut stream = BatchStream::of(&rope);
    let (mut header, mut is_whole, mut records) = (None, false, Vec::new());
    while let Some((batch, bytes)) = stream.next_batch() {
        if !crc_matches(&bytes) {
            return None;
        }
        match is_control(&batch, &bytes) {
            Some((HEADER, value)) => header = SnapshotHeader::decode(&value),
            Some((FOOTER, _)) => is_whole = true,
            Some(_) => {}
            None => records.extend(MetadataRecord::all_of(&bytes)),
        }
    }
    Some((header?, records)).filter(|_| is_whole)
}

/// The type and the value of a control record.
fn is_control(header: &BatchHeader, batch: &[u8]) -> Option<(i16, Vec<u8>)> {
    let record = Records::of(batch)?.next().filter(|_| header.is_control())?;
    let kind = record.key?.get(2..4)?;
    Some((i16::from_be_bytes([kind[0], kind[1]]), record.value.unwrap_or_default().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_what_is_in_it() {
        let id = SnapshotId { offset: 25, epoch: 3 };
        assert_eq!(id.to_string(), "00000000000000000025-0000000003");
        assert_eq!(SnapshotId::of_file(&format!("{id}{SUFFIX}")), Some(id));
        assert_eq!(SnapshotId::of_file("leader-epoch-checkpoint"), None);
    }

    #[test]
    fn a_snapshot_reads_back_and_a_torn_one_does_not() {
        let next = |next| MetadataRecord::ProducerIds { broker: 1, next };
        let records: Vec<MetadataRecord> = (0..=BATCH_RECORDS as i64).map(next).collect();
        let header = SnapshotHeader { last_contained_ms: 77, batches: 300 };
        let bytes = encode(SnapshotId { offset: 900, epoch: 2 }, header, &records, 99);
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes.slice(..len)), None, "{len} bytes");
        }
        assert_eq!(decode(&bytes), Some((header, records)));
    }
}
