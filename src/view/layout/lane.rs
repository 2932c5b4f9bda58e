//! What both lanes have in common: columns, head, the way between broker and consumer.

use super::Sheet;
use super::shape::{Anchor, Hit, Part, Pen, Rect, cut, text_width};
use crate::view::frame::Selection;
use crate::view::scene::{Health, Place, Server};
use crate::view::text_view;
use crate::view::words::fill;

/// The height of a lane's head.
pub(super) const HEAD: i32 = 40;

/// Inside the edge of a lane.
pub(super) const PADDING: i32 = 18;

/// Where the columns of both lanes stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    /// True if they stand side by side.
    pub across: bool,
    /// The width of a producer.
    pub producer: i32,
    /// The left and right edge of a lane.
    pub lane: (i32, i32),
    /// The left and right edge of what the broker keeps.
    pub broker: (i32, i32),
    /// The left and right edge of the consumers.
    pub consumer: (i32, i32),
}

/// The channel between broker and consumer, where lanes run from top to bottom.
pub(super) const CHANNEL_DOWN: i32 = 60;

impl Columns {
    pub(super) fn of(width: i32, across: bool) -> Columns {
        if !across {
            let lane = (20, width - 1);
            let inside = (lane.0 + 14, lane.1 - 14);
            return Columns { across, producer: width - 2, lane, broker: inside, consumer: inside };
        }
        let (producer, way, consumer, channel) = match width {
            ..680 => (80, 30, 124, 64),
            680..900 => (96, 44, 152, 84),
            _ => (108, 56, 168, 108),
        };
        let lane = (producer + way, width - 1);
        let right = lane.1 - PADDING;
        let consumers = (right - consumer, right);
        let broker = (lane.0 + PADDING, consumers.0 - channel);
        Columns { across, producer, lane, broker, consumer: consumers }
    }

    pub(super) fn broker_width(&self) -> i32 {
        self.broker.1 - self.broker.0
    }
}

impl Sheet<'_> {
    /// The box of a lane with its head: mark, name, the word for who moves, and its servers.
    pub(super) fn lane_head(&mut self, kafka: bool, rect: Rect, servers: &[Server]) {
        let (key, class) =
            if kafka { ("lane-kafka", "lane kafka") } else { ("lane-rabbit", "lane rabbit") };
        let mut part = Part::new(class, key.into());
        part.rect("lane-box", rect, 6);
        let (x, y) = (rect.x + 16, rect.y);
        part.path(
            "lane-head",
            Pen::at(rect.x, y + HEAD)
                .go("v", &[6 - HEAD])
                .go("q", &[0, -6, 6, -6])
                .go("h", &[rect.w - 12])
                .go("q", &[6, 0, 6, 6])
                .go("v", &[HEAD - 6])
                .go("z", &[]),
        );
        part.path("lane-mark", if kafka { hook(x, y + 16) } else { arrow(x, y + 20) });
        let (name, word) = match kafka {
            true => (self.texts.kafka, self.texts.pull_word),
            false => (self.texts.rabbit, self.texts.push_word),
        };
        let mut x = x + 26;
        part.text("lane-name", (x, y + 25), Anchor::Start, name);
        x += text_width(name, 14) + 14;
        part.text("lane-word", (x, y + 25), Anchor::Start, word);
        let meaning = if kafka { self.texts.pull_meaning } else { self.texts.push_meaning };
        let after = x + text_width(word, 12) + 10;
        let chips = 96 * servers.len() as i32 + 16;
        if after + text_width(meaning, 12) + chips < rect.right() {
            part.text("lane-meaning", (after, y + 25), Anchor::Start, meaning);
        }
        self.part(part);
        self.servers(kafka, rect, servers);
    }

    /// The servers of a lane, as chips in its head.
    fn servers(&mut self, kafka: bool, rect: Rect, servers: &[Server]) {
        let room = rect.w - 190;
        let fit = (room / 100).max(1) as usize;
        let shown = &servers[..servers.len().min(fit)];
        let mut x = rect.right() - 10;
        if shown.len() < servers.len() {
            let more = ["+", &(servers.len() - shown.len()).to_string()].concat();
            let mut part =
                Part::new("more", if kafka { "more-kafka" } else { "more-rabbit" }.into());
            x -= text_width(&more, 12);
            part.text("small", (x, rect.y + 24), Anchor::Start, more);
            self.part(part);
            x -= 6;
        }
        for server in shown.iter().rev() {
            let name = cut(&server.name, 12, 90);
            let w = text_width(&name, 12) + 30;
            x -= w;
            let chip = Rect::new(x, rect.y + 8, w, 24);
            let place = match kafka {
                true => Place::Broker(server.name.clone()),
                false => Place::RabbitNode(server.name.clone()),
            };
            let selected = self.is_selected(&place);
            let mut part =
                Part::new(health_class(server.health), ["server-", &server.name].concat());
            part.rect("chip", chip, 12);
            part.path(health_mark(server.health), mark(server.health, chip.x + 8, chip.y + 7));
            part.text("small", (chip.x + 22, chip.y + 16), Anchor::Start, name);
            if selected {
                part.rect("ring", chip.grown(2), 14);
            }
            self.part(part);
            let state = text_view::health(server.health, self.options.language);
            let values = [("name", &*server.name), ("state", state)];
            self.picture.hits.push(Hit {
                key: ["server-", &server.name].concat(),
                rect: chip,
                selection: Selection::Place(place.clone()),
                label: fill(self.texts.server_label, &values),
                selected,
            });
            self.spot(place, Rect::new(rect.x, rect.y, 0, 0));
            x -= 6;
        }
    }

    /// Both ways between broker and consumer: on the one a question or an answer goes, on the
    /// other the messages.
    pub(super) fn channel(
        &mut self,
        kafka: bool,
        columns: &Columns,
        consumer: Rect,
        (key, named): (&str, bool),
    ) {
        let mut part = Part::new(
            if kafka { "channel kafka" } else { "channel rabbit" },
            ["channel-", key].concat(),
        );
        let texts = self.texts;
        let (back, forth) = match kafka {
            true => (texts.fetch_way, texts.records_way),
            false => (texts.ack_way, texts.deliver_way),
        };
        if columns.across {
            let (from, to) = (columns.broker.1 + 10, consumer.x - 8);
            let y = consumer.y + consumer.h / 2;
            // Kafka: the question above, because it comes first. RabbitMQ: the push above.
            let (question, data) = if kafka { (y - 13, y + 15) } else { (y + 17, y - 11) };
            let middle = (from + to) / 2;
            part.path("way-back", Pen::at(to, question).to(from + 8, question));
            part.path(
                if kafka { "way-hook" } else { "way-tick" },
                match kafka {
                    true => hook_at(from, question),
                    false => tick(from - 2, question - 4),
                },
            );
            part.path("way", Pen::at(from, data).to(to - 2, data));
            if !kafka {
                part.path("way", Pen::at(from, data + 4).to(to - 2, data + 4));
            }
            let tip = if kafka { data } else { data + 2 };
            part.path("way-tip", tip_right(to, tip));
            let room = to - from + 6;
            if named {
                part.text("way-text", (middle, question - 7), Anchor::Middle, cut(back, 11, room));
                let below = if kafka { data + 16 } else { data - 8 };
                part.text("way-text", (middle, below), Anchor::Middle, cut(forth, 11, room));
            }
        } else {
            let (from, to) = (consumer.y - CHANNEL_DOWN + 8, consumer.y - 4);
            let x = consumer.x + consumer.w / 2;
            let (question, data) = if kafka { (x - 22, x + 22) } else { (x + 22, x - 22) };
            part.path("way-back", Pen::at(question, to).to(question, from + 8));
            part.path(
                if kafka { "way-hook" } else { "way-tick" },
                match kafka {
                    true => hook_at(question - 3, from + 3),
                    false => tick(question - 5, from - 1),
                },
            );
            part.path("way", Pen::at(data, from).to(data, to - 2));
            if !kafka {
                part.path("way", Pen::at(data - 4, from).to(data - 4, to - 2));
            }
            part.path("way-tip", tip_down(if kafka { data } else { data - 2 }, to));
            let y = (from + to) / 2 + 4;
            let outside =
                |left: bool| if left { (x - 36, Anchor::End) } else { (x + 36, Anchor::Start) };
            let (at, anchor) = outside(kafka);
            part.text("way-text", (at, y), anchor, back);
            let (at, anchor) = outside(!kafka);
            part.text("way-text", (at, y), anchor, forth);
        }
        self.part(part);
    }
}

