//! The bank of misconceptions: beliefs that students have. A wrong answer that nobody would give
//! teaches nothing, so each stands for one of these.

/// A belief that is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misconception {
    /// Its id, as lessons name it.
    pub id: &'static str,
    /// The belief, in English.
    pub english: &'static str,
    /// The belief, in Korean.
    pub korean: &'static str,
}

/// The misconception with this id.
pub fn find(id: &str) -> Option<&'static Misconception> {
    MISCONCEPTIONS.iter().find(|known| known.id == id)
}

const fn belief(id: &'static str, english: &'static str, korean: &'static str) -> Misconception {
    Misconception { id, english, korean }
}

/// All of them.
pub const MISCONCEPTIONS: [Misconception; 48] = [
    belief("kafka-pushes", "Kafka sends records to its consumers", "Kafka가 컨슈머에게 보내 준다"),
    belief(
        "push-no-brake",
        "push has no brake, the broker floods the consumer",
        "푸시는 무조건 밀어 넣는다",
    ),
    belief(
        "pull-polls-in-vain",
        "pull means asking in vain all the time",
        "풀은 계속 헛질문을 한다",
    ),
    belief(
        "pull-cures-slowness",
        "a slow consumer is no problem with pull",
        "풀 방식이면 느려도 괜찮다",
    ),
    belief(
        "reading-deletes",
        "reading a record removes it from the log",
        "읽으면 메시지가 사라진다",
    ),
    belief(
        "replay-from-queue",
        "a new consumer of a queue sees the old messages",
        "새 컨슈머도 지난 메시지를 받는다",
    ),
    belief(
        "members-all-get-all",
        "every member of a group gets every record",
        "그룹의 모든 컨슈머가 다 받는다",
    ),
    belief(
        "groups-compete",
        "two groups split the records between them",
        "그룹끼리 메시지를 나눠 갖는다",
    ),
    belief("groups-copy", "each group has its own copy stored", "그룹마다 메시지가 복사된다"),
    belief("one-group-one-topic", "a group reads exactly one topic", "그룹은 토픽 하나만 읽는다"),
    belief(
        "round-robin-default",
        "without a key, records go round robin",
        "키가 없으면 라운드 로빈",
    ),
    belief("one-hash", "a key's partition is the same from every client", "해시는 어디서나 같다"),
    belief(
        "partitions-harmless",
        "adding partitions changes nothing for keys",
        "파티션을 늘려도 키는 그대로",
    ),
    belief("order-global", "a topic keeps the order of sending", "토픽 전체의 순서가 보장된다"),
    belief(
        "queue-orders-processing",
        "a queue keeps the order of processing",
        "큐는 처리 순서도 지킨다",
    ),
    belief(
        "offset-in-record",
        "a consumer's offset is stored with the record",
        "오프셋은 메시지에 표시된다",
    ),
    belief(
        "committed-is-last-read",
        "the committed offset is the last one read",
        "커밋 오프셋 = 마지막으로 읽은 것",
    ),
    belief(
        "commit-acks-one",
        "a commit acknowledges that one record",
        "커밋은 그 레코드 하나만 확인",
    ),
    belief(
        "commit-is-processed",
        "committed means processed (auto-commit is safe)",
        "커밋됨 = 처리됨",
    ),
    belief(
        "reset-every-start",
        "auto.offset.reset=earliest replays at each start",
        "재시작하면 처음부터 읽는다",
    ),
    belief("more-consumers-faster", "more consumers, more speed", "컨슈머를 늘리면 빨라진다"),
    belief("share-group-is-group", "a share group is a consumer group", "셰어 그룹 = 컨슈머 그룹"),
    belief(
        "takeover-at-once",
        "after a crash another member goes on at once",
        "죽으면 바로 이어받는다",
    ),
    belief("rebalance-loses", "records of a dead member are lost", "죽은 컨슈머의 메시지는 유실"),
    belief("prefetch-is-batch", "prefetch is the size of a batch", "프리페치 = 묶음 크기"),
    belief("prefetch-big-is-good", "the larger the prefetch the better", "프리페치는 클수록 좋다"),
    belief("batching-only-delays", "batching only adds delay", "배치는 지연만 늘린다"),
    belief("broker-full-drops", "a full broker drops messages silently", "꽉 차면 조용히 버린다"),
    belief(
        "rabbit-ram-only",
        "RabbitMQ keeps messages in memory only",
        "RabbitMQ는 메모리에만 저장",
    ),
    belief("disk-is-slow", "disk means slow, so Kafka must be slow", "디스크는 느리다"),
    belief("replication-is-backup", "replication protects against deletion", "복제 = 백업"),
    belief("followers-serve", "clients read from any replica", "팔로워에서도 읽는다"),
    belief(
        "rf2-survives-two",
        "replication factor 2 survives 2 failures",
        "복제 팩터 2면 2대까지 괜찮다",
    ),
    belief(
        "acks-all-every-replica",
        "acks=all waits for all replicas",
        "acks=all은 모든 복제본을 기다린다",
    ),
    belief("acks-all-never-loses", "acks=all loses nothing, ever", "acks=all이면 무손실"),
    belief("acks-1-default", "acks=1 is the default", "기본값은 acks=1"),
    belief(
        "slow-follower-leaves",
        "a slow follower leaves the ISR at once",
        "느리면 바로 ISR에서 빠진다",
    ),
    belief(
        "same-offset-same-record",
        "two replicas with the same length hold the same records",
        "길이가 같으면 내용도 같다",
    ),
    belief(
        "zookeeper-carries",
        "ZooKeeper carries messages, so Kafka stops without it",
        "주키퍼가 메시지를 나른다",
    ),
    belief("disk-is-durable", "written to disk means safe", "디스크에 쓰면 안전하다"),
    belief("durable-queue-enough", "a durable queue keeps its messages", "durable 큐면 충분하다"),
    belief(
        "new-broker-helps",
        "a new broker takes over load by itself",
        "브로커를 추가하면 저절로 나뉜다",
    ),
    belief(
        "retention-exact",
        "after 7 days a record is gone, to the minute",
        "7일이 지나면 바로 삭제",
    ),
    belief("kafka-routes", "Kafka's broker filters for consumers", "Kafka도 브로커가 걸러 준다"),
    belief("requeue-is-retry", "requeue is a safe retry", "되돌리면 알아서 재시도된다"),
    belief(
        "idempotent-for-ever",
        "an idempotent producer removes every duplicate",
        "멱등 프로듀서면 중복이 없다",
    ),
    belief(
        "exactly-once-switch",
        "exactly-once is a setting that covers everything",
        "정확히 한 번은 설정으로 된다",
    ),
    belief(
        "default-guarantee",
        "one of the two is exactly-once by default",
        "기본 보장은 정확히 한 번",
    ),
];
