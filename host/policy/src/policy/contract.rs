//! A component's imports and exports, held against the interface.

use wasmparser::{Parser, Payload};
use wasmtime::{
    Engine,
    component::{
        Component, InstancePre, Linker,
        types::{ComponentItem, Type},
    },
};

use super::{
    sandbox::Sandbox,
    wasi,
    wit::exports::reprise::session_cache::{get_session, new_session, remove_session, settings},
};

pub(super) const PACKAGE: &str = "reprise:session-cache/";
pub(super) const VERSION: &str = "0.1.0";
/// What every version begins with that a policy may be built for.
const COMPATIBLE: &str = "0.1.";
const CALLBACKS: [&str; 3] = ["new-session", "get-session", "remove-session"];
/// The interfaces that a policy may import, with their functions.
const IMPORTS: [(&str, &[&str]); 3] =
    [("types", &[]), ("state", &["get", "set", "increment", "delete"]), ("observe", &["log", "count"])];
/// The interfaces that a policy may export, with the function of each and its type as WIT has it.
pub(super) const EXPORTS: [(&str, &str, &str); 4] = [
    ("new-session", "decide", "func(connection: connection, session: session) -> new-verdict"),
    ("get-session", "decide", "func(connection: connection, candidate: session) -> get-verdict"),
    ("remove-session", "decide", "func(id: session-id, session: option<session>, why: removal) -> remove-verdict"),
    ("settings", "configure", "func(settings: list<tuple<string, string>>) -> result<_, string>"),
];

/// A component that keeps to the interface, ready to be instantiated, and where its exports are.
pub(super) struct Linked {
    pub(super) pre: InstancePre<Sandbox>,
    pub(super) new: Option<new_session::GuestIndices>,
    pub(super) get: Option<get_session::GuestIndices>,
    pub(super) remove: Option<remove_session::GuestIndices>,
    pub(super) settings: Option<settings::GuestIndices>,
}

/// What does not fit.
#[derive(Debug)]
pub(super) struct Mismatch {
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) hint: String,
}

