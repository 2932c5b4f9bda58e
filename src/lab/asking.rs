//! What the tools of RabbitMQ ask.

use super::act::{Acted, TOOL_PATIENCE, Wait, refused};
use super::session::{RABBIT_ADMIN, Session};
use crate::rabbit;
use crate::sim::NodeId;

impl Session {
    /// A RabbitMQ tool asks something: its answer is waited for.
    pub(super) fn act_rabbit_ask(&mut self, ask: &rabbit::command::Ask) -> Acted {
        if self.spec.rabbit_version == "activemq" {
            return refused(
                "this lab's broker is ActiveMQ, which the tools of RabbitMQ do not know; \
                 `state rabbit.queues` shows its queues"
                    .to_owned(),
            );
        }
        let request = self.rabbit_request();
        let nodes: Vec<NodeId> = self.rabbit.brokers().collect();
        let admin = self.rabbit.world.id(RABBIT_ADMIN).expect("every lab has it");
        let mut ask = ask.clone();
        if let rabbit::command::Ask::Publish(message) = &mut ask {
            message.id = self.number_message("rabbitmqadmin", message.key.as_deref());
        }
        if nodes.len() > self.spec.rabbit_nodes as usize {
            self.rabbit.command(admin, rabbit::command::Command::Meet(nodes.clone()));
        }
        let stays = matches!(ask, rabbit::command::Ask::On(..)) || self.spec.asks_last_node();
        if nodes.len() > 1 && !stays {
            ask = rabbit::command::Ask::Any(Box::new(ask));
        }
        self.rabbit.command(admin, rabbit::command::Command::Ask(request, ask));
        Ok(Wait::Rabbit(request, self.now + TOOL_PATIENCE))
    }

    /// The next message of the lab, from a tool.
    pub(super) fn number_message(
        &mut self,
        producer: &str,
        key: Option<&str>,
    ) -> crate::sim::MessageId {
        let id = crate::sim::MessageId(self.next_message);
        self.next_message += 1;
        self.ledger.announce(id, producer, key);
        id
    }
}
