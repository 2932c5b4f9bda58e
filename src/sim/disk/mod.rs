//! The disk of one node: files made of shared immutable blocks.
//!
//! A file is a list of pieces, each a window on a [`Block`]. Appending adds a piece that shares
//! the bytes it was given; truncating shortens the list; cloning a disk copies nothing until one
//! of the two changes, and then lists, never bytes. So a replica that stores the same batch, and a
//! time-travel checkpoint, cost no copy.
//!
//! **Written is not flushed.** Written bytes survive a crash of the process; a power cut keeps
//! only what a completed flush covered. Simplified: an operating system writes back by itself
//! after some seconds, here nothing is safe before it was flushed; creating, renaming, truncating
//! and deleting are durable at once.
//!
//! Whether a block's bytes are in memory is outside the model: a block that was saved may be
//! [released](Block::release), and a read that needs it reports [`Absent`] so that the host loads
//! it while virtual time stands still. The results never depend on it.

mod block;
mod file;
mod rope;
#[cfg(test)]
mod tests;

use crate::ordered::BTreeMap;
pub use block::{Block, Piece, StoredAt};
pub use file::{Absent, File, Kind};
pub use rope::Rope;

use super::rng::Stream;
use bytes::Bytes;
use std::ops::Bound;
use std::rc::Rc;

/// The files of one node, by name.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Rc<BTreeMap<Rc<str>, Rc<File>>>,
    /// Grows with every change, so that a saver knows at a glance whether there is anything new.
    changes: u64,
    /// How many files have been made.
    made: u64,
    /// How many flushes have been asked for.
    flushes: u64,
}

impl Disk {
    /// A file, if there is one of this name.
    pub fn get(&self, name: &str) -> Option<&File> {
        self.files.get(name).map(|file| &**file)
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
        self.files.iter().map(|(name, file)| (&**name, &**file))
    }

    /// The files whose names begin with `prefix`, in the order of their names.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a File)> {
        self.files
            .range::<str>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(name, file)| (&**name, &**file))
            .take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// How many changes there have been.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    // ---- writing ----

    /// Puts a file as storage kept it, in the place of any that had the name.
    pub fn insert(&mut self, name: &str, mut file: File) {
        self.made += 1;
        file.id = self.made;
        self.files().insert(name.into(), Rc::new(file));
    }

    /// Writes at the end of a file, which is made if it does not exist. Panics if it is one that
    /// is replaced whole.
    pub fn append(&mut self, name: &str, bytes: Bytes) {
        if self.get(name).is_none() {
            self.insert(name, File::from_pieces(Vec::new(), Kind::Log { flushed: 0 }));
        }
        self.file(name).expect("it is there").append(bytes);
    }

    /// Puts a whole new content in the place of a file's old one, at once or not at all, also in a
    /// power cut. Panics if it is one that is appended.
    pub fn replace(&mut self, name: &str, bytes: Bytes) {
        if self.get(name).is_none() {
            self.insert(name, File::from_pieces(Vec::new(), Kind::Whole { flushed: None }));
        }
        self.file(name).expect("it is there").replace(bytes);
    }

    /// Cuts a file to its first `len` bytes; harmless if it is shorter or missing.
    pub fn truncate(&mut self, name: &str, len: u64) {
        if self.len(name) > len {
            self.file(name).expect("it has bytes").truncate(len);
        }
    }

    /// Removes a file; harmless if there is none.
    pub fn delete(&mut self, name: &str) {
        if self.get(name).is_some() {
            self.files().remove(name);
        }
    }

    /// Gives a file another name, in the place of any that had it; harmless if there is none.
    pub fn rename(&mut self, name: &str, to: &str) {
        if self.get(name).is_some() {
            let files = self.files();
            let file = files.remove(name).expect("it is there");
            files.insert(to.into(), file);
        }
    }

    // ---- flushing ----

    /// Begins to flush what is written in a file now. Returns the number with which the flush is
    /// to be ended, and how many bytes have to be written.
    pub(super) fn begin_flush(&mut self, name: &str) -> (u64, u64) {
        self.flushes += 1;
        let number = self.flushes;
        let fresh = self.file(name).map_or(0, |file| file.begin_flush(number));
        (number, fresh)
    }

    /// A flush is done. The file may have another name by now, or be gone.
    pub(super) fn end_flush(&mut self, name: &str, number: u64) {
        if self.file(name).is_some_and(|file| file.end_flush(number)) {
            return;
        }
        for file in self.files().values_mut().filter(|file| file.is_flushing()) {
            if Rc::make_mut(file).end_flush(number) {
                return;
            }
        }
    }

    /// The process is dead: the flushes that it waited for do not count.
    pub(super) fn forget_flushes(&mut self) {
        if self.files.values().any(|file| file.is_flushing()) {
            for file in self.files().values_mut().filter(|file| file.is_flushing()) {
                Rc::make_mut(file).forget_flushes();
            }
        }
    }

    /// The power is gone: only what was flushed is left, and with `torn` perhaps some of what was
    /// not, as that stream draws it.
    pub(super) fn power_cut(&mut self, mut torn: Option<&mut Stream>) {
        if self.files.values().all(|file| file.is_flushed() && !file.is_flushing()) {
            return;
        }
        self.files().retain(|_, file| {
            file.is_flushed() && !file.is_flushing() || {
                let file = Rc::make_mut(file);
                if let Some(stream) = &mut torn {
                    file.tear(stream);
                }
                file.power_cut()
            }
        });
    }

    // ---- saving ----

    /// Every file, to be sealed for saving.
    pub fn files_mut(&mut self) -> impl Iterator<Item = (&str, &mut File)> {
        let files = Rc::make_mut(&mut self.files);
        files.iter_mut().map(|(name, file)| (&**name, Rc::make_mut(file)))
    }

    /// Seals every file that has something unsaved, see [`File::seal`]; returns the blocks that
    /// are to be saved. It changes where bytes are kept, never what is read, here or in a clone.
    pub fn seal(&mut self, block_bytes_max: u64) -> Vec<Rc<Block>> {
        if self.files.values().all(|file| file.is_saved()) {
            return Vec::new();
        }
        let files = Rc::make_mut(&mut self.files).values_mut();
        let mut sealed = Vec::new();
        for file in files.filter(|file| !file.is_saved()) {
            Rc::make_mut(file).seal(block_bytes_max, &mut sealed);
        }
        sealed
    }

    /// The files, to be changed.
    fn files(&mut self) -> &mut BTreeMap<Rc<str>, Rc<File>> {
        self.changes += 1;
        Rc::make_mut(&mut self.files)
    }

    /// A file, to be changed.
    fn file(&mut self, name: &str) -> Option<&mut File> {
        self.get(name)?;
        self.files().get_mut(name).map(Rc::make_mut)
    }
}
