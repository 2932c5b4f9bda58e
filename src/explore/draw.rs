//! Random scripts: a cluster, clients, and faults with time between them.
//!
//! A seed draws one of nine plays, each with faults that matter to it: replicas of a log, fast
//! changes of its leader, replicas that hear of such changes late, a consumer group, transactions,
//! a work queue, a chain of dead letters, nodes of a cluster, a publisher that is cut off together
//! with a node; some labs have ZooKeeper in the place of controllers, with its own faults; in some
//! clusters of nodes others join, and members of queues come and go, or quorum queues delay what
//! comes back; some classic queues have mirrors. The rules that [`super::demands`] counts on are
//! kept: no more than one Kafka machine loses power in a script, no classic queue is counted on
//! after a power cut, no topic is deleted and no offset set by hand.

use crate::sim::Stream;

/// What a script is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Play {
    Replicas,
    Epochs,
    Stale,
    Group,
    Transactions,
    Work,
    Deaths,
    Nodes,
    Sides,
}

/// A script for a seed with about so many faults, in a lab without these protections.
pub fn script(seed: u64, steps: usize, without: &[String]) -> Vec<String> {
    let mut dice = Dice { stream: Stream::named(seed, "explore"), is_cut: false };
    let play = match side(without) {
        Some(Side::Kafka) => dice.one(plays_of(&without[0])),
        Some(Side::Rabbit) if without[0] == "quorum-majority" => Play::Sides,
        Some(Side::Rabbit) => dice.one(&[Play::Work, Play::Deaths]),
        None => dice.one(&[
            Play::Replicas,
            Play::Group,
            Play::Transactions,
            Play::Work,
            Play::Deaths,
            Play::Nodes,
            Play::Sides,
        ]),
    };
    let mut lines = vec![lab(seed, play, without, &mut dice)];
    match play {
        Play::Replicas => replicas(&mut lines, &mut dice),
        Play::Epochs => epochs(&mut lines, &mut dice),
        Play::Stale => stale(&mut lines, &mut dice),
        Play::Group => group(&mut lines, &mut dice),
        Play::Transactions => transactions(&mut lines, &mut dice),
        Play::Work => work(&mut lines, without.is_empty(), &mut dice),
        Play::Deaths => deaths(&mut lines, &mut dice),
        Play::Nodes => nodes(&mut lines, without.is_empty() && has_stream(seed), &mut dice),
        Play::Sides => sides(&mut lines, &mut dice),
    }
    let is_whole = without.is_empty();
    if is_whole && play == Play::Nodes && !has_stream(seed) && has_mirrors(seed) {
        mirror(seed, &mut lines);
    } else if is_whole && matches!(play, Play::Nodes | Play::Sides) && has_delays(seed) {
        delay(seed, &mut lines);
    }
    let mut keepers = Stream::named(seed, "explore ZooKeeper");
    let mut members = Stream::named(seed, "explore members");
    let joins = play == Play::Nodes && without.is_empty() && members.below(2) == 0;
    for _ in 0..steps {
        if joins && members.below(2) == 0 {
            lines.push(change_of_members(&mut members));
        }
        if has_zookeeper(seed, play, without) && keepers.below(3) == 0 {
            lines.push(zookeeper_fault(&mut keepers));
        }
        let line = match play {
            Play::Replicas => dice.replica_fault(),
            Play::Epochs | Play::Stale => dice.epoch_fault(),
            Play::Group => dice.group_fault(),
            Play::Transactions => dice.transaction_fault(),
            Play::Work | Play::Deaths => dice.work_fault(),
            Play::Nodes => dice.node_fault(),
            Play::Sides => dice.side_fault(),
        };
        lines.push(line);
        lines.push(dice.time(play));
    }
    lines
}

/// True if ZooKeeper keeps the metadata of this lab: some seeds have the older world.
fn has_zookeeper(seed: u64, play: Play, without: &[String]) -> bool {
    let suits = matches!(play, Play::Replicas | Play::Group | Play::Transactions);
    suits && without.is_empty() && seed % 3 == 2
}

