//! What is known of a selected thing: figures and settings by their real names, files, stages,
//! and the last events that concern it.

use super::super::frame::{EventLine, Inspector, Selection, StageLine};
use super::super::scene::Place;
use super::events::event_line;
use crate::lab::Session;
use crate::lab::ledger::{Stage, StageKind};
use crate::lab::state;
use crate::sim::{MessageId, Node, NodeId, World};
use serde_json::Value;

/// The last events of a thing that are shown.
const EVENTS_MAX: usize = 20;

/// How far back they are looked for.
const EVENTS_BACK: usize = 20_000;

/// What is known of a selected thing; `None` if it is not there (any more).
pub fn inspector(session: &Session, selection: &Selection) -> Option<Inspector> {
    let mut found = Inspector {
        selection: selection.clone(),
        figures: Vec::new(),
        settings: Vec::new(),
        files: Vec::new(),
        stages: Vec::new(),
        events: Vec::new(),
    };
    let words: Vec<String> = match selection {
        Selection::Message(number) => {
            let passport = session.passport(MessageId(*number)).ok()?;
            found.figures.push(("producer".into(), passport.producer.clone()));
            found.figures.extend(passport.key.clone().map(|key| ("key".into(), key)));
            let kafka = passport.kafka.iter().map(|stage| stage_line(true, stage));
            let rabbit = passport.rabbit.iter().map(|stage| stage_line(false, stage));
            found.stages = kafka.chain(rabbit).collect();
            return Some(found);
        }
        Selection::Group(group) => {
            found.figures = figures(&session.state_group(group)?);
            vec![group.clone()]
        }
        Selection::Place(place) => {
            let (words, about) = place_of(session, place, &mut found)?;
            found.figures = figures(&about);
            words
        }
    };
    found.events = events_of(session, &words);
    Some(found)
}

/// The words by which events name a place, and its figures.
fn place_of(
    session: &Session,
    place: &Place,
    found: &mut Inspector,
) -> Option<(Vec<String>, Value)> {
    let client = |name: &str, found: &mut Inspector| {
        let about = session.state_client(name)?;
        if let Some(id) = session.kafka.world.id(name) {
            found
                .settings
                .extend(spec_settings(&serde_json::to_value(session.kafka.spec(id)).ok()?));
        }
        if let Some(id) = session.rabbit.world.id(name) {
            found
                .settings
                .extend(spec_settings(&serde_json::to_value(session.rabbit.spec(id)).ok()?));
        }
        Some((vec![name.to_owned()], about))
    };
    match place {
        Place::Producer(name) | Place::KafkaConsumer(name) | Place::RabbitConsumer(name) => {
            client(name, found)
        }
        Place::Broker(name) => {
            let id = session.kafka.world.id(name)?;
            found.files = files(&session.kafka.world, id);
            let about = session.state_kafka()["brokers"].get(name)?.clone();
            Some((vec![name.clone()], about))
        }
        Place::RabbitNode(name) => {
            let id = session.rabbit.world.id(name)?;
            found.files = files(&session.rabbit.world, id);
            let about = session.state_rabbit()["nodes"].get(name)?.clone();
            Some((vec![name.clone()], about))
        }
        Place::Partition(topic, index) => {
            let about = session.state_topic(topic)?["partitions"].get(*index as usize)?.clone();
            let directory = format!("{topic}-{index}");
            for id in session.kafka.world.ids() {
                let prefix = format!("{directory}/");
                let all = files(&session.kafka.world, id).into_iter();
                found.files.extend(all.filter(|(name, ..)| name.starts_with(&prefix)));
            }
            Some((vec![directory], about))
        }
        Place::Exchange(name) => {
            let about = session.state_rabbit()["exchanges"].get(name)?.clone();
            Some((vec![name.clone()], about))
        }
        Place::Queue(name) => {
            for id in session.rabbit.world.ids() {
                let part = format!("/{name}/");
                let all = files(&session.rabbit.world, id).into_iter();
                found.files.extend(all.filter(|(file, ..)| file.contains(&part)));
            }
            Some((vec![name.clone()], session.state_queue(name)?))
        }
        Place::Tool => None,
    }
}

fn files<N: Node>(world: &World<N>, id: NodeId) -> Vec<(String, u64, u64)> {
    let all = world.disk(id).iter();
    all.map(|(name, file)| (name.to_owned(), file.len(), file.flushed_len())).collect()
}

/// The fields of a part of the state, flat.
fn figures(about: &Value) -> Vec<(String, String)> {
    fn add(prefix: &str, value: &Value, flat: &mut Vec<(String, String)>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    let name =
                        if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    add(&name, value, flat);
                }
            }
            Value::Array(list) => {
                let all: Vec<String> = list.iter().map(state::plain).collect();
                flat.push((prefix.to_owned(), all.join(", ")));
            }
            Value::Null => {}
            other => flat.push((prefix.to_owned(), state::plain(other))),
        }
    }
    let mut flat = Vec::new();
    add("", about, &mut flat);
    flat
}

/// The settings that a configuration names; each was set by somebody.
fn spec_settings(spec: &Value) -> Vec<(String, String, bool)> {
    let inner = spec.as_object().and_then(|variant| variant.values().next());
    let settings = inner.and_then(|inner| inner.get("settings")).and_then(Value::as_object);
    let all = settings.into_iter().flatten();
    all.map(|(name, value)| (name.clone(), state::plain(value), false)).collect()
}

fn events_of(session: &Session, words: &[String]) -> Vec<EventLine> {
    let recent = session.events().newest_first().take(EVENTS_BACK);
    let concerning = recent.map(|event| event_line(event)).filter(|line| {
        words
            .iter()
            .any(|word| line.by == *word || line.fields.iter().any(|(_, value)| value == word))
    });
    concerning.take(EVENTS_MAX).collect()
}

fn stage_line(kafka: bool, stage: &Stage) -> StageLine {
    StageLine {
        kafka,
        at_us: stage.at.map(|at| at.micros()),
        stage: stage_name(stage.what).to_owned(),
        facts: stage
            .facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    }
}

fn stage_name(stage: StageKind) -> &'static str {
    match stage {
        StageKind::Sent => "sent",
        StageKind::Partitioned => "partitioned",
        StageKind::Appended => "appended",
        StageKind::Visible => "visible",
        StageKind::Acknowledged => "acknowledged",
        StageKind::Routed => "routed",
        StageKind::Enqueued => "enqueued",
        StageKind::Pushed => "pushed",
        StageKind::Delivered => "delivered",
        StageKind::ProcessingStarted => "processing_started",
        StageKind::Processed => "processed",
        StageKind::Removed => "removed",
        StageKind::Committed => "committed",
        StageKind::Requeued => "requeued",
        StageKind::Dropped => "dropped",
        StageKind::Waiting => "waiting",
    }
}
