//! The page when it cannot go on: what happened, what to do.

use super::desk::use_desk;
use super::state::Action;
use yew::prelude::*;

/// What happened.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// As the engine or the browser says it.
    pub error: String,
    /// The version of the engine, if it was heard of.
    pub version: String,
}

/// The page when it cannot go on.
#[component]
pub fn Failure(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let report = ["pushpull ", &props.version, "\n", &props.error].concat();
    html! {
        <div class="failure notice error" role="alert" data-test="failure">
            <h1 class="large">{ t.failure }</h1>
            <p>{ t.failure_saved }</p>
            <pre class="small" lang="en">{ &props.error }</pre>
            <div class="row">
                <button type="button" class="button primary" data-test="reload"
                    onclick={desk.on(Action::Reload)}>{ t.reload }</button>
                <button type="button" class="button" data-test="copy-report"
                    onclick={desk.on(Action::Copy(report))}>{ t.copy_report }</button>
            </div>
        </div>
    }
}
