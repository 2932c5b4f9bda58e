//! All that is known of one thing.

use super::event_line;
use crate::lab::Session;
use crate::lab::ledger::{SideReport, Stage, StageKind};
use crate::ordered::BTreeMap;
use crate::sim::{Disk, MessageId, NodeId};
use crate::view::frame::{EventLine, Inspector, MessageList, Selection, StageLine};
use crate::view::scene::Place;
use crate::{kafka, rabbit};

/// So many of the last events that concern it.
const EVENTS_MAX: usize = 12;

/// So far back they are looked for.
const EVENTS_SEARCHED: usize = 4_000;

/// What is known of the selected thing; `None` if it is not there (any more).
pub fn inspector(session: &Session, selection: &Selection) -> Option<Inspector> {
    let mut found = Inspector {
        selection: selection.clone(),
        figures: Vec::new(),
        settings: Vec::new(),
        files: Vec::new(),
        stages: Vec::new(),
        events: Vec::new(),
        lists: Vec::new(),
    };
    let subject = match selection {
        Selection::Message(number) => {
            let passport = session.passport(MessageId(*number)).ok()?;
            found.figures.push(("producer".into(), passport.producer));
            found.figures.push(("key".into(), passport.key.unwrap_or_else(|| "-".into())));
            found.stages.extend(passport.kafka.into_iter().map(|stage| stage_line(true, stage)));
            found.stages.extend(passport.rabbit.into_iter().map(|stage| stage_line(false, stage)));
            return Some(found);
        }
        Selection::Ledger => {
            let report = session.ledger().report();
            found.lists.extend(lists(true, &report.kafka));
            found.lists.extend(lists(false, &report.rabbit));
            return Some(found);
        }
        Selection::Group(group) => {
            let state = session.kafka.groups().into_iter().find(|state| state.id == *group)?;
            group_figures(&state, &mut found);
            group.clone()
        }
        Selection::Place(place) => about_place(session, place, &mut found)?,
    };
    found.events = events_about(session, &subject);
    Some(found)
}

/// The messages behind the numbers of a side that should be zero.
fn lists(kafka: bool, side: &SideReport) -> [MessageList; 3] {
    let list = |what: &str, messages: &[MessageId], count| MessageList {
        kafka,
        what: what.to_owned(),
        messages: messages.iter().map(|message| message.0).collect(),
        count,
    };
    [
        list("lost", &side.lost_list, side.lost),
        list("duplicated", &side.duplicated_list, side.duplicated),
        list("reordered", &side.reordered_list, side.reordered),
    ]
}

/// Fills in what is known of a place; gives the name by which events mention it.
fn about_place(session: &Session, place: &Place, found: &mut Inspector) -> Option<String> {
    let name = match place {
        Place::Producer(name) => {
            let kafka = session.kafka.world.id(name).inspect(|id| about_kafka(session, *id, found));
            let rabbit =
                session.rabbit.world.id(name).inspect(|id| about_rabbit(session, *id, found));
            kafka.map(|_| ()).or(rabbit.map(|_| ()))?;
            name
        }
        Place::Broker(name) | Place::KafkaConsumer(name) => {
            about_kafka(session, session.kafka.world.id(name)?, found);
            name
        }
        Place::RabbitNode(name) | Place::RabbitConsumer(name) => {
            about_rabbit(session, session.rabbit.world.id(name)?, found);
            name
        }
        Place::Partition(topic, index) => {
            let topics = session.kafka.topics();
            let state = topics
                .iter()
                .find(|state| state.name == *topic)?
                .partitions
                .iter()
                .find(|state| state.partition.partition == *index)?;
            partition_figures(state, found);
            let topic = topics.iter().find(|state| state.name == *topic)?;
            let own = topic.settings.iter();
            found.settings.extend(own.map(|(name, value)| (name.clone(), value.clone(), false)));
            return Some(state.partition.to_string());
        }
        Place::Queue(name) => {
            let queues = session.rabbit.queues();
            queue_figures(queues.iter().find(|state| state.name == *name)?, found);
            name
        }
        Place::Exchange(name) => {
            let exchanges = session.rabbit.exchanges();
            let state = exchanges.iter().find(|state| state.name == *name)?;
            found.figures.push(("type".into(), state.kind.clone()));
            found.figures.push(("durable".into(), state.durable.to_string()));
            for binding in session.rabbit.bindings().iter().filter(|b| b.source == *name) {
                let text = format!("{} -> {}", binding.key, binding.destination);
                found.figures.push(("binding".into(), text));
            }
            name
        }
        Place::Tool => return None,
    };
    Some(name.clone())
}

