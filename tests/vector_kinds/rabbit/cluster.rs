//! Vectors of several nodes: each as a play in the lab's own language.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::lab::event::What;
use pushpull::rabbit::command::Closes;
use pushpull::rabbit::event::Event;
use serde_json::Value;

/// Three nodes whose links take 1 ms, and a quorum queue with three members, led by the first.
const QUORUM: &str = "
    lab new --kafka-brokers 1 --rabbit-nodes 3 --cost lesson
    rabbitmqadmin declare queue --name q --type quorum
    = rabbit.queue(q).leader == \"rabbit-1\" && size(rabbit.queue(q).members) == 3
";

/// Checks one entry.
pub fn entry(entry: &Value) -> Result<(), String> {
    match entry["id"].as_str().unwrap_or_default() {
        id if id.starts_with("fault-tolerance") => fault_tolerance(entry),
        "cluster-01" => minority_does_not_confirm(),
        "cluster-02" => minority_does_not_consume(),
        "cluster-03" => minority_does_not_get(),
        "cluster-04" => a_follower_is_not_missed(),
        "cluster-05" => leader_lost(),
        "cluster-08" => home_is_down(),
        "cluster-10" => another_hop(),
        "cluster-11" => client_local(),
        "cluster-13" => pause_minority("4.2"),
        "cluster-15" => ignore(),
        "cluster-17" => one_side_confirms(),
        "cluster-18" => goes_on("4.3", "pause_minority"),
        id => Err(format!("nobody knows how to check {id}")),
    }
}

/// A script beside one Kafka broker, and what it came to.
pub fn play(lines: &str) -> Result<Timeline, String> {
    let spec = LabSpec { kafka_brokers: 1, controllers: 0, ..LabSpec::default() };
    crate::play::play(&spec, lines)
}

/// The errors that clients were told, each with what it closed.
fn errors(timeline: &Timeline) -> Vec<(u16, Closes, String)> {
    let all = timeline.session().events().since(0).filter_map(|event| match &event.what {
        What::Rabbit(Event::ClientError { error, .. }) => {
            Some((error.code, error.closes, error.text.clone()))
        }
        _ => None,
    });
    all.collect()
}

fn told(timeline: &Timeline, code: u16, closes: Closes, words: &str) -> Result<(), String> {
    let errors = errors(timeline);
    let fits = |(its, what, text): &(u16, Closes, String)| {
        (*its, *what) == (code, closes) && text.contains(words)
    };
    match errors.iter().any(fits) {
        true => Ok(()),
        false => Err(format!("{code} {words:?} was not told: {errors:?}")),
    }
}

/// So many members may fail: with as many stopped a publish is confirmed, with one more it is not.
fn fault_tolerance(entry: &Value) -> Result<(), String> {
    let number = |name: &str| entry[name].as_u64().ok_or(format!("{name} is a number"));
    let (members, may_fail) = (number("members")?, number("may_fail")?);
    if number("majority")? + may_fail != members {
        return Err("the numbers do not fit each other".to_owned());
    }
    let mut script = format!(
        "lab new --kafka-brokers 1 --rabbit-nodes {members} --cost lesson
         rabbitmqadmin declare queue --name q --type quorum --arguments \
         '{{\"x-quorum-initial-group-size\": {members}}}'
         = size(rabbit.queue(q).members) == {members} || {members} == 1\n"
    );
    for node in 0..may_fail {
        script += &format!("node rabbit-{} crash\n", members - node);
    }
    script += "producer p --rabbit /q --count 1
               run 10s
               = ledger.rabbit.acknowledged == 1\n";
    // One that is alone has nobody to be missed by.
    if members > 1 {
        let last = members - may_fail;
        script += &format!(
            "node rabbit-{last} crash
             producer again --rabbit /q --count 1
             run 60s
             = ledger.rabbit.acknowledged == 1\n"
        );
    }
    play(&script).map(drop)
}

pub fn minority_does_not_confirm() -> Result<(), String> {
    play(&format!(
        "{QUORUM}
        producer p --rabbit /q --count 10 --rate 10/s
        run 2s
        = ledger.rabbit.acknowledged == 10
        node rabbit-2 crash
        node rabbit-3 crash
        producer p --rabbit /q --count 5 --rate 10/s
        run 60s
        = ledger.rabbit.acknowledged == 10
        node rabbit-2 start
        run 60s
        = ledger.rabbit.acknowledged == 15 && rabbit.queue(q).ready == 15
        = ledger.rabbit.lost == 0"
    ))
    .map(drop)
}

