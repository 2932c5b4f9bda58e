//! How fast a client may write and read (`producer_byte_rate`, `consumer_byte_rate`), and how much
//! of a processor it may take (`request_percentage`, KIP-124): by its `client.id`, by its user with
//! all clients of that together (KIP-55), or by both, at each broker for itself (KIP-13, KIP-219).
//! The nearest quota holds, for each name by itself.
//!
//! A rate is counted over eleven windows of a second (`quota.window.num`), as if it had been
//! quiet before: so a short burst passes. Nothing is refused. Who went over it is answered, and its
//! connection is muted for so long that the rate is kept again: what it asks meanwhile waits. A
//! Fetch that would go over it is answered with nothing. For time nobody waits longer than a
//! second.
//!
//! Simplified: the time of a request is what the lab's costs say of its bytes, so with
//! `--cost lesson` it is none; it counts when the request comes, where the real broker counts it
//! when the answer goes.

use super::server::{Call, Server};
use crate::kafka::message::{KafkaMessage, Request};
use crate::kafka::metadata::BrokerImage;
use crate::kafka::metadata::client_quota::{REQUEST_PERCENTAGE, Share};
use crate::kafka::process::{Out, Timer};
use crate::sim::{NodeId, Span, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// `quota.window.size.seconds`.
const WINDOW: Span = Span::seconds(1);
/// `quota.window.num`: so many windows that are over, and the one that runs.
const WINDOWS: u64 = 11;

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `producer_byte_rate`.
    Produce,
    /// `consumer_byte_rate`.
    Fetch,
    /// `request_percentage`: what is counted are microseconds.
    Time,
}

/// What a client has moved lately.
#[derive(Clone, Debug)]
struct Use {
    /// The `client.id`; none where all clients of a user count together.
    client: Rc<str>,
    share: Share,
    kind: Kind,
    /// When a window began, and the bytes in it.
    windows: VecDeque<(Time, u64)>,
}

impl Use {
    fn forget(&mut self, now: Time) {
        let is_old = |(since, _): &(Time, u64)| now.since(*since) >= WINDOW * WINDOWS;
        while self.windows.front().is_some_and(is_old) {
            self.windows.pop_front();
        }
    }

    /// How long it takes until the rate is kept if so many bytes more are moved now, or so many
    /// microseconds taken.
    fn throttle(&mut self, bytes: u64, rate: f64, now: Time) -> Span {
        self.forget(now);
        let moved = bytes + self.windows.iter().map(|(_, bytes)| *bytes).sum::<u64>();
        // At least ten windows, as if nothing had been moved in those that have not been yet.
        let since = self.windows.front().map_or(now, |(since, _)| *since);
        let (elapsed, whole) = (now.since(since).as_micros(), WINDOW.as_micros());
        let missing = (WINDOWS - 1).saturating_sub(elapsed / whole);
        let measured = (elapsed + missing * whole) as f64;
        let needed = moved as f64 / rate.max(f64::MIN_POSITIVE) * 1e6;
        Span::micros((needed - measured).clamp(0.0, 1e15) as u64)
    }

    fn record(&mut self, bytes: u64, now: Time) {
        match self.windows.back_mut().filter(|(since, _)| now.since(*since) < WINDOW) {
            Some((_, moved)) => *moved += bytes,
            None => self.windows.push_back((now, bytes)),
        }
    }
}

/// A connection on which nothing is heard until then.
#[derive(Clone, Debug)]
struct Muted {
    peer: NodeId,
    until: Time,
    /// What has come on it.
    held: VecDeque<KafkaMessage>,
}

/// What clients with quotas do.
#[derive(Clone, Debug, Default)]
pub struct ClientQuotas {
    uses: Vec<Use>,
    muted: Vec<Muted>,
}

