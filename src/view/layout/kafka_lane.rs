//! The Kafka lane: rows of cells that never leave, with a caret for each group.

use super::Sheet;
use super::density::Density;
use super::lane::{Columns, HEAD, PADDING};
use super::shape::{Anchor, Grid, Hit, Part, Pen, Point, Rect, cut, long_or_short, text_width};
use crate::view::drag::Grip;
use crate::view::frame::Selection;
use crate::view::scene::{Caret, LogCell, Partition, Place};
use crate::view::words::{fill, number};

const CELL: i32 = 32;
const CELL_GAP: i32 = 3;
const SQUARE: i32 = 11;
const SQUARE_PITCH: i32 = 13;
const BAR: i32 = 22;
const LABEL: i32 = 20;
const CARET: i32 = 38;
/// Where there are many carets each has a line, and no bracket.
const CARET_LINE: i32 = 20;
const ROW_GAP: i32 = 12;
const REPLICA: i32 = 14;

/// At the left of a row, inside the padding of the lane: by it a replica is taken.
const HANDLE: i32 = 14;

/// Groups whose caret is drawn in a partition; of more there is a number.
const CARETS_MAX: usize = 3;

/// Which offsets are drawn as cells, and where.
struct Window {
    /// The first offset that has a cell of its own.
    first: i64,
    /// The left edge of its cell.
    x: i32,
    /// From one cell to the next.
    pitch: i32,
    /// The left edge of the row.
    left: i32,
    /// The right edge of the row.
    right: i32,
    start: i64,
    end: i64,
}

impl Window {
    /// Where an offset begins.
    fn x_of(&self, offset: i64) -> i32 {
        if offset >= self.first {
            return (self.x + (offset - self.first) as i32 * self.pitch).min(self.right);
        }
        // Among those that share one block.
        let share = (offset - self.start).max(0) * i64::from(self.x - self.left - CELL_GAP);
        self.left + (share / (self.first - self.start).max(1)) as i32
    }

    fn end_x(&self) -> i32 {
        self.x_of(self.end) - if self.end > self.first { CELL_GAP } else { 0 }
    }
}

