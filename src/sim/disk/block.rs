//! Blocks: bytes that never change, shared by files, replicas and checkpoints.

use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes that never change. Where they are (in memory, in storage, inside a larger block) may
/// change, and is no part of the model.
#[derive(Debug)]
pub struct Block {
    content: RefCell<Content>,
    len: u64,
    saved_as: Cell<Option<StoredAt>>,
}

/// Where storage holds a block: as a part of a stored block, which may hold several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredAt {
    /// The stored block's id, which is never used again.
    pub id: u64,
    /// Bytes of the whole stored block.
    pub stored_len: u64,
    /// Where in it this block begins.
    pub at: u64,
}

impl StoredAt {
    /// A block that is stored by itself.
    pub fn whole(id: u64, len: u64) -> StoredAt {
        StoredAt { id, stored_len: len, at: 0 }
    }
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
        let content = RefCell::new(Content::Resident(bytes));
        Rc::new(Block { content, len, saved_as: Cell::new(None) })
    }

    /// A block that is in storage and not in memory.
    pub fn absent(stored: StoredAt, len: u64) -> Rc<Block> {
        let content = RefCell::new(Content::Absent);
        Rc::new(Block { content, len, saved_as: Cell::new(Some(stored)) })
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True for a block without bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its bytes, if they are in memory.
    pub fn bytes(self: &Rc<Self>) -> Option<Bytes> {
        self.slice(0, self.len).ok()
    }

    /// Where storage holds it, if it was saved.
    pub fn saved_as(&self) -> Option<StoredAt> {
        self.saved_as.get()
    }

    /// Notes that storage holds it.
    pub fn mark_saved(&self, stored: StoredAt) {
        self.saved_as.set(Some(stored));
    }

    /// Forgets its bytes, which storage holds; a block that was merged into another has none of
    /// its own. Panics if it was never saved.
    pub fn release(&self) {
        let mut content = self.content.borrow_mut();
        if matches!(*content, Content::Resident(_)) {
            assert!(self.saved_as.get().is_some(), "a block that was never saved was released");
            *content = Content::Absent;
        }
    }

    /// Puts the bytes of an absent block back; harmless if they are there.
    pub fn restore(&self, bytes: Bytes) {
        assert_eq!(bytes.len() as u64, self.len, "storage gave another block back");
        let mut content = self.content.borrow_mut();
        if matches!(*content, Content::Absent) {
            *content = Content::Resident(bytes);
        }
    }

    /// True while its bytes are in memory, here or in the block it was merged into.
    pub fn is_resident(self: &Rc<Self>) -> bool {
        matches!(*self.home().0.content.borrow(), Content::Resident(_))
    }

    /// The block that has its bytes now, and where they begin in it.
    pub fn home(self: &Rc<Self>) -> (Rc<Block>, u64) {
        let mut home = (self.clone(), 0);
        let mut steps = 0;
        loop {
            let next = match &*home.0.content.borrow() {
                Content::Moved { into, at } => (into.clone(), home.1 + at),
                _ => break,
            };
            home = next;
            steps += 1;
        }
        if steps > 1 {
            // Once found, the next search is short.
            *self.content.borrow_mut() = Content::Moved { into: home.0.clone(), at: home.1 };
        }
        home
    }

    /// Where its own bytes are in memory, and how many. Two blocks that were made of the same
    /// [`Bytes`] have this in common.
    pub fn address(&self) -> Option<(usize, u64)> {
        match &*self.content.borrow() {
            Content::Resident(bytes) => Some((bytes.as_ptr() as usize, self.len)),
            _ => None,
        }
    }

    /// True if its bytes are those of a block that it was merged into.
    pub fn has_moved(&self) -> bool {
        matches!(*self.content.borrow(), Content::Moved { .. })
    }

    /// From now on its bytes, which are the same, are those of `twin`.
    pub fn become_one_with(&self, twin: &Rc<Block>) {
        assert_eq!(self.address(), twin.address(), "only blocks of the same bytes become one");
        self.move_into(twin, 0);
    }

    /// From now on its bytes are those of `into` from `at` on.
    pub(super) fn move_into(&self, into: &Rc<Block>, at: u64) {
        *self.content.borrow_mut() = Content::Moved { into: into.clone(), at };
    }

    /// Some of its bytes; the block to be loaded if they are not in memory.
    pub(super) fn slice(self: &Rc<Self>, from: u64, len: u64) -> Result<Bytes, Rc<Block>> {
        if let Content::Resident(bytes) = &*self.content.borrow() {
            return Ok(bytes.slice(from as usize..(from + len) as usize));
        }
        let (home, at) = self.home();
        match &*home.content.borrow() {
            Content::Resident(bytes) => {
                let from = (at + from) as usize;
                Ok(bytes.slice(from..from + len as usize))
            }
            _ => Err(home.clone()),
        }
    }
}

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

impl Piece {
    /// A window on all of a new block.
    pub(super) fn whole(bytes: Bytes) -> Piece {
        let block = Block::new(bytes);
        Piece { from: 0, len: block.len(), block }
    }

    /// True if it looks at all of its block.
    pub(super) fn is_whole(&self) -> bool {
        self.from == 0 && self.len == self.block.len()
    }

    /// The same bytes, seen on the block that has them now.
    pub(super) fn at_home(self) -> Piece {
        let (block, at) = self.block.home();
        Piece { block, from: at + self.from, len: self.len }
    }

    /// True if both look at the same bytes of the same block. Storage may have given one block
    /// back twice.
    pub(super) fn is_same(&self, other: &Piece) -> bool {
        let (block, at) = self.block.home();
        let (other_block, other_at) = other.block.home();
        let is_one = Rc::ptr_eq(&block, &other_block)
            || block.saved_as().is_some() && block.saved_as() == other_block.saved_as();
        is_one && (at + self.from, self.len) == (other_at + other.from, other.len)
    }
}
