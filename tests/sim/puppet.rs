//! Puppets: processes that do exactly what they are told, and write down what happens to them.

use bytes::Bytes;
use pushpull::sim::{
    CostModel, Disk, Input, MachineId, Message, Node, NodeId, Outbox, Span, Step, World,
};

/// What a puppet says: a kind and a size.
#[derive(Clone, Debug)]
pub struct Word {
    pub text: &'static str,
    pub size_bytes: u64,
}

impl Message for Word {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
    fn kind(&self) -> &'static str {
        self.text
    }
}

/// What a puppet is told to do in one step.
#[derive(Clone, Debug)]
pub enum Do {
    Say(NodeId, &'static str),
    SayBytes(NodeId, &'static str, u64),
    Close(NodeId),
    Work(Span),
    Timer(&'static str, Span),
    Cancel(&'static str),
    Append(&'static str, &'static str),
    Replace(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Truncate(&'static str, u64),
    Delete(&'static str),
    Flush(&'static str),
    Read(&'static str, u64, u64),
    Exit,
}

/// A puppet that is asked `work` for each word it hears.
#[derive(Clone)]
pub struct Puppet {
    pub work: Span,
}

impl Node for Puppet {
    type Message = Word;
    type Timer = &'static str;
    type Ticket = &'static str;
    type Command = Vec<Do>;
    type Event = String;

    fn step(&mut self, input: Input<Self>, out: &mut Outbox<'_, Self>) {
        match input {
            Input::Start => out.emit("starts".into()),
            Input::Stop => {
                out.emit("is asked to stop".into());
                out.exit();
            }
            Input::Message { from, body } => {
                out.work(self.work);
                out.emit(format!("hears {} of {}", body.text, from.0));
            }
            Input::Closed { peer } => out.emit(format!("loses {}", peer.0)),
            Input::Timer(name) => out.emit(format!("wakes for {name}")),
            Input::Read { ticket, bytes } => {
                let text = String::from_utf8_lossy(&bytes.bytes()).into_owned();
                out.emit(format!("reads '{text}' of {ticket}"));
            }
            Input::Flushed { ticket } => out.emit(format!("has flushed {ticket}")),
            Input::Command(all) => all.into_iter().for_each(|one| obey(one, out)),
        }
    }

    fn restarted(&self) -> Self {
        self.clone()
    }
}

fn obey(one: Do, out: &mut Outbox<'_, Puppet>) {
    let text = |text: &'static str| Bytes::from_static(text.as_bytes());
    match one {
        Do::Say(to, text) => out.send(to, Word { text, size_bytes: 0 }),
        Do::SayBytes(to, text, size_bytes) => out.send(to, Word { text, size_bytes }),
        Do::Close(peer) => out.close(peer),
        Do::Work(span) => out.work(span),
        Do::Timer(name, after) => out.timer(name, after),
        Do::Cancel(name) => out.cancel(name),
        Do::Append(file, bytes) => out.append(file, text(bytes)),
        Do::Replace(file, bytes) => out.replace(file, text(bytes)),
        Do::Rename(file, to) => out.rename(file, to),
        Do::Truncate(file, len) => out.truncate(file, len),
        Do::Delete(file) => out.delete(file),
        Do::Flush(file) => out.flush(file, file),
        Do::Read(file, from, len) => out.read(file, from, len, file),
        Do::Exit => out.exit(),
    }
}

/// A world of puppets, and what they wrote down.
#[derive(Clone)]
pub struct Stage {
    pub world: World<Puppet>,
}

/// The three puppets on every stage, each on a machine of its own.
pub const A: NodeId = NodeId(0);
pub const B: NodeId = NodeId(1);
pub const C: NodeId = NodeId(2);

impl Stage {
    /// Every way takes 1 ms, and everything else no time.
    pub fn new() -> Stage {
        Stage::with(CostModel::preset("lesson").expect("a known preset"), Span::ZERO)
    }

    pub fn with(cost: CostModel, work: Span) -> Stage {
        let mut stage = Stage { world: World::new(1, "stage", cost) };
        for name in ["a", "b", "c"] {
            let machine = stage.world.add_machine();
            stage.add(name, machine, work);
        }
        stage.run(0);
        stage.world.take_happenings();
        stage
    }

    pub fn add(&mut self, name: &str, machine: MachineId, work: Span) -> NodeId {
        let id = self.world.add(name, machine, Puppet { work }, Disk::default());
        self.world.start(id);
        id
    }

    /// Tells a puppet what to do now.
    pub fn tell<const N: usize>(&mut self, id: NodeId, what: [Do; N]) {
        self.world.command(id, what.to_vec());
    }

    /// Lets so many microseconds pass.
    pub fn run(&mut self, us: u64) {
        let until = self.world.now() + Span::micros(us);
        while self.world.next_time().is_some_and(|next| next <= until) {
            assert!(matches!(self.world.step(), Step::Ran));
        }
        self.world.advance_to(until);
    }

    /// Lets so many microseconds pass, and says what was written down since this was last called:
    /// `2000 b hears x of 0`.
    pub fn watch(&mut self, us: u64) -> Vec<String> {
        self.run(us);
        let happenings = self.world.take_happenings().into_iter();
        let line = |h: pushpull::sim::Happening<String>| {
            format!("{} {} {}", h.at.micros(), self.world.name(h.node), h.event)
        };
        happenings.map(line).collect()
    }

    /// What is in a file of a puppet.
    pub fn file(&self, id: NodeId, name: &str) -> Option<String> {
        let file = self.world.disk(id).get(name)?;
        let bytes = file.read(0, u64::MAX).expect("nothing was released").bytes();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
