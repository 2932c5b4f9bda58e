//! The starting worlds of the free lab: each shows one thing that is worth a look, and runs on.

use super::words::Language;

/// A starting world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    /// Its id.
    pub id: &'static str,
    /// Its name in English and Korean.
    pub name: [&'static str; 2],
    /// What to look at, in English and Korean.
    pub about: [&'static str; 2],
    /// The lines that make it.
    pub script: &'static str,
}

impl World {
    /// Its name.
    pub fn name(&self, language: Language) -> &'static str {
        self.name[place(language)]
    }

    /// What to look at.
    pub fn about(&self, language: Language) -> &'static str {
        self.about[place(language)]
    }
}

fn place(language: Language) -> usize {
    match language {
        Language::English => 0,
        Language::Korean => 1,
    }
}

const fn world(
    id: &'static str,
    name: [&'static str; 2],
    about: [&'static str; 2],
    script: &'static str,
) -> World {
    World { id, name, about, script }
}

/// All of them.
pub const WORLDS: [World; 6] = [
    world(
        "slow-consumer",
        ["Slow consumers", "느린 컨슈머"],
        [
            "More comes in than is done. Where does it wait? Change the prefetch, add consumers.",
            "처리보다 빨리 들어옵니다. 어디서 기다릴까요? 프리페치를 바꾸고 컨슈머를 늘려 보세요.",
        ],
        "\
lab new --kafka-brokers 1 --cost lesson
kafka-topics --create --topic orders --partitions 2
rabbitmqadmin declare queue --name orders
consumer ck --kafka orders --group shop --process 200ms
consumer cr --rabbit orders --prefetch 10 --process 200ms
run 8s
producer shop --kafka orders --rabbit /orders --rate 20/s --keys user-1..user-6
run 5s
",
    ),
    world(
        "broker-failure",
        ["A broker fails", "브로커 장애"],
        [
            "Broker 1 has just crashed. Watch who leads now, and start it again.",
            "브로커 1이 방금 강제 종료되었습니다. 이제 누가 리더인지 보고, 다시 시작해 보세요.",
        ],
        "\
lab new --cost lesson
kafka-topics --create --topic orders --replica-assignment 1:2:3,2:3:1,3:1:2 --config min.insync.replicas=2
rabbitmqadmin declare queue --name orders --type quorum
consumer ck --kafka orders --group shop --process 20ms
consumer cr --rabbit orders --prefetch 20 --process 20ms
run 8s
producer shop --kafka orders --rabbit /orders --rate 20/s --keys user-1..user-6
run 3s
node kafka-1 crash
run 3s
",
    ),
    world(
        "fan-out",
        ["Everybody gets it", "모두에게 보내기"],
        [
            "One event, three readers: three groups of one log, three queues of one exchange.",
            "이벤트 하나를 셋이 읽습니다. Kafka는 로그 하나에 그룹 셋, RabbitMQ는 익스체인지 하나에 큐 셋입니다.",
        ],
        "\
lab new --kafka-brokers 1 --cost lesson
kafka-topics --create --topic news --partitions 1
rabbitmqadmin declare exchange --name news --type fanout
rabbitmqadmin declare queue --name mail
rabbitmqadmin declare queue --name search
rabbitmqadmin declare queue --name stats
rabbitmqadmin declare binding --source news --destination mail --destination-type queue
rabbitmqadmin declare binding --source news --destination search --destination-type queue
rabbitmqadmin declare binding --source news --destination stats --destination-type queue
consumer mail-k --kafka news --group mail --process 50ms
consumer search-k --kafka news --group search --process 100ms
consumer stats-k --kafka news --group stats --process 400ms
consumer mail-r --rabbit mail --prefetch 5 --process 50ms
consumer search-r --rabbit search --prefetch 5 --process 100ms
consumer stats-r --rabbit stats --prefetch 5 --process 400ms
run 8s
producer editor --kafka news --rabbit news --rate 4/s
run 5s
",
    ),
    world(
        "hot-key",
        ["A hot key", "한쪽으로 쏠린 키"],
        [
            "Most messages have one key, so one partition has most of the work. A queue does not care.",
            "메시지 대부분의 키가 같아서 한 파티션에 일이 몰립니다. 큐는 키를 보지 않습니다.",
        ],
        "\
lab new --kafka-brokers 1 --cost lesson
kafka-topics --create --topic orders --partitions 4
rabbitmqadmin declare queue --name orders
consumer c1 --kafka orders --group shop --process 100ms
consumer c2 --kafka orders --group shop --process 100ms
consumer c3 --kafka orders --group shop --process 100ms
consumer c4 --kafka orders --group shop --process 100ms
consumer w1 --rabbit orders --prefetch 1 --process 100ms
consumer w2 --rabbit orders --prefetch 1 --process 100ms
consumer w3 --rabbit orders --prefetch 1 --process 100ms
consumer w4 --rabbit orders --prefetch 1 --process 100ms
run 8s
producer shop --kafka orders --rabbit /orders --rate 25/s --keys star,star,star,star,user-1,user-2,user-3,user-4
run 5s
",
    ),
    world(
        "poison-message",
        ["A message that always fails", "계속 실패하는 메시지"],
        [
            "The worker fails on message m4 each time. After three returns it goes to the queue dead.",
            "작업자가 메시지 m4를 처리할 때마다 실패합니다. 세 번 되돌아온 뒤에는 dead 큐로 갑니다.",
        ],
        "\
lab new --kafka-brokers 1 --cost lesson
rabbitmqadmin declare queue --name dead
rabbitmqadmin declare queue --name jobs --type quorum --arguments '{\"x-delivery-limit\": 3, \"x-dead-letter-exchange\": \"\", \"x-dead-letter-routing-key\": \"dead\"}'
kafka-topics --create --topic jobs --partitions 1
consumer ck --kafka jobs --group work --process 300ms
consumer cr --rabbit jobs --prefetch 1 --process 300ms --on-error requeue --set fail=m4
run 8s
producer p --kafka jobs --rabbit /jobs --rate 2/s --count 40
run 4s
",
    ),
    world(
        "traffic-spike",
        ["A spike of traffic", "트래픽 급증"],
        [
            "Ten a second, then five hundred at once. How long until both sides have caught up?",
            "초당 10개씩 오다가 500개가 한꺼번에 옵니다. 양쪽이 따라잡는 데 얼마나 걸릴까요?",
        ],
        "\
lab new --kafka-brokers 1 --cost lesson
kafka-topics --create --topic orders --partitions 3
rabbitmqadmin declare queue --name orders
consumer ck --kafka orders --group shop --process 20ms
consumer cr --rabbit orders --prefetch 20 --process 20ms
run 8s
producer calm --kafka orders --rabbit /orders --rate 10/s --keys user-1..user-6
run 5s
producer spike --kafka orders --rabbit /orders --count 500 --keys user-1..user-6
run 2s
",
    ),
];
