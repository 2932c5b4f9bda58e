//! The flexible encoding of the protocol (KIP-482), which the coordinators' records use: lengths
//! are unsigned varints, one larger than they are, and 0 stands for null.

use bytes::{BufMut, BytesMut};

/// Writes an unsigned varint.
pub fn put_uvarint(out: &mut BytesMut, mut number: u32) {
    while number >= 0x80 {
        out.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    out.put_u8(number as u8);
}

/// Writes a text, or null.
pub fn put_text(out: &mut BytesMut, text: Option<&str>) {
    put_uvarint(out, text.map_or(0, |text| text.len() as u32 + 1));
    out.put_slice(text.unwrap_or_default().as_bytes());
}

/// Reads what was written.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// So many bytes.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    /// An unsigned varint.
    pub fn uvarint(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.take()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// A text, which may be null.
    pub fn maybe_text(&mut self) -> Option<Option<&'a str>> {
        let Some(len) = self.uvarint()?.checked_sub(1) else { return Some(None) };
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        std::str::from_utf8(taken).ok().map(Some)
    }

    /// A text.
    pub fn text(&mut self) -> Option<&'a str> {
        self.maybe_text()?
    }
}
