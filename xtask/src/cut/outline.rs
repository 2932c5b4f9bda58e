//! Parts of functions that a first visit does not go through become functions of their own, which
//! can be left to the rest of a program.
//!
//! Such a part reaches from a [`Spot`] to the end of its sequence. What it reads becomes parameters
//! of the new function, what it writes and somebody reads later becomes results; and where it goes
//! on is one more result, when there are several ways out of it.

use super::live::{Live, Locals};
use super::spots::Spot;
use std::collections::{BTreeMap, BTreeSet};
use walrus::ir::{
    Block, Br, BrIf, BrTable, Call, Const, IfElse, Instr, InstrLocId, InstrSeqId, InstrSeqType,
    LocalGet, LocalId, LocalSet, LocalTee, Loop, Return, Unreachable, Value,
};
use walrus::{FunctionBuilder, FunctionId, LocalFunction, Module, ModuleLocals, ValType};

/// A part is worth a call when it has about so many bytes more than the call.
pub const LEAST_GAIN: isize = 48;

/// A way out of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Exit {
    /// Over the end of its sequence.
    End,
    /// A branch to a sequence around it.
    Label(InstrSeqId),
    /// Out of the function.
    Return,
}

/// A part that can become a function.
struct Part {
    spot: Spot,
    /// Whether its sequence is a loop's, so that a branch to it goes to its head.
    in_loop: bool,
    /// What it reads, its parameters.
    reads: Vec<LocalId>,
    /// What it writes for others, its results.
    writes: Vec<LocalId>,
    exits: Vec<Exit>,
}

/// Makes functions of the parts of a function that begin at these spots, as far as that gains so
/// many bytes. Returns how many.
pub fn outline(
    module: &mut Module,
    id: FunctionId,
    cold: &BTreeSet<Spot>,
    least_gain: isize,
) -> usize {
    let function = module.funcs.get(id).kind.unwrap_local();
    let mut parts = Vec::new();
    let search = Search { function, live: Live::of(function), cold, least_gain };
    search.find(function.entry_block(), false, &mut parts);
    let results = module.types.results(function.ty()).to_vec();
    let name = module.funcs.get(id).name.clone().unwrap_or_default();
    for (number, part) in parts.iter().enumerate() {
        let returned = if part.exits.contains(&Exit::Return) { &*results } else { &[] };
        let copy = copy(module, id, part, returned, format!("{name} part {number}"));
        replace(module, id, part, returned, copy);
    }
    parts.len()
}

struct Search<'a> {
    function: &'a LocalFunction,
    live: Live<'a>,
    cold: &'a BTreeSet<Spot>,
    least_gain: isize,
}

impl Search<'_> {
    /// The outermost cold parts of a sequence that can become functions.
    fn find(&self, seq: InstrSeqId, in_loop: bool, parts: &mut Vec<Part>) {
        for (at, (instr, _)) in self.function.block(seq).instrs.iter().enumerate() {
            let spot = Spot { seq, at };
            if self.cold.contains(&spot)
                && let Some(part) = self.part(spot, in_loop)
            {
                parts.push(part);
                return;
            }
            for inner in inner(instr) {
                self.find(inner, matches!(instr, Instr::Loop(_)), parts);
            }
        }
    }

    /// The part from a spot on, when it can become a function and that is worth it.
    fn part(&self, spot: Spot, in_loop: bool) -> Option<Part> {
        let Search { function, live, .. } = self;
        let seq = function.block(spot.seq);
        let instrs = &seq.instrs[spot.at..];
        let mut survey = Survey::default();
        survey.see(function, instrs);
        let is_entry = spot.seq == function.entry_block();
        let mut exits = BTreeSet::new();
        if !instrs.last().is_some_and(|(last, _)| never_goes_on(last)) {
            exits.insert(if is_entry { Exit::Return } else { Exit::End });
        }
        if survey.returns {
            exits.insert(Exit::Return);
        }
        for &target in survey.targets.difference(&survey.inside) {
            let is_end = target == spot.seq && !in_loop;
            exits.insert(if is_end { Exit::End } else { Exit::Label(target) });
        }
        let mut later = Locals::new();
        for exit in &exits {
            let (label, live) = match exit {
                Exit::End => (spot.seq, live.end(spot.seq)),
                Exit::Label(label) => (*label, live.label(*label)),
                Exit::Return => continue,
            };
            // What would have to be carried on the operand stack.
            if label == function.entry_block()
                || function.block(label).ty != InstrSeqType::Simple(None)
            {
                return None;
            }
            later.extend(live);
        }
        let reads: Vec<LocalId> = live.at(spot).iter().copied().collect();
        let writes: Vec<LocalId> = survey.written.intersection(&later).copied().collect();
        let exits: Vec<Exit> = exits.into_iter().collect();
        let call_bytes = 2 * (2 * reads.len() + writes.len() + 2 * exits.len());
        let gain = survey.bytes as isize - call_bytes as isize;
        (gain >= self.least_gain).then_some(Part { spot, in_loop, reads, writes, exits })
    }
}

