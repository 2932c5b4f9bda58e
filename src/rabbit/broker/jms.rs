//! Destinations of an older broker: ActiveMQ Classic, as JMS knows it (`lab new --rabbit
//! activemq`).
//!
//! There are queues and topics, and no exchanges between them: a sender names the destination,
//! which is made when it is first used. `jobs` or `queue://jobs` is a queue; `topic://news` is a topic,
//! which gives a copy to every subscription. A durable subscription (settings of the consumer:
//! `durable=true`, `clientId`) stays while its subscriber is away; any other goes with it.
//!
//! A consumer that names no prefetch gets the client's own: 1,000 of a queue, 100 of a durable
//! subscription, 32,767 of a topic (`ActiveMQPrefetchPolicy`). A message goes when it is
//! acknowledged. One that came back six times (`RedeliveryPolicy.maximumRedeliveries`) goes to the
//! queue `ActiveMQ.DLQ` when it comes back again, and so does one that has expired, if it is
//! persistent (`SharedDeadLetterStrategy`). A send is answered when the journal is flushed.
//!
//! Simplified: each queue and each durable subscription has a journal of its own, where KahaDB has
//! one for all; it keeps messages that are not persistent, too. A consumer acknowledges by hand
//! after its handler, which is what JMS does of its own (`AUTO_ACKNOWLEDGE`). A prefetch of 0 means
//! the default, and not that the consumer pulls. No selectors, no virtual topics, no network of
//! brokers: the broker is alone.

use super::Broker;
use crate::rabbit::command::{AmqpError, Argument};
use crate::rabbit::content::Content;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::exchange::{self, Binding, Destination, Kind};
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::{Arguments, Consume, QueueDeclare};
use crate::rabbit::process::Out;
use crate::rabbit::profile::Profile;
use std::rc::Rc;

/// Before the name of a topic.
const TOPIC: &str = "topic://";

/// Before the name of a queue; it may be left out.
const QUEUE: &str = "queue://";

/// Where messages go that nobody can process.
const DEAD_LETTERS: &str = "ActiveMQ.DLQ";

/// The argument of a durable subscription: the id of its client.
pub const CLIENT_ID: &str = "clientId";

/// Default prefetches of the client: of a queue, of a durable subscription, of a topic.
const PREFETCH: [u16; 3] = [1_000, 100, 32_767];

/// What a destination is.
#[derive(Clone, Copy)]
enum Kept {
    Queue,
    DeadLetters,
    Durable,
    /// Only as long as its subscriber is there.
    Passing,
}

impl Broker {
    pub(super) fn is_jms(&self) -> bool {
        self.profile == Profile::ActiveMq
    }

    /// A destination that is published to is there from then on.
    pub(super) fn make_destination(
        &mut self,
        channel: ChannelId,
        content: &Content,
        out: &mut Out<'_>,
    ) {
        match &*content.exchange {
            "" => drop(self.jms_queue(channel, &content.routing_key, Kept::Queue, out)),
            topic => self.jms_topic(topic, out),
        }
    }

    /// The queue that a consumer means, and how much is pushed to one that does not say.
    pub(super) fn subscription(
        &mut self,
        channel: ChannelId,
        consume: &Consume,
        out: &mut Out<'_>,
    ) -> Result<(QueueId, u16), AmqpError> {
        let [of_queue, of_durable, of_topic] = PREFETCH;
        let Some(topic) = consume.queue.strip_prefix(TOPIC) else {
            let name = consume.queue.strip_prefix(QUEUE).unwrap_or(&consume.queue);
            return Ok((self.jms_queue(channel, name, Kept::Queue, out), of_queue));
        };
        let (client, kept, prefetch) = match consume.arguments.get(CLIENT_ID) {
            Some(Argument::Text(client)) => (&**client, Kept::Durable, of_durable),
            _ => (&*consume.tag, Kept::Passing, of_topic),
        };
        let name = format!("{client}:{topic}");
        if let Some(id) = self.queue_ids.get(&*name)
            && self.queues[id].consumers.count() > 0
        {
            let text = format!("Broker: localhost - Client: {client} already connected");
            return Err(error::not_allowed(text));
        }
        self.jms_topic(&consume.queue, out);
        let id = self.jms_queue(channel, &name, kept, out);
        let binding = Binding {
            key: "".into(),
            destination: Destination::Queue(id),
            arguments: Arguments::new(),
        };
        let destination = binding.destination.clone();
        if self.exchanges.bind(&consume.queue, binding)? {
            let source = self.names.shared(&consume.queue);
            let name = self.destination_name(&destination);
            out.emit(Event::Bound { source, destination: name, key: "".into() });
            self.save_destination(&destination, None, out);
        }
        Ok((id, prefetch))
    }

    /// The queue for what nobody can process.
    pub(super) fn dead_letters(&mut self, out: &mut Out<'_>) {
        let nobody = self.connection_id(self.me);
        self.jms_queue(nobody, DEAD_LETTERS, Kept::DeadLetters, out);
    }

    fn jms_topic(&mut self, name: &str, out: &mut Out<'_>) {
        if self.exchanges.get(name).is_ok() {
            return;
        }
        let name = self.names.shared(name);
        self.exchanges.add(
            name.clone(),
            exchange::Declaration {
                kind: Kind::Fanout,
                durable: true,
                auto_delete: false,
                internal: false,
                arguments: Arguments::new(),
            },
        );
        out.emit(Event::ExchangeDeclared { exchange: name.clone() });
        self.save_exchange(&name, None, out);
    }

    fn jms_queue(
        &mut self,
        channel: ChannelId,
        name: &str,
        kept: Kept,
        out: &mut Out<'_>,
    ) -> QueueId {
        if let Some(id) = self.queue_ids.get(name) {
            return *id;
        }
        let text = |name: &str, value: &str| (name.to_owned(), Argument::Text(value.to_owned()));
        let journal = text("x-queue-type", "quorum");
        let to_dead =
            [text("x-dead-letter-exchange", ""), text("x-dead-letter-routing-key", DEAD_LETTERS)];
        let arguments: Arguments = match kept {
            Kept::Queue | Kept::Durable => to_dead.into_iter().chain([journal]).collect(),
            Kept::DeadLetters => [journal].into_iter().collect(),
            Kept::Passing => Arguments::new(),
        };
        let is_passing = matches!(kept, Kept::Passing);
        let declare = QueueDeclare {
            queue: name.to_owned(),
            passive: false,
            durable: !is_passing,
            exclusive: false,
            auto_delete: is_passing,
            arguments,
        };
        let name: Rc<str> = self.names.shared(name);
        self.make_queue(name.clone(), channel, &declare, out);
        self.save_queue(&name, None, out);
        self.queue_ids[&name]
    }
}
