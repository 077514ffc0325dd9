//! What a component's instances multiply to.
//!
//! A component that instantiates another one twice, which does the same, doubles with each line.
//! wasmtime follows every instantiation (`inline.rs` of wasmtime-environ), and copies what is
//! handed on: the exports of an instance, what a component has of the components around it. So does
//! this, with counts in place of what is counted, and it stops at the bounds. Nothing is copied
//! here but references, and nothing is recursive.

use std::{collections::HashMap, rc::Rc};

use wasmparser::{
    BinaryReaderError, CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, Encoding, Instance, Parser, Payload,
};

use super::{Bound, Mismatch};

/// Instances of components and of core modules. wasmtime's pool takes 64 core instances; Python's component has 38.
const INSTANCES: u64 = 640;
/// What instances and components are made of, each time that it is handed on.
const ITEMS: u64 = 500_000;
/// Calls from one component into another: each is code of its own, as long as its types. A policy
/// of one language has none.
const ADAPTERS: u64 = 1_000;
/// Such calls times the bytes of all types.
const ADAPTED: u64 = 32 << 20;
/// Instances of instances, and components that hold components.
const DEPTH: u64 = 100;

/// A place in one of a component's index spaces.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    space: Space,
    index: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Space {
    Component,
    Instance,
    Function,
    Module,
    /// Whose items are all alike to us.
    Other,
}

