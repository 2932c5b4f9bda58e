//! The disk of one node: files made of shared immutable blocks.
//!
//! A file is a list of pieces, each a window on a [`Block`]. Appending adds a piece that shares
//! the bytes it was given; truncating shortens the list; cloning copies the list and shares every
//! byte. So a replica that stores the same batch, and a time-travel checkpoint, cost no copy.
//!
//! **Written is not flushed.** Written bytes survive a crash of the process; a power cut keeps
//! only what a completed flush covered.
//!
//! Whether a block's bytes are in memory is outside the model: a block that was saved may be
//! [released](Block::release), and a read that needs it reports [`Absent`] so that the host loads
//! it while virtual time stands still. The results never depend on it.

use bytes::{Bytes, BytesMut};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bytes that never change, shared by files, replicas and checkpoints.
#[derive(Debug)]
pub struct Block {
    content: RefCell<Content>,
    len: u64,
    saved_as: Cell<Option<u64>>,
}

#[derive(Debug, Clone)]
enum Content {
    Resident(Bytes),
    /// Merged into a larger block when it was saved; kept so that old checkpoints follow.
    Moved {
        into: Rc<Block>,
        at: u64,
    },
    Absent,
}

impl Block {
    /// A new block that holds these bytes.
    pub fn new(bytes: Bytes) -> Rc<Block> {
        let len = bytes.len() as u64;
        Rc::new(Block {
            content: RefCell::new(Content::Resident(bytes)),
            len,
            saved_as: Cell::new(None),
        })
    }

    /// A block that is in storage under this id and not in memory.
    pub fn absent(id: u64, len: u64) -> Rc<Block> {
        Rc::new(Block {
            content: RefCell::new(Content::Absent),
            len,
            saved_as: Cell::new(Some(id)),
        })
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True for a block without bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The id it was saved under, if it was.
    pub fn saved_as(&self) -> Option<u64> {
        self.saved_as.get()
    }

    /// Notes that storage holds it under this id.
    pub fn mark_saved(&self, id: u64) {
        self.saved_as.set(Some(id));
    }

    /// Forgets its bytes; only a saved block can be asked to.
    pub fn release(&self) {
        assert!(self.saved_as.get().is_some(), "a block that was never saved cannot be released");
        *self.content.borrow_mut() = Content::Absent;
    }

    /// Puts the bytes of an absent block back.
    pub fn restore(&self, bytes: Bytes) {
        assert_eq!(bytes.len() as u64, self.len, "storage gave another block back");
        *self.content.borrow_mut() = Content::Resident(bytes);
    }

    /// True while its bytes are in memory.
    pub fn is_resident(&self) -> bool {
        matches!(&*self.content.borrow(), Content::Resident(_))
    }

    fn slice(self: &Rc<Self>, from: u64, len: u64) -> Result<Bytes, Rc<Block>> {
        match &*self.content.borrow() {
            Content::Resident(bytes) => Ok(bytes.slice(from as usize..(from + len) as usize)),
            Content::Moved { into, at } => into.slice(at + from, len),
            Content::Absent => Err(self.clone()),
        }
    }
}

/// A read that cannot be answered from memory: these blocks have to be loaded first.
#[derive(Debug, Clone)]
pub struct Absent(pub Vec<Rc<Block>>);

/// A window on a block: what a file is made of.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The block it looks at.
    pub block: Rc<Block>,
    /// Where in the block it begins.
    pub from: u64,
    /// How many bytes of it belong to the file.
    pub len: u64,
}

/// Bytes in one or more stretches, none of them copied. Where one stretch ends says nothing:
/// only the bytes count.
#[derive(Clone, Debug, Default)]
pub struct Rope {
    parts: Vec<Bytes>,
    len: usize,
}

impl Rope {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a stretch at the end.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.len += bytes.len();
            self.parts.push(bytes);
        }
    }

    /// Adds another rope at the end.
    pub fn extend(&mut self, other: Rope) {
        self.len += other.len;
        self.parts.extend(other.parts);
    }

    /// Bytes `from..to` in one stretch: shared if they lie in one, copied if they do not.
    /// Panics if there are not so many.
    pub fn slice(&self, from: usize, to: usize) -> Bytes {
        assert!(from <= to && to <= self.len, "bytes {from}..{to} of {} were asked for", self.len);
        let mut start = 0;
        let mut joined = BytesMut::new();
        for part in &self.parts {
            let end = start + part.len();
            if from < end && start < to {
                let piece = part.slice(from.saturating_sub(start)..to.min(end) - start);
                if from >= start && to <= end {
                    return piece;
                }
                joined.extend_from_slice(&piece);
            }
            start = end;
        }
        joined.freeze()
    }

    /// All bytes in one stretch.
    pub fn bytes(&self) -> Bytes {
        self.slice(0, self.len)
    }

    /// The stretches, in order.
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
    }

    /// Bytes `from..to` as a rope that shares them. Panics if there are not so many.
    pub fn share(&self, from: usize, to: usize) -> Rope {
        assert!(from <= to && to <= self.len, "bytes {from}..{to} of {} were asked for", self.len);
        let mut shared = Rope::default();
        let mut start = 0;
        for part in &self.parts {
            let end = start + part.len();
            if from < end && start < to {
                shared.push(part.slice(from.saturating_sub(start)..to.min(end) - start));
            }
            start = end;
        }
        shared
    }
}

