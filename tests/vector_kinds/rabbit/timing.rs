//! Vectors about how long things take, run with real clients of the engine.

use pushpull::lab::event::What;
use pushpull::rabbit::Cluster;
use pushpull::rabbit::command::{Ask, Command, OutgoingMessage, RequestId};
use pushpull::rabbit::event::Event;
use pushpull::rabbit::rates::{ONE, moving_average};
use pushpull::rabbit::spec::{ConsumerSpec, OnError, PublisherSpec, Settings, Spec};
use pushpull::sim::{CostModel, Disk, MessageId, NodeId, Span, Step, Time};
use serde_json::Value;

/// What the vectors allow.
const TOLERANCE: f64 = 0.01;

fn near(wanted: &Value, is: f64, what: &str) -> Result<(), String> {
    let wanted = wanted.as_f64().ok_or("a number is wanted")?;
    match (is - wanted).abs() <= TOLERANCE * wanted.abs() {
        true => Ok(()),
        false => Err(format!("{what}: wanted {wanted}, is {is}")),
    }
}

fn millis(value: &Value) -> Span {
    Span::micros((value.as_f64().unwrap_or(0.0) * 1_000.0).round() as u64)
}

/// Laws and averages.
pub fn cost(entry: &Value) -> Result<(), String> {
    if let Some(after) = entry.get("after") {
        let seconds = |name: &str| entry[name].as_f64().unwrap_or(0.0);
        let (active, all) = (seconds("active_s"), seconds("active_s") + seconds("inactive_s"));
        let share = |value: f64| (value * ONE as f64) as u64;
        let elapsed = Span::micros((all * 1_000_000.0) as u64);
        let before = share(seconds("before"));
        let is = moving_average(elapsed, Span::seconds(1), share(active / all), before);
        return near(after, is as f64 / ONE as f64, "capacity");
    }
    if entry.get("in_flight").is_some() {
        return confirm_window(entry);
    }
    if entry.get("fsyncs").is_some() {
        return flushes(entry);
    }
    if entry.get("prefetch").is_none() {
        return Err("nobody knows how to check this entry".to_owned());
    }
    let mut run = Run::new(millis(&entry["one_way_ms"]));
    let work = millis(&entry["processing_ms"]);
    run.consumer(entry["prefetch"].as_u64().unwrap_or(0) as u16, work);
    run.pass(Span::seconds(20));
    if let Some(wanted) = entry.get("messages_per_s") {
        near(wanted, run.processed as f64 / 20.0, "messages a second")?;
        let busy = run.processed as f64 * work.as_micros() as f64 / 20_000_000.0;
        return near(&entry["consumer_busy"], busy, "busy");
    }
    if let Some(wanted) = entry.get("buffer_wait_ms") {
        // The page counts whole messages in front of a new one.
        let waited = run.last_latency.as_micros() - millis(&entry["one_way_ms"]).as_micros();
        let whole = waited / work.as_micros() * work.as_micros();
        return near(wanted, whole as f64 / 1_000.0, "wait in the buffer");
    }
    let latency = run.last_latency.as_micros() as f64 / 1_000.0;
    near(&entry["latency_until_processing_ms"], latency, "latency until processing")
}

/// The page's disk.
const FLUSH_MS: f64 = 5.9;

/// What comes while the disk is busy shares the next flush: with as many messages in the time of a
/// flush as the page had in one, so many are in each flush here. The engine's own work for them
/// makes a flush a little longer.
fn flushes(entry: &Value) -> Result<(), String> {
    let number = |name: &str| entry[name].as_f64().unwrap_or(0.0);
    let wanted = number("messages_per_fsync");
    near(&entry["messages_per_fsync"], number("messages") / number("fsyncs"), "in a flush")?;
    if let Some(bound) = entry.get("upper_bound_messages_per_s") {
        near(bound, wanted / number("fsync_ms") * 1_000.0, "messages a second")?;
    }
    const PRODUCERS: f64 = 10.0;
    const FLUSHES: f64 = 8.0;
    let rate = (wanted / FLUSH_MS * 1_000.0 / PRODUCERS) as u64;
    let count = (wanted * FLUSHES / PRODUCERS) as u64;
    let mut script = "lab new --kafka-brokers 1 --cost ssd --set quorum_commands_soft_limit=100000
        rabbitmqadmin declare queue --name q --type quorum\n"
        .to_owned();
    for name in 0..PRODUCERS as u64 {
        script += &format!("producer p{name} --rabbit /q --rate {rate}/s --count {count}\n");
    }
    let timeline = super::cluster::play(&(script + "run 1s"))?;
    // The confirms of a flush come together.
    let mut in_flush: Vec<u64> = Vec::new();
    let mut last = Time::ZERO;
    for event in timeline.session().events().since(0) {
        if let What::Rabbit(Event::Confirmed { .. }) = event.what {
            if event.at.since(last) > Span::millis(2) {
                in_flush.push(0);
            }
            last = event.at;
            *in_flush.last_mut().ok_or("a confirm at the beginning")? += 1;
        }
    }
    let full = in_flush.get(1..in_flush.len().saturating_sub(1)).unwrap_or_default();
    let is = full.iter().sum::<u64>() as f64 / full.len().max(1) as f64;
    match full.len() >= 4 && (is - wanted).abs() <= 0.05 * wanted {
        true => Ok(()),
        false => Err(format!("wanted {wanted} in a flush, are {is}: {in_flush:?}")),
    }
}

