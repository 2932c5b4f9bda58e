//! What the first minute goes through: measured by a program that tells, kept as a list.
//!
//! A line of the list is the [`plain`] name of a function that is called; where some of it is not
//! gone through, a tab, the number of its [`spots`], a tab, and the numbers of those that nobody
//! passes (`3-7,9`). Where a function has another number of spots by now, all of it is taken.

use super::spots::{Spot, spots};
use crate::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::RangeInclusive;
use walrus::ir::{Call, Const, GlobalGet, GlobalSet, IfElse, Instr, UnaryOp, Unop, Value};
use walrus::{ConstExpr, FunctionId, FunctionKind, LocalFunction, Module, ValType};

/// The list.
#[derive(Default)]
pub struct FirstMinute {
    functions: BTreeMap<String, Passed>,
}

/// How much of a function is gone through.
#[derive(Debug, Default, PartialEq)]
struct Passed {
    spots: usize,
    cold: Vec<RangeInclusive<usize>>,
}

impl FirstMinute {
    /// Reads a list.
    pub fn read(list: &str) -> Result<FirstMinute, Failure> {
        let mut functions = BTreeMap::new();
        for (number, line) in list.lines().enumerate() {
            let told = || format!("line {} of the list cannot be read: `{line}`.", number + 1);
            let mut columns = line.split('\t');
            let name = columns.next().unwrap_or_default();
            let passed = match (columns.next(), columns.next()) {
                (None, _) => Passed::default(),
                (Some(spots), cold) => {
                    Passed::read(spots, cold.unwrap_or_default()).ok_or_else(told)?
                }
            };
            functions.insert(name.to_string(), passed);
        }
        Ok(FirstMinute { functions })
    }

    /// How many functions are called.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether a function is called.
    pub fn lists(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// The functions that are called, but not gone through as a whole.
    pub fn cold_spots(&self, module: &Module) -> Vec<(FunctionId, BTreeSet<Spot>)> {
        let mut found = Vec::new();
        for (id, function) in module.funcs.iter_local() {
            let name = plain(module.funcs.get(id).name.as_deref().unwrap_or_default());
            let Some(passed) = self.functions.get(&name) else { continue };
            let spots = spots(function);
            if spots.len() == passed.spots {
                let cold = passed.cold.iter().flat_map(|range| range.clone());
                found.push((id, cold.filter_map(|number| spots.get(number).copied()).collect()));
            }
        }
        found
    }
}

impl Passed {
    fn read(spots: &str, cold: &str) -> Option<Passed> {
        let range = |text: &str| {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            Some(first.parse().ok()?..=last.parse().ok()?)
        };
        let cold = cold.split(',').map(range).collect::<Option<_>>()?;
        Some(Passed { spots: spots.parse().ok()?, cold })
    }
}

/// A program that tells, and its functions: each with its plain name and the number of its spots.
pub struct Counted {
    pub program: Vec<u8>,
    pub functions: Vec<(String, usize)>,
}

/// The program with a report at each spot, the first time that it is passed.
pub fn counted(program: &[u8]) -> Result<Counted, Failure> {
    let mut module = super::read(program, false)?;
    let ty = module.types.add(&[ValType::I32], &[]);
    let (hit, _) = module.add_import_func(super::HOST, "hit", ty);
    let mut functions = Vec::new();
    let mut number = 0;
    for function in module.funcs.iter_mut() {
        let name = plain(function.name.as_deref().unwrap_or_default());
        let FunctionKind::Local(local) = &mut function.kind else { continue };
        let spots = spots(local);
        functions.push((name, spots.len()));
        // From behind, so that the spots before stay where they are.
        for (of, spot) in spots.iter().enumerate().rev() {
            let none = ConstExpr::Value(Value::I32(0));
            let told = module.globals.add_local(ValType::I32, true, false, none);
            let value = i32::try_from(number + of).map_err(|_| "too many spots".to_string())?;
            tell_once(local, *spot, told, |instrs| {
                instrs
                    .extend([Const { value: Value::I32(value) }.into(), Call { func: hit }.into()]);
            });
        }
        number += spots.len();
    }
    Ok(Counted { program: module.emit_wasm(), functions })
}

/// `(if (i32.eqz told) (then tell (told = 1)))`
fn tell_once(
    function: &mut LocalFunction,
    spot: Spot,
    told: walrus::GlobalId,
    tell: impl FnOnce(&mut Vec<Instr>),
) {
    let builder = function.builder_mut();
    let mut once = Vec::new();
    tell(&mut once);
    once.extend([Const { value: Value::I32(1) }.into(), GlobalSet { global: told }.into()]);
    let mut consequent = builder.dangling_instr_seq(None);
    for instr in once {
        consequent.instr(instr);
    }
    let consequent = consequent.id();
    let alternative = builder.dangling_instr_seq(None).id();
    let mut seq = builder.instr_seq(spot.seq);
    seq.instr_at(spot.at, IfElse { consequent, alternative });
    seq.instr_at(spot.at, Unop { op: UnaryOp::I32Eqz });
    seq.instr_at(spot.at, GlobalGet { global: told });
}

/// The list of what was told: the numbers of spots, those of a function after those of the one
/// before it.
pub fn list(functions: &[(String, usize)], passed: &BTreeSet<usize>) -> String {
    let mut lines: BTreeMap<&str, Option<(usize, BTreeSet<usize>)>> = BTreeMap::new();
    let mut first = 0;
    for (name, spots) in functions {
        let of_this: BTreeSet<usize> =
            passed.range(first..first + spots).map(|number| number - first).collect();
        first += spots;
        if of_this.is_empty() {
            continue;
        }
        match lines.get_mut(name.as_str()) {
            None => drop(lines.insert(name, Some((*spots, of_this)))),
            // Two functions of one name: what either goes through, if they are alike.
            Some(Some((known, all))) if known == spots => all.extend(of_this),
            Some(other) => *other = None,
        }
    }
    let mut list = String::new();
    for (name, passed) in lines {
        list += name;
        if let Some((spots, passed)) = passed
            && passed.len() < spots
        {
            _ = write!(list, "\t{spots}\t{}", ranges((0..spots).filter(|n| !passed.contains(n))));
        }
        list.push('\n');
    }
    list
}

/// `3-7,9`
fn ranges(numbers: impl Iterator<Item = usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let told = ranges.iter().map(|(first, last)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    });
    told.collect::<Vec<_>>().join(",")
}