impl From<Bytes> for Rope {
    fn from(bytes: Bytes) -> Rope {
        let mut rope = Rope::default();
        rope.push(bytes);
        rope
    }
}

impl PartialEq for Rope {
    fn eq(&self, other: &Rope) -> bool {
        self.len == other.len && self.bytes() == other.bytes()
    }
}

/// How a file is written, and what of it a power cut keeps.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Written at the end; this many bytes of it are flushed.
    Log {
        /// Bytes from the beginning that survive a power cut.
        flushed: u64,
    },
    /// Always replaced whole; a power cut brings the last flushed content back, if there was one.
    Whole {
        /// The content that survives a power cut.
        flushed: Option<Vec<Piece>>,
    },
}

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    pieces: Vec<Piece>,
    len: u64,
    kind: Kind,
}

impl File {
    /// A file as storage kept it.
    pub fn from_pieces(pieces: Vec<Piece>, kind: Kind) -> File {
        let len = pieces.iter().map(|piece| piece.len).sum();
        File { pieces, len, kind }
    }

    /// Bytes written.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True for a file without bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that survive a power cut.
    pub fn flushed_len(&self) -> u64 {
        match &self.kind {
            Kind::Log { flushed } => *flushed,
            Kind::Whole { flushed } => flushed.iter().flatten().map(|piece| piece.len).sum(),
        }
    }

    /// How it is written.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The windows on blocks that it is made of.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Bytes from `from` on, at most `len`; shorter where the file ends.
    pub fn read(&self, from: u64, len: u64) -> Result<Rope, Absent> {
        let to = from.saturating_add(len).min(self.len);
        let mut rope = Rope::default();
        let mut absent = Vec::new();
        // Reads are mostly near the end of long files: walk back from there.
        let mut first = self.pieces.len();
        let mut start = self.len;
        while start > from && first > 0 {
            first -= 1;
            start -= self.pieces[first].len;
        }
        for piece in &self.pieces[first..] {
            if start >= to {
                break;
            }
            let end = start + piece.len;
            let inner_from = from.saturating_sub(start);
            let inner_to = to.min(end) - start;
            if inner_from < inner_to {
                match piece.block.slice(piece.from + inner_from, inner_to - inner_from) {
                    Ok(bytes) => rope.push(bytes),
                    Err(block) => absent.push(block),
                }
            }
            start = end;
        }
        if absent.is_empty() { Ok(rope) } else { Err(Absent(absent)) }
    }

    fn truncate(&mut self, len: u64) {
        while self.len > len {
            let last = self.pieces.last_mut().expect("a file's length is the sum of its pieces");
            let cut = (self.len - len).min(last.len);
            last.len -= cut;
            self.len -= cut;
            if last.len == 0 {
                self.pieces.pop();
            }
        }
        if let Kind::Log { flushed } = &mut self.kind {
            *flushed = (*flushed).min(len);
        }
    }

    /// Merges neighbouring unsaved pieces into blocks of at most `block_bytes_max` and returns
    /// the blocks that are to be saved, in file order. What is read from the file is unchanged.
    pub fn seal(&mut self, block_bytes_max: u64) -> Vec<Rc<Block>> {
        let mut sealed = Vec::new();
        let kept = self.pieces.iter().take_while(|piece| piece.block.saved_as().is_some()).count();
        let fresh = self.pieces.split_off(kept);
        let mut run: Vec<Piece> = Vec::new();
        let mut run_len = 0;
        for piece in fresh {
            let saved = piece.block.saved_as().is_some();
            if saved || (run_len > 0 && run_len + piece.len > block_bytes_max) {
                self.merge(std::mem::take(&mut run), &mut sealed);
                run_len = 0;
            }
            if saved {
                self.pieces.push(piece);
            } else {
                run_len += piece.len;
                run.push(piece);
            }
        }
        self.merge(run, &mut sealed);
        sealed
    }

