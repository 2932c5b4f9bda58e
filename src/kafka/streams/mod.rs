//! Kafka Streams, small: what an application does with each record, and the counts that it keeps.
//!
//! A [`topology`] is a row of steps: records come from topics, are filtered, changed, given other
//! keys, sent on another branch, counted by key, and go to a topic. Where a count follows a change
//! of the key, records first go through a **repartition topic**, so that all of one key meet in one
//! partition; from there on the steps belong to a second sub-topology, which reads that topic.
//!
//! A count is kept in a **state store**, one for each partition. Each change of it is also a record
//! in the store's **changelog topic**, which is compacted; whoever gets the partition reads the
//! changelog first ([`crate::kafka::consumer::streams`]).
//!
//! With `processing.guarantee=at_least_once` a crash between the write of a count and the commit
//! of the offsets counts a record twice: its count is in the changelog, and it is read again. With
//! `exactly_once_v2` offsets, changelogs and results are one transaction.
//!
//! Simplified: partitions are divided by the consumer's own assignor, and there are no standby
//! replicas; one thread; stores lie in memory and are always restored from the start of their
//! changelog; each record's results are written before the next is taken up, so that there is no
//! cache of results (`statestore.cache.max.bytes=0`); windows do not expire; values are text.

pub mod topology;

pub use topology::{Output, Store, Topology};
