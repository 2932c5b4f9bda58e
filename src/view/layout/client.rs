//! Producers and consumers. A consumer's memory is slots: there overload becomes visible.

use super::Sheet;
use super::lane::{CHANNEL_DOWN, Columns, health_class, health_mark, mark, triangle};
use super::shape::{Anchor, Hit, Part, Pen, Rect, cut, long_or_short, text_width};
use crate::view::drag::Grip;
use crate::view::frame::Selection;
use crate::view::scene::{Consumer, Health, Place, Producer, Scene};
use crate::view::text_view::{self, rate_text};
use crate::view::words::{fill, number};

/// A producer that was drawn.
pub(super) struct ProducerBox {
    pub hit: Hit,
}

/// At most so many slots are drawn for a consumer's memory.
const SLOTS_MAX: u64 = 30;

const SLOT: i32 = 10;
const SLOT_PITCH: i32 = 13;

/// The left part of a consumer's box, by which it is taken.
const HANDLE: i32 = 24;

/// From so many consumers in a lane on each is drawn smaller.
const SMALL_FROM: usize = 3;

/// Consumers and producers that are drawn; of more there is a number.
const DRAWN_MAX: usize = 6;

/// How many messages a consumer can hold, as far as that is known.
fn capacity(consumer: &Consumer) -> Option<u64> {
    if consumer.prefetch > 0 {
        return Some(u64::from(consumer.prefetch));
    }
    let each = consumer.held_bytes.checked_div(consumer.held_count)?;
    (consumer.memory > 0).then(|| consumer.memory.checked_div(each)).flatten()
}

/// Messages that a slot stands for: the same for all consumers, so that they can be compared.
pub(super) fn unit(scene: &Scene) -> u64 {
    let all = scene.kafka.consumers.iter().chain(&scene.rabbit.consumers);
    let most = all
        .map(|consumer| {
            let room = capacity(consumer).filter(|room| *room <= 100 * SLOTS_MAX).unwrap_or(0);
            consumer.held_count.max(room)
        })
        .max()
        .unwrap_or(0);
    let mut unit = 1;
    for step in [2, 5, 10].into_iter().cycle() {
        if most <= unit * SLOTS_MAX {
            break;
        }
        // 1, 2, 5, 10, 20, 50, ...
        let decade = 10_u64.pow(unit.ilog10());
        unit = decade * step;
    }
    unit
}

/// True if a living consumer's memory is nearly full. A prefetch is a limit that is meant to be
/// reached; memory is not.
fn is_tight(consumer: &Consumer) -> bool {
    consumer.health == Health::Running
        && consumer.memory > 0
        && consumer.held_bytes * 5 >= consumer.memory * 4
}

