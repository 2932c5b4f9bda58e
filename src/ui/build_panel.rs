//! Building by hand: a form, and the command that it makes.

use super::desk::{Desk, use_desk};
use super::outside;
use super::rich_text::command;
use super::state::Action;
use crate::view::forms::{Ask, FORMS, Form};
use crate::view::scene::Scene;
use crate::view::words::bytes;
use std::rc::Rc;
use yew::prelude::*;

/// What there is to choose from.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The picture.
    pub scene: Rc<Scene>,
}

/// The form with what was filled in; what was not stands as it is at first.
#[component]
pub fn BuildPanel(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let form = use_state(|| Form::Producer);
    let filled = use_state(Vec::<(Ask, String)>::new);
    let scene = &props.scene;
    let answer = |ask: Ask| {
        let own = filled.iter().find(|(asked, _)| *asked == ask);
        own.map_or_else(|| form.first(ask, scene), |(_, answer)| answer.clone())
    };
    let answers: Vec<String> = form.asks().iter().map(|ask| answer(*ask)).collect();
    let line = form.command(&answers, scene);
    let choose = {
        let (form, filled) = (form.clone(), filled.clone());
        Callback::from(move |event: Event| {
            if let Some(chosen) = outside::chosen_in(&event).and_then(|index| FORMS.get(index)) {
                form.set(*chosen);
                filled.set(Vec::new());
            }
        })
    };
    let fill = {
        let filled = filled.clone();
        Callback::from(move |(ask, answer): (Ask, String)| {
            let mut all: Vec<(Ask, String)> =
                filled.iter().filter(|(asked, _)| *asked != ask).cloned().collect();
            all.push((ask, answer));
            filled.set(all);
        })
    };
    let run = line.clone().map(|line| {
        let (desk, filled) = (desk.clone(), filled.clone());
        Callback::from(move |_: MouseEvent| {
            desk.send(Action::Build(line.clone()));
            // The next one gets a name of its own.
            filled.set(filled.iter().filter(|(ask, _)| *ask != Ask::Name).cloned().collect());
        })
    });
    let copy = line.clone().map(|line| desk.on(Action::Copy(line)));
    let stop = Callback::from(|event: KeyboardEvent| event.stop_propagation());
    html! {
        <div class="build" data-test="build" onkeydown={stop}>
            <label class="field">
                <span>{ t.build_what }</span>
                <select data-test="build-form" onchange={choose}>
                    { for FORMS.iter().map(|one| html! {
                        <option selected={*one == *form}>{ form_name(&desk, *one) }</option>
                    }) }
                </select>
            </label>
            { for form.asks().iter().zip(&answers).map(|(ask, answer)| {
                field(&desk, scene, *ask, answer, &fill)
            }) }
            <div class="build-command">
                if let Some(line) = &line {
                    { for line.lines().map(|line| html! { <code class="command">{ command(line) }</code> }) }
                } else {
                    <p class="small quiet">{ t.build_missing }</p>
                }
                <div class="row">
                    <button type="button" class="button primary" data-test="build-run"
                        disabled={run.is_none()} onclick={run.unwrap_or_default()}>{ t.run }</button>
                    <button type="button" class="button" data-test="build-copy"
                        disabled={copy.is_none()} onclick={copy.unwrap_or_default()}>{ t.copy }</button>
                </div>
            </div>
        </div>
    }
}

type Fill = Callback<(Ask, String)>;

fn field(desk: &Desk, scene: &Scene, ask: Ask, answer: &str, fill: &Fill) -> Html {
    let name = ask_name(desk, ask);
    let test = ["build-", test_name(ask)].concat();
    let stops = ask.stops();
    if !stops.is_empty() {
        let at = stops.iter().position(|stop| *stop == answer).unwrap_or(0);
        let fill = fill.clone();
        let on = Callback::from(move |event: InputEvent| {
            let chosen = outside::number_in(&event).and_then(|at| stops.get(at as usize));
            if let Some(stop) = chosen {
                fill.emit((ask, (*stop).to_owned()));
            }
        });
        let shown = shown(desk, ask, answer);
        return html! {
            <label class="field">
                <span>{ name }{ " " }<b class="num">{ &shown }</b></span>
                <input type="range" min="0" max={(stops.len() - 1).to_string()} step="1"
                    value={at.to_string()} aria-valuetext={shown.clone()} data-test={test} oninput={on} />
            </label>
        };
    }
    if let Some(choices) = ask.choices(scene) {
        let (fill, all) = (fill.clone(), choices.clone());
        let on = Callback::from(move |event: Event| {
            if let Some(choice) = outside::chosen_in(&event).and_then(|index| all.get(index)) {
                fill.emit((ask, choice.clone()));
            }
        });
        return html! {
            <label class="field">
                <span>{ name }</span>
                <select data-test={test} onchange={on}>
                    { for choices.iter().map(|choice| html! {
                        <option selected={choice == answer}>
                            { choice_name(desk, ask, choice) }
                        </option>
                    }) }
                </select>
            </label>
        };
    }
    let fill = fill.clone();
    let on = Callback::from(move |event: InputEvent| {
        if let Some(text) = outside::text_in(&event) {
            fill.emit((ask, text));
        }
    });
    html! {
        <label class="field">
            <span>{ name }</span>
            <input type="text" autocomplete="off" spellcheck="false" maxlength="64" data-test={test}
                value={answer.to_owned()} oninput={on} />
        </label>
    }
}

