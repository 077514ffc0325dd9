//! `cargo xtask languages`: the same policies in every language.
//!
//! Those in Rust are crates of the workspace, which `policies` builds. Under plugins/languages each other language has a folder with a
//! folder for each policy: `smallest`, a few lines, and `tenants`, which does what plugins/tenants does. They are built as
//! their authors would build them, by `reprise build`'s own recipes, to target/policies/languages/POLICY-LANGUAGE.wasm. What a
//! policy's build reads is fingerprinted, so that a second run does what has changed.
//!
//! # Layout
//!
//! - `policy`: a policy, and the project that it is laid out as
//! - `toolchains`: what compiles them, and how that gets here; `go_toolchain`: Go, which not every system has a new one of
//! - `unit_tests`: each language's own
//! - `fresh`: whether there is anything to do

mod fresh;
mod go_toolchain;
mod policy;
mod toolchains;
mod unit_tests;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use reprise_authoring::Language;

use self::policy::Policy;
use crate::{
    Workspace,
    policies::{self, write_if_changed},
    run::{run, step},
};

/// The policies that there are in every language, each with its vectors in plugin-sdk/conformance.
const POLICIES: [&str; 2] = ["smallest", "tenants"];

/// The languages that policies are written in here, first those whose toolchain others share.
pub const LANGUAGES: [Language; 9] = [
    Language::Rust,
    Language::C,
    Language::Cpp,
    Language::Zig,
    Language::Go,
    Language::JavaScript,
    Language::TypeScript,
    Language::Python,
    Language::Wat,
];

/// Installs what policies in every language are built with.
pub fn install_toolchains(workspace: &Workspace) -> Result<()> {
    LANGUAGES.iter().try_for_each(|language| toolchains::ensure(workspace, *language))
}

/// Builds the policies of these languages.
pub fn build(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    for language in languages {
        if *language == Language::Rust {
            policies::build(workspace)?;
            continue;
        }
        step(&format!("building the policies in {language}"));
        toolchains::ensure(workspace, *language)?;
        at_once(&policies(workspace, *language)?, |policy| build_one(workspace, policy))?;
    }
    Ok(())
}

/// Runs the unit tests of these languages' policies, and has `reprise` hold each policy against its vectors.
pub fn test(workspace: &Workspace, languages: &[Language], reprise: &Path) -> Result<()> {
    build(workspace, languages)?;
    for language in languages {
        step(&format!("tests of the policies in {language}"));
        if *language == Language::Rust {
            // Their unit tests are the workspace's.
            for name in POLICIES {
                conforms(workspace, reprise, name, &workspace.built_policies().join(format!("{name}.wasm")))?;
            }
            continue;
        }
        at_once(&policies(workspace, *language)?, |policy| {
            let started = Instant::now();
            unit_tests::run(policy).with_context(|| format!("the unit tests of {}", policy.full_name()))?;
            conforms(workspace, reprise, &policy.name, &built(workspace, policy))?;
            eprintln!("   {}  passed, {:.1} s", policy.full_name(), started.elapsed().as_secs_f32());
            Ok(())
        })?;
    }
    Ok(())
}

/// Does it for all policies of a language at once: no compiler of theirs keeps two cores busy.
fn at_once(policies: &[Policy], act: impl Fn(&Policy) -> Result<()> + Sync) -> Result<()> {
    thread::scope(|scope| {
        let act = &act;
        let threads = policies.iter().map(|policy| scope.spawn(move || act(policy))).collect::<Vec<_>>();
        let done = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")));
        // All of them end before the first error is told.
        done.fold(Ok(()), Result::and)
    })
}

/// Has `reprise` hold a module against the vectors of the policy that it is.
fn conforms(workspace: &Workspace, reprise: &Path, policy: &str, module: &Path) -> Result<()> {
    let suites: &[&str] = if policy == "tenants" { &["tenants", "server-names"] } else { &[policy] };
    let vectors = suites.iter().map(|suite| workspace.path(&format!("plugin-sdk/conformance/{suite}.toml")));
    // At once, for what is compiled for one serves the others.
    run(Command::new(reprise).arg("test").arg(module).args(vectors))
}

fn build_one(workspace: &Workspace, policy: &Policy) -> Result<()> {
    let (name, file) = (policy.full_name(), built(workspace, policy));
    let print = fresh::fingerprint(workspace, &policy.folder)?;
    if file.exists() && fs::read_to_string(policy.stamp()).is_ok_and(|there| there == print) {
        eprintln!("   target/policies/languages/{name}.wasm  is up to date");
        return Ok(());
    }
    let started = Instant::now();
    let shown = policy.folder.display();
    let component = policy.build().with_context(|| format!("{shown} could not be built"))?;
    fs::create_dir_all(file.parent().unwrap_or(&file))?;
    write_if_changed(&file, &component)?;
    fs::write(policy.stamp(), print)?;
    let (size, seconds) = (component.len().div_ceil(1024), started.elapsed().as_secs_f32());
    eprintln!("   target/policies/languages/{name}.wasm  {size} KB, {seconds:.1} s");
    Ok(())
}

fn built(workspace: &Workspace, policy: &Policy) -> PathBuf {
    workspace.built_policies().join("languages").join(format!("{}.wasm", policy.full_name()))
}

/// The policies of a language that is not Rust.
fn policies(workspace: &Workspace, language: Language) -> Result<Vec<Policy>> {
    let folder = workspace.path("plugins/languages").join(language.as_str());
    let policy = |name: &str| {
        let folder = folder.join(name);
        ensure!(folder.join("world.wit").exists(), "{} is no policy: expected a world.wit in it", folder.display());
        Ok(Policy::new(&workspace.root, language, folder, name.to_owned()))
    };
    POLICIES.into_iter().map(policy).collect()
}

/// An empty folder of this name.
fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("{} could not be made", folder.display()))?;
    Ok(folder)
}
