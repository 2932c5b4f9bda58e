//! The inspector: all that is known of what is selected; of a message, its journey.

use super::change::{Assign, Change, Move};
use super::desk::{Desk, use_desk};
use super::icon::Icon;
use super::knobs::Knobs;
use super::state::Action;
use crate::view::acts::{self, Verb};
use crate::view::fact::{fact, fact_name, fact_value};
use crate::view::frame::{Inspector, MessageList, Selection, StageLine};
use crate::view::scene::{Place, Scene};
use crate::view::sentence::sentence;
use crate::view::text_view::place_name;
use crate::view::why::why;
use crate::view::words::account::Account;
use crate::view::words::{bytes, fill, instant, number};
use std::rc::Rc;
use yew::prelude::*;

/// What is selected.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The picture.
    pub scene: Rc<Scene>,
    /// What is selected.
    pub selection: Option<Selection>,
    /// What is known of it.
    pub inspector: Option<Rc<Inspector>>,
    /// Recorded lines.
    pub recorded: Rc<Vec<String>>,
}

/// The inspector.
#[component]
pub fn InspectorPane(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let Some(selection) = &props.selection else {
        return html! {
            <aside class="app-inspector inspector" aria-label={t.inspector} data-test="inspector">
                <h2>{ t.inspector }</h2>
                <p class="quiet small">{ t.inspector_empty }</p>
            </aside>
        };
    };
    let (kind, name) = title(&desk, selection);
    let acts = acts::menu(&props.scene, selection);
    html! {
        <aside class="app-inspector inspector is-sheet" aria-label={t.inspector} data-test="inspector">
            <div class="inspector-head">
                <div><p class="eyebrow">{ kind }</p><h2>{ name }</h2></div>
                <button type="button" class="button icon quiet" aria-label={t.close}
                    data-test="close-inspector"
                    onclick={desk.on(Action::Select(None))}>{ Icon::Close.html() }</button>
            </div>
            // Each part has a place of its own, whatever is in it: Yew loses its way among parts that
            // come and go beside a component that may be empty.
            <div class="place">if !acts.is_empty() {
                <ul class="acts">
                    { for acts.into_iter().map(|act| {
                        let name = verb(&desk, act.verb);
                        html! { <li>
                            <button type="button" class="button" data-test={["act-", act.verb.word()].concat()}
                                onclick={desk.on(Action::Run(act.command.clone()))}>{ name }</button>
                            <code class="command">{ act.command }</code>
                        </li> }
                    }) }
                </ul>
            }</div>
            <div class="place">if let Some(why) = why(&props.scene, selection, desk.language) {
                <p class="notice why" data-test="why">{ why }</p>
            }</div>
            <div class="place"><Knobs scene={props.scene.clone()} selection={selection.clone()}
                recorded={props.recorded.clone()} /></div>
            <div class="place"><Change scene={props.scene.clone()} selection={selection.clone()} /></div>
            <div class="place"><Move scene={props.scene.clone()} selection={selection.clone()} /></div>
            <div class="place"><Assign scene={props.scene.clone()} selection={selection.clone()}
                recorded={props.recorded.clone()} /></div>
            <div class="place">if let Some(known) = &props.inspector {
                { known_html(&desk, known) }
            } else {
                <p class="quiet small">{ t.not_known }</p>
            }</div>
        </aside>
    }
}

fn known_html(desk: &Desk, known: &Inspector) -> Html {
    let t = desk.texts;
    let stages = |kafka: bool| {
        let own: Vec<&StageLine> =
            known.stages.iter().filter(|stage| stage.kafka == kafka).collect();
        if own.is_empty() {
            return Html::default();
        }
        let (class, name) =
            if kafka { ("journey kafka", "Kafka") } else { ("journey rabbit", "RabbitMQ") };
        html! {
            <section class={class}>
                <h3>{ name }</h3>
                <ol>{ for own.into_iter().map(|line| stage(desk, line)) }</ol>
            </section>
        }
    };
    html! {
        <>
            { for known.lists.iter().map(|list| list_html(desk, list)) }
            { stages(true) }{ stages(false) }
            { pairs(desk, t.figures, known.figures.iter().map(|(name, value)| (name.clone(), value.clone(), false))) }
            { pairs(desk, t.settings, known.settings.iter().cloned()) }
            if !known.files.is_empty() {
                <section><h3>{ t.files }</h3>
                    <table class="files">
                        <thead><tr><th scope="col">{ t.file }</th><th scope="col" class="num">{ t.written }</th>
                            <th scope="col" class="num">{ t.flushed }</th></tr></thead>
                        <tbody>{ for known.files.iter().map(|(name, written, flushed)| html! {
                            <tr><th scope="row" class="mono">{ name }</th>
                                <td class="num">{ bytes(*written) }</td>
                                <td class="num">{ bytes(*flushed) }</td></tr>
                        }) }</tbody>
                    </table>
                </section>
            }
            if !known.events.is_empty() {
                <section><h3>{ t.events }</h3>
                    <ol class="recent">{ for known.events.iter().map(|line| html! {
                        <li><span class="num quiet">{ instant(line.at_us, desk.language) }</span>
                            <span>{ sentence(line, desk.language) }</span></li>
                    }) }</ol>
                </section>
            }
        </>
    }
}

