//! Names that many messages share, each kept once: a message never has a string of its own.

use crate::ordered::BTreeSet;
use std::rc::Rc;

/// So many different names are remembered; then it begins anew. Sharing saves memory and changes
/// nothing else.
const NAMES_MAX: usize = 4_096;

/// The names a process has met.
#[derive(Clone, Debug, Default)]
pub struct Names {
    last: Option<Rc<str>>,
    known: BTreeSet<Rc<str>>,
}

impl Names {
    /// The shared copy of a name.
    pub fn shared(&mut self, name: &str) -> Rc<str> {
        if let Some(last) = self.last.as_ref().filter(|last| &***last == name) {
            return last.clone();
        }
        let shared = match self.known.get(name) {
            Some(known) => known.clone(),
            None => {
                if self.known.len() >= NAMES_MAX {
                    self.known.clear();
                }
                let new: Rc<str> = name.into();
                self.known.insert(new.clone());
                new
            }
        };
        self.last = Some(shared.clone());
        shared
    }
}
