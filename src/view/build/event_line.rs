//! An event with its fields as text.

use crate::lab::Event;
use crate::view::frame::EventLine;
use serde_json::Value;

/// So many of a list are named; the count says how many there are.
const LIST_MAX: usize = 3;

/// An event as the page gets it. Lists are cut to their first few, and `count` says how long they
/// were.
pub fn event_line(event: &Event) -> EventLine {
    let mut fields = Vec::new();
    if let Value::Object(object) = event.to_json() {
        let own = object.iter().filter(|(name, _)| !matches!(&***name, "t_us" | "event" | "by"));
        for (name, value) in own {
            if let Value::Array(list) = value {
                let of = if name == "messages" { "message" } else { name };
                let shown = list.iter().take(LIST_MAX).map(|value| text(of, value));
                let mut shown = shown.collect::<Vec<_>>().join(", ");
                if list.len() > LIST_MAX {
                    shown += ", …";
                }
                fields.push((name.clone(), shown));
                fields.push(("count".to_owned(), list.len().to_string()));
            } else {
                fields.push((name.clone(), text(name, value)));
            }
        }
        let offset = |name: &str| object.get(name).and_then(Value::as_i64);
        if let (Some(first), Some(last)) = (offset("base_offset"), offset("last_offset")) {
            fields.push(("count".to_owned(), (last - first + 1).to_string()));
        }
    }
    EventLine {
        number: event.number,
        at_us: event.at.micros(),
        name: event.name().to_owned(),
        by: event.by.to_string(),
        fields,
    }
}

fn text(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if name == "message" => format!("m{number}"),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        // A partition with the offset that was asked for.
        Value::Array(pair) => {
            pair.iter().map(|value| text(name, value)).collect::<Vec<_>>().join("@")
        }
        Value::Object(object) => match (object.get("topic"), object.get("partition")) {
            (Some(Value::String(topic)), Some(partition)) => format!("{topic}-{partition}"),
            // Errors: Kafka's have a name, AMQP's a code and a text.
            _ => match (object.get("name"), object.get("code"), object.get("text")) {
                (Some(Value::String(name)), _, _) => name.clone(),
                (_, Some(code), Some(Value::String(text))) => format!("{code} {text}"),
                _ => value.to_string(),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::event::{Event as Kafka, TopicPartition};
    use crate::lab::event::{Moment, What};
    use crate::sim::{MessageId, Time};

    #[test]
    fn fields_are_text() {
        let event = Event {
            number: 4,
            at: Time::from_micros(9),
            before: Moment::default(),
            by: "ck".into(),
            what: What::Kafka(Kafka::Fetched {
                client: "ck".into(),
                partition: TopicPartition::new("orders", 2),
                offset: 7,
                messages: (0..5).map(MessageId).collect(),
            }),
        };
        let line = event_line(&event);
        let field = |name: &str| {
            line.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(line.name, "kafka.fetched");
        assert_eq!(field("partition"), Some("orders-2"));
        assert_eq!(field("messages"), Some("m0, m1, m2, …"));
        assert_eq!(field("count"), Some("5"));
        assert_eq!(field("offset"), Some("7"));
    }
}
