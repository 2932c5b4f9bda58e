//! Connections that publish are not read while memory or disk run out.
//!
//! With an alarm every connection is `blocking`, and is `blocked` with its next publish: that one
//! is still taken, then nothing is read any more, acknowledgements of the same connection included,
//! until all alarms are over.

use super::Broker;
use super::connections::Connection;
use crate::rabbit::alarms::{
    Alarms, CONNECTION_BYTES, DISK_BYTES, IDLE_BYTES, MONITOR_INTERVAL, QUEUE_BYTES, Watermark,
};
use crate::rabbit::event::Event;
use crate::rabbit::ids::QueueId;
use crate::rabbit::message::Method;
use crate::rabbit::messages::Messages;
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::profile::Profile;
use crate::rabbit::queue::Queue;
use crate::rabbit::spec::Settings;
use crate::sim::{NodeId, Time};

/// What a node watches, with its settings.
pub(super) fn alarms(settings: &Settings, profile: Profile) -> Alarms {
    let share = u64::from(profile.memory_watermark_per_mille()) * 1_000;
    let mut alarms = Alarms::new(Watermark::Relative(share));
    let bytes = |name: &str| settings.get(name).and_then(|text| size_bytes(text));
    let relative = ["vm_memory_high_watermark", "vm_memory_high_watermark.relative"];
    let mut relative = relative.into_iter().filter_map(|name| settings.get(name));
    let absolute = bytes("vm_memory_high_watermark.absolute").map(Watermark::Absolute);
    let relative = relative.find_map(|text| Watermark::relative(text));
    alarms.watermark = absolute.or(relative).unwrap_or(alarms.watermark);
    let ratio = settings.get("vm_memory_high_watermark_paging_ratio");
    if let Some(Watermark::Relative(millionths)) = ratio.and_then(|text| Watermark::relative(text))
    {
        alarms.paging_millionths = millionths;
    }
    if let Some(memory) = bytes("total_memory_available_override_value") {
        alarms.memory_bytes = memory;
    }
    if let Some(limit) = bytes("disk_free_limit.absolute").or_else(|| bytes("disk_free_limit")) {
        alarms.disk_free_limit = limit;
    }
    alarms
}

/// Bytes as they are written: `50000000`, `50MB`, `1GiB`.
pub fn size_bytes(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 13] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("tib", 1 << 40),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("tb", 1_000_000_000_000),
        ("k", 1 << 10),
        ("m", 1 << 20),
        ("g", 1 << 30),
        ("t", 1 << 40),
        ("", 1),
    ];
    let digits = text.trim_end_matches(|sign: char| !sign.is_ascii_digit());
    let unit = text[digits.len()..].trim().to_ascii_lowercase();
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    digits.parse::<u64>().ok()?.checked_mul(*factor)
}

impl Broker {
    /// The node works: it will look at its memory before long.
    pub(super) fn watch(&mut self, out: &mut Out<'_>) {
        if !self.has_monitor {
            self.has_monitor = true;
            out.timer(Timer::Monitor, MONITOR_INTERVAL);
        }
    }

    /// Looks at memory and disk; alarms begin and end.
    pub(super) fn monitor(&mut self, out: &mut Out<'_>) {
        let queues = self.queues.values();
        let queues: u64 = queues.map(|queue| queue.memory_bytes() + QUEUE_BYTES).sum();
        let connections = self.connections.len() as u64 * CONNECTION_BYTES;
        let files: u64 = out.files().iter().map(|(_, file)| file.len()).sum();
        self.change_alarms(out, |alarms| {
            alarms.used_bytes = IDLE_BYTES + queues + connections;
            alarms.free_bytes = DISK_BYTES.saturating_sub(files);
        });
        self.page(queues, out);
        if self.alarm.is_some() {
            self.watch(out);
        }
    }

