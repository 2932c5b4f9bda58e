//! Delayed retry (4.3): a message that comes back to a quorum queue is not ready again at once.
//!
//! `x-delayed-retry-type` says which wait: those whose delivery has `failed` (a reject, a channel
//! that closes), those that are `returned` otherwise (a nack, a timeout, a node that is down),
//! `all`, or none (`disabled`, the default). One waits for `x-delayed-retry-min` milliseconds times
//! the failures that it has had (once at least), and never longer than `x-delayed-retry-max`.
//! Where it waits it cannot be had and does not expire; it counts as a message of the queue and for
//! its limits, and is in the log and in the snapshot like all else. When its time comes it stands
//! behind what was returned before; the leader has the timer for that.
//!
//! Arguments are not checked: what makes no sense has no effect. Releases before 4.3 do not know
//! them, and refuse the policy. What is given back without a failure where no delivery limit holds
//! comes anew, and does not wait.
//!
//! Source: `rabbit_quorum_queue` (`get_delayed_retry_config`, `validate_policy`), `rabbit_fifo`
//! (`return_one`, `should_delay`, `expire_shallow`), release notes of 4.3.0.
//!
//! Simplified: AMQP 1.0's `x-opt-delivery-time` is not there, nor is what retries all at once.

use crate::rabbit::command::Argument;
use crate::rabbit::event::Event;
use crate::rabbit::message::Arguments;
use crate::rabbit::messages::Messages;
use crate::rabbit::profile::Profile;
use crate::rabbit::queue::{Queue, Settlement};
use crate::rabbit::storage_v2::{Item, Means};
use crate::sim::Span;

/// Which messages wait that come back, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayedRetry {
    /// Those wait whose delivery has failed: what counts for the delivery limit.
    pub failed: bool,
    /// Those wait that are given back without a failure.
    pub returned: bool,
    /// So long for each failure, and for one at least (`x-delayed-retry-min`).
    pub min: Span,
    /// Never longer (`x-delayed-retry-max`; the least time where that is not given).
    pub max: Span,
}

impl DelayedRetry {
    /// What arguments and policies say together. Of the type it is the policy that wins; of times
    /// the lower holds.
    pub fn of<'a>(
        argument: impl Fn(&str) -> Option<&'a Argument>,
        policy: &Arguments,
    ) -> Option<DelayedRetry> {
        let kind = policy.get("delayed-retry-type").or_else(|| argument("delayed-retry-type"));
        let (failed, returned) = match kind {
            Some(Argument::Text(kind)) => match &**kind {
                "all" => (true, true),
                "failed" => (true, false),
                "returned" => (false, true),
                _ => return None,
            },
            _ => return None,
        };
        let time = |name: &str| {
            let values = [argument(name), policy.get(name)].into_iter().flatten();
            let numbers = values.filter_map(|value| match value {
                Argument::Integer(number) => Some(*number),
                _ => None,
            });
            numbers.min().and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms > 0)
        };
        let min = Span::millis(time("delayed-retry-min")?);
        let max = time("delayed-retry-max").map_or(min, Span::millis);
        Some(DelayedRetry { failed, returned, min, max })
    }

    /// How long a message waits that failed so often until now.
    pub fn delay(&self, failed: u32) -> Span {
        (self.min * u64::from(failed.max(1))).min(self.max)
    }

    /// As the server tells it.
    pub fn text(&self) -> String {
        let kind = match (self.failed, self.returned) {
            (true, true) => "all",
            (true, false) => "failed",
            _ => "returned",
        };
        let ms = |span: Span| span.as_micros() / 1_000;
        format!("{kind} (min: {}ms, max: {}ms)", ms(self.min), ms(self.max))
    }
}

impl Queue {
    /// True if what comes back this way goes to those that were returned. Without a delivery limit
    /// it comes anew, as last of all; in 4.3 not what has failed.
    pub fn returns(&self, how: Settlement) -> bool {
        let Messages::Quorum(fifo) = &self.storage else { return true };
        let is_modified = fifo.profile() == Profile::V4_3 && how == Settlement::Failed;
        self.delivery_limit().is_some() || is_modified
    }

    /// How messages that come back wait: of a quorum queue, from 4.3 on.
    pub fn delayed_retry(&self) -> Option<DelayedRetry> {
        let Messages::Quorum(fifo) = &self.storage else { return None };
        self.rules.delayed_retry.filter(|_| fifo.profile() == Profile::V4_3)
    }

    /// A message comes back: it is delayed if it has to wait, else it is handed back.
    pub fn delay(
        &mut self,
        item: Item,
        how: Settlement,
        means: &mut Means<'_, '_>,
    ) -> Option<Item> {
        let waits = |retry: &DelayedRetry| match how {
            Settlement::Failed => retry.failed,
            _ => retry.returned,
        };
        let Some(retry) = self.delayed_retry().filter(|it| self.returns(how) && waits(it)) else {
            return Some(item);
        };
        let Messages::Quorum(fifo) = &mut self.storage else { return Some(item) };
        let (queue, message) = (self.name.clone(), item.content.id);
        let delay = retry.delay(item.tries.failed);
        fifo.delay(item, means.now + delay);
        means.emit(Event::Delayed { queue, message, delay_ms: delay.as_micros() / 1_000 });
        None
    }

    /// Messages that were delayed until now are ready again. True if there are any.
    pub fn end_delays(&mut self, means: &mut Means<'_, '_>) -> bool {
        let Messages::Quorum(fifo) = &mut self.storage else { return false };
        let ready = fifo.end_delays(means.now);
        for message in &ready {
            let (queue, message) = (self.name.clone(), *message);
            means.emit(Event::Requeued { queue, message });
        }
        !ready.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(pairs: &[(&str, Argument)]) -> Arguments {
        pairs.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    }

    fn of(given: &[(&str, Argument)], policy: &[(&str, Argument)]) -> Option<DelayedRetry> {
        let given = arguments(given);
        DelayedRetry::of(|name| given.get(name), &arguments(policy))
    }

    #[test]
    fn what_is_given_counts_only_if_it_makes_sense() {
        let kind = |kind: &str| ("delayed-retry-type", Argument::Text(kind.into()));
        let min = |ms| ("delayed-retry-min", Argument::Integer(ms));
        let max = |ms| ("delayed-retry-max", Argument::Integer(ms));
        let text = |found: Option<DelayedRetry>| found.map(|retry| retry.text());
        assert_eq!(text(of(&[min(10)], &[])), None);
        assert_eq!(text(of(&[kind("all")], &[])), None);
        assert_eq!(text(of(&[kind("all"), min(0)], &[])), None);
        assert_eq!(text(of(&[kind("some"), min(10)], &[])), None);
        let both = of(&[kind("failed"), min(10)], &[]);
        assert_eq!(text(both), Some("failed (min: 10ms, max: 10ms)".into()));
        // Of types that of the policy holds, of times the lower.
        let both = of(&[kind("failed"), min(10), max(50)], &[kind("returned"), min(20), max(30)]);
        assert_eq!(text(both), Some("returned (min: 10ms, max: 30ms)".into()));
        assert_eq!(text(of(&[kind("failed"), min(10)], &[kind("disabled")])), None);
    }

    #[test]
    fn the_delay_grows_with_the_failures() {
        let (min, max) = (Span::millis(1_000), Span::millis(2_500));
        let retry = DelayedRetry { failed: true, returned: true, min, max };
        let delays = [0, 1, 2, 3, 20].map(|failed| retry.delay(failed).as_micros() / 1_000);
        assert_eq!(delays, [1_000, 1_000, 2_000, 2_500, 2_500]);
    }
}
