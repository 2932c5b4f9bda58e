//! Bytes as letters that may stand in an address: base64url (RFC 4648, section 5) without padding.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bits of a letter.
const BITS: u32 = 6;

/// The letters of these bytes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let word = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..=group.len() as u32 {
            let letter = word >> (18 - BITS * place) & 0x3f;
            text.push(char::from(LETTERS[letter as usize]));
        }
    }
    text
}

/// The bytes of these letters, or the first that is none, with its place counted from 1. A last
/// letter whose bits belong to no byte is none.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, (usize, char)> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut word, mut bits, mut last) = (0_u32, 0, (0, ' '));
    for (index, letter) in text.chars().enumerate() {
        last = (index + 1, letter);
        let value = LETTERS.iter().position(|known| char::from(*known) == letter).ok_or(last)?;
        word = word << BITS | value as u32;
        bits += BITS;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
            word &= (1 << bits) - 1;
        }
    }
    if bits >= BITS || word != 0 { Err(last) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn the_examples_of_the_standard() {
        // RFC 4648, section 10, without the padding.
        for (bytes, text) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn what_is_no_letter_is_named_with_its_place() {
        assert_eq!(decode("Zm+v"), Err((3, '+')));
        assert_eq!(decode("Zg="), Err((3, '=')));
        assert_eq!(decode("Zm8é"), Err((4, 'é')));
        assert_eq!(decode("Zh"), Err((2, 'h')), "its last bits belong to no byte");
        assert_eq!(decode("Zm9vZ"), Err((5, 'Z')), "a letter too many");
    }
}
