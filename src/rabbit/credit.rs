//! Credit flow: how many messages one process of a broker may send to the next before it must
//! wait.
//!
//! A sender begins with so much credit and spends one for each message; without any it is blocked.
//! The receiver grants more after it has handled so many. A receiver that is blocked itself keeps
//! its grants back until it is free again: so back-pressure walks from the message store over the
//! queue and the channel to the reader, which stops reading its socket.
//!
//! Simplified: a step of the broker keeps a core until its queue is done with the message, so what
//! is too much waits in the socket in the first place, and no hop inside a node has more under way
//! than there are cores. What makes a connection wait here (the broker's `flow`) is the hop from a
//! channel to a classic queue on another node, and a quorum queue or a stream that lags behind.

/// Credit at the beginning, and how many handled messages bring as much again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Credit at the beginning.
    pub initial: u64,
    /// After so many handled messages the sender gets as much credit.
    pub more_after: u64,
}

/// Reader to channel, channel to queue (`credit_flow_default_credit`).
pub const DEFAULT: Spec = Spec { initial: 400, more_after: 200 };

/// Queue to message store (`msg_store_credit_disc_bound`).
pub const MESSAGE_STORE: Spec = Spec { initial: 4_000, more_after: 800 };

/// A hop between two processes.
#[derive(Clone, Debug)]
pub struct Hop {
    spec: Spec,
    credit: i64,
    is_blocked: bool,
    handled: u64,
    receiver_is_blocked: bool,
    deferred: i64,
}

impl Hop {
    /// A hop on which nothing was sent.
    pub fn new(spec: Spec) -> Hop {
        Hop {
            spec,
            credit: spec.initial as i64,
            is_blocked: false,
            handled: 0,
            receiver_is_blocked: false,
            deferred: 0,
        }
    }

    /// The sender's credit; negative if it did not look.
    pub fn credit(&self) -> i64 {
        self.credit
    }

    /// True while the sender must wait.
    pub fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    /// The sender sends a message. It is blocked by the one that takes its last credit.
    pub fn send(&mut self) {
        self.credit -= 1;
        self.is_blocked |= self.credit <= 0;
    }

    /// The receiver has handled a message.
    pub fn handle(&mut self) {
        self.handled += 1;
        if self.handled == self.spec.more_after {
            self.handled = 0;
            self.deferred += self.spec.more_after as i64;
            self.grant();
        }
    }

    /// The receiver is blocked itself, or is free again.
    pub fn receiver_blocks(&mut self, is_blocked: bool) {
        self.receiver_is_blocked = is_blocked;
        self.grant();
    }

    fn grant(&mut self) {
        if !self.receiver_is_blocked {
            self.credit += std::mem::take(&mut self.deferred);
            self.is_blocked &= self.credit <= 0;
        }
    }
}

/// The hop behind a queue for a persistent message of so many bytes, properties included; none for
/// one that lies in the queue's own store.
pub fn behind_queue(bytes: u64) -> Option<Spec> {
    (!super::storage_v2::is_embedded(bytes)).then_some(MESSAGE_STORE)
}
