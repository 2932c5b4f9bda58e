//! Which of several tabs saves a lab: the one that holds its Web Lock.

use super::clock::{call, within};
use js_sys::{Array, Function, Object, Promise, Reflect};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortController;

/// How long a lock is waited for, in milliseconds: a tab that is being reloaded may still hold it.
const PATIENCE_MS: u32 = 1_500;

/// A lock that this tab holds; let go when this is dropped, and by the browser when the tab dies.
pub struct Lock {
    let_go: Rc<RefCell<Option<Function>>>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(let_go) = self.let_go.borrow_mut().take() {
            // Resolving a promise cannot fail.
            let _ = let_go.call0(&JsValue::NULL);
        }
    }
}

impl Lock {
    /// Takes the lock of this name; `None` if another tab holds it. Where the browser has no
    /// locks, every tab gets it.
    pub async fn take(name: &str) -> Result<Option<Lock>, JsValue> {
        Lock::ask(name, false).await
    }

    /// Takes the lock of this name from whichever tab has it.
    pub async fn steal(name: &str) -> Result<Lock, JsValue> {
        Lock::ask(name, true).await?.ok_or_else(|| "the lock could not be taken over".into())
    }

    async fn ask(name: &str, steal: bool) -> Result<Option<Lock>, JsValue> {
        let let_go = Rc::new(RefCell::new(None));
        let navigator = Reflect::get(&js_sys::global(), &"navigator".into())?;
        let locks = Reflect::get(&navigator, &"locks".into())?;
        if !locks.is_object() {
            return Ok(Some(Lock { let_go }));
        }
        let controller = AbortController::new()?;
        let options = Object::new();
        match steal {
            true => Reflect::set(&options, &"steal".into(), &true.into())?,
            false => Reflect::set(&options, &"signal".into(), &controller.signal())?,
        };
        let mut asked = Err(JsValue::NULL);
        let held = let_go.clone();
        let granted = Promise::new(&mut |granted, refused| {
            // The browser lets the lock go once the promise that this gives is resolved.
            let held = held.clone();
            let hold = Closure::once_into_js(move |_lock: JsValue| -> JsValue {
                let end = Promise::new(&mut |resolve, _| *held.borrow_mut() = Some(resolve));
                let _ = granted.call0(&JsValue::NULL);
                end.into()
            });
            let arguments = Array::of3(&name.into(), &options, &hold);
            asked = call(&locks, "request", &arguments).and_then(|request| {
                let request: Promise = request.dyn_into()?;
                // It is refused by the signal below.
                call(&request, "catch", &Array::of1(&refused))
            });
        });
        let mut granted = JsFuture::from(granted);
        asked?;
        let answer = match within(PATIENCE_MS, &mut granted).await {
            Some(answer) => answer,
            None => {
                controller.abort();
                granted.await
            }
        };
        match answer {
            Ok(_) => Ok(Some(Lock { let_go })),
            Err(error) if error.has_type::<web_sys::DomException>() => {
                let error: web_sys::DomException = error.unchecked_into();
                if error.name() == "AbortError" { Ok(None) } else { Err(error.into()) }
            }
            Err(error) => Err(error),
        }
    }
}
