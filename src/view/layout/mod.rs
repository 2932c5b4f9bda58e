//! Where everything stands in the picture, and what it looks like: shapes on whole pixels of a
//! given width. The page only turns shapes into elements and gives their classes a colour.
//!
//! Two lanes, one above the other, on one time axis: Kafka above, RabbitMQ below, always. Where
//! there is room the lanes run from left to right (producer, broker, consumer); in a narrow box
//! they run from top to bottom.
//!
//! What the shapes say: Kafka's cells are square and never leave; RabbitMQ's are round and go. A
//! hook is a question, an arrow a push, a tick an acknowledgement. Colour is never alone.

mod client;
mod density;
mod flight;
mod kafka_lane;
mod lane;
mod rabbit_lane;
mod shape;

pub use density::{Density, density};
pub use flight::{FLIGHT_MS, FLIGHTS_MAX, Flight, Glyph, Traffic, flights};
pub use shape::{Anchor, Grid, Handle, Hit, Part, Point, Rect, Shape, text_width};

use super::drag::Grip;
use super::frame::Selection;
use super::scene::{Place, Scene};
use super::welcome::Pile;
use super::words::Language;
use super::words::picture::Picture as Texts;
use client::ProducerBox;
use lane::Columns;

/// Below this width one lane is shown at a time.
const NARROW_BELOW: i32 = 448;

/// True where there is no room for both lanes at once. Nothing is known of a width of 0.
pub fn is_narrow(width: i32) -> bool {
    width > 0 && width < NARROW_BELOW
}

/// Which lanes are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lanes {
    /// One above the other.
    #[default]
    Both,
    /// The upper one alone.
    Kafka,
    /// The lower one alone.
    Rabbit,
}

/// What the picture is made for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Its width in pixels.
    pub width: i32,
    /// Which lanes.
    pub lanes: Lanes,
    /// The language of its words.
    pub language: Language,
    /// What is selected: it has a ring. A message has one in both lanes.
    pub selected: Option<Selection>,
    /// The Kafka consumer that waits for the learner has an outline that draws the eye.
    pub beckons: bool,
    /// Where the learner expects messages to pile up in the RabbitMQ lane.
    pub bet: Option<Pile>,
}

/// The picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// As wide as it was asked for.
    pub width: i32,
    /// As high as it needs.
    pub height: i32,
    /// How densely it is drawn.
    pub density: Density,
    /// Its parts, from back to front. A key stays with its thing from one picture to the next.
    pub parts: Vec<Part>,
    /// What can be selected, in the order of reading.
    pub hits: Vec<Hit>,
    /// What can be taken by hand.
    pub handles: Vec<Handle>,
    /// Where the things stand that messages move between.
    pub spots: Vec<(Place, Rect)>,
    /// Where the messages lie: (Kafka?, message, middle of its cell).
    pub cells: Vec<(bool, u64, Point)>,
    /// Many small cells that are one shape: where each of them is.
    pub grids: Vec<Grid>,
    /// True if the lanes run from left to right.
    pub across: bool,
}

/// From this width on the lanes run from left to right.
pub const ACROSS_FROM: i32 = 600;

/// Between two lanes.
const LANE_GAP: i32 = 20;

/// The picture of a scene.
pub fn picture(scene: &Scene, options: &Options) -> Picture {
    let texts = Texts::of(options.language);
    let mut sheet = Sheet {
        scene,
        texts,
        options,
        density: density(scene.kafka.records.max(scene.rabbit.messages)),
        unit: client::unit(scene),
        picture: Picture { width: options.width.max(280), ..Picture::default() },
    };
    sheet.picture.density = sheet.density;
    sheet.picture.across = sheet.picture.width >= ACROSS_FROM;
    sheet.draw();
    sheet.picture
}

/// A picture in the making.
struct Sheet<'a> {
    scene: &'a Scene,
    texts: &'static Texts,
    options: &'a Options,
    density: Density,
    /// Messages that a slot of a consumer's memory stands for.
    unit: u64,
    picture: Picture,
}