/// Whether what follows an instruction is never reached from it.
fn never_goes_on(instr: &Instr) -> bool {
    matches!(instr, Instr::Br(_) | Instr::BrTable(_) | Instr::Return(_) | Instr::Unreachable(_))
}

/// The sequences in an instruction.
fn inner(instr: &Instr) -> Vec<InstrSeqId> {
    match instr {
        Instr::Block(Block { seq }) | Instr::Loop(Loop { seq }) => vec![*seq],
        Instr::IfElse(IfElse { consequent, alternative }) => vec![*consequent, *alternative],
        _ => Vec::new(),
    }
}

/// What the instructions of a part do.
#[derive(Default)]
struct Survey {
    bytes: usize,
    inside: BTreeSet<InstrSeqId>,
    written: Locals,
    targets: BTreeSet<InstrSeqId>,
    returns: bool,
}

impl Survey {
    fn see(&mut self, function: &LocalFunction, instrs: &[(Instr, InstrLocId)]) {
        for (instr, _) in instrs {
            self.bytes += encoded_bytes(instr);
            match instr {
                Instr::LocalSet(LocalSet { local }) | Instr::LocalTee(LocalTee { local }) => {
                    self.written.insert(*local);
                }
                Instr::Br(Br { block }) | Instr::BrIf(BrIf { block }) => {
                    self.targets.insert(*block);
                }
                Instr::BrTable(BrTable { blocks, default }) => {
                    self.targets.extend(blocks.iter().chain([default]));
                }
                Instr::Return(_) => self.returns = true,
                _ => {}
            }
            for seq in inner(instr) {
                self.inside.insert(seq);
                self.see(function, &function.block(seq).instrs);
            }
        }
    }
}

/// About so many bytes.
fn encoded_bytes(instr: &Instr) -> usize {
    match instr {
        Instr::Block(_) | Instr::Loop(_) | Instr::Load(_) | Instr::Store(_) | Instr::Call(_) => 3,
        Instr::CallIndirect(_) | Instr::IfElse(_) => 4,
        Instr::Const(constant) => match constant.value {
            Value::I32(value) if (-64..64).contains(&value) => 2,
            Value::I32(value) if (-8192..8192).contains(&value) => 3,
            Value::I32(_) => 4,
            _ => 5,
        },
        Instr::BrTable(table) => 2 + table.blocks.len(),
        Instr::Binop(_) | Instr::Unop(_) | Instr::Drop(_) | Instr::Return(_) => 1,
        Instr::Unreachable(_) | Instr::Select(_) => 1,
        _ => 2,
    }
}

/// Writes a part as a function of its own.
struct Copy<'a> {
    from: &'a LocalFunction,
    to: FunctionBuilder,
    module_locals: &'a mut ModuleLocals,
    locals: BTreeMap<LocalId, LocalId>,
    seqs: BTreeMap<InstrSeqId, InstrSeqId>,
    /// Who returns leaves the results here, and goes there.
    returned: Vec<LocalId>,
    returns_to: Option<InstrSeqId>,
}

