//! Keys of the player and the picture. Letters go by their place on the keyboard, so that a Korean
//! layout, which gives ㄷ for E, does the same.

use super::state::Action;
use crate::host::protocol::Grain;

/// What a key does while the focus is in the player or the picture. `code` is its place on the
/// keyboard, `on_slider` is true if the focus is on the time bar, which has arrows of its own.
pub fn action_of(code: &str, shift: bool, control: bool, on_slider: bool) -> Option<Action> {
    if control {
        return match (code, shift) {
            ("KeyZ", false) => Some(Action::Undo),
            ("KeyZ", true) | ("KeyY", false) => Some(Action::Redo),
            _ => None,
        };
    }
    Some(match code {
        "Space" => Action::PlayOrPause,
        "ArrowRight" if !on_slider => Action::Step { back: false },
        "ArrowLeft" if !on_slider => Action::Step { back: true },
        "Home" if !on_slider => Action::Seek(0),
        "End" if !on_slider => Action::SeekEnd,
        "Equal" | "NumpadAdd" => Action::Faster,
        "Minus" | "NumpadSubtract" => Action::Slower,
        "KeyE" => Action::SetGrain(Grain::Event),
        "KeyM" => Action::SetGrain(Grain::Message),
        "KeyT" if shift => Action::ToggleText,
        "KeyT" => Action::SetGrain(Grain::Tick),
        "KeyR" => Action::Reset,
        "KeyF" => Action::Follow,
        "KeyD" => Action::Part,
        "Slash" => Action::ShowKeys(true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_go_by_their_place() {
        assert_eq!(action_of("KeyE", false, false, false), Some(Action::SetGrain(Grain::Event)));
        assert_eq!(action_of("KeyT", true, false, false), Some(Action::ToggleText));
        assert_eq!(action_of("KeyZ", true, true, false), Some(Action::Redo));
        assert_eq!(action_of("KeyQ", false, false, false), None);
    }

    #[test]
    fn the_time_bar_keeps_its_arrows() {
        assert_eq!(action_of("ArrowLeft", false, false, true), None);
        assert_eq!(action_of("ArrowLeft", false, false, false), Some(Action::Step { back: true }));
        assert_eq!(action_of("Space", false, false, true), Some(Action::PlayOrPause));
    }
}
