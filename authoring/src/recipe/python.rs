//! Python: the modules together with CPython, its state after they were imported included.

use anyhow::Result;

use super::{MODULE, owned, run};
use crate::{Project, build, toolchain};

pub(super) fn component(project: &Project) -> Result<Vec<u8>> {
    super::scratch(project)?;
    let mut words = vec![toolchain::componentize_py(project.dir())?];
    words.extend(owned(&["--wit-path", "wit", "--world", "policy", "componentize", "policy"]));
    words.extend(owned(&["--python-path", ".", "--python-path", "sdk", "--output", MODULE]));
    run(project, &words)?;
    build::of_module(&project.dir().join(MODULE))
}