impl Server {
    /// A client moves bytes. If that goes over its quota its connection is muted; true if they are
    /// not to be moved, which is what becomes of a Fetch.
    pub(super) fn is_over_quota(
        &mut self,
        call: &Call,
        (kind, bytes): (Kind, u64),
        out: &mut Out<'_>,
    ) -> bool {
        let name = match kind {
            Kind::Produce => "producer_byte_rate",
            Kind::Fetch => "consumer_byte_rate",
            Kind::Time => REQUEST_PERCENTAGE,
        };
        let Some((rate, share)) = self.image.quota_of(&call.client, name) else { return false };
        let now = out.now();
        let quotas = &mut self.client_quotas;
        let client = if share == Share::User { "".into() } else { call.client.clone() };
        let is_it = |known: &Use| (known.kind, known.share) == (kind, share);
        let is_it = |known: &Use| is_it(known) && known.client == client;
        let at = quotas.uses.iter().position(is_it).unwrap_or_else(|| {
            let windows = VecDeque::new();
            quotas.uses.push(Use { client: client.clone(), share, kind, windows });
            quotas.uses.len() - 1
        });
        let known = &mut quotas.uses[at];
        let wait = match kind {
            // So many hundredths of each second.
            Kind::Time => known.throttle(bytes, rate * 1e4, now).min(WINDOW),
            Kind::Produce | Kind::Fetch => known.throttle(bytes, rate, now),
        };
        let is_over = wait > Span::ZERO;
        // One batch may be too much by itself.
        let is_moved = kind != Kind::Fetch || !is_over || known.windows.is_empty();
        if is_moved {
            known.record(bytes, now);
        }
        if is_over {
            let until = now + wait;
            match quotas.muted.iter_mut().find(|muted| muted.peer == call.from) {
                Some(muted) => muted.until = muted.until.max(until),
                None => {
                    let held = VecDeque::new();
                    quotas.muted.push(Muted { peer: call.from, until, held });
                }
            }
            self.await_unmuting(out);
        }
        !is_moved
    }

    /// A client's request of so many bytes takes time of this broker. Brokers may take all they
    /// need.
    pub(super) fn spend_time(&mut self, call: &Call, bytes: u64, out: &mut Out<'_>) {
        let is_broker = |known: &BrokerImage| known.node == call.from;
        if !self.image.quotas.is_empty() && !self.image.brokers.values().any(is_broker) {
            let time = out.cost().request_of(bytes).as_micros();
            self.is_over_quota(call, (Kind::Time, time), out);
        }
    }

    /// A Fetch of a client brings no more at once than its quota lets through in ten windows.
    pub(super) fn most_fetched(&self, client: &str, max_bytes: u64) -> u64 {
        let rate = self.image.quota_of(client, "consumer_byte_rate");
        rate.map_or(max_bytes, |(rate, _)| max_bytes.min((rate * (WINDOWS - 1) as f64) as u64))
    }

    fn await_unmuting(&self, out: &mut Out<'_>) {
        if let Some(next) = self.client_quotas.muted.iter().map(|muted| muted.until).min() {
            out.timer_at(Timer::Unmute, next);
        }
    }

    /// A request has come; gives it back unless its connection is muted.
    pub(super) fn unless_muted(
        &mut self,
        from: NodeId,
        message: KafkaMessage,
    ) -> Option<KafkaMessage> {
        match self.client_quotas.muted.iter_mut().find(|muted| muted.peer == from) {
            Some(muted) => {
                muted.held.push_back(message);
                None
            }
            None => Some(message),
        }
    }

    /// A time is over: what has come on muted connections is heard now.
    pub(super) fn unmute(&mut self, out: &mut Out<'_>) {
        let now = out.now();
        let all = std::mem::take(&mut self.client_quotas.muted);
        let (done, still): (Vec<Muted>, _) = all.into_iter().partition(|muted| muted.until <= now);
        self.client_quotas.muted = still;
        for muted in done {
            for message in muted.held {
                // The first of them may go over the quota again.
                if let Some(message) = self.unless_muted(muted.peer, message) {
                    self.take(muted.peer, message, out);
                }
            }
        }
        self.await_unmuting(out);
    }

    /// A connection is gone.
    pub(super) fn forget_muted(&mut self, peer: NodeId) {
        self.client_quotas.muted.retain(|muted| muted.peer != peer);
    }
}

/// The bytes that a Produce brings.
pub fn produced_bytes(request: &Request) -> Option<u64> {
    match request {
        Request::Produce(produce) => {
            Some(produce.batches.iter().map(|(_, batch)| batch.len() as u64).sum())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_what_goes_over_the_rate_waits() {
        let at = |ms| Time::ZERO + Span::millis(ms);
        let (client, windows) = ("c".into(), VecDeque::new());
        let mut known = Use { client, share: Share::Client, kind: Kind::Produce, windows };
        // 1000 bytes a second over ten windows: 10000 bytes at once are within the rate.
        assert_eq!(known.throttle(10_000, 1_000.0, at(0)), Span::ZERO);
        known.record(10_000, at(0));
        // 2000 bytes more would need 12 s, and ten are measured.
        assert_eq!(known.throttle(2_000, 1_000.0, at(0)), Span::seconds(2));
        // After eleven seconds the first window is forgotten.
        assert_eq!(known.throttle(2_000, 1_000.0, at(11_000)), Span::ZERO);
    }
}
