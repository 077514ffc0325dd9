//! What is too much to compile, counted before anything is.
//!
//! wasmtime takes whatever is valid: a million functions, or one of 7 MB. Compiling takes memory in proportion to the function
//! at hand and to all that came of the others, and no limit of wasmtime's holds it. These bounds do: what keeps to them was
//! compiled in less than 1 GB, in under a minute. They lie well above what interpreters of whole languages need: at most
//! 9.9 MB of code in 20,000 functions, the largest of 172 KB, a flow of 580,000 for JavaScript; 6.6 MB in 13,500, the largest of
//! 427 KB, a flow of 310,000 for Python. Time is not theirs to bound: compiling runs beside the handshakes, and behind them.

use wasmparser::{BinaryReaderError, FunctionBody, Operator, Parser, Payload, TypeSectionReader};

use super::contract::Mismatch;

/// Functions of all modules in a component.
const FUNCTIONS: u64 = 100_000;
/// Everything else that a component defines: types, imports, exports, globals, segments.
const DEFINITIONS: u64 = 500_000;
/// Bytes of code of all functions.
const CODE: u64 = 24 << 20;
/// Bytes of one function's code. The compiler takes some 250 times as many.
const FUNCTION: u64 = 1 << 20;
/// Branches of one function times its variables: the compiler may keep a value for each pair, and takes some 100 bytes for it.
const FLOW: u64 = 1 << 23;

/// Bytes that describe a core module's interface. Ours takes 2 KB and all of WASI's 11.
const METADATA: u64 = 256 << 10;

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

/// Holds a module's counts against the bounds, and gives the bytes of linear memory that its instances begin with. What does not
/// parse is left to the compiler, which says more about it.
pub(super) fn check(module: &[u8]) -> Result<usize, Mismatch> {
    let Ok(counts) = Counts::of(module) else { return Ok(0) };
    let bounds = [
        ("bytes of WIT metadata", counts.metadata, METADATA),
        ("functions", counts.functions, FUNCTIONS),
        ("definitions other than functions", counts.definitions, DEFINITIONS),
        ("bytes of code", counts.code, CODE),
        ("bytes of code in one function", counts.largest_function, FUNCTION),
        ("branches times variables in one function", counts.widest_flow, FLOW),
    ];
    match bounds.into_iter().find(|(_, found, most)| found > most) {
        None => Ok(usize::try_from(counts.memory).unwrap_or(usize::MAX)),
        Some((what, found, most)) => Err(Mismatch {
            expected: format!("at most {most} {what}"),
            found: found.to_string(),
            hint: "Make it smaller: build it with optimization, and leave out what it does not use.".into(),
        }),
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
}

impl Counts {
    fn of(module: &[u8]) -> Result<Self, BinaryReaderError> {
        let mut counts = Self::default();
        // Of the module at hand: a function's parameters are variables too.
        let mut most_parameters = 0;
        for payload in Parser::new(0).parse_all(module) {
            let defined = match payload? {
                Payload::CodeSectionStart { count, .. } => {
                    counts.functions += u64::from(count);
                    continue;
                }
                Payload::CodeSectionEntry(body) => {
                    counts.add(&body, most_parameters)?;
                    continue;
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    counts.metadata += section.data().len() as u64;
                    continue;
                }
                Payload::Version { .. } => {
                    most_parameters = 0;
                    continue;
                }
                Payload::TypeSection(types) => {
                    let count = types.count();
                    most_parameters = parameters(types)?;
                    count
                }
                Payload::ImportSection(section) => section.count(),
                Payload::TableSection(section) => section.count(),
                Payload::MemorySection(section) => {
                    let count = section.count();
                    for memory in section {
                        counts.memory = counts.memory.saturating_add(memory?.initial.saturating_mul(PAGE));
                    }
                    count
                }
                Payload::GlobalSection(section) => section.count(),
                Payload::ExportSection(section) => section.count(),
                Payload::ElementSection(section) => section.count(),
                Payload::DataSection(section) => section.count(),
                Payload::InstanceSection(section) => section.count(),
                Payload::CoreTypeSection(section) => section.count(),
                Payload::ComponentInstanceSection(section) => section.count(),
                Payload::ComponentAliasSection(section) => section.count(),
                Payload::ComponentTypeSection(section) => section.count(),
                Payload::ComponentCanonicalSection(section) => section.count(),
                Payload::ComponentImportSection(section) => section.count(),
                Payload::ComponentExportSection(section) => section.count(),
                _ => continue,
            };
            counts.definitions += u64::from(defined);
        }
        Ok(counts)
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
    use reprise_fixtures::{hostile::functions, policies};

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

    #[test]
    fn what_does_not_parse_is_left_to_the_compiler() {
        check(b"\0asm\x0d\0\x01\0garbage").unwrap();
    }
}
