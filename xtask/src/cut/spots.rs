//! Where control can arrive in a function, so that it can be told which parts of it a first visit
//! goes through.

use walrus::LocalFunction;
use walrus::ir::{Block, BrIf, IfElse, Instr, InstrSeqId, InstrSeqType, Loop};

/// A place in a function. Whoever passes one of a sequence has passed those before it there, so
/// that everything from one that nobody passes to the end of its sequence is not gone through.
///
/// Nothing of its sequence lies on the operand stack there: what compilers write keeps nothing on
/// it where control divides or joins, and a place where it would is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spot {
    pub seq: InstrSeqId,
    /// The instruction that comes next.
    pub at: usize,
}

/// The spots of a function, as they stand in it: its begin, the arms of each `if`, and what follows
/// a block, a loop, an `if` or a branch that need not be taken.
pub fn spots(function: &LocalFunction) -> Vec<Spot> {
    let entry = Spot { seq: function.entry_block(), at: 0 };
    let mut found = vec![entry];
    gather(function, entry.seq, &mut found);
    found
}

fn gather(function: &LocalFunction, seq: InstrSeqId, found: &mut Vec<Spot>) {
    let leaves_nothing = |seq: &InstrSeqId| function.block(*seq).ty == InstrSeqType::Simple(None);
    let instrs = &function.block(seq).instrs;
    for (at, (instr, _)) in instrs.iter().enumerate() {
        let is_clear = match instr {
            Instr::Block(Block { seq }) | Instr::Loop(Loop { seq }) => {
                gather(function, *seq, found);
                leaves_nothing(seq)
            }
            Instr::IfElse(IfElse { consequent, alternative }) => {
                for arm in [*consequent, *alternative] {
                    found.push(Spot { seq: arm, at: 0 });
                    gather(function, arm, found);
                }
                leaves_nothing(consequent)
            }
            Instr::BrIf(BrIf { block }) => leaves_nothing(block),
            _ => false,
        };
        if is_clear && at + 1 < instrs.len() {
            found.push(Spot { seq, at: at + 1 });
        }
    }
}
