//! The languages that a policy can be written in.

use std::{fmt, str::FromStr};

/// A language with a template and a recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// Rust, on the crate `reprise-sdk`.
    Rust,
    /// C, on the header that the interface makes.
    C,
    /// C++20, on the same.
    Cpp,
    /// Go, by its own compiler.
    Go,
    /// JavaScript, on QuickJS.
    JavaScript,
    /// TypeScript, compiled to JavaScript.
    TypeScript,
    /// Python, on CPython.
    Python,
    /// Zig, on C's.
    Zig,
    /// WebAssembly's own text format.
    Wat,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 9] = [
        Language::Rust,
        Language::C,
        Language::Cpp,
        Language::Go,
        Language::JavaScript,
        Language::TypeScript,
        Language::Python,
        Language::Zig,
        Language::Wat,
    ];

    /// Its name, as `--lang` and `reprise-policy.toml` have it; `js`, `ts` and `c++` are known too.
    pub fn as_str(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::C => "c",
            Language::Cpp => "cpp",
            Language::Go => "go",
            Language::JavaScript => "javascript",
            Language::TypeScript => "typescript",
            Language::Python => "python",
            Language::Zig => "zig",
            Language::Wat => "wat",
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// There is no template for a language of this name.
#[derive(Debug)]
pub struct UnknownLanguage(String);

impl fmt::Display for UnknownLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Language::ALL.map(Language::as_str).join(", ");
        write!(f, "there is no language `{}` here; expected one of {known}", self.0)
    }
}

impl std::error::Error for UnknownLanguage {}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let name = match name {
            "c++" => "cpp",
            "js" => "javascript",
            "ts" => "typescript",
            name => name,
        };
        Self::ALL.into_iter().find(|language| language.as_str() == name).ok_or_else(|| UnknownLanguage(name.into()))
    }
}
