//! What there is in the lab's state: every field by name, so that a wrong one is an error before
//! anything runs. The state that `state` prints has this shape, and no other.

/// The shape of a part of the state.
#[derive(Clone, Copy)]
pub enum Shape {
    /// A number, string, truth value, or `null`.
    Value,
    /// A list of values.
    Values,
    /// A map from names to values.
    ValueMap,
    /// An object with these fields.
    Object(&'static Object),
    /// A list of objects.
    List(&'static Object),
    /// A map from names to objects.
    Map(&'static Object),
}

/// The fields of an object. Objects may hold themselves, so nothing is derived that would walk
/// through all of one.
pub struct Object {
    /// What it is, in a sentence: `a consumer group`.
    pub called: &'static str,
    /// Its fields.
    pub fields: &'static [(&'static str, Shape)],
    /// One of many by name: the method, and the map or list that it looks into.
    pub methods: &'static [(&'static str, &'static str)],
}

use Shape::{List, Map, Object as One, Value, ValueMap, Values};

/// The whole state.
pub static STATE: Object = Object {
    called: "the state",
    fields: &[
        ("time_us", Value),
        ("seed", Value),
        ("kafka", One(&KAFKA)),
        ("rabbit", One(&RABBIT)),
        ("clients", Map(&CLIENT)),
        ("ledger", One(&LEDGER)),
        ("events", ValueMap),
    ],
    methods: &[("client", "clients")],
};

static KAFKA: Object = Object {
    called: "the Kafka side",
    fields: &[
        ("brokers", Map(&SERVER)),
        ("controllers", Map(&CONTROLLER)),
        ("active_controller", Value),
        ("controller_epoch", Value),
        ("ensemble", Map(&ZOOKEEPER)),
        ("topics", Map(&TOPIC)),
        ("groups", Map(&GROUP)),
        ("groups_stable", Value),
        ("transactions", Map(&TRANSACTION)),
    ],
    methods: &[
        ("transaction", "transactions"),
        ("broker", "brokers"),
        ("controller", "controllers"),
        ("zookeeper", "ensemble"),
        ("topic", "topics"),
        ("group", "groups"),
    ],
};

static RABBIT: Object = Object {
    called: "the RabbitMQ side",
    fields: &[
        ("nodes", Map(&SERVER)),
        ("exchanges", Map(&EXCHANGE)),
        ("bindings", List(&BINDING)),
        ("queues", Map(&QUEUE)),
        ("alarms", Values),
        ("connections", ValueMap),
        ("policies", ValueMap),
    ],
    methods: &[("node", "nodes"), ("exchange", "exchanges"), ("queue", "queues")],
};

static SERVER: Object = Object { called: "a server", fields: &[("status", Value)], methods: &[] };

static CONTROLLER: Object = Object {
    called: "a controller",
    fields: &[
        ("status", Value),
        ("active", Value),
        ("epoch", Value),
        ("end_offset", Value),
        ("committed", Value),
    ],
    methods: &[],
};

static ZOOKEEPER: Object = Object {
    called: "a ZooKeeper server",
    fields: &[
        ("status", Value),
        ("mode", Value),
        ("epoch", Value),
        ("zxid", Value),
        ("sessions", Value),
        ("connections", Value),
    ],
    methods: &[],
};

static TOPIC: Object = Object {
    called: "a topic",
    fields: &[
        ("records", Value),
        ("partitions_used", Value),
        ("config", ValueMap),
        ("partitions", List(&PARTITION)),
    ],
    methods: &[("partition", "partitions")],
};

static PARTITION: Object = Object {
    called: "a partition",
    fields: &[
        ("partition", Value),
        ("leader", Value),
        ("leader_epoch", Value),
        ("replicas", Values),
        ("isr", Values),
        ("elr", Values),
        ("log_start", Value),
        ("high_watermark", Value),
        ("last_stable_offset", Value),
        ("end_offset", Value),
        ("records", Value),
        ("segments", Value),
        ("bytes", Value),
        ("logs", List(&LOG)),
    ],
    methods: &[],
};

static LOG: Object = Object {
    called: "a log",
    fields: &[
        ("broker", Value),
        ("leads", Value),
        ("leader_epoch", Value),
        ("log_start", Value),
        ("high_watermark", Value),
        ("end_offset", Value),
    ],
    methods: &[],
};

static GROUP: Object = Object {
    called: "a consumer group",
    fields: &[
        ("state", Value),
        ("generation", Value),
        ("assignor", Value),
        ("members", Values),
        ("assignment", Map(&MEMBER)),
        ("idle", Value),
        ("lag", Value),
        ("committed", ValueMap),
    ],
    methods: &[("member", "assignment")],
};

static TRANSACTION: Object = Object {
    called: "a transactional id",
    fields: &[
        ("state", Value),
        ("coordinator", Value),
        ("producer_id", Value),
        ("epoch", Value),
        ("partitions", Values),
    ],
    methods: &[],
};

static MEMBER: Object =
    Object { called: "a member", fields: &[("partitions", Values)], methods: &[] };

static EXCHANGE: Object = Object {
    called: "an exchange",
    fields: &[
        ("type", Value),
        ("durable", Value),
        ("auto_delete", Value),
        ("internal", Value),
        ("arguments", ValueMap),
        ("policy", Value),
    ],
    methods: &[],
};

static BINDING: Object = Object {
    called: "a binding",
    fields: &[
        ("source", Value),
        ("destination", Value),
        ("destination_type", Value),
        ("key", Value),
        ("arguments", ValueMap),
    ],
    methods: &[],
};

static QUEUE: Object = Object {
    called: "a queue",
    fields: &[
        ("type", Value),
        ("node", Value),
        ("state", Value),
        ("leader", Value),
        ("members", Values),
        ("online", Values),
        ("delivery_limit", Value),
        ("durable", Value),
        ("auto_delete", Value),
        ("exclusive", Value),
        ("arguments", ValueMap),
        ("policy", Value),
        ("operator_policy", Value),
        ("messages", Value),
        ("ready", Value),
        ("unacked", Value),
        ("delayed", Value),
        ("dead", Value),
        ("bytes", Value),
        ("in_memory", Value),
        ("consumers", Values),
        ("consumer_utilisation", Value),
    ],
    methods: &[],
};

static CLIENT: Object = Object {
    called: "a client",
    fields: &[
        ("kind", Value),
        ("status", Value),
        ("group", Value),
        ("queue", Value),
        ("prefetch", Value),
        ("got", Value),
        ("done", Value),
        ("held", Value),
        ("held_bytes", Value),
        ("memory", Value),
        ("busy", Value),
        ("parked", Value),
        ("position", ValueMap),
        ("unacked", Value),
        ("failed", Value),
        ("effects", Value),
        ("store", ValueMap),
        ("sent", Value),
        ("sending", Value),
        ("kafka", One(&CLIENT)),
        ("rabbit", One(&CLIENT)),
    ],
    methods: &[],
};

static LEDGER: Object = Object {
    called: "the ledger",
    fields: &[
        ("sent", Value),
        ("delivered", Value),
        ("processed", Value),
        ("lost", Value),
        ("duplicated", Value),
        ("reordered", Value),
        ("failed", Value),
        ("kafka", One(&SIDE)),
        ("rabbit", One(&SIDE)),
    ],
    methods: &[],
};

static SIDE: Object = Object {
    called: "a side of the ledger",
    fields: &[
        ("sent", Value),
        ("acknowledged", Value),
        ("failed", Value),
        ("delivered", Value),
        ("processed", Value),
        ("duplicated", Value),
        ("lost", Value),
        ("reordered", Value),
    ],
    methods: &[],
};

impl Shape {
    /// What it is, in a sentence.
    pub fn called(self) -> String {
        match self {
            Shape::Value => "a single value".into(),
            Shape::Values => "a list of values".into(),
            Shape::ValueMap => "a map of values".into(),
            Shape::Object(object) => object.called.into(),
            Shape::List(object) => format!("a list, each {}", object.called),
            Shape::Map(object) => format!("a map, each {}", object.called),
        }
    }

    /// The object that a field can be asked of: itself, or each element of it.
    pub fn object(self) -> Option<&'static Object> {
        match self {
            Shape::Object(object) | Shape::List(object) | Shape::Map(object) => Some(object),
            Shape::Value | Shape::Values | Shape::ValueMap => None,
        }
    }

    /// The shape of one element; `None` if it has no elements.
    pub fn element(self) -> Option<Shape> {
        match self {
            Shape::List(object) | Shape::Map(object) => Some(Shape::Object(object)),
            Shape::Values | Shape::ValueMap => Some(Shape::Value),
            Shape::Value | Shape::Object(_) => None,
        }
    }
}

impl Object {
    /// The shape of a field.
    pub fn field(&self, name: &str) -> Option<Shape> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, shape)| *shape)
    }

    /// The map or list that a method looks into.
    pub fn method(&self, name: &str) -> Option<&'static str> {
        self.methods.iter().find(|(method, _)| *method == name).map(|(_, field)| *field)
    }
}