fn minority_does_not_consume() -> Result<(), String> {
    let timeline = play(&format!(
        "{QUORUM}
        node rabbit-2 stop
        node rabbit-3 stop
        consumer c --rabbit q
        run 40s
        = count(\"rabbit.client_error\") == 1"
    ))?;
    let words = "INTERNAL_ERROR - failed consuming from quorum queue 'q' in vhost '/'";
    told(&timeline, 541, Closes::Connection, words)
}

fn minority_does_not_get() -> Result<(), String> {
    play(&format!(
        "{QUORUM}
        rabbitmqadmin publish message --exchange '' --routing-key q --payload x
        node rabbit-2 stop
        node rabbit-3 stop
        ! rabbitmqadmin get messages --queue q
        node rabbit-3 start
        run 5s
        rabbitmqadmin get messages --queue q"
    ))
    .map(drop)
}

fn a_follower_is_not_missed() -> Result<(), String> {
    play(&format!(
        "{QUORUM}
        consumer c --rabbit q --prefetch 10 --process 1ms
        producer p --rabbit /q --count 100 --rate 100/s
        run 500ms
        node rabbit-3 stop
        run 600ms
        = ledger.rabbit.acknowledged == 100 && ledger.rabbit.processed == 100
        = ledger.rabbit.duplicated == 0 && count(\"rabbit.leader_elected\") == 1"
    ))
    .map(drop)
}

/// The leader's node, with a consumer on it, crashes or is stopped.
pub fn leader_lost() -> Result<(), String> {
    for how in ["crash", "stop"] {
        play(&format!(
            "{QUORUM}
            consumer c --rabbit q --prefetch 5 --process 200ms --set host=rabbit-1,rabbit-2
            producer p --rabbit /q --count 20 --rate 100/s --set host=rabbit-2
            run 300ms
            = rabbit.queue(q).unacked == 5
            node rabbit-1 {how}
            run 1100ms
            = count(\"rabbit.leader_elected\") == 2 && rabbit.queue(q).leader != \"rabbit-1\"
            = ledger.rabbit.acknowledged == 20
            = rabbit.queue(q).unacked == 0 && rabbit.queue(q).ready >= 18
            run 20s
            = ledger.rabbit.processed == 20 && ledger.rabbit.lost == 0
            = count(\"rabbit.requeued\") == 5 && ledger.rabbit.duplicated >= 1"
        ))?;
    }
    Ok(())
}

/// A durable classic queue on the third node.
const CLASSIC: &str = "
    lab new --kafka-brokers 1 --rabbit-nodes 3 --cost lesson
    rabbitmqadmin declare queue --name other
    rabbitmqadmin declare queue --name q --arguments '{\"x-queue-leader-locator\": \"balanced\"}'
    rabbitmqadmin declare queue --name r --arguments '{\"x-queue-leader-locator\": \"balanced\"}'
    = rabbit.queue(q).node == \"rabbit-2\" && rabbit.queue(r).node == \"rabbit-3\"
";

pub fn home_is_down() -> Result<(), String> {
    let words = "NOT_FOUND - home node 'rabbit@rabbit-2' of durable queue 'q' in vhost '/' is down \
                 or inaccessible";
    let timeline = play(&format!(
        "{CLASSIC}
        producer p --rabbit /q --count 3 --set host=rabbit-1
        producer t --rabbit /q --count 2 --set host=rabbit-1 --set delivery_mode=1
        run 1s
        = rabbit.queue(q).ready == 5
        consumer c --rabbit q --prefetch 1 --process 1h --set host=rabbit-1
        run 1s
        = rabbit.queue(q).unacked == 1
        node rabbit-2 crash
        run 1s
        = rabbit.queue(q).state == \"down\"
        ! rabbitmqadmin declare queue --name q
        ! rabbitmqadmin get messages --queue q
        ! rabbitmqadmin purge queue --name q
        ! rabbitmqadmin delete queue --name q
        run 10s
        client c crash
        node rabbit-2 start
        run 10s
        = rabbit.queue(q).state == \"running\" && rabbit.queue(q).ready == 3
        rabbitmqadmin get messages --queue q"
    ))?;
    // The consumer was cancelled, and came again while the node was down.
    told(&timeline, 404, Closes::Channel, words)
}

/// One way takes 1 ms: by the node of the queue a confirm of a transient message is there after
/// 2 ms, by another node after 4 ms.
fn another_hop() -> Result<(), String> {
    for (host, is_late) in [("rabbit-2", false), ("rabbit-1", true)] {
        let timeline = play(&format!(
            "{CLASSIC}
            producer p --rabbit /q --count 1 --rate 10/s --set delivery_mode=1 --set host={host}
            run 1s
            = ledger.rabbit.acknowledged == 1"
        ))?;
        let took = confirm_took(&timeline)?;
        let wanted = if is_late { 4 } else { 2 };
        if took != wanted {
            return Err(format!("by {host} the confirm took {took} ms, not {wanted}"));
        }
    }
    Ok(())
}

fn client_local() -> Result<(), String> {
    play(
        "lab new --kafka-brokers 1 --rabbit-nodes 3 --cost lesson
        rabbitmqadmin --host rabbit-2 declare queue --name q --type quorum
        rabbitmqadmin --host rabbit-2 declare queue --name c
        = rabbit.queue(q).leader == \"rabbit-2\" && rabbit.queue(c).node == \"rabbit-2\"",
    )
    .map(drop)
}

/// A cut of three nodes into one and two, with a client on either side.
fn cut(version: &str, handling: &str) -> String {
    format!(
        "lab new --kafka-brokers 1 --rabbit-nodes 3 --cost lesson --rabbit {version} \
         --set cluster_partition_handling={handling}
        rabbitmqadmin --host rabbit-3 declare queue --name here
        rabbitmqadmin --host rabbit-1 declare queue --name there
        consumer alone --rabbit here --set host=rabbit-3
        consumer two --rabbit there --set host=rabbit-1
        producer p3 --rabbit /here --rate 1/s --set host=rabbit-3
        producer p1 --rabbit /there --rate 1/s --set host=rabbit-1
        run 10s
        net partition rabbit-3,alone,p3 rabbit-1,rabbit-2,two,p1
        run 90s
        = count(\"rabbit.node_down\") >= 3\n"
    )
}

fn pause_minority(version: &str) -> Result<(), String> {
    let script = cut(version, "pause_minority");
    play(&format!(
        "{script}
        = count(\"rabbit.node_paused\") == 1
        = client(alone).held == 0 && client(two).status == \"running\"
        ! rabbitmqctl --node rabbit@rabbit-3 status
        rabbitmqctl --node rabbit@rabbit-1 status
        net heal
        run 20s
        rabbitmqctl --node rabbit@rabbit-3 status
        = count(\"rabbit.node_started\") == 4 && rabbit.queue(here).state == \"running\""
    ))
    .map(drop)
}

fn goes_on(version: &str, handling: &str) -> Result<(), String> {
    let script = cut(version, handling);
    play(&format!(
        "{script}
        = count(\"rabbit.node_paused\") == 0
        = ledger.rabbit.processed >= 190
        net heal
        run 60s
        = count(\"rabbit.node_up\") >= 3 && count(\"rabbit.node_started\") == 3"
    ))
    .map(drop)
}

fn ignore() -> Result<(), String> {
    goes_on("4.2", "ignore")
}

/// What each release makes of the setting.
pub fn handling(entry: &Value) -> Result<(), String> {
    let values = entry["values"].as_object().ok_or("values are by release")?;
    for (version, what) in values {
        match what.as_str() {
            Some("used") => pause_minority(version)?,
            Some("ignored") => goes_on(version, "pause_minority")?,
            other => return Err(format!("nobody knows what {other:?} is")),
        }
    }
    Ok(())
}

/// Two of three members are stopped, and one comes back; in another run the leader is killed.
pub fn majority() -> Result<(), String> {
    minority_does_not_confirm()?;
    minority_does_not_consume()?;
    minority_does_not_get()?;
    leader_lost()
}

/// One way takes 1 ms and a flush nothing: a confirm is there when a publish has gone to the
/// leader (1), from there to a follower and back (2), and the confirm back to the client (1). With
/// one follower that is slow the other is enough; with both slow it takes at
/// least as long as they do.
pub fn confirmed_by_two(kind: &str) -> Result<(), String> {
    for (slow, is_late) in [(0, false), (1, false), (2, true)] {
        let mut script = QUORUM.replace("quorum", kind);
        for node in 0..slow {
            script += &format!("net slow rabbit-1 rabbit-{} --latency 100ms\n", node + 2);
        }
        script += "producer p --rabbit /q --count 1 --set host=rabbit-1
            run 2s
            = ledger.rabbit.acknowledged == 1";
        let took = confirm_took(&play(&script)?)?;
        if (took == 4) == is_late || is_late && took < 202 {
            return Err(format!("{slow} slow: the confirm took {took} ms"));
        }
    }
    Ok(())
}

/// Milliseconds from the first publish to the first confirm.
pub fn confirm_took(timeline: &Timeline) -> Result<u64, String> {
    let at = |name: &str| {
        let mut all = timeline.session().events().since(0);
        let is = |what: &What| matches!(what, What::Rabbit(event) if event.name() == name);
        all.find(|event| is(&event.what)).map(|event| event.at)
    };
    let published = at("rabbit.published").ok_or("it was not published")?;
    let confirmed = at("rabbit.confirmed").ok_or("it was not confirmed")?;
    Ok(confirmed.since(published).as_millis())
}

/// The old leader is cut off with a client: what it publishes is not confirmed; the others elect a
/// leader and go on.
fn one_side_confirms() -> Result<(), String> {
    play(&format!(
        "{QUORUM}
        producer minority --rabbit /q --rate 10/s --set host=rabbit-1
        producer majority --rabbit /q --rate 10/s --set host=rabbit-2
        run 2s
        net partition rabbit-1,minority rabbit-2,rabbit-3,majority
        run 100ms
        = rabbit.queue(q).leader == \"rabbit-1\"
        run 20s
        = rabbit.queue(q).leader != \"rabbit-1\"
        = client(minority).done <= 21 && client(majority).done >= 80
        net heal
        client minority stop
        client majority stop
        run 30s
        = ledger.rabbit.lost == 0"
    ))
    .map(drop)
}