/// What one definition of a component does.
enum Step<'a> {
    DefineComponent(usize),
    DefineModule(usize),
    /// An instance of a component, or of exports that are there.
    Instantiate(u32, Vec<(&'a str, Place)>),
    Bundle(Vec<(&'a str, Place)>),
    /// An item of an instance.
    Take(u32, &'a str, Space),
    /// An item of a component around this one: as many levels out.
    Outer(u32, Place),
    Import(&'a str, Space),
    Export(&'a str, Place),
    Lift,
    Lower(u32),
    InstantiateModule(u32),
    /// So many types.
    Types(u64),
    /// So many of something else.
    Others(u64),
}

/// A component as it is written down.
#[derive(Default)]
struct Definition<'a> {
    steps: Vec<Step<'a>>,
    /// What it has of the components around it, by levels out and place there, and how often: wasmtime keeps each.
    captures: HashMap<Captured, u64>,
}

/// Levels out, and the place there.
type Captured = (u32, Place);

/// What stands at a place.
#[derive(Clone)]
enum Value<'a> {
    /// Nothing that multiplies, or nothing that is known.
    One,
    /// A function of a component in the same file.
    Lifted,
    Module(usize),
    Component(Rc<Closure<'a>>),
    Instance(Rc<Items<'a>>),
}

/// A component, with what it has of those around it.
struct Closure<'a> {
    definition: usize,
    captured: HashMap<Captured, Value<'a>>,
    size: u64,
    depth: u64,
}

/// The exports of an instance.
struct Items<'a> {
    exports: HashMap<&'a str, Value<'a>>,
    size: u64,
    depth: u64,
}

/// A component that is being instantiated.
struct Frame<'a> {
    closure: Rc<Closure<'a>>,
    next: usize,
    arguments: HashMap<&'a str, Value<'a>>,
    spaces: HashMap<Space, Vec<Value<'a>>>,
    exports: HashMap<&'a str, Value<'a>>,
}

/// Everything that is counted.
#[derive(Default)]
struct Spent {
    instances: u64,
    /// Types so far: the resources among them are copied at each instantiation.
    types: u64,
    items: u64,
    adapters: u64,
    depth: u64,
}

/// Holds what `component` multiplies to against the bounds; `types` are the bytes of all its types.
/// What does not parse is left to the compiler, which looks at all of it before it instantiates
/// anything.
pub(super) fn check(component: &[u8], types: u64) -> Result<(), Mismatch> {
    let Ok(Read { definitions, imports, captures }) = Read::of(component) else { return Ok(()) };
    let mut spent = Spent { items: captures, ..Spent::default() };
    spent.check(types)?;
    if definitions.is_empty() {
        return Ok(());
    }
    let mut frames = vec![Frame::new(Rc::new(Closure::root()), HashMap::new())];
    while let Some(frame) = frames.last_mut() {
        let definition = &definitions[frame.closure.definition];
        let Some(step) = definition.steps.get(frame.next) else {
            let instance = Value::instance(std::mem::take(&mut frame.exports), &mut spent);
            frames.pop();
            if let Some(outer) = frames.last_mut() {
                outer.put(Space::Instance, instance);
            }
            spent.check(types)?;
            continue;
        };
        frame.next += 1;
        if let Some(inner) = frame.step(step, &definitions, &imports, &mut spent) {
            frames.push(inner);
        }
        spent.check(types)?;
    }
    Ok(())
}

impl Spent {
    fn check(&self, types: u64) -> Result<(), Mismatch> {
        Bound::first_exceeded([
            ("instances, with those that its components make in turn", self.instances, INSTANCES),
            ("items handed from instance to instance", self.items, ITEMS),
            ("calls from component to component", self.adapters, ADAPTERS),
            ("calls from component to component times bytes of types", self.adapters.saturating_mul(types), ADAPTED),
            ("instances inside one another", self.depth, DEPTH),
        ])
    }

    /// A copy of `value` is made.
    fn copy(&mut self, value: &Value<'_>) {
        self.items = self.items.saturating_add(value.size());
    }
}

impl<'a> Value<'a> {
    fn size(&self) -> u64 {
        match self {
            Self::One | Self::Lifted | Self::Module(_) => 1,
            Self::Component(closure) => closure.size,
            Self::Instance(items) => items.size,
        }
    }

    fn depth(&self) -> u64 {
        match self {
            Self::One | Self::Lifted | Self::Module(_) => 0,
            Self::Component(closure) => closure.depth,
            Self::Instance(items) => items.depth,
        }
    }

    fn instance(exports: HashMap<&'a str, Value<'a>>, spent: &mut Spent) -> Self {
        let size = exports.values().fold(1, |size: u64, value| size.saturating_add(value.size()));
        let depth = 1 + exports.values().map(Value::depth).max().unwrap_or(0);
        spent.items = spent.items.saturating_add(size);
        spent.depth = spent.depth.max(depth);
        Self::Instance(Rc::new(Items { exports, size, depth }))
    }
}

impl Closure<'_> {
    fn root() -> Self {
        Self { definition: 0, captured: HashMap::new(), size: 1, depth: 0 }
    }
}

impl<'a> Frame<'a> {
    fn new(closure: Rc<Closure<'a>>, arguments: HashMap<&'a str, Value<'a>>) -> Self {
        Self { closure, next: 0, arguments, spaces: HashMap::new(), exports: HashMap::new() }
    }

    fn put(&mut self, space: Space, value: Value<'a>) {
        if space != Space::Other {
            self.spaces.entry(space).or_default().push(value);
        }
    }

    /// What is not there is the validator's business.
    fn at(&self, Place { space, index }: Place) -> Value<'a> {
        self.spaces.get(&space).and_then(|values| values.get(index as usize)).cloned().unwrap_or(Value::One)
    }

    fn all(&self, named: &[(&'a str, Place)], spent: &mut Spent) -> HashMap<&'a str, Value<'a>> {
        let named = named.iter().map(|(name, place)| (*name, self.at(*place)));
        named.inspect(|(_, value)| spent.copy(value)).collect()
    }

    /// Does what `step` says; the frame of the component that it instantiates, if it does.
    fn step(
        &mut self,
        step: &Step<'a>,
        definitions: &[Definition<'a>],
        imports: &[u64],
        spent: &mut Spent,
    ) -> Option<Frame<'a>> {
        let (space, value) = match step {
            Step::DefineComponent(definition) => {
                (Space::Component, self.close(*definition, &definitions[*definition].captures, spent))
            }
            Step::DefineModule(module) => (Space::Module, Value::Module(*module)),
            Step::Instantiate(component, arguments) => {
                spent.instances += 1;
                spent.items = spent.items.saturating_add(spent.types);
                let arguments = self.all(arguments, spent);
                let component = self.at(Place { space: Space::Component, index: *component });
                spent.copy(&component);
                match component {
                    Value::Component(closure) => return Some(Frame::new(closure, arguments)),
                    // An import, of which the host has none.
                    _ => (Space::Instance, Value::One),
                }
            }
            Step::Bundle(exports) => (Space::Instance, Value::instance(self.all(exports, spent), spent)),
            Step::Take(instance, name, space) => {
                let instance = self.at(Place { space: Space::Instance, index: *instance });
                let Value::Instance(items) = instance else { return self.put_one(*space, spent) };
                (*space, items.exports.get(name).cloned().unwrap_or(Value::One))
            }
            Step::Outer(levels, place) => (place.space, self.outer(*levels, *place)),
            Step::Import(name, space) => (*space, self.arguments.get(name).cloned().unwrap_or(Value::One)),
            Step::Export(name, place) => {
                let value = self.at(*place);
                spent.copy(&value);
                self.exports.insert(name, value.clone());
                (place.space, value)
            }
            Step::Lift => (Space::Function, Value::Lifted),
            Step::Lower(function) => {
                let function = self.at(Place { space: Space::Function, index: *function });
                spent.adapters += u64::from(matches!(function, Value::Lifted));
                (Space::Other, Value::One)
            }
            Step::InstantiateModule(module) => {
                spent.instances += 1;
                if let Value::Module(module) = self.at(Place { space: Space::Module, index: *module }) {
                    spent.items = spent.items.saturating_add(imports[module]);
                }
                (Space::Other, Value::One)
            }
            Step::Types(count) | Step::Others(count) => {
                spent.items = spent.items.saturating_add(*count);
                if let Step::Types(count) = step {
                    spent.types = spent.types.saturating_add(*count);
                }
                return None;
            }
        };
        spent.copy(&value);
        self.put(space, value);
        None
    }

    fn put_one(&mut self, space: Space, spent: &mut Spent) -> Option<Frame<'a>> {
        spent.copy(&Value::One);
        self.put(space, Value::One);
        None
    }

    /// What stands at a place in this component, or so many levels out.
    fn outer(&self, levels: u32, place: Place) -> Value<'a> {
        match levels {
            0 => self.at(place),
            _ => self.closure.captured.get(&(levels, place)).cloned().unwrap_or(Value::One),
        }
    }

    /// The component of this definition, as it is here.
    fn close(&self, definition: usize, captures: &HashMap<Captured, u64>, spent: &mut Spent) -> Value<'a> {
        let (mut captured, mut size, mut depth) = (HashMap::new(), 1_u64, 0);
        for ((levels, place), times) in captures {
            let value = self.outer(levels.saturating_sub(1), *place);
            size = size.saturating_add(value.size().saturating_mul(*times));
            depth = depth.max(value.depth());
            captured.insert((*levels, *place), value);
        }
        depth += 1;
        spent.depth = spent.depth.max(depth);
        Value::Component(Rc::new(Closure { definition, captured, size, depth }))
    }
}

