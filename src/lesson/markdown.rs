//! The body of a lesson, cut into headings, blocks of text and fences. What a lesson may not
//! hold (HTML, foreign pictures, links that are not `https:`) is refused here, by name and line.

use super::document::Prose;
use super::error::{Fault, quoted};
use super::text::{Block, Inline};
use pulldown_cmark::{
    CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeWithOffset,
};
use std::ops::Range;

/// A part of a lesson's body, and its line.
pub(super) struct Piece {
    pub(super) line: usize,
    pub(super) kind: PieceKind,
    /// Its stretches of text, with their lines.
    pub(super) prose: Vec<Prose>,
}

pub(super) enum PieceKind {
    /// `## ...`
    Heading(Vec<Inline>),
    /// Text.
    Block(Block),
    /// A fence: its info string and its content, which begins on the next line.
    Fence(String, String),
}

type Events = std::vec::IntoIter<(Event<'static>, Range<usize>)>;

/// Reads a body whose first line is `line_first` of its file. Pictures must lie in `folder`.
pub(super) fn pieces(body: &str, line_first: usize, folder: &str) -> Result<Vec<Piece>, Fault> {
    let mut reader = Reader::new(body, line_first, folder);
    let mut pieces = Vec::new();
    while let Some((event, range)) = reader.events.next() {
        let line = reader.line(range.start);
        let kind = reader.piece(event, range)?;
        pieces.push(Piece { line, kind, prose: std::mem::take(&mut reader.prose) });
    }
    Ok(pieces)
}

/// Reads one stretch of text that stands alone, such as an option or a clause.
pub(super) fn inlines(text: &str, line: usize) -> Result<Vec<Inline>, Fault> {
    // A word in front keeps "25." from being the head of a numbered list.
    const WORD: &str = "a ";
    let text = text.trim();
    if text.is_empty() {
        return Err(Fault::new(line, "nothing", "a text"));
    }
    let source = format!("{WORD}{text}");
    let mut reader = Reader::new(&source, line, "");
    let Some((Event::Start(Tag::Paragraph), _)) = reader.events.next() else {
        return Err(Fault::new(line, quoted(text), "plain text"));
    };
    let mut inlines = reader.inlines(TagEnd::Paragraph)?;
    if reader.events.next().is_some() {
        return Err(Fault::new(line, quoted(text), "one paragraph"));
    }
    if let Some(Inline::Text(first)) = inlines.first_mut() {
        first.replace_range(..WORD.len().min(first.len()), "");
    }
    inlines.retain(|inline| !inline.words().is_empty());
    Ok(inlines)
}

/// What is read of a text, without its marks.
pub(super) fn words(inlines: &[Inline]) -> String {
    inlines.iter().map(Inline::words).collect()
}

struct Reader<'a> {
    source: &'a str,
    events: Events,
    line_starts: Vec<usize>,
    line_first: usize,
    folder: &'a str,
    prose: Vec<Prose>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, line_first: usize, folder: &'a str) -> Reader<'a> {
        let parser = Parser::new_ext(source, Options::ENABLE_TABLES).into_offset_iter();
        let events = TextMergeWithOffset::new(parser);
        let events: Vec<_> = events.map(|(event, range)| (event.into_static(), range)).collect();
        let breaks = source.match_indices('\n').map(|(index, _)| index + 1);
        let line_starts = std::iter::once(0).chain(breaks).collect();
        let events = events.into_iter();
        Reader { source, events, line_starts, line_first, folder, prose: Vec::new() }
    }

    fn line(&self, offset: usize) -> usize {
        self.line_first + self.line_starts.partition_point(|start| *start <= offset) - 1
    }

    fn refuse<T>(&self, range: &Range<usize>, expected: &str) -> Result<T, Fault> {
        let found = self.source.get(range.clone()).unwrap_or_default();
        let found = found.trim().lines().next().unwrap_or_default();
        Err(Fault::new(self.line(range.start), quoted(found), expected))
    }

    fn piece(&mut self, event: Event<'static>, range: Range<usize>) -> Result<PieceKind, Fault> {
        let block = match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                return Ok(PieceKind::Heading(self.inlines(TagEnd::Heading(HeadingLevel::H2))?));
            }
            Event::Start(Tag::Heading { .. }) => {
                return self.refuse(&range, "`## ` for a step; the title stands in the head");
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                return self.fence(info.trim(), &range);
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                return self.refuse(&range, "text that is not indented, or a fence");
            }
            Event::Start(Tag::Paragraph) => self.paragraph()?,
            Event::Start(Tag::List(first)) => {
                if first.is_some_and(|first| first != 1) {
                    return self.refuse(&range, "a list that begins with 1");
                }
                Block::List(first.is_some(), self.items()?)
            }
            Event::Start(Tag::BlockQuote(_)) => Block::Note(self.note(&range)?),
            Event::Start(Tag::Table(_)) => self.table()?,
            Event::Html(_) | Event::Start(Tag::HtmlBlock) => {
                return self.refuse(&range, "text: a lesson holds no HTML");
            }
            _ => return self.refuse(&range, "text, a list, a table, a note (`> `) or a fence"),
        };
        Ok(PieceKind::Block(block))
    }

    fn fence(&mut self, info: &str, range: &Range<usize>) -> Result<PieceKind, Fault> {
        let mut content = String::new();
        for (event, _) in self.events.by_ref() {
            match event {
                Event::Text(text) => content.push_str(&text),
                _ => break,
            }
        }
        let mut lines = self.source[range.clone()].trim_end().lines();
        let closed = lines.next_back().map(str::trim).is_some_and(|last| {
            let mark = if last.starts_with('~') { '~' } else { '`' };
            last.len() >= 3 && last.chars().all(|letter| letter == mark)
        });
        if !closed || lines.next().is_none() {
            let found = format!("a fence `{info}` without an end");
            return Err(Fault::new(self.line(range.start), found, "three backticks behind it"));
        }
        Ok(PieceKind::Fence(info.into(), content))
    }

    /// A paragraph, or a picture that stands alone.
    fn paragraph(&mut self) -> Result<Block, Fault> {
        let image = match self.events.as_slice().first() {
            Some((Event::Start(Tag::Image { dest_url, .. }), range)) => {
                Some((dest_url.to_string(), range.clone()))
            }
            _ => None,
        };
        let Some((path, range)) = image else {
            return Ok(Block::Paragraph(self.inlines(TagEnd::Paragraph)?));
        };
        self.events.next();
        let alt = words(&self.inlines(TagEnd::Image)?);
        if alt.trim().is_empty() {
            return self.refuse(&range, "words that say what the picture shows");
        }
        if !is_own_picture(&path, self.folder) {
            let expected = format!("a picture of the lesson's own folder: `{}/NAME`", self.folder);
            return self.refuse(&range, &expected);
        }
        match self.events.next() {
            Some((Event::End(TagEnd::Paragraph), _)) => Ok(Block::Image(alt, path)),
            _ => self.refuse(&range, "a picture in a paragraph of its own"),
        }
    }

    fn items(&mut self) -> Result<Vec<Vec<Inline>>, Fault> {
        let mut items = Vec::new();
        while let Some((event, range)) = self.events.next() {
            match event {
                Event::Start(Tag::Item) => items.push(self.item(&range)?),
                _ => break,
            }
        }
        Ok(items)
    }

    /// One text, whether the list is written close or wide.
    fn item(&mut self, range: &Range<usize>) -> Result<Vec<Inline>, Fault> {
        if let Some((Event::Start(Tag::Paragraph), _)) = self.events.as_slice().first() {
            self.events.next();
            let text = self.inlines(TagEnd::Paragraph)?;
            return match self.events.next() {
                Some((Event::End(TagEnd::Item), _)) => Ok(text),
                _ => self.refuse(range, "one paragraph in an item of a list"),
            };
        }
        self.inlines(TagEnd::Item)
    }

    fn note(&mut self, range: &Range<usize>) -> Result<Vec<Inline>, Fault> {
        let expected = "one paragraph in a note";
        let Some((Event::Start(Tag::Paragraph), _)) = self.events.next() else {
            return self.refuse(range, expected);
        };
        let text = self.inlines(TagEnd::Paragraph)?;
        match self.events.next() {
            Some((Event::End(TagEnd::BlockQuote(_)), _)) => Ok(text),
            _ => self.refuse(range, expected),
        }
    }

    fn table(&mut self) -> Result<Block, Fault> {
        let (mut head, mut rows) = (Vec::new(), Vec::new());
        while let Some((event, range)) = self.events.next() {
            match event {
                Event::Start(Tag::TableHead) => head = self.row()?,
                Event::Start(Tag::TableRow) => rows.push(self.row()?),
                Event::End(TagEnd::Table) => break,
                _ => return self.refuse(&range, "a row of the table"),
            }
        }
        Ok(Block::Table(head, rows))
    }

    fn row(&mut self) -> Result<Vec<Vec<Inline>>, Fault> {
        let mut cells = Vec::new();
        while let Some((Event::Start(Tag::TableCell), _)) = self.events.next() {
            cells.push(self.inlines(TagEnd::TableCell)?);
        }
        Ok(cells)
    }

    /// Text up to this end.
    fn inlines(&mut self, end: TagEnd) -> Result<Vec<Inline>, Fault> {
        let mut found = Vec::new();
        let (mut strong, mut link) = (0_u32, None::<(String, String)>);
        while let Some((event, range)) = self.events.next() {
            let (text, is_code) = match event {
                Event::End(tag) if tag == end => return Ok(found),
                Event::Text(text) => (text.to_string(), false),
                Event::Code(text) => (text.to_string(), true),
                Event::SoftBreak | Event::HardBreak => (" ".into(), false),
                Event::Start(Tag::Strong) => {
                    strong += 1;
                    continue;
                }
                Event::End(TagEnd::Strong) => {
                    strong -= 1;
                    continue;
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    if !is_outside_address(&dest_url) {
                        return self.refuse(&range, "an address that begins with https://");
                    }
                    link = Some((String::new(), dest_url.to_string()));
                    continue;
                }
                Event::End(TagEnd::Link) => {
                    found.extend(link.take().map(|(text, to)| Inline::Link(text, to)));
                    continue;
                }
                other => return self.refuse(&range, expected_instead_of(&other)),
            };
            if !text.trim().is_empty() {
                self.prose.push(Prose { line: self.line(range.start), text: text.clone() });
            }
            match &mut link {
                Some((words, _)) => words.push_str(&text),
                None if is_code => found.push(Inline::Code(text)),
                None if strong > 0 => append(&mut found, text, true),
                None => append(&mut found, text, false),
            }
        }
        Err(Fault::new(self.line(self.source.len()), "the end of the file", "the end of a text"))
    }
}

