//! Facts and figures in the reader's language. Names of the real systems stay as they are.

use super::words::Language;
use super::words::bytes;
use super::words::fact::Fact;

/// The name of a fact or figure.
pub fn fact_name(name: &str, language: Language) -> String {
    let t = Fact::of(language);
    // "position t-0" has its partition behind it.
    let (head, rest) = name.split_once(' ').unwrap_or((name, ""));
    let known = match (name, head) {
        ("held bytes", _) => return t.held_bytes.to_owned(),
        ("leader epoch", _) => return t.leader_epoch.to_owned(),
        (_, "partition") => t.partition,
        (_, "offset") => t.offset,
        (_, "broker") => t.broker,
        (_, "consumer") => t.consumer,
        (_, "consumers") => t.consumers,
        (_, "group") => t.group,
        (_, "exchange") => t.exchange,
        (_, "routing_key") => t.routing_key,
        (_, "queue") => t.queue,
        (_, "queues") => t.queues,
        (_, "position") if rest.is_empty() => t.place_in_queue,
        (_, "position") => t.position,
        (_, "batch") => t.batch,
        (_, "high_watermark") => t.high_watermark,
        (_, "delivery_tag") => t.delivery_tag,
        (_, "redelivered") => t.redelivered,
        (_, "delay") => t.delay,
        (_, "reason") => t.reason,
        (_, "producer") => t.producer,
        (_, "key") => t.key,
        (_, "got") => t.got,
        (_, "done") => t.done,
        (_, "held") => t.held,
        (_, "unacked") => t.unacked,
        (_, "type") => t.kind,
        (_, "durable") => t.durable,
        (_, "binding") => t.binding,
        (_, "members") => t.members,
        (_, "memory") => t.memory,
        (_, "prefetch") => t.prefetch,
        _ => return name.to_owned(),
    };
    match rest {
        "" => known.to_owned(),
        rest => [known, " ", rest].concat(),
    }
}

/// The value of a fact or figure.
pub fn fact_value(name: &str, value: &str, language: Language) -> String {
    let t = Fact::of(language);
    if let ("held bytes" | "memory", Ok(count @ 1..)) = (name, value.parse()) {
        return bytes(count);
    }
    let known = match (name, value) {
        ("exchange", "") => t.default_exchange,
        (_, "true") => t.yes,
        (_, "false") => t.no,
        (_, "-" | "") => t.none,
        (_, "the consumer has not asked for it yet") => t.not_asked,
        (_, "it is not below the high watermark yet") => t.not_visible,
        (_, "the queue has no consumer") => t.no_consumer,
        (_, "no consumer has a free prefetch slot") => t.no_slot,
        (_, "it came back and is delayed") => t.delayed,
        ("reason", "returned") => t.returned,
        ("reason", "dropped" | "unroutable") => t.dropped,
        ("reason", "rejected") => t.rejected,
        ("reason", "purged") => t.purged,
        ("reason", "auto_ack") => t.auto_ack,
        ("reason", "got") => t.taken,
        ("reason", "not_recovered") => t.not_recovered,
        ("reason", "not_mirrored") => t.not_mirrored,
        ("reason", "queue_deleted") => t.queue_deleted,
        _ => return value.to_owned(),
    };
    known.to_owned()
}

/// A fact as it stands in a line: its name and value, or the reason alone.
pub fn fact(name: &str, value: &str, language: Language) -> String {
    let text = fact_value(name, value, language);
    match name {
        "reason" => text,
        name => [&*fact_name(name, language), " ", &text].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_in_the_language_and_theirs_are_not() {
        let korean = |name: &str, value: &str| fact(name, value, Language::Korean);
        assert_eq!(korean("offset", "12"), "오프셋 12");
        assert_eq!(korean("position t-0", "3"), "위치 t-0 3");
        assert_eq!(korean("reason", "the queue has no consumer"), "큐에 컨슈머가 없음");
        assert_eq!(korean("messages_ready", "3"), "messages_ready 3");
        assert_eq!(korean("exchange", ""), "익스체인지 (기본)");
        assert_eq!(fact("redelivered", "false", Language::English), "redelivered no");
    }

    #[test]
    fn every_reason_of_a_passport_has_words() {
        let source = include_str!("../lab/passport.rs");
        for reason in [
            "the consumer has not asked for it yet",
            "it is not below the high watermark yet",
            "the queue has no consumer",
            "no consumer has a free prefetch slot",
            "it came back and is delayed",
        ] {
            assert!(source.contains(reason), "{reason} is said in other words now");
        }
    }
}