/// Nodes join; members of a quorum queue and replicas of a stream come and go.
fn change_of_members(stream: &mut Stream) -> String {
    let node = 1 + stream.below(5);
    match stream.below(12) {
        0 | 1 => "node rabbit-4 add".into(),
        2 => "node rabbit-5 add".into(),
        3 | 4 => format!("rabbitmq-queues add_member s rabbit@rabbit-{node}"),
        5 => format!("rabbitmq-queues add_member s rabbit@rabbit-{node} --membership voter"),
        6 | 7 => format!("rabbitmq-queues delete_member s rabbit@rabbit-{node}"),
        8 => format!("rabbitmq-streams add_replica q rabbit@rabbit-{node}"),
        9 => format!("rabbitmq-streams delete_replica q rabbit@rabbit-{node}"),
        10 => format!("node rabbit-{node} crash"),
        _ => format!("node rabbit-{node} start"),
    }
}

fn zookeeper_fault(stream: &mut Stream) -> String {
    let server = 1 + stream.below(3);
    match stream.below(8) {
        0 | 1 => format!("node zookeeper-{server} crash"),
        2 | 3 => format!("node zookeeper-{server} start"),
        4 => format!("node zookeeper-{server} pause"),
        5 => format!("node zookeeper-{server} resume"),
        6 => format!("net partition zookeeper-{server} kafka-{}", 1 + stream.below(3)),
        _ => format!("net isolate zookeeper-{server}"),
    }
}

/// Random faults between the lines of a given script.
pub fn around(script: &[String], seed: u64, steps: usize) -> Vec<String> {
    let mut dice = Dice { stream: Stream::named(seed, "explore"), is_cut: false };
    let mut lines = script.to_vec();
    // The lab and its cluster come first.
    let first = lines.iter().position(|line| line.starts_with("lab ")).map_or(0, |at| at + 1);
    for _ in 0..steps {
        let at = first + dice.below((lines.len() - first + 1) as u64) as usize;
        let fault = match dice.below(3) {
            0 => dice.replica_fault(),
            1 => dice.group_fault(),
            _ => dice.work_fault(),
        };
        let time = dice.time(Play::Work);
        lines.splice(at..at, [fault, time]);
    }
    lines
}

/// One of the two systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Kafka.
    Kafka,
    /// RabbitMQ.
    Rabbit,
}

/// The system that a drawn script is about.
pub fn side_of(script: &[String]) -> Side {
    match script.iter().any(|line| line.starts_with("kafka-topics ")) {
        true => Side::Kafka,
        false => Side::Rabbit,
    }
}

fn side(without: &[String]) -> Option<Side> {
    let name = without.first()?;
    let kafka = crate::kafka::protection::PROTECTIONS.iter().any(|(known, _)| known == name);
    Some(if kafka { Side::Kafka } else { Side::Rabbit })
}

/// The plays in which a protection of the Kafka side matters.
fn plays_of(without: &str) -> &'static [Play] {
    match without {
        "generation-check" | "cooperative-revoke" | "commit-after-process" => &[Play::Group],
        "transaction-fencing" => &[Play::Transactions],
        "epoch-truncation" => &[Play::Epochs],
        "fetch-epoch" => &[Play::Stale],
        _ => &[Play::Replicas],
    }
}

fn lab(seed: u64, play: Play, without: &[String], dice: &mut Dice) -> String {
    let mut line = format!("lab new --seed {seed}");
    match play {
        Play::Replicas | Play::Epochs => {
            line += " --kafka-brokers 3";
            let lag = dice.one(&["2000", "5000"]);
            line += &format!(" --set replica.lag.time.max.ms={lag}");
        }
        Play::Stale => line += " --kafka-brokers 3 --set replica.fetch.backoff.ms=100",
        Play::Group => line += " --set offsets.topic.num.partitions=1",
        Play::Transactions => line += " --set transaction.state.log.num.partitions=1",
        Play::Work | Play::Deaths => {}
        Play::Nodes | Play::Sides => {
            let handling = dice.one(&["ignore", "pause_minority", "autoheal"]);
            line += " --kafka-brokers 1 --rabbit-nodes 3 --set cluster_partition_handling=";
            line += handling;
        }
    }
    if has_zookeeper(seed, play, without) {
        line += " --coordinator zookeeper";
    }
    for name in without {
        line += &format!(" --without {name}");
    }
    line
}

