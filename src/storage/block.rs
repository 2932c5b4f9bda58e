//! A block as it is kept: its checksum, then its bytes.

use super::store::StoreError;
use bytes::Bytes;

/// Bytes before the content: its CRC-32C, little-endian.
pub const HEAD: usize = 4;

/// The bytes that go before a block's own.
pub fn head(content: &[u8]) -> [u8; HEAD] {
    crc32c::crc32c(content).to_le_bytes()
}

/// The content of a block that was kept, if it is what was put there.
pub fn open(lab: &str, id: u64, kept: Vec<u8>) -> Result<Bytes, StoreError> {
    let corrupt = |found: String, expected: String| StoreError::Corrupt {
        place: format!("block {id} of \"{lab}\""),
        found,
        expected,
    };
    let Some((checksum, content)) = kept.split_first_chunk::<HEAD>() else {
        return Err(corrupt(format!("{} bytes", kept.len()), format!("at least {HEAD}")));
    };
    let expected = u32::from_le_bytes(*checksum);
    let found = crc32c::crc32c(content);
    if found != expected {
        return Err(corrupt(format!("checksum {found:#010x}"), format!("{expected:#010x}")));
    }
    Ok(Bytes::from(kept).slice(HEAD..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_byte_is_noticed() {
        let content = b"forty-two bytes, or as many as there are";
        let mut kept = head(content).to_vec();
        kept.extend_from_slice(content);
        assert_eq!(&open("main", 7, kept.clone()).unwrap()[..], content);
        for at in 0..kept.len() {
            let mut broken = kept.clone();
            broken[at] ^= 0x10;
            assert!(matches!(open("main", 7, broken), Err(StoreError::Corrupt { .. })), "{at}");
        }
        assert!(matches!(open("main", 7, vec![1, 2]), Err(StoreError::Corrupt { .. })));
    }
}
