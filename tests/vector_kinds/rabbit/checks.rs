//! What steps expect of queues, deliveries, confirms and returns.

use super::values::{entries, same};
use super::{Delivered, Runner};
use pushpull::rabbit::inspect::CellState;
use serde_json::{Map, Value};

impl Runner {
    pub(super) fn check(&mut self, step: &Map<String, Value>) -> Result<(), String> {
        let known = [
            "op",
            "queues",
            "contents",
            "delivered",
            "delivered_count",
            "redelivered",
            "tags",
            "confirms",
            "returns",
            "queue_exists",
            "deaths",
        ];
        if let Some(unknown) = step.keys().find(|name| !known.contains(&&***name)) {
            return Err(format!("the check {unknown} is not read yet"));
        }
        let states = self.cluster.queues();
        let find = |queue: &str| states.iter().find(|state| state.name == *queue);
        for (queue, wanted) in entries(step.get("queues")) {
            let state = find(queue).ok_or(format!("there is no queue {queue}"))?;
            for (name, is) in [("ready", state.ready), ("unacked", state.unacked)] {
                if let Some(wanted) = wanted.get(name) {
                    same(wanted, &is.into(), &format!("{name} of {queue}"))?;
                }
            }
        }
        for (queue, wanted) in entries(step.get("queue_exists")) {
            same(wanted, &find(queue).is_some().into(), &format!("existence of {queue}"))?;
        }
        for (queue, wanted) in entries(step.get("contents")) {
            let cells = self.cluster.glimpse(queue, usize::MAX);
            let ready = cells.iter().filter(|cell| cell.state == CellState::Ready);
            let ready: Vec<Value> =
                ready.map(|cell| self.labels[&cell.message].clone().into()).collect();
            same(wanted, &ready.into(), &format!("contents of {queue}"))?;
        }
        for (reason, wanted) in entries(step.get("deaths")) {
            let count = self.deaths.get(&**reason).copied().unwrap_or(0);
            same(wanted, &count.into(), &format!("deaths by {reason}"))?;
        }
        self.check_deliveries(step)?;
        if let Some(wanted) = step.get("confirms") {
            let mut told: Vec<Value> = std::mem::take(&mut self.confirms)
                .into_iter()
                .map(|(word, number)| Value::from(vec![Value::from(word), number.into()]))
                .collect();
            let mut wanted = wanted.as_array().cloned().unwrap_or_default();
            told.sort_by_key(|value| value.to_string());
            wanted.sort_by_key(|value| value.to_string());
            same(&wanted.into(), &told.into(), "confirms")?;
        }
        if let Some(wanted) = step.get("returns") {
            let told = std::mem::take(&mut self.returns).into_iter();
            let told: Vec<Value> = told
                .map(|(code, body)| Value::from(vec![Value::from(code), body.into()]))
                .collect();
            same(wanted, &told.into(), "returns")?;
        }
        Ok(())
    }

    fn check_deliveries(&mut self, step: &Map<String, Value>) -> Result<(), String> {
        let none = Delivered::default();
        let all = |consumer: &str| self.delivered.get(consumer).unwrap_or(&none);
        for (consumer, wanted) in entries(step.get("tags")) {
            let tags: Vec<Value> =
                all(consumer).messages.iter().map(|(_, _, tag)| (*tag).into()).collect();
            same(wanted, &tags.into(), &format!("tags of {consumer}"))?;
        }
        for (consumer, wanted) in entries(step.get("redelivered")) {
            let flags: Vec<Value> =
                all(consumer).messages.iter().map(|(_, flag, _)| (*flag).into()).collect();
            same(wanted, &flags.into(), &format!("redelivered to {consumer}"))?;
        }
        let mut checked = Vec::new();
        for (consumer, wanted) in entries(step.get("delivered")) {
            let bodies: Vec<Value> =
                all(consumer).messages.iter().map(|(body, _, _)| body.clone().into()).collect();
            same(wanted, &bodies.into(), &format!("delivered to {consumer}"))?;
            checked.push(consumer);
        }
        for (consumer, wanted) in entries(step.get("delivered_count")) {
            let count = all(consumer).messages.len();
            same(wanted, &count.into(), &format!("number delivered to {consumer}"))?;
            checked.push(consumer);
        }
        for consumer in checked {
            self.delivered.remove(consumer);
        }
        Ok(())
    }
}