    /// Up to 3.11: queues keep as much in memory as fits below the limit, all the same share.
    fn page(&mut self, queues: u64, out: &mut Out<'_>) {
        let pages = |queue: &Queue| match &queue.storage {
            Messages::Classic(levels) => levels.can_page(),
            _ => false,
        };
        let can_page = self.queues.values().filter(|queue| pages(queue)).map(|queue| queue.id);
        let can_page: Vec<QueueId> = can_page.collect();
        if can_page.is_empty() {
            return;
        }
        let excess = self.alarms.used_bytes.saturating_sub(self.alarms.paging_bytes());
        let share = 1_000 - 1_000 * excess.min(queues) / queues.max(1);
        for id in can_page {
            self.with_queue(id, out, |queue, means| {
                if let Messages::Classic(levels) = &mut queue.storage {
                    levels.press((excess > 0).then_some(share), means);
                }
            });
            self.see_to_writing(id, out);
        }
        if excess > 0 {
            self.watch(out);
        }
    }

    /// Changes what decides about alarms, and does what follows.
    pub(super) fn change_alarms(&mut self, out: &mut Out<'_>, change: impl FnOnce(&mut Alarms)) {
        let before = (self.alarms.lacks_memory(), self.alarms.lacks_disk());
        change(&mut self.alarms);
        let after = (self.alarms.lacks_memory(), self.alarms.lacks_disk());
        for (was, is, resource) in [(before.0, after.0, "memory"), (before.1, after.1, "disk")] {
            let node = self.name.clone();
            match (was, is) {
                (false, true) => out.emit(Event::AlarmSet { node, resource }),
                (true, false) => out.emit(Event::AlarmCleared { node, resource }),
                _ => {}
            }
        }
        if self.is_clustered() && before != after {
            self.say_alive(out);
        }
        self.look_at_alarms(out);
    }

    /// An alarm of any node blocks the publishers of all.
    pub(super) fn look_at_alarms(&mut self, out: &mut Out<'_>) {
        let elsewhere = self.peers.iter().find_map(|peer| peer.alarm);
        self.alarm = self.alarms.reason().or(elsewhere);
        if self.alarm.is_none() {
            self.unblock_all(out);
        }
    }

    /// A connection has published: with an alarm it is blocked now.
    pub(super) fn has_published(&mut self, client: NodeId, out: &mut Out<'_>) {
        self.watch(out);
        let Some(reason) = self.alarm else { return };
        let Some(connection) = self.connections.get_mut(&client) else { return };
        if !connection.is_blocked && !connection.is_tool {
            connection.is_blocked = true;
            let client_name = connection.name.clone();
            if connection.hears_blocked {
                let method = Method::ConnectionBlocked { reason: reason.into() };
                self.send(self.connection_id(client), method, out);
            }
            out.emit(Event::ConnectionBlocked { client: client_name, reason });
        }
    }

    /// All that waited is read again, in its order.
    fn unblock_all(&mut self, out: &mut Out<'_>) {
        let blocked = self.connections.iter().filter(|(_, connection)| connection.is_blocked);
        let blocked: Vec<NodeId> = blocked.map(|(client, _)| client).collect();
        for client in blocked {
            let Some(connection) = self.connections.get_mut(&client) else { continue };
            connection.is_blocked = false;
            connection.last_heard = out.now();
            let client_name = connection.name.clone();
            if connection.hears_blocked {
                self.send(self.connection_id(client), Method::ConnectionUnblocked, out);
            }
            out.emit(Event::ConnectionUnblocked { client: client_name });
            self.read_held(client, out);
        }
    }

    /// The state of a connection in the words of the tools.
    pub(super) fn connection_state(&self, connection: &Connection, now: Time) -> &'static str {
        match (connection.is_blocked, self.alarm) {
            (true, _) => "blocked",
            (false, Some(_)) => "blocking",
            (false, None) if connection.waits || connection.was_in_flow(now) => "flow",
            (false, None) => "running",
        }
    }
}