/// A function's name without what differs from build to build: the hashes of crates.
pub fn plain(name: &str) -> String {
    const HASH_DIGITS: usize = 16;
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find('[') {
        let (before, bracket) = rest.split_at(at);
        plain.push_str(before);
        let hash = bracket.get(1..=HASH_DIGITS).unwrap_or_default();
        let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit());
        if is_hash && bracket[HASH_DIGITS + 1..].starts_with(']') {
            rest = &bracket[HASH_DIGITS + 2..];
        } else {
            plain.push('[');
            rest = &bracket[1..];
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `f` calls `g` when it gets a number, and `h` when that is more than ten.
    const PROGRAM: &str = r#"(module
        (func $g (result i32) (i32.const 1))
        (func $h (result i32) (i32.const 2))
        (func $f (export "f") (param i32) (result i32)
          (block $none
            (br_if $none (i32.eqz (local.get 0)))
            (block $few
              (br_if $few (i32.le_s (local.get 0) (i32.const 10)))
              (return (call $h)))
            (return (call $g)))
          (i32.const 0)))"#;

    /// What is told while `f` is called with these numbers.
    fn told(arguments: &[i32]) -> String {
        let program = wat::parse_str(PROGRAM).expect("a program");
        let Counted { program, functions } = counted(&program).expect("it can be read");
        let engine = wasmi::Engine::default();
        let module = wasmi::Module::new(&engine, &program).expect("a valid program");
        let mut store = wasmi::Store::new(&engine, Vec::new());
        let mut linker = wasmi::Linker::new(&engine);
        let hit = |mut caller: wasmi::Caller<'_, Vec<usize>>, number: i32| {
            caller.data_mut().push(number as usize);
        };
        linker.func_wrap(super::super::HOST, "hit", hit).expect("one import");
        let instance = linker.instantiate_and_start(&mut store, &module).expect("it starts");
        let f = instance.get_typed_func::<i32, i32>(&store, "f").expect("it has f");
        for argument in arguments {
            f.call(&mut store, *argument).expect("it does not fail");
        }
        let passed: BTreeSet<usize> = store.data().iter().copied().collect();
        assert_eq!(passed.len(), store.data().len(), "each is told once");
        list(&functions, &passed)
    }

    #[test]
    fn the_list_has_what_was_called_and_where_nobody_went() {
        // The spots of f: its begin, behind the first branch, behind the second one, behind $few,
        // behind $none.
        assert_eq!(told(&[]), "");
        assert_eq!(told(&[0]), "f\t5\t1-3\n");
        assert_eq!(told(&[0, 3, 4]), "f\t5\t2\ng\n");
        assert_eq!(told(&[11]), "f\t5\t3-4\nh\n");
        assert_eq!(told(&[0, 3, 11]), "f\ng\nh\n");
    }

    #[test]
    fn where_nobody_went_is_found_again_in_the_program() {
        let program = wat::parse_str(PROGRAM).expect("a program");
        let module = super::super::read(&program, true).expect("it can be read");
        let cold = |list: &str| {
            let list = FirstMinute::read(list).expect("a list");
            list.cold_spots(&module).iter().map(|(_, cold)| cold.len()).sum::<usize>()
        };
        assert_eq!(cold(&told(&[11])), 2);
        assert_eq!(cold("f\t6\t3-4\nh\n"), 0, "f has become another function");
        assert_eq!(cold("f\t5\t4-9\n"), 1, "it has only five");
    }

    #[test]
    fn two_functions_of_one_name_count_together() {
        let alike = [("a".to_string(), 3), ("a".to_string(), 3)];
        assert_eq!(list(&alike, &[0, 1, 3, 5].into()), "a\n");
        assert_eq!(list(&alike, &[0, 3].into()), "a\t3\t1-2\n");
        let unlike = [("a".to_string(), 3), ("a".to_string(), 2)];
        assert_eq!(list(&unlike, &[0, 3].into()), "a\n");
    }

    #[test]
    fn a_list_that_cannot_be_read_says_where() {
        for bad in ["f\tx\t1", "f\t3\t1-", "f\t3\t", "f\t3\t1,,2"] {
            let told = FirstMinute::read(&format!("g\n{bad}\n")).err().expect("it is refused");
            assert!(told.starts_with("line 2 of the list cannot be read"), "{told}");
        }
    }

    #[test]
    fn only_hashes_of_crates_leave_a_name() {
        let name = "<alloc[c5930c85a12de822]::vec::Vec<[u8; 4]> as a[zz]::B>::c";
        assert_eq!(plain(name), "<alloc::vec::Vec<[u8; 4]> as a[zz]::B>::c");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(counted(b"").is_err());
    }
}
