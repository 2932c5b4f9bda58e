//! Text to commands and back.

pub mod error;
pub mod lexer;
