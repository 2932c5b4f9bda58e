//! Vectors of mirrored classic queues: each as a play in the lab's own language.

use super::cluster::{confirm_took, play};
use pushpull::lab::event::What;
use pushpull::rabbit::event::Event;
use serde_json::Value;

/// Three nodes whose links take 1 ms, and a queue on the first that the others mirror.
const MIRRORED: &str = "
    lab new --kafka-brokers 1 --rabbit-nodes 3 --rabbit 3.11 --cost lesson
    rabbitmqctl set_policy ha '^q' '{\"ha-mode\": \"all\"}'
    rabbitmqadmin declare queue --name q
    run 1s
";

/// A confirm is there when a publish has gone to the master (1 ms), from there to a mirror and back
/// (2), and the confirm to the client (1); with one slow mirror after that one, though the other
/// has it for long. A persistent one is written on all three nodes before.
pub fn confirmed_by_all() -> Result<(), String> {
    for (slow, mode) in [(false, 1), (true, 1), (false, 2), (true, 2)] {
        let mut script = MIRRORED.to_owned();
        if slow {
            script += "net slow rabbit-1 rabbit-3 --latency 100ms\n";
        }
        script += &format!(
            "producer p --rabbit /q --count 1 --set host=rabbit-1 --set delivery_mode={mode}
            run 2s
            = ledger.rabbit.acknowledged == 1"
        );
        let timeline = play(&script)?;
        let took = confirm_took(&timeline)?;
        if (took == 4) == slow || slow && took < 202 {
            return Err(format!("slow {slow}, mode {mode}: the confirm took {took} ms"));
        }
        let events: Vec<_> = timeline.session().events().since(0).collect();
        let is =
            |what: &What, name: &str| matches!(what, What::Rabbit(event) if event.name() == name);
        let confirmed = events.iter().position(|event| is(&event.what, "rabbit.confirmed"));
        let before = &events[..confirmed.ok_or("it was not confirmed")?];
        let written = |event: &What| matches!(event, What::Rabbit(Event::Written { .. }));
        let written = before.iter().filter(|event| written(&event.what)).count();
        if written != if mode == 2 { 3 } else { 0 } {
            return Err(format!("mode {mode}: written {written} times before the confirm"));
        }
    }
    Ok(())
}

/// Each release has mirrored queues, or refuses policies for them.
pub fn releases(entry: &Value) -> Result<(), String> {
    let values = entry["values"].as_object().ok_or("values are by release")?;
    for (version, what) in values {
        let refused = match what.as_str() {
            Some("yes") => "",
            Some("removed") => "! ",
            other => return Err(format!("nobody knows what {other:?} is")),
        };
        play(&format!(
            "lab new --kafka-brokers 1 --rabbit-nodes 3 --rabbit {version} --cost lesson
            {refused}rabbitmqctl set_policy ha '^q' '{{\"ha-mode\": \"all\"}}'"
        ))?;
    }
    play(&format!(
        "{MIRRORED}
        producer p --rabbit /q --count 10 --set host=rabbit-2
        run 1s
        node rabbit-1 crash
        run 5s
        = rabbit.queue(q).node == \"rabbit-2\" && rabbit.queue(q).ready == 10"
    ))
    .map(drop)
}
