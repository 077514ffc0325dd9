//! Refuses libraries that call themselves OpenSSL's equals, before the compiler stumbles over what they lack.

#[path = "build/openssl.rs"]
mod openssl;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build/openssl.rs");
    // What openssl-sys found, as its build script tells those that depend on it.
    if let Err(refusal) = openssl::accept(|name| std::env::var(name).ok()) {
        eprintln!("\n{refusal}\n");
        std::process::exit(1);
    }
}