/// Neighbours of one kind are one stretch.
fn append(found: &mut Vec<Inline>, text: String, strong: bool) {
    match (found.last_mut(), strong) {
        (Some(Inline::Strong(last)), true) | (Some(Inline::Text(last)), false) => {
            last.push_str(&text);
        }
        (_, true) => found.push(Inline::Strong(text)),
        (_, false) => found.push(Inline::Text(text)),
    }
}

fn expected_instead_of(event: &Event<'_>) -> &'static str {
    match event {
        Event::InlineHtml(_) | Event::Html(_) => "text: a lesson holds no HTML",
        Event::Start(Tag::Emphasis) => "**strong** text: slanted Hangul is hard to read",
        Event::Start(Tag::Image { .. }) => "a picture in a paragraph of its own",
        Event::Start(Tag::List(_)) => "a list without a list inside",
        _ => "text, **strong** text, `code` or a link",
    }
}

fn is_outside_address(address: &str) -> bool {
    let host = address.strip_prefix("https://").unwrap_or_default();
    host.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && !address.contains(|letter: char| letter.is_whitespace() || letter.is_control())
}

fn is_own_picture(path: &str, folder: &str) -> bool {
    let name = path.strip_prefix(folder).and_then(|path| path.strip_prefix('/'));
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    name.is_some_and(|name| {
        !folder.is_empty() && !name.starts_with('.') && !name.is_empty() && name.chars().all(plain)
    })
}