fn form_name(desk: &Desk, form: Form) -> &'static str {
    let t = desk.texts;
    match form {
        Form::Producer => t.kind_producer,
        Form::KafkaConsumer => t.kind_kafka_consumer,
        Form::RabbitConsumer => t.kind_rabbit_consumer,
        Form::Topic => t.kind_topic,
        Form::Partitions => t.build_partitions,
        Form::Queue => t.kind_queue,
        Form::Exchange => t.kind_exchange,
        Form::Binding => t.kind_binding,
        Form::Broker => t.kind_broker,
        Form::Node => t.kind_node,
        Form::Remove => t.build_remove,
    }
}

fn ask_name(desk: &Desk, ask: Ask) -> &'static str {
    let t = desk.texts;
    match ask {
        Ask::Name => t.ask_name,
        Ask::Topic => t.kind_topic,
        Ask::Queue => t.kind_queue,
        Ask::Exchange => t.kind_exchange,
        Ask::Thing => t.ask_thing,
        Ask::Group => t.kind_group,
        Ask::Keys => t.ask_keys,
        Ask::RoutingKey => t.ask_routing_key,
        Ask::Rate => t.ask_rate,
        Ask::Size => t.ask_size,
        Ask::Process => t.ask_process,
        Ask::Prefetch => t.ask_prefetch,
        Ask::Acks => "acks",
        Ask::Linger => t.ask_linger,
        Ask::Count => t.ask_count,
        Ask::Replicas => t.ask_replicas,
        Ask::QueueType | Ask::ExchangeType => t.ask_type,
    }
}

/// A choice in the reader's words: of a thing the kind is translated, its name is not.
fn choice_name(desk: &Desk, ask: Ask, choice: &str) -> String {
    let t = desk.texts;
    let kind = |word| match word {
        "topic" => t.kind_topic,
        "queue" => t.kind_queue,
        "exchange" => t.kind_exchange,
        "binding" => t.kind_binding,
        _ => t.kind_client,
    };
    match choice.split_once(' ').filter(|_| ask == Ask::Thing) {
        _ if choice.is_empty() => t.none.to_owned(),
        Some((word, name)) => [kind(word), " ", name].concat(),
        None => choice.to_owned(),
    }
}

fn test_name(ask: Ask) -> &'static str {
    match ask {
        Ask::Name => "name",
        Ask::Topic => "topic",
        Ask::Queue => "queue",
        Ask::Exchange => "exchange",
        Ask::Thing => "thing",
        Ask::Group => "group",
        Ask::Keys => "keys",
        Ask::RoutingKey => "routing-key",
        Ask::Rate => "rate",
        Ask::Size => "size",
        Ask::Process => "process",
        Ask::Prefetch => "prefetch",
        Ask::Acks => "acks",
        Ask::Linger => "linger",
        Ask::Count => "count",
        Ask::Replicas => "replicas",
        Ask::QueueType | Ask::ExchangeType => "type",
    }
}

/// A stop of a slider, with its unit.
fn shown(desk: &Desk, ask: Ask, stop: &str) -> String {
    match ask {
        Ask::Rate => [stop, desk.texts.per_second].concat(),
        Ask::Size => bytes(stop.parse().unwrap_or(0)),
        Ask::Linger => [stop, " ms"].concat(),
        Ask::Prefetch if stop == "0" => desk.texts.no_limit.to_owned(),
        _ => stop.to_owned(),
    }
}