impl Sheet<'_> {
    // ---- consumers ----

    /// The height of a consumer.
    pub(super) fn consumer_height(&self, columns: &Columns, count: usize) -> i32 {
        let width = columns.consumer.1 - columns.consumer.0;
        let (_, rows) = slot_lines(width);
        let small = count >= SMALL_FROM;
        let rows = if small { 1 } else { rows };
        let work = if small { 12 } else { 48 };
        32 + rows * SLOT_PITCH + work
    }

    /// The height of all consumers of a lane.
    pub(super) fn consumers_height(&self, columns: &Columns, count: usize) -> i32 {
        if count == 0 {
            return 40;
        }
        let shown = count.min(DRAWN_MAX) as i32;
        let each = self.consumer_height(columns, count);
        let more = if count > DRAWN_MAX { 22 } else { 0 };
        shown * (each + 10) - 10 + more
    }

    /// All consumers of a lane, from `y` on, each with its channel.
    pub(super) fn consumers(
        &mut self,
        kafka: bool,
        columns: &Columns,
        y: i32,
        consumers: &[Consumer],
    ) {
        let (x, right) = columns.consumer;
        if consumers.is_empty() {
            let key = if kafka { "no-consumer-kafka" } else { "no-consumer-rabbit" };
            let mut part = Part::new("nothing", key.into());
            part.rect("ghost", Rect::new(x, y, right - x, 40), 6);
            let text = cut(self.texts.no_consumer, 12, right - x - 12);
            part.text("small", ((x + right) / 2, y + 25), Anchor::Middle, text);
            return self.part(part);
        }
        let height = self.consumer_height(columns, consumers.len());
        let mut y = y;
        for (index, consumer) in consumers.iter().take(DRAWN_MAX).enumerate() {
            let rect = Rect::new(x, y, right - x, height);
            if columns.across || index == 0 {
                self.channel(kafka, columns, rect, (&consumer.name, index == 0));
            }
            self.consumer(kafka, rect, consumer, consumers.len() >= SMALL_FROM);
            y += height + 10;
        }
        if consumers.len() > DRAWN_MAX {
            let key = if kafka { "more-kafka" } else { "more-rabbit" };
            let more = number((consumers.len() - DRAWN_MAX) as u64);
            let mut part = Part::new("nothing", key.into());
            let text = fill(self.texts.more_consumers, &[("count", &more)]);
            part.text("small", ((x + right) / 2, y + 12), Anchor::Middle, text);
            self.part(part);
        }
    }

    fn consumer(&mut self, kafka: bool, rect: Rect, consumer: &Consumer, small: bool) {
        let place = match kafka {
            true => Place::KafkaConsumer(consumer.name.clone()),
            false => Place::RabbitConsumer(consumer.name.clone()),
        };
        let key = [if kafka { "kafka-client-" } else { "rabbit-client-" }, &consumer.name].concat();
        let selected = self.is_selected(&place);
        let tight = is_tight(consumer);
        let class = if tight { "thing tight" } else { health_class(consumer.health) };
        let mut part = Part::new(class, key.clone());
        if kafka && self.options.beckons && consumer.health == Health::Paused {
            part.rect("beckon", rect.grown(4), 10);
        }
        part.rect("box", rect, 6);
        let (x, y) = (rect.x + 12, rect.y + 13);
        match tight {
            true => part.path("mark warn", triangle(x, y)),
            false => part.path(health_mark(consumer.health), mark(consumer.health, x, y)),
        };
        let count = self.held_text(consumer);
        let name_room = rect.w - 40 - if small { text_width(&count, 12) + 8 } else { 0 };
        let title = fill(self.texts.consumer_title, &[("name", &consumer.name)]);
        let title = long_or_short(&title, &consumer.name, 14, name_room);
        part.text("title", (rect.x + 28, rect.y + 23), Anchor::Start, title);
        let slots = self.slots(&mut part, rect, consumer, small);
        if small {
            part.text("figure", (rect.right() - 12, rect.y + 22), Anchor::End, count);
        } else {
            let y = slots.bottom() + 17;
            part.text("figure", (rect.right() - 12, y), Anchor::End, count.clone());
            let rate = match consumer.work_us {
                0 => String::new(),
                us => rate_text(1_000_000.0 / us as f64),
            };
            part.text("figure quiet", (rect.x + 12, y), Anchor::Start, rate);
            let (class, state) = self.consumer_state(consumer);
            part.text(class, (rect.x + 12, y + 18), Anchor::Start, cut(&state, 12, rect.w - 20));
            let done = fill(self.texts.done_count, &[("count", &number(consumer.done))]);
            if text_width(&state, 12) + text_width(&done, 12) + 34 <= rect.w {
                part.text("small", (rect.right() - 12, y + 18), Anchor::End, done);
            }
        }
        if selected {
            part.rect("ring", rect.grown(3), 9);
        }
        let edge = Rect { w: HANDLE, ..rect };
        self.handle(key.clone(), edge, Grip::Consumer(place.clone()));
        self.part(part);
        self.spot(place.clone(), slots);
        let state = text_view::health(consumer.health, self.options.language);
        let held = number(consumer.held_count);
        let values = [("name", &*consumer.name), ("state", state), ("held", &held)];
        let label = match kafka {
            true => self.texts.kafka_consumer_label,
            false => self.texts.rabbit_consumer_label,
        };
        self.picture.hits.push(Hit {
            key,
            rect,
            selection: Selection::Place(place),
            label: fill(label, &values),
            selected,
        });
    }

    fn held_text(&self, consumer: &Consumer) -> String {
        let held = number(consumer.held_count);
        match capacity(consumer) {
            Some(room) => [&*held, " / ", &number(room)].concat(),
            None => fill(self.texts.held_count, &[("count", &held)]),
        }
    }

    fn consumer_state(&self, consumer: &Consumer) -> (&'static str, String) {
        let texts = self.texts;
        let word = text_view::health(consumer.health, self.options.language);
        let unit = || match self.unit {
            1 => String::new(),
            unit => fill(texts.slot_unit, &[("count", &number(unit))]),
        };
        let with_unit = |word: &str| match unit() {
            unit if unit.is_empty() => word.to_owned(),
            unit => [word, " · ", &unit].concat(),
        };
        match consumer.health {
            Health::Running if is_tight(consumer) => ("state warn", with_unit(texts.nearly_full)),
            Health::Running if consumer.busy_until_us.is_some() => {
                ("state ok", with_unit(texts.at_work))
            }
            Health::Running if consumer.parked_since_us.is_some() => {
                ("state quiet", texts.asked.to_owned())
            }
            Health::Running => ("state quiet", with_unit(texts.idle)),
            Health::Starting => ("state quiet", word.to_owned()),
            Health::Paused => ("state warn", word.to_owned()),
            Health::Down | Health::Off | Health::OutOfMemory => ("state error", word.to_owned()),
        }
    }

    /// The slots of a consumer's memory; where they are.
    fn slots(&self, part: &mut Part, rect: Rect, consumer: &Consumer, small: bool) -> Rect {
        let (columns, rows) = slot_lines(rect.w);
        let rows = if small { 1 } else { rows };
        let fit = (columns * rows) as u64;
        let room = capacity(consumer).map(|room| room.div_ceil(self.unit).clamp(1, fit));
        let drawn = room.unwrap_or(fit.min(SLOTS_MAX)) as i32;
        let full = consumer.held_count.div_ceil(self.unit).min(drawn as u64) as i32;
        let class = match consumer.health {
            Health::Down | Health::Off | Health::OutOfMemory => "slot dead",
            _ if is_tight(consumer) => "slot tight",
            _ => "slot full",
        };
        let area =
            Rect::new(rect.x + 12, rect.y + 34, columns * SLOT_PITCH - 3, rows * SLOT_PITCH - 3);
        let at = |index: i32| {
            let (column, row) = (index % columns, index / columns);
            let (x, y) = (area.x + column * SLOT_PITCH, area.y + row * SLOT_PITCH);
            Rect::new(x, y, SLOT, SLOT)
        };
        let pen = |from: i32, to: i32| {
            (from..to).fold(Pen::default(), |pen, index| pen.square(at(index)))
        };
        if full > 0 {
            part.path(class, pen(0, full));
        }
        if full < drawn {
            part.path(if room.is_some() { "slot" } else { "slot open" }, pen(full, drawn));
        }
        if full > 0 && consumer.busy_until_us.is_some() && consumer.health == Health::Running {
            part.path("slot work", Pen::default().square(at(0).grown(2)));
        }
        if room.is_some() && drawn > 0 {
            // The line that its memory ends at.
            let last = at(drawn - 1);
            part.path("limit", Pen::at(last.right() + 2, last.y - 2).go("v", &[SLOT + 4]));
        }
        area
    }

    // ---- producers ----

    fn producer_key(name: &str) -> String {
        ["producer-", name].concat()
    }

    fn producer_hit(&self, producer: &Producer, rect: Rect) -> ProducerBox {
        let place = Place::Producer(producer.name.clone());
        let state = text_view::health(producer.health, self.options.language);
        let sent = number(producer.sent);
        let values = [("name", &*producer.name), ("state", state), ("sent", &sent)];
        ProducerBox {
            hit: Hit {
                key: Self::producer_key(&producer.name),
                rect,
                selected: self.is_selected(&place),
                selection: Selection::Place(place),
                label: fill(self.texts.producer_label, &values),
            },
        }
    }

    fn producer_facts(&self, producer: &Producer) -> String {
        match (producer.sending, producer.rate_per_second) {
            (true, rate) if rate > 0.0 => rate_text(rate),
            _ => fill(self.texts.sent_count, &[("count", &number(producer.sent))]),
        }
    }

    /// Producers at the left of the lanes, each with a line into every lane that it sends to.
    pub(super) fn producers_at_left(
        &mut self,
        columns: &Columns,
        lanes: &[(bool, Rect)],
    ) -> Vec<ProducerBox> {
        let producers: Vec<Producer> =
            self.scene.producers.iter().take(DRAWN_MAX).cloned().collect();
        let height = if producers.len() >= SMALL_FROM { 56 } else { 92 };
        let count = producers.len().max(1) as i32;
        let all = count * (height + 12) - 12;
        let middle = self.picture.height / 2;
        let mut y = (middle - all / 2).max(4);
        if producers.is_empty() {
            let rect = Rect::new(1, y, columns.producer, height);
            lanes.iter().for_each(|(kafka, lane)| self.wire(*kafka, rect, *lane, "nobody"));
            self.no_producer(rect);
            if let [(_, upper), (_, lower)] = lanes {
                self.same_message(columns, (upper.bottom() + lower.y) / 2);
            }
            return Vec::new();
        }
        let mut boxes = Vec::new();
        for producer in &producers {
            let rect = Rect::new(1, y, columns.producer, height);
            for (kafka, lane) in lanes {
                let feeds = if *kafka {
                    !producer.topics.is_empty()
                } else {
                    !producer.exchanges.is_empty()
                };
                if feeds {
                    self.wire(*kafka, rect, *lane, &producer.name);
                }
            }
            self.producer(producer, rect);
            boxes.push(self.producer_hit(producer, rect));
            y += height + 12;
        }
        let both = producers.iter().any(|p| !p.topics.is_empty() && !p.exchanges.is_empty());
        if let ([(_, upper), (_, lower)], true) = (lanes, both) {
            self.same_message(columns, (upper.bottom() + lower.y) / 2);
        }
        boxes
    }

    fn no_producer(&mut self, rect: Rect) {
        let mut part = Part::new("nothing", "no-producer".into());
        part.rect("ghost", rect, 6);
        let middle = rect.middle();
        if rect.h > 60 {
            part.text("title", (middle.x, rect.y + 23), Anchor::Middle, self.texts.producer);
            part.rect("card none", Rect::new(middle.x - 15, rect.bottom() - 38, 30, 26), 5);
        }
        let text = cut(self.texts.no_producer, 12, rect.w - 8);
        if rect.h > 60 {
            part.text("small", (middle.x, rect.y + 42), Anchor::Middle, text);
        } else {
            part.text("title", (rect.x + 14, rect.y + 27), Anchor::Start, self.texts.producer);
            part.text("small", (rect.right() - 14, rect.y + 27), Anchor::End, text);
        }
        self.part(part);
    }

    fn producer(&mut self, producer: &Producer, rect: Rect) {
        let place = Place::Producer(producer.name.clone());
        let key = Self::producer_key(&producer.name);
        let mut part = Part::new(health_class(producer.health), key);
        part.rect("box", rect, 6);
        let x = rect.middle().x;
        let small = rect.h < 80;
        let title = match small {
            true => producer.name.clone(),
            false => self.texts.producer.to_owned(),
        };
        let title = cut(&title, 14, rect.w - 12);
        part.text("title", (x, rect.y + 23), Anchor::Middle, title);
        let facts = self.producer_facts(producer);
        let facts = match small {
            true => facts,
            false => [&*producer.name, " · ", &facts].concat(),
        };
        part.text("small", (x, rect.y + 42), Anchor::Middle, cut(&facts, 12, rect.w - 8));
        if !small {
            let last = producer.last_message.map_or("–".to_owned(), |m| m.to_string());
            let w = (text_width(&last, 12) + 14).max(30);
            let class = if producer.last_message.is_some() { "card" } else { "card none" };
            part.rect(class, Rect::new(x - w / 2, rect.bottom() - 38, w, 26), 5);
            let class =
                if producer.last_message.is_some() { "card-text" } else { "card-text none" };
            part.text(class, (x, rect.bottom() - 21), Anchor::Middle, last);
        }
        if producer.health != Health::Running {
            part.path(health_mark(producer.health), mark(producer.health, rect.x + 8, rect.y + 8));
        }
        if self.is_selected(&place) {
            part.rect("ring", rect.grown(3), 9);
        }
        self.part(part);
        self.spot(place, Rect::new(rect.right() - 10, rect.middle().y, 0, 0));
    }

    fn wire(&mut self, kafka: bool, producer: Rect, lane: Rect, name: &str) {
        let (key, class) = match kafka {
            true => (["wire-kafka-", name].concat(), "wire kafka"),
            false => (["wire-rabbit-", name].concat(), "wire rabbit"),
        };
        let (x, y) = (producer.right(), producer.middle().y);
        let (to, end) = (lane.x, lane.y + lane.h / 2 + 10);
        let bend = (to - x) / 2;
        let pen = |shift: i32| {
            Pen::at(x, y + shift)
                .go("C", &[x + bend, y + shift, to - bend, end + shift, to, end + shift])
        };
        let mut part = Part::new(class, key);
        part.path("way", pen(0));
        if !kafka {
            part.path("way", pen(4));
        }
        self.part(part);
    }

    fn same_message(&mut self, columns: &Columns, y: i32) {
        let text = self.texts.same_message;
        let w = text_width(text, 12) + 20;
        let x = columns.lane.0 + 12;
        let mut part = Part::new("note", "same-message".into());
        part.rect("chip", Rect::new(x, y - 11, w, 22), 11);
        part.text("small", (x + w / 2, y + 4), Anchor::Middle, text);
        self.part(part);
    }

    /// Producers above the lanes, where these run from top to bottom; where the lanes begin.
    pub(super) fn producers_on_top(&self) -> i32 {
        let count = self.scene.producers.len().clamp(1, DRAWN_MAX) as i32;
        4 + count * 52 + 12
    }

    /// Draws them, and the rail at the left edge on which their messages come to each lane.
    pub(super) fn rail(&mut self, columns: &Columns, lanes: &[(bool, Rect)]) -> Vec<ProducerBox> {
        let producers: Vec<Producer> =
            self.scene.producers.iter().take(DRAWN_MAX).cloned().collect();
        let from = 4 + producers.len().max(1) as i32 * 52 - 8;
        for (kafka, lane) in lanes {
            let (key, class, x) = match kafka {
                true => ("rail-kafka", "wire kafka", 8),
                false => ("rail-rabbit", "wire rabbit", 14),
            };
            let mut part = Part::new(class, key.into());
            let y = lane.y + 20;
            part.path(
                "way",
                Pen::at(x, from).go("V", &[y - 6]).go("q", &[0, 6, 6, 6]).go("H", &[lane.x]),
            );
            self.part(part);
        }
        if producers.is_empty() {
            self.no_producer(Rect::new(1, 4, columns.producer, 44));
        }
        let mut boxes = Vec::new();
        for (index, producer) in producers.iter().enumerate() {
            let rect = Rect::new(1, 4 + index as i32 * 52, columns.producer, 44);
            self.producer_strip(producer, rect);
            boxes.push(self.producer_hit(producer, rect));
        }
        boxes
    }

    fn producer_strip(&mut self, producer: &Producer, rect: Rect) {
        let place = Place::Producer(producer.name.clone());
        let mut part = Part::new(health_class(producer.health), Self::producer_key(&producer.name));
        part.rect("box", rect, 6);
        part.path(health_mark(producer.health), mark(producer.health, rect.x + 12, rect.y + 17));
        let title = fill(self.texts.producer_title, &[("name", &producer.name)]);
        part.text("title", (rect.x + 28, rect.y + 27), Anchor::Start, cut(&title, 14, rect.w / 2));
        let last = producer.last_message.map_or("–".to_owned(), |m| m.to_string());
        let w = (text_width(&last, 12) + 14).max(30);
        let card = Rect::new(rect.right() - w - 10, rect.y + 9, w, 26);
        part.rect(if producer.last_message.is_some() { "card" } else { "card none" }, card, 5);
        let class = if producer.last_message.is_some() { "card-text" } else { "card-text none" };
        part.text(class, (card.middle().x, card.y + 17), Anchor::Middle, last);
        let facts = self.producer_facts(producer);
        part.text("small", (card.x - 8, rect.y + 27), Anchor::End, facts);
        if self.is_selected(&place) {
            part.rect("ring", rect.grown(2), 8);
        }
        self.part(part);
        self.spot(place, Rect::new(rect.x + 12, rect.bottom(), 0, 0));
    }

    /// Where consumers begin below the broker, in a lane that runs from top to bottom.
    pub(super) fn channel_height(columns: &Columns) -> i32 {
        if columns.across { 0 } else { CHANNEL_DOWN }
    }
}

