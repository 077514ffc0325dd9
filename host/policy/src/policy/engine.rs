//! The wasmtime engine that all policies share.

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails};

use super::{RuntimeOptions, manifest::MAX_MEMORY};

/// Table elements of one instance. A policy's functions are its table; JavaScript's engine has some ten thousand.
pub(super) const TABLE_ELEMENTS: usize = 100_000;
/// Core instances, memories and tables of one instance. A component made by wit-component has a
/// core instance for the module and a few for what links it; Python's has 38, as its shared
/// libraries and the stand-ins for WASI are modules each.
pub(super) const CORE_INSTANCES: u32 = 64;
pub(super) const MEMORIES: u32 = 4;
pub(super) const TABLES: u32 = 8;
/// Live, draining, candidate.
const GENERATIONS: usize = 3;
/// Beyond this many instances the reservation alone (4 GiB of address space each) would not fit 47 bits of it.
const MAX_INSTANCES: usize = 8_192;

/// How instances' memories lie in the address space, which their code is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Each has its place in a pool.
    Pooled,
    /// Each takes what it needs.
    Frugal,
}

/// An engine whose instances come from a pool, or, where the address space for one cannot be
/// reserved (small containers, `ulimit -v`), from the system as they are made.
#[cfg(test)]
pub(super) fn engine(options: &RuntimeOptions) -> wasmtime::Result<Engine> {
    made(options).map(|(engine, _)| engine)
}

/// The engine, and how its memories lie.
pub(super) fn made(options: &RuntimeOptions) -> wasmtime::Result<(Engine, Layout)> {
    let mut pooled = config(options);
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(options)));
    Engine::new(&pooled).map(|engine| (engine, Layout::Pooled)).or_else(|error| {
        tracing::warn!(
            "no address space for a pool of policy instances ({error:#}): making them one by one, which costs a little more. \
             Allow more virtual memory (ulimit -v)"
        );
        Ok((Engine::new(&frugal(options))?, Layout::Frugal))
    })
}

/// An engine that makes the same code and no instances: it reserves nothing.
pub(super) fn compiling(options: &RuntimeOptions, layout: Layout) -> wasmtime::Result<Engine> {
    Engine::new(&match layout {
        Layout::Pooled => config(options),
        Layout::Frugal => frugal(options),
    })
}

fn config(options: &RuntimeOptions) -> Config {
    let mut config = Config::new();
    config
        // A call would cost two to three times as much with it, and another crate's features can turn it on.
        .concurrency_support(false)
        .epoch_interruption(true)
        // Said either way, for else an environment variable would decide.
        .wasm_backtrace_details(match options.source_lines {
            true => WasmBacktraceDetails::Enable,
            false => WasmBacktraceDetails::Disable,
        })
        .max_wasm_stack(options.stack);
    config
}

/// Memories reserve what they have and are moved when they grow, which costs a bounds check at each access.
fn frugal(options: &RuntimeOptions) -> Config {
    let mut config = config(options);
    config
        .memory_reservation(0)
        .memory_reservation_for_growth(1 << 20)
        .memory_guard_size(64 << 10)
        .memory_may_move(true);
    config
}

fn pool(options: &RuntimeOptions) -> PoolingAllocationConfig {
    let instances = options.instances.saturating_mul(options.policies).saturating_mul(GENERATIONS);
    let instances = instances.clamp(1, MAX_INSTANCES) as u32;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        // A count and no more: what they take is within `max_component_instance_size`, which holds
        // for all of one component's.
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(2))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .table_elements(TABLE_ELEMENTS)
        // JavaScript's component has some ten thousand globals and functions.
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        // A slot reserves 4 GiB of address space anyway; what an instance may touch is up to its own cap.
        .max_memory_size(MAX_MEMORY);
    pool
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;

    /// A component of so many core instances.
    fn linked(instances: usize) -> String {
        format!("(component (core module $m) {})", "(core instance (instantiate $m)) ".repeat(instances))
    }

    #[test]
    fn what_only_compiles_makes_the_same_code() {
        use std::hash::{DefaultHasher, Hash, Hasher};

        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let options = RuntimeOptions::default();
        let (engine, layout) = made(&options).unwrap();
        assert_eq!(hash(&engine), hash(&compiling(&options, layout).unwrap()));
        let frugal = Engine::new(&frugal(&options)).unwrap();
        assert_eq!(hash(&frugal), hash(&compiling(&options, Layout::Frugal).unwrap()));
        assert_ne!(hash(&frugal), hash(&engine), "memories lie otherwise");
    }

    #[test]
    fn a_component_may_be_linked_of_as_many_modules_as_pythons() {
        let engine = engine(&RuntimeOptions::default()).unwrap();
        Component::new(&engine, linked(38)).unwrap();
        let error = Component::new(&engine, linked(65)).err().unwrap();
        assert!(format!("{error:#}").contains("65 core module instances"), "{error:#}");
    }
}
