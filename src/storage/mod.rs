//! What is kept between visits: immutable blocks of bytes, and one manifest that names them.
//! Knows no lab: plain types only.
//!
//! - [`block`]: bytes of the brokers' logs, 256 KiB to 1 MiB each where there are so many. A block
//!   has a number that is never used again, and its content never changes.
//! - [`manifest`]: the one record that says what a saved lab is made of. A commit writes new
//!   blocks and swaps the manifest **in one transaction**: that swap is the commit point, so the
//!   lab in storage is always one that was whole at some instant.
//! - [`store`]: where these are kept, as a trait: [`memory`] here, IndexedDB in the browser.
//!
//! A block that no manifest names is rubbish: left over by a manifest that was replaced. Most are
//! removed by the commit that replaces it ([`Commit::drop`]), the rest when the lab is opened
//! again.
//!
//! What cannot be read is never thrown away: [`Store::keep_aside`] gives the manifest another
//! name, and the blocks up to then are no longer touched.

pub mod block;
pub mod manifest;
pub mod memory;
pub mod store;

pub use manifest::Manifest;
pub use memory::Memory;
pub use store::{Commit, Opened, Store, StoreError};