/// With 50 ms each way and 4 ms of work, prefetch 1 keeps a consumer idle, and 26 keeps it busy.
pub fn windows() -> Result<(), String> {
    for (prefetch, per_second, busy) in [(1, 9.6, 0.0385), (26, 250.0, 1.0)] {
        let mut run = Run::new(Span::millis(50));
        run.consumer(prefetch, Span::millis(4));
        run.pass(Span::seconds(20));
        let is = run.processed as f64 / 20.0;
        near(&per_second.into(), is, "messages a second")?;
        near(&busy.into(), is * 0.004, "busy")?;
    }
    Ok(())
}

/// How long it takes to publish so many messages over this round trip, in milliseconds, when the
/// publisher waits for all confirms of a batch before the next one.
pub fn publishing_ms(messages: u64, batch: u64, round_trip: Span) -> f64 {
    let mut run = Run::new(Span::micros(round_trip.as_micros() / 2));
    let (begin, before) = (run.cluster.world.now(), run.confirmed);
    let mut published = 0;
    while published < messages {
        (0..batch).for_each(|_| run.publish());
        published += batch;
        while run.confirmed - before < published {
            let next = run.cluster.world.next_time().expect("confirms are under way");
            run.pass(next.since(run.cluster.world.now()));
        }
    }
    run.cluster.world.now().since(begin).as_micros() as f64 / 1_000.0
}

/// A publisher that waits for each confirm, or for the first of a window.
fn confirm_window(entry: &Value) -> Result<(), String> {
    let rtt = millis(&entry["rtt_ms"]);
    for (window, wanted) in
        [(1, &entry["messages_per_s"]), (100, &entry["in_flight_100_messages_per_s"])]
    {
        let mut run = Run::new(Span::micros(rtt.as_micros() / 2));
        let before = run.confirmed;
        for _ in 0..window {
            run.publish();
        }
        run.answers = true;
        run.pass(Span::seconds(10));
        near(wanted, (run.confirmed - before) as f64 / 10.0, "messages a second")?;
    }
    Ok(())
}

struct Run {
    cluster: Cluster,
    publisher: NodeId,
    published: u64,
    confirmed: u64,
    processed: u64,
    pushed: std::collections::BTreeMap<MessageId, Time>,
    last_latency: Span,
    /// Each confirm is answered by another publish.
    answers: bool,
}

impl Run {
    /// A queue with twenty thousand messages, so many one way.
    fn new(latency: Span) -> Run {
        let lesson = CostModel::preset("lesson").expect("it is a preset");
        let mut cluster = Cluster::new(1, CostModel { latency, ..lesson });
        let broker = Spec::Broker { number: 1, settings: Settings::new() };
        cluster.add("rabbit-1", broker, Disk::default());
        let admin = cluster.add("rabbit-admin", Spec::Admin, Disk::default());
        let declare = Ask::DeclareQueue {
            queue: "q".to_owned(),
            kind: "classic".to_owned(),
            durable: true,
            auto_delete: false,
            arguments: Default::default(),
        };
        cluster.command(admin, Command::Ask(RequestId(1), declare));
        let publisher = PublisherSpec { name: "p".to_owned(), settings: Settings::new() };
        let publisher = cluster.add("p", Spec::Publisher(publisher), Disk::default());
        let mut run = Run {
            cluster,
            publisher,
            published: 0,
            confirmed: 0,
            processed: 0,
            pushed: Default::default(),
            last_latency: Span::ZERO,
            answers: false,
        };
        run.pass(Span::seconds(2));
        for _ in 0..20_000 {
            run.publish();
        }
        run.pass(Span::seconds(2));
        run
    }

    fn publish(&mut self) {
        self.published += 1;
        let message = OutgoingMessage {
            id: MessageId(self.published),
            exchange: "".into(),
            routing_key: "q".into(),
            key: None,
            body: Default::default(),
            properties: None,
        };
        self.cluster.command(self.publisher, Command::Publish(message));
    }

    /// A consumer that begins now, when its window is full.
    fn consumer(&mut self, prefetch: u16, work: Span) {
        let spec = ConsumerSpec {
            name: "c".to_owned(),
            queue: "q".to_owned(),
            prefetch,
            auto_ack: false,
            work_per_message: work,
            memory: 0,
            on_error: OnError::Requeue,
            effect: None,
            settings: Settings::new(),
        };
        self.cluster.add("c", Spec::Consumer(spec), Disk::default());
        self.pass(Span::seconds(2));
        self.processed = 0;
    }

    fn pass(&mut self, span: Span) {
        let until = self.cluster.world.now() + span;
        while self.cluster.world.next_time().is_some_and(|next| next <= until) {
            assert!(matches!(self.cluster.world.step(), Step::Ran), "bytes are in memory");
            for happening in self.cluster.take_happenings() {
                match happening.event {
                    Event::Pushed { message, .. } => {
                        self.pushed.insert(message, happening.at);
                    }
                    Event::ProcessingStarted { message, .. } => {
                        self.last_latency = happening.at.since(self.pushed[&message]);
                    }
                    Event::Processed { .. } => self.processed += 1,
                    Event::Confirmed { .. } => {
                        self.confirmed += 1;
                        if self.answers {
                            self.publish();
                        }
                    }
                    _ => {}
                }
            }
        }
        self.cluster.world.advance_to(until);
    }
}
