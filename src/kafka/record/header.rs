//! The header of a record batch, its checksum and the stamp of the leader.

/// Bytes of the header; the records follow.
pub const HEADER_BYTES: usize = 61;
/// Bytes of base offset and length, which the length does not count.
pub const LOG_OVERHEAD: usize = 12;
/// Where the checksum begins to count: base offset, length, leader epoch, magic and the checksum
/// itself lie before it.
const CRC_FROM: usize = 21;
/// Where the leader epoch stands.
const LEADER_EPOCH_AT: usize = 12;

/// The codec bits of the attributes; 0 is no compression.
pub const CODEC_MASK: i16 = 0x07;
/// Set if the time of every record is the leader's clock at the append.
pub const LOG_APPEND_TIME: i16 = 0x08;
/// Set if the batch belongs to a transaction.
pub const TRANSACTIONAL: i16 = 0x10;
/// Set if the batch holds a marker of the broker instead of records of a client.
pub const CONTROL: i16 = 0x20;
/// Set if the base timestamp is the time at which tombstones may go.
pub const DELETE_HORIZON: i16 = 0x40;

/// Everything that stands before the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record; the leader's to write.
    pub base_offset: i64,
    /// Bytes behind this field: the whole batch less 12.
    pub batch_length: i32,
    /// Epoch of the leader that appended it; -1 before that.
    pub partition_leader_epoch: i32,
    /// Format version; 2.
    pub magic: i8,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec, kind of time, transaction, control, delete horizon.
    pub attributes: i16,
    /// Offset of the last record less the base offset; compaction keeps it.
    pub last_offset_delta: i32,
    /// Time of the first record, or the delete horizon.
    pub base_timestamp: i64,
    /// Largest time of all records.
    pub max_timestamp: i64,
    /// Who made it; -1 without idempotence.
    pub producer_id: i64,
    /// The producer's epoch; -1 without.
    pub producer_epoch: i16,
    /// Sequence number of the first record; -1 without.
    pub base_sequence: i32,
    /// How many records there are.
    pub records_count: i32,
}

fn field<const N: usize>(bytes: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("a field lies within the header")
}

impl BatchHeader {
    /// Reads a header from the front of these bytes; `None` if there are not enough of them.
    pub fn parse(bytes: &[u8]) -> Option<BatchHeader> {
        Some(BatchHeader::read(bytes.first_chunk()?))
    }

    /// Reads a header. Whether its numbers make sense is asked by [`BatchHeader::is_sound`].
    pub fn read(bytes: &[u8; HEADER_BYTES]) -> BatchHeader {
        BatchHeader {
            base_offset: i64::from_be_bytes(field(bytes, 0)),
            batch_length: i32::from_be_bytes(field(bytes, 8)),
            partition_leader_epoch: i32::from_be_bytes(field(bytes, LEADER_EPOCH_AT)),
            magic: i8::from_be_bytes(field(bytes, 16)),
            crc: u32::from_be_bytes(field(bytes, 17)),
            attributes: i16::from_be_bytes(field(bytes, CRC_FROM)),
            last_offset_delta: i32::from_be_bytes(field(bytes, 23)),
            base_timestamp: i64::from_be_bytes(field(bytes, 27)),
            max_timestamp: i64::from_be_bytes(field(bytes, 35)),
            producer_id: i64::from_be_bytes(field(bytes, 43)),
            producer_epoch: i16::from_be_bytes(field(bytes, 51)),
            base_sequence: i32::from_be_bytes(field(bytes, 53)),
            records_count: i32::from_be_bytes(field(bytes, 57)),
        }
    }

    /// Writes the header in front of records; the checksum is the one it holds.
    pub fn write(&self, bytes: &mut [u8]) {
        bytes[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        bytes[16] = self.magic as u8;
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.records_count.to_be_bytes());
    }

    /// Bytes of the whole batch, as far as the length can be believed.
    pub fn size_bytes(&self) -> usize {
        self.batch_length.max(0) as usize + LOG_OVERHEAD
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.wrapping_add(i64::from(self.last_offset_delta))
    }

    /// Offset behind the last record.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// Sequence number of the last record: they go round after 2147483647.
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence {
            -1 => -1,
            base => sequence_after(base, self.last_offset_delta),
        }
    }

    /// True if the batch comes from an idempotent producer.
    pub fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }

    /// True for a marker of the broker.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// True if it belongs to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// True if the records' times are the leader's.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// True if the length can hold a header, the version is 2 and the offsets run forward.
    pub fn is_sound(&self) -> bool {
        self.size_bytes() >= HEADER_BYTES
            && self.magic == 2
            && self.base_offset >= 0
            && self.last_offset_delta >= 0
            && self.base_offset.checked_add(i64::from(self.last_offset_delta)).is_some()
            && self.records_count >= 0
    }
}

/// The sequence number so many records further: 0 follows 2147483647.
pub fn sequence_after(sequence: i32, records: i32) -> i32 {
    ((i64::from(sequence) + i64::from(records)) & i64::from(i32::MAX)) as i32
}

/// CRC-32C (Castagnoli).
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// The checksum that these bytes of a whole batch should carry.
pub fn crc_of(batch: &[u8]) -> u32 {
    crc32c(&batch[CRC_FROM..])
}

/// True if a whole batch carries the checksum of its bytes.
pub fn crc_matches(batch: &[u8]) -> bool {
    BatchHeader::parse(batch).is_some_and(|header| header.crc == crc_of(batch))
}

/// The leader's stamp, in place: neither field is covered by the checksum.
pub fn stamp(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    batch[0..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LEADER_EPOCH_AT..LEADER_EPOCH_AT + 4].copy_from_slice(&leader_epoch.to_be_bytes());
}

/// Gives every record the leader's time (`message.timestamp.type=LogAppendTime`): the deltas in
/// the records stay, the checksum is made anew.
pub fn stamp_append_time(batch: &mut [u8], timestamp: i64) {
    let attributes = i16::from_be_bytes([batch[21], batch[22]]) | LOG_APPEND_TIME;
    batch[21..23].copy_from_slice(&attributes.to_be_bytes());
    batch[35..43].copy_from_slice(&timestamp.to_be_bytes());
    let crc = crc_of(batch);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// Another producer epoch and sequence for a batch that was closed: the checksum is made anew.
pub fn stamp_producer(batch: &mut [u8], id: i64, epoch: i16, base_sequence: i32) {
    batch[43..51].copy_from_slice(&id.to_be_bytes());
    batch[51..53].copy_from_slice(&epoch.to_be_bytes());
    batch[53..57].copy_from_slice(&base_sequence.to_be_bytes());
    let crc = crc_of(batch);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}
