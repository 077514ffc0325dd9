//! The library stays where it is: OpenSSL unloads its modules while threads may still be in their callbacks.

fn main() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo:rerun-if-changed=build.rs");
}
