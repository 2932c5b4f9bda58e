//! The engine in two parts: what the first minute calls, and the rest, which comes behind it.
//!
//! The first part is the whole module with the functions of the rest replaced by doors: a door
//! makes sure that the rest has come, then goes through the function table. The rest is a module
//! that shares memory, table, globals and functions of the first part and, when it is instantiated,
//! puts its functions into the table, doors' places as well as places that were there before, so
//! that a call through a pointer no longer passes a door.
//!
//! What the first minute goes through is measured (see [`first_minute`]). Parts of a function
//! that it does not go through are first made functions of their own ([`outline`]). A
//! function that is not listed is in the rest, which is always right and at worst brings the rest early.

mod data;
pub mod first_minute;
mod live;
mod outline;
mod spots;

use crate::Failure;
use data::Links;
use first_minute::{FirstMinute, plain};
use outline::{LEAST_GAIN, outline};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use walrus::ir::{Value, Visitor, dfs_in_order};
use walrus::{
    ConstExpr, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind,
    GlobalKind, ImportedFunction, Module, ModuleConfig, Table, TableId, ValType,
};

/// The module that the doors import from the page: `load` brings the rest.
pub const HOST: &str = "rest";

/// The module that the rest imports: the exports of the first part.
const FIRST: &str = "first";

/// A program in two parts.
pub struct Parts {
    /// What is loaded first.
    pub first: Vec<u8>,
    /// What its doors lead to.
    pub rest: Vec<u8>,
    /// How many names of the list the program no longer has.
    pub stale: usize,
}

/// Cuts a program.
pub fn cut(program: &[u8], first_minute: &FirstMinute) -> Result<Parts, Failure> {
    let links = Links::read(program)?;
    let program = &outlined(program, first_minute)?;
    let mut first = parse(program)?;
    let mut rest = parse(program)?;
    let plan = Plan::of(&first, first_minute, fingerprint(program))?;
    let shared = take_away_the_first(&mut rest, &plan)?;
    put_doors(&mut first, &plan, &shared)?;
    match links {
        Some(links) => links.divide(&mut first, &mut rest)?,
        None => println!("      the linker has left no notes: all data comes first"),
    }
    Ok(Parts { first: first.emit_wasm(), rest: rest.emit_wasm(), stale: plan.stale })
}

/// The program, in which what the first minute leaves out of a function is one of its own.
fn outlined(program: &[u8], first_minute: &FirstMinute) -> Result<Vec<u8>, Failure> {
    let mut module = read(program, true)?;
    for (id, cold) in first_minute.cold_spots(&module) {
        outline(&mut module, id, &cold, LEAST_GAIN);
    }
    Ok(module.emit_wasm())
}

/// A program, to be changed; `with_names` it keeps the names of its functions.
pub fn read(program: &[u8], with_names: bool) -> Result<Module, Failure> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(with_names).generate_producers_section(false);
    let told = |error| format!("this program cannot be read: {error:#}.");
    let mut module = config.parse(program).map_err(told)?;
    for notes in data::NOTES {
        module.customs.remove_raw(notes);
    }
    Ok(module)
}

fn parse(program: &[u8]) -> Result<Module, Failure> {
    read(program, false)
}

/// What goes where. Functions are numbered as they stand in the program, in both copies of it.
struct Plan {
    /// Whether each function is in the first part, or comes from outside.
    is_first: Vec<bool>,
    /// The places in the function table at which functions of the rest are found.
    places: BTreeMap<usize, Vec<i32>>,
    /// The size of the function table with its new places.
    table_size: u64,
    stale: usize,
    /// Of the whole program: the names of its memory say it, so that no part ever joins one of
    /// another build.
    program: u64,
}

