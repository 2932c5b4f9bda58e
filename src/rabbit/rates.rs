//! Exponential averages in whole numbers, so that every machine gets the same result.

use crate::sim::{Span, Time};

/// One, as a fraction of 32 bits.
pub const ONE: u64 = 1 << 32;

/// 2 to the power of minus 1/2, 1/4, 1/8, ..., as fractions of 63 bits.
const ROOTS: [u64; 32] = [
    0x5a82_7999_fcef_3242,
    0x6ba2_7e65_6b4e_b57a,
    0x7560_6373_ee92_1c97,
    0x7a92_be8a_9243_6616,
    0x7d41_d96d_b915_019d,
    0x7e9f_0606_7a43_60ba,
    0x7f4f_08ae_3dc7_c425,
    0x7fa7_65ac_a88f_6452,
    0x7fd3_ab29_0e46_d768,
    0x7fe9_d3a8_e07b_f085,
    0x7ff4_e959_7bed_93aa,
    0x7ffa_748d_ff8d_c61e,
    0x7ffd_3a3f_5002_0332,
    0x7ffe_9d1d_bc0a_75a9,
    0x7fff_4e8e_6306_ed58,
    0x7fff_a747_12c3_cdfd,
    0x7fff_d3a3_81b1_fa28,
    0x7fff_e9d1_beed_0189,
    0x7fff_f4e8_defb_81d7,
    0x7fff_fa74_6f5f_012f,
    0x7fff_fd3a_37a7_d0a8,
    0x7fff_fe9d_1bd1_fc58,
    0x7fff_ff4e_8de8_832d,
    0x7fff_ffa7_46f4_22d6,
    0x7fff_ffd3_a37a_09bb,
    0x7fff_ffe9_d1bd_02f1,
    0x7fff_fff4_e8de_80fd,
    0x7fff_fffa_746f_4060,
    0x7fff_fffd_3a37_a028,
    0x7fff_fffe_9d1b_d012,
    0x7fff_ffff_4e8d_e808,
    0x7fff_ffff_a746_f404,
];

/// What is left of a weight of one after so long: `0.5 ^ (elapsed / half_life)`.
pub fn decay(elapsed: Span, half_life: Span) -> u64 {
    let (elapsed, half_life) = (elapsed.as_micros(), half_life.as_micros());
    let halvings = elapsed / half_life;
    if halvings > 32 {
        return 0;
    }
    let part = ((u128::from(elapsed % half_life) << 32) / u128::from(half_life)) as u64;
    let mut weight: u64 = 1 << 63;
    for (place, root) in ROOTS.iter().enumerate() {
        if part >> (31 - place) & 1 == 1 {
            weight = ((u128::from(weight) * u128::from(*root)) >> 63) as u64;
        }
    }
    weight >> 31 >> halvings
}

/// The average after a sample that stands for the time `elapsed`.
pub fn moving_average(elapsed: Span, half_life: Span, sample: u64, average: u64) -> u64 {
    let kept = u128::from(decay(elapsed, half_life));
    let fresh = u128::from(ONE) - kept;
    ((u128::from(sample) * fresh + u128::from(average) * kept) >> 32) as u64
}

/// How fast a queue is consumed: decides how many of its messages stay in memory.
#[derive(Clone, Debug)]
pub struct OutRate {
    since: Time,
    published: u32,
    consumed: u32,
    /// Messages in a million seconds.
    rate: u64,
}

impl OutRate {
    /// Half of what an average holds is older than this.
    const HALF_LIFE: Span = Span::seconds(5);
    /// It is computed anew after so long,
    const INTERVAL: Span = Span::seconds(5);
    /// or after more than so many messages in and out.
    const MESSAGES: u32 = 100;

    /// The rate of a queue that begins now.
    pub fn new(now: Time) -> OutRate {
        OutRate { since: now, published: 0, consumed: 0, rate: 0 }
    }