/// The messages behind a number; each can be followed.
fn list_html(desk: &Desk, list: &MessageList) -> Html {
    let t = desk.texts;
    let side = if list.kafka { "Kafka" } else { "RabbitMQ" };
    let texts = Account::of(desk.language);
    let what = match &*list.what {
        "lost" => texts.lost,
        "duplicated" => texts.duplicated,
        _ => texts.reordered,
    };
    let more = list.count.saturating_sub(list.messages.len() as u64);
    html! {
        <section data-test={["list-", &*list.what, if list.kafka { "-kafka" } else { "-rabbit" }].concat()}>
            <h3>{ side }{ ": " }{ what }{ " " }<span class="num">{ number(list.count) }</span></h3>
            <p class="row">
                if list.messages.is_empty() { <span class="quiet small">{ t.no_message }</span> }
                { for list.messages.iter().map(|message| html! {
                    <button type="button" class="button num"
                        onclick={desk.on(Action::Select(Some(Selection::Message(*message))))}>
                        { "m" }{ *message }</button>
                }) }
                if more > 0 { <span class="small quiet">{ fill(t.more_messages, &[("count", &number(more))]) }</span> }
            </p>
        </section>
    }
}

fn pairs(
    desk: &Desk,
    title: &'static str,
    pairs: impl Iterator<Item = (String, String, bool)>,
) -> Html {
    let rows: Vec<Html> = pairs
        .map(|(name, value, default)| {
            html! {
                <div class={if default { "is-default" } else { "" }}>
                    <dt>{ fact_name(&name, desk.language) }</dt>
                <dd class="num">{ fact_value(&name, &value, desk.language) }</dd>
                </div>
            }
        })
        .collect();
    if rows.is_empty() {
        return Html::default();
    }
    html! { <section><h3>{ title }</h3><dl class="values">{ rows }</dl></section> }
}

fn stage(desk: &Desk, line: &StageLine) -> Html {
    let at = line.at_us.map_or("–".to_owned(), |us| instant(us, desk.language));
    let facts: Vec<String> =
        line.facts.iter().map(|(name, value)| fact(name, value, desk.language)).collect();
    let class = if line.at_us.is_none() { "is-waiting" } else { "" };
    html! {
        <li class={class}>
            <span class="num quiet">{ at }</span>
            <span>{ stage_name(desk, &line.stage) }
                if !facts.is_empty() { <small>{ facts.join(" · ") }</small> }
            </span>
        </li>
    }
}

fn stage_name(desk: &Desk, stage: &str) -> &'static str {
    let t = desk.texts;
    match stage {
        "sent" => t.stage_sent,
        "partitioned" => t.stage_partitioned,
        "appended" => t.stage_appended,
        "visible" => t.stage_visible,
        "acknowledged" => t.stage_acknowledged,
        "routed" => t.stage_routed,
        "enqueued" => t.stage_enqueued,
        "pushed" => t.stage_pushed,
        "delivered" => t.stage_delivered,
        "processing_started" => t.stage_processing,
        "processed" => t.stage_processed,
        "removed" => t.stage_removed,
        "committed" => t.stage_committed,
        "delayed" => t.stage_delayed,
        "requeued" => t.stage_requeued,
        "dead_lettered" => t.stage_dead_lettered,
        "dropped" => t.stage_dropped,
        _ => t.stage_waiting,
    }
}

fn title(desk: &Desk, selection: &Selection) -> (&'static str, String) {
    let t = desk.texts;
    match selection {
        Selection::Message(number) => {
            (t.journey, fill(t.message_name, &[("number", &number.to_string())]))
        }
        Selection::Group(group) => (t.kind_group, group.clone()),
        Selection::Ledger => (t.ledger, t.ledger_lists.to_owned()),
        Selection::Place(place) => {
            let kind = match place {
                Place::Producer(_) => t.kind_producer,
                Place::Broker(name) if name.starts_with("controller-") => t.kind_controller,
                Place::Broker(name) if name.starts_with("zookeeper-") => t.kind_zookeeper,
                Place::Broker(_) => t.kind_broker,
                Place::Partition(..) => t.kind_partition,
                Place::KafkaConsumer(_) => t.kind_kafka_consumer,
                Place::RabbitNode(_) => t.kind_node,
                Place::Exchange(_) => t.kind_exchange,
                Place::Queue(_) => t.kind_queue,
                Place::RabbitConsumer(_) => t.kind_rabbit_consumer,
                Place::Tool => t.kind_tool,
            };
            (kind, place_name(place, desk.language))
        }
    }
}

/// What a button of an act says.
pub fn verb(desk: &Desk, verb: Verb) -> &'static str {
    let t = desk.texts;
    match verb {
        Verb::Pause => t.verb_pause,
        Verb::Resume => t.verb_resume,
        Verb::Crash => t.verb_crash,
        Verb::Stop => t.verb_stop,
        Verb::Start => t.verb_start,
        Verb::PowerCut => t.verb_power_cut,
        Verb::Isolate => t.verb_isolate,
        Verb::Heal => t.verb_heal,
    }
}
