//! What is embedded lies outside of this crate's sources, where Cargo does not look for changes.

fn main() {
    for folder in ["templates", "../plugin-sdk", "../wit"] {
        println!("cargo::rerun-if-changed={folder}");
    }
}