impl Plan {
    fn of(module: &Module, first_minute: &FirstMinute, program: u64) -> Result<Plan, Failure> {
        let mut found = BTreeSet::new();
        let mut is_first = Vec::new();
        for function in module.funcs.iter() {
            let name = plain(function.name.as_deref().unwrap_or_default());
            let is_listed = first_minute.lists(&name);
            is_first.push(is_listed || !matches!(function.kind, FunctionKind::Local(_)));
            if is_listed {
                found.insert(name);
            }
        }
        let numbers = numbers(module);
        for export in module.exports.iter() {
            if let ExportItem::Function(function) = export.item {
                is_first[numbers[&function]] = true;
            }
        }
        let table = function_table(module)?;
        let mut places: BTreeMap<usize, Vec<i32>> = BTreeMap::new();
        for (place, function) in pointers(module, table)? {
            if !is_first[numbers[&function]] {
                places.entry(numbers[&function]).or_default().push(place);
            }
        }
        let mut table_size = module.tables.get(table).initial;
        for callee in called_by(module, |function| is_first[numbers[&function]]) {
            let callee = numbers[&callee];
            if !is_first[callee] && !places.contains_key(&callee) {
                let place = i32::try_from(table_size);
                places.insert(callee, vec![place.map_err(|_| "the table is full".to_string())?]);
                table_size += 1;
            }
        }
        let stale = first_minute.len() - found.len();
        Ok(Plan { is_first, places, table_size, stale, program })
    }

    fn make_room(&self, table: &mut Table) {
        table.initial = self.table_size;
        table.maximum = table.maximum.map(|maximum| maximum.max(self.table_size));
    }

    fn memory_name(&self, number: usize) -> String {
        format!("{}-{:016x}", name('m', number), self.program)
    }

    /// The functions of the rest by their places, neighbours together.
    fn runs(&self) -> Vec<(i32, Vec<usize>)> {
        let by_place = self
            .places
            .iter()
            .flat_map(|(number, places)| places.iter().map(move |place| (*place, *number)));
        let by_place: BTreeMap<i32, usize> = by_place.collect();
        let mut runs: Vec<(i32, Vec<usize>)> = Vec::new();
        for (place, number) in by_place {
            match runs.last_mut() {
                Some((start, run)) if *start + run.len() as i32 == place => run.push(number),
                _ => runs.push((place, vec![number])),
            }
        }
        runs
    }
}

/// Makes a program into its rest; returns the names of what it takes from the first part.
fn take_away_the_first(module: &mut Module, plan: &Plan) -> Result<BTreeSet<String>, Failure> {
    let table = function_table(module)?;
    plan.make_room(module.tables.get_mut(table));
    module.start = None;
    for id in module.exports.iter().map(|export| export.id()).collect::<Vec<_>>() {
        module.exports.delete(id);
    }
    for id in module.data.iter().map(|data| data.id()).collect::<Vec<_>>() {
        module.data.delete(id);
    }
    for id in module.elements.iter().map(|element| element.id()).collect::<Vec<_>>() {
        module.elements.delete(id);
    }
    for (number, memory) in module.memories.iter_mut().enumerate() {
        memory.data_segments.clear();
        let name = plan.memory_name(number);
        memory.import = Some(module.imports.add(FIRST, &name, memory.id()));
    }
    for (number, table) in module.tables.iter_mut().enumerate() {
        table.elem_segments.clear();
        let name = name('t', number);
        table.import = Some(module.imports.add(FIRST, &name, table.id()));
    }
    for (number, id) in
        module.globals.iter().map(|g| g.id()).collect::<Vec<_>>().into_iter().enumerate()
    {
        let import = module.imports.add(FIRST, &name('g', number), id);
        module.globals.get_mut(id).kind = GlobalKind::Import(import);
    }
    let functions: Vec<FunctionId> = module.funcs.iter().map(|function| function.id()).collect();
    for (number, &id) in functions.iter().enumerate().filter(|(number, _)| plan.is_first[*number]) {
        let function = module.funcs.get_mut(id);
        let ty = function.ty();
        let import = match &function.kind {
            FunctionKind::Import(imported) => imported.import,
            _ => module.imports.add(FIRST, "", id),
        };
        let taken = module.imports.get_mut(import);
        (taken.module, taken.name) = (FIRST.to_string(), name('f', number));
        function.kind = FunctionKind::Import(ImportedFunction { import, ty });
    }
    for (place, numbers) in plan.runs() {
        let items = numbers.iter().map(|number| functions[*number]).collect();
        let offset = ConstExpr::Value(Value::I32(place));
        let kind = ElementKind::Active { table, offset };
        let element = module.elements.add(kind, ElementItems::Functions(items));
        module.tables.get_mut(table).elem_segments.insert(element);
    }
    walrus::passes::gc::run(module);
    Ok(module.imports.iter().map(|import| import.name.clone()).collect())
}

