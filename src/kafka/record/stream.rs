//! Batch after batch through bytes that end anywhere, or are damaged.

use super::header::{BatchHeader, HEADER_BYTES};
use crate::sim::Rope;
use bytes::Bytes;

/// Walks the batches of a stretch of a log without joining its pieces.
#[derive(Clone, Debug)]
pub struct BatchStream<'a> {
    parts: &'a [Bytes],
    /// Where in the first part we stand.
    within: usize,
    /// Where we stand, counted from the beginning.
    position: usize,
    len: usize,
}

impl<'a> BatchStream<'a> {
    /// From the beginning of these bytes.
    pub fn of(rope: &'a Rope) -> BatchStream<'a> {
        BatchStream { parts: rope.parts(), within: 0, position: 0, len: rope.len() }
    }

    /// Bytes behind us.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes before us.
    pub fn left(&self) -> usize {
        self.len - self.position
    }

    /// The header of the batch before us; `None` if there are not enough bytes for one.
    pub fn peek(&self) -> Option<BatchHeader> {
        if self.left() < HEADER_BYTES {
            return None;
        }
        let mut bytes = [0; HEADER_BYTES];
        let (mut filled, mut within) = (0, self.within);
        for part in self.parts {
            let piece = &part[within..];
            let wanted = piece.len().min(HEADER_BYTES - filled);
            bytes[filled..filled + wanted].copy_from_slice(&piece[..wanted]);
            filled += wanted;
            within = 0;
            if filled == HEADER_BYTES {
                break;
            }
        }
        Some(BatchHeader::read(&bytes))
    }

    /// The header of the batch before us if all of its bytes are there and it makes sense.
    pub fn peek_whole(&self) -> Option<BatchHeader> {
        self.peek().filter(|header| header.is_sound() && header.size_bytes() <= self.left())
    }

    /// Goes on by so many bytes.
    pub fn skip(&mut self, mut bytes: usize) {
        debug_assert!(bytes <= self.left(), "a batch stream ran over its end");
        self.position += bytes;
        while let Some(part) = self.parts.first() {
            let here = part.len() - self.within;
            if bytes < here {
                self.within += bytes;
                return;
            }
            bytes -= here;
            self.within = 0;
            self.parts = &self.parts[1..];
        }
    }

    /// Takes the whole batch before us: shared if it lies in one piece, else copied.
    pub fn take(&mut self, header: &BatchHeader) -> Bytes {
        let size = header.size_bytes();
        let first = &self.parts[0];
        let bytes = if first.len() - self.within >= size {
            first.slice(self.within..self.within + size)
        } else {
            let mut joined = Vec::with_capacity(size);
            let mut within = self.within;
            for part in self.parts {
                let piece = &part[within..];
                joined.extend_from_slice(&piece[..piece.len().min(size - joined.len())]);
                within = 0;
                if joined.len() == size {
                    break;
                }
            }
            joined.into()
        };
        self.skip(size);
        bytes
    }

    /// The next whole batch with its header.
    pub fn next_batch(&mut self) -> Option<(BatchHeader, Bytes)> {
        let header = self.peek_whole()?;
        let bytes = self.take(&header);
        Some((header, bytes))
    }
}

/// Where the valid batches from the beginning of these bytes are, and where they end: what a
/// recovery keeps. A batch is valid if it is whole, sound and carries its checksum.
pub fn valid_batches(rope: &Rope) -> (Vec<usize>, usize) {
    let mut stream = BatchStream::of(rope);
    let mut positions = Vec::new();
    loop {
        let position = stream.position();
        match stream.next_batch() {
            Some((_, bytes)) if super::header::crc_matches(&bytes) => positions.push(position),
            _ => return (positions, position),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::builder::{BatchBuilder, Fields, ProducerStamp};
    use super::super::header::stamp;
    use super::*;

    fn batch(value: &[u8], base_offset: i64) -> Bytes {
        let mut builder = BatchBuilder::new(0, 0);
        builder.push(5, &Fields { value: Some(value), ..Fields::default() });
        let mut bytes = builder.close(ProducerStamp::NONE).to_vec();
        stamp(&mut bytes, base_offset, 0);
        bytes.into()
    }

    #[test]
    fn batches_are_found_wherever_the_pieces_end() {
        let whole: Vec<u8> = [batch(b"one", 0), batch(b"", 1), batch(&[7; 300], 2)].concat();
        for cut in 1..whole.len() {
            let mut rope = Rope::default();
            rope.push(Bytes::copy_from_slice(&whole[..cut]));
            rope.push(Bytes::copy_from_slice(&whole[cut..]));
            let (positions, end) = valid_batches(&rope);
            assert_eq!((positions.len(), end), (3, whole.len()), "cut at {cut}");
        }
    }

    #[test]
    fn a_torn_tail_ends_the_valid_part() {
        let whole: Vec<u8> = [batch(b"one", 0), batch(b"two", 1)].concat();
        let first = batch(b"one", 0).len();
        for cut in first..whole.len() {
            let rope = Rope::from(Bytes::copy_from_slice(&whole[..cut]));
            assert_eq!(valid_batches(&rope), (vec![0], first));
        }
    }
}
