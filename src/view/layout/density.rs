//! How densely a lane is drawn: by the number of its messages. Both lanes always show the same.

/// How densely the lanes are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Density {
    /// Each message is a card with its number; each moves.
    #[default]
    Cards,
    /// Each message is a small square; those of a batch move as one.
    Squares,
    /// Bars with a tick each hundred messages.
    Bars,
    /// Numbers and curves; nothing moves.
    Figures,
}

/// How densely so many messages in a lane are drawn.
pub fn density(messages: u64) -> Density {
    match messages {
        0..=30 => Density::Cards,
        31..=300 => Density::Squares,
        301..=3_000 => Density::Bars,
        _ => Density::Figures,
    }
}
