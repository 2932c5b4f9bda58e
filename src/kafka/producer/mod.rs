//! A producer: `send()` puts a record into a buffer; a sender empties the buffer in batches.
//!
//! `send()` chooses a partition and adds the record to the last open batch of that partition. A
//! batch goes when it is full (`batch.size`), has waited long enough (`linger.ms`), when memory is
//! short, or at `flush()`. A request to a broker takes one batch of each of its partitions; up to
//! `max.in.flight.requests.per.connection` are under way at once. What fails and may be tried
//! again goes back to the front of its queue; what has not succeeded `delivery.timeout.ms` after
//! `send()` is given up, and `send()` itself gives up after `max.block.ms` if the topic is not
//! known or the buffer (`buffer.memory`) stays full.
//!
//! With idempotence each batch carries the producer's id and epoch and a sequence number, given
//! when it first leaves and kept in all retries: so the broker recognises a retry ([`sequences`]).
//!
//! - [`batch`]: a batch from its first record to its acknowledgement.
//! - [`accumulator`]: the buffer: queues of batches, memory.
//! - [`sequences`]: producer id, epoch, and the next sequence number of each partition.
//! - [`sender`]: what leaves when, and what becomes of the answers.
//! - [`transactions`]: `commitTransaction()` and `abortTransaction()`.
//! - [`client`]: the process: `send()`, `flush()`, waiting for metadata, the polite stop.
//!
//! A process that dies takes its buffer with it: what was not acknowledged may be lost, and the
//! next life knows nothing of it.
//!
//! Simplified: no compression; the application calls `send()` from one thread, so
//! that one blocked call holds up those behind it.

pub mod accumulator;
pub mod batch;
pub mod client;
pub mod meters;
pub mod sender;
pub mod sequences;
pub mod transactions;

pub use client::Producer;