/// Makes a program into its first part.
fn put_doors(module: &mut Module, plan: &Plan, shared: &BTreeSet<String>) -> Result<(), Failure> {
    let table = function_table(module)?;
    plan.make_room(module.tables.get_mut(table));
    let functions: Vec<FunctionId> = module.funcs.iter().map(|function| function.id()).collect();
    let mut exports: Vec<(String, ExportItem)> = Vec::new();
    exports.extend(
        module.memories.iter().enumerate().map(|(n, m)| (plan.memory_name(n), m.id().into())),
    );
    exports.extend(module.tables.iter().enumerate().map(|(n, t)| (name('t', n), t.id().into())));
    exports.extend(module.globals.iter().enumerate().map(|(n, g)| (name('g', n), g.id().into())));
    exports.extend(functions.iter().enumerate().map(|(n, f)| (name('f', n), (*f).into())));
    for (name, item) in exports.into_iter().filter(|(name, _)| shared.contains(name)) {
        module.exports.add(&name, item);
    }
    let come = come(module);
    for (&number, places) in &plan.places {
        let door = door(module, functions[number], come, table, places[0]);
        module.funcs.get_mut(functions[number]).kind = door;
    }
    walrus::passes::gc::run(module);
    Ok(())
}

/// A function that brings the rest when it has not come.
fn come(module: &mut Module) -> FunctionId {
    let ty = module.types.add(&[], &[]);
    let (load, _) = module.add_import_func(HOST, "load", ty);
    let none = ConstExpr::Value(Value::I32(0));
    let is_there = module.globals.add_local(ValType::I32, true, false, none);
    let mut come = FunctionBuilder::new(&mut module.types, &[], &[]);
    come.func_body().global_get(is_there).if_else(
        None,
        |_| {},
        |otherwise| {
            otherwise.call(load).i32_const(1).global_set(is_there);
        },
    );
    come.finish(vec![], &mut module.funcs)
}

/// A function in the place of one of the rest: it goes through a place of the function table.
fn door(
    module: &mut Module,
    of: FunctionId,
    come: FunctionId,
    table: TableId,
    place: i32,
) -> FunctionKind {
    let ty = module.funcs.get(of).ty();
    let (params, results) = module.types.params_results(ty);
    let (params, results) = (params.to_vec(), results.to_vec());
    let arguments: Vec<_> = params.iter().map(|param| module.locals.add(*param)).collect();
    let mut door = FunctionBuilder::new(&mut module.types, &params, &results);
    let mut body = door.func_body();
    body.call(come);
    for argument in &arguments {
        body.local_get(*argument);
    }
    body.i32_const(place).call_indirect(ty, table);
    FunctionKind::Local(door.local_func(arguments))
}

/// Under what name the first part exports something to the rest.
fn name(kind: char, number: usize) -> String {
    format!("{kind}{number}")
}

/// A number that changes with the program.
fn fingerprint(program: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    program.hash(&mut hasher);
    hasher.finish()
}

/// The numbers of the functions.
fn numbers(module: &Module) -> HashMap<FunctionId, usize> {
    module.funcs.iter().enumerate().map(|(number, function)| (function.id(), number)).collect()
}

fn function_table(module: &Module) -> Result<TableId, Failure> {
    let table = module.tables.main_function_table();
    table
        .map_err(|error| format!("this program cannot be cut: {error:#}."))?
        .ok_or_else(|| "this program cannot be cut: it has no function table.".to_string())
}

/// The places of the function table, and the functions that are there from the start.
fn pointers(module: &Module, table: TableId) -> Result<Vec<(i32, FunctionId)>, Failure> {
    let mut pointers = Vec::new();
    for element in module.elements.iter() {
        match (&element.kind, &element.items) {
            (ElementKind::Active { table: of, .. }, _) if *of != table => {}
            (
                ElementKind::Active { offset: ConstExpr::Value(Value::I32(start)), .. },
                ElementItems::Functions(functions),
            ) => pointers.extend((*start..).zip(functions.iter().copied())),
            _ => {
                return Err("this program cannot be cut: its function table is filled in a way \
                            that is not known here."
                    .to_string());
            }
        }
    }
    Ok(pointers)
}

