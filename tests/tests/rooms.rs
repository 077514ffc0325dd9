//! The rooms of `host/`: no two of them import each other, in a crate or between crates.
//!
//! A room is a module at the top of a crate. What it imports is read from its sources, tests included: whatever stands behind
//! `crate::`, or behind the name of another crate under `host/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A crate and a room in it.
type Room = (String, String);

/// A crate under `host/`.
struct Package {
    /// As sources name it.
    name: String,
    sources: PathBuf,
    depends_on: Vec<String>,
}

/// The crates under `host/`, as Cargo knows them.
fn packages() -> Vec<Package> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let under_host =
        |package: &&Value| Path::new(package["manifest_path"].as_str().unwrap()).starts_with(root.join("host"));
    let packages = metadata["packages"].as_array().unwrap().iter().filter(under_host).map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap().iter();
        Package {
            name: text(&package["name"]).replace('-', "_"),
            sources: Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("src"),
            depends_on: dependencies
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| text(&dependency["name"]).replace('-', "_"))
                .collect(),
        }
    });
    packages.collect()
}

/// Every `.rs` file under `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The text of a source without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The parts of `list`, which are parted by commas, up to the brace that closes it.
fn parts(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&list[start..at]);
                return parts;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

/// The first name in `path`.
fn first(path: &str) -> &str {
    let path = path.trim_start();
    let end = path.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    &path[..end.unwrap_or(path.len())]
}

/// The names that stand directly behind `root::` anywhere in `code`.
fn behind<'a>(code: &'a str, root: &str) -> Vec<&'a str> {
    let root = format!("{root}::");
    let mut names = Vec::new();
    for (at, _) in code.match_indices(&root) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|before| before.is_alphanumeric() || "_$:".contains(before)) {
            continue;
        }
        let rest = &code[at + root.len()..];
        match rest.strip_prefix('{') {
            Some(list) => names.extend(parts(list).into_iter().map(first).filter(|name| !name.is_empty())),
            None => names.push(first(rest)),
        }
    }
    names
}

/// The last names of a tree of imports.
fn leaves(tree: &str) -> Vec<&str> {
    match tree.split_once('{') {
        Some((_, list)) => parts(list).into_iter().flat_map(leaves).collect(),
        None => vec![tree.rsplit("::").next().unwrap_or_default().trim()],
    }
}

/// What the crate's root exports, and from which of its rooms.
fn exports(root: &str) -> BTreeMap<String, String> {
    let mut exports = BTreeMap::new();
    for statement in root.split("pub use self::").skip(1) {
        let tree = statement.split(';').next().unwrap_or_default();
        let trees = tree.strip_prefix('{').map_or_else(|| vec![tree], parts);
        for tree in trees {
            exports.extend(leaves(tree).into_iter().map(|leaf| (leaf.to_owned(), first(tree).to_owned())));
        }
    }
    exports
}

/// Which room imports which, each with a file that does.
fn imports(packages: &[Package]) -> BTreeMap<(Room, Room), PathBuf> {
    let exports: BTreeMap<&str, _> = packages
        .iter()
        .map(|package| (package.name.as_str(), exports(&code(&package.sources.join("lib.rs")))))
        .collect();
    let mut imports = BTreeMap::new();
    for package in packages {
        for file in sources(&package.sources) {
            let inside = file.strip_prefix(&package.sources).unwrap();
            let room = inside.components().next().unwrap().as_os_str().to_str().unwrap();
            let room = room.strip_suffix(".rs").unwrap_or(room);
            if ["lib", "main"].contains(&room) {
                continue;
            }
            let (room, code) = ((package.name.clone(), room.to_owned()), code(&file));
            for other in packages {
                let root = if other.name == package.name { "crate" } else { &other.name };
                for name in behind(&code, root) {
                    let name = exports[other.name.as_str()].get(name).map_or(name, String::as_str);
                    let imported = (other.name.clone(), name.to_owned());
                    if imported != room {
                        imports.entry((room.clone(), imported)).or_insert_with(|| file.clone());
                    }
                }
            }
        }
    }
    imports
}

#[test]
fn no_two_crates_depend_on_each_other() {
    let packages = packages();
    assert!(packages.len() >= 6, "the crates are looked at");
    let depends: BTreeSet<(&str, &str)> = packages
        .iter()
        .flat_map(|package| package.depends_on.iter().map(|other| (package.name.as_str(), other.as_str())))
        .collect();
    for (one, other) in &depends {
        assert!(!depends.contains(&(other, one)), "{one} and {other} depend on each other");
    }
}

#[test]
fn no_two_rooms_import_each_other() {
    let imports = imports(&packages());
    assert!(imports.len() > 100, "the sources are looked at");
    let mut found = Vec::new();
    for ((one, other), file) in &imports {
        let Some(back) = imports.get(&(other.clone(), one.clone())).filter(|_| one < other) else { continue };
        found.push(format!(
            "{}::{} imports {}::{} in {}, which imports it in {}",
            one.0,
            one.1,
            other.0,
            other.1,
            file.display(),
            back.display()
        ));
    }
    assert!(found.is_empty(), "rooms import each other:\n{}", found.join("\n"));
}

#[test]
fn imports_are_found_wherever_they_stand() {
    let code =
        "use crate::{a::b, c::{d, e}, f};\nuse crate::g::H;\nfn i() { crate::j::k() }\nuse othercrate::l; $crate::m";
    assert_eq!(behind(code, "crate"), ["a", "c", "f", "g", "j"]);
    let root = "pub use self::{a::{B, c::D}, e::F};\npub use self::g::H;";
    let exported = [("B", "a"), ("D", "a"), ("F", "e"), ("H", "g")].map(|(name, room)| (name.into(), room.into()));
    assert_eq!(exports(root), BTreeMap::from(exported));
}
