//! `cargo xtask plugins`: every policy that ships, as a component.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use reprise_authoring::component;

use crate::{
    Workspace,
    run::{cargo, run, step},
    wasm_compiler::{TARGET, WasmCompiler},
};

/// Builds every policy under plugins/ to target/policies/NAME.wasm; the names.
pub fn build(workspace: &Workspace) -> Result<Vec<String>> {
    let names = names(&workspace.path("plugins"))?;
    let compiler = WasmCompiler::ensure()?;
    step(&format!("building the policies: {}", names.join(", ")));
    // A directory of its own, because another compiler may be at work, whose output Cargo would throw away each time.
    let target = workspace.path("target/wasm");
    let mut cargo = cargo(&workspace.root);
    cargo.args(["build", "--profile", "policy", "--target-dir"]).arg(&target);
    names.iter().for_each(|name| {
        cargo.args(["--package", name]);
    });
    compiler.apply(&mut cargo);
    run(&mut cargo)?;

    let built = workspace.built_policies();
    fs::create_dir_all(&built).with_context(|| format!("{} could not be made", built.display()))?;
    for name in &names {
        let module = target.join(TARGET).join("policy").join(format!("{}.wasm", name.replace('-', "_")));
        let component = of_file(&module)?;
        let file = built.join(format!("{name}.wasm"));
        let news = if write_if_changed(&file, &component)? { "new" } else { "unchanged" };
        eprintln!("   target/policies/{name}.wasm  {} KB, {news}", component.len().div_ceil(1024));
    }
    Ok(names)
}

/// The folders of crates under plugins/; a policy's crate is called like its folder.
fn names(plugins: &Path) -> Result<Vec<String>> {
    let folders = fs::read_dir(plugins).with_context(|| format!("{} could not be read", plugins.display()))?;
    let crates = folders.flatten().filter(|folder| folder.path().join("Cargo.toml").exists());
    let mut names: Vec<String> = crates.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    ensure!(!names.is_empty(), "there is no policy in {}", plugins.display());
    Ok(names)
}

/// Makes a component of a core module that describes itself, as `wit-bindgen` lets modules do.
fn of_file(module: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(module).with_context(|| format!("{} could not be read", module.display()))?;
    component::of_module(&bytes)
        .with_context(|| format!("{} is not a module that a component can be made of", module.display()))
}

/// Writes a file unless it has these bytes already, so that whoever watches it sees changes only.
/// Whether it was written.
pub(crate) fn write_if_changed(file: &PathBuf, bytes: &[u8]) -> Result<bool> {
    if fs::read(file).is_ok_and(|there| there == bytes) {
        return Ok(false);
    }
    // Whoever reads it meanwhile has the old one or the new one.
    let fresh = file.with_extension("wasm.new");
    let written = fs::write(&fresh, bytes).and_then(|()| fs::rename(&fresh, file));
    written.with_context(|| format!("{} could not be written", file.display()))?;
    Ok(true)
}

/// Tells the tests where the policies are: `REPRISE_POLICIES`, the absolute path of target/policies.
pub fn tell(workspace: &Workspace, command: &mut Command) {
    command.env("REPRISE_POLICIES", workspace.built_policies());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that is gone after the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_component_is_written_when_it_changed_and_left_alone_otherwise() {
        let scratch = Scratch::new("write");
        let file = scratch.0.join("a.wasm");
        assert!(write_if_changed(&file, b"one").unwrap());
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn every_crate_under_plugins_is_a_policy_and_nothing_else_is() {
        let scratch = Scratch::new("names");
        for (folder, file) in [("b", "Cargo.toml"), ("a", "Cargo.toml"), ("c", "README.md")] {
            fs::create_dir_all(scratch.0.join(folder)).unwrap();
            fs::write(scratch.0.join(folder).join(file), "").unwrap();
        }
        assert_eq!(names(&scratch.0).unwrap(), ["a", "b"]);
    }

    #[test]
    fn what_is_no_module_is_named() {
        let scratch = Scratch::new("module");
        let file = scratch.0.join("a.wasm");
        fs::write(&file, "no module").unwrap();
        let error = of_file(&file).unwrap_err().to_string();
        assert!(error.contains("a.wasm"), "{error}");
    }
}
