//! Servers that join a lab that runs.

use super::act::{Acted, done, refused};
use super::event::LabEvent;
use super::session::Session;
use crate::kafka::spec::{BrokerSpec, Spec};
use crate::rabbit;

/// More brokers than this nobody needs here.
const BROKERS_MAX: i32 = 99;

/// Nor more nodes than this.
const NODES_MAX: u32 = 20;

impl Session {
    /// A Kafka broker joins: it registers with the controllers, and gets replicas of whatever is
    /// made from then on.
    pub(super) fn act_add(&mut self, name: &str) -> Acted {
        if name.starts_with("rabbit-") {
            return self.act_add_rabbit(name);
        }
        let number = name.strip_prefix("kafka-").and_then(|number| number.parse::<i32>().ok());
        let number = number.filter(|number| (1..=BROKERS_MAX).contains(number));
        let Some(id) = number.filter(|number| format!("kafka-{number}") == name) else {
            return refused(format!(
                "found {name}, expected a broker such as kafka-4 or rabbit-4 to add"
            ));
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

    /// A RabbitMQ node joins the cluster.
    fn act_add_rabbit(&mut self, name: &str) -> Acted {
        if self.rabbit.world.id(name).is_some() {
            return refused(format!("{name} is there already"));
        }
        if self.spec().rabbit_nodes < 2 {
            return refused(
                "rabbit-1 is alone, and no other node can join it; `lab new --rabbit-nodes 2` \
                 makes a cluster"
                    .into(),
            );
        }
        let number = self.rabbit.brokers().count() as u32 + 1;
        if name != format!("rabbit-{number}") || number > NODES_MAX {
            let most = format!("; {NODES_MAX} are the most");
            return refused(format!("found {name}, expected rabbit-{number}, the next one{most}"));
        }
        let settings = self.rabbit_cluster_settings();
        self.add_rabbit(name, rabbit::spec::Spec::Broker { number, settings });
        self.tell(LabEvent::Process { name: name.into(), became: "started" });
        done()
    }
}
