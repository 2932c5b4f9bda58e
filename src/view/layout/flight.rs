//! What moves: messages that arrived, each from where it left to where it went.
//!
//! One causal chain at a time: what left because something else had arrived waits until that has
//! landed. At most [`FLIGHTS_MAX`] at once; messages of one batch, and of one way, move as one.

use super::Picture;
use super::density::Density;
use super::shape::{Point, Rect};
use crate::ordered::{BTreeMap, Order};
use crate::view::scene::{Mover, MoverKind, Place};

/// At most so many things move at once.
pub const FLIGHTS_MAX: usize = 7;

/// How long a flight takes, in milliseconds.
pub const FLIGHT_MS: i32 = 300;

/// Things land on the beats of a clock, which many of them share: each instant at which one of
/// them does costs the page a frame. In milliseconds; a part of [`FLIGHT_MS`].
const BEAT_MS: i32 = FLIGHT_MS / 4;

/// A chain of more links than this is not drawn out any longer.
const LINKS_MAX: i32 = 4;

/// The shape of a moving thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// Square: a record of Kafka.
    Record,
    /// Rounded: a message of RabbitMQ.
    Message,
    /// The hook: a question.
    Hook,
    /// An answer without anything in it.
    Empty,
    /// The tick: an acknowledgement or a confirm.
    Tick,
    /// A small caret: an offset commit.
    Caret,
}

/// A moving thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Flight {
    /// Tells it from every other that is in the air.
    pub id: u64,
    /// True in the Kafka lane.
    pub kafka: bool,
    /// Its shape.
    pub glyph: Glyph,
    /// Where it leaves.
    pub from: Point,
    /// Where it lands.
    pub to: Point,
    /// The number of its message, or how many it carries: `7`, `×12`.
    pub label: String,
    /// The messages, as far as they are named, whose cells are there once it has landed: those that
    /// a producer sent. What is fetched or delivered had its cell before.
    pub messages: Vec<u64>,
    /// So many others land before it leaves, each after as much time as it takes itself.
    pub links: i32,
    /// When it lands, in milliseconds from now.
    pub lasts_ms: i32,
}

/// The flights of what arrived, in the order of leaving. `before` is the picture in which they
/// leave, `after` the one in which they land.
pub fn flights(before: &Picture, after: &Picture, arrived: &[Mover]) -> Vec<Flight> {
    if after.density == Density::Figures {
        return Vec::new();
    }
    let mut flights: Vec<(Flight, &Mover, u64)> = Vec::new();
    let mut links: Vec<i32> = Vec::new();
    for mover in arrived {
        let Some(glyph) = glyph(mover) else { continue };
        let ends = ends(before, after, mover);
        // Between two places that are drawn as one there is no way to be seen.
        let Some((from, to)) = ends.filter(|(from, to)| from != to) else { continue };
        let same = flights.iter_mut().find(|(_, other, _)| {
            other.kind == mover.kind && other.from == mover.from && other.to == mover.to
        });
        if let Some((flight, _, count)) = same {
            // The way is taken: one thing stands for all that went on it.
            *count += mover.count.max(1);
            flight.messages.extend(brought(mover));
            continue;
        }
        let link = link(mover, &flights, &links);
        links.push(link);
        let flight = Flight {
            id: mover.id,
            kafka: mover.kafka,
            glyph,
            from,
            to,
            label: String::new(),
            messages: brought(mover).to_vec(),
            links: link,
            lasts_ms: (link + 1) * FLIGHT_MS,
        };
        flights.push((flight, mover, mover.count.max(1)));
    }
    // What carries messages is seen first, if there is too much.
    if flights.len() > FLIGHTS_MAX {
        flights.order_by_key(|(flight, _, _)| {
            (!matches!(flight.glyph, Glyph::Record | Glyph::Message), flight.links)
        });
        flights.truncate(FLIGHTS_MAX);
    }
    let labelled = flights.into_iter().map(|(mut flight, mover, count)| {
        let carries = matches!(flight.glyph, Glyph::Record | Glyph::Message);
        flight.label = match (mover.messages.first(), count) {
            _ if !carries => String::new(),
            (Some(message), 0 | 1) => message.to_string(),
            (None, 0 | 1) => String::new(),
            (_, count) => ["×", &count.to_string()].concat(),
        };
        flight
    });
    labelled.collect()
}

/// The messages whose cells a mover brings.
fn brought(mover: &Mover) -> &[u64] {
    if mover.kind == MoverKind::Send { &mover.messages } else { &[] }
}

/// What is in the air. A way that is in use takes nothing else until that has landed; what came
/// meanwhile goes as one thing then. So there is movement at every speed, and never too much.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    alive: Vec<(Flight, Way, i64)>,
    waiting: BTreeMap<Way, u64>,
    landings: BTreeMap<(bool, u64), (i32, i64)>,
    admitted: u64,
}

/// From where to where, and in which shape.
type Way = (bool, u8, (i32, i32), (i32, i32));