/// What the chosen functions call or point to.
fn called_by(module: &Module, is_chosen: impl Fn(FunctionId) -> bool) -> Vec<FunctionId> {
    #[derive(Default)]
    struct Callees(Vec<FunctionId>);
    impl<'a> Visitor<'a> for Callees {
        fn visit_function_id(&mut self, function: &FunctionId) {
            self.0.push(*function);
        }
    }
    let mut callees = Callees::default();
    for (id, function) in module.funcs.iter_local() {
        if is_chosen(id) {
            dfs_in_order(&mut callees, function, function.entry_block());
        }
    }
    callees.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `main` (exported) calls `hot`, which calls `cold`; `cold` calls `helper` and `deep`, and
    /// reads the memory. `pointed` stands in the table of one place and nobody calls it directly.
    fn program(value: i32) -> Vec<u8> {
        let mut module = Module::default();
        let memory = module.memories.add_local(false, false, 1, None, None);
        module.exports.add("memory", memory);
        let table = module.tables.add_local(false, 1, Some(1), walrus::RefType::FUNCREF);
        let mut add = |name: &str, build: &dyn Fn(&mut walrus::InstrSeqBuilder)| {
            let mut function = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
            function.name(name.to_string());
            build(&mut function.func_body());
            function.finish(vec![], &mut module.funcs)
        };
        let helper = add("helper", &|body| {
            body.i32_const(value);
        });
        let deep = add("a::deep", &|body| {
            body.call(helper);
        });
        let cold = add("cold", &|body| {
            body.call(helper).drop().call(deep).drop().memory_size(memory);
        });
        let hot = add("a[0123456789abcdef]::hot", &|body| {
            body.call(cold);
        });
        let main = add("main", &|body| {
            body.call(hot);
        });
        let pointed = add("pointed", &|body| {
            body.i32_const(7);
        });
        module.exports.add("main", main);
        let offset = ConstExpr::Value(Value::I32(0));
        let kind = ElementKind::Active { table, offset };
        let element = module.elements.add(kind, ElementItems::Functions(vec![pointed]));
        module.tables.get_mut(table).elem_segments.insert(element);
        module.emit_wasm()
    }

    fn parts(program: &[u8]) -> (Module, Module, usize) {
        let list = FirstMinute::read("a::hot\nhelper\ngone\n").expect("a list");
        let parts = cut(program, &list).expect("it can be cut");
        let read = |part: &[u8]| Module::from_buffer(part).expect("a part is a whole module");
        (read(&parts.first), read(&parts.rest), parts.stale)
    }

    fn imports(module: &Module) -> Vec<(&str, &str)> {
        module.imports.iter().map(|import| (&*import.module, &*import.name)).collect()
    }

    #[test]
    fn the_first_part_has_doors_for_what_it_calls_or_points_to() {
        let (first, _, stale) = parts(&program(1));
        assert_eq!(imports(&first), [(HOST, "load")]);
        // main, hot, helper; doors of cold and pointed; the one that brings the rest. No deep.
        assert_eq!(first.funcs.iter_local().count(), 6);
        let table = first.tables.iter().next().expect("a table");
        assert_eq!((table.initial, table.maximum), (2, Some(2)), "one place more, for cold");
        assert_eq!(stale, 1);
    }

    #[test]
    fn the_rest_takes_what_it_shares_and_fills_the_table() {
        let (first, rest, _) = parts(&program(1));
        assert_eq!(rest.funcs.iter_local().count(), 3, "cold, deep and pointed");
        assert_eq!(rest.exports.iter().count(), 0);
        assert_eq!(rest.data.iter().count(), 0);
        let taken = imports(&rest);
        assert_eq!(taken.len(), 3, "memory, table and helper: {taken:?}");
        for (module, name) in taken {
            assert_eq!(module, FIRST);
            assert!(first.exports.iter().any(|export| export.name == name), "{name}");
        }
        let table = rest.tables.iter().next().expect("the table");
        assert_eq!((table.initial, table.maximum), (2, Some(2)), "it is the table of the first");
        let filled = pointers(&rest, table.id()).expect("plain elements");
        assert_eq!(filled.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn a_part_of_another_program_does_not_fit() {
        let ((first, _, _), (_, rest, _)) = (parts(&program(1)), parts(&program(2)));
        let fits = imports(&rest)
            .iter()
            .all(|(_, name)| first.exports.iter().any(|export| export.name == *name));
        assert!(!fits);
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(cut(b"<!doctype html>", &FirstMinute::default()).is_err());
    }
}