impl Sheet<'_> {
    /// Draws the lane from `y` on; where it is.
    pub(super) fn kafka_lane(&mut self, columns: &Columns, y: i32) -> Rect {
        let lane = self.scene.kafka.clone();
        let rows: Vec<(&str, &Partition)> = lane
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.iter().map(|p| (topic.name.as_str(), p)))
            .collect();
        let heights: Vec<i32> = rows.iter().map(|(_, p)| self.row_height(columns, p)).collect();
        let rows_height = match heights.len() {
            0 => 56,
            count => heights.iter().sum::<i32>() + ROW_GAP * (count as i32 - 1),
        };
        let clients = self.consumers_height(columns, lane.consumers.len());
        let way = Self::channel_height(columns);
        let inside = match columns.across {
            true => rows_height.max(clients),
            false => rows_height + way + clients,
        };
        let rect = Rect::new(
            columns.lane.0,
            y,
            columns.lane.1 - columns.lane.0,
            HEAD + PADDING + inside + PADDING,
        );
        self.lane_head(true, rect, &lane.brokers);
        let top = y + HEAD + PADDING;
        let (rows_y, clients_y) = match columns.across {
            true => (top + (inside - rows_height) / 2, top + (inside - clients) / 2),
            false => (top, top + rows_height + way),
        };
        if rows.is_empty() {
            self.no_topic(columns, rows_y);
        }
        let mut y = rows_y;
        for ((topic, partition), height) in rows.into_iter().zip(heights) {
            self.partition(columns, y, topic, partition);
            y += height + ROW_GAP;
        }
        let broker = Rect::new(columns.broker.0, rows_y, columns.broker_width(), rows_height);
        for server in &lane.brokers {
            self.picture.spots.retain(|(place, _)| *place != Place::Broker(server.name.clone()));
            self.spot(Place::Broker(server.name.clone()), broker);
        }
        self.consumers(true, columns, clients_y, &lane.consumers);
        rect
    }

    fn no_topic(&mut self, columns: &Columns, y: i32) {
        let mut part = Part::new("nothing", "no-topic".into());
        let (x, w) = (columns.broker.0, columns.broker_width());
        part.rect("ghost", Rect::new(x, y, w, 56), 0);
        let text = cut(self.texts.no_topic, 12, w - 16);
        part.text("small", (x + w / 2, y + 32), Anchor::Middle, text);
        self.part(part);
    }

    fn cells_height(&self, columns: &Columns, partition: &Partition) -> i32 {
        match self.density {
            Density::Cards => CELL,
            Density::Squares => {
                let per_line = (columns.broker_width() / SQUARE_PITCH).max(1);
                let lines = (partition.cells.len() as i32 + per_line - 1) / per_line;
                lines.max(1) * SQUARE_PITCH
            }
            Density::Bars | Density::Figures => BAR,
        }
    }

    fn row_height(&self, columns: &Columns, partition: &Partition) -> i32 {
        let carets = partition.carets.len().min(CARETS_MAX) as i32;
        let replicas =
            if partition.replicas.len() > 1 { partition.replicas.len() as i32 } else { 0 };
        LABEL
            + self.cells_height(columns, partition)
            + carets * self.caret_height(partition)
            + if replicas > 0 { replicas * REPLICA + 6 } else { 0 }
    }

    /// The height of a caret with its words.
    fn caret_height(&self, partition: &Partition) -> i32 {
        let topics = &self.scene.kafka.topics;
        let rows: usize = topics.iter().map(|topic| topic.partitions.len()).sum();
        match rows > 2 || partition.carets.len() > 1 {
            true => CARET_LINE,
            false => CARET,
        }
    }

    fn partition(&mut self, columns: &Columns, y: i32, topic: &str, partition: &Partition) {
        let name = [topic, "-", &partition.index.to_string()].concat();
        let place = Place::Partition(topic.to_owned(), partition.index);
        let selected = self.is_selected(&place);
        let (x, w) = (columns.broker.0, columns.broker_width());
        let cells = Rect::new(x, y + LABEL, w, self.cells_height(columns, partition));
        let mut part = Part::new("partition kafka", ["partition-", &name].concat());
        self.partition_label(&mut part, x, y, w, topic, partition);
        if selected {
            part.rect("ring", Rect::new(x - 6, y - 4, w + 12, LABEL + cells.h + 8), 6);
        }
        let hit = Hit {
            key: ["partition-", &name].concat(),
            rect: Rect::new(x - 4, y - 2, w + 8, LABEL + cells.h + 4),
            selection: Selection::Place(place.clone()),
            label: self.partition_words(&name, partition),
            selected,
        };
        self.picture.hits.push(hit);
        let window = match self.density {
            Density::Cards => self.cards(&mut part, cells, &name, topic, partition),
            Density::Squares => self.squares(&mut part, cells, partition),
            Density::Bars | Density::Figures => self.bar(&mut part, cells, partition),
        };
        let mut below = cells.bottom();
        for caret in partition.carets.iter().take(CARETS_MAX) {
            self.caret(&mut part, &window, below, partition, caret);
            below += self.caret_height(partition);
        }
        if partition.replicas.len() > 1 {
            self.replicas(&mut part, &window, below + 6, (topic, partition));
        } else if let Some(replica) = partition.replicas.first() {
            let edge = Rect::new(x - HANDLE, cells.y, HANDLE, cells.h);
            let grip = Grip::Replica(topic.to_owned(), partition.index, replica.broker);
            self.handle(["replica-", &name].concat(), edge, grip);
        }
        // Behind the cells, which are parts of their own.
        let behind = self.picture.parts.iter().rposition(|part| part.class != "cell kafka");
        self.picture.parts.insert(behind.map_or(0, |index| index + 1), part);
        self.spot(place, cells);
    }

    fn partition_label(
        &self,
        part: &mut Part,
        x: i32,
        y: i32,
        w: i32,
        topic: &str,
        partition: &Partition,
    ) {
        let index = partition.index.to_string();
        let records = number((partition.log_end - partition.log_start).max(0) as u64);
        let title = fill(self.texts.partition_title, &[("topic", topic), ("partition", &index)]);
        let counted = fill(self.texts.record_count, &[("count", &records)]);
        let leader = match &partition.leader {
            Some(leader) => fill(self.texts.leader, &[("name", leader)]),
            None => self.texts.no_leader.to_owned(),
        };
        let mut facts = [&*leader, " · ", &counted].concat();
        let mut class = if partition.leader.is_some() { "small" } else { "small error" };
        if w - text_width(&facts, 12) - 12 <= 60 {
            (facts, class) = (counted, "small");
        }
        // As the tools of Kafka name a partition.
        let short = [topic, "-", &index].concat();
        let title = long_or_short(&title, &short, 12, w - text_width(&facts, 12) - 12);
        part.text("label", (x, y + 12), Anchor::Start, title);
        part.text(class, (x + w, y + 12), Anchor::End, facts);
    }

    fn partition_words(&self, name: &str, partition: &Partition) -> String {
        let records = number((partition.log_end - partition.log_start).max(0) as u64);
        let lag = partition.carets.iter().map(|caret| caret.lag.max(0) as u64).max().unwrap_or(0);
        let values = [
            ("name", name),
            ("count", &records),
            ("lag", &number(lag)),
            ("end", &partition.log_end.to_string()),
        ];
        fill(self.texts.partition_label, &values)
    }

    // ---- cells ----

    fn cards(
        &mut self,
        part: &mut Part,
        area: Rect,
        name: &str,
        topic: &str,
        partition: &Partition,
    ) -> Window {
        let widest = partition.log_end.to_string().len() as i32;
        let width = CELL.max(widest * 8 + 10);
        let pitch = width + CELL_GAP;
        let (start, end) = (partition.log_start, partition.log_end);
        let count = (end - start).max(0) as i32;
        // One place stays free: the next record goes there.
        let fit = ((area.w + CELL_GAP) / pitch - 1).max(1);
        let (first, x) = if count <= fit {
            (start, area.x)
        } else {
            let block = 84;
            let fit = ((area.w - block) / pitch - 1).max(1);
            (end - i64::from(fit), area.x + block + CELL_GAP)
        };
        let window = Window { first, x, pitch, left: area.x, right: area.right(), start, end };
        // The log goes on: there is room behind its end.
        part.rect("track", area, 0);
        if first > start {
            let block = Rect::new(area.x, area.y, x - area.x - CELL_GAP, CELL);
            part.rect("block", block, 0);
            let text = [&*start.to_string(), " … ", &(first - 1).to_string()].concat();
            part.text("cell-text quiet", (block.middle().x, block.y + 21), Anchor::Middle, text);
            for cell in partition.cells.iter().filter(|cell| cell.offset < first) {
                if let Some(message) = cell.message {
                    self.picture.cells.push((true, message, block.middle()));
                }
            }
        }
        let ghost = Rect::new(window.x_of(end), area.y, width, CELL);
        if ghost.right() <= area.right() {
            part.rect("cell-next", ghost, 0);
            let class = "cell-text next";
            part.text(class, (ghost.middle().x, ghost.y + 21), Anchor::Middle, end.to_string());
        }
        let cells: Vec<&LogCell> = partition.cells.iter().filter(|c| c.offset >= first).collect();
        for cell in cells {
            let rect = Rect::new(window.x_of(cell.offset), area.y, width, CELL);
            self.card(rect, name, topic, partition, cell);
        }
        window
    }

    fn card(&mut self, rect: Rect, name: &str, topic: &str, partition: &Partition, cell: &LogCell) {
        let offset = cell.offset.to_string();
        let key = ["cell-", name, "-", &offset].concat();
        let read = partition.carets.iter().all(|caret| caret.committed > Some(cell.offset))
            && !partition.carets.is_empty();
        let followed = self.is_followed(cell.message);
        let mut part = Part::new("cell kafka", key.clone());
        part.at = Point { x: rect.x, y: rect.y };
        part.message = cell.message;
        let own = Rect::new(0, 0, rect.w, rect.h);
        let class = match (cell.visible, read) {
            (false, _) => "record hidden",
            (true, true) => "record read",
            (true, false) => "record",
        };
        part.rect(class, own, 0);
        let text = cell.message.map_or_else(|| offset.clone(), |message| message.to_string());
        part.text("cell-text", (own.middle().x, 21), Anchor::Middle, text);
        if let Some(key) = &cell.key {
            part.text("cell-key", (own.w - 3, 9), Anchor::End, key_letter(key));
        }
        if followed {
            part.rect("ring", own.grown(3), 2);
        }
        self.part(part);
        if let Some(message) = cell.message {
            self.picture.cells.push((true, message, rect.middle()));
            let message_text = message.to_string();
            let mut label = fill(
                self.texts.record_label,
                &[("topic", topic), ("offset", &offset), ("message", &message_text)],
            );
            if !cell.visible {
                label = [&*label, ", ", self.texts.not_visible].concat();
            }
            self.picture.hits.push(Hit {
                key,
                rect,
                selection: Selection::Message(message),
                label,
                selected: followed,
            });
        }
    }

    fn squares(&mut self, part: &mut Part, area: Rect, partition: &Partition) -> Window {
        let per_line = (area.w / SQUARE_PITCH).max(1);
        let committed = partition.carets.iter().filter_map(|caret| caret.committed).max();
        let at = |index: i32| {
            let (column, line) = (index % per_line, index / per_line);
            let (x, y) = (area.x + column * SQUARE_PITCH, area.y + line * SQUARE_PITCH);
            Rect::new(x, y, SQUARE, SQUARE)
        };
        let classes = ["record read", "record", "record hidden"];
        let mut pens = classes.map(|class| (class, Pen::default(), false));
        for (index, cell) in partition.cells.iter().enumerate() {
            let rect = at(index as i32);
            let state = match (cell.visible, committed > Some(cell.offset)) {
                (false, _) => 2,
                (true, true) => 0,
                (true, false) => 1,
            };
            let (_, pen, used) = &mut pens[state];
            *pen = std::mem::take(pen).square(rect);
            *used = true;
            if let Some(message) = cell.message {
                self.picture.cells.push((true, message, rect.middle()));
                if self.is_followed(Some(message)) {
                    part.rect("ring", rect.grown(3), 2);
                }
            }
        }
        for (class, pen, _) in pens.into_iter().filter(|(_, _, used)| *used) {
            part.path(class, pen);
        }
        let first = partition.cells.first().map_or(partition.log_start, |cell| cell.offset);
        for caret in partition.carets.iter().take(CARETS_MAX) {
            let index = (caret.committed.unwrap_or(first) - first).max(0) as i32;
            if index <= partition.cells.len() as i32 {
                let rect = at(index);
                part.path("caret-bar", Pen::at(rect.x - 1, rect.y - 2).go("v", &[SQUARE + 4]));
            }
        }
        self.picture.grids.push(Grid {
            rect: area,
            pitch: SQUARE_PITCH,
            columns: per_line,
            messages: partition.cells.iter().map(|cell| cell.message).collect(),
        });
        let (start, end) = (partition.log_start, partition.log_end);
        let last = area.x + per_line.min(partition.cells.len() as i32) * SQUARE_PITCH;
        Window { first: end, x: last, pitch: 1, left: area.x, right: area.right(), start, end }
    }

    fn bar(&mut self, part: &mut Part, area: Rect, partition: &Partition) -> Window {
        let (start, end) = (partition.log_start, partition.log_end);
        let count = (end - start).max(0) as u64;
        // All rows of both lanes have one scale.
        let width = (u128::from(count) * area.w as u128 / u128::from(self.longest())) as i32;
        let right = area.x + width.max(if count > 0 { 2 } else { 0 });
        let window =
            Window { first: end, x: right + CELL_GAP, pitch: 1, left: area.x, right, start, end };
        part.rect("track", area, 0);
        let committed = partition.carets.iter().filter_map(|caret| caret.committed).min();
        let read = window.x_of(committed.unwrap_or(start).clamp(start, end));
        let seen = window.x_of(partition.high_watermark.clamp(start, end));
        let stretch = |from: i32, to: i32| Rect::new(from, area.y, to - from, BAR);
        for (class, from, to) in [
            ("record read", area.x, read),
            ("record", read, seen.max(read)),
            ("record hidden", seen.max(read), right),
        ] {
            if to > from {
                part.rect(class, stretch(from, to), 0);
            }
        }
        if self.density == Density::Bars {
            let ticks = (start / 100 + 1..=end / 100).take(40);
            let pen = ticks.fold(Pen::default(), |pen, hundred| {
                pen.go("M", &[window.x_of(hundred * 100), area.y + BAR - 5]).go("v", &[5])
            });
            part.path("ticks", pen);
        }
        let text = number(count);
        match right - area.x > text_width(&text, 12) + 24 {
            true => part.text("bar-text", (right - 6, area.y + 15), Anchor::End, text),
            false => part.text("bar-text", (right + 6, area.y + 15), Anchor::Start, text),
        };
        // Words below may use all of the row.
        Window { right: area.right(), ..window }
    }

    /// Messages in the longest partition or queue.
    pub(super) fn longest(&self) -> u64 {
        let partitions = self.scene.kafka.topics.iter().flat_map(|topic| &topic.partitions);
        let records = partitions.map(|p| (p.log_end - p.log_start).max(0) as u64);
        let messages = self
            .scene
            .rabbit
            .queues
            .iter()
            .map(|queue| queue.ready + queue.unacked + queue.delayed);
        records.chain(messages).max().unwrap_or(0).max(1)
    }

    // ---- carets and replicas ----

    /// Where a group stands, and how far behind it is.
    fn caret(
        &self,
        part: &mut Part,
        window: &Window,
        y: i32,
        partition: &Partition,
        caret: &Caret,
    ) {
        let half = if self.density == Density::Cards { (window.pitch - CELL_GAP) / 2 } else { 0 };
        let next = caret.committed.unwrap_or(partition.log_start);
        let x = (window.x_of(next) + if next >= window.first { half } else { 0 }).min(window.right);
        let reads = caret.position.filter(|position| *position != next);
        let reads = reads.map(|position| (window.x_of(position) + half).min(window.right));
        if let Some(x) = reads {
            part.path("caret-position", Pen::at(x, y + 4).go("l", &[-5, 8, 10, 0]).go("z", &[]));
        }
        part.path("caret", Pen::at(x, y + 3).go("l", &[-6, 9, 12, 0]).go("z", &[]));
        let lag = caret.lag.max(0);
        let bracket = self.caret_height(partition) == CARET;
        if lag > 0 && bracket && self.density != Density::Squares {
            let end = window.end_x().max(x + 8);
            part.path(
                "lag",
                Pen::at(x + 10, y + 8).go("H", &[end]).go("m", &[0, -5]).go("v", &[10]),
            );
        }
        let committed = match caret.committed {
            Some(offset) => fill(
                self.texts.committed,
                &[("group", &caret.group), ("offset", &offset.to_string())],
            ),
            None => fill(self.texts.not_committed, &[("group", &caret.group)]),
        };
        let lag_text = fill(self.texts.lag, &[("lag", &number(lag as u64))]);
        let (w, lag_w) = (text_width(&committed, 12), text_width(&lag_text, 12));
        let room = window.right - window.left;
        let all = w + if lag > 0 { lag_w + 14 } else { 0 };
        let (left, y) = match bracket {
            true => ((x - 6).min(window.right - all), y + 28),
            // Beside the caret, on the side where there is room, and not over the position.
            false => {
                let over =
                    |left: i32| reads.is_some_and(|at| (left - 6..left + all + 6).contains(&at));
                let behind = x.max(reads.unwrap_or(x)) + 12;
                let left = match [x + 12, x - 12 - all, behind]
                    .into_iter()
                    .find(|left| *left >= window.left && left + all <= window.right && !over(*left))
                {
                    Some(left) => left,
                    None if x + 12 + all <= window.right => x + 12,
                    None => x - 12 - all,
                };
                (left, y + 12)
            }
        };
        let left = left.max(window.left);
        let class = "caret-text";
        part.text(class, (left, y), Anchor::Start, cut(&committed, 12, room));
        if lag > 0 && w + lag_w + 14 <= room {
            let x = left + w + 14;
            part.text("lag-text", (x, y), Anchor::Start, lag_text);
        }
    }

    fn replicas(
        &mut self,
        part: &mut Part,
        window: &Window,
        y: i32,
        (topic, partition): (&str, &Partition),
    ) {
        let ends = partition.replicas.iter().map(|replica| replica.log_end);
        let end = ends.max().unwrap_or(0).max(partition.log_end).max(1);
        for (index, replica) in partition.replicas.iter().enumerate() {
            let y = y + index as i32 * REPLICA;
            let name = ["kafka-", &replica.broker.to_string()].concat();
            let leads = partition.leader.as_deref() == Some(&*name);
            let in_sync = partition.isr.contains(&replica.broker);
            let label = if leads { [&*name, " L"].concat() } else { name };
            part.text("tiny", (window.left, y + 9), Anchor::Start, label);
            let bar =
                Rect::new(window.left + 70, y + 1, (window.right - window.left - 130).max(20), 9);
            let class = match (leads, in_sync) {
                (true, _) => "replica leads",
                (false, true) => "replica",
                (false, false) => "replica out",
            };
            // The rows of a partition have one scale: who is behind is seen. The tick is what it
            // knows of the high watermark.
            let reach = |offset: i64| (i64::from(bar.w) * offset.clamp(0, end) / end) as i32;
            part.rect("track", bar, 0);
            if replica.log_end > 0 {
                part.rect(class, Rect::new(bar.x, bar.y, reach(replica.log_end).max(2), bar.h), 0);
            }
            if replica.high_watermark > 0 {
                let x = bar.x + reach(replica.high_watermark);
                part.path("replica-mark", Pen::at(x, y - 1).go("v", &[13]));
            }
            let (class, text) = match in_sync {
                true => ("tiny ok", self.texts.in_sync),
                false => ("tiny error", self.texts.out_of_sync),
            };
            part.text(class, (bar.right() + 6, y + 9), Anchor::Start, text);
            let row = Rect::new(
                window.left - HANDLE,
                y - 2,
                window.right - window.left + HANDLE,
                REPLICA,
            );
            let grip = Grip::Replica(topic.to_owned(), partition.index, replica.broker);
            let key = [topic, &partition.index.to_string(), &replica.broker.to_string()].join("-");
            self.handle(["replica-", &key].concat(), row, grip);
        }
    }
}

/// The letter of a key, which tells it from others where there is no room for all of it.
pub(super) fn key_letter(key: &str) -> String {
    key.chars().last().map(|c| c.to_uppercase().collect()).unwrap_or_default()
}
