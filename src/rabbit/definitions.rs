//! What a broker knows beyond messages: exchanges, queues, bindings and policies, as files.
//!
//! A durable queue has a file with its declaration and the bindings that lead to it from durable
//! exchanges; a durable exchange likewise; and there is one for each policy. A definition is safe
//! from a power cut before whoever asked for it is answered.
//!
//! Simplified: the real broker keeps them in one store (Khepri); a node that is alone has a small
//! file for each here, which is replaced whole. In a cluster they are in the log of a group of all
//! nodes (the broker's module `metadata`).

use super::exchange;
use super::message::Arguments;
use super::policy::Policy;
use super::queue;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Where the files are.
pub const DIRECTORY: &str = "definitions/";

/// A binding, kept with its destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedBinding {
    /// The exchange that messages come from.
    pub source: String,
    /// The binding key.
    pub key: String,
    /// Arguments.
    pub arguments: Arguments,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Definition {
    /// An exchange, with the bindings that lead to it.
    Exchange(String, exchange::Declaration, Vec<SavedBinding>),
    /// A queue, with the bindings that lead to it.
    Queue(String, queue::Declaration, Vec<SavedBinding>),
    /// A policy; true for one of an operator.
    Policy(bool, Policy),
}

impl Definition {
    /// The bytes of its file.
    pub fn encode(&self) -> Bytes {
        postcard::to_stdvec(self).expect("plain data can always be encoded").into()
    }

    /// What the bytes of a file say; `None` if they say nothing.
    pub fn decode(bytes: &[u8]) -> Option<Definition> {
        postcard::from_bytes(bytes).ok()
    }
}

/// The file of an exchange.
pub fn exchange_file(name: &str) -> String {
    format!("{DIRECTORY}exchanges/{name}")
}

/// The file of a queue.
pub fn queue_file(name: &str) -> String {
    format!("{DIRECTORY}queues/{name}")
}

/// The file of a policy.
pub fn policy_file(is_operator: bool, name: &str) -> String {
    let sort = if is_operator { "operator_policies" } else { "policies" };
    format!("{DIRECTORY}{sort}/{name}")
}

/// What a clean stop leaves: for each level of each durable queue, the sequence id below which
/// every message was delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecoveryTerms(pub Vec<(String, Vec<u64>)>);

impl RecoveryTerms {
    /// Its file: there only between a clean stop and the next start.
    pub const FILE: &str = "recovery.terms";
}
