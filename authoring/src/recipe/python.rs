//! Python: the modules together with CPython, its state after they were imported included.

use std::fs;

use anyhow::{Context, Result};

use super::{MODULE, owned, run};
use crate::{Project, toolchain};

pub(super) fn component(project: &Project) -> Result<Vec<u8>> {
    super::scratch(project)?;
    let mut words = vec![toolchain::componentize_py(project.dir())?];
    words.extend(owned(&["--wit-path", "wit", "--world", "policy", "componentize", "policy"]));
    words.extend(owned(&["--python-path", ".", "--python-path", "sdk", "--output", MODULE]));
    run(project, &words)?;
    let file = project.dir().join(MODULE);
    fs::read(&file).with_context(|| format!("{} cannot be read, which the build should have left", file.display()))
}
