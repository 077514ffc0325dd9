//! Lints and documentation, checked of what is compiled anyway.
//!
//! `cargo clippy` and `cargo doc` are `cargo check` with another compiler for the workspace's crates,
//! and first have all dependencies checked, which are compiled for the tests as well: minutes on a
//! bare machine. So Cargo is given this program as that compiler when it builds the tests
//! (`RUSTC_WORKSPACE_WRAPPER`, as `cargo clippy` does). It starts Clippy, which compiles, and then
//! rustdoc with the same dependencies.
//!
//! Clippy's readme warns that what its driver compiles may be "not optimized as expected", as MIR is
//! to stay what was written. Tests are not optimized either (xtask/tests.toml), and no server under
//! test and nothing that ships is compiled like this.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};

/// Where the documentation goes; that this is set makes a compiler of this program.
const DOCUMENTATION: &str = "REPRISE_XTASK_DOCUMENTATION";

/// Has `cargo`, which builds the tests, check each crate of the workspace that it compiles: a lint or
/// a fault in the documentation fails the build.
///
/// # Errors
/// There is no room in `folder`, where what it needs is put.
pub fn use_for(cargo: &mut Command, xtask: &Path, folder: &Path) -> Result<()> {
    // Cargo builds another xtask in the place of this one meanwhile.
    let program = folder.join("checking-compiler");
    fs::create_dir_all(folder)
        .and_then(|()| if program.exists() { fs::remove_file(&program) } else { Ok(()) })
        .and_then(|()| fs::copy(xtask, &program))
        .with_context(|| format!("{} could not be made", program.display()))?;
    cargo.env("RUSTC_WORKSPACE_WRAPPER", &program).env(DOCUMENTATION, folder.join("doc"));
    // As `cargo clippy` hands its arguments on.
    cargo.env("CLIPPY_ARGS", ["--deny", "warnings", ""].join("__CLIPPY_HACKERY__"));
    Ok(())
}

/// Compiles and checks, if Cargo has started this program for that.
pub fn run_if_asked() -> Option<ExitCode> {
    let documentation = PathBuf::from(env::var_os(DOCUMENTATION)?);
    let mut arguments = env::args_os().skip(1);
    let compiler = PathBuf::from(arguments.next().filter(|first| Path::new(first).ends_with("rustc"))?);
    let arguments = arguments.collect::<Vec<_>>();
    let mut clippy = Command::new(compiler.with_file_name("clippy-driver"));
    clippy.arg(&compiler).args(&arguments);
    let documented = documented(&arguments, &documentation).map(|arguments| {
        let mut rustdoc = Command::new(compiler.with_file_name("rustdoc"));
        rustdoc.args(arguments);
        rustdoc
    });
    for mut command in [clippy].into_iter().chain(documented) {
        match command.status() {
            Ok(status) if status.success() => {}
            // It has said why.
            Ok(_) => return Some(ExitCode::FAILURE),
            Err(error) => {
                eprintln!("xtask: {} could not be started: {error}", command.get_program().display());
                return Some(ExitCode::FAILURE);
            }
        }
    }
    Some(ExitCode::SUCCESS)
}

/// What rustdoc is told where the compiler is told this; `None` of what is no library and no
/// program, e.g. of tests.
fn documented(compiler: &[OsString], documentation: &Path) -> Option<Vec<OsString>> {
    let is = |file: &str| compiler.iter().any(|argument| Path::new(argument).ends_with(file));
    let (library, program) = (is("src/lib.rs"), is("src/main.rs"));
    if !(library || program) || compiler.iter().any(|argument| argument == "--test") {
        return None;
    }
    let mut rustdoc = vec!["--deny".into(), "warnings".into()];
    let mut arguments = compiler.iter();
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            // How to compile, and where to.
            Some("-C" | "--out-dir" | "--emit") => drop(arguments.next()),
            Some(text) if text.starts_with("-C") || text.starts_with("--emit=") => {}
            _ => rustdoc.push(argument.clone()),
        }
    }
    // As Cargo does. A program may be called like a library.
    let place = if program {
        rustdoc.extend(["--document-private-items", "--allow", "rustdoc::private_intra_doc_links"].map(Into::into));
        "programs"
    } else {
        "libraries"
    };
    rustdoc.extend(["--out-dir".into(), documentation.join(place).into_os_string()]);
    Some(rustdoc)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::cargo;

    const MANIFEST: &str = "[package]\nname = \"checked\"\nedition = \"2024\"\n[workspace]\n";

    /// What Cargo says where this is all that there is in this file; `None` if it builds.
    fn refused(file: &str, source: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("checked");
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::create_dir_all(root.join("src")).unwrap();
        fs::write(root.join("Cargo.toml"), MANIFEST).unwrap();
        fs::write(root.join("src/lib.rs"), "").unwrap();
        fs::write(file, source).unwrap();
        let mut build = cargo(&root);
        build.args(["build", "--all-targets", "--offline", "--target-dir"]).arg(folder.path().join("target"));
        // Beside the folder of this test's program.
        let xtask = env::current_exe().unwrap().ancestors().nth(2).unwrap().join("xtask");
        assert!(xtask.exists(), "{} is not built: cargo xtask help", xtask.display());
        use_for(&mut build, &xtask, &folder.path().join("compiler")).unwrap();
        let output = build.output().unwrap();
        (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
    }

    #[test]
    fn lints_and_documentation_of_every_target_are_checked() {
        for (file, source, says) in [
            ("src/lib.rs", "pub fn f(a: &Vec<u8>) -> usize { a.len() }", "clippy::ptr_arg"),
            ("src/lib.rs", "//! [`nothing`]", "rustdoc::broken-intra-doc-links"),
            ("src/main.rs", "fn main() { let _ = Some(1).map(|a| a); }", "clippy::map_identity"),
            ("src/main.rs", "fn main() {}\nfn f() {}\n#[test]\nfn t() { f() }", "function `f` is never used"),
            ("src/main.rs", "//! [`nothing`]\nfn main() {}", "rustdoc::broken-intra-doc-links"),
            ("tests/a.rs", "#[test]\nfn t() { assert_eq!(true, 1 < 2); }", "clippy::bool_assert_comparison"),
            ("benches/a.rs", "fn main() { return; }", "clippy::needless_return"),
            ("examples/a.rs", "fn main() { return; }", "clippy::needless_return"),
            ("build.rs", "fn main() { return; }", "clippy::needless_return"),
        ] {
            let said = refused(file, source).unwrap_or_else(|| panic!("{file} passes: {source}"));
            assert!(said.replace('_', "-").contains(&says.replace('_', "-")), "{said}");
        }
        assert_eq!(refused("src/main.rs", "//! [`main`]\nfn main() {}"), None);
    }

    #[test]
    fn rustdoc_is_told_of_dependencies_and_not_how_to_compile() {
        let line = "--crate-name a host/src/lib.rs --emit=dep-info,link -C opt-level=3 -Cdebuginfo=0 \
                    --cfg feature=\"x\" --out-dir /o --extern b=/b.rmeta";
        let arguments = line.split_whitespace().map(OsString::from).collect::<Vec<_>>();
        let told = documented(&arguments, Path::new("/d")).unwrap().join(" ".as_ref());
        let expected = "--deny warnings --crate-name a host/src/lib.rs --cfg feature=\"x\" --extern b=/b.rmeta \
                        --out-dir /d/libraries";
        assert_eq!(told, expected);
        let tests = [&arguments[..], &["--test".into()]].concat();
        assert_eq!(documented(&tests, Path::new("/d")), None);
    }
}
