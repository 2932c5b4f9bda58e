//! Steps that get messages one by one, and what is expected of them.

use super::values::{entries, plain, same};
use super::{Refusal, Runner};
use pushpull::rabbit::message::Method;
use serde_json::{Map, Value};

/// A message: its label, whether it was redelivered, how many are left, and its tag.
type Got = Option<(String, bool, u64, u64)>;

impl Runner {
    fn get_one(&mut self, channel: &str, queue: &str, no_ack: bool) -> Result<Got, Refusal> {
        let heard = self.ask(channel, Method::BasicGet { queue: queue.into(), no_ack })?;
        let got = heard.into_iter().find_map(|method| match method {
            Method::BasicGetEmpty => Some(None),
            Method::BasicGetOk { delivery_tag, redelivered, message_count, content } => {
                let label = self.labels[&content.id].clone();
                self.last_got = Some(content);
                Some(Some((label, redelivered, message_count, delivery_tag)))
            }
            _ => None,
        });
        Ok(got.expect("a get is answered"))
    }

    pub(super) fn get(
        &mut self,
        channel: &str,
        step: &Map<String, Value>,
    ) -> Result<Option<Refusal>, String> {
        let queue = step["queue"].as_str().ok_or("a get names its queue")?;
        let no_ack = step.get("ack").is_some_and(|ack| ack == "auto");
        let got = match self.get_one(channel, queue, no_ack) {
            Ok(got) => got,
            Err(refusal) => return Ok(Some(refusal)),
        };
        let Some(expect) = step.get("expect") else { return Ok(None) };
        match got {
            None => same(expect, &"empty".into(), "get")?,
            Some((body, redelivered, remaining, tag)) => {
                let facts: [(&str, Value); 4] = [
                    ("body", body.into()),
                    ("redelivered", redelivered.into()),
                    ("remaining", remaining.into()),
                    ("tag", tag.into()),
                ];
                for (name, fact) in facts {
                    if let Some(wanted) = expect.get(name) {
                        same(wanted, &fact, name)?;
                    } else if expect == "empty" {
                        return Err(format!("it got {fact}"));
                    }
                }
            }
        }
        self.check_properties(step).map(|()| None)
    }

    /// What is expected of the properties of the message that was got last.
    fn check_properties(&self, step: &Map<String, Value>) -> Result<(), String> {
        let Some(content) = &self.last_got else { return Ok(()) };
        let headers = content.headers();
        for (name, wanted) in entries(step.get("expect_headers")) {
            let is = headers.get(name).map_or(Value::Null, plain);
            same(wanted, &is, name)?;
        }
        for name in step.get("expect_no_headers").and_then(Value::as_array).into_iter().flatten() {
            if let Some(found) = name.as_str().and_then(|name| headers.get(name)) {
                return Err(format!("{name} is {found:?}"));
            }
        }
        if let Some(wanted) = step.get("expect_expiration") {
            let is = content.properties.expiration.clone().map_or(Value::Null, Value::from);
            same(wanted, &is, "expiration")?;
        }
        let Some(wanted) = step.get("expect_x_death").and_then(Value::as_array) else {
            return Ok(());
        };
        let deaths = headers.get("x-death").map_or(Value::Null, plain);
        let deaths = deaths.as_array().cloned().unwrap_or_default();
        same(&wanted.len().into(), &deaths.len().into(), "number of deaths")?;
        for (wanted, death) in wanted.iter().zip(&deaths) {
            for (name, wanted) in entries(Some(wanted)) {
                same(wanted, &death[name.replace('_', "-")], name)?;
            }
            if !death["time"].is_u64() {
                return Err(format!("the time of a death is {}", death["time"]));
            }
        }
        Ok(())
    }

    pub(super) fn get_many(
        &mut self,
        channel: &str,
        step: &Map<String, Value>,
    ) -> Result<Option<Refusal>, String> {
        let queue = step["queue"].as_str().ok_or("a get names its queue")?;
        let mut bodies: Vec<Value> = Vec::new();
        loop {
            match self.get_one(channel, queue, true) {
                Ok(None) => break,
                Ok(Some((body, ..))) => bodies.push(body.into()),
                Err(refusal) => return Ok(Some(refusal)),
            }
        }
        same(&step["expect"], &bodies.into(), "bodies").map(|()| None)
    }
}
