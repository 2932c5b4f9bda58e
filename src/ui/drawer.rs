//! The drawer at the lower edge: terminal, events, ledger, charts, building, two runs.

use super::build_panel::BuildPanel;
use super::chart_panel::ChartPanel;
use super::compare_panel::ComparePanel;
use super::desk::use_desk;
use super::event_list::EventList;
use super::icon::Icon;
use super::state::{Action, Tab};
use super::table::table_html;
use super::terminal::TerminalPane;
use super::terminal_state::Terminal;
use crate::view::beside::Beside;
use crate::view::frame::{EventLine, Selection};
use crate::view::scene::Scene;
use crate::view::text_view;
use crate::view::words::fill;
use crate::view::words::runs::Runs;
use std::rc::Rc;
use yew::prelude::*;

/// What it shows.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// What it shows.
    pub tab: Tab,
    /// True if it is open.
    pub open: bool,
    /// The terminal.
    pub terminal: Rc<Terminal>,
    /// The events.
    pub events: Rc<Vec<Rc<EventLine>>>,
    /// What they are narrowed to.
    pub filter: String,
    /// The picture, for ledger and charts.
    pub scene: Rc<Scene>,
    /// The end of what is recorded.
    pub end_us: u64,
    /// The version of the engine.
    pub version: String,
    /// Recorded lines.
    pub recorded: Rc<Vec<String>>,
    /// The second run, if there is one.
    pub beside: Option<Rc<Beside>>,
}

const TABS: [(Tab, &str); 6] = [
    (Tab::Terminal, "terminal"),
    (Tab::Events, "events"),
    (Tab::Ledger, "ledger"),
    (Tab::Charts, "charts"),
    (Tab::Build, "build"),
    (Tab::Compare, "compare"),
];

/// The drawer.
#[component]
pub fn Drawer(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let runs = Runs::of(desk.language);
    let names = [t.terminal, t.events, t.ledger, t.charts, t.build, runs.tab];
    let tab = |((tab, id), name): ((Tab, &'static str), &'static str)| {
        let shown = props.open && props.tab == tab;
        html! {
            <button type="button" role="tab" id={["tab-", id].concat()} data-test={["tab-", id].concat()}
                aria-selected={if shown { "true" } else { "false" }} aria-controls="drawer"
                tabindex={if props.tab == tab { "0" } else { "-1" }}
                onclick={desk.on(Action::ShowTab(tab))}>{ name }</button>
        }
    };
    let keys = {
        let (desk, now) = (desk.clone(), props.tab);
        Callback::from(move |event: KeyboardEvent| {
            let at = TABS.iter().position(|(tab, _)| *tab == now).unwrap_or(0);
            let to = match &*event.key() {
                "ArrowRight" => (at + 1) % TABS.len(),
                "ArrowLeft" => (at + TABS.len() - 1) % TABS.len(),
                _ => return,
            };
            desk.send(Action::ShowTab(TABS[to].0));
            super::outside::focus(&["tab-", TABS[to].1].concat());
        })
    };
    let about = fill(t.version, &[("version", &props.version)]);
    let (fold, icon) = match props.open {
        true => (t.fold, Icon::Down),
        false => (t.unfold, Icon::Up),
    };
    let panel = match props.tab {
        Tab::Terminal => html! { <TerminalPane terminal={props.terminal.clone()} /> },
        Tab::Events => html! {
            <EventList events={props.events.clone()} filter={props.filter.clone()} />
        },
        Tab::Build => html! { <BuildPanel scene={props.scene.clone()} /> },
        Tab::Charts => html! {
            <ChartPanel scene={props.scene.clone()} end_us={props.end_us}
                beside={props.beside.clone()} />
        },
        Tab::Compare => html! {
            <ComparePanel scene={props.scene.clone()} recorded={props.recorded.clone()}
                beside={props.beside.clone()} />
        },
        Tab::Ledger => html! {
            <div class="ledger" data-test="ledger">
                { table_html(&text_view::ledger_table(&props.scene, desk.language)) }
                <button type="button" class="button" data-test="ledger-lists"
                    onclick={desk.on(Action::Select(Some(Selection::Ledger)))}>{ t.ledger_lists }</button>
            </div>
        },
    };
    html! {
        <section class={classes!("app-drawer", "drawer", props.open.then_some("is-open"))}
            aria-label={t.drawer}>
            <div class="drawer-head">
                <div class="tabs" role="tablist" aria-label={t.drawer} onkeydown={keys}>
                    { for TABS.into_iter().zip(names).map(tab) }
                </div>
                <span class="drawer-about small quiet">{ about }</span>
                <button type="button" class="button icon quiet" aria-label={t.keys} title={t.keys}
                    data-test="keys" onclick={desk.on(Action::ShowKeys(true))}>{ Icon::Help.html() }</button>
                <button type="button" class="button icon quiet" aria-label={fold} title={fold}
                    aria-expanded={if props.open { "true" } else { "false" }} data-test="fold-drawer"
                    onclick={desk.on(Action::ToggleDrawer)}>{ icon.html() }</button>
            </div>
            <div id="drawer" class="drawer-panel" role="tabpanel" hidden={!props.open}
                aria-labelledby={["tab-", TABS.iter().find(|(tab, _)| *tab == props.tab).map_or("", |(_, id)| id)].concat()}>
                if props.open { { panel } }
            </div>
        </section>
    }
}