    /// A message came in.
    pub fn published(&mut self, now: Time) {
        self.published = self.published.saturating_add(1);
        self.update(now);
    }

    /// A message went out.
    pub fn consumed(&mut self, now: Time) {
        self.consumed = self.consumed.saturating_add(1);
        self.update(now);
    }

    /// Simplified: the real queue looks at the clock every 5 s, this one at the next message.
    fn update(&mut self, now: Time) {
        let elapsed = now.since(self.since);
        let many = self.published.saturating_add(self.consumed) > OutRate::MESSAGES;
        if elapsed.is_zero() || !many && elapsed < OutRate::INTERVAL {
            return;
        }
        let sample = u64::from(self.consumed) * 1_000_000_000_000 / elapsed.as_micros();
        self.rate = moving_average(elapsed, OutRate::HALF_LIFE, sample, self.rate);
        (self.since, self.published, self.consumed) = (now, 0, 0);
    }

    /// How many messages the head of the queue may hold in memory.
    pub fn memory_limit(&self) -> usize {
        memory_limit(self.rate)
    }
}

/// How many messages the head of a queue may hold in memory, consumed at this rate (messages in a
/// million seconds): one at least, because the queue has to know when its head expires.
pub fn memory_limit(rate: u64) -> usize {
    (1 + 2 * rate / 1_000_000).min(2_048) as usize
}

/// Whether a queue could deliver at once, as a share of time: `consumer_utilisation`.
#[derive(Clone, Debug)]
pub struct Utilisation {
    since: Time,
    /// How long it was active before it became inactive; `None` while it is active.
    active: Option<Span>,
    average: u64,
}

impl Utilisation {
    const HALF_LIFE: Span = Span::seconds(1);

    /// A queue that begins now.
    pub fn new(now: Time) -> Utilisation {
        Utilisation { since: now, active: None, average: ONE }
    }

    /// A consumer came, or can be delivered to again.
    pub fn becomes_active(&mut self, now: Time) {
        if let Some(active) = self.active.take() {
            self.average = self.over(active, now.since(self.since));
            self.since = now;
        }
    }

    /// A delivery was tried in vain.
    pub fn becomes_inactive(&mut self, now: Time) {
        if self.active.is_none() {
            self.active = Some(now.since(self.since));
            self.since = now;
        }
    }

    /// The share of time, from 0 to [`ONE`].
    pub fn share(&self, now: Time) -> u64 {
        let current = now.since(self.since);
        match self.active {
            None => self.over(current, Span::ZERO),
            Some(active) => self.over(active, current),
        }
    }

    fn over(&self, active: Span, inactive: Span) -> u64 {
        let all = active + inactive;
        if all.is_zero() {
            return self.average;
        }
        let sample = (u128::from(active.as_micros()) << 32) / u128::from(all.as_micros());
        moving_average(all, Utilisation::HALF_LIFE, sample as u64, self.average)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_halves_with_each_half_life() {
        let half_life = Span::seconds(5);
        assert_eq!(decay(Span::ZERO, half_life), ONE);
        assert_eq!(decay(Span::seconds(5), half_life), ONE / 2);
        assert_eq!(decay(Span::seconds(50), half_life), ONE / 1024);
        let part = decay(Span::millis(2_500), half_life) as f64 / ONE as f64;
        assert!((part - 0.5_f64.sqrt()).abs() < 1e-9, "{part}");
        assert_eq!(decay(Span::seconds(5_000), half_life), 0);
    }

    #[test]
    fn a_queue_that_could_always_deliver_is_used_fully() {
        let mut use_of = Utilisation::new(Time::ZERO);
        assert_eq!(use_of.share(Time::from_micros(7_000_000)), ONE);
        use_of.becomes_inactive(Time::ZERO);
        assert!(use_of.share(Time::from_micros(20_000_000)) < ONE / 1_000);
    }
}
