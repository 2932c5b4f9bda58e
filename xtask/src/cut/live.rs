//! Which locals of a function matter at a place of it: those whose value somebody may still read.

use super::spots::Spot;
use std::collections::{BTreeSet, HashMap};
use walrus::LocalFunction;
use walrus::ir::{
    Block, Br, BrIf, BrTable, IfElse, Instr, InstrSeqId, LocalGet, LocalId, LocalSet, LocalTee,
    Loop,
};

/// Some locals of a function.
pub type Locals = BTreeSet<LocalId>;

/// What is live where in one function.
pub struct Live<'a> {
    function: &'a LocalFunction,
    /// At a spot.
    at: HashMap<Spot, Locals>,
    /// For who branches to a sequence: behind a block, at the head of a loop.
    label: HashMap<InstrSeqId, Locals>,
    /// Behind the end of a sequence.
    end: HashMap<InstrSeqId, Locals>,
}

impl<'a> Live<'a> {
    pub fn of(function: &'a LocalFunction) -> Live<'a> {
        let mut live =
            Live { function, at: HashMap::new(), label: HashMap::new(), end: HashMap::new() };
        let entry = function.entry_block();
        live.label.insert(entry, Locals::new());
        live.before(entry, Locals::new());
        live
    }

    /// What is live at a spot.
    pub fn at(&self, spot: Spot) -> &Locals {
        &self.at[&spot]
    }

    /// What is live for who branches to a sequence.
    pub fn label(&self, seq: InstrSeqId) -> &Locals {
        &self.label[&seq]
    }

    /// What is live behind the end of a sequence.
    pub fn end(&self, seq: InstrSeqId) -> &Locals {
        &self.end[&seq]
    }

    /// What is live at the begin of a sequence, when this is live behind it.
    fn before(&mut self, seq: InstrSeqId, behind: Locals) -> Locals {
        self.end.insert(seq, behind.clone());
        let function = self.function;
        let mut live = behind;
        for (at, (instr, _)) in function.block(seq).instrs.iter().enumerate().rev() {
            if matches!(instr, Instr::Block(_) | Instr::Loop(_) | Instr::IfElse(_) | Instr::BrIf(_))
            {
                self.at.insert(Spot { seq, at: at + 1 }, live.clone());
            }
            live = self.before_instr(instr, live);
        }
        self.at.insert(Spot { seq, at: 0 }, live.clone());
        live
    }

    fn before_instr(&mut self, instr: &Instr, mut live: Locals) -> Locals {
        match instr {
            Instr::Block(Block { seq }) => {
                self.label.insert(*seq, live.clone());
                return self.before(*seq, live);
            }
            Instr::Loop(Loop { seq }) => return self.before_loop(*seq, &live),
            Instr::IfElse(IfElse { consequent, alternative }) => {
                for arm in [*consequent, *alternative] {
                    self.label.insert(arm, live.clone());
                }
                let mut either = self.before(*consequent, live.clone());
                either.extend(self.before(*alternative, live));
                return either;
            }
            Instr::Br(Br { block }) => return self.label[block].clone(),
            Instr::BrIf(BrIf { block }) => live.extend(&self.label[block]),
            Instr::BrTable(BrTable { blocks, default }) => {
                live.clone_from(&self.label[default]);
                for block in blocks {
                    live.extend(&self.label[block]);
                }
            }
            Instr::Return(_) | Instr::Unreachable(_) => live.clear(),
            Instr::LocalGet(LocalGet { local }) => {
                live.insert(*local);
            }
            Instr::LocalSet(LocalSet { local }) | Instr::LocalTee(LocalTee { local }) => {
                live.remove(local);
            }
            _ => {}
        }
        live
    }

    /// A loop's head is behind itself: what is live there grows until it stays.
    fn before_loop(&mut self, seq: InstrSeqId, behind: &Locals) -> Locals {
        let mut head = self.label.get(&seq).cloned().unwrap_or_default();
        loop {
            self.label.insert(seq, head.clone());
            let next = self.before(seq, behind.clone());
            if next == head {
                return head;
            }
            head = next;
        }
    }
}
