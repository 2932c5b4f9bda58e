//! What a WebAssembly module need not carry to a visitor: the names of its functions, which are a
//! sixth of it. They are for a person with a profiler; a panic says its file and line without them.
//!
//! A module is a head of eight bytes, then sections: one byte of kind, the length as LEB128, the
//! content; the content of a custom section (kind 0) begins with its name.
//! <https://webassembly.github.io/spec/core/binary/modules.html>

use crate::Failure;

/// The bytes before the first section: the magic word and the version.
const HEAD: &[u8] = b"\0asm\x01\0\0\0";

/// Custom sections that are for tools only.
const FOR_TOOLS: [&[u8]; 2] = [b"name", b"producers"];

/// The module without the sections that are for tools only.
pub fn without_names(module: &[u8]) -> Result<Vec<u8>, Failure> {
    if !module.starts_with(HEAD) {
        return Err("this is no WebAssembly module of version 1.".to_string());
    }
    let mut slim = HEAD.to_vec();
    let mut at = HEAD.len();
    while at < module.len() {
        let (length, content) = number(module, at + 1)?;
        let end = content.checked_add(length).filter(|end| *end <= module.len());
        let end = end.ok_or_else(|| {
            format!("the section at byte {at} has {length} bytes, more than the module.")
        })?;
        let is_for_tools = module[at] == 0 && {
            let (length, name) = number(module, content)?;
            let name = module.get(name..name.saturating_add(length)).unwrap_or_default();
            FOR_TOOLS.contains(&name)
        };
        if !is_for_tools {
            slim.extend_from_slice(&module[at..end]);
        }
        at = end;
    }
    Ok(slim)
}

/// An unsigned LEB128 number of at most 32 bits, and where the byte after it is.
fn number(module: &[u8], start: usize) -> Result<(usize, usize), Failure> {
    let mut value = 0;
    for (place, byte) in module.iter().skip(start).take(5).enumerate() {
        value |= (*byte as usize & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok((value, start + place + 1));
        }
    }
    Err(format!("a length was expected at byte {start}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A section of a kind, with its length before its content.
    fn section(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[kind, content.len() as u8], content].concat()
    }

    #[test]
    fn names_go_and_the_rest_stays_as_it_is() {
        let types = section(1, &[0]);
        let features = section(0, b"\x0ftarget_features\x00");
        let names = section(0, b"\x04name\x01\x02\x01\x00");
        let module = [HEAD, &types, &names, &features].concat();
        assert_eq!(without_names(&module), Ok([HEAD, &types, &features].concat()));
    }

    #[test]
    fn a_length_of_more_than_a_byte_is_read() {
        let long = [&[1, 0x80, 0x01][..], &[7; 128]].concat();
        let module = [HEAD, &long].concat();
        assert_eq!(without_names(&module), Ok(module.clone()));
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        let module = [HEAD, &[1, 9, 0]].concat();
        assert_eq!(
            without_names(&module),
            Err("the section at byte 8 has 9 bytes, more than the module.".to_string())
        );
        assert!(without_names(b"<!doctype html>").is_err());
        assert!(without_names(&[HEAD, &[1]].concat()).is_err());
    }
}
