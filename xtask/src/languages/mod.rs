//! `cargo xtask languages`: the policies under plugins/languages, the same ones in every language that is not Rust.
//!
//! Each language has a folder with a folder for each policy: `smallest`, a few lines, and `tenants`, which does what
//! plugins/tenants does. They are built to target/policies/languages/POLICY-LANGUAGE.wasm. What a policy's build reads is
//! fingerprinted, so that a second run does what has changed.
//!
//! # Layout
//!
//! - `toolchains`: what compiles them, and how that gets here
//! - `world`: the WIT that a policy is built against
//! - `c` (with C++ and Zig), `go`, `javascript` (with TypeScript), `python`, `wat`: one language's build and unit tests each
//! - `fresh`: whether there is anything to do

mod c;
mod fresh;
mod go;
mod javascript;
mod python;
mod toolchains;
mod wat;
mod world;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, ensure};

use crate::{
    Workspace,
    policies::write_if_changed,
    run::{run, step},
};

/// A language that policies are written in here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    C,
    Cpp,
    Zig,
    Go,
    JavaScript,
    TypeScript,
    Python,
    Wat,
}

impl Language {
    /// All of them, those first whose toolchain others share.
    pub const ALL: [Language; 8] = [
        Language::C,
        Language::Cpp,
        Language::Zig,
        Language::Go,
        Language::JavaScript,
        Language::TypeScript,
        Language::Python,
        Language::Wat,
    ];

    /// The name of its folders.
    pub fn name(self) -> &'static str {
        match self {
            Language::C => "c",
            Language::Cpp => "cpp",
            Language::Zig => "zig",
            Language::Go => "go",
            Language::JavaScript => "javascript",
            Language::TypeScript => "typescript",
            Language::Python => "python",
            Language::Wat => "wat",
        }
    }

    /// The language that is called so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.name() == name)
    }

    /// The SDKs that its policies are built with, under plugin-sdk/.
    fn sdks(self) -> &'static [&'static str] {
        match self {
            Language::C => &["c"],
            Language::Cpp => &["c", "cpp"],
            Language::Zig => &["c", "zig"],
            Language::Go => &["go"],
            Language::JavaScript => &["javascript"],
            Language::TypeScript => &["javascript", "typescript"],
            Language::Python => &["python"],
            Language::Wat => &["wat"],
        }
    }
}

/// One policy in one language.
struct Policy {
    language: Language,
    /// Its folder's name: `smallest`, `tenants`.
    name: String,
    /// Its sources.
    folder: PathBuf,
    /// Where its build may write.
    scratch: PathBuf,
    root: PathBuf,
}

impl Policy {
    fn full_name(&self) -> String {
        format!("{}-{}", self.name, self.language.name())
    }

    fn sdk(&self, name: &str) -> PathBuf {
        self.root.join("plugin-sdk").join(name)
    }

    /// Everything that a build of it reads.
    fn inputs(&self) -> Vec<PathBuf> {
        let sdks = self.language.sdks().iter().map(|sdk| self.sdk(sdk));
        [self.folder.clone(), self.root.join("wit")].into_iter().chain(sdks).collect()
    }

    fn build(&self) -> Result<Vec<u8>> {
        match self.language {
            Language::C | Language::Cpp | Language::Zig => c::build(self),
            Language::Go => go::build(self),
            Language::JavaScript | Language::TypeScript => javascript::build(self),
            Language::Python => python::build(self),
            Language::Wat => wat::build(self),
        }
    }

    fn test(&self) -> Result<()> {
        match self.language {
            Language::C | Language::Cpp | Language::Zig => c::test(self),
            Language::Go => go::test(self),
            Language::JavaScript | Language::TypeScript => javascript::test(self),
            Language::Python => python::test(self),
            // Text has no tests but the vectors.
            Language::Wat => Ok(()),
        }
    }
}

/// Installs what policies in every language are built with.
pub fn install_toolchains(workspace: &Workspace) -> Result<()> {
    Language::ALL.iter().try_for_each(|language| toolchains::ensure(workspace, *language))
}

