//! Streams: a queue that is a log. What is read stays, and everybody reads for himself.
//!
//! A message gets the next **offset** and is written behind all others. Messages that come together
//! are written together, as a [chunk]; a publish is confirmed when its chunk is written. It is not
//! flushed: a crash of the broker keeps it, a power cut need not.
//!
//! Chunks lie in **segments**, each with an index. When a segment is full a new one begins, and
//! then the **retention** is looked at: the oldest segments go while the stream has more bytes than
//! `x-max-length-bytes`, or while all they hold is older than `x-max-age`; the last one always
//! stays. Nothing else removes a message: not reading, not rejecting, not a purge.
//!
//! A consumer begins where its `x-stream-offset` says and gets every message from there on. It must
//! have a prefetch, which is its credit: each delivery takes one, each answer (whether `basic.ack`,
//! `nack` or `reject`) gives one back, and does nothing else. So many consumers read one stream,
//! and none takes anything from another.
//!
//! - [`chunk`]: the bytes;
//! - [`log`]: segments, writing, retention;
//! - [`reader`]: where a consumer is;
//! - [`delivery`]: what it is sent;
//! - [`recovery`]: what is there after a boot.
//!
//! Simplified: one member, in the node where it was declared; a message lies in its chunk as it
//! does in other queues, not as AMQP 1.0; neither sub-batches nor filters; an index entry also has
//! the numbers that the laboratory knows the messages by.

pub mod chunk;
pub mod delivery;
pub mod log;
pub mod reader;
pub mod recovery;

pub use log::Stream;
pub use reader::Start;
