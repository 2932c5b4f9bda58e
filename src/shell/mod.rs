//! Text to commands and back.

pub mod complete;
pub mod error;
pub mod job;
pub mod lexer;
pub mod options;
pub mod programs;
pub mod run;
pub mod table;
pub mod values;