/// Slots in a line, and lines, for a consumer of this width.
fn slot_lines(width: i32) -> (i32, i32) {
    let columns = ((width - 24 + 3) / SLOT_PITCH).clamp(5, SLOTS_MAX as i32);
    (columns, (SLOTS_MAX as i32 + columns - 1) / columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(held_count: u64) -> Scene {
        let mut scene = Scene::default();
        scene.rabbit.consumers.push(Consumer { held_count, ..Consumer::default() });
        scene
    }

    #[test]
    fn a_slot_stands_for_a_round_number() {
        let units: Vec<u64> =
            [0, 30, 31, 60, 61, 150, 300, 301, 1_000, 10_000].map(|n| unit(&holding(n))).to_vec();
        assert_eq!(units, [1, 1, 2, 2, 5, 5, 10, 20, 50, 500]);
    }

    #[test]
    fn room_is_known_by_prefetch_or_by_memory() {
        let limited = Consumer { prefetch: 4, ..Consumer::default() };
        assert_eq!(capacity(&limited), Some(4));
        let memory =
            Consumer { memory: 2_000, held_count: 4, held_bytes: 400, ..Consumer::default() };
        assert_eq!(capacity(&memory), Some(20));
        assert_eq!(capacity(&Consumer::default()), None);
        assert_eq!(capacity(&Consumer { memory: 10, ..Consumer::default() }), None);
    }
}
