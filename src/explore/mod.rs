//! A search for a broken invariant.
//!
//! From a seed a script is drawn in the lab's own language: a cluster, clients, and faults with
//! time between them ([`draw`]). It runs line by line through the shell ([`trial`]) while the
//! lab's own rules ([`crate::lab::invariants`]) and stricter ones, which hold for such scripts
//! ([`demands`]), are checked from outside the engines. At its end everything is healed, and the
//! lab has to come to rest with all work done. What breaks a rule is made shorter ([`shrink`])
//! until it is a script that a person reads.
//!
//! A checker that cannot fail is worth nothing: a lab without one of its protections has to be
//! found ([`search`]).

pub mod demands;
pub mod draw;
pub mod search;
pub mod shrink;
pub mod trial;
