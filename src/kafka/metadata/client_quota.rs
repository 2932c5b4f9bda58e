//! Quotas of clients in the metadata log (ClientQuotaRecord, 14): whose, which, and how much.
//!
//! Whose: of a `client.id`, of a user, or of a user's clients with one `client.id` (KIP-13, KIP-55,
//! KIP-546); each side may be the default, which holds for those that have none of their own.
//!
//! Simplified: as nobody is authenticated, every client is of the user `ANONYMOUS`.

use super::records::{MetadataRecord, Resource, put_text, take, take_text};
use crate::kafka::record::varint::{read_unsigned, write_unsigned};
use bytes::{BufMut, BytesMut};

/// Time that requests may take at each broker, in percent of one processor (KIP-124).
pub const REQUEST_PERCENTAGE: &str = "request_percentage";

/// The quotas that there are here: bytes a second of each broker, and time.
pub const NAMES: [&str; 3] = ["producer_byte_rate", "consumer_byte_rate", REQUEST_PERCENTAGE];

/// What quotas are given to: a `client.id`.
pub const CLIENT_ID: &str = "client-id";
/// Or a user.
pub const USER: &str = "user";

/// The user that every client is.
pub const PRINCIPAL: &str = "ANONYMOUS";

/// One side of whom a quota is given to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// All that have none of their own.
    Default,
    /// The one of this name.
    Named(String),
}

impl Whose {
    /// The name, if it is not the default.
    pub fn name(&self) -> Option<&str> {
        match self {
            Whose::Default => None,
            Whose::Named(name) => Some(name),
        }
    }

    /// How near it is to a name: 0 if it is that, 1 if it is the default.
    fn distance(&self, name: &str) -> Option<u8> {
        match self {
            Whose::Default => Some(1),
            Whose::Named(own) => (own == name).then_some(0),
        }
    }
}

/// Whom a quota is given to: a user, a `client.id`, or both together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuotaEntity {
    /// The user, if it is one's.
    pub user: Option<Whose>,
    /// The `client.id`, if it is one's.
    pub client: Option<Whose>,
}

/// Which clients count together, by the quota that holds for them
/// (`DefaultQuotaCallback.quotaMetricTags`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Those of one user with one `client.id`.
    Pair,
    /// Those of one user.
    User,
    /// Those with one `client.id`, of whatever user.
    Client,
}

impl QuotaEntity {
    /// The places at which it is looked for, from 0; `None` if it does not hold for this client.
    /// User and client, user and default client, user; the same three of the default user; client,
    /// default client (`ClientQuotaManager`).
    pub fn rank_for(&self, user: &str, client: &str) -> Option<u8> {
        match (&self.user, &self.client) {
            (Some(of), Some(with)) => Some(3 * of.distance(user)? + with.distance(client)?),
            (Some(of), None) => Some(3 * of.distance(user)? + 2),
            (None, Some(with)) => Some(6 + with.distance(client)?),
            (None, None) => None,
        }
    }

    /// Which clients count together.
    pub fn share(&self) -> Share {
        match (&self.user, &self.client) {
            (Some(_), Some(_)) => Share::Pair,
            (Some(_), None) => Share::User,
            (None, _) => Share::Client,
        }
    }

    /// Its sides with their types, in the order of the record.
    pub fn sides(&self) -> impl Iterator<Item = (&'static str, &Whose)> {
        let client = self.client.iter().map(|whose| (CLIENT_ID, whose));
        client.chain(self.user.iter().map(|whose| (USER, whose)))
    }
}

pub(super) fn encode(out: &mut BytesMut, of: &QuotaEntity, name: &str, value: Option<&str>) {
    write_unsigned(out, 1 + of.sides().count() as u64);
    for (kind, whose) in of.sides() {
        put_text(out, kind);
        match whose.name() {
            Some(of) => put_text(out, of),
            None => write_unsigned(out, 0),
        }
        write_unsigned(out, 0);
    }
    put_text(out, name);
    out.put_f64(value.and_then(|value| value.parse().ok()).unwrap_or(0.0));
    out.put_u8(u8::from(value.is_none()));
    write_unsigned(out, 0);
}

pub(super) fn decode(bytes: &mut &[u8]) -> Option<MetadataRecord> {
    let mut entity = QuotaEntity::default();
    for _ in 1..read_unsigned(bytes, 5)? {
        let (kind, of) = (take_text(bytes)??, take_text(bytes)?);
        let _fields = read_unsigned(bytes, 5)?;
        let whose = Some(of.map_or(Whose::Default, Whose::Named));
        match &*kind {
            USER => entity.user = whose,
            CLIENT_ID => entity.client = whose,
            _ => return None,
        }
    }
    let name = take_text(bytes)??;
    let value = f64::from_be_bytes(take(bytes)?);
    let [removes] = take(bytes)?;
    let value = (removes == 0).then(|| java_double(value));
    Some(MetadataRecord::Config { resource: Resource::Quota(entity), name, value })
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
    fn the_nearest_quota_is_looked_for_first() {
        let sides = |name: &str| match name {
            "" => None,
            "*" => Some(Whose::Default),
            name => Some(Whose::Named(name.to_owned())),
        };
        let rank = |(user, client): (&str, &str)| {
            QuotaEntity { user: sides(user), client: sides(client) }.rank_for("u", "c")
        };
        let pairs = [("u", "c"), ("u", "*"), ("u", ""), ("*", "c"), ("*", "*"), ("*", "")];
        let order = pairs.into_iter().chain([("", "c"), ("", "*")]);
        assert_eq!(order.filter_map(rank).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7]);
        for other in [("v", "c"), ("u", "d"), ("v", ""), ("*", "d"), ("", "d"), ("", "")] {
            assert_eq!(rank(other), None);
        }
    }

    #[test]
    fn numbers_are_printed_as_java_prints_them() {
        // Double.toString(...) of each.
        assert_eq!(java_double(1024.0), "1024.0");
        assert_eq!(java_double(0.5), "0.5");
        assert_eq!(java_double(10_485_760.0), "1.048576E7");
        assert_eq!(java_double(20_000_000.0), "2.0E7");
    }
}
