//! Ropes: bytes as they come from a file.

use bytes::{Bytes, BytesMut};

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

    /// The stretches, in order.
    pub fn parts(&self) -> &[Bytes] {
        &self.parts
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
                joined.reserve(to - from - joined.len());
                joined.extend_from_slice(&piece);
            }
            start = end;
        }
        joined.freeze()
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

    /// All bytes in one stretch.
    pub fn bytes(&self) -> Bytes {
        self.slice(0, self.len)
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

impl Eq for Rope {}
