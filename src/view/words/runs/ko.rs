//! Korean.

use super::Runs;

pub(super) const TEXTS: Runs = Runs {
    tab: "두 실행 비교",
    lead: "시드와 명령과 시각은 같고, 명령 하나만 다릅니다.",
    line: "기록된 명령",
    knob: "다르게 할 것",
    value: "값",
    none: "다르게 해 볼 수 있는 명령이 아직 없습니다.",
    first_run: "첫 번째 실행",
    second_run: "두 번째 실행",
    parts_at: "{time}에 처음 달라집니다",
    same_so_far: "지금까지는 두 실행이 같습니다.",
    jump: "달라지는 곳으로 가기",
    end: "비교 끝내기",
    nothing_there: "이때 아무 일도 없습니다.",
    two_runs: "두 실행에서 메시지가 어떻게 되었나",
    kafka_first: "Kafka, 첫 번째",
    kafka_second: "Kafka, 두 번째",
    rabbit_first: "RabbitMQ, 첫 번째",
    rabbit_second: "RabbitMQ, 두 번째",
    dotted: "점선: 두 번째 실행",
    of_second: "{name}, 두 번째 실행",
    key_part: "두 실행이 달라지는 곳으로 가기",
    bet_drawn: "내 예측과 실제",
    bet_was: "내 예측 {value}",
    bet_came: "실제 {value}",
    newer: "이 페이지의 새 버전이 준비되었습니다.",
    memory_full: "저장되지 않는 실습실이 메모리에 {bytes}를 담고 있어 더 담을 수 없습니다. 새 실습실을 시작하거나, 저장할 수 있는 곳에서 이 페이지를 여세요.",
};
