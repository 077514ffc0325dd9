//! What a program or a library asks of the system that it runs on, as `readelf` tells it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result, ensure};

use crate::run::output;

/// A version of something that symbols come from, e.g. 2.34 of `GLIBC`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SymbolVersion(Vec<u32>);

/// A program's, or a library's.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Elf {
    /// The libraries that it is linked with.
    pub needs: BTreeSet<String>,
    /// What it exports.
    pub exports: BTreeSet<String>,
    /// The highest version of the symbols that it asks for, by whose they are: `GLIBC`, `OPENSSL`.
    pub highest: BTreeMap<String, SymbolVersion>,
}

impl Elf {
    /// Reads a file.
    ///
    /// # Errors
    /// It is not there, or no such file.
    pub fn read(file: &Path) -> Result<Self> {
        let path = file.to_str().context("the path is no UTF-8")?;
        let text = output("readelf", &["--wide", "--dynamic", "--dyn-syms", path])
            .with_context(|| format!("{path} could not be read: expected a program or a library"))?;
        let elf = Self::of(&text);
        ensure!(!elf.needs.is_empty(), "{path} is linked with no library: expected a program or a library that is");
        Ok(elf)
    }

    /// The highest version of these symbols.
    pub fn highest(&self, whose: &str) -> SymbolVersion {
        self.highest.get(whose).cloned().unwrap_or_default()
    }

    fn of(readelf: &str) -> Self {
        let mut elf = Self::default();
        for line in readelf.lines() {
            if let Some((_, library)) = line.split_once("(NEEDED)") {
                elf.needs.extend(library.split(['[', ']']).nth(1).map(str::to_owned));
                continue;
            }
            // Num: Value Size Type Bind Vis Ndx Name, and behind it which version that is.
            let fields = line.split_whitespace().collect::<Vec<_>>();
            let [number, _, _, _, bind, _, section, name, ..] = fields[..] else { continue };
            if !number.ends_with(':') || bind == "LOCAL" || number == "Num:" {
                continue;
            }
            let (name, version) = name.split_once('@').unwrap_or((name, ""));
            if section != "UND" {
                elf.exports.insert(name.to_owned());
            } else if let Some((whose, version)) = version.rsplit_once('_') {
                let highest = elf.highest.entry(whose.to_owned()).or_default();
                *highest = SymbolVersion::from(version).max(highest.clone());
            }
        }
        elf
    }
}

impl From<&str> for SymbolVersion {
    fn from(text: &str) -> Self {
        Self(text.split('.').map(|number| number.parse().unwrap_or(u32::MAX)).collect())
    }
}

impl std::fmt::Display for SymbolVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("."))
    }
}

/// What the module may be linked with.
const LIBRARIES: [&str; 6] =
    ["libssl.so.3", "libcrypto.so.3", "libc.so.6", "libgcc_s.so.1", "libm.so.6", "ld-linux-x86-64.so.2"];
/// The same where the loader has another name.
const LOADER: &str = "ld-linux-";
/// What OpenSSL asks it for.
const EXPORTS: [&str; 2] = ["OPENSSL_finish", "OPENSSL_init"];
/// The OpenSSL that every server of ours has, at least.
const OPENSSL: &str = "3.0.0";
/// Stripped, in bytes.
const SIZE: u64 = 2_000_000;

/// Holds the module against what servers can load, whichever they are.
///
/// # Errors
/// It is too large, exports or links too much, or asks for a newer OpenSSL than some have.
pub fn check_module(module: &Elf, size: u64) -> Result<()> {
    let foreign = |library: &&String| !LIBRARIES.contains(&library.as_str()) && !library.starts_with(LOADER);
    let libraries = module.needs.iter().filter(foreign).map(String::as_str).collect::<Vec<_>>().join(", ");
    ensure!(libraries.is_empty(), "the module is linked with {libraries}: expected {} alone", LIBRARIES.join(", "));
    let exports = module.exports.iter().map(String::as_str).collect::<Vec<_>>();
    let shown = exports.join(", ");
    ensure!(exports == EXPORTS, "the module exports {shown}: expected {} alone", EXPORTS.join(" and "));
    let openssl = module.highest("OPENSSL");
    let wanted = SymbolVersion::from(OPENSSL);
    ensure!(openssl <= wanted, "the module needs symbols of OPENSSL_{openssl}: expected none above OPENSSL_{wanted}");
    ensure!(size <= SIZE, "the module has {size} bytes without its symbols: expected {SIZE} at most");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const READELF: &str = "
Dynamic section at offset 0x1 contains 2 entries:
  Tag        Type                         Name/Value
 0x0000000000000001 (NEEDED)             Shared library: [libssl.so.3]
 0x0000000000000001 (NEEDED)             Shared library: [ld-linux-aarch64.so.1]
 0x000000000000001e (FLAGS)              BIND_NOW
Symbol table '.dynsym' contains 5 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     0: 0000000000000000     0 NOTYPE  LOCAL  DEFAULT  UND
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND fstat@GLIBC_2.33 (3)
     2: 0000000000000000     0 FUNC    WEAK   DEFAULT  UND open@GLIBC_2.4 (4)
     3: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND SSL_ctrl@OPENSSL_3.0.0 (5)
     4: 00000000000b1f70     1 FUNC    GLOBAL DEFAULT   15 OPENSSL_finish
     5: 00000000000b1f80    22 FUNC    GLOBAL DEFAULT   15 OPENSSL_init
";

    fn refused(readelf: &str, size: u64) -> String {
        check_module(&Elf::of(readelf), size).unwrap_err().to_string()
    }

    #[test]
    fn the_highest_version_is_one_of_numbers() {
        let elf = Elf::of(READELF);
        assert_eq!(
            (elf.highest("GLIBC").to_string(), elf.highest("OPENSSL").to_string()),
            ("2.33".into(), "3.0.0".into())
        );
        check_module(&elf, SIZE).unwrap();
    }

    #[test]
    fn a_module_that_not_every_server_loads_is_refused() {
        assert!(refused(&READELF.replace("OPENSSL_3.0.0", "OPENSSL_3.2.0"), SIZE).contains("OPENSSL_3.2.0"));
        assert!(refused(&READELF.replace("libssl.so.3", "libz.so.1"), SIZE).contains("libz.so.1"));
        let more = format!("{READELF}     6: 00000000000b1f80    22 FUNC    GLOBAL DEFAULT   15 malloc\n");
        assert!(refused(&more, SIZE).contains("malloc"));
        assert!(refused(&READELF.replace("OPENSSL_init", "OPENSSL_int"), SIZE).contains("OPENSSL_int"));
        assert!(refused(READELF, SIZE + 1).contains("2000001"));
    }
}
