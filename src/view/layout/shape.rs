//! Shapes on whole pixels.

use crate::view::drag::Grip;
use crate::view::frame::Selection;

/// A place on the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rect {
    /// Its left edge.
    pub x: i32,
    /// Its upper edge.
    pub y: i32,
    /// Its width.
    pub w: i32,
    /// Its height.
    pub h: i32,
}

impl Rect {
    /// A rectangle.
    pub fn new(x: i32, y: i32, w: i32, h: i32) -> Rect {
        Rect { x, y, w, h }
    }

    /// Its right edge.
    pub fn right(&self) -> i32 {
        self.x + self.w
    }

    /// Its lower edge.
    pub fn bottom(&self) -> i32 {
        self.y + self.h
    }

    /// Its middle.
    pub fn middle(&self) -> Point {
        Point { x: self.x + self.w / 2, y: self.y + self.h / 2 }
    }

    /// Larger by so much on each side.
    pub fn grown(&self, by: i32) -> Rect {
        Rect::new(self.x - by, self.y - by, self.w + 2 * by, self.h + 2 * by)
    }
}

/// Where a text begins, from its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The point is its left end.
    Start,
    /// The point is its middle.
    Middle,
    /// The point is its right end.
    End,
}

/// Something to draw. Its class says what it is; the stylesheet says how that looks.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A rectangle with round corners.
    Rect {
        /// What it is.
        class: &'static str,
        /// Where.
        rect: Rect,
        /// The radius of its corners.
        radius: i32,
    },
    /// Any line or area.
    Path {
        /// What it is.
        class: &'static str,
        /// As SVG has it.
        d: String,
    },
    /// Words or numbers.
    Text {
        /// What it is.
        class: &'static str,
        /// Its point on the base line.
        at: Point,
        /// Where it begins.
        anchor: Anchor,
        /// What it says.
        text: String,
    },
}

/// Shapes that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its name, the same from one picture to the next.
    pub key: String,
    /// What it is.
    pub class: &'static str,
    /// Its shapes stand from here; so a part that only moves keeps its shapes.
    pub at: Point,
    /// The message that it is, if it is a cell: it appears when the message lands.
    pub message: Option<u64>,
    /// Its shapes.
    pub shapes: Vec<Shape>,
}

impl Part {
    /// A part without a shape yet.
    pub fn new(class: &'static str, key: String) -> Part {
        Part { key, class, at: Point::default(), message: None, shapes: Vec::new() }
    }

    /// Adds a rectangle.
    pub fn rect(&mut self, class: &'static str, rect: Rect, radius: i32) -> &mut Part {
        self.shapes.push(Shape::Rect { class, rect, radius });
        self
    }

    /// Adds a path.
    pub fn path(&mut self, class: &'static str, d: Pen) -> &mut Part {
        self.shapes.push(Shape::Path { class, d: d.0 });
        self
    }

    /// Adds a text.
    pub fn text(
        &mut self,
        class: &'static str,
        (x, y): (i32, i32),
        anchor: Anchor,
        text: impl Into<String>,
    ) -> &mut Part {
        self.shapes.push(Shape::Text { class, at: Point { x, y }, anchor, text: text.into() });
        self
    }
}

/// Writes a path.
#[derive(Clone, Debug, Default)]
pub struct Pen(String);

impl Pen {
    /// A path that begins here.
    pub fn at(x: i32, y: i32) -> Pen {
        Pen::default().go("M", &[x, y])
    }

    /// Goes on with a command and its numbers.
    pub fn go(mut self, command: &str, numbers: &[i32]) -> Pen {
        self.0.push_str(command);
        for (index, number) in numbers.iter().enumerate() {
            if index > 0 {
                self.0.push(' ');
            }
            self.0.push_str(&number.to_string());
        }
        self
    }

    /// A straight line to here.
    pub fn to(self, x: i32, y: i32) -> Pen {
        self.go("L", &[x, y])
    }

