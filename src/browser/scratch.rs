//! Memory in which bytes go to storage and come from it: it is taken again, or given back at once.

use js_sys::{Array, ArrayBuffer, ArrayBufferOptions, Uint8Array};
use std::cell::OnceCell;

/// Room for one block, taken again for the next: fresh memory costs as much as what is written
/// into it.
#[derive(Default)]
pub struct Scratch {
    room: OnceCell<ArrayBuffer>,
}

/// What is larger gets memory of its own.
const ROOM_BYTES: usize = (1 << 20) + (1 << 16);

impl Scratch {
    /// These parts after one another, as long as `work` takes.
    pub fn with<T>(&self, parts: &[&[u8]], work: impl FnOnce(&Uint8Array) -> T) -> T {
        let length = parts.iter().map(|part| part.len()).sum();
        // In a browser that knows no resizable memory the room keeps its length.
        let room = self
            .room
            .get_or_init(|| ArrayBuffer::new_with_options(0, &ArrayBufferOptions::new(ROOM_BYTES)));
        let fits = length <= ROOM_BYTES && room.resizable() && room.resize(length).is_ok();
        let bytes = match fits {
            true => Uint8Array::new(room),
            false => Uint8Array::new_with_length(length as u32),
        };
        let mut at = 0;
        for part in parts {
            let end = at + part.len() as u32;
            bytes.subarray(at, end).copy_from(part);
            at = end;
        }
        let done = work(&bytes);
        if !fits {
            let_go(&bytes);
        }
        done
    }
}

/// Gives the memory of bytes back at once, where the browser can: its collector takes its time, and
/// a MiB of them comes and goes many times a second.
pub fn let_go(bytes: &Uint8Array) {
    // Without it they go when the collector finds them.
    let _ = super::clock::call(&bytes.buffer(), "transfer", &Array::of1(&0.into()));
}