impl Sheet<'_> {
    fn draw(&mut self) {
        let columns = Columns::of(self.picture.width, self.picture.across);
        let kafka = self.options.lanes != Lanes::Rabbit;
        let rabbit = self.options.lanes != Lanes::Kafka;
        let mut y = if self.picture.across { 4 } else { self.producers_on_top() };
        let mut lanes = Vec::new();
        if kafka {
            let rect = self.kafka_lane(&columns, y);
            y = rect.bottom() + LANE_GAP;
            lanes.push((true, rect));
        }
        if rabbit {
            let rect = self.rabbit_lane(&columns, y);
            y = rect.bottom() + LANE_GAP;
            lanes.push((false, rect));
        }
        self.picture.height = y - LANE_GAP + 6;
        let producers = if self.picture.across {
            self.producers_at_left(&columns, &lanes)
        } else {
            self.rail(&columns, &lanes)
        };
        self.bet();
        self.order_hits(producers);
    }

    /// The ghost of the learner's bet, where it was put.
    fn bet(&mut self) {
        let Some(bet) = self.options.bet else { return };
        let wanted = |place: &Place| match bet {
            Pile::Broker => matches!(place, Place::Queue(_)),
            Pile::Consumer => matches!(place, Place::RabbitConsumer(_)),
            Pile::Nowhere => matches!(place, Place::Exchange(_)),
        };
        // Of a consumer the place is its memory: the ghost goes round all of it.
        let hits = &self.picture.hits;
        let hit = hits.iter().find(|h| matches!(&h.selection, Selection::Place(p) if wanted(p)));
        let spots = &self.picture.spots;
        let spot = spots.iter().find(|(place, _)| wanted(place));
        let (Some(hit), Some((_, spot))) = (hit, spot) else { return };
        let rect = match bet {
            Pile::Consumer => hit.rect.grown(7),
            // Round its name and its figures as well.
            Pile::Broker => Rect { h: hit.rect.h + rabbit_lane::COUNTS, ..hit.rect }.grown(7),
            Pile::Nowhere => spot.grown(7),
        };
        let text = match bet {
            Pile::Nowhere => self.texts.bet_nowhere,
            _ => self.texts.bet,
        };
        let mut part = Part::new("bet", "bet".into());
        part.rect("bet-edge", rect, 10);
        let w = text_width(text, 12) + 16;
        let right = self.picture.width - 2;
        let tag = Rect::new((rect.right() - w - 12).clamp(1, right - w), rect.bottom() - 9, w, 22);
        part.rect("bet-tag", tag, 11);
        part.text("bet-text", (tag.middle().x, tag.y + 15), Anchor::Middle, text);
        self.part(part);
    }

    /// Producers are read first, though they are drawn last.
    fn order_hits(&mut self, producers: Vec<ProducerBox>) {
        let hits = producers.into_iter().map(|producer| producer.hit);
        self.picture.hits.splice(0..0, hits);
    }

    fn is_selected(&self, place: &Place) -> bool {
        matches!(&self.options.selected, Some(Selection::Place(selected)) if selected == place)
    }

    fn is_followed(&self, message: Option<u64>) -> bool {
        match (&self.options.selected, message) {
            (Some(Selection::Message(selected)), Some(message)) => *selected == message,
            _ => false,
        }
    }

    fn part(&mut self, part: Part) {
        self.picture.parts.push(part);
    }

    /// A handle, if there is somewhere to go.
    fn handle(&mut self, key: String, rect: Rect, grip: Grip) {
        if grip.can_move(self.scene) {
            self.picture.handles.push(Handle { key, rect, grip });
        }
    }

    fn spot(&mut self, place: Place, rect: Rect) {
        self.picture.spots.push((place, rect));
    }
}

#[cfg(test)]
mod tests;
