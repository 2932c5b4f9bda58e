//! Keys and values in events: most are never looked at, so their text is made when somebody does.

use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::fmt;

/// Bytes of a record that are shown as text: a window on the batch, read only when somebody looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Text(pub Bytes);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(&self.0))
    }
}
