//! The records of `__transaction_state`: key version 0, value version 1 (`TransactionLogKey`,
//! `TransactionLogValue`). A value is in the flexible encoding: lengths are unsigned varints, one
//! larger than they are, and the version of the transactions is a tagged field.

use super::state::{State, Transaction};
use crate::kafka::event::TopicPartition;
use crate::kafka::record::flexible::{Reader, put_text, put_uvarint};
use crate::ordered::BTreeSet;
use crate::sim::Span;
use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

const KEY_VERSION: i16 = 0;
const VALUE_VERSION: i16 = 1;
/// The tag of `ClientTransactionVersion`, and the version that is spoken.
const CLIENT_VERSION: (u32, i16) = (2, 2);

/// The key of a transactional id.
pub fn encode_key(id: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + id.len());
    out.put_i16(KEY_VERSION);
    out.put_i16(id.len() as i16);
    out.put_slice(id.as_bytes());
    out.freeze()
}

/// Reads a key.
pub fn decode_key(bytes: &[u8]) -> Option<&str> {
    let (head, id) = bytes.split_first_chunk::<4>()?;
    let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let is_key = i16::from_be_bytes([head[0], head[1]]) == KEY_VERSION;
    std::str::from_utf8(id.get(..len)?).ok().filter(|_| is_key)
}

/// The value of a transactional id.
pub fn encode_value(transaction: &Transaction) -> Bytes {
    let mut out = BytesMut::with_capacity(64);
    out.put_i16(VALUE_VERSION);
    out.put_i64(transaction.producer_id);
    out.put_i16(transaction.epoch);
    out.put_i32(transaction.timeout.as_millis() as i32);
    out.put_i8(transaction.state as i8);
    let mut topics: Vec<(&Rc<str>, Vec<i32>)> = Vec::new();
    for tp in &transaction.partitions {
        match topics.last_mut() {
            Some((topic, partitions)) if **topic == tp.topic => partitions.push(tp.partition),
            _ => topics.push((&tp.topic, vec![tp.partition])),
        }
    }
    put_uvarint(&mut out, topics.len() as u32 + 1);
    for (topic, partitions) in topics {
        put_text(&mut out, Some(topic));
        put_uvarint(&mut out, partitions.len() as u32 + 1);
        partitions.iter().for_each(|partition| out.put_i32(*partition));
        out.put_u8(0);
    }
    out.put_i64(transaction.updated_ms);
    out.put_i64(transaction.started_ms);
    let (tag, version) = CLIENT_VERSION;
    put_uvarint(&mut out, 1);
    put_uvarint(&mut out, tag);
    put_uvarint(&mut out, 2);
    out.put_i16(version);
    out.freeze()
}

/// Reads a value.
pub fn decode_value(bytes: &[u8]) -> Option<Transaction> {
    let mut from = Reader(bytes);
    if i16::from_be_bytes(from.take()?) != VALUE_VERSION {
        return None;
    }
    let producer_id = i64::from_be_bytes(from.take()?);
    let epoch = i16::from_be_bytes(from.take()?);
    let timeout = Span::millis(u32::from_be_bytes(from.take()?).into());
    let state = State::of(i8::from_be_bytes(from.take()?))?;
    let mut partitions = BTreeSet::new();
    for _ in 1..from.uvarint()? {
        let topic: Rc<str> = from.text()?.into();
        for _ in 1..from.uvarint()? {
            let partition = i32::from_be_bytes(from.take()?);
            partitions.insert(TopicPartition { topic: topic.clone(), partition });
        }
        let [_tags] = from.take()?;
    }
    let updated_ms = i64::from_be_bytes(from.take()?);
    let started_ms = i64::from_be_bytes(from.take()?);
    Some(Transaction { producer_id, epoch, timeout, state, partitions, started_ms, updated_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_comes_back_from_its_record() {
        let mut transaction = Transaction::new(258, Span::millis(60_000), 7);
        let fresh = encode_value(&transaction);
        // Version 1, producer id 258, epoch 0, 60000 ms, Empty, no partitions, then the times, and
        // one tagged field: 2, of 2 bytes, with 2 in it.
        assert_eq!(fresh[..12], [0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0]);
        assert_eq!(fresh[12..18], [0, 0, 0xea, 0x60, 0, 1]);
        assert_eq!(fresh[34..], [1, 2, 2, 0, 2]);
        assert_eq!(decode_value(&fresh), Some(transaction.clone()));
        transaction.state = State::PrepareAbort;
        transaction.partitions.extend(
            [("a", 0), ("a", 3), ("b", 1)]
                .map(|(topic, partition)| TopicPartition::new(topic, partition)),
        );
        assert_eq!(decode_value(&encode_value(&transaction)), Some(transaction));
        assert_eq!(decode_key(&encode_key("app")), Some("app"));
        assert_eq!(decode_key(&[0, 1, 0, 0]), None, "another version");
    }
}