/// Builds the policies of these languages.
pub fn build(workspace: &Workspace, languages: &[Language]) -> Result<()> {
    for language in languages {
        step(&format!("building the policies in {}", language.name()));
        toolchains::ensure(workspace, *language)?;
        for policy in policies(workspace, *language)? {
            build_one(workspace, &policy)?;
        }
    }
    Ok(())
}

/// Runs the unit tests of these languages' policies, and has `reprise` hold each policy against its vectors.
pub fn test(workspace: &Workspace, languages: &[Language], reprise: &Path) -> Result<()> {
    build(workspace, languages)?;
    for language in languages {
        step(&format!("tests of the policies in {}", language.name()));
        for policy in policies(workspace, *language)? {
            let started = Instant::now();
            policy.test().with_context(|| format!("the unit tests of {}", policy.full_name()))?;
            let vectors = workspace.path(&format!("plugin-sdk/conformance/{}.toml", policy.name));
            run(Command::new(reprise).arg("test").args([&built(workspace, &policy), &vectors]))?;
            eprintln!("   {}  passed, {:.1} s", policy.full_name(), started.elapsed().as_secs_f32());
        }
    }
    Ok(())
}

fn build_one(workspace: &Workspace, policy: &Policy) -> Result<()> {
    let (name, file) = (policy.full_name(), built(workspace, policy));
    let print = fresh::fingerprint(&policy.inputs())?;
    let stamp = policy.scratch.join("built");
    if file.exists() && fs::read_to_string(&stamp).is_ok_and(|there| there == print) {
        eprintln!("   target/policies/languages/{name}.wasm  is up to date");
        return Ok(());
    }
    let started = Instant::now();
    let component = policy.build().with_context(|| format!("{} could not be built", policy.folder.display()))?;
    fs::create_dir_all(file.parent().unwrap_or(&file))?;
    write_if_changed(&file, &component)?;
    // Its limits lie beside it, for whoever loads it from there.
    let manifest = policy.folder.join(format!("{}.toml", policy.name));
    if manifest.exists() {
        fs::copy(&manifest, file.with_extension("toml"))?;
    }
    fs::write(&stamp, print)?;
    let (size, seconds) = (component.len().div_ceil(1024), started.elapsed().as_secs_f32());
    eprintln!("   target/policies/languages/{name}.wasm  {size} KB, {seconds:.1} s");
    Ok(())
}

fn built(workspace: &Workspace, policy: &Policy) -> PathBuf {
    workspace.built_policies().join("languages").join(format!("{}.wasm", policy.full_name()))
}

/// The policies of a language: the folders in its folder that have a world.
fn policies(workspace: &Workspace, language: Language) -> Result<Vec<Policy>> {
    let folder = workspace.path("plugins/languages").join(language.name());
    let entries = fs::read_dir(&folder).with_context(|| format!("{} could not be read", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join("world.wit").exists())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    ensure!(!names.is_empty(), "there is no policy in {}", folder.display());
    let policies = names.into_iter().map(|name| {
        let scratch = toolchains::folder(workspace).join("build").join(format!("{name}-{}", language.name()));
        fs::create_dir_all(&scratch)?;
        Ok(Policy { language, folder: folder.join(&name), name, scratch, root: workspace.root.clone() })
    });
    policies.collect()
}

/// Copies what is in a folder, folders in it included.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("{} could not be read", from.display()))?.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).with_context(|| format!("{} could not be copied", source.display()))?;
        }
    }
    Ok(())
}

/// An empty folder of this name in a policy's scratch.
fn emptied(folder: PathBuf) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("{} could not be made", folder.display()))?;
    Ok(folder)
}

/// The files of a folder with one of these extensions, sorted; not those that are tests.
fn sources(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} could not be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|e| extensions.iter().any(|extension| e == *extension)))
        .filter(|file| file.file_stem().is_some_and(|stem| stem != "test"))
        .collect();
    files.sort();
    Ok(files)
}
