//! What things cost in virtual time, and the queueing servers that charge it.
//!
//! Each default says where it comes from; "model" marks a figure that is ours.

use super::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// What network, processors and disks cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostModel {
    /// One way between two machines.
    pub latency: Span,
    /// Up to so much more, drawn for each message.
    pub jitter: Span,
    /// Bytes a second on one link; 0 is without limit.
    pub bandwidth: u64,
    /// Packets lost in a million. TCP sends them again: a loss is a delay.
    pub loss_per_million: u32,
    /// How long TCP waits before it sends a lost packet again (RFC 6298's floor is 1 s, Linux uses
    /// 200 ms).
    pub retransmit_after: Span,
    /// Processor cores of each server.
    pub cores: u32,
    /// Work of a server for one request.
    pub request: Span,
    /// Work of a server for one message of a queue (RabbitMQ: one queue is one core; 10 us gives
    /// the published 88,000 to 99,000 messages a second).
    pub message: Span,
    /// Work for a thousand bytes.
    pub kilobyte: Span,
    /// Moving to another place of the disk.
    pub seek: Span,
    /// Bytes a second that a disk reads or writes in sequence; 0 is without limit.
    pub disk_bandwidth: u64,
    /// Making what was written safe from a power cut.
    pub fsync: Span,
    /// Bytes of file content that the machine keeps in memory; 0 is without limit.
    pub page_cache: u64,
}

/// The presets that `lab new --cost` knows, with the meaning of each.
pub const PRESETS: [(&str, &str); 6] = [
    ("lesson", "every link 1 ms one way, constant; bandwidth, processors and disks cost nothing"),
    ("laptop", "everything on one machine: 50 us between processes, a small SSD"),
    ("lan", "0.25 ms one way, 1 Gbit/s, SSD"),
    ("datacentre", "0.1 ms one way, 10 Gbit/s, NVMe"),
    ("hdd", "as lan, with one 7200 rpm disk"),
    ("ssd", "as lan, with a slow SSD of 5.9 ms a flush"),
];

impl CostModel {
    /// The preset of this name, if there is one.
    pub fn preset(name: &str) -> Option<CostModel> {
        let lan = CostModel {
            // RabbitMQ's docs call a LAN round trip 0.2 to 0.5 ms.
            latency: Span::micros(250),
            jitter: Span::micros(50),
            bandwidth: 125_000_000,
            loss_per_million: 0,
            retransmit_after: Span::millis(200),
            cores: 4,
            request: Span::micros(20), // model
            message: Span::micros(10),
            kilobyte: Span::micros(1),
            seek: Span::micros(100), // model: a random read of an SSD
            disk_bandwidth: 500_000_000,
            fsync: Span::millis(1), // model
            page_cache: 8 << 30,
        };
        Some(match name {
            "lesson" => CostModel {
                latency: Span::millis(1),
                jitter: Span::ZERO,
                bandwidth: 0,
                cores: 1,
                request: Span::ZERO,
                message: Span::ZERO,
                kilobyte: Span::ZERO,
                seek: Span::ZERO,
                disk_bandwidth: 0,
                fsync: Span::ZERO,
                page_cache: 0,
                ..lan
            },
            "laptop" => CostModel {
                latency: Span::micros(50),
                jitter: Span::micros(10),
                bandwidth: 0,
                page_cache: 2 << 30,
                ..lan
            },
            "lan" => lan,
            "datacentre" => CostModel {
                latency: Span::micros(100),
                jitter: Span::micros(20),
                bandwidth: 1_250_000_000,
                cores: 16,
                seek: Span::micros(20),
                disk_bandwidth: 2_000_000_000,
                fsync: Span::micros(500), // NVMe
                page_cache: 64 << 30,
                ..lan
            },
            // 7200 rpm: half a turn is 4.2 ms, and as much for the arm; a flush is 5 to 15 ms.
            "hdd" => CostModel {
                seek: Span::micros(8_500),
                disk_bandwidth: 150_000_000,
                fsync: Span::millis(10),
                ..lan
            },
            // RabbitMQ's own benchmark (2024): 5.9 ms a flush.
            "ssd" => CostModel { fsync: Span::micros(5_900), ..lan },
            _ => return None,
        })
    }

    /// How long so many bytes take at `per_second`, in whole microseconds; nothing where that is
    /// without limit.
    pub fn transfer(bytes: u64, per_second: u64) -> Span {
        let span_us = match per_second {
            0 => 0,
            _ => u128::from(bytes) * 1_000_000 / u128::from(per_second),
        };
        Span::micros(u64::try_from(span_us).unwrap_or(u64::MAX))
    }

    /// Work of a server for one request of so many bytes.
    pub fn request_of(&self, bytes: u64) -> Span {
        let span_us = u128::from(self.kilobyte.as_micros()) * u128::from(bytes) / 1_000;
        self.request + Span::micros(u64::try_from(span_us).unwrap_or(u64::MAX))
    }
}

/// A server that does one thing at a time: saturation makes a queue in front of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Server {
    free_at: Time,
    /// What the last transfer took beyond whole microseconds, in millionths of a byte: so that
    /// many small messages take as long as their bytes in one.
    owed: u64,
}