/// Holds the names of what a component imports and exports against the interface. Before it is
/// compiled: for a large one that takes seconds, and its author should not have to wait to be told.
/// What does not parse is left to the compiler.
pub(super) fn foresee(component: &[u8]) -> Result<(), Mismatch> {
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::Version { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth -= 1,
            // Those of the components and modules inside are its own matter.
            Ok(Payload::ComponentImportSection(imports)) if depth == 1 => {
                imports.into_iter().flatten().try_for_each(|import| check_import_name(import.name.name))?;
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    Ok(())
}

fn check_import_name(name: &str) -> Result<(), Mismatch> {
    if wasi::is_import(name) { wasi::known(name).map(drop) } else { known_import(name).map(drop) }
}

/// Holds `component` against the interface.
pub(super) fn link(
    engine: &Engine,
    linker: &Linker<Sandbox>,
    component: &Component,
    policy: &str,
) -> Result<Linked, Mismatch> {
    let ty = component.component_type();
    let mut linker = linker.clone();
    for (name, item) in ty.imports(engine) {
        if wasi::is_import(name) {
            wasi::define(&mut linker, engine, name, &item.ty)?;
        } else {
            check_import(engine, name, &item.ty)?;
        }
    }
    let pre = linker.instantiate_pre(component).map_err(|error| Mismatch {
        expected: "imports of the types that the interface gives them".into(),
        found: format!("{error:#}"),
        hint: rebuild(),
    })?;
    let mut exported = Vec::new();
    for (name, item) in ty.exports(engine) {
        if let Some(interface) = name.strip_prefix(PACKAGE) {
            exported.push(check_export(engine, interface, &item.ty)?);
        }
    }
    if !exported.iter().any(|interface| CALLBACKS.contains(interface)) {
        let names: Vec<_> = ty.exports(engine).map(|(name, _)| format!("`{name}`")).collect();
        return Err(Mismatch {
            expected: format!("policy `{policy}` to export at least one of {}", quoted(&CALLBACKS)),
            found: if names.is_empty() { "no exports".into() } else { names.join(", ") },
            hint: format!("Target a world of {PACKAGE}policy@{VERSION} and export the callbacks it needs."),
        });
    }
    let exports = |interface: &str| exported.contains(&interface);
    let missing = |error: wasmtime::Error| Mismatch {
        expected: "exports that can be looked up".into(),
        found: format!("{error:#}"),
        hint: rebuild(),
    };
    // Their types are held against the interface when an instance is made, which is when wasmtime
    // looks: see `wrong_type`.
    Ok(Linked {
        new: exports("new-session").then(|| new_session::GuestIndices::new(&pre)).transpose().map_err(missing)?,
        get: exports("get-session").then(|| get_session::GuestIndices::new(&pre)).transpose().map_err(missing)?,
        remove: exports("remove-session")
            .then(|| remove_session::GuestIndices::new(&pre))
            .transpose()
            .map_err(missing)?,
        settings: exports("settings").then(|| settings::GuestIndices::new(&pre)).transpose().map_err(missing)?,
        pre,
    })
}

/// The functions of an interface that may be imported, and the version asked for.
fn known_import(name: &str) -> Result<(&'static [&'static str], &str), Mismatch> {
    let Some(interface) = name.strip_prefix(PACKAGE) else {
        return Err(unknown_import(name));
    };
    let (interface, version) = interface.split_once('@').unwrap_or((interface, "none"));
    let Some((_, functions)) = IMPORTS.iter().find(|(known, _)| *known == interface) else {
        return Err(unknown_import(name));
    };
    check_version(name, version)?;
    Ok((functions, version))
}

fn check_import(engine: &Engine, name: &str, item: &ComponentItem) -> Result<(), Mismatch> {
    let (functions, version) = known_import(name)?;
    let ComponentItem::ComponentInstance(instance) = item else { return Ok(()) };
    for (function, item) in instance.exports(engine) {
        if matches!(item.ty, ComponentItem::ComponentFunc(_)) && !functions.contains(&function) {
            return Err(Mismatch {
                expected: format!("imports from `{name}` to be among {}", quoted(functions)),
                found: format!("`{function}`"),
                hint: newer(version),
            });
        }
    }
    Ok(())
}

fn unknown_import(name: &str) -> Mismatch {
    let version =
        name.strip_prefix(PACKAGE).and_then(|name| name.split_once('@')).map_or(VERSION, |(_, version)| version);
    Mismatch {
        expected: format!(
            "imports to be among `{PACKAGE}state@{VERSION}`, `{PACKAGE}observe@{VERSION}` and what docs/wasi.md lists"
        ),
        found: format!("`{name}`"),
        hint: if version == VERSION { "Remove what needs it: a policy makes no I/O.".into() } else { newer(version) },
    }
}

/// The interface's name, if this host knows it and the version is its own.
fn check_export(engine: &Engine, export: &str, item: &ComponentItem) -> Result<&'static str, Mismatch> {
    let (interface, version) = export.split_once('@').unwrap_or((export, "none"));
    let names: Vec<_> = EXPORTS.iter().map(|(interface, ..)| *interface).collect();
    let Some((interface, function, ty)) = EXPORTS.into_iter().find(|(known, ..)| *known == interface) else {
        return Err(Mismatch {
            expected: format!("exports of {PACKAGE}…@{VERSION} to be among {}", quoted(&names)),
            found: format!("`{export}`"),
            hint: if version == VERSION { "Correct the name, or remove the export.".into() } else { newer(version) },
        });
    };
    check_version(&format!("{PACKAGE}{export}"), version)?;
    let found = match item {
        ComponentItem::ComponentInstance(instance) => instance.get_export(engine, function).map(|item| item.ty),
        _ => None,
    };
    match found {
        Some(ComponentItem::ComponentFunc(_)) => Ok(interface),
        _ => Err(Mismatch {
            expected: format!("`{interface}` to have the function `{function}: {ty}`"),
            found: format!("no function `{function}` in it"),
            hint: rebuild(),
        }),
    }
}

