//! The `reprise` command.

mod agent;
mod build;
mod check;
mod compile;
mod core_dumps;
mod dev;
mod explain;
mod kept_code;
mod keys;
mod manual;
mod module;
mod new;
mod output;
mod policies;
mod probe;
mod revoke;
mod running;
mod serve;
mod service_manager;
mod sign;
mod signals;
mod status;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use reprise::exit_now;

/// TLS session caching for OpenSSL servers, decided by sandboxed WebAssembly policies.
#[derive(Parser)]
#[command(name = "reprise", version, arg_required_else_help = true)]
struct Command {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Serve TLS, with sessions kept and resumed as policies say
    Serve(Box<serve::Serve>),
    /// Decide for servers that nobody rebuilt: their modules ask this agent
    Agent(Box<agent::Agent>),
    /// Use Reprise in servers as they are: their OpenSSL loads a module, which asks the agent
    Module(module::Module),
    /// Begin a policy, in any language: a project that builds and passes its own tests
    New(new::New),
    /// Build a policy: leaves NAME.wasm in its project
    Build(build::Build),
    /// Work on a policy: build it at each save, drop it into a server, and show each decision
    Dev(Box<dev::Dev>),
    /// Check policies as the server would before they go live
    Check(check::Check),
    /// Test a policy: same facts in, same verdicts out
    Test(test::Test),
    /// Sign policies, so that servers with --policy-keys take them
    Sign(sign::Sign),
    /// Show how a running server is doing
    Status(status::Status),
    /// Explain why clients of a running server resumed or not
    Explain(explain::Explain),
    /// Tell a running server what is to become of its policies
    Policies(policies::Policies),
    /// Revoke sessions: they resume nowhere any more
    Revoke(revoke::Revoke),
    // Its own text has more than a line.
    Probe(probe::Probe),
    /// Make and rotate the keyring that seals sessions and makes their ids
    Keys(keys::Keys),
    #[command(hide = true)]
    Manual(manual::Manual),
    #[command(name = "compile-policy", hide = true)]
    Compile(compile::Compile),
}

/// Runs the command that the process was started with, and ends the process.
///
/// Nothing that libraries registered for the end runs: OpenSSL would clean up what threads still use that nobody waits for.
pub fn main() -> ! {
    let done = match Command::parse().action {
        Action::Serve(serve) => serve.run(),
        Action::Agent(agent) => agent.run(),
        Action::Module(module) => module.run(),
        Action::New(new) => new.run(),
        Action::Build(build) => build.run(),
        Action::Dev(dev) => dev.run(),
        Action::Check(check) => check.run(),
        Action::Test(test) => test.run(),
        Action::Sign(sign) => sign.run(),
        Action::Status(status) => status.run(),
        Action::Explain(explain) => explain.run(),
        Action::Policies(policies) => policies.run(),
        Action::Revoke(revoke) => revoke.run(),
        Action::Probe(probe) => probe.run(),
        Action::Keys(keys) => keys.run(),
        Action::Manual(manual) => manual.run(),
        Action::Compile(compile) => compile.run(),
    };
    let status = output::end(done);
    exit_now((0..=u8::MAX).find(|number| ExitCode::from(*number) == status).map_or(1, i32::from))
}

#[cfg(test)]
mod table;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Command::command().debug_assert();
    }
}