/// The part as a function: `[which exit] what it writes, what it returns`.
fn copy(
    module: &mut Module,
    id: FunctionId,
    part: &Part,
    returned: &[ValType],
    name: String,
) -> FunctionId {
    let Module { types, locals: module_locals, funcs, .. } = module;
    let type_of = |local: &LocalId, locals: &ModuleLocals| locals.get(*local).ty();
    let params: Vec<ValType> = part.reads.iter().map(|l| type_of(l, module_locals)).collect();
    let mut results = if part.exits.len() > 1 { vec![ValType::I32] } else { Vec::new() };
    results.extend(part.writes.iter().map(|l| type_of(l, module_locals)));
    results.extend(returned);
    let mut to = FunctionBuilder::new(types, &params, &results);
    to.name(name);
    let returned: Vec<LocalId> = returned.iter().map(|ty| module_locals.add(*ty)).collect();
    let mut landings = Vec::new();
    let (mut seqs, mut returns_to) = (BTreeMap::new(), None);
    for exit in &part.exits {
        let landing = to.dangling_instr_seq(None).id();
        landings.push(landing);
        match exit {
            Exit::End if part.in_loop => {}
            Exit::End => _ = seqs.insert(part.spot.seq, landing),
            Exit::Label(label) => _ = seqs.insert(*label, landing),
            Exit::Return => returns_to = Some(landing),
        }
    }
    let from = funcs.get(id).kind.unwrap_local();
    let locals = BTreeMap::new();
    let mut copy = Copy { from, to, module_locals, locals, seqs, returned, returns_to };
    let arguments: Vec<LocalId> = part.reads.iter().map(|local| copy.local(*local)).collect();
    let seq = from.block(part.spot.seq);
    let mut body = copy.instrs(&seq.instrs[part.spot.at..]);
    if seq.id() == from.entry_block() {
        copy.give_back(&mut body);
    }
    for (number, landing) in landings.into_iter().enumerate() {
        *copy.to.instr_seq(landing).instrs_mut() = body;
        body = placed([Block { seq: landing }.into()]);
        if part.exits.len() > 1 {
            body.extend(placed([Const { value: Value::I32(number as i32) }.into()]));
        }
        for &local in &part.writes {
            let local = copy.local(local);
            body.extend(placed([LocalGet { local }.into()]));
        }
        for &local in &copy.returned {
            body.extend(placed([LocalGet { local }.into()]));
        }
        body.extend(placed([Return {}.into()]));
    }
    *copy.to.func_body().instrs_mut() = body;
    let to = copy.to;
    to.finish(arguments, funcs)
}

impl Copy<'_> {
    fn instrs(&mut self, instrs: &[(Instr, InstrLocId)]) -> Vec<(Instr, InstrLocId)> {
        let mut copied = Vec::with_capacity(instrs.len());
        for (instr, place) in instrs {
            let mut instr = instr.clone();
            match &mut instr {
                Instr::Return(_) => {
                    self.give_back(&mut copied);
                    continue;
                }
                Instr::Block(Block { seq }) | Instr::Loop(Loop { seq }) => *seq = self.seq(*seq),
                Instr::IfElse(IfElse { consequent, alternative }) => {
                    *consequent = self.seq(*consequent);
                    *alternative = self.seq(*alternative);
                }
                Instr::Br(Br { block }) | Instr::BrIf(BrIf { block }) => *block = self.seqs[block],
                Instr::BrTable(BrTable { blocks, default }) => {
                    for block in blocks.iter_mut().chain([default]) {
                        *block = self.seqs[block];
                    }
                }
                Instr::LocalGet(LocalGet { local })
                | Instr::LocalSet(LocalSet { local })
                | Instr::LocalTee(LocalTee { local }) => *local = self.local(*local),
                _ => {}
            }
            copied.push((instr, *place));
        }
        copied
    }

    /// In place of a return.
    fn give_back(&self, instrs: &mut Vec<(Instr, InstrLocId)>) {
        let sets = self.returned.iter().rev().map(|local| LocalSet { local: *local }.into());
        instrs.extend(placed(sets));
        let goes = self.returns_to.map(|block| Br { block }.into());
        instrs.extend(placed(goes));
    }

    fn seq(&mut self, seq: InstrSeqId) -> InstrSeqId {
        let from = self.from.block(seq);
        let copy = self.to.dangling_instr_seq(from.ty).id();
        self.seqs.insert(seq, copy);
        let instrs = self.instrs(&from.instrs);
        *self.to.instr_seq(copy).instrs_mut() = instrs;
        copy
    }

    fn local(&mut self, local: LocalId) -> LocalId {
        let ty = self.module_locals.get(local).ty();
        *self.locals.entry(local).or_insert_with(|| self.module_locals.add(ty))
    }
}

