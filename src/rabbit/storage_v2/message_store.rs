//! The message store of the virtual host: bodies that are too large for a queue's own store, one
//! copy for any number of queues.
//!
//! Simplified: a file is deleted when nothing in it is needed any more (the real store compacts
//! files before that), and a message is written when the first queue asks for it (the real store
//! skips one that was consumed before its turn came).

use super::entry::{Shared, encode_message_head};
use crate::ordered::BTreeMap;
use crate::rabbit::content::Content;
use crate::rabbit::process::Out;
use bytes::BytesMut;
use std::rc::Rc;

/// A file that has grown to so many bytes is followed by a new one.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Where the files are.
pub const DIRECTORY: &str = "msg_store_persistent/";

/// What the store keeps in memory: an entry for each message, as the real one does.
#[derive(Clone, Debug)]
pub struct MessageStore {
    /// How many queues need each message.
    references: BTreeMap<Shared, u32>,
    /// How many messages of each file are needed.
    files: BTreeMap<u32, u32>,
    current: u32,
    current_name: Rc<str>,
}

impl MessageStore {
    /// A store that writes into this file next.
    pub fn new(current: u32) -> MessageStore {
        MessageStore {
            references: BTreeMap::new(),
            files: BTreeMap::new(),
            current,
            current_name: file_name(current),
        }
    }

    /// Writes a message that nobody needs yet; returns where, and how many bytes.
    pub fn write(&mut self, content: &Content, out: &mut Out<'_>) -> (Shared, u64) {
        let mut offset = out.files().len(&self.current_name);
        if offset >= FILE_BYTES_MAX {
            let full = self.current;
            self.current += 1;
            self.current_name = file_name(self.current);
            self.drop_if_unneeded(full, out);
            offset = 0;
        }
        let mut head = BytesMut::new();
        encode_message_head(&content.encode_head(), &content.body, &mut head);
        let bytes = (head.len() + content.body.len()) as u64;
        out.append(&self.current_name, head.freeze());
        out.append(&self.current_name, content.body.clone());
        (Shared { file: self.current, offset: offset as u32 }, bytes)
    }

    /// One more queue needs a message.
    pub fn refer(&mut self, to: Shared) {
        let references = self.references.entry(to).or_default();
        *references += 1;
        if *references == 1 {
            *self.files.entry(to.file).or_default() += 1;
        }
    }

    /// One queue less needs a message.
    pub fn release(&mut self, message: Shared, out: &mut Out<'_>) {
        let references = self.references.get_mut(&message).expect("a queue had referred to it");
        *references -= 1;
        if *references > 0 {
            return;
        }
        self.references.remove(&message);
        let needed = self.files.get_mut(&message.file).expect("a message counts in its file");
        *needed -= 1;
        self.drop_if_unneeded(message.file, out);
    }

    /// Deletes the files that nothing needs: what recovery does last.
    pub fn sweep(&mut self, out: &mut Out<'_>) {
        let files: Vec<u32> =
            out.files().with_prefix(DIRECTORY).filter_map(|(name, _)| file_number(name)).collect();
        for file in files {
            self.drop_if_unneeded(file, out);
        }
    }

    fn drop_if_unneeded(&mut self, file: u32, out: &mut Out<'_>) {
        if file != self.current && self.files.get(&file).copied().unwrap_or(0) == 0 {
            self.files.remove(&file);
            out.delete(&file_name(file));
        }
    }
}

/// The name of a file.
pub fn file_name(number: u32) -> Rc<str> {
    format!("{DIRECTORY}{number}.rdq").into()
}

/// The number of a file of this name.
pub fn file_number(name: &str) -> Option<u32> {
    name.strip_prefix(DIRECTORY)?.strip_suffix(".rdq")?.parse().ok()
}
