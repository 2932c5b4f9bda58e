//! Zig-zag variable-length integers: small numbers of either sign take few bytes.

use bytes::BufMut;

/// Bytes of the longest.
pub const VARINT_BYTES_MAX: usize = 10;

/// Writes a number of 32 bits.
pub fn write_varint(out: &mut impl BufMut, value: i32) {
    write_unsigned(out, u64::from(zigzag32(value)));
}

/// Writes a number of 64 bits.
pub fn write_varlong(out: &mut impl BufMut, value: i64) {
    write_unsigned(out, zigzag64(value));
}

/// Writes a number without sign and zig-zag, 7 bits a byte, low bits first.
pub fn write_unsigned(out: &mut impl BufMut, value: u64) {
    let mut bytes = [0; VARINT_BYTES_MAX];
    let len = encode_unsigned(value, &mut bytes);
    out.put_slice(&bytes[..len]);
}

/// Puts a number without sign at the front of `bytes`, which have room for the longest; says how
/// many it took.
pub fn encode_unsigned(mut value: u64, bytes: &mut [u8]) -> usize {
    let mut len = 0;
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    len + 1
}

/// Takes a number of 32 bits from the front; `None` if it is cut or longer than 5 bytes.
pub fn read_varint(bytes: &mut &[u8]) -> Option<i32> {
    let value = u32::try_from(read_unsigned(bytes, 5)?).ok()?;
    Some((value >> 1) as i32 ^ -((value & 1) as i32))
}

/// Takes a number of 64 bits from the front; `None` if it is cut or longer than 10 bytes.
pub fn read_varlong(bytes: &mut &[u8]) -> Option<i64> {
    let value = read_unsigned(bytes, 10)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Takes a number without sign from the front; `None` if it is cut or longer than `bytes_max`.
pub fn read_unsigned(bytes: &mut &[u8], bytes_max: usize) -> Option<u64> {
    // Most fit in one byte.
    if let Some((&byte, rest)) = bytes.split_first()
        && byte < 0x80
    {
        *bytes = rest;
        return Some(u64::from(byte));
    }
    let mut value = 0_u64;
    for index in 0..bytes_max {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Bytes that [`write_varint`] needs.
pub fn varint_bytes(value: i32) -> usize {
    unsigned_bytes(u64::from(zigzag32(value)))
}

/// Bytes that [`write_varlong`] needs.
pub fn varlong_bytes(value: i64) -> usize {
    unsigned_bytes(zigzag64(value))
}

/// A number of 32 bits with its sign in the lowest bit.
pub fn zigzag32(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)) as u32
}

/// A number of 64 bits with its sign in the lowest bit.
pub fn zigzag64(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unsigned_bytes(value: u64) -> usize {
    // Bits over 7, rounded up, for up to 64 bits.
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_reads_back_and_is_foretold() {
        for shift in 0..63 {
            for value in [1_i64 << shift, -(1 << shift), (1 << shift) - 1] {
                let mut bytes = Vec::new();
                write_varlong(&mut bytes, value);
                assert_eq!(bytes.len(), varlong_bytes(value));
                assert_eq!(read_varlong(&mut &bytes[..]), Some(value));
            }
        }
    }

    #[test]
    fn a_cut_or_endless_number_is_refused() {
        assert_eq!(read_varint(&mut &[0x80][..]), None);
        assert_eq!(read_varint(&mut &[0xff; 6][..]), None);
        assert_eq!(read_varlong(&mut &[0xff; 11][..]), None);
    }
}