/// Calls the copy of a part in its place, and goes on where it says.
fn replace(
    module: &mut Module,
    id: FunctionId,
    part: &Part,
    returned: &[ValType],
    copy: FunctionId,
) {
    let returned: Vec<LocalId> = returned.iter().map(|ty| module.locals.add(*ty)).collect();
    let chosen = module.locals.add(ValType::I32);
    let builder = module.funcs.get_mut(id).kind.unwrap_local_mut().builder_mut();
    let mut new: Vec<Instr> = Vec::new();
    new.extend(part.reads.iter().map(|local| Instr::from(LocalGet { local: *local })));
    new.push(Call { func: copy }.into());
    if let [Exit::Return] = part.exits[..] {
        new.push(Return {}.into());
    } else {
        let taken = part.writes.iter().chain(&returned).rev();
        new.extend(taken.map(|local| Instr::from(LocalSet { local: *local })));
    }
    match part.exits[..] {
        [] => new.push(Unreachable {}.into()),
        [Exit::End | Exit::Return] => {}
        [Exit::Label(block)] => new.push(Br { block }.into()),
        [Exit::End, Exit::Label(block)] => new.push(BrIf { block }.into()),
        [Exit::Label(block), Exit::Label(other)] => {
            new.extend([BrIf { block: other }.into(), Br { block }.into()]);
        }
        _ => {
            // `(block $end (block $return (br_table ...)) give back)`
            let end = builder.dangling_instr_seq(None).id();
            let returns = builder.dangling_instr_seq(None).id();
            new.push(LocalSet { local: chosen }.into());
            let goes_to = |exit: &Exit| match exit {
                Exit::End => end,
                Exit::Label(label) => *label,
                Exit::Return => returns,
            };
            let mut blocks: Vec<InstrSeqId> = part.exits.iter().map(goes_to).collect();
            let default = blocks.pop().expect("there are several");
            let blocks = blocks.into_boxed_slice();
            let choice = [LocalGet { local: chosen }.into(), BrTable { blocks, default }.into()];
            *builder.instr_seq(returns).instrs_mut() = placed(choice);
            let mut inside = placed([Block { seq: returns }.into()]);
            let given_back = returned.iter().map(|local| LocalGet { local: *local }.into());
            inside.extend(placed(given_back));
            let returning = part.exits.contains(&Exit::Return);
            inside.extend(placed([leave(returning)]));
            *builder.instr_seq(end).instrs_mut() = inside;
            new.push(Block { seq: end }.into());
            if !part.exits.contains(&Exit::End) {
                new.push(Unreachable {}.into());
            }
        }
    }
    let mut seq = builder.instr_seq(part.spot.seq);
    let instrs = seq.instrs_mut();
    instrs.truncate(part.spot.at);
    instrs.extend(placed(new));
}

fn leave(returning: bool) -> Instr {
    if returning { Return {}.into() } else { Unreachable {}.into() }
}

