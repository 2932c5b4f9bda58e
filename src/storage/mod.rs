//! What is kept between visits: immutable blocks of bytes, and one manifest that names them.
//! Knows no lab: plain types only.

pub mod manifest;

pub use manifest::Manifest;
