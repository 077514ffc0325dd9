//! What is too much to compile, counted before anything is.
//!
//! wasmtime takes whatever is valid: a million functions, or one of 7 MB. Compiling takes memory in
//! proportion to the function at hand and to all that came of the others, and no limit of
//! wasmtime's holds it. These bounds do: what keeps to them was compiled in less than 1 GB, in
//! under a minute. They lie well above what interpreters of whole languages need: at most 9.9 MB of
//! code in 20,000 functions, the largest of 172 KB, a flow of 580,000 for JavaScript; 6.6 MB in
//! 13,500, the largest of 427 KB, a flow of 310,000 for Python. Time is not theirs to bound:
//! compiling runs beside the handshakes, and behind them.
//!
//! Counted is first what is written down, payload by payload, before any validator or encoder sees
//! it: they recurse into types and keep a state for each component that they are inside of
//! (`nesting`). Then what it multiplies to (`expansion`).

mod expansion;
mod nesting;

use wasmparser::{BinaryReader, BinaryReaderError, FunctionBody, Operator, Parser, Payload, TypeSectionReader};

use super::contract::Mismatch;

/// Functions of all modules in a component.
const FUNCTIONS: u64 = 100_000;
/// Everything else that a component defines: types, imports, exports, globals, segments.
const DEFINITIONS: u64 = 500_000;
/// Bytes of code of all functions.
const CODE: u64 = 24 << 20;
/// Bytes of one function's code. The compiler takes some 250 times as many.
const FUNCTION: u64 = 1 << 20;
/// Branches of one function times its variables: the compiler may keep a value for each pair, and
/// takes some 100 bytes for it.
const FLOW: u64 = 1 << 23;

/// Bytes that describe a core module's interface. Ours takes 2 KB and all of WASI's 11.
const METADATA: u64 = 256 << 10;

/// How deeply components and modules lie inside one another, and how many there are. What
/// languages' tools make is two levels of some ten; Python's has forty. A validator takes some 250
/// KB a level.
const DEPTH: u64 = 24;
const NESTED: u64 = 500;
/// How deeply types of components and instances lie inside one another: four levels for a whole package.
const TYPE_DEPTH: u64 = 40;
/// Bytes of types of components, and of all that components define and no module does.
const TYPES: u64 = 1 << 20;
const WIRING: u64 = 4 << 20;

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// Holds a module's counts against the bounds, and gives the bytes of linear memory that its
/// instances begin with. What does not parse is left to the compiler, which stops at the same place
/// and says more about it.
pub(super) fn check(module: &[u8]) -> Result<usize, Mismatch> {
    let mut counts = Counts::default();
    match counts.read(module) {
        Err(Stop::TooMuch(mismatch)) => return Err(mismatch),
        Err(Stop::Malformed) => return Ok(0),
        Ok(()) => expansion::check(module, counts.types)?,
    }
    Ok(usize::try_from(counts.memory).unwrap_or(usize::MAX))
}

/// Why counting ended early.
enum Stop {
    TooMuch(Mismatch),
    Malformed,
}

impl From<BinaryReaderError> for Stop {
    fn from(_: BinaryReaderError) -> Self {
        Self::Malformed
    }
}

/// What is counted, how much of it was found, and the most that there may be.
struct Bound;

