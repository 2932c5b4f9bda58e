//! The bytes that a program begins with: those that the first part needs, and those that only the
//! rest reads, which come with it.
//!
//! The linker tells which places of the code and of the data itself hold the address of what
//! (`--emit-relocs`). What the code of the first part mentions is needed by it, and what that
//! points to as well.

use crate::Failure;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use walrus::ir::{Const, Instr, InstrLocId, Load, Store, Value, Visitor, dfs_in_order};
use walrus::{ConstExpr, DataKind, MemoryId, Module};
use wasmparser::{
    BinaryReader, BinaryReaderError, Linking, LinkingSectionReader, Operator, Parser, Payload,
    RelocSectionReader, RelocationType, SymbolInfo,
};

/// The sections in which the linker tells it.
pub const NOTES: [&str; 3] = ["linking", "reloc.CODE", "reloc.DATA"];

/// Fewer zeros than these are not worth an interruption: memory is zero before it is filled.
const LEAST_ZEROS: usize = 24;

/// A thing of the data, in the linker's table of symbols.
type Symbol = usize;

/// What the linker tells of a program.
#[derive(Default)]
pub struct Links {
    /// The addresses of each symbol that is in the data.
    symbols: BTreeMap<Symbol, Range<u32>>,
    /// What the code means by a number, where that is an address.
    meant: HashMap<u32, BTreeSet<Symbol>>,
    /// The addresses at which the data has the address of a symbol.
    points: BTreeMap<u32, Symbol>,
}

/// Where a program has its data.
#[derive(Default)]
struct Placed {
    /// The address of each piece, and where its bytes are in the file.
    segments: Vec<(u32, Range<usize>)>,
    section: usize,
}

impl Placed {
    /// The address of a byte of the section.
    fn address(&self, offset: u32) -> Option<u32> {
        let at = self.section + offset as usize;
        let (address, bytes) = self.segments.iter().find(|(_, bytes)| bytes.contains(&at))?;
        Some(address + (at - bytes.start) as u32)
    }
}

impl Links {
    /// Reads the linker's notes, if the program has some.
    pub fn read(program: &[u8]) -> Result<Option<Links>, Failure> {
        let told =
            |error: BinaryReaderError| format!("the linker's notes cannot be read: {error}.");
        let (mut placed, mut notes) = (Placed::default(), BTreeMap::new());
        for payload in Parser::new(0).parse_all(program) {
            match payload.map_err(told)? {
                Payload::DataSection(section) => {
                    placed.section = section.range().start;
                    for data in section {
                        let data = data.map_err(told)?;
                        let end = data.range.end;
                        let address = address_of(&data.kind).ok_or("data without an address")?;
                        placed.segments.push((address, end - data.data.len()..end));
                    }
                }
                Payload::CustomSection(section) => {
                    let reader = BinaryReader::new(section.data(), section.data_offset());
                    notes.insert(section.name(), reader);
                }
                _ => {}
            }
        }
        let [Some(linking), Some(code), Some(data)] = NOTES.map(|name| notes.remove(name)) else {
            return Ok(None);
        };
        let mut links =
            Links { symbols: symbols(linking, &placed).map_err(told)?, ..Links::default() };
        for entry in RelocSectionReader::new(code).map_err(told)?.entries() {
            let entry = entry.map_err(told)?;
            if let RelocationType::MemoryAddrLeb | RelocationType::MemoryAddrSleb = entry.ty
                && let Some(meant) = links.address(entry.index, entry.addend)
            {
                links.meant.entry(meant).or_default().insert(entry.index as Symbol);
            }
        }
        for entry in RelocSectionReader::new(data).map_err(told)?.entries() {
            let entry = entry.map_err(told)?;
            if entry.ty != RelocationType::MemoryAddrI32 {
                continue;
            }
            let Some(meant) = links.address(entry.index, entry.addend) else { continue };
            let at = placed.section + entry.offset as usize;
            let there = program.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            match (there.map(u32::from_le_bytes), placed.address(entry.offset)) {
                (Some(there), Some(address)) if there == meant => {
                    links.points.insert(address, entry.index as Symbol);
                }
                _ => return Err("the data is not where the linker's notes say.".to_string()),
            }
        }
        Ok(Some(links))
    }

    fn address(&self, symbol: u32, addend: i64) -> Option<u32> {
        let start = self.symbols.get(&(symbol as Symbol))?.start;
        u32::try_from(i64::from(start) + addend).ok()
    }

