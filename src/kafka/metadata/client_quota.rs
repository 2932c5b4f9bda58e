//! Quotas of clients in the metadata log (ClientQuotaRecord, 14): whose, which, and how much.
//!
//! Simplified: clients are named by their `client.id` or by their user, never by both; as nobody
//! is authenticated, every client is of the user `ANONYMOUS`.

use super::records::{MetadataRecord, Resource, put_text, take, take_text};
use crate::kafka::record::varint::{read_unsigned, write_unsigned};
use bytes::{BufMut, BytesMut};

/// The quotas that there are here: bytes a second of each broker.
pub const NAMES: [&str; 2] = ["producer_byte_rate", "consumer_byte_rate"];

/// What quotas are given to: a `client.id`.
pub const CLIENT_ID: &str = "client-id";
/// Or a user.
pub const USER: &str = "user";

/// The user that every client is.
pub const PRINCIPAL: &str = "ANONYMOUS";

pub(super) fn encode(
    out: &mut BytesMut,
    (kind, of): (&str, Option<&str>),
    name: &str,
    value: Option<&str>,
) {
    write_unsigned(out, 2); // one entity
    put_text(out, kind);
    match of {
        Some(of) => put_text(out, of),
        None => write_unsigned(out, 0),
    }
    write_unsigned(out, 0);
    put_text(out, name);
    out.put_f64(value.and_then(|value| value.parse().ok()).unwrap_or(0.0));
    out.put_u8(u8::from(value.is_none()));
    write_unsigned(out, 0);
}

pub(super) fn decode(bytes: &mut &[u8]) -> Option<MetadataRecord> {
    let _entities = read_unsigned(bytes, 5)?;
    let (kind, of) = (take_text(bytes)??, take_text(bytes)?);
    let _fields = read_unsigned(bytes, 5)?;
    let name = take_text(bytes)??;
    let value = f64::from_be_bytes(take(bytes)?);
    let [removes] = take(bytes)?;
    let value = (removes == 0).then(|| java_double(value));
    let resource = if kind == USER { Resource::User(of) } else { Resource::Client(of) };
    Some(MetadataRecord::Config { resource, name, value })
}

/// A number as Java prints a `double`.
pub fn java_double(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{number:?}");
    }
    // At least one digit behind the point.
    let text = format!("{number:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_java_prints_them() {
        // Double.toString(...) of each.
        assert_eq!(java_double(1024.0), "1024.0");
        assert_eq!(java_double(0.5), "0.5");
        assert_eq!(java_double(10_485_760.0), "1.048576E7");
        assert_eq!(java_double(20_000_000.0), "2.0E7");
    }
}