    fn merge(&mut self, run: Vec<Piece>, sealed: &mut Vec<Rc<Block>>) {
        let [first, ..] = &run[..] else { return };
        let block = if run.len() == 1 && first.len == first.block.len() && first.block.is_resident()
        {
            first.block.clone()
        } else {
            let mut joined = BytesMut::with_capacity(run.iter().map(|p| p.len as usize).sum());
            for piece in &run {
                let bytes = piece.block.slice(piece.from, piece.len);
                joined
                    .extend_from_slice(&bytes.expect("a block that was never saved is in memory"));
            }
            let merged = Block::new(joined.freeze());
            let mut at = 0;
            for piece in &run {
                if piece.from == 0 && piece.len == piece.block.len() {
                    *piece.block.content.borrow_mut() = Content::Moved { into: merged.clone(), at };
                }
                at += piece.len;
            }
            merged
        };
        self.pieces.push(Piece { from: 0, len: block.len(), block: block.clone() });
        sealed.push(block);
    }
}

/// The files of one node, by name.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<Rc<str>, File>,
    /// Grows with every change, so that a saver knows at a glance whether there is anything new.
    changes: u64,
}

impl Disk {
    /// A file, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<&File> {
        self.files.get(name)
    }

    /// Bytes in a file; zero if there is none.
    pub fn len(&self, name: &str) -> u64 {
        self.get(name).map_or(0, File::len)
    }

    /// True without any file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// All files in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files.iter().map(|(name, file)| (&**name, file))
    }

    /// The files whose names begin with `prefix`, in the order of their names.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a File)> {
        self.files
            .range::<str, _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
            .map(|(name, file)| (&**name, file))
            .take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// How many changes there have been.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Puts a file as storage kept it.
    pub fn insert(&mut self, name: &str, file: File) {
        self.changes += 1;
        self.files.insert(name.into(), file);
    }

    /// Every file, to be sealed for saving.
    pub fn files_mut(&mut self) -> impl Iterator<Item = (&str, &mut File)> {
        self.files.iter_mut().map(|(name, file)| (&**name, file))
    }

    /// Writes at the end of a file, which is made if it does not exist.
    pub fn append(&mut self, name: &str, bytes: Bytes) {
        self.changes += 1;
        if !self.files.contains_key(name) {
            let empty = File::from_pieces(Vec::new(), Kind::Log { flushed: 0 });
            self.files.insert(name.into(), empty);
        }
        let file = self.files.get_mut(name).expect("it was just made");
        debug_assert!(
            matches!(file.kind, Kind::Log { .. }),
            "{name} is a file that is replaced whole"
        );
        if !bytes.is_empty() {
            let len = bytes.len() as u64;
            file.pieces.push(Piece { block: Block::new(bytes), from: 0, len });
            file.len += len;
        }
    }

    /// Puts a whole new content in the place of a file's old one.
    pub fn replace(&mut self, name: &str, bytes: Bytes) {
        self.changes += 1;
        let flushed = match self.files.get(name).map(|file| &file.kind) {
            Some(Kind::Whole { flushed }) => flushed.clone(),
            _ => None,
        };
        let len = bytes.len() as u64;
        let pieces = match len {
            0 => Vec::new(),
            _ => vec![Piece { block: Block::new(bytes), from: 0, len }],
        };
        self.files.insert(name.into(), File { pieces, len, kind: Kind::Whole { flushed } });
    }

    /// Cuts a file to its first `len` bytes; harmless if it is shorter or missing.
    pub fn truncate(&mut self, name: &str, len: u64) {
        self.changes += 1;
        if let Some(file) = self.files.get_mut(name) {
            file.truncate(len);
        }
    }

    /// Removes a file; harmless if there is none.
    pub fn delete(&mut self, name: &str) {
        self.changes += 1;
        self.files.remove(name);
    }

    /// Gives a file another name, in the place of any that had it.
    pub fn rename(&mut self, name: &str, to: &str) {
        self.changes += 1;
        if let Some(file) = self.files.remove(name) {
            self.files.insert(to.into(), file);
        }
    }

    /// A flush that was asked for when the file had `len` bytes is done.
    pub(super) fn flushed(&mut self, name: &str, len: u64) {
        self.changes += 1;
        if let Some(file) = self.files.get_mut(name) {
            match &mut file.kind {
                Kind::Log { flushed } => *flushed = (*flushed).max(len.min(file.len)),
                Kind::Whole { flushed } => *flushed = Some(file.pieces.clone()),
            }
        }
    }

    /// The power is gone: only what was flushed is left.
    pub(super) fn power_cut(&mut self) {
        self.changes += 1;
        self.files.retain(|_, file| match &mut file.kind {
            Kind::Log { flushed } => {
                let len = *flushed;
                file.truncate(len);
                true
            }
            Kind::Whole { flushed } => match flushed {
                Some(pieces) => {
                    file.pieces = pieces.clone();
                    file.len = file.pieces.iter().map(|piece| piece.len).sum();
                    true
                }
                None => false,
            },
        });
    }
}
