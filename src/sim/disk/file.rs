//! Files: lists of pieces, and what of them a power cut keeps.

use super::block::{Block, Piece};
use super::rope::Rope;
use crate::sim::rng::Stream;
use bytes::{Bytes, BytesMut};
use std::rc::Rc;

/// What a disk writes at once: a torn write ends inside one of these. The unit of disks of old,
/// and still what most SSDs present.
const SECTOR_BYTES: u64 = 512;

/// A log is mostly read on: so many absent bytes behind a read are loaded along with it.
const AHEAD_BYTES: u64 = 4 << 20;

/// A read that cannot be answered from memory: these blocks have to be loaded first.
#[derive(Debug, Clone)]
pub struct Absent(pub Vec<Rc<Block>>);

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

/// A flush that is under way, and what it covers: what was there when it was asked for, as far
/// as it is not cut off again meanwhile.
#[derive(Clone, Debug)]
struct Flush {
    number: u64,
    covers: Kind,
}

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Tells it from other files of its disk, whatever they are called; never reused.
    pub(in crate::sim) id: u64,
    pieces: Vec<Piece>,
    len: u64,
    kind: Kind,
    flushing: Vec<Flush>,
}

impl File {
    /// A file as storage kept it.
    pub fn from_pieces(pieces: Vec<Piece>, mut kind: Kind) -> File {
        let len: u64 = pieces.iter().map(|piece| piece.len).sum();
        if let Kind::Log { flushed } = &mut kind {
            *flushed = len.min(*flushed);
        }
        File { id: 0, pieces, len, kind, flushing: Vec::new() }
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

    /// True if a power cut would change nothing.
    pub fn is_flushed(&self) -> bool {
        match &self.kind {
            Kind::Log { flushed } => *flushed == self.len,
            Kind::Whole { flushed } => {
                flushed.as_ref().is_some_and(|pieces| self.consists_of(pieces))
            }
        }
    }

    /// How it is written.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The windows on blocks that it is made of. Between [`File::seal`] and the next change, each
    /// looks at a block that is saved or was given out to be saved.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Bytes from `from` on, at most `len`; shorter where the file ends. Where some are absent, so
    /// many behind them as are likely to be read next are named too.
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
            if start >= to && (absent.is_empty() || start >= to + AHEAD_BYTES) {
                break;
            }
            let end = start + piece.len;
            if start >= to {
                let (block, _) = piece.block.home();
                if !block.is_resident() && !absent.iter().any(|known| Rc::ptr_eq(known, &block)) {
                    absent.push(block);
                }
            }
            let inner_from = from.saturating_sub(start);
            let inner_to = to.min(end).saturating_sub(start);
            if inner_from < inner_to {
                match piece.block.slice(piece.from + inner_from, inner_to - inner_from) {
                    Ok(bytes) => rope.push(bytes),
                    Err(block) if absent.iter().any(|known| Rc::ptr_eq(known, &block)) => {}
                    Err(block) => absent.push(block),
                }
            }
            start = end;
        }
        if absent.is_empty() { Ok(rope) } else { Err(Absent(absent)) }
    }

    // ---- writing ----

    pub(super) fn append(&mut self, bytes: Bytes) {
        assert!(
            matches!(self.kind, Kind::Log { .. }),
            "a file that is replaced whole was appended"
        );
        if !bytes.is_empty() {
            let piece = Piece::whole(bytes);
            self.len += piece.len;
            self.pieces.push(piece);
        }
    }

    pub(super) fn replace(&mut self, bytes: Bytes) {
        assert!(matches!(self.kind, Kind::Whole { .. }), "a file that is appended was replaced");
        self.len = bytes.len() as u64;
        self.pieces = if bytes.is_empty() { Vec::new() } else { vec![Piece::whole(bytes)] };
    }

    pub(super) fn truncate(&mut self, len: u64) {
        while self.len > len {
            let last = self.pieces.last_mut().expect("a file's length is the sum of its pieces");
            let cut = (self.len - len).min(last.len);
            last.len -= cut;
            self.len -= cut;
            if last.len == 0 {
                self.pieces.pop();
            }
        }
        let under_way = self.flushing.iter_mut().map(|flush| &mut flush.covers);
        for kind in under_way.chain([&mut self.kind]) {
            if let Kind::Log { flushed } = kind {
                *flushed = (*flushed).min(len);
            }
        }
    }

    // ---- flushing ----

    /// Begins to flush what is written now; returns how many bytes that is, without those that
    /// earlier flushes see to.
    pub(super) fn begin_flush(&mut self, number: u64) -> u64 {
        let last = self.flushing.last().map_or(&self.kind, |flush| &flush.covers);
        let fresh = self.bytes_beyond(last);
        let covers = match self.kind {
            Kind::Log { .. } => Kind::Log { flushed: self.len },
            Kind::Whole { .. } => Kind::Whole { flushed: Some(self.pieces.clone()) },
        };
        self.flushing.push(Flush { number, covers });
        fresh
    }

    /// This flush is done; false if it was not one of this file.
    pub(super) fn end_flush(&mut self, number: u64) -> bool {
        let Some(at) = self.flushing.iter().position(|flush| flush.number == number) else {
            return false;
        };
        match (&mut self.kind, self.flushing.remove(at).covers) {
            (Kind::Log { flushed }, Kind::Log { flushed: covered }) => {
                *flushed = covered.max(*flushed);
            }
            (kind, covered) => *kind = covered,
        }
        true
    }

    /// True while a flush is under way.
    pub(super) fn is_flushing(&self) -> bool {
        !self.flushing.is_empty()
    }

    /// Nobody waits for the flushes that are under way any more, and they do not count.
    pub(super) fn forget_flushes(&mut self) {
        self.flushing.clear();
    }

    /// Bytes written that are not part of this flushed content.
    fn bytes_beyond(&self, flushed: &Kind) -> u64 {
        match flushed {
            Kind::Log { flushed } => self.len.saturating_sub(*flushed),
            Kind::Whole { flushed: Some(pieces) } if self.consists_of(pieces) => 0,
            Kind::Whole { .. } => self.len,
        }
    }

    fn consists_of(&self, pieces: &[Piece]) -> bool {
        pieces.len() == self.pieces.len()
            && pieces.iter().zip(&self.pieces).all(|(a, b)| a.is_same(b))
    }

    /// The power is gone: only what was flushed is left. False if that is nothing at all.
    pub(super) fn power_cut(&mut self) -> bool {
        self.flushing.clear();
        match &self.kind {
            Kind::Log { flushed } => self.truncate(*flushed),
            Kind::Whole { flushed: None } => return false,
            Kind::Whole { flushed: Some(pieces) } => {
                self.pieces = pieces.clone();
                self.len = self.flushed_len();
            }
        }
        true
    }

    /// Makes up what the disk happened to have written of what was not flushed when the power
    /// went: some of the tail of a log, perhaps with its last sector spoilt; a whole file or not.
    pub(super) fn tear(&mut self, stream: &mut Stream) {
        match &mut self.kind {
            Kind::Whole { flushed } => {
                if stream.below(2) == 0 {
                    *flushed = Some(self.pieces.clone());
                }
            }
            Kind::Log { flushed } => {
                let safe = *flushed;
                let kept = safe + stream.below(self.len - safe + 1);
                *flushed = kept;
                self.truncate(kept);
                if kept > safe && stream.below(2) == 0 {
                    let spoilt = safe.max((kept - 1) / SECTOR_BYTES * SECTOR_BYTES);
                    let mask = if stream.below(2) == 0 { 0 } else { u64::MAX };
                    let garbage = (spoilt..kept).map(|_| (stream.bits() & mask) as u8).collect();
                    self.truncate(spoilt);
                    self.append(garbage);
                    self.kind = Kind::Log { flushed: kept };
                }
            }
        }
    }

    // ---- saving ----

    /// Merges neighbouring unsaved pieces into blocks of at most `block_bytes_max` bytes, and
    /// adds the blocks that are to be saved to `sealed`, in file order; what another file has
    /// sealed already is shared with it. Small saved neighbours in memory are merged with what is
    /// larger than they are, so that a slow log does not become a list of crumbs, and yet no byte
    /// is saved more often than the logarithm of its block's size. What is read from the file,
    /// and from every clone of it, is unchanged.
    pub fn seal(&mut self, block_bytes_max: u64, sealed: &mut Vec<Rc<Block>>) {
        self.pieces = seal(std::mem::take(&mut self.pieces), block_bytes_max, sealed);
        if let Kind::Whole { flushed: Some(pieces) } = &mut self.kind {
            *pieces = seal(std::mem::take(pieces), block_bytes_max, sealed);
        }
    }

    /// True if [`File::seal`] would find nothing to do.
    pub fn is_saved(&self) -> bool {
        let flushed = match &self.kind {
            Kind::Whole { flushed: Some(pieces) } => &pieces[..],
            _ => &[],
        };
        // New pieces are at the end, so that a file with much to save is found out at once.
        self.pieces.iter().rev().chain(flushed).all(|piece| {
            piece.block.saved_as().is_some() && Rc::ptr_eq(&piece.block.home().0, &piece.block)
        })
    }
}

