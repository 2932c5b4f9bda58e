//! The RabbitMQ lane: exchanges route into queues; a queue's cells go when they are acknowledged.
//! The head of a queue is at the side of the consumers: messages run through it.

use super::Sheet;
use super::density::Density;
use super::kafka_lane::key_letter;
use super::lane::{Columns, HEAD, PADDING};
use super::shape::{Anchor, Grid, Hit, Part, Pen, Point, Rect, cut, text_width};
use crate::view::frame::Selection;
use crate::view::scene::{Exchange, Place, Queue, QueueCell};
use crate::view::words::{fill, number};

const CELL: i32 = 32;
const CELL_GAP: i32 = 3;
const SQUARE: i32 = 11;
const SQUARE_PITCH: i32 = 13;
const BAR: i32 = 22;
const LABEL: i32 = 20;
pub(super) const COUNTS: i32 = 22;
const ROW_GAP: i32 = 12;
const DIAMOND: i32 = 40;
const EXCHANGE: i32 = DIAMOND + 36;

impl Sheet<'_> {
    /// Draws the lane from `y` on; where it is.
    pub(super) fn rabbit_lane(&mut self, columns: &Columns, y: i32) -> Rect {
        let lane = self.scene.rabbit.clone();
        let (exchange_x, queue) = queue_columns(columns, lane.exchanges.is_empty());
        let heights: Vec<i32> = lane.queues.iter().map(|q| self.queue_height(queue, q)).collect();
        let queues_height = match heights.len() {
            0 => 56,
            count => heights.iter().sum::<i32>() + ROW_GAP * (count as i32 - 1),
        };
        let exchanges_height = lane.exchanges.len() as i32 * (EXCHANGE + 8);
        let broker_height = queues_height.max(exchanges_height);
        let clients = self.consumers_height(columns, lane.consumers.len());
        let way = Self::channel_height(columns);
        let inside = match columns.across {
            true => broker_height.max(clients),
            false => broker_height + way + clients,
        };
        let w = columns.lane.1 - columns.lane.0;
        let rect = Rect::new(columns.lane.0, y, w, HEAD + PADDING + inside + PADDING);
        self.lane_head(false, rect, &lane.nodes);
        let top = y + HEAD + PADDING;
        let (broker_y, clients_y) = match columns.across {
            true => (top + (inside - broker_height) / 2, top + (inside - clients) / 2),
            false => (top, top + broker_height + way),
        };
        let mut places = Vec::new();
        let mut y = broker_y + (broker_height - queues_height) / 2;
        if lane.queues.is_empty() {
            self.no_queue(queue, y);
        }
        for (state, height) in lane.queues.iter().zip(heights) {
            let pill = self.queue(queue, y, state);
            places.push((state.name.as_str(), pill));
            y += height + ROW_GAP;
        }
        let mut y = broker_y + (broker_height - exchanges_height) / 2;
        if let ([exchange], [(_, pill)]) = (&lane.exchanges[..], &places[..]) {
            // One of each: on one line.
            y = pill.middle().y - DIAMOND / 2;
            self.exchange(exchange_x, y, exchange, &places);
        } else {
            for exchange in &lane.exchanges {
                self.exchange(exchange_x, y, exchange, &places);
                y += EXCHANGE + 8;
            }
        }
        let broker = Rect::new(columns.broker.0, broker_y, columns.broker_width(), broker_height);
        for node in &lane.nodes {
            self.picture.spots.retain(|(place, _)| *place != Place::RabbitNode(node.name.clone()));
            self.spot(Place::RabbitNode(node.name.clone()), broker);
        }
        self.consumers(false, columns, clients_y, &lane.consumers);
        rect
    }

    fn no_queue(&mut self, (x, right): (i32, i32), y: i32) {
        let mut part = Part::new("nothing", "no-queue".into());
        part.rect("ghost", Rect::new(x, y, right - x, 56), 28);
        let text = cut(self.texts.no_queue, 12, right - x - 24);
        part.text("small", ((x + right) / 2, y + 32), Anchor::Middle, text);
        self.part(part);
    }

    fn pill_height(&self, (x, right): (i32, i32), queue: &Queue) -> i32 {
        match self.density {
            Density::Cards => CELL + 20,
            Density::Squares => {
                let per_line = ((right - x - 32) / SQUARE_PITCH).max(1);
                let lines = (queue.cells.len() as i32 + per_line - 1) / per_line;
                lines.max(1) * SQUARE_PITCH + 22
            }
            Density::Bars | Density::Figures => BAR + 20,
        }
    }

    fn queue_height(&self, column: (i32, i32), queue: &Queue) -> i32 {
        let lines = match self.counts_fit(column, queue) {
            true => 1,
            false => self.count_texts(queue).len() as i32,
        };
        LABEL + self.pill_height(column, queue) + lines * COUNTS
    }

    /// Of the messages in each state: the class of their cells, and how many there are. Few queues
    /// delay anything, so those of which there are none are not named.
    fn count_texts(&self, queue: &Queue) -> Vec<(&'static str, String)> {
        let text = |template, count| fill(template, &[("count", &number(count))]);
        let mut texts = vec![
            ("message", text(self.texts.ready, queue.ready)),
            ("message unacked", text(self.texts.unacked, queue.unacked)),
        ];
        if queue.delayed > 0 {
            texts.push(("message delayed", text(self.texts.delayed, queue.delayed)));
        }
        texts
    }

    /// True if all counts have room beside each other.
    fn counts_fit(&self, (x, right): (i32, i32), queue: &Queue) -> bool {
        let texts = self.count_texts(queue);
        let widths: i32 = texts.iter().map(|(_, text)| 34 + text_width(text, 12)).sum();
        widths - 6 <= right - x
    }

    fn queue(&mut self, column: (i32, i32), y: i32, queue: &Queue) -> Rect {
        let (x, right) = column;
        let place = Place::Queue(queue.name.clone());
        let selected = self.is_selected(&place);
        let key = ["queue-", &queue.name].concat();
        let pill = Rect::new(x, y + LABEL, right - x, self.pill_height(column, queue));
        let mut part = Part::new("queue rabbit", key.clone());
        let title = fill(self.texts.queue_title, &[("name", &queue.name)]);
        let kind = match queue.durable {
            true => queue.kind.clone(),
            false => [&*queue.kind, ", ", self.texts.transient].concat(),
        };
        let room = pill.w - text_width(&kind, 12) - 32;
        part.text("label", (x + 10, y + 12), Anchor::Start, cut(&title, 12, room.max(40)));
        if room > 40 {
            part.text("small", (right - 10, y + 12), Anchor::End, kind);
        }
        part.rect("pill", pill, (pill.h / 2).min(26));
        if selected {
            part.rect("ring", pill.grown(4), (pill.h / 2).min(26) + 4);
        }
        self.picture.hits.push(Hit {
            key,
            rect: Rect::new(x, y, pill.w, LABEL + pill.h),
            selection: Selection::Place(place.clone()),
            label: fill(
                match queue.delayed {
                    0 => self.texts.queue_label,
                    _ => self.texts.queue_label_delayed,
                },
                &[
                    ("name", &queue.name),
                    ("ready", &number(queue.ready)),
                    ("unacked", &number(queue.unacked)),
                    ("delayed", &number(queue.delayed)),
                ],
            ),
            selected,
        });
        let inside = Rect::new(pill.x + 14, pill.y + 10, pill.w - 28, pill.h - 20);
        match self.density {
            Density::Cards => self.queue_cards(&mut part, inside, queue),
            Density::Squares => self.queue_squares(&mut part, inside, queue),
            Density::Bars | Density::Figures => self.queue_bar(&mut part, inside, queue),
        }
        self.counts(&mut part, pill, queue);
        let behind = self.picture.parts.iter().rposition(|part| part.class != "cell rabbit");
        self.picture.parts.insert(behind.map_or(0, |index| index + 1), part);
        self.spot(place, pill);
        pill
    }

    /// How many messages are in each state, with the pattern of their cells.
    fn counts(&self, part: &mut Part, pill: Rect, queue: &Queue) {
        let fit = self.counts_fit((pill.x, pill.right()), queue);
        let (mut x, mut y) = (pill.x + 12, pill.bottom() + 7);
        for (class, text) in self.count_texts(queue) {
            part.rect(class, Rect::new(x, y, 10, 10), 4);
            let w = text_width(&text, 12);
            part.text("small strong", (x + 16, y + 9), Anchor::Start, text);
            match fit {
                true => x += 16 + w + 18,
                false => y += COUNTS,
            }
        }
    }

    fn queue_cards(&mut self, part: &mut Part, area: Rect, queue: &Queue) {
        let widest = queue.cells.iter().map(|cell| cell.message).max().unwrap_or(0);
        let width = CELL.max(widest.to_string().len() as i32 * 8 + 10);
        let pitch = width + CELL_GAP;
        let fit = ((area.w + CELL_GAP) / pitch).max(1) as usize;
        let total = (queue.ready + queue.unacked + queue.delayed) as usize;
        let shown = if total > fit { fit.saturating_sub(2).max(1) } else { queue.cells.len() };
        if queue.cells.is_empty() {
            let text = cut(self.texts.empty_queue, 12, area.w);
            part.text("small", (area.middle().x, area.y + 20), Anchor::Middle, text);
        }
        for (index, cell) in queue.cells.iter().enumerate() {
            if index >= shown {
                self.picture.cells.push((
                    false,
                    cell.message,
                    Point { x: area.x + 20, y: area.middle().y },
                ));
                continue;
            }
            let x = area.right() - (index as i32 + 1) * pitch + CELL_GAP;
            self.queue_card(Rect::new(x, area.y, width, CELL), &queue.name, cell);
        }
        if total > shown {
            let more = ["+", &number((total - shown) as u64), " …"].concat();
            part.text("cell-text quiet", (area.x + 4, area.y + 21), Anchor::Start, more);
        }
    }

    fn queue_card(&mut self, rect: Rect, queue: &str, cell: &QueueCell) {
        let position = cell.position.to_string();
        let key = ["cell-", queue, "-", &position].concat();
        let followed = self.is_followed(Some(cell.message));
        let mut part = Part::new("cell rabbit", key.clone());
        part.at = Point { x: rect.x, y: rect.y };
        part.message = Some(cell.message);
        let own = Rect::new(0, 0, rect.w, rect.h);
        let (state, class) = self.state_of(cell);
        part.rect(class, own, 12);
        let text = cell.message.to_string();
        let class = if cell.unacked || cell.delayed { "cell-text plate" } else { "cell-text" };
        part.text(class, (own.middle().x, 21), Anchor::Middle, &*text);
        if let Some(key) = &cell.key {
            part.text("cell-key", (own.w - 6, 10), Anchor::End, key_letter(key));
        }
        if cell.redelivered {
            part.path(
                "bent",
                Pen::at(4, 4)
                    .go("v", &[4])
                    .go("h", &[8])
                    .go("m", &[-3, -3])
                    .go("l", &[3, 3, -3, 3]),
            );
        }
        if followed {
            part.rect("ring", own.grown(3), 14);
        }
        self.part(part);
        self.picture.cells.push((false, cell.message, rect.middle()));
        let mut label = fill(
            self.texts.message_label,
            &[("queue", queue), ("message", &text), ("state", state)],
        );
        if cell.redelivered {
            label = [&*label, ", ", self.texts.redelivered].concat();
        }
        self.picture.hits.push(Hit {
            key,
            rect,
            selection: Selection::Message(cell.message),
            label,
            selected: followed,
        });
    }

    /// What a message is, in words and as a class.
    fn state_of(&self, cell: &QueueCell) -> (&'static str, &'static str) {
        match (cell.unacked, cell.delayed) {
            (true, _) => (self.texts.is_unacked, "message unacked"),
            (_, true) => (self.texts.is_delayed, "message delayed"),
            _ => (self.texts.is_ready, "message"),
        }
    }

    fn queue_squares(&mut self, part: &mut Part, area: Rect, queue: &Queue) {
        let per_line = (area.w / SQUARE_PITCH).max(1);
        let left = area.right() - per_line * SQUARE_PITCH + (SQUARE_PITCH - SQUARE);
        // The head is at the right: each line is filled from there.
        let at = |index: i32| {
            let (column, line) = (per_line - 1 - index % per_line, index / per_line);
            let (x, y) = (left + column * SQUARE_PITCH, area.y + line * SQUARE_PITCH);
            Rect::new(x, y, SQUARE, SQUARE)
        };
        let mut pens = ["message", "message unacked", "message delayed"]
            .map(|class| (class, Pen::default(), false));
        let lines = (queue.cells.len() as i32 + per_line - 1) / per_line;
        let mut messages = vec![None; (lines * per_line) as usize];
        for (index, cell) in queue.cells.iter().enumerate() {
            let index = index as i32;
            let rect = at(index);
            let (_, class) = self.state_of(cell);
            if let Some((_, pen, used)) = pens.iter_mut().find(|(known, ..)| *known == class) {
                *pen = round(std::mem::take(pen), rect);
                *used = true;
            }
            let place = index / per_line * per_line + per_line - 1 - index % per_line;
            messages[place as usize] = Some(cell.message);
            self.picture.cells.push((false, cell.message, rect.middle()));
            if self.is_followed(Some(cell.message)) {
                part.rect("ring", rect.grown(3), 6);
            }
        }
        for (class, pen, _) in pens.into_iter().filter(|(_, _, used)| *used) {
            part.path(class, pen);
        }
        let rect = Rect::new(left, area.y, per_line * SQUARE_PITCH, lines * SQUARE_PITCH);
        self.picture.grids.push(Grid { rect, pitch: SQUARE_PITCH, columns: per_line, messages });
    }

    fn queue_bar(&mut self, part: &mut Part, area: Rect, queue: &Queue) {
        let total = queue.ready + queue.unacked + queue.delayed;
        // All rows of both lanes have one scale.
        let most = self.longest();
        let share = |count: u64| (u128::from(count) * area.w as u128 / u128::from(most)) as i32;
        let shares = [
            ("message unacked", share(queue.unacked)),
            ("message", share(queue.ready)),
            ("message delayed", share(queue.delayed)),
        ];
        let right = area.right();
        let mut width = 0;
        for (class, share) in shares.into_iter().filter(|(_, share)| *share > 0) {
            width += share;
            part.rect(class, Rect::new(right - width, area.y, share, BAR), 6);
        }
        if self.density == Density::Bars && total > 0 {
            let ticks = (1..=total / 100).take(40).fold(Pen::default(), |pen, hundred| {
                let x = right - (hundred * 100 * width as u64 / total) as i32;
                pen.go("M", &[x, area.y + BAR - 5]).go("v", &[5])
            });
            part.path("ticks", ticks);
        }
        let x = (right - width - 6).max(area.x + 6);
        let anchor = if x > area.x + 60 { Anchor::End } else { Anchor::Start };
        part.text("bar-text", (x, area.y + 15), anchor, number(total));
    }

    // ---- exchanges ----

    fn exchange(&mut self, x: i32, y: i32, exchange: &Exchange, queues: &[(&str, Rect)]) {
        let place = Place::Exchange(exchange.name.clone());
        let selected = self.is_selected(&place);
        let key = ["exchange-", &exchange.name].concat();
        let half = DIAMOND / 2;
        let mut part = Part::new("exchange rabbit", key.clone());
        for (index, (binding, queue)) in exchange.bindings.iter().enumerate() {
            let Some((_, pill)) = queues.iter().find(|(name, _)| name == queue) else { continue };
            let (from, to) = ((x + DIAMOND, y + half), (pill.x, pill.middle().y));
            let bend = (to.0 - from.0) / 2;
            let way = Pen::at(from.0, from.1)
                .go("C", &[from.0 + bend, from.1, to.0 - bend, to.1, to.0 - 6, to.1]);
            part.path("way", way);
            part.path("way-tip", Pen::at(to.0, to.1).go("l", &[-8, -5, 0, 10]).go("z", &[]));
            let room = to.0 - from.0 - 4;
            if index < 4 && !binding.is_empty() && room > 16 {
                // Of several ways each has its name where it ends: there they are apart.
                let (at, anchor) = match exchange.bindings.len() {
                    1 => (((from.0 + to.0) / 2 - 2, (from.1 + to.1) / 2 - 7), Anchor::Middle),
                    _ => ((to.0 - 10, to.1 - 7), Anchor::End),
                };
                part.text("way-text", at, anchor, cut(binding, 11, room));
            }
        }
        let diamond =
            Pen::at(x, y + half).go("l", &[half, -half, half, half, -half, half]).go("z", &[]);
        part.path("diamond", diamond);
        let name = match exchange.name.as_str() {
            "" => self.texts.default_exchange.to_owned(),
            name => name.to_owned(),
        };
        let kind = if exchange.name.is_empty() { self.texts.exchange } else { &*exchange.kind };
        let (cx, room) = (x + half, DIAMOND + 34);
        part.text("small", (cx, y + DIAMOND + 13), Anchor::Middle, cut(kind, 12, room));
        if !exchange.name.is_empty() {
            part.text("label", (cx, y - 5), Anchor::Middle, cut(&name, 12, room));
        }
        if selected {
            part.rect("ring", Rect::new(x - 4, y - 4, DIAMOND + 8, DIAMOND + 8), 6);
        }
        self.part(part);
        let rect = Rect::new(x, y, DIAMOND, DIAMOND);
        self.picture.hits.push(Hit {
            key,
            rect,
            selection: Selection::Place(place.clone()),
            label: fill(self.texts.exchange_label, &[("name", &name), ("kind", &exchange.kind)]),
            selected,
        });
        self.spot(place, rect);
    }
}

/// Where exchanges begin, and where queues stand.
fn queue_columns(columns: &Columns, no_exchange: bool) -> (i32, (i32, i32)) {
    let (x, right) = columns.broker;
    let exchange = x + 12;
    let way = if right - x < 300 { 28 } else { 56 };
    match no_exchange {
        true => (exchange, (x, right)),
        false => (exchange, (exchange + DIAMOND + way, right)),
    }
}

/// A small cell with round corners.
fn round(pen: Pen, rect: Rect) -> Pen {
    let (w, h) = (rect.w - 6, rect.h - 6);
    pen.go("M", &[rect.x + 3, rect.y])
        .go("h", &[w])
        .go("q", &[3, 0, 3, 3])
        .go("v", &[h])
        .go("q", &[0, 3, -3, 3])
        .go("h", &[-w])
        .go("q", &[-3, 0, -3, -3])
        .go("v", &[-h])
        .go("q", &[0, -3, 3, -3])
        .go("z", &[])
}
