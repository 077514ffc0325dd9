//! JavaScript, and TypeScript, which becomes it: the module together with QuickJS, its state after
//! the top level ran included.

use std::fs;

use anyhow::{Context, Result};

use super::{MODULE, owned, run, wit};
use crate::{Project, bindings, build, toolchain};

/// The module that is made a component. What a world exports and the policy does not would else be
/// missed at the first call.
const ENTRY: &str = "build/entry.js";

pub(super) fn component(project: &Project) -> Result<Vec<u8>> {
    component_of(project, "../policy.js")
}

pub(super) fn component_of_typescript(project: &Project) -> Result<Vec<u8>> {
    let node = toolchain::node(project.dir())?;
    run(project, &owned(&[&node, "node_modules/typescript/bin/tsc", "--project", "."]))?;
    component_of(project, "./policy.js")
}

/// Of the policy's module, as seen from `build/`.
fn component_of(project: &Project, policy: &str) -> Result<Vec<u8>> {
    let node = toolchain::node(project.dir())?;
    super::scratch(project)?;
    let entry = project.dir().join(ENTRY);
    let text = entry_of(policy, &bindings::exports(&wit(project))?);
    fs::write(&entry, text).with_context(|| format!("{} cannot be written", entry.display()))?;
    let mut words = owned(&[&node, "node_modules/componentize-qjs/cli.mjs", "--sync"]);
    words.extend(owned(&[
        "--wit",
        "wit",
        "--world",
        "policy",
        "--js",
        ENTRY,
        "--module-root",
        ".",
        "--output",
        MODULE,
    ]));
    run(project, &words)?;
    build::of_module(&project.dir().join(MODULE))
}

/// A module that exports the policy's callbacks of these interfaces, and says which of them is not there.
fn entry_of(policy: &str, interfaces: &[String]) -> String {
    let mut text = format!(
        r#"// Made by `reprise build`: what the world in wit/ exports, of {policy}.

import * as policy from "{policy}";

function exported(name) {{
  if (policy[name] !== undefined) return policy[name];
  throw new Error(
    `policy.js exports no \`${{name}}\`, which the world in wit/ exports: implement it, or leave it out of the world`,
  );
}}

"#
    );
    for interface in interfaces {
        let name = in_camel_case(interface);
        text += &format!("export const {name} = exported(\"{name}\");\n");
    }
    text
}

fn in_camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let (initial, rest) = word.split_at(word.len().min(1));
        name + &initial.to_uppercase() + rest
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_exported_in_camel_case() {
        for (interface, name) in [("settings", "settings"), ("new-session", "newSession"), ("a-b-c", "aBC")] {
            assert_eq!(in_camel_case(interface), name);
        }
    }
}