impl Traffic {
    /// Takes new flights up at an instant of real time, in milliseconds.
    pub fn admit(&mut self, flights: Vec<Flight>, now_ms: i64) {
        self.alive.retain(|(_, _, lands_ms)| *lands_ms > now_ms);
        self.landings.retain(|_, (_, lands_ms)| *lands_ms > now_ms);
        for mut flight in flights {
            let carries = matches!(flight.glyph, Glyph::Record | Glyph::Message);
            // Cells differ, the way between two things does not: a grain of 64 pixels tells them.
            let grain = |p: Point| (p.x / 64, p.y / 64);
            let way = (flight.kafka, flight.glyph as u8, grain(flight.from), grain(flight.to));
            let count = count_of(&flight.label);
            let used = self.alive.iter().any(|(_, other, _)| *other == way);
            if used || self.alive.len() >= FLIGHTS_MAX {
                if carries {
                    *self.waiting.entry(way).or_default() += count;
                }
                continue;
            }
            let waited = self.waiting.remove(&way).unwrap_or(0);
            if carries && waited > 0 {
                flight.label = ["×", &(waited + count).to_string()].concat();
            }
            flight.lasts_ms += to_beat(now_ms);
            let lands_ms = now_ms + i64::from(flight.lasts_ms);
            for message in &flight.messages {
                let after = flight.lasts_ms - BEAT_MS;
                self.landings.entry((flight.kafka, *message)).or_insert((after, lands_ms));
            }
            // Two movers can be the same picture; no two flights are.
            self.admitted += 1;
            flight.id = self.admitted;
            self.alive.push((flight, way, lands_ms));
        }
    }

    /// Nothing moves any more.
    pub fn clear(&mut self) {
        *self = Traffic { admitted: self.admitted, ..Traffic::default() };
    }

    /// What is in the air.
    pub fn flights(&self) -> impl Iterator<Item = &Flight> {
        self.alive.iter().map(|(flight, _, _)| flight)
    }

    /// How long after it was told of a message lands, in milliseconds: its cell appears then.
    pub fn landing(&self, kafka: bool, message: u64) -> Option<i32> {
        self.landings.get(&(kafka, message)).map(|(after, _)| *after)
    }
}

/// From an instant to the next beat.
fn to_beat(now_ms: i64) -> i32 {
    let beat = i64::from(BEAT_MS);
    (beat - now_ms.rem_euclid(beat)).rem_euclid(beat) as i32
}

fn count_of(label: &str) -> u64 {
    label.strip_prefix('×').and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// How many flights have to land before this one leaves.
fn link(mover: &Mover, flights: &[(Flight, &Mover, u64)], links: &[i32]) -> i32 {
    let causes = flights.iter().zip(links).filter(|((_, cause, _), _)| {
        cause.kafka == mover.kafka
            && cause.arrives_us <= mover.sent_us
            && same_place(&cause.to, &mover.from)
    });
    causes.map(|(_, link)| link + 1).max().unwrap_or(0).min(LINKS_MAX)
}

/// Whatever lies in a broker is at the broker.
fn same_place(a: &Place, b: &Place) -> bool {
    let server = |place: &Place| {
        matches!(
            place,
            Place::Broker(_)
                | Place::Partition(..)
                | Place::RabbitNode(_)
                | Place::Queue(_)
                | Place::Exchange(_)
        )
    };
    a == b || server(a) && server(b)
}

fn glyph(mover: &Mover) -> Option<Glyph> {
    Some(match (mover.kind, mover.kafka) {
        (MoverKind::Send, true) | (MoverKind::Records, _) => Glyph::Record,
        (MoverKind::Send, false) | (MoverKind::Deliver, _) => Glyph::Message,
        (MoverKind::FetchRequest, _) => Glyph::Hook,
        (MoverKind::NoRecords, _) => Glyph::Empty,
        (MoverKind::Confirm | MoverKind::Acknowledge, _) => Glyph::Tick,
        (MoverKind::Commit, _) => Glyph::Caret,
        (MoverKind::Control, _) => return None,
    })
}

fn ends(before: &Picture, after: &Picture, mover: &Mover) -> Option<(Point, Point)> {
    let from = end(before, after, mover, &mover.from, &mover.to)?;
    let to = end(after, before, mover, &mover.to, &mover.from)?;
    Some((from, to))
}

/// Where a mover is at one of its ends: at its message's cell where that is the broker's end.
fn end(
    first: &Picture,
    second: &Picture,
    mover: &Mover,
    place: &Place,
    other: &Place,
) -> Option<Point> {
    let in_broker = same_place(place, &Place::Broker(String::new()));
    let carries = matches!(mover.kind, MoverKind::Send | MoverKind::Records | MoverKind::Deliver);
    let message = mover.messages.first().copied();
    if let (true, true, Some(message)) = (in_broker, carries, message)
        && let Some(point) = [first, second].iter().find_map(|p| p.cell(mover.kafka, message))
    {
        return Some(point);
    }
    let rect = first.spot_of(place).or_else(|| second.spot_of(place))?;
    Some(match in_broker {
        true => edge(first, rect, matches!(other, Place::Producer(_) | Place::Tool)),
        false => rect.middle(),
    })
}

/// The edge of a broker at which it is met: by producers at the one side, by consumers at the
/// other.
fn edge(picture: &Picture, rect: Rect, producer: bool) -> Point {
    let middle = rect.middle();
    match (picture.across, producer) {
        (true, true) => Point { x: rect.x, y: middle.y },
        (true, false) => Point { x: rect.right() + 6, y: middle.y },
        (false, true) => Point { x: rect.x, y: rect.y },
        (false, false) => Point { x: middle.x, y: rect.bottom() + 6 },
    }
}

impl Picture {
    fn spot_of(&self, place: &Place) -> Option<Rect> {
        self.spots.iter().find(|(known, _)| known == place).map(|(_, rect)| *rect)
    }

    fn cell(&self, kafka: bool, message: u64) -> Option<Point> {
        let is = |(k, m, _): &&(bool, u64, Point)| *k == kafka && *m == message;
        self.cells.iter().find(is).map(|(_, _, point)| *point)
    }
}
