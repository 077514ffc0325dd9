//! `reprise test`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use reprise_policy::{
    conformance::{Subject, Suite},
    names::policy_name,
    policies_dir::DirOptions,
    policy::{Compiler, Manifest, Rejection, Runtime, RuntimeOptions},
};
use reprise_session::reading;
use tracing_subscriber::EnvFilter;

use super::{compile::compiler, kept_code, output};
use crate::log::{self, Look};

/// The largest vectors, and settings, that are read.
const MOST_TEXT: u64 = 16 << 20;

/// Test a policy: same facts in, same verdicts out.
///
/// Each vector gives the policy settings and calls, and says which verdicts are expected; the policy runs in the sandbox, as in a
/// server. The limits in the NAME.toml beside it hold, its settings do not: each vector has its own. The exit status is 0 if
/// every vector passes, else 1.
#[derive(Args)]
pub(super) struct Test {
    /// The policy: NAME.wasm, with its NAME.toml beside it if it needs more memory than a server gives
    #[arg(value_name = "POLICY")]
    policy: PathBuf,

    /// The vectors: TOML files, as docs/conformance.md tells
    #[arg(required = true, value_name = "VECTORS")]
    vectors: Vec<PathBuf>,

    /// Show the vectors that pass, too
    #[arg(long, short)]
    verbose: bool,
}

impl Test {
    pub(super) fn run(self) -> Result<ExitCode> {
        // Where a policy panics, it says why in the log.
        log::start(EnvFilter::new("warn"), Look::default())?;
        let suites = self.vectors.iter().map(|file| suite(file)).collect::<Result<Vec<_>>>()?;
        let module = reading::read(&self.policy, DirOptions::default().max_module_size);
        let module = module.context("there is no policy to test; of a project, `reprise build` makes it")?.bytes;
        let manifest = manifest(&self.policy)?;

        // Every vector loads the policy. Where nothing is kept for longer, it is for these: the runtime makes the folder, for this user
        // alone.
        let scratch = tempfile::tempdir().context("there is no directory for compiled code")?;
        let compiled = kept_code::folder().unwrap_or_else(|| scratch.path().join("compiled"));
        let runtime = Runtime::new(patient(&compiled, compiler()?))?;
        let mut status = ExitCode::SUCCESS;
        for suite in &suites {
            let subject = Subject { file: &self.policy, module: &module, manifest: &manifest };
            if !self.passes(suite, &runtime, subject) {
                status = ExitCode::FAILURE;
            }
        }
        Ok(status)
    }

    /// Runs one file's vectors, and says what came of them.
    fn passes(&self, suite: &Suite, runtime: &Runtime, subject: Subject<'_>) -> bool {
        let mut failed = 0_usize;
        for outcome in suite.run(runtime, subject) {
            match outcome.failure {
                None if self.verbose => output::say(format_args!("ok: {}", outcome.vector)),
                None => {}
                Some(failure) => {
                    output::say_block(format_args!("failed: {}: {failure}", outcome.vector));
                    failed += 1;
                }
            }
        }
        let policy = self.policy.display();
        output::say(format_args!("{policy}: {} of {} vectors passed", suite.len() - failed, suite.len()));
        failed == 0
    }
}

fn suite(file: &Path) -> Result<Suite> {
    let text = reading::read_text_once(file, MOST_TEXT)?;
    Suite::parse(&text).map_err(|error| anyhow!("{}: {error}", file.display()))
}

/// One instance at a time, and no hurry.
fn patient(compiled: &Path, compiler: Compiler) -> RuntimeOptions {
    RuntimeOptions {
        instances: 2,
        policies: 1,
        start: Duration::from_secs(60),
        cache: Some(compiled.to_owned()),
        compiler,
        ..RuntimeOptions::default()
    }
}

/// What the NAME.toml beside the policy says, if there is one.
fn manifest(policy: &Path) -> Result<Manifest> {
    let file = policy.with_extension("toml");
    let text = match reading::read(&file, MOST_TEXT) {
        Ok(whole) => reading::text(whole.bytes).with_context(|| format!("cannot read {}", file.display()))?,
        Err(unread) if unread.is_missing() => return Ok(Manifest::default()),
        Err(unread) => return Err(unread.into()),
    };
    let name = policy.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    Manifest::parse(&text).map_err(|error| anyhow!(Rejection::manifest(&file, policy_name(&name), &error)))
}
