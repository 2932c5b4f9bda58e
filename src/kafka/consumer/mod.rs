//! A consumer: it asks. Nothing comes to it that it did not fetch.
//!
//! Its application thread goes round: `poll()`, handle each record, perhaps commit, `poll()`
//! again ([`handler`]). `poll()` hands out records that were fetched before, and on its way out
//! sends the next Fetch, so that one is under way or answered while the handler works: a consumer
//! holds up to two fetches' worth of records. A broker of which fetched records still lie in the
//! buffer is not asked ([`fetcher`]).
//!
//! Before that it must know where to read: it joins its group ([`membership`], by one of two
//! protocols: [`classic_member`], [`modern_member`]), asks for the
//! group's committed offsets, and where there is none, resets by `auto.offset.reset`
//! ([`positions`]). A committed offset is the *next* one to read; when it is committed is the
//! application's choice ([`commits`]). After another leader was elected it asks whether what it has
//! read is still there ([`validation`]).
//!
//! A process that dies forgets what it had fetched and done; its next life goes on from the
//! committed offsets. A polite stop finishes nothing: the record in work is left undone, what was
//! handled is committed (unless the mode is never), and the group is left.
//!
//! An application may do more with a record than work on it: it has a side effect, and writes a
//! result to another topic ([`writer`]), in this order, and then commits. At each of these points
//! it can be made to die.
//!
//! Results and offsets can be one transaction ([`exactly_once`]).
//!
//! A Kafka Streams application is such a consumer too ([`streams`]).
//!
//! It may subscribe by a regular expression ([`matched`]).
//!
//! In a share group it reads what nobody else has at that time ([`share`]).
//!
//! Simplified: requests leave and answers are taken while the handler works, but a
//! Fetch is sent only from within `poll()`, as in the classic consumer.

pub mod classic_member;
pub mod client;
pub mod commits;
pub mod exactly_once;
pub mod fetcher;
pub mod handler;
pub mod matched;
pub mod membership;
pub mod meters;
pub mod modern_member;
pub mod positions;
pub mod share;
pub mod streams;
pub mod validation;
pub mod writer;

pub use client::Consumer;