    /// The addresses of what the code of a program needs.
    fn needed_by(&self, module: &Module) -> Vec<Range<u32>> {
        let mut numbers = Numbers::default();
        for (_, function) in module.funcs.iter_local() {
            dfs_in_order(&mut numbers, function, function.entry_block());
        }
        let meant = numbers.0.iter().filter_map(|number| self.meant.get(number));
        let mut open: Vec<Symbol> = meant.flatten().copied().collect();
        let mut needed = BTreeSet::new();
        while let Some(symbol) = open.pop() {
            if needed.insert(symbol) {
                let pointers = self.points.range(self.symbols[&symbol].clone());
                open.extend(pointers.map(|(_, to)| *to));
            }
        }
        needed.into_iter().map(|symbol| self.symbols[&symbol].clone()).collect()
    }

    /// Leaves in the first part what it needs, and gives the other bytes to the rest.
    pub fn divide(&self, first: &mut Module, rest: &mut Module) -> Result<(), Failure> {
        let needed = self.needed_by(first);
        let memory = |module: &Module| {
            let memory = module.memories.iter().next().map(|memory| memory.id());
            memory.ok_or_else(|| "a part has no memory.".to_string())
        };
        let (memory_of_first, memory_of_rest) = (memory(first)?, memory(rest)?);
        for id in first.data.iter().map(|data| data.id()).collect::<Vec<_>>() {
            let data = first.data.get(id);
            let DataKind::Active { offset: ConstExpr::Value(Value::I32(start)), .. } = data.kind
            else {
                return Err("this program cannot be cut: its data has no address.".to_string());
            };
            let start = start as u32;
            let bytes = std::mem::take(&mut first.data.get_mut(id).value);
            first.data.delete(id);
            let mut is_needed = vec![true; bytes.len()];
            let addresses = start..start + bytes.len() as u32;
            let all = self.symbols.values().map(|symbol| (symbol, false));
            for (symbol, wanted) in all.chain(needed.iter().map(|symbol| (symbol, true))) {
                if addresses.contains(&symbol.start) {
                    let range = (symbol.start - start) as usize..(symbol.end - start) as usize;
                    is_needed[range].fill(wanted);
                }
            }
            let needed = bytes.iter().zip(&is_needed);
            let needed: Vec<u8> = needed.map(|(byte, is)| byte * u8::from(*is)).collect();
            put(first, memory_of_first, start, &needed);
            // What the first part has is its own by the time that the rest comes.
            for run in runs(&is_needed).filter(|run| !is_needed[run.start]) {
                put(rest, memory_of_rest, start + run.start as u32, &bytes[run]);
            }
        }
        Ok(())
    }
}

/// The ranges of places that are all so or all not so.
fn runs(is_so: &[bool]) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    is_so.chunk_by(|a, b| a == b).map(move |run| {
        let range = start..start + run.len();
        start = range.end;
        range
    })
}

/// Puts bytes into a memory, but for many zeros in a row.
fn put(module: &mut Module, memory: MemoryId, start: u32, bytes: &[u8]) {
    let mut from = 0;
    while let Some(begin) = bytes[from..].iter().position(|byte| *byte != 0) {
        let begin = from + begin;
        let zeros = |window: &[u8]| window.iter().all(|byte| *byte == 0);
        let length = bytes[begin..].windows(LEAST_ZEROS).position(zeros);
        let end = length.map_or(bytes.len(), |length| begin + length);
        let place = (start as usize + begin) as i32;
        let kind = DataKind::Active { memory, offset: ConstExpr::Value(Value::I32(place)) };
        let data = module.data.add(kind, bytes[begin..end].to_vec());
        module.memories.get_mut(memory).data_segments.insert(data);
        from = end;
    }
}

/// The symbols that are in the data, and at which addresses.
fn symbols(
    notes: BinaryReader<'_>,
    placed: &Placed,
) -> Result<BTreeMap<Symbol, Range<u32>>, BinaryReaderError> {
    let mut symbols = BTreeMap::new();
    for part in LinkingSectionReader::new(notes)?.subsections() {
        let Linking::SymbolTable(table) = part? else { continue };
        for (number, symbol) in table.into_iter().enumerate() {
            let SymbolInfo::Data { symbol: Some(defined), .. } = symbol? else { continue };
            if let Some((address, _)) = placed.segments.get(defined.index as usize) {
                let start = address + defined.offset;
                symbols.insert(number, start..start + defined.size);
            }
        }
    }
    Ok(symbols)
}

fn address_of(kind: &wasmparser::DataKind<'_>) -> Option<u32> {
    let wasmparser::DataKind::Active { offset_expr, .. } = kind else { return None };
    match offset_expr.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(value as u32),
        _ => None,
    }
}

/// The numbers in code that may be addresses.
#[derive(Default)]
struct Numbers(BTreeSet<u32>);

