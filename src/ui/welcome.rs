//! The first half minute: three captions, each with the one thing to do.

use super::desk::Desk;
use super::state::{Action, Welcome};
use crate::view::scene::Scene;
use crate::view::welcome::{Act, PILES, Pile, WATCH_US, piles};
use crate::view::words::{fill, number};
use yew::prelude::*;

/// The bar above the picture, during the first half minute.
pub fn welcome(desk: &Desk, welcome: Welcome, scene: &Scene, ready: bool, waits: bool) -> Html {
    let t = desk.texts;
    let send = if waits { t.engine_coming } else { t.send };
    let ready = ready && !waits;
    let (caption, acts) = match welcome.act {
        Act::Send => (t.welcome_send, button(desk, "send", "primary", send, Action::Send, ready)),
        Act::Fetch => {
            (t.welcome_fetch, button(desk, "fetch", "kafka", t.fetch, Action::Fetch, ready))
        }
        Act::Bet => (t.welcome_bet, bets(desk, ready)),
        Act::Watch => (t.welcome_watch, watch(welcome, scene)),
        Act::Decided => return decided(desk, welcome, scene),
    };
    let step = match welcome.act {
        Act::Send => "1",
        Act::Fetch => "2",
        _ => "3",
    };
    html! {
        <div class="stage-bar is-welcome">
            <div class="welcome-lead" data-test="caption">
                <p class="welcome-step num quiet">{ step }{ " / 3" }</p>
                <h1 class="welcome-caption" id="welcome" tabindex="-1">{ caption }</h1>
            </div>
            <div class="stage-acts">
                { acts }
                <button type="button" class="button quiet" data-test="skip-welcome"
                    onclick={desk.on(Action::EndWelcome(false))}>{ t.skip }</button>
            </div>
        </div>
    }
}

fn button(
    desk: &Desk,
    test: &'static str,
    class: &'static str,
    text: &'static str,
    action: Action,
    ready: bool,
) -> Html {
    html! {
        <button type="button" class={classes!("button", "large", class)} data-test={test}
            disabled={!ready} onclick={desk.on(action)}>{ text }</button>
    }
}

fn bets(desk: &Desk, ready: bool) -> Html {
    let t = desk.texts;
    PILES
        .iter()
        .map(|pile| {
            let (test, text) = match pile {
                Pile::Broker => ("bet-broker", t.bet_broker),
                Pile::Consumer => ("bet-consumer", t.bet_consumer),
                Pile::Nowhere => ("bet-nowhere", t.bet_nowhere),
            };
            button(desk, test, "choice", text, Action::Bet(*pile), ready)
        })
        .collect()
}

fn watch(welcome: Welcome, scene: &Scene) -> Html {
    let gone = scene.now_us.saturating_sub(welcome.since_us).min(WATCH_US);
    html! { <progress class="welcome-watch" max={WATCH_US.to_string()} value={gone.to_string()} /> }
}

fn decided(desk: &Desk, welcome: Welcome, scene: &Scene) -> Html {
    let t = desk.texts;
    let verdict = match welcome.bet == welcome.right {
        true => html! { <span class="chip ok">{ t.bet_right }</span> },
        false => html! { <span class="chip third">{ t.bet_wrong }</span> },
    };
    let (held, lag) = piles(scene);
    let (held, lag) = (number(held), number(lag));
    let why = fill(t.welcome_why, &[("held", &held), ("lag", &lag)]);
    html! {
        <div class="stage-bar is-welcome">
            <div class="welcome-lead" data-test="caption">
                { verdict }
                <h1 class="welcome-caption" id="welcome" tabindex="-1">{ why }</h1>
            </div>
            <div class="stage-acts">
                { button(desk, "next-lesson", "primary", t.first_lesson, Action::EndWelcome(true), true) }
                { button(desk, "explore", "quiet", t.explore, Action::EndWelcome(false), true) }
            </div>
        </div>
    }
}
