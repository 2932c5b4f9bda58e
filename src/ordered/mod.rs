//! Maps and sets in key order, for a program that is downloaded.
//!
//! The standard library's B-tree is fast and large: each pair of types that a map is used with
//! costs about five kilobytes of WebAssembly, and the lab has more than a hundred of them. These
//! have the same names and the same meaning, at a fifth of the size. `clippy.toml` bans the others.
//!
//! - [`BTreeMap`]: a tree of two levels: entries lie sorted in leaves of at most 32, and the
//!   leaves in one list. What comes in key order is appended, what leaves from the front is not
//!   moved; an insertion in the middle of a million entries moves a list of 250 kB at worst once
//!   in sixteen times.
//! - [`BTreeSet`]: the keys of such a map.
//! - [`Slots`], [`Window`]: for keys that are numbers, counted up; they find a value by its place.
//! - [`Order`]: a stable sort whose comparisons only are made for each type.

mod iter;
mod map;
mod order;
mod saved;
mod set;
mod slots;
#[cfg(test)]
mod tests;
mod window;

pub use iter::{IntoIter, Iter, IterMut};
pub use map::{BTreeMap, Entry};
pub use order::Order;
pub use set::BTreeSet;
pub use slots::{Number, Slots};
pub use window::Window;