fn replicas(lines: &mut Vec<String>, dice: &mut Dice) {
    let partitions = dice.one(&[1, 1, 2]);
    lines.push(format!(
        "kafka-topics --create --topic t --partitions {partitions} --replication-factor 3 \
         --config min.insync.replicas=2"
    ));
    let (rate, count) = (dice.one(&[2, 10, 50]), dice.one(&[50, 200]));
    lines.push(format!("producer p --kafka t --rate {rate}/s --count {count}"));
}

/// One partition with much traffic, and one broker to which everything takes long: what a leader
/// has and its followers do not have yet is often there when another one leads.
fn epochs(lines: &mut Vec<String>, dice: &mut Dice) {
    lines.push(
        "kafka-topics --create --topic t --replica-assignment 1:2:3 --config min.insync.replicas=2"
            .to_owned(),
    );
    let (rate, count) = (dice.one(&[20, 50]), dice.one(&[200, 400]));
    lines.push(format!("producer p --kafka t --rate {rate}/s --count {count} --set linger.ms=0"));
    lines.push(format!("net slow {} --latency 300ms", dice.one(&["kafka-2", "kafka-3"])));
}

/// Two followers that hear late of everything. One of them is about to be fenced when it is
/// elected, so that its leadership is over before anybody has heard of it.
fn stale(lines: &mut Vec<String>, dice: &mut Dice) {
    let wait = dice.below(1_000);
    let (rate, slow) = (dice.one(&[20, 50]), dice.one(&[100, 300]));
    let late = dice.one(&[300, 500, 800]);
    let fenced = 6_500 + 50 * dice.below(50);
    let script = format!(
        "kafka-topics --create --topic t --replica-assignment 1:2:3 --config min.insync.replicas=2
node kafka-1 crash
run 12s
node kafka-1 start
run {}ms
producer p --kafka t --rate {rate}/s --count 800 --set linger.ms=0
net slow kafka-1 kafka-2 --latency {slow}ms
net slow kafka-1 controller-1 --latency {late}ms
net slow kafka-3 controller-1 --latency {late}ms
net drop kafka-1 controller-1 --kind BrokerHeartbeat --count 100
run {fenced}ms
kafka-leader-election --election-type preferred --all-topic-partitions
run 3s",
        3_000 + wait
    );
    lines.extend(script.lines().map(str::to_owned));
}

fn group(lines: &mut Vec<String>, dice: &mut Dice) {
    let partitions = dice.one(&[1, 2, 3]);
    lines.push(format!("kafka-topics --create --topic t --partitions {partitions}"));
    let (rate, count) = (dice.one(&[2, 5, 20]), dice.one(&[50, 200]));
    lines.push(format!("producer p --kafka t --rate {rate}/s --count {count}"));
    let protocol = dice.one(&[
        "classic",
        "classic --set partition.assignment.strategy=cooperative-sticky",
        "consumer",
    ]);
    for name in ["c1", "c2"] {
        let (process, commit) = (dice.one(&["1ms", "50ms", "400ms"]), dice.one(&["auto", "after"]));
        lines.push(format!(
            "consumer {name} --kafka t --group g --process {process} --commit {commit} \
             --set group.protocol={protocol} --set auto.offset.reset=earliest"
        ));
    }
}

fn transactions(lines: &mut Vec<String>, dice: &mut Dice) {
    lines.push(
        "kafka-topics --create --topic t --partitions 2 --replication-factor 3 \
         --config min.insync.replicas=2"
            .to_owned(),
    );
    lines.push(
        "consumer c1 --kafka t --group g --set isolation.level=read_committed \
         --set auto.offset.reset=earliest"
            .to_owned(),
    );
    for name in ["p1", "p2"] {
        let (rate, records) = (dice.one(&[2, 10, 50]), dice.one(&[3, 7]));
        let timeout = dice.one(&[5_000, 60_000]);
        lines.push(format!(
            "producer {name} --kafka t --rate {rate}/s --count 40 --transaction {records} \
             --abort-every 3 --set transactional.id=x --set transaction.timeout.ms={timeout}"
        ));
        lines.push(dice.time(Play::Transactions));
    }
}

