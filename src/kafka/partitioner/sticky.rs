//! The Java client's choice for records without a key (KIP-480, KIP-794): it sticks to one
//! partition until it has given it a batch's bytes, then draws another, which may be the same.

use super::murmur2::to_positive;

/// How long the queues of a topic's partitions are: the longer, the rarer its partition is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadStats {
    cumulative: Vec<i32>,
    partitions: Vec<i32>,
}

impl LoadStats {
    /// From the queue lengths of the partitions that have a leader, of so many in all. `None` if
    /// there is nothing to weigh: one partition, or all alike.
    pub fn of(queues: &[(i32, i32)], partitions_in_all: usize) -> Option<LoadStats> {
        let longest = queues.iter().map(|(_, length)| *length).max()?;
        let alike = queues.iter().all(|(_, length)| *length == longest);
        if partitions_in_all < 2 || alike && queues.len() == partitions_in_all {
            return None;
        }
        let mut sum = 0;
        let cumulative = queues.iter().map(|(_, length)| {
            sum += longest + 1 - length;
            sum
        });
        Some(LoadStats {
            cumulative: cumulative.collect(),
            partitions: queues.iter().map(|(partition, _)| *partition).collect(),
        })
    }

    fn draw(&self, random: i32) -> i32 {
        let total = *self.cumulative.last().expect("there is a queue");
        let index = self.cumulative.partition_point(|sum| *sum <= random % total);
        self.partitions[index]
    }
}

/// Where records without a key of one topic go now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StickyPartitioner {
    sticky_bytes: u64,
    chosen: Option<i32>,
    produced_bytes: u64,
    stats: Option<LoadStats>,
}

impl StickyPartitioner {
    /// A partitioner that stays for so many bytes (`batch.size`).
    pub fn new(sticky_bytes: u64) -> StickyPartitioner {
        StickyPartitioner {
            sticky_bytes: sticky_bytes.max(1),
            chosen: None,
            produced_bytes: 0,
            stats: None,
        }
    }

    /// Weighs the next draws by these queue lengths, or by none.
    pub fn set_load(&mut self, stats: Option<LoadStats>) {
        self.stats = stats;
    }

    /// The partition to append to now; the first is drawn. `random` gives 32 random bits.
    pub fn partition(
        &mut self,
        (count, available): (u32, &[i32]),
        random: &mut impl FnMut() -> i32,
    ) -> i32 {
        match self.chosen {
            Some(partition) => partition,
            None => self.choose((count, available), random),
        }
    }

    /// Notes what an append added. A switch comes after `sticky_bytes` if `batch_is_full` (the
    /// batch is complete or was sent), and after twice as many in any case.
    pub fn produced(
        &mut self,
        bytes: u64,
        batch_is_full: bool,
        partitions: (u32, &[i32]),
        random: &mut impl FnMut() -> i32,
    ) {
        self.produced_bytes += bytes;
        let enough = self.produced_bytes >= self.sticky_bytes;
        if enough && batch_is_full || self.produced_bytes >= 2 * self.sticky_bytes {
            self.choose(partitions, random);
        }
    }

    fn choose(
        &mut self,
        (count, available): (u32, &[i32]),
        random: &mut impl FnMut() -> i32,
    ) -> i32 {
        let random = to_positive(random());
        let partition = match &self.stats {
            Some(stats) => stats.draw(random),
            None if available.is_empty() => (random as u32 % count) as i32,
            None => available[random as usize % available.len()],
        };
        self.chosen = Some(partition);
        self.produced_bytes = 0;
        partition
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_switch_waits_for_a_full_batch_but_not_for_ever() {
        let mut turn = 0;
        let mut random = || {
            turn += 1;
            turn
        };
        let all = (3, &[0, 1, 2][..]);
        let mut sticky = StickyPartitioner::new(10);
        let first = sticky.partition(all, &mut random);
        sticky.produced(15, false, all, &mut random);
        assert_eq!(sticky.partition(all, &mut random), first, "the batch is not full");
        sticky.produced(0, true, all, &mut random);
        let second = sticky.partition(all, &mut random);
        assert_ne!(second, first, "it was full");
        sticky.produced(20, false, all, &mut random);
        assert_ne!(sticky.partition(all, &mut random), second, "twice the bytes");
    }

    #[test]
    fn longer_queues_are_drawn_less_often() {
        let stats = LoadStats::of(&[(0, 0), (1, 3), (2, 2)], 3).expect("they differ");
        // Weights 4, 1, 2 of 7.
        let drawn: Vec<i32> = (0..7).map(|random| stats.draw(random)).collect();
        assert_eq!(drawn, [0, 0, 0, 0, 1, 2, 2]);
        assert_eq!(LoadStats::of(&[(0, 5), (1, 5)], 2), None, "alike: uniform");
        assert!(LoadStats::of(&[(0, 5), (1, 5)], 3).is_some(), "one has no leader");
    }
}