impl Server {
    /// Takes a job that comes now and needs `work`; says when it is done.
    pub fn serve(&mut self, now: Time, work: Span) -> Time {
        self.free_at = self.free_at.max(now) + work;
        self.free_at
    }

    /// Takes so many bytes that come now, at `per_second` (without limit if zero); says when the
    /// last is through.
    pub fn transfer(&mut self, now: Time, bytes: u64, per_second: u64) -> Time {
        if per_second == 0 {
            return self.serve(now, Span::ZERO);
        }
        if now > self.free_at {
            self.owed = 0;
        }
        let due = u128::from(bytes) * 1_000_000 + u128::from(self.owed);
        self.owed = (due % u128::from(per_second)) as u64;
        let span_us = u64::try_from(due / u128::from(per_second)).unwrap_or(u64::MAX);
        self.serve(now, Span::micros(span_us))
    }

    /// Forgets what it was doing.
    pub fn reset(&mut self) {
        *self = Server::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_that_is_listed_exists_and_differs_from_the_others() {
        let all = PRESETS.map(|(name, _)| CostModel::preset(name).expect(name));
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "{} is another preset again", PRESETS[index].0);
        }
        assert_eq!(CostModel::preset("LAN"), None);
    }

    #[test]
    fn the_lesson_preset_costs_a_millisecond_a_way_and_nothing_else() {
        let lesson = CostModel::preset("lesson").unwrap();
        assert_eq!((lesson.latency, lesson.jitter), (Span::millis(1), Span::ZERO));
        assert_eq!(lesson.loss_per_million, 0);
        assert_eq!(lesson.request_of(1 << 40) + lesson.message, Span::ZERO);
        assert_eq!(lesson.seek + lesson.fsync, Span::ZERO);
        assert_eq!((lesson.bandwidth, lesson.disk_bandwidth, lesson.page_cache), (0, 0, 0));
    }

    #[test]
    fn presets_are_as_fast_as_what_they_are_named_after() {
        let [lan, datacentre, hdd, ssd] =
            ["lan", "datacentre", "hdd", "ssd"].map(|name| CostModel::preset(name).unwrap());
        // 1 Gbit/s is 125 MB/s: a megabyte takes 8 ms.
        assert_eq!(CostModel::transfer(1_000_000, lan.bandwidth), Span::millis(8));
        assert_eq!(CostModel::transfer(1_000_000, datacentre.bandwidth), Span::micros(800));
        // One queue is one core: 88,000 to 99,000 messages a second were published.
        assert_eq!(Span::seconds(1).as_micros() / lan.message.as_micros(), 100_000);
        // A 7200 rpm disk makes about a hundred random accesses a second.
        assert!((80..160).contains(&(1_000_000 / hdd.seek.as_micros())));
        assert!(hdd.fsync > ssd.fsync && ssd.fsync > lan.fsync && lan.fsync > datacentre.fsync);
    }

    #[test]
    fn a_transfer_takes_as_long_as_its_bytes() {
        assert_eq!(CostModel::transfer(1_000, 0), Span::ZERO);
        assert_eq!(CostModel::transfer(0, 1), Span::ZERO);
        assert_eq!(CostModel::transfer(1_999, 1_000_000_000), Span::micros(1));
        assert_eq!(CostModel::transfer(3, 1), Span::seconds(3));
        assert_eq!(CostModel::transfer(u64::MAX, 1), Span::micros(u64::MAX));
    }

    #[test]
    fn a_request_costs_by_itself_and_by_its_kilobytes() {
        let lan = CostModel::preset("lan").unwrap();
        assert_eq!(lan.request_of(0), Span::micros(20));
        assert_eq!(lan.request_of(10_000), Span::micros(30));
        let costly = CostModel { kilobyte: Span::seconds(u64::MAX), ..lan };
        assert_eq!(costly.request_of(u64::MAX), Span::micros(u64::MAX));
    }

    #[test]
    fn a_server_does_one_thing_at_a_time() {
        let at = Time::from_micros;
        let mut server = Server::default();
        assert_eq!(server.serve(at(100), Span::micros(10)), at(110));
        assert_eq!(server.serve(at(105), Span::micros(10)), at(120), "it waits for its turn");
        assert_eq!(server.serve(at(500), Span::micros(10)), at(510), "rest is not saved up");
        server.reset();
        assert_eq!(server.serve(at(0), Span::micros(1)), at(1));
    }

    #[test]
    fn many_small_transfers_take_as_long_as_one_large() {
        let per_second = 1_250_000_000; // 10 Gbit/s: 100 bytes take 0.08 us
        let mut server = Server::default();
        let mut done = Time::ZERO;
        for _ in 0..10_000 {
            done = server.transfer(Time::ZERO, 100, per_second);
        }
        assert_eq!(done.since(Time::ZERO), CostModel::transfer(1_000_000, per_second));
        // A pause in between is a pause: nothing is owed from before.
        server.transfer(Time::ZERO, 100, per_second);
        let later = Time::from_micros(5_000);
        assert!((0..12).all(|_| server.transfer(later, 100, per_second) == later));
        assert_eq!(server.transfer(later, 100, per_second), later + Span::micros(1));
        assert_eq!(server.transfer(later, 1_000_000, 0), later + Span::micros(1));
    }
}