fn placed(instrs: impl IntoIterator<Item = Instr>) -> Vec<(Instr, InstrLocId)> {
    instrs.into_iter().map(|instr| (instr, InstrLocId::default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::spots::spots;

    /// Functions of two numbers, with everything that a part can do: go on, go back, leave, return
    /// values, write what is read later or not, and fail.
    const PROGRAMS: &[&str] = &[
        // A rare way that goes on.
        "(local $c i32)
         (block $rare
           (br_if $rare (i32.lt_s (local.get $a) (i32.const 3)))
           (local.set $c (i32.add (local.get $a) (local.get $b)))
           (local.set $b (i32.mul (local.get $c) (i32.const 5))))
         (i32.sub (local.get $b) (local.get $c))",
        // A loop that is left in three ways, one of them a return.
        "(local $sum i32)
         (block $out
           (block $odd
             (loop $again
               (br_if $odd (i32.eq (local.get $sum) (local.get $b)))
               (local.set $sum (i32.add (local.get $sum) (local.get $a)))
               (local.set $a (i32.sub (local.get $a) (i32.const 1)))
               (br_if $again (i32.gt_s (local.get $a) (i32.const 0)))
               (br_if $out (i32.lt_s (local.get $sum) (i32.const 6)))
               (local.set $b (i32.add (local.get $b) (i32.const 1)))
               (return (i32.mul (local.get $b) (local.get $sum)))))
           (local.set $sum (i32.const -7)))
         (i32.add (local.get $sum) (local.get $b))",
        // A choice of four, one of which fails, and values of another type.
        "(local $wide i64)
         (block $end
           (block $third
             (block $second
               (block $first
                 (br_table $first $second $third $end (local.get $a)))
               (local.set $wide (i64.extend_i32_s (local.get $b)))
               (br_if $end (i32.eqz (local.get $b)))
               (local.set $wide (i64.add (local.get $wide) (i64.const 5000000000)))
               (br $third))
             (if (i32.gt_s (local.get $b) (i32.const 4)) (then (unreachable)))
             (local.set $b (i32.const 11)))
           (local.set $wide (i64.mul (local.get $wide) (i64.const 3))))
         (i32.add (i32.wrap_i64 (local.get $wide)) (local.get $b))",
        // A loop in a loop, whose head is gone back to from inside.
        "(local $c i32) (local $d i32)
         (loop $outer
           (local.set $c (i32.const 0))
           (block $done
             (loop $inner
               (br_if $done (i32.ge_s (local.get $c) (local.get $b)))
               (local.set $c (i32.add (local.get $c) (i32.const 1)))
               (local.set $d (i32.add (local.get $d) (local.get $c)))
               (br_if $inner (i32.and (local.get $d) (i32.const 1)))
               (local.set $a (i32.sub (local.get $a) (i32.const 1)))
               (br_if $outer (i32.gt_s (local.get $a) (i32.const 2)))
               (br $inner)))
           (local.set $a (i32.sub (local.get $a) (i32.const 2)))
           (br_if $outer (i32.gt_s (local.get $a) (i32.const 0))))
         (i32.add (local.get $d) (local.get $a))",
        // Arms, one of which returns, and a block with a value, which is left as it is.
        "(local $c i32)
         (if (i32.lt_s (local.get $a) (local.get $b))
           (then (local.set $c (block $v (result i32)
             (drop (br_if $v (i32.const 1) (local.get $a)))
             (local.set $b (i32.const 9))
             (i32.add (local.get $b) (i32.const 2)))))
           (else (return (i32.sub (local.get $a) (local.get $b)))))
         (i32.add (local.get $c) (local.get $b))",
    ];

    fn program(body: &str) -> Vec<u8> {
        let text = format!(
            "(module (func (export \"f\") (param $a i32) (param $b i32) (result i32) {body}))"
        );
        wat::parse_str(text).expect("a program")
    }

    /// What the function makes of many pairs; `None` where it fails.
    fn results(program: &[u8]) -> Vec<Option<i32>> {
        let engine = wasmi::Engine::default();
        let module = wasmi::Module::new(&engine, program).expect("a valid program");
        let mut store = wasmi::Store::new(&engine, ());
        let instance = wasmi::Linker::new(&engine).instantiate_and_start(&mut store, &module);
        let instance = instance.expect("it starts");
        let f = instance.get_typed_func::<(i32, i32), i32>(&store, "f").expect("it has f");
        let pairs = (-2..9).flat_map(|a| (-2..9).map(move |b| (a, b)));
        pairs.map(|pair| f.call(&mut store, pair).ok()).collect()
    }

    fn outlined(program: &[u8], at: &[usize]) -> (Vec<u8>, usize) {
        let mut module = Module::from_buffer(program).expect("a module");
        let id = module.funcs.iter_local().next().expect("a function").0;
        let spots = spots(module.funcs.get(id).kind.unwrap_local());
        let cold = at.iter().map(|number| spots[*number]).collect();
        let made = outline(&mut module, id, &cold, isize::MIN);
        (module.emit_wasm(), made)
    }

    #[test]
    fn a_function_does_the_same_whatever_is_taken_out_of_it() {
        for body in PROGRAMS {
            let program = program(body);
            let module = Module::from_buffer(&program).expect("a module");
            let (_, function) = module.funcs.iter_local().next().expect("a function");
            let (count, wanted) = (spots(function).len(), results(&program));
            let mut made = 0;
            for first in 0..count {
                for second in 0..count {
                    let (program, parts) = outlined(&program, &[first, second]);
                    made += parts;
                    assert_eq!(results(&program), wanted, "spots {first} and {second} of {body}");
                }
            }
            assert!(made >= count, "{made} parts of {count} spots in {body}");
        }
    }

    #[test]
    fn what_is_short_stays() {
        let program = program(PROGRAMS[0]);
        let mut module = Module::from_buffer(&program).expect("a module");
        let id = module.funcs.iter_local().next().expect("a function").0;
        let cold = spots(module.funcs.get(id).kind.unwrap_local()).into_iter().skip(1).collect();
        assert_eq!(outline(&mut module, id, &cold, LEAST_GAIN), 0);
    }
}