fn about_kafka(session: &Session, id: NodeId, found: &mut Inspector) {
    use kafka::spec::Spec;
    let world = &session.kafka.world;
    let settings = match session.kafka.spec(id) {
        Spec::Broker(spec) => &spec.settings,
        Spec::Controller(spec) => &spec.settings,
        Spec::Producer(spec) => &spec.settings,
        Spec::Consumer(spec) => &spec.settings,
        Spec::ZooKeeper(_) => {
            about_zookeeper(session, id, found);
            return files(world.disk(id), found);
        }
        Spec::Admin => return,
    };
    found.settings.extend(own(settings));
    if let Some((node, elected)) = session.kafka.elected_controller()
        && node == id
    {
        found.figures.push(("controller_epoch".into(), elected.epoch.to_string()));
    }
    if let Some(client) = session.kafka.clients().iter().find(|c| *c.name == *world.name(id)) {
        let figures = &mut found.figures;
        figures.push(("got".into(), client.got.to_string()));
        figures.push(("done".into(), client.done.to_string()));
        figures.push(("held".into(), client.held_count.to_string()));
        figures.push(("held bytes".into(), client.held_bytes.to_string()));
        for (partition, position) in &client.positions {
            figures.push((format!("position {partition}"), position.to_string()));
        }
        if let Some(group) = &client.group {
            figures.push(("group".into(), group.clone()));
        }
    }
    files(world.disk(id), found);
}

/// What `mntr` tells of a server, by its names.
fn about_zookeeper(session: &Session, id: NodeId, found: &mut Inspector) {
    let mut ensemble = session.kafka.ensemble();
    let Some(server) = ensemble.find(|(node, _)| *node == id).and_then(|(_, it)| it.server())
    else {
        return;
    };
    let figures = &mut found.figures;
    figures.push(("zk_server_state".into(), server.mode().into()));
    figures.push(("zxid".into(), format!("{:#x}", server.tree.zxid)));
    figures.push(("zk_global_sessions".into(), server.sessions.count().to_string()));
    figures.push(("zk_num_alive_connections".into(), server.connections().to_string()));
}

fn about_rabbit(session: &Session, id: NodeId, found: &mut Inspector) {
    use rabbit::spec::Spec;
    let world = &session.rabbit.world;
    let settings = match session.rabbit.spec(id) {
        Spec::Broker { settings, .. } => settings,
        Spec::Publisher(spec) => &spec.settings,
        Spec::Consumer(spec) => &spec.settings,
        Spec::Admin => return,
    };
    found.settings.extend(own(settings));
    if let Some(client) = session.rabbit.clients().iter().find(|c| *c.name == *world.name(id)) {
        let figures = &mut found.figures;
        figures.push(("got".into(), client.got.to_string()));
        figures.push(("done".into(), client.done.to_string()));
        figures.push(("held".into(), client.held_count.to_string()));
        figures.push(("held bytes".into(), client.held_bytes.to_string()));
        figures.push(("unacked".into(), client.unacked.to_string()));
        if client.queue.is_some() {
            let prefetch = client.prefetch.to_string();
            found.settings.push(("prefetch".into(), prefetch, client.prefetch == 0));
            found.settings.push(("memory".into(), client.memory.to_string(), client.memory == 0));
        }
    }
    files(world.disk(id), found);
}