/// A file, read.
#[derive(Default)]
struct Read<'a> {
    /// The components in it, the outermost first; none if it is a core module.
    definitions: Vec<Definition<'a>>,
    /// The imports of each core module in them.
    imports: Vec<u64>,
    /// What all components have of those around them.
    captures: u64,
}

/// What is being read.
enum Open {
    Component(usize),
    Module(usize),
}

impl<'a> Read<'a> {
    fn of(component: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let mut read = Self::default();
        let mut open = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            match payload? {
                Payload::Version { encoding, .. } if open.is_empty() => {
                    if encoding != Encoding::Component {
                        break;
                    }
                    read.definitions.push(Definition::default());
                    open.push(Open::Component(0));
                }
                Payload::ComponentSection { .. } => {
                    let inner = read.definitions.len();
                    read.step(&open, Step::DefineComponent(inner));
                    read.definitions.push(Definition::default());
                    open.push(Open::Component(inner));
                }
                Payload::ModuleSection { .. } => {
                    let inner = read.imports.len();
                    read.step(&open, Step::DefineModule(inner));
                    read.imports.push(0);
                    open.push(Open::Module(inner));
                }
                Payload::End(_) => {
                    open.pop();
                }
                Payload::ImportSection(section) => {
                    if let Some(Open::Module(module)) = open.last() {
                        read.imports[*module] += u64::from(section.count());
                    }
                }
                payload => read.definitions_in(&open, payload)?,
            }
        }
        Ok(read)
    }

    fn step(&mut self, open: &[Open], step: Step<'a>) {
        if let Some(Open::Component(definition)) = open.last() {
            self.definitions[*definition].steps.push(step);
        }
    }

    fn definitions_in(&mut self, open: &[Open], payload: Payload<'a>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::InstanceSection(section) => section.into_iter().try_for_each(|instance| {
                match instance? {
                    Instance::Instantiate { module_index, args } => {
                        self.step(open, Step::Others(args.len() as u64));
                        self.step(open, Step::InstantiateModule(module_index));
                    }
                    Instance::FromExports(exports) => self.step(open, Step::Others(exports.len() as u64)),
                }
                Ok(())
            }),
            Payload::ComponentInstanceSection(section) => section.into_iter().try_for_each(|instance| {
                let step = match instance? {
                    ComponentInstance::Instantiate { component_index, args } => {
                        let place = |kind, index| Place { space: space(kind), index };
                        let args = args.iter().map(|arg| (arg.name, place(arg.kind, arg.index)));
                        Step::Instantiate(component_index, args.collect())
                    }
                    ComponentInstance::FromExports(exports) => {
                        let place = |kind, index| Place { space: space(kind), index };
                        let exports = exports.iter().map(|export| (export.name.name, place(export.kind, export.index)));
                        Step::Bundle(exports.collect())
                    }
                };
                self.step(open, step);
                Ok(())
            }),
            Payload::ComponentAliasSection(section) => section.into_iter().try_for_each(|alias| {
                self.alias(open, alias?);
                Ok(())
            }),
            Payload::ComponentCanonicalSection(section) => section.into_iter().try_for_each(|function| {
                let step = match function? {
                    CanonicalFunction::Lift { .. } => Step::Lift,
                    CanonicalFunction::Lower { func_index, .. } => Step::Lower(func_index),
                    _ => Step::Others(1),
                };
                self.step(open, step);
                Ok(())
            }),
            Payload::ComponentImportSection(section) => section.into_iter().try_for_each(|import| {
                let import = import?;
                self.step(open, Step::Import(import.name.name, space(import.ty.kind())));
                Ok(())
            }),
            Payload::ComponentExportSection(section) => section.into_iter().try_for_each(|export| {
                let export = export?;
                let place = Place { space: space(export.kind), index: export.index };
                self.step(open, Step::Export(export.name.name, place));
                Ok(())
            }),
            Payload::ComponentTypeSection(section) => {
                self.step(open, Step::Types(section.count().into()));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn alias(&mut self, open: &[Open], alias: ComponentAlias<'a>) {
        let step = match alias {
            ComponentAlias::InstanceExport { kind, instance_index, name } => {
                Step::Take(instance_index, name, space(kind))
            }
            ComponentAlias::Outer { kind, count, index } => {
                let space = match kind {
                    ComponentOuterAliasKind::Component => Space::Component,
                    ComponentOuterAliasKind::CoreModule => Space::Module,
                    ComponentOuterAliasKind::CoreType | ComponentOuterAliasKind::Type => Space::Other,
                };
                let place = Place { space, index };
                if space != Space::Other {
                    self.capture(open, count, place);
                }
                Step::Outer(count, place)
            }
            ComponentAlias::CoreInstanceExport { .. } => Step::Others(1),
        };
        self.step(open, step);
    }

    /// Every component between this one and the one that it takes something of hands it on.
    fn capture(&mut self, open: &[Open], levels: u32, place: Place) {
        for (component, levels) in open.iter().rev().zip((1..=levels).rev()) {
            self.captures += 1;
            if let (Open::Component(definition), true) = (component, self.captures <= ITEMS) {
                *self.definitions[*definition].captures.entry((levels, place)).or_default() += 1;
            }
        }
    }
}

fn space(kind: ComponentExternalKind) -> Space {
    match kind {
        ComponentExternalKind::Component => Space::Component,
        ComponentExternalKind::Instance => Space::Instance,
        ComponentExternalKind::Func => Space::Function,
        ComponentExternalKind::Module => Space::Module,
        ComponentExternalKind::Value | ComponentExternalKind::Type => Space::Other,
    }
}

#[cfg(test)]
mod tests;
