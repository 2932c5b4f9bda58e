//! A block as it is kept: its checksum, then its bytes.
//!
//! The checksum is XXH64, which a browser computes several times as fast as CRC-32C: that is a good
//! part of what saving costs. Until format 3 of the manifest it was CRC-32C, and such blocks are
//! still there.

use super::store::StoreError;
use bytes::Bytes;
use twox_hash::XxHash64;

/// Bytes before the content: its XXH64 with seed 0, little-endian.
pub const HEAD: usize = 8;

/// Bytes before the content of an older block: its CRC-32C, little-endian.
const HEAD_OF_OLD: usize = 4;

/// The bytes that go before a block's own.
pub fn head(content: &[u8]) -> [u8; HEAD] {
    XxHash64::oneshot(0, content).to_le_bytes()
}

/// The content of a block that was kept, if it is what was put there.
pub fn open(lab: &str, id: u64, kept: Vec<u8>) -> Result<Bytes, StoreError> {
    let corrupt = |found: String, expected: String| StoreError::Corrupt {
        place: format!("block {id} of \"{lab}\""),
        found,
        expected,
    };
    let Some((checksum, content)) = kept.split_first_chunk::<HEAD>() else {
        return match is_old(&kept) {
            true => Ok(Bytes::from(kept).slice(HEAD_OF_OLD..)),
            false => Err(corrupt(format!("{} bytes", kept.len()), format!("at least {HEAD}"))),
        };
    };
    let (found, expected) = (u64::from_le_bytes(head(content)), u64::from_le_bytes(*checksum));
    match found == expected {
        true => Ok(Bytes::from(kept).slice(HEAD..)),
        false if is_old(&kept) => Ok(Bytes::from(kept).slice(HEAD_OF_OLD..)),
        false => Err(corrupt(format!("checksum {found:#018x}"), format!("{expected:#018x}"))),
    }
}

/// True for a block that an older version wrote, and that is whole.
fn is_old(kept: &[u8]) -> bool {
    kept.split_first_chunk::<HEAD_OF_OLD>()
        .is_some_and(|(checksum, content)| checksum == &crc32c::crc32c(content).to_le_bytes())
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

    #[test]
    fn a_block_of_an_older_version_is_still_known() {
        // "123456789" is the check value of both checksums' catalogues.
        let content = b"123456789";
        let old = [&0xe306_9283_u32.to_le_bytes()[..], content].concat();
        assert_eq!(&open("main", 7, old.clone()).unwrap()[..], content);
        let new = [&0x8cb8_41db_40e6_ae83_u64.to_le_bytes()[..], content].concat();
        assert_eq!(&open("main", 7, new).unwrap()[..], content);
        assert_eq!(&open("main", 7, crc32c::crc32c(b"").to_le_bytes().to_vec()).unwrap()[..], b"");
        for at in 0..old.len() {
            let mut broken = old.clone();
            broken[at] ^= 0x10;
            assert!(matches!(open("main", 7, broken), Err(StoreError::Corrupt { .. })), "{at}");
        }
    }
}