fn work(lines: &mut Vec<String>, is_whole: bool, dice: &mut Dice) {
    // A protection is missed where it is: in a classic queue.
    let kinds: &[&str] =
        if is_whole { &["classic", "classic", "quorum", "stream"] } else { &["classic"] };
    let kind = dice.one(kinds);
    lines.push(format!("rabbitmqadmin declare queue --name q --type {kind} --durable true"));
    let (rate, count) = (dice.one(&[5, 50, 500]), dice.one(&[50, 200]));
    lines.push(format!("producer p --rabbit /q --rate {rate}/s --count {count}"));
    for name in ["r1", "r2"] {
        let (prefetch, process) = (dice.one(&[1, 5, 20]), dice.one(&["1ms", "20ms", "300ms"]));
        let mut line =
            format!("consumer {name} --rabbit q --prefetch {prefetch} --process {process}");
        if kind == "stream" {
            line += " --set x-stream-offset=first";
        }
        lines.push(line);
    }
}

/// True if the second queue of the nodes is a stream: of some seeds it is.
fn has_stream(seed: u64) -> bool {
    Stream::named(seed, "explore a stream").below(2) == 0
}

/// True if what comes back to quorum queues is delayed: of a third of the seeds.
fn has_delays(seed: u64) -> bool {
    Stream::named(seed, "explore delays").below(3) == 0
}

/// True if the classic queue of the nodes is mirrored: of half the seeds that have one.
fn has_mirrors(seed: u64) -> bool {
    Stream::named(seed, "explore mirrors").below(2) == 0
}

/// Gives a lab a release that mirrors classic queues, and its classic queue mirrors. One that
/// lacks something is not promoted: what is confirmed outlives a crash.
fn mirror(seed: u64, lines: &mut Vec<String>) {
    let mut stream = Stream::named(seed, "explore a policy");
    let mode = match stream.below(3) {
        0 => "\"ha-mode\": \"exactly\", \"ha-params\": 2",
        _ => "\"ha-mode\": \"all\"",
    };
    let sync = ["automatic", "automatic", "manual"][stream.below(3) as usize];
    lines[0] += " --rabbit 3.11";
    lines.insert(
        1,
        format!(
            "rabbitmqctl set_policy ha ^q$ '{{{mode}, \"ha-sync-mode\": \"{sync}\", \
             \"ha-promote-on-failure\": \"when-synced\"}}'"
        ),
    );
}

/// True if what consumers of a lost node hold comes back after seconds: of half the seeds that
/// have the release for that. Else it does after a minute, and the node is mostly there before.
fn is_soon_given_up(seed: u64) -> bool {
    Stream::named(seed, "explore lost consumers").below(2) == 0
}

/// Gives a lab the release that can delay, and its quorum queues the arguments for that.
fn delay(seed: u64, lines: &mut [String]) {
    lines[0] += " --rabbit 4.3";
    let timeout = match is_soon_given_up(seed) {
        true => ", \"x-consumer-disconnected-timeout\": 3000",
        false => "",
    };
    for line in lines.iter_mut().filter(|line| line.ends_with("--type quorum")) {
        *line += " --arguments '{\"x-delayed-retry-type\": \"all\", \
                  \"x-delayed-retry-min\": 300, \"x-delayed-retry-max\": 2000";
        *line += timeout;
        *line += "}'";
    }
}

/// A quorum queue and a classic one, or a stream, on three nodes, with clients on different nodes.
fn nodes(lines: &mut Vec<String>, has_stream: bool, dice: &mut Dice) {
    let kind = if has_stream { "stream" } else { "classic" };
    lines.push("rabbitmqadmin declare queue --name s --type quorum".to_owned());
    lines.push(format!("rabbitmqadmin declare queue --name q --type {kind}"));
    let hosts = ["rabbit-1,rabbit-2,rabbit-3", "rabbit-2,rabbit-3,rabbit-1", "rabbit-3,rabbit-1"];
    for (name, queue) in [("p", "s"), ("d", "q")] {
        let (rate, count) = (dice.one(&[5, 50]), dice.one(&[20, 100]));
        let host = dice.one(&hosts);
        lines.push(format!(
            "producer {name} --rabbit /{queue} --rate {rate}/s --count {count} --set host={host}"
        ));
    }
    for (name, queue) in [("r1", "s"), ("r2", "s"), ("r3", "q")] {
        let (prefetch, process) = (dice.one(&[1, 5, 20]), dice.one(&["1ms", "20ms", "300ms"]));
        let host = dice.one(&hosts);
        lines.push(format!(
            "consumer {name} --rabbit {queue} --prefetch {prefetch} --process {process} \
             --set host={host}"
        ));
    }
}

