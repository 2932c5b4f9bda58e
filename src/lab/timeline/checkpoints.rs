//! Clones of the session to go back to: so many that each instant is near, so few that they fit
//! into memory.

use super::Timeline;
use crate::lab::event::Moment;
use crate::lab::session::Session;

/// So many checkpoints at most; then every other one is dropped and the gap between them doubles.
/// So each instant of a run of a million events is near; of a longer one fewer are kept, as each
/// takes memory.
const MOST: (usize, usize) = (72, 30);

/// Steps between checkpoints from which on a run is long.
const LONG_GAP: u64 = 32_000;

/// A checkpoint in which consumers hold so many bytes is a heavy one: it keeps alive what was read
/// at its time.
const HEAVY_BYTES: u64 = 256 << 10;

/// So many heavy checkpoints at most; then every other one of them is dropped.
const HEAVY_MAX: usize = 6;

/// Steps between checkpoints at first.
pub(super) const GAP: u64 = 2_000;

fn is_heavy(kept: &Session) -> bool {
    kept.held_bytes() > HEAVY_BYTES
}

impl Timeline {
    /// Keeps the present, if the last one that was kept is far enough behind.
    pub(super) fn keep_checkpoint(&mut self) {
        let last = self.checkpoints.last().map_or(Moment::default(), Session::moment);
        if self.session.steps() < last.steps + self.checkpoint_gap {
            return;
        }
        // While a run is short its past shares nearly all with its present.
        self.checkpoints.push(match self.checkpoint_gap > GAP {
            true => self.session.put_aside(),
            false => self.session.clone(),
        });
        let first = self.session.events().first();
        self.checkpoints.iter_mut().for_each(|kept| kept.forget_events_before(first));
        let most = if self.checkpoint_gap < LONG_GAP { MOST.0 } else { MOST.1 };
        if self.checkpoints.len() > most {
            self.drop_every_other(|_| true);
            self.checkpoint_gap *= 2;
        }
        if self.checkpoints.iter().filter(|kept| is_heavy(kept)).count() > HEAVY_MAX {
            self.drop_every_other(is_heavy);
        }
    }

    /// Drops every other one of these checkpoints; the first of them stays.
    fn drop_every_other(&mut self, concerns: impl Fn(&Session) -> bool) {
        let mut stays = false;
        self.checkpoints.retain(|kept| {
            let concerned = concerns(kept);
            stays ^= concerned;
            stays || !concerned
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::Progress;
    use crate::lab::command::LabSpec;
    use crate::shell::run::{Progress as Line, Running};

    #[test]
    fn what_consumers_held_is_kept_few_times() {
        let text = "lab new --kafka-brokers 1 --cost lesson\n\
            kafka-topics --create --topic t --partitions 1\n\
            producer p --kafka t --count 30000 --size 1000 --rate 10000/s\n\
            run --until ledger.kafka.acknowledged==30000 --max 1m\n\
            consumer c --kafka t --group g --process 1ms --set auto.offset.reset=earliest\n\
            run 40s";
        let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab");
        let mut running = Running::new(text);
        let mut most = 0;
        loop {
            match running.work(&mut timeline, 1_000) {
                Line::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
                Line::More => {}
                Line::Need(_) => panic!("nothing is stored"),
                Line::End => break,
            }
            most = most.max(timeline.checkpoints.iter().filter(|kept| is_heavy(kept)).count());
        }
        assert_eq!(timeline.session().ledger().figures().kafka.processed, 30_000);
        assert_eq!(most, HEAVY_MAX, "there were more occasions than that");
        // Each of them can still be gone to.
        for at in timeline.checkpoints.iter().map(Session::now).collect::<Vec<_>>() {
            timeline.seek(at);
            while !matches!(timeline.seek_on(10_000), Progress::Done(())) {}
            assert_eq!(timeline.session().now(), at);
        }
    }
}
