//! Servers that join a lab that runs.

use super::act::{Acted, done, refused};
use super::event::LabEvent;
use super::session::Session;
use crate::kafka::spec::{BrokerSpec, Spec};

/// More brokers than this nobody needs here.
const BROKERS_MAX: i32 = 99;

impl Session {
    /// A Kafka broker joins: it registers with the controllers, and gets replicas of whatever is
    /// made from then on.
    pub(super) fn act_add(&mut self, name: &str) -> Acted {
        let number = name.strip_prefix("kafka-").and_then(|number| number.parse::<i32>().ok());
        let number = number.filter(|number| (1..=BROKERS_MAX).contains(number));
        let Some(id) = number.filter(|number| format!("kafka-{number}") == name) else {
            return refused(format!("found {name}, expected a broker such as kafka-4 to add"));
        };
        if self.kafka.world.id(name).is_some() {
            return refused(format!("{name} is there already"));
        }
        if self.spec().controllers == 0 {
            return refused(
                "kafka-1 is its own controller, and no other broker can join it; \
                 `lab new --kafka-brokers 2` has controllers"
                    .into(),
            );
        }
        let settings = self.kafka_settings(name);
        self.add_kafka(name, Spec::Broker(BrokerSpec { id, settings }));
        self.tell(LabEvent::Process { name: name.into(), became: "started" });
        done()
    }
}