impl<'a> Visitor<'a> for Numbers {
    fn visit_instr(&mut self, instr: &'a Instr, _: &'a InstrLocId) {
        match instr {
            Instr::Const(Const { value: Value::I32(value) }) => {
                self.0.insert(*value as u32);
            }
            Instr::Load(Load { arg, .. }) | Instr::Store(Store { arg, .. }) => {
                self.0.extend(u32::try_from(arg.offset));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At 1024: `a`, which points to `c`; `b`; `c`; then a number that is no symbol's.
    const DATA: &str = r#"\10\04\00\00AAAA" "BBBBBBBB" "CCCCCCCC" "\07"#;

    /// Code that reads these addresses, and has this data.
    fn module(addresses: &[u32]) -> Vec<u8> {
        let reads: String =
            addresses.iter().map(|a| format!("(drop (i32.load (i32.const {a})))")).collect();
        let text = format!(
            "(module (memory (export \"memory\") 1) (data (i32.const 1024) \"{DATA}\")
                (func (export \"f\") {reads}))"
        );
        wat::parse_str(text).expect("a program")
    }

    /// The same with what the linker tells: where the three are; that the code means `a` and `c` by
    /// their addresses, and `b` by one that is 4 less, as loops do; and that `a` points to a symbol.
    fn linked(points_to: u8) -> Vec<u8> {
        let mut program = module(&[]);
        let symbol = |name: u8, offset: u8| [1, 0, 1, name, 0, offset, 8];
        let symbols = [symbol(b'a', 0), symbol(b'b', 8), symbol(b'c', 16)].concat();
        let table = [&[3][..], &symbols].concat();
        let linking = [&[2, 8, table.len() as u8][..], &table].concat();
        // R_WASM_MEMORY_ADDR_LEB is 3, _SLEB 4, _I32 5: each with a place, a symbol and an addend.
        const MINUS_4: u8 = 0x7c;
        let code = vec![3, 3, 4, 1, 0, 0, 4, 2, 1, MINUS_4, 3, 3, 2, 0];
        // The bytes of the data begin behind seven of its section.
        let data = vec![5, 1, 5, 7, points_to, 0];
        for (name, bytes) in NOTES.iter().zip([linking, code, data]) {
            let section = [&[name.len() as u8][..], name.as_bytes(), &bytes].concat();
            program.extend([0, section.len() as u8]);
            program.extend(section);
        }
        program
    }

    /// What the first part and the rest put into memory, when the first part reads these.
    fn divided(addresses: &[u32]) -> [Vec<u8>; 2] {
        let links = Links::read(&linked(2)).expect("they can be read").expect("they are there");
        let read = |program: &[u8]| Module::from_buffer(program).expect("a module");
        let (mut first, mut rest) = (read(&module(addresses)), read(&module(&[])));
        for id in rest.data.iter().map(|data| data.id()).collect::<Vec<_>>() {
            rest.data.delete(id);
        }
        links.divide(&mut first, &mut rest).expect("it can be divided");
        let mut both = vec![b'?'; 25];
        let parts = [first, rest].map(|module| {
            let mut memory = vec![b'.'; 25];
            for data in module.data.iter() {
                let DataKind::Active { offset: ConstExpr::Value(Value::I32(at)), .. } = data.kind
                else {
                    panic!("data without an address");
                };
                for (byte, at) in data.value.iter().zip(at as usize - 1024..) {
                    memory[at] = if *byte == 0 { b'.' } else { byte.max(&b'0').to_owned() };
                    both[at] = memory[at];
                }
            }
            memory
        });
        // The rest comes behind the first part, and takes nothing away that this has.
        assert_eq!(both, b"00..AAAABBBBBBBBCCCCCCCC0");
        parts
    }

    #[test]
    fn notes_that_do_not_fit_the_data_are_refused() {
        // The number there is the address of c, not of b.
        let told = Links::read(&linked(1)).err().expect("they are refused");
        assert_eq!(told, "the data is not where the linker's notes say.");
        assert!(Links::read(&module(&[])).expect("it can be read").is_none());
    }

    #[test]
    fn the_first_part_has_what_it_reads_and_what_that_points_to() {
        let words = |parts: [Vec<u8>; 2]| parts.map(|part| String::from_utf8(part).expect("words"));
        assert_eq!(words(divided(&[])), ["........................0", "00..AAAABBBBBBBBCCCCCCCC."]);
        assert_eq!(
            words(divided(&[1024])),
            ["00..AAAA........CCCCCCCC0", "........BBBBBBBB........."]
        );
        assert_eq!(
            words(divided(&[1040])),
            ["................CCCCCCCC0", "00..AAAABBBBBBBB........."]
        );
        assert_eq!(
            words(divided(&[1028])),
            ["........BBBBBBBB........0", "00..AAAA........CCCCCCCC."]
        );
    }
}