fn seal(pieces: Vec<Piece>, block_bytes_max: u64, sealed: &mut Vec<Rc<Block>>) -> Vec<Piece> {
    let mut done: Vec<Piece> = Vec::new();
    let mut run: Vec<Piece> = Vec::new();
    let mut run_len = 0;
    for piece in pieces {
        let piece = piece.at_home();
        let saved = piece.block.saved_as().is_some() || is_among(sealed, &piece.block);
        if saved || run_len + piece.len > block_bytes_max {
            merge(&mut done, std::mem::take(&mut run), block_bytes_max, sealed);
            run_len = 0;
        }
        if saved {
            match done.last_mut() {
                // Both were merged into the same block by the sealing of a clone, or of a replica.
                Some(last)
                    if Rc::ptr_eq(&last.block, &piece.block)
                        && last.from + last.len == piece.from =>
                {
                    last.len += piece.len;
                }
                _ => done.push(piece),
            }
        } else {
            run_len += piece.len;
            run.push(piece);
        }
    }
    merge(&mut done, run, block_bytes_max, sealed);
    done
}

/// Makes one block of a run of unsaved pieces and of the small saved ones before it.
fn merge(done: &mut Vec<Piece>, mut run: Vec<Piece>, max: u64, sealed: &mut Vec<Rc<Block>>) {
    if run.is_empty() {
        return;
    }
    let mut len: u64 = run.iter().map(|piece| piece.len).sum();
    while let Some(last) = done.pop_if(|last| {
        last.block.saved_as().is_some()
            && last.block.is_resident()
            && last.len <= len
            && last.len + len <= max
    }) {
        len += last.len;
        run.insert(0, last);
    }
    let block = match &run[..] {
        [only] if only.is_whole() => only.block.clone(),
        _ => join(&run),
    };
    if !is_among(sealed, &block) {
        sealed.push(block.clone());
    }
    done.push(Piece { from: 0, len: block.len(), block });
}

fn is_among(blocks: &[Rc<Block>], block: &Rc<Block>) -> bool {
    blocks.iter().any(|known| Rc::ptr_eq(known, block))
}

/// One new block with the bytes of these pieces.
fn join(run: &[Piece]) -> Rc<Block> {
    let mut joined = BytesMut::with_capacity(run.iter().map(|piece| piece.len as usize).sum());
    for piece in run {
        let bytes = piece.block.slice(piece.from, piece.len);
        joined.extend_from_slice(&bytes.expect("a block that was never saved is in memory"));
    }
    let block = Block::new(joined.freeze());
    let mut at = 0;
    for piece in run {
        if piece.is_whole() {
            piece.block.move_into(&block, at);
        }
        at += piece.len;
    }
    block
}