impl Bound {
    /// The first bound that is exceeded, if any.
    fn first_exceeded<const N: usize>(bounds: [(&str, u64, u64); N]) -> Result<(), Mismatch> {
        match bounds.into_iter().find(|(_, found, most)| found > most) {
            None => Ok(()),
            Some((what, found, most)) => Err(Mismatch {
                expected: format!("at most {most} {what}"),
                found: found.to_string(),
                hint: "Make it smaller: build it with optimization, and leave out what it does not use.".into(),
            }),
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    metadata: u64,
    functions: u64,
    definitions: u64,
    code: u64,
    largest_function: u64,
    widest_flow: u64,
    /// Bytes of all memories at their smallest.
    memory: u64,
    /// Components and modules inside the outermost, and the most of them that are inside one another.
    nested: u64,
    deepest: u64,
    deepest_type: u64,
    types: u64,
    wiring: u64,
    depth: u64,
    /// What is counted is itself a description of a module, and what it has of its own is nobody's.
    is_metadata: bool,
}

impl Counts {
    fn check(&self) -> Result<(), Stop> {
        let bounds = [
            ("components and modules inside one another", self.deepest, DEPTH),
            ("components and modules in it", self.nested, NESTED),
            ("types inside one another", self.deepest_type, TYPE_DEPTH),
            ("bytes of components' types", self.types, TYPES),
            ("bytes of components' definitions", self.wiring, WIRING),
            ("bytes of WIT metadata", self.metadata, METADATA),
            ("functions", self.functions, FUNCTIONS),
            ("definitions other than functions", self.definitions, DEFINITIONS),
            ("bytes of code", self.code, CODE),
            ("bytes of code in one function", self.largest_function, FUNCTION),
            ("branches times variables in one function", self.widest_flow, FLOW),
        ];
        Bound::first_exceeded(bounds).map_err(Stop::TooMuch)
    }

    /// Counts what is in `module`, until it is too much.
    fn read(&mut self, module: &[u8]) -> Result<(), Stop> {
        // Of the module at hand: a function's parameters are variables too.
        let mut most_parameters = 0;
        for payload in Parser::new(0).parse_all(module) {
            self.payload(module, payload?, &mut most_parameters)?;
            self.check()?;
        }
        Ok(())
    }

    fn payload(&mut self, module: &[u8], payload: Payload<'_>, most_parameters: &mut u64) -> Result<(), Stop> {
        let (defined, wiring) = match payload {
            Payload::CodeSectionStart { count, .. } => {
                self.functions += u64::from(count);
                return Ok(());
            }
            Payload::CodeSectionEntry(body) => return Ok(self.add(&body, *most_parameters)?),
            Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                return self.metadata(section.data());
            }
            Payload::Version { .. } => {
                *most_parameters = 0;
                return Ok(());
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                self.nested += 1;
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
                return Ok(());
            }
            Payload::End(_) => {
                self.depth = self.depth.saturating_sub(1);
                return Ok(());
            }
            Payload::TypeSection(types) => {
                let count = types.count();
                *most_parameters = parameters(types)?;
                (count, 0..0)
            }
            Payload::ImportSection(section) => (section.count(), 0..0),
            Payload::TableSection(section) => (section.count(), 0..0),
            Payload::MemorySection(section) => {
                let count = section.count();
                for memory in section {
                    self.memory = self.memory.saturating_add(memory?.initial.saturating_mul(PAGE));
                }
                (count, 0..0)
            }
            Payload::GlobalSection(section) => (section.count(), 0..0),
            Payload::ExportSection(section) => (section.count(), 0..0),
            Payload::ElementSection(section) => (section.count(), 0..0),
            Payload::DataSection(section) => (section.count(), 0..0),
            Payload::InstanceSection(section) => (section.count(), section.range()),
            Payload::CoreTypeSection(section) => {
                self.types += section.range().len() as u64;
                (section.count(), section.range())
            }
            Payload::ComponentInstanceSection(section) => (section.count(), section.range()),
            Payload::ComponentAliasSection(section) => (section.count(), section.range()),
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                self.types += range.len() as u64;
                self.check()?;
                let depth = nesting::depth(module.get(range.clone()).unwrap_or_default(), TYPE_DEPTH);
                self.deepest_type = self.deepest_type.max(depth?);
                (section.count(), range)
            }
            Payload::ComponentCanonicalSection(section) => (section.count(), section.range()),
            Payload::ComponentImportSection(section) => (section.count(), section.range()),
            Payload::ComponentExportSection(section) => (section.count(), section.range()),
            _ => return Ok(()),
        };
        self.definitions += u64::from(defined);
        self.wiring += wiring.len() as u64;
        Ok(())
    }

    /// A core module's description of itself is a component, whose types the encoder reads.
    fn metadata(&mut self, data: &[u8]) -> Result<(), Stop> {
        self.metadata += data.len() as u64;
        self.check()?;
        if self.is_metadata {
            return Ok(());
        }
        let read = Self { is_metadata: true, ..Self::default() }.read(outdated(data).unwrap_or(data));
        // What does not parse there is the encoder's to refuse; it reads no further than that.
        match read {
            Err(stop @ Stop::TooMuch(_)) => Err(stop),
            Ok(()) | Err(Stop::Malformed) => Ok(()),
        }
    }

    fn add(&mut self, body: &FunctionBody<'_>, parameters: u64) -> Result<(), BinaryReaderError> {
        let bytes = body.range().len() as u64;
        self.code += bytes;
        self.largest_function = self.largest_function.max(bytes);
        let mut variables = parameters;
        for local in body.get_locals_reader()? {
            variables += u64::from(local?.0);
        }
        let mut branches = 0;
        for operator in body.get_operators_reader()? {
            branches += match operator? {
                Operator::BrTable { targets } => u64::from(targets.len()) + 1,
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } | Operator::Else => 1,
                Operator::Br { .. } | Operator::BrIf { .. } => 1,
                _ => 0,
            };
        }
        self.widest_flow = self.widest_flow.max(branches.saturating_mul(variables));
        Ok(())
    }
}

/// The component in metadata of an older form: after a 3, the strings' encoding and the world's name.
fn outdated(data: &[u8]) -> Option<&[u8]> {
    let mut reader = BinaryReader::new(data, 0);
    (reader.read_u8().ok()? == 3).then_some(())?;
    reader.read_u8().ok()?;
    reader.read_string().ok()?;
    data.get(reader.original_position()..)
}

