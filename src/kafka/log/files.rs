//! The few things a log does to files: on a broker's disk through its outbox, and in tests
//! straight on a disk.

use crate::sim::{Disk, Node, Outbox};
use bytes::Bytes;

/// Files by name.
pub trait Files {
    /// Writes at the end of a file, which is made if it does not exist.
    fn append(&mut self, file: &str, bytes: Bytes);
    /// Puts a whole new content in the place of a file's old one, atomically.
    fn replace(&mut self, file: &str, bytes: Bytes);
    /// Cuts a file to its first `len` bytes.
    fn truncate(&mut self, file: &str, len: u64);
    /// Gives a file another name, in the place of any that had it.
    fn rename(&mut self, file: &str, to: &str);
    /// Removes a file.
    fn delete(&mut self, file: &str);
    /// What is there.
    fn disk(&self) -> &Disk;
}

impl<N: Node> Files for Outbox<'_, N> {
    fn append(&mut self, file: &str, bytes: Bytes) {
        Outbox::append(self, file, bytes);
    }
    fn replace(&mut self, file: &str, bytes: Bytes) {
        Outbox::replace(self, file, bytes);
    }
    fn truncate(&mut self, file: &str, len: u64) {
        Outbox::truncate(self, file, len);
    }
    fn rename(&mut self, file: &str, to: &str) {
        Outbox::rename(self, file, to);
    }
    fn delete(&mut self, file: &str) {
        Outbox::delete(self, file);
    }
    fn disk(&self) -> &Disk {
        self.files()
    }
}

impl Files for Disk {
    fn append(&mut self, file: &str, bytes: Bytes) {
        Disk::append(self, file, bytes);
    }
    fn replace(&mut self, file: &str, bytes: Bytes) {
        Disk::replace(self, file, bytes);
    }
    fn truncate(&mut self, file: &str, len: u64) {
        Disk::truncate(self, file, len);
    }
    fn rename(&mut self, file: &str, to: &str) {
        Disk::rename(self, file, to);
    }
    fn delete(&mut self, file: &str) {
        Disk::delete(self, file);
    }
    fn disk(&self) -> &Disk {
        self
    }
}
