//! What the clones of a world share until one of them changes it.

use std::rc::Rc;

/// As [`Rc::make_mut`], without a call where nobody else has it: nearly always.
#[inline(always)]
pub(super) fn own<T: Clone>(shared: &mut Rc<T>) -> &mut T {
    if Rc::get_mut(shared).is_none() {
        part(shared);
    }
    Rc::get_mut(shared).expect("nobody else has it now")
}

#[cold]
#[inline(never)]
fn part<T: Clone>(shared: &mut Rc<T>) {
    Rc::make_mut(shared);
}
