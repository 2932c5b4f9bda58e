//! Real time: the only clock of the browser that is read.

use gloo::timers::future::TimeoutFuture;
use js_sys::{Array, Function, Promise, Reflect};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{MessageChannel, Performance};

/// The clock of a page or a worker.
pub struct Clock {
    performance: Option<Performance>,
    /// A message to oneself is a turn of the event loop without the 4 ms that timers cost.
    turns: Option<MessageChannel>,
}

impl Default for Clock {
    fn default() -> Clock {
        let performance = Reflect::get(&js_sys::global(), &"performance".into()).ok();
        Clock {
            performance: performance.and_then(|value| value.dyn_into().ok()),
            turns: MessageChannel::new().ok(),
        }
    }
}

impl crate::host::drive::Clock for Clock {
    fn now_us(&self) -> u64 {
        let now_ms = match &self.performance {
            Some(performance) => performance.now(),
            None => js_sys::Date::now(),
        };
        (now_ms * 1_000.0) as u64
    }

    async fn turn(&self) {
        let Some(turns) = &self.turns else { return TimeoutFuture::new(0).await };
        let promise = Promise::new(&mut |resolve, _| turns.port2().set_onmessage(Some(&resolve)));
        let turn = JsFuture::from(promise);
        if turns.port1().post_message(&JsValue::NULL).is_ok() {
            // It cannot be rejected: nobody has the function for it.
            let _ = turn.await;
        }
    }

    async fn sleep_us(&self, span_us: u64) {
        TimeoutFuture::new(u32::try_from(span_us.div_ceil(1_000)).unwrap_or(u32::MAX)).await;
    }

    fn today(&self) -> String {
        let now = String::from(js_sys::Date::new_0().to_iso_string());
        now.chars().take_while(|c| *c != 'T').collect()
    }
}

/// What a future comes to, if it does so in time.
pub async fn within<T>(limit_ms: u32, future: impl Future<Output = T>) -> Option<T> {
    let (mut future, mut limit) = (pin!(future), pin!(patience(limit_ms)));
    poll_fn(|context| {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return Poll::Ready(Some(value));
        }
        limit.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Lets time pass in short waits, one after the other, so that a program that was busy for the
/// whole of it hears first what has happened meanwhile.
pub(super) async fn patience(limit_ms: u32) {
    const WAITS: u32 = 20;
    for _ in 0..WAITS {
        TimeoutFuture::new(limit_ms / WAITS).await;
    }
}

/// Calls a method that the bindings do not know.
pub(super) fn call(this: &JsValue, method: &str, arguments: &Array) -> Result<JsValue, JsValue> {
    let method: Function = Reflect::get(this, &method.into())?.dyn_into()?;
    method.apply(this, arguments)
}
