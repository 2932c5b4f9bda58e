use super::changes::datetime;
use super::*;
use crate::shell::lexer::Word;

fn group(
    state: &str,
    members: Vec<MemberDescription>,
    offsets: Vec<GroupOffset>,
) -> GroupDescription {
    let (group, assignor) = ("g".into(), "range".into());
    GroupDescription {
        group,
        is_modern: false,
        shows_lag: false,
        generation: 1,
        state: state.into(),
        assignor,
        coordinator: 1,
        members,
        offsets,
    }
}

#[test]
fn offsets_are_the_table_of_the_tool() {
    let partition = |number| TopicPartition::new("orders", number);
    let member = MemberDescription {
        instance: None,
        epoch: None,
        target: None,
        member: "c-1b9d".into(),
        client: "c".into(),
        assignment: vec![partition(0)],
    };
    let rows = vec![
        GroupOffset {
            partition: partition(1),
            committed: None,
            epoch: None,
            done: 0,
            end: 3,
            member: None,
        },
        GroupOffset {
            partition: partition(0),
            committed: Some(2),
            epoch: Some(4),
            done: 0,
            end: 5,
            member: Some("c-1b9d".into()),
        },
    ];
    let expected = [
        "",
        "GROUP           TOPIC           PARTITION  CURRENT-OFFSET  LOG-END-OFFSET  LAG             \
         CONSUMER-ID     HOST            CLIENT-ID",
        "g               orders          0          2               5               3               \
         c-1b9d          /127.0.0.1      c",
        "g               orders          1          -               3               -               \
         -               -               -",
    ];
    assert_eq!(offsets(&group("Stable", vec![member], rows), false), expected);
}

#[test]
fn an_empty_group_has_no_active_members() {
    let lines = offsets(&group("Empty", vec![], vec![]), false);
    assert_eq!(lines, ["", "Consumer group 'g' has no active members."]);
    let lines = state(&group("Stable", vec![], vec![]), false);
    let expected =
        "g               localhost:9092  (1)       range                Stable               0";
    assert_eq!(lines[2], expected);
}

#[test]
fn datetimes_count_from_the_beginning_of_the_lab() {
    let read = |text: &str| {
        let place = crate::shell::error::Place { line: 1, column: 1 };
        datetime(&Word { text: text.into(), place, quoted: false })
    };
    assert_eq!(read("1970-01-01T00:00:05.250"), Ok(5_250));
    assert_eq!(read("1970-03-01T00:01:00"), Ok(59 * 86_400_000 + 60_000));
    assert_eq!(read("2024-02-29T12:00:00.000Z"), Ok(1_709_208_000_000));
    assert!(read("yesterday").is_err());
    assert!(read("1970-13-01T00:00:00").is_err());
}
