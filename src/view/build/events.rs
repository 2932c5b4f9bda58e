//! Events as lines without a language: a name and fields as text.

use super::super::frame::EventLine;
use crate::lab::Event;
use serde_json::Value;

/// At most so many elements of a list are told; the rest is counted.
const LIST_MAX: usize = 12;

/// An event as the page lists it.
pub fn event_line(event: &Event) -> EventLine {
    let fields = match event.to_json() {
        Value::Object(fields) => fields,
        _ => Default::default(),
    };
    let own = fields.into_iter().filter(|(name, _)| !matches!(&**name, "t_us" | "event" | "by"));
    EventLine {
        number: event.number,
        at_us: event.at.micros(),
        name: event.name().to_owned(),
        by: event.by.to_string(),
        fields: own.flat_map(|(name, value)| field(name, &value)).collect(),
    }
}

/// A field as text. A partition is written as the tools write it, and a list also has its length,
/// under the name with `_count`.
fn field(name: String, value: &Value) -> Vec<(String, String)> {
    match value {
        Value::Array(list) => {
            let shown: Vec<String> = list.iter().take(LIST_MAX).map(text).collect();
            let more = if list.len() > LIST_MAX { ", ..." } else { "" };
            let count = (format!("{name}_count"), list.len().to_string());
            vec![(name, format!("{}{more}", shown.join(", "))), count]
        }
        other => vec![(name, text(other))],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Object(object) => match (object.get("topic"), object.get("partition")) {
            (Some(Value::String(topic)), Some(partition)) => format!("{topic}-{partition}"),
            _ => object.values().map(text).collect::<Vec<_>>().join(" "),
        },
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}