/// The hook: a question.
pub(super) fn hook(x: i32, y: i32) -> Pen {
    Pen::at(x + 17, y).go("h", &[-12]).go("a", &[4, 4, 0, 1, 0, 4, 4])
}

/// A small hook whose end is here.
fn hook_at(x: i32, y: i32) -> Pen {
    Pen::at(x + 8, y).go("h", &[-3]).go("a", &[4, 4, 0, 1, 0, 4, 4])
}

/// The arrow: a push.
pub(super) fn arrow(x: i32, y: i32) -> Pen {
    Pen::at(x, y).go("h", &[16]).go("m", &[-6, -5]).go("l", &[6, 5, -6, 5])
}

/// The tick: an acknowledgement, or that all is well.
pub(super) fn tick(x: i32, y: i32) -> Pen {
    Pen::at(x, y + 5).go("l", &[3, 4, 7, -8])
}

fn tip_right(x: i32, y: i32) -> Pen {
    Pen::at(x + 2, y).go("l", &[-8, -5, 0, 10]).go("z", &[])
}

fn tip_down(x: i32, y: i32) -> Pen {
    Pen::at(x, y + 2).go("l", &[-5, -8, 10, 0]).go("z", &[])
}

/// The mark of a state, in a square of ten.
pub(super) fn mark(health: Health, x: i32, y: i32) -> Pen {
    match health {
        Health::Running => tick(x, y),
        Health::Starting => Pen::at(x + 5, y).go("a", &[5, 5, 0, 1, 1, -5, 5]),
        Health::Paused => Pen::at(x + 3, y + 1).go("v", &[8]).go("m", &[5, -8]).go("v", &[8]),
        Health::Down | Health::Off | Health::OutOfMemory => {
            Pen::at(x + 1, y + 1).go("l", &[8, 8]).go("m", &[0, -8]).go("l", &[-8, 8])
        }
    }
}

/// The mark of a warning.
pub(super) fn triangle(x: i32, y: i32) -> Pen {
    Pen::at(x + 5, y).go("l", &[6, 10, -12, 0]).go("z", &[]).go("m", &[0, 4]).go("v", &[3])
}

/// The class of the mark of a state.
pub(super) fn health_mark(health: Health) -> &'static str {
    match health {
        Health::Running => "mark ok",
        Health::Starting => "mark quiet",
        Health::Paused => "mark warn",
        Health::Down | Health::Off | Health::OutOfMemory => "mark error",
    }
}

/// The class of something in this state.
pub(super) fn health_class(health: Health) -> &'static str {
    match health {
        Health::Running => "thing",
        Health::Starting => "thing starting",
        Health::Paused => "thing paused",
        Health::Down | Health::Off | Health::OutOfMemory => "thing dead",
    }
}
