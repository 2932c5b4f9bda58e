//! The lessons that there are, in the order of the curriculum.

/// A lesson in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id: the name of its files, `www/lessons/en/ID.md` and `www/lessons/ko/ID.md`.
    pub id: &'static str,
    /// Its title in English.
    pub title_english: &'static str,
    /// Its title in Korean.
    pub title_korean: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its place in the curriculum.
    pub order: u32,
    /// Minutes it takes.
    pub minutes: u32,
}

/// All lessons.
pub const LESSONS: [Entry; 12] = [
    Entry {
        id: "first-message",
        title_english: "First message",
        title_korean: "첫 메시지",
        unit: "A",
        order: 1,
        minutes: 3,
    },
    Entry {
        id: "steering-wheel",
        title_english: "Push and pull: who holds the steering wheel",
        title_korean: "푸시와 풀: 운전대는 누가 잡나",
        unit: "A",
        order: 2,
        minutes: 4,
    },
    Entry {
        id: "ack-or-retain",
        title_english: "Acknowledge and delete, or retain",
        title_korean: "확인하면 삭제, 아니면 보존",
        unit: "A",
        order: 3,
        minutes: 3,
    },
    Entry {
        id: "consumer-group",
        title_english: "One idea for both: the consumer group",
        title_korean: "두 모델을 합친 컨슈머 그룹",
        unit: "A",
        order: 4,
        minutes: 4,
    },
    Entry {
        id: "key-to-partition",
        title_english: "From key to partition",
        title_korean: "키는 어느 파티션으로",
        unit: "B",
        order: 5,
        minutes: 4,
    },
    Entry {
        id: "order",
        title_english: "Order, and where it ends",
        title_korean: "순서는 어디까지",
        unit: "B",
        order: 6,
        minutes: 4,
    },
    Entry {
        id: "group-rules",
        title_english: "Partitions and consumers",
        title_korean: "파티션과 컨슈머의 수",
        unit: "C",
        order: 7,
        minutes: 3,
    },
    Entry {
        id: "overload",
        title_english: "The slow consumer: where does it pile up",
        title_korean: "느린 컨슈머: 어디에 쌓이나",
        unit: "C",
        order: 8,
        minutes: 5,
    },
    Entry {
        id: "place-replicas",
        title_english: "Three brokers, four partitions, two copies",
        title_korean: "브로커 3대, 파티션 4개, 복제 팩터 2",
        unit: "D",
        order: 9,
        minutes: 4,
    },
    Entry {
        id: "leader-dies",
        title_english: "The leader dies",
        title_korean: "리더가 죽으면",
        unit: "D",
        order: 10,
        minutes: 4,
    },
    Entry {
        id: "acks",
        title_english: "acks 0, 1, all: how far to trust it",
        title_korean: "acks 0·1·all: 어디까지 믿을까",
        unit: "D",
        order: 11,
        minutes: 4,
    },
    Entry {
        id: "rewind",
        title_english: "Seven days, and back again",
        title_korean: "7일 보존과 되감기",
        unit: "E",
        order: 12,
        minutes: 3,
    },
];

impl Entry {
    /// Where the page finds it in a language, as JSON.
    pub fn address(&self, language: &str) -> String {
        ["lessons/", language, "/", self.id, ".json"].concat()
    }

    /// Its title in a language; English for one that is not known.
    pub fn title(&self, language: &str) -> &'static str {
        match language {
            "ko" => self.title_korean,
            _ => self.title_english,
        }
    }
}

/// The lesson with this id.
pub fn find(id: &str) -> Option<&'static Entry> {
    LESSONS.iter().find(|lesson| lesson.id == id)
}

/// The lesson after this one.
pub fn next(id: &str) -> Option<&'static Entry> {
    let at = LESSONS.iter().position(|lesson| lesson.id == id)?;
    LESSONS.get(at + 1)
}
