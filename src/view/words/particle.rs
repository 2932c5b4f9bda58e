//! Korean particles: which form follows a word depends on how its last letter is read.

/// The kinds of particles that have two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Particle {
    /// 이/가.
    Subject,
    /// 을/를.
    Object,
    /// 은/는.
    Topic,
    /// 으로/로.
    Toward,
    /// 과/와.
    With,
}

impl Particle {
    /// The kind that a marker in a text names.
    pub fn named(marker: &str) -> Option<Particle> {
        Some(match marker {
            "이/가" => Particle::Subject,
            "을/를" => Particle::Object,
            "은/는" => Particle::Topic,
            "으로/로" => Particle::Toward,
            "과/와" => Particle::With,
            _ => return None,
        })
    }
}

/// The consonant at the end of a word as it is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Vowel,
    Rieul,
    Consonant,
}

/// Words that are not read letter by letter.
const KNOWN: [(&str, Ending); 14] = [
    ("Kafka", Ending::Vowel),
    ("RabbitMQ", Ending::Vowel),
    ("ZooKeeper", Ending::Vowel),
    ("KRaft", Ending::Vowel),
    ("ActiveMQ", Ending::Vowel),
    ("ack", Ending::Consonant),
    ("nack", Ending::Consonant),
    ("fetch", Ending::Vowel),
    ("prefetch", Ending::Vowel),
    ("jobs", Ending::Vowel),
    ("orders", Ending::Vowel),
    ("payments", Ending::Vowel),
    ("lab", Ending::Consonant),
    ("quiet", Ending::Consonant),
];

/// A word of so many letters is read letter by letter; a longer one in lower case as a word, and
/// nobody can tell how.
const SPELLED_MAX: usize = 2;

/// The particle that follows a text; `None` if nobody can tell how the text is read. Then the
/// sentence has to do without.
pub fn particle(text: &str, kind: Particle) -> Option<&'static str> {
    let ending = ending(text)?;
    let closed = ending != Ending::Vowel;
    Some(match kind {
        Particle::Subject if closed => "이",
        Particle::Subject => "가",
        Particle::Object if closed => "을",
        Particle::Object => "를",
        Particle::Topic if closed => "은",
        Particle::Topic => "는",
        Particle::Toward if ending == Ending::Consonant => "으로",
        Particle::Toward => "로",
        Particle::With if closed => "과",
        Particle::With => "와",
    })
}

fn ending(text: &str) -> Option<Ending> {
    let word = text.trim_end().rsplit([' ', '`', '"', '\'']).find(|part| !part.is_empty())?;
    if let Some((_, ending)) = KNOWN.iter().find(|(known, _)| *known == word) {
        return Some(*ending);
    }
    let last = word.chars().rev().find(|c| c.is_alphanumeric())?;
    match last {
        '가'..='힣' => Some(match (last as u32 - '가' as u32) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        }),
        // 일, 칠, 팔 end in ㄹ; 영, 삼, 육 and 십, 백, 천, 만 in another consonant.
        '1' | '7' | '8' => Some(Ending::Rieul),
        '0' | '3' | '6' => Some(Ending::Consonant),
        '2' | '4' | '5' | '9' => Some(Ending::Vowel),
        _ => letter(word, last),
    }
}

fn letter(word: &str, last: char) -> Option<Ending> {
    let run: Vec<char> = word.chars().rev().take_while(|c| c.is_ascii_alphabetic()).collect();
    let spelled = run.len() <= SPELLED_MAX || run.iter().all(char::is_ascii_uppercase);
    if !spelled || !last.is_ascii_alphabetic() {
        return None;
    }
    Some(match last.to_ascii_uppercase() {
        'L' | 'R' => Ending::Rieul,
        'M' | 'N' => Ending::Consonant,
        _ => Ending::Vowel,
    })
}

#[cfg(test)]
mod tests {
    use super::{Particle, particle};

    const KINDS: [Particle; 5] =
        [Particle::Subject, Particle::Object, Particle::Topic, Particle::Toward, Particle::With];

    fn check(text: &str, wanted: [&str; 5]) {
        for (kind, wanted) in KINDS.into_iter().zip(wanted) {
            let last = text.rsplit(' ').next().unwrap_or_default();
            let found = format!("{last}{}", particle(text, kind).unwrap_or(":"));
            assert_eq!(found, wanted, "{text}, {kind:?}");
        }
    }

    #[test]
    fn the_vectors_hold() {
        check("파티션", ["파티션이", "파티션을", "파티션은", "파티션으로", "파티션과"]);
        check("컨슈머 C1", ["C1이", "C1을", "C1은", "C1로", "C1과"]);
        check("컨슈머 C2", ["C2가", "C2를", "C2는", "C2로", "C2와"]);
        check("오프셋 10", ["10이", "10을", "10은", "10으로", "10과"]);
        check("오프셋 7", ["7이", "7을", "7은", "7로", "7과"]);
        check("RabbitMQ", ["RabbitMQ가", "RabbitMQ를", "RabbitMQ는", "RabbitMQ로", "RabbitMQ와"]);
        check("ISR", ["ISR이", "ISR을", "ISR은", "ISR로", "ISR과"]);
        check("채널", ["채널이", "채널을", "채널은", "채널로", "채널과"]);
    }

    #[test]
    fn words_of_the_table_are_read_as_words() {
        check("Kafka", ["Kafka가", "Kafka를", "Kafka는", "Kafka로", "Kafka와"]);
        check("HW", ["HW가", "HW를", "HW는", "HW로", "HW와"]);
        check("LEO", ["LEO가", "LEO를", "LEO는", "LEO로", "LEO와"]);
        check("DLQ", ["DLQ가", "DLQ를", "DLQ는", "DLQ로", "DLQ와"]);
        check("ack", ["ack이", "ack을", "ack은", "ack으로", "ack과"]);
        check("KRaft", ["KRaft가", "KRaft를", "KRaft는", "KRaft로", "KRaft와"]);
    }

    #[test]
    fn names_of_the_lab_are_read_letter_by_letter() {
        check("cr", ["cr이", "cr을", "cr은", "cr로", "cr과"]);
        check("ck", ["ck가", "ck를", "ck는", "ck로", "ck와"]);
        check("m12", ["m12가", "m12를", "m12는", "m12로", "m12와"]);
        check("kafka-1", ["kafka-1이", "kafka-1을", "kafka-1은", "kafka-1로", "kafka-1과"]);
        check("1,000", ["1,000이", "1,000을", "1,000은", "1,000으로", "1,000과"]);
        check("3.2초", ["3.2초가", "3.2초를", "3.2초는", "3.2초로", "3.2초와"]);
    }

    #[test]
    fn nobody_can_tell_how_a_long_name_is_read() {
        assert_eq!(particle("order-worker", Particle::Subject), None);
        assert_eq!(particle("", Particle::Subject), None);
        assert_eq!(particle("...", Particle::Object), None);
    }
}
