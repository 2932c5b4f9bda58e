//! Sessions: which there are, and as the leader, when each of them is over.
//!
//! Time is counted in **ticks**: a session that is not heard of ends at the first tick after its
//! timeout (`ExpiryQueue`). Only the leader ends sessions, and a new leader gives each its whole
//! timeout again; so while there is no leader nobody's session ends.

use crate::ordered::BTreeMap;
use crate::sim::{Span, Time};
use std::rc::Rc;

/// `tickTime`.
pub const TICK: Span = Span::seconds(2);

/// What a client may ask for: 2 to 20 ticks (`minSessionTimeout`, `maxSessionTimeout`).
pub fn agreed(timeout_ms: u64) -> u64 {
    timeout_ms.clamp(2 * TICK.as_millis(), 20 * TICK.as_millis())
}

/// The sessions of the ensemble.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    /// The timeout of each, in milliseconds, and who has it.
    open: BTreeMap<i64, (u64, Rc<str>)>,
    /// As leader, when each is over.
    ends: BTreeMap<i64, Time>,
}

/// The first tick after this instant.
fn tick_after(at: Time) -> Time {
    let tick = TICK.as_micros();
    Time::from_micros((at.micros() / tick + 1) * tick)
}

impl Sessions {
    /// A session begins.
    pub fn open(&mut self, session: i64, timeout_ms: u64, client: Rc<str>) {
        self.open.insert(session, (timeout_ms, client));
    }

    /// A session is over: whose it was, if there was one.
    pub fn close(&mut self, session: i64) -> Option<Rc<str>> {
        self.ends.remove(&session);
        self.open.remove(&session).map(|(_, client)| client)
    }

    /// The timeout of a session, if there is one.
    pub fn timeout_ms(&self, session: i64) -> Option<u64> {
        self.open.get(&session).map(|(timeout, _)| *timeout)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.open.len()
    }

    /// As leader: a session was heard of.
    pub fn touch(&mut self, session: i64, now: Time) {
        if let Some(timeout) = self.timeout_ms(session) {
            self.ends.insert(session, tick_after(now + Span::millis(timeout)));
        }
    }

    /// A leader begins: everybody has the whole time again.
    pub fn touch_all(&mut self, now: Time) {
        let all: Vec<i64> = self.open.keys().copied().collect();
        all.into_iter().for_each(|session| self.touch(session, now));
    }

    /// Those that are over by now.
    pub fn over(&mut self, now: Time) -> Vec<i64> {
        let late = self.ends.iter().filter(|(_, at)| **at <= now).map(|(session, _)| *session);
        let late: Vec<i64> = late.collect();
        late.iter().for_each(|session| {
            self.ends.remove(session);
        });
        late
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_at_the_tick_after_its_timeout() {
        let mut sessions = Sessions::default();
        sessions.open(1, agreed(18_000), "broker-1".into());
        sessions.touch(1, Time::ZERO + Span::millis(500));
        // 18.5 s is over at the tick of 20 s.
        assert!(sessions.over(Time::ZERO + Span::millis(19_999)).is_empty());
        assert_eq!(sessions.over(Time::ZERO + Span::seconds(20)), [1]);
        assert_eq!(sessions.close(1).as_deref(), Some("broker-1"));
        assert_eq!(sessions.close(1), None);
    }

    #[test]
    fn timeouts_are_from_2_to_20_ticks() {
        assert_eq!((agreed(1), agreed(6_000), agreed(100_000)), (4_000, 6_000, 40_000));
    }
}
