//! Pressing keys: `Enter`, `Escape`, `a`, `Control+Shift+k`, as the key's name in JavaScript.

use crate::failure::{Failure, Outcome};
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;

/// The actions that press `chord` and let go of it again.
pub fn press(chord: &str) -> Outcome<KeyActions> {
    let mut names: Vec<&str> = chord.split('+').collect();
    if chord.ends_with('+') {
        // The plus key itself: "+" or "Control++".
        names.truncate(names.len().saturating_sub(2));
        names.push("+");
    }
    let keys = names.iter().map(|name| code_of(name)).collect::<Outcome<Vec<char>>>()?;
    let mut actions = KeyActions::new("keyboard".to_string());
    for key in &keys {
        actions = actions.then(KeyAction::Down { value: *key });
    }
    for key in keys.iter().rev() {
        actions = actions.then(KeyAction::Up { value: *key });
    }
    Ok(actions)
}

/// The actions that type `text`.
pub fn type_text(text: &str) -> KeyActions {
    text.chars().fold(KeyActions::new("keyboard".to_string()), |actions, letter| {
        let value = if letter == '\n' { char::from(Key::Enter) } else { letter };
        actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
    })
}

fn code_of(name: &str) -> Outcome<char> {
    let key = match name {
        "Enter" => Key::Enter,
        "Escape" => Key::Escape,
        "Tab" => Key::Tab,
        "Backspace" => Key::Backspace,
        "Delete" => Key::Delete,
        "ArrowUp" => Key::Up,
        "ArrowDown" => Key::Down,
        "ArrowLeft" => Key::Left,
        "ArrowRight" => Key::Right,
        "Home" => Key::Home,
        "End" => Key::End,
        "PageUp" => Key::PageUp,
        "PageDown" => Key::PageDown,
        "Control" => Key::Control,
        "Shift" => Key::Shift,
        "Alt" => Key::Alt,
        "Meta" => Key::Meta,
        "Space" => return Ok(' '),
        _ => {
            let mut letters = name.chars();
            return match (letters.next(), letters.next()) {
                (Some(letter), None) => Ok(letter),
                _ => Err(Failure(format!("there is no key called `{name}`."))),
            };
        }
    };
    Ok(char::from(key))
}
