//! Transactions: a producer's records in many partitions, and a group's offsets, count together
//! or not at all.
//!
//! Whoever coordinates a `transactional.id` is the leader of the partition of
//! `__transaction_state` that the id hashes to; each change is a record there ([`records`]) before
//! anybody hears of it. A transaction goes this way ([`state`]):
//!
//! 1. `InitProducerId` gives the producer its id and a new epoch. Whoever had the transactional id
//!    before is **fenced** by its old epoch, and what it left open is aborted.
//! 2. Batches go to the leaders of their partitions at once. A leader that sees the first one of a
//!    transaction asks the coordinator to add the partition to it (`AddPartitionsToTxn`).
//! 3. Offsets of a group go to the group's coordinator (`TxnOffsetCommit`), whose partition of
//!    `__consumer_offsets` is one more partition of the transaction.
//! 4. `EndTxn` decides: once PrepareCommit or PrepareAbort is in the log, nothing can change it.
//!    The producer hears of it, with the epoch of its next transaction (KIP-890).
//! 5. The coordinator has every leader write a **marker**, and then writes that all is complete.
//!
//! Who does not end its transaction within `transaction.timeout.ms` is fenced, and the coordinator
//! aborts it. A coordinator that crashes is replaced by the next leader of its partition, which
//! reads what was decided and writes the markers that are missing.
//!
//! [`client`] is the producer's half.
//!
//! Simplified: transactional ids do not expire (`transactional.id.expiration.ms`); transaction
//! version 2 alone is spoken.

pub mod client;
pub mod records;
pub mod state;

pub use client::TransactionClient;
pub use state::{State, Transaction};
