//! What the authors of policies need: a project to start from, in any language that compiles to
//! Wasm, and how it is built.
//!
//! # Layout
//!
//! - `language`: the languages
//! - `project`: a policy's project, as `reprise-policy.toml` describes it
//! - `scaffold`: a new one, from a folder of `templates/`, and what any has of ours
//! - `build`: from a project to NAME.wasm; `recipe`: the commands of each language; `toolchain`:
//!   which programs run them
//! - `bindings`: the interface as a header, for languages that speak C; `component`: from a core module to a component

#![forbid(unsafe_code)]

mod bindings;
mod build;
pub mod component;
mod language;
mod project;
mod recipe;
mod scaffold;
mod toolchain;

pub use self::{
    language::{Language, UnknownLanguage},
    project::{Project, ProjectError},
    scaffold::{ScaffoldError, furnish, scaffold},
};
