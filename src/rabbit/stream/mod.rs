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
//! In a cluster every node has a **member** (or as many as `x-initial-cluster-size` says): one is
//! the leader, which alone writes; the others are replicas, which ask it for the chunks that they
//! do not have. What a majority has is **committed**: only that is confirmed, counted, and read. A
//! consumer reads from the member of the node that it is connected to.
//!
//! When the leader's node is down, a new **epoch** begins: the members stop, tell how far their log
//! goes, and as soon as a majority has done so the best log leads. A replica that has more than its
//! leader, chunks that were never committed, cuts them off. Who had published and heard no
//! confirm sends again, and the numbers in the chunks (see [`chunk::Mark`]) keep what is there
//! already from being there twice.
//!
//! - [`chunk`]: the bytes;
//! - [`log`]: segments, writing, retention;
//! - [`shared`]: what is committed, and what may have to be cut off;
//! - [`member`]: who leads, what members say to each other, what waits for its confirm;
//! - [`reader`]: where a consumer is;
//! - [`delivery`]: what it is sent;
//! - [`recovery`]: what is there after a boot.
//!
//! Simplified: a message lies in its chunk as it
//! does in other queues, not as AMQP 1.0; neither sub-batches nor filters; an index entry also has
//! the numbers that the laboratory knows the messages by.

pub mod chunk;
pub mod delivery;
pub mod log;
pub mod member;
pub mod reader;
pub mod recovery;
pub mod shared;

pub use log::Stream;
pub use reader::Start;
