//! Record batches, magic 2: the bytes that a producer makes, a leader stamps, a disk keeps and a
//! consumer reads, all of them the same bytes.
//!
//! A batch is a header of 61 bytes and the records. The leader writes only the base offset and the
//! leader epoch, and both lie outside the checksum, so a batch travels through the broker without
//! being decoded. Numbers inside records are zig-zag [`varint`]s and relative to the header.
//!
//! - [`header`]: the 61 bytes, the checksum, the leader's stamp.
//! - [`builder`]: how a producer fills a batch record by record.
//! - [`reader`]: the records of a batch, one after the other, without copying.
//! - [`stream`]: batch after batch through bytes that may be torn or corrupt.
//!
//! Simplified: no compression codec is built in (the attribute bits are read and kept; a batch
//! that is compressed is passed on, but its records cannot be looked at).

pub mod builder;
pub mod flexible;
pub mod header;
pub mod reader;
pub mod stream;
pub mod varint;

pub use builder::BatchBuilder;
pub use header::{BatchHeader, HEADER_BYTES};
pub use reader::{Record, Records};
pub use stream::BatchStream;