    /// A rectangle, closed.
    pub fn square(self, rect: Rect) -> Pen {
        self.go("M", &[rect.x, rect.y])
            .go("h", &[rect.w])
            .go("v", &[rect.h])
            .go("h", &[-rect.w])
            .go("z", &[])
    }
}

/// Something that can be selected: a native button lies over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its name, the same from one picture to the next.
    pub key: String,
    /// Where.
    pub rect: Rect,
    /// What it selects.
    pub selection: Selection,
    /// What it is called, with its state.
    pub label: String,
    /// True if it is selected.
    pub selected: bool,
}

/// Something that can be taken by hand: a handle lies over it.
#[derive(Clone, Debug, PartialEq)]
pub struct Handle {
    /// Its name, the same from one picture to the next.
    pub key: String,
    /// Where.
    pub rect: Rect,
    /// What is taken.
    pub grip: Grip,
}

/// Many small cells in lines: the message under a point can be found.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Where they lie.
    pub rect: Rect,
    /// From one cell to the next.
    pub pitch: i32,
    /// Cells in a line.
    pub columns: i32,
    /// The message of each cell.
    pub messages: Vec<Option<u64>>,
}

impl Grid {
    /// The message under a point.
    pub fn message_at(&self, x: i32, y: i32) -> Option<u64> {
        let (column, line) = ((x - self.rect.x).div_euclid(self.pitch), y - self.rect.y);
        let line = line.div_euclid(self.pitch);
        if !(0..self.columns).contains(&column) || line < 0 {
            return None;
        }
        self.messages.get((line * self.columns + column) as usize).copied().flatten()
    }
}

/// About how wide a text is, in pixels: a Hangul syllable is nearly as wide as it is high, other
/// letters little more than half.
pub fn text_width(text: &str, size: i32) -> i32 {
    let width = text.chars().map(|c| match c {
        ' ' | '.' | ',' | '·' | ':' | '(' | ')' | '-' | '/' | 'i' | 'l' | 'j' | 't' | 'f' | 'I' => {
            34
        }
        '\u{1100}'..='\u{ffdc}' => 94,
        'm' | 'w' | 'M' | 'W' => 86,
        'A'..='Z' => 68,
        _ => 58,
    });
    width.sum::<i32>() * size / 100
}

/// The text, cut to a width.
pub fn cut(text: &str, size: i32, width: i32) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if text_width(&short, size) + size > width {
            short.pop();
            break;
        }
    }
    short.push('…');
    short
}

/// The long text, or the short one, cut, where the long one does not fit.
pub fn long_or_short(long: &str, short: &str, size: i32, width: i32) -> String {
    if text_width(long, size) <= width { long.to_owned() } else { cut(short, size, width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_where_a_title_does_not_fit() {
        assert_eq!(long_or_short("Consumer c1", "c1", 14, 100), "Consumer c1");
        assert_eq!(long_or_short("Consumer c1", "c1", 14, 60), "c1");
        assert!(long_or_short("Consumer warehouse-17", "warehouse-17", 14, 60).starts_with("ware"));
    }

    #[test]
    fn a_point_finds_its_cell() {
        let grid = Grid {
            rect: Rect::new(10, 20, 26, 26),
            pitch: 13,
            columns: 2,
            messages: vec![Some(7), None, Some(9)],
        };
        assert_eq!(grid.message_at(12, 22), Some(7));
        assert_eq!(grid.message_at(25, 22), None);
        assert_eq!(grid.message_at(12, 40), Some(9));
        assert_eq!(grid.message_at(40, 40), None);
        assert_eq!(grid.message_at(5, 22), None);
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(cut("ck", 14, 100), "ck");
        let short = cut("the-consumer-with-the-long-name", 14, 100);
        assert!(short.ends_with('…') && text_width(&short, 14) <= 114, "{short}");
    }
}
