//! What every component has at hand: the language, its texts, and the way to say what the learner
//! wants. None of it changes while time runs.

use super::state::{Action, State};
use crate::view::words::Language;
use crate::view::words::page::Page;
use std::rc::Rc;
use yew::prelude::*;

/// The state, as Yew reduces it.
#[derive(Clone, PartialEq)]
pub struct Store(pub State);

impl Reducible for Store {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        let mut state = Rc::unwrap_or_clone(self);
        state.0.change(action);
        Rc::new(state)
    }
}

/// What every component has at hand.
#[derive(Clone)]
pub struct Desk {
    /// The language.
    pub language: Language,
    /// Its texts.
    pub texts: &'static Page,
    dispatch: UseReducerDispatcher<Store>,
}

impl PartialEq for Desk {
    fn eq(&self, other: &Desk) -> bool {
        self.language == other.language
    }
}

impl Desk {
    pub fn new(language: Language, dispatch: UseReducerDispatcher<Store>) -> Desk {
        Desk { language, texts: Page::of(language), dispatch }
    }

    /// Something happens.
    pub fn send(&self, action: Action) {
        self.dispatch.dispatch(action);
    }

    /// Something happens on an event, whatever the event.
    pub fn on<E: 'static>(&self, action: Action) -> Callback<E> {
        let dispatch = self.dispatch.clone();
        Callback::from(move |_| dispatch.dispatch(action.clone()))
    }
}

/// The desk.
#[hook]
pub fn use_desk() -> Desk {
    use_context::<Desk>().expect("App gives every component its desk")
}
