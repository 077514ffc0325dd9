//! Go, by its own compiler. The bindings, the SDK and the policy are packages of one module, which
//! is put together in `build/`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{MODULE, wit};
use crate::{Project, bindings, component::component_with_wasi, toolchain};

pub(super) fn component(project: &Project) -> Result<Vec<u8>> {
    let dir = project.dir();
    let together = super::scratch(project)?.join("go");
    let mut go = toolchain::go(project)?;
    if together.exists() {
        fs::remove_dir_all(&together).with_context(|| format!("{} cannot be removed", together.display()))?;
    }
    bindings::go(&wit(project), &together)?;
    copy(&dir.join("sdk"), &together)?;
    let is_source = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "go");
    let policy = together.join("policy");
    fs::create_dir_all(&policy)?;
    for file in entries(dir)?.into_iter().filter(is_source) {
        fs::copy(&file, policy.join(file.file_name().unwrap_or_default()))?;
    }
    let module = std::path::absolute(dir.join(MODULE))?;
    go.env("GOOS", "wasip1").env("GOARCH", "wasm").env("GOFLAGS", "-mod=mod").env("GOWORK", "off");
    // Without debug information; functions keep their names, for a trap's backtrace. The bindings'
    // package takes memory of the runtime's, which the linker allows to those that it knows.
    let arguments = ["build", "-buildmode=c-shared", "-trimpath", "-ldflags=-w -checklinkname=0", "-o"];
    go.args(arguments).arg(&module).arg(".");
    let shown = "GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -ldflags='-w -checklinkname=0' -o ../module.wasm . \
                 (in build/go)";
    project.run(go.current_dir(&together), shown)?;
    component_with_wasi(&fs::read(&module)?, &dir.join("sdk/wasi.wat"), &wit(project))
}

/// Copies what is in a folder to another.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in entries(from)? {
        let copied = to.join(entry.file_name().unwrap_or_default());
        if entry.is_dir() {
            copy(&entry, &copied)?;
        } else {
            fs::copy(&entry, &copied).with_context(|| format!("{} cannot be copied", entry.display()))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}