/// The most parameters that a function of these types has.
fn parameters(types: TypeSectionReader<'_>) -> Result<u64, BinaryReaderError> {
    let mut most = 0;
    for ty in types.into_iter_err_on_gc_types() {
        most = most.max(ty?.params().len() as u64);
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use reprise_fixtures::{
        hostile::{self, functions},
        policies,
    };

    use super::*;

    const NOTHING: [u8; 2] = [0, 0x0b];

    /// A function's code: so many `nop`s.
    fn nops(count: usize) -> Vec<u8> {
        [&[0][..], &vec![0x01; count], &[0x0b]].concat()
    }

    /// A function's code: a branch table of `0x20000` ways and one.
    fn table() -> Vec<u8> {
        [&[0, 0x20, 0, 0x0e, 0x80, 0x80, 0x08][..], &vec![0; 0x20001], &[0x0b]].concat()
    }

    #[test]
    fn each_bound_is_a_reason_of_its_own() {
        for (module, reason) in [
            (functions(100_001, 0, &NOTHING), "functions"),
            (functions(1, 0, &nops(1 << 20)), "bytes of code in one function"),
            (functions(26, 0, &nops(1_000_000)), "bytes of code"),
            (functions(1, 100, &table()), "branches times variables in one function"),
        ] {
            let mismatch = check(&module).unwrap_err();
            assert!(mismatch.expected.ends_with(reason), "{reason}: {mismatch:?}");
        }
    }

    #[test]
    fn what_keeps_to_the_bounds_passes() {
        for module in [
            policies::no_opinion(),
            functions(100_000, 0, &NOTHING),
            functions(24, 0, &nops(1_000_000)),
            functions(1, 10, &table()),
        ] {
            check(&module).unwrap();
        }
    }

    #[test]
    fn the_memory_that_an_instance_begins_with_is_that_of_all_its_modules() {
        let memories = "(core module (memory 3)) (core module (memory 2 9))";
        assert_eq!(check(&wat::parse_str(format!("(component {memories})")).unwrap()).unwrap(), 5 << 16);
        assert_eq!(check(&wat::parse_str("(module (import \"a\" \"b\" (memory 7)))").unwrap()).unwrap(), 0);
    }

    /// So many components inside one another.
    fn matryoshka(levels: usize) -> Vec<u8> {
        let mut component = Vec::new();
        for _ in 0..=levels {
            let mut outer = b"\0asm\x0d\0\x01\0".to_vec();
            if !component.is_empty() {
                hostile::section(&mut outer, 4, &component);
            }
            component = outer;
        }
        component
    }

    /// A component with one type: so many instances' types inside one another.
    fn deep_type(levels: usize) -> Vec<u8> {
        let mut component = b"\0asm\x0d\0\x01\0".to_vec();
        hostile::section(&mut component, 7, &[&[1][..], &[0x42, 1, 1].repeat(levels - 1), &[0x42, 0]].concat());
        component
    }

    /// A core module with this for its WIT metadata.
    fn described_by(metadata: &[u8]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        hostile::section(&mut module, 0, &[b"\x0ecomponent-type", metadata].concat());
        module
    }

    fn refused(module: &[u8], what: &str) {
        let mismatch = check(module).unwrap_err();
        assert!(mismatch.expected.ends_with(what), "{what}: {mismatch:?}");
    }

    #[test]
    fn components_nested_deeply_are_refused() {
        refused(&matryoshka(10_000), "components and modules inside one another");
        check(&matryoshka(24)).unwrap();
        // Whatever comes after it.
        let mut cut = matryoshka(100);
        cut.truncate(cut.len() - 3);
        refused(&cut, "components and modules inside one another");
    }

    #[test]
    fn many_components_side_by_side_are_refused() {
        let text = |count: usize| wat::parse_str(format!("(component {})", "(component)".repeat(count))).unwrap();
        refused(&text(501), "components and modules in it");
        check(&text(500)).unwrap();
    }

    #[test]
    fn types_nested_deeply_are_refused_wherever_they_lie() {
        refused(&deep_type(100_000), "types inside one another");
        refused(&described_by(&deep_type(80_000)), "types inside one another");
        let old = [&[3, 0, 1, b'w'][..], &deep_type(80_000)].concat();
        refused(&described_by(&old), "types inside one another");
        check(&deep_type(40)).unwrap();
        check(&described_by(&deep_type(40))).unwrap();
    }

    #[test]
    fn what_components_multiply_to_is_bounded() {
        refused(&hostile::doubling(29), "instances, with those that its components make in turn");
    }

    #[test]
    fn what_does_not_parse_is_left_to_the_compiler() {
        check(b"\0asm\x0d\0\x01\0garbage").unwrap();
    }
}