/// A quorum queue on three nodes, whose publisher stays with its node when that is cut off; who
/// consumes, if anybody does, is elsewhere.
fn sides(lines: &mut Vec<String>, dice: &mut Dice) {
    lines.push("rabbitmqadmin declare queue --name s --type quorum".to_owned());
    let (rate, count) = (dice.one(&[1, 5]), dice.one(&[50, 100]));
    let host = dice.one(&["rabbit-1", "rabbit-1", "rabbit-2"]);
    lines.push(format!("producer p --rabbit /s --rate {rate}/s --count {count} --set host={host}"));
    if dice.below(2) == 0 {
        let process = dice.one(&["20ms", "300ms"]);
        lines.push(format!(
            "consumer r1 --rabbit s --prefetch 2 --process {process} --set host=rabbit-3,rabbit-2"
        ));
    }
}

fn deaths(lines: &mut Vec<String>, dice: &mut Dice) {
    let next = dice.one(&["q", "h"]);
    let ttl = dice.one(&[50, 400, 2_000]);
    let queue = |name: &str, ttl: u64, key: &str| {
        format!(
            "rabbitmqadmin declare queue --name {name} --durable true --arguments \
             '{{\"x-message-ttl\": {ttl}, \"x-dead-letter-exchange\": \"\", \
             \"x-dead-letter-routing-key\": \"{key}\"}}'"
        )
    };
    lines.push(queue("q", ttl, next));
    lines.push(queue("h", ttl * 2, "q"));
    let (rate, count) = (dice.one(&[5, 50]), dice.one(&[20, 60]));
    lines.push(format!("producer p --rabbit /q --rate {rate}/s --count {count}"));
    if dice.below(2) == 0 {
        let process = dice.one(&["20ms", "300ms"]);
        lines.push(format!("consumer r1 --rabbit q --prefetch 2 --process {process}"));
    }
}

