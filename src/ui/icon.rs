//! Icons, drawn with a line of two on a square of twenty.

use yew::prelude::*;

/// An icon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Start,
    Back,
    Play,
    Pause,
    Forward,
    End,
    Undo,
    Redo,
    Reset,
    Sun,
    Moon,
    System,
    Close,
    Down,
    Up,
    Tick,
    Circle,
    Help,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Icon::Start => "M5 4v12M15 5l-7 5 7 5z",
            Icon::Back => "M13 5l-7 5 7 5z",
            Icon::Play => "M6 4l10 6-10 6z",
            Icon::Pause => "M7 4v12M13 4v12",
            Icon::Forward => "M7 5l7 5-7 5z",
            Icon::End => "M15 4v12M5 5l7 5-7 5z",
            Icon::Undo => "M4 9h8a4 4 0 0 1 0 8H8M4 9l4-4M4 9l4 4",
            Icon::Redo => "M16 9H8a4 4 0 0 0 0 8h4M16 9l-4-4M16 9l-4 4",
            Icon::Reset => "M5 5v4h4M5 9a6 6 0 1 1-.6 4",
            Icon::Sun => {
                "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7M10 2v2M10 16v2M2 10h2M16 10h2M4.3 4.3l1.4 1.4M14.3 14.3l1.4 1.4M4.3 15.7l1.4-1.4M14.3 5.7l1.4-1.4"
            }
            Icon::Moon => "M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8z",
            Icon::System => "M3 4h14v9H3zM7 17h6M10 13v4",
            Icon::Close => "M5 5l10 10M15 5L5 15",
            Icon::Down => "M5 7.5l5 5 5-5",
            Icon::Up => "M5 12.5l5-5 5 5",
            Icon::Tick => "M4 10.5l4 4 8-9",
            Icon::Circle => "M10 4a6 6 0 1 0 0 12 6 6 0 1 0 0-12",
            Icon::Help => "M7.5 7.5a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1 1-1.1 1.9M10 14.5v.1",
        }
    }

    /// As an element. What it means stands beside it, or is the name of its button.
    pub fn html(self) -> Html {
        let filled =
            matches!(self, Icon::Start | Icon::Back | Icon::Play | Icon::Forward | Icon::End);
        let class = if filled { "icon filled" } else { "icon" };
        html! {
            <svg class={class} viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
                <path d={self.path()} />
            </svg>
        }
    }
}