/// Any 0.1.x will do: its types are those of 0.1.0, and what it imports is looked at function by function.
fn check_version(name: &str, version: &str) -> Result<(), Mismatch> {
    let patch = version.strip_prefix(COMPATIBLE);
    if patch.is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit())) {
        return Ok(());
    }
    Err(Mismatch {
        expected: format!("version {VERSION} of the interface, which this host speaks, or another {COMPATIBLE}x"),
        found: format!("version {version} (`{name}`)"),
        hint: "Build the policy against this host's wit/session-cache.wit, or run a host that speaks its version."
            .into(),
    })
}

/// The export of `interface` is not of the type that the interface gives it.
pub(super) fn wrong_type(linked: &Linked, interface: &str, error: &wasmtime::Error) -> Mismatch {
    let (component, engine) = (linked.pre.component(), linked.pre.engine());
    let (_, function, ty) = EXPORTS.into_iter().find(|(known, ..)| *known == interface).unwrap_or_default();
    let found = component
        .component_type()
        .exports(engine)
        // Of whatever version it is.
        .find(|(name, _)| name.strip_prefix(PACKAGE).is_some_and(|name| name.split('@').next() == Some(interface)))
        .and_then(|(_, item)| match item.ty {
            ComponentItem::ComponentInstance(instance) => Some(instance.get_export(engine, function)?.ty),
            _ => None,
        })
        .and_then(|item| match item {
            ComponentItem::ComponentFunc(function) => Some(signature(function.params(), function.results())),
            _ => None,
        })
        .unwrap_or_default();
    Mismatch {
        expected: format!("`{interface}` to have `{function}: {ty}`"),
        found: format!("`{function}: {found}` ({})", error.root_cause()),
        hint: rebuild(),
    }
}

/// A function's type as WIT would have it, records by their fields' names.
fn signature<'a>(params: impl Iterator<Item = (&'a str, Type)>, results: impl Iterator<Item = Type>) -> String {
    let params: Vec<_> = params.map(|(name, ty)| format!("{name}: {}", shape(&ty))).collect();
    let results: Vec<_> = results.map(|ty| format!(" -> {}", shape(&ty))).collect();
    format!("func({}){}", params.join(", "), results.concat())
}

fn shape(ty: &Type) -> String {
    fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
        names.collect::<Vec<_>>().join(", ")
    }
    fn or_none(ty: Option<Type>) -> String {
        ty.map_or("_".into(), |ty| shape(&ty))
    }
    match ty {
        Type::Bool => "bool".into(),
        Type::S8 => "s8".into(),
        Type::U8 => "u8".into(),
        Type::S16 => "s16".into(),
        Type::U16 => "u16".into(),
        Type::S32 => "s32".into(),
        Type::U32 => "u32".into(),
        Type::S64 => "s64".into(),
        Type::U64 => "u64".into(),
        Type::Float32 => "f32".into(),
        Type::Float64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::List(list) => format!("list<{}>", shape(&list.ty())),
        Type::Option(option) => format!("option<{}>", shape(&option.ty())),
        Type::Result(result) => format!("result<{}, {}>", or_none(result.ok()), or_none(result.err())),
        Type::Tuple(tuple) => format!("tuple<{}>", tuple.types().map(|ty| shape(&ty)).collect::<Vec<_>>().join(", ")),
        Type::Record(record) => format!("record {{ {} }}", names(record.fields().map(|field| field.name))),
        Type::Variant(variant) => format!("variant {{ {} }}", names(variant.cases().map(|case| case.name))),
        Type::Enum(cases) => format!("enum {{ {} }}", names(cases.names())),
        Type::Flags(flags) => format!("flags {{ {} }}", names(flags.names())),
        _ => "a type that no policy has".into(),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What to do about a function that this host does not have.
fn newer(version: &str) -> String {
    if version == VERSION {
        rebuild()
    } else {
        format!("Run a host that speaks version {version}, or build the policy against this one's, {VERSION}.")
    }
}

fn rebuild() -> String {
    format!("Rebuild the policy against wit/session-cache.wit of version {VERSION}.")
}