struct Dice {
    stream: Stream,
    /// A machine has lost power.
    is_cut: bool,
}

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.stream.below(bound)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn time(&mut self, play: Play) -> String {
        let spans: &[&str] = match play {
            Play::Replicas => &["5ms", "50ms", "500ms", "3s", "12s", "20s"],
            Play::Epochs | Play::Stale => &["50ms", "500ms", "1s", "3s", "12s"],
            Play::Group => &["500ms", "3s", "12s", "50s", "50s"],
            Play::Transactions => &["5ms", "50ms", "500ms", "3s", "12s"],
            Play::Work | Play::Deaths => &["1ms", "20ms", "100ms", "500ms", "3s"],
            Play::Nodes => &["1ms", "20ms", "500ms", "3s", "20s", "90s"],
            Play::Sides => &["500ms", "3s", "20s", "90s"],
        };
        format!("run {}", self.one(spans))
    }

    fn replica_fault(&mut self) -> String {
        let broker = self.one(&["kafka-1", "kafka-2", "kafka-3"]);
        let other = self.one(&["kafka-1", "kafka-2", "kafka-3", "p", "controller-1"]);
        match self.below(16) {
            0 | 1 => format!("node {broker} crash"),
            2 => format!("node {broker} stop"),
            3..=5 => format!("node {broker} start"),
            6 => format!("node {broker} pause"),
            7 => format!("node {broker} resume"),
            8 if !self.is_cut => {
                self.is_cut = true;
                format!("node {broker} power-cut")
            }
            9 | 10 => format!("net isolate {broker}"),
            11 if other != broker => format!("net partition {broker} {other}"),
            12 if other != broker => format!("net drop {broker} {other} --count 3"),
            13 => format!("net slow {broker} --latency 300ms"),
            14 => "kafka-leader-election --election-type preferred --all-topic-partitions".into(),
            _ => "net heal".into(),
        }
    }

    fn epoch_fault(&mut self) -> String {
        let broker = self.one(&["kafka-1", "kafka-2", "kafka-3"]);
        let other = self.one(&["kafka-1", "kafka-2", "kafka-3"]);
        match self.below(14) {
            0 | 1 => format!("node {broker} crash"),
            2 => format!("node {broker} stop"),
            3..=5 => format!("node {broker} start"),
            6 | 7 => format!("node {broker} pause"),
            8 | 9 => format!("node {broker} resume"),
            10 if other != broker => format!("net partition {broker} {other}"),
            11 => format!("net slow {broker} --latency 300ms"),
            12 => "net heal".into(),
            _ => "kafka-leader-election --election-type preferred --all-topic-partitions".into(),
        }
    }

    fn group_fault(&mut self) -> String {
        let client = self.one(&["c1", "c2"]);
        match self.below(10) {
            0 => format!("client {client} crash"),
            1 => format!("client {client} stop"),
            2 | 3 => format!("client {client} start"),
            4 | 5 => format!("client {client} pause"),
            6 | 7 => format!("client {client} resume"),
            8 => format!("net isolate {client}"),
            _ => "net heal".into(),
        }
    }

    fn transaction_fault(&mut self) -> String {
        let client = self.one(&["p1", "p2"]);
        let broker = self.one(&["kafka-1", "kafka-2", "kafka-3"]);
        match self.below(12) {
            0 => format!("client {client} crash"),
            1 => format!("client {client} stop"),
            2 | 3 => format!("client {client} start"),
            4 => format!("client {client} pause"),
            5 | 6 => format!("client {client} resume"),
            7 => format!("node {broker} crash"),
            8 | 9 => format!("node {broker} start"),
            10 => format!("net isolate {client}"),
            _ => "net heal".into(),
        }
    }

    fn node_fault(&mut self) -> String {
        let node = self.one(&["rabbit-1", "rabbit-2", "rabbit-3"]);
        let other = self.one(&["rabbit-1", "rabbit-2", "rabbit-3", "p", "r1"]);
        let client = self.one(&["r1", "r2", "r3"]);
        match self.below(17) {
            0 | 1 => format!("node {node} crash"),
            2 => format!("node {node} stop"),
            3..=5 => format!("node {node} start"),
            6 => format!("node {node} pause"),
            7 => format!("node {node} resume"),
            8 | 9 => format!("net isolate {node}"),
            10 if other != node => format!("net partition {node} {other}"),
            15 => format!("node {node} power-cut"),
            // What is lost on a connection of AMQP is lost for good: TCP does not do that.
            11 if other != node => format!("net drop {node} {other} --kind queue.raft --count 3"),
            12 => format!("net slow {node} --latency 300ms"),
            13 => format!("client {client} crash"),
            14 => format!("client {client} start"),
            _ => "net heal".into(),
        }
    }

    /// One node and some clients on one side, the others on the other one.
    fn cut(&mut self) -> String {
        let cuts = [
            "rabbit-1,p rabbit-2,rabbit-3",
            "rabbit-2,p rabbit-1,rabbit-3",
            "rabbit-3,p rabbit-1,rabbit-2",
            "rabbit-1,p,r1 rabbit-2,rabbit-3",
            "rabbit-2,r1 rabbit-1,rabbit-3",
        ];
        format!("net partition {}", self.one(&cuts))
    }

    fn side_fault(&mut self) -> String {
        let node = self.one(&["rabbit-1", "rabbit-2", "rabbit-3"]);
        match self.below(14) {
            0..=3 => self.cut(),
            4 => format!("net isolate {node}"),
            5 => format!("net slow {node} --latency 300ms"),
            6 | 7 => format!("node {node} crash"),
            8 | 9 => format!("node {node} start"),
            10 => format!("node {node} pause"),
            11 => format!("node {node} resume"),
            _ => "net heal".into(),
        }
    }

    fn work_fault(&mut self) -> String {
        let client = self.one(&["r1", "r2"]);
        match self.below(10) {
            0 | 1 => format!("client {client} crash"),
            2 => format!("client {client} stop"),
            3 | 4 => format!("client {client} start"),
            5 => "node rabbit-1 crash".into(),
            6 | 7 => "node rabbit-1 start".into(),
            8 => format!("net isolate {client}"),
            _ => "net heal".into(),
        }
    }
}
