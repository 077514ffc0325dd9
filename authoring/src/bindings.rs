//! The interface as source code, by wit-bindgen's generators.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use wit_bindgen_core::{
    Files, WorldGenerator,
    wit_parser::{Resolve, WorldId, WorldItem},
};

/// Writes the C bindings of the one world in `wit` to `into`: `WORLD.h`, `WORLD.c`, and
/// `WORLD_component_type.o`, which makes the linked module describe itself. The interfaces that the
/// world exports, by their names without package and version.
///
/// # Errors
/// The WIT does not parse, or `into` cannot be written.
pub(crate) fn c(wit: &Path, into: &Path) -> Result<Vec<String>> {
    write(wit, into, wit_bindgen_c::Opts::default().build())
}

/// Writes the Go packages of the one world in `wit` to `into`. The interfaces that it exports, as [`c`] does.
///
/// # Errors
/// The WIT does not parse, or `into` cannot be written.
pub(crate) fn go(wit: &Path, into: &Path) -> Result<Vec<String>> {
    write(wit, into, wit_bindgen_go::Opts::default().build())
}

fn write(wit: &Path, into: &Path, mut generator: Box<dyn WorldGenerator>) -> Result<Vec<String>> {
    let (mut resolve, world) = world(wit)?;
    let mut files = Files::default();
    generator.generate(&mut resolve, world, &mut files).with_context(|| format!("{}: no bindings", wit.display()))?;
    for (name, content) in files.iter() {
        let file = into.join(name);
        let written = fs::create_dir_all(file.parent().unwrap_or(into)).and_then(|()| fs::write(&file, content));
        written.with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(exported(&resolve, world))
}

/// The interfaces that the one world in `wit` exports, by their names without package and version.
///
/// # Errors
/// The WIT does not parse.
pub(crate) fn exports(wit: &Path) -> Result<Vec<String>> {
    let (resolve, world) = world(wit)?;
    Ok(exported(&resolve, world))
}

fn exported(resolve: &Resolve, world: WorldId) -> Vec<String> {
    let exports = resolve.worlds[world].exports.values().filter_map(|export| match export {
        WorldItem::Interface { id, .. } => resolve.interfaces[*id].name.clone(),
        _ => None,
    });
    exports.collect()
}

fn world(wit: &Path) -> Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).with_context(|| format!("{} cannot be read", wit.display()))?;
    let world = resolve.select_world(&[package], None).with_context(|| {
        format!("{}: expected one world, with what the policy exports, as `reprise new` writes it", wit.display())
    })?;
    Ok((resolve, world))
}
