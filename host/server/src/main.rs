//! The `reprise` command: see [`reprise_server::cli`].

fn main() {
    reprise_server::cli::main()
}