/// Settings that somebody chose.
fn own(settings: &BTreeMap<String, String>) -> impl Iterator<Item = (String, String, bool)> + '_ {
    settings.iter().map(|(name, value)| (name.clone(), value.clone(), false))
}

fn files(disk: &Disk, found: &mut Inspector) {
    let all = disk.iter().map(|(name, file)| (name.to_owned(), file.len(), file.flushed_len()));
    found.files.extend(all);
}

fn partition_figures(state: &kafka::inspect::PartitionState, found: &mut Inspector) {
    let list = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
    let bytes: u64 = state.segments.iter().map(|segment| segment.bytes).sum();
    let leader = state.leader.map_or("-".to_owned(), |id| id.to_string());
    for (name, value) in [
        ("Leader", leader),
        ("Replicas", list(&state.replicas)),
        ("Isr", list(&state.isr)),
        ("leader epoch", state.leader_epoch.to_string()),
        ("LogStartOffset", state.log_start.to_string()),
        ("HighWatermark", state.high_watermark.to_string()),
        ("LogEndOffset", state.log_end.to_string()),
        ("NumLogSegments", state.segments.len().to_string()),
        ("Size", bytes.to_string()),
    ] {
        found.figures.push((name.into(), value));
    }
}

/// As the HTTP API names them.
fn queue_figures(state: &rabbit::inspect::QueueState, found: &mut Inspector) {
    for (name, value) in [
        ("type", state.kind.clone()),
        ("durable", state.durable.to_string()),
        ("messages", state.messages().to_string()),
        ("messages_ready", state.ready.to_string()),
        ("messages_unacknowledged", state.unacked.to_string()),
        ("message_bytes", state.bytes.to_string()),
        ("messages_ready_ram", state.in_memory.to_string()),
        ("consumers", state.consumers.join(", ")),
        ("consumer_utilisation", format!("{:.2}", state.consumer_utilisation)),
    ] {
        found.figures.push((name.into(), value));
    }
    if let Some(retry) = &state.delayed_retry {
        found.figures.push(("messages_delayed".into(), state.delayed.to_string()));
        found.figures.push(("delayed_retry".into(), retry.clone()));
    }
}

fn group_figures(state: &kafka::inspect::GroupState, found: &mut Inspector) {
    found.figures.push(("STATE".into(), state.state.clone()));
    let members: Vec<&str> = state.members.iter().map(|member| &*member.client).collect();
    found.figures.push(("members".into(), members.join(", ")));
    for position in &state.offsets {
        let committed = position.committed.map_or("-".to_owned(), |offset| offset.to_string());
        let of = &position.partition;
        found.figures.push((format!("CURRENT-OFFSET {of}"), committed));
        found.figures.push((format!("LAG {of}"), position.lag.to_string()));
    }
}

fn stage_line(kafka: bool, stage: Stage) -> StageLine {
    StageLine {
        kafka,
        at_us: stage.at.map(|at| at.micros()),
        stage: stage_name(stage.what).to_owned(),
        facts: stage.facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    }
}

fn stage_name(kind: StageKind) -> &'static str {
    match kind {
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
        StageKind::Delayed => "delayed",
        StageKind::Requeued => "requeued",
        StageKind::DeadLettered => "dead_lettered",
        StageKind::Dropped => "dropped",
        StageKind::Waiting => "waiting",
    }
}

/// The last events told by it or naming it, newest first.
fn events_about(session: &Session, subject: &str) -> Vec<EventLine> {
    let concerns = |line: &EventLine| {
        line.by == subject
            || line.fields.iter().any(|(_, value)| {
                value == subject || value.split('@').next().is_some_and(|name| name == subject)
            })
    };
    let recent = session.events().newest_first().take(EVENTS_SEARCHED);
    recent.map(|event| event_line(event)).filter(concerns).take(EVENTS_MAX).collect()
}
