//! `reprise module list`.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;

use super::{
    enable::arrives,
    files::{self, Files, configured::Configured},
    names::Server,
    root::Root,
    service::{
        processes::{self, Loaded},
        unit::Unit,
    },
};
use crate::cli::output;

/// Services that Reprise was tried with.
const KNOWN: [&str; 3] = ["apache2", "haproxy", "nginx"];

/// Show which services load the module, and which could.
#[derive(Args)]
pub(super) struct List {
    /// Look at the image of a machine
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl List {
    pub(super) fn run(self) -> Result<ExitCode> {
        output::page(&page(&Root::new(self.root.as_deref())?)?);
        Ok(ExitCode::SUCCESS)
    }
}

fn page(root: &Root) -> Result<String> {
    let enabled = files::enabled(root)?;
    let known = KNOWN.iter().filter_map(|name| name.parse().ok()).filter(|server| !enabled.contains(server));
    let mut page = String::new();
    for server in &enabled {
        describe(&mut page, root, server, true);
    }
    for server in known {
        describe(&mut page, root, &server, false);
    }
    Ok(page)
}

fn describe(page: &mut String, root: &Root, server: &Server, enabled: bool) {
    let files = Files::of(server);
    let configured = Configured::read(root, &files);
    let unit = Unit::find(root, server);
    let installed = matches!(unit, Ok(Some(_)));
    let state = match &configured {
        _ if !enabled && !installed => "not installed",
        _ if !enabled => "not enabled",
        Ok(configured) if configured.observe => "enabled, looks on",
        _ => "enabled",
    };
    let _ = writeln!(page, "{server}: {state}");
    match &unit {
        Ok(Some(unit)) => {
            let _ = writeln!(page, "  unit       {}", unit.file.display());
        }
        Ok(None) if enabled => {
            let _ = writeln!(page, "  unit       none: `reprise module disable {server}` removes what is left");
        }
        Ok(None) => {}
        Err(error) => {
            let _ = writeln!(page, "  unit       {error:#}");
        }
    }
    if !enabled {
        return;
    }
    let module = match configured {
        Ok(configured) => configured.module,
        Err(error) => {
            let _ = writeln!(page, "  TROUBLE    {error:#}");
            return;
        }
    };
    let Ok(Some(unit)) = unit else { return };
    if let Err(error) = arrives(root, &unit, &files) {
        let _ = writeln!(page, "  TROUBLE    {error:#}");
    }
    if root.is_machine() {
        let all = processes::of(&server.unit(), unit.program().as_deref(), &module, files.value());
        let _ = writeln!(page, "  processes  {}", running(server, &all));
    }
}

/// Its processes, in words.
pub(super) fn running(server: &Server, all: &[processes::Process]) -> String {
    let those = |loaded| {
        let numbers = all.iter().filter(move |process| process.module == loaded);
        numbers.map(|process| process.number.to_string()).collect::<Vec<_>>().join(", ")
    };
    if all.is_empty() {
        return "none runs, or it cannot be told which".into();
    }
    let words = [
        (Loaded::Yes, "with the module: ", String::new()),
        (
            Loaded::Not,
            "started with it, and it is not loaded: ",
            format!(" (`reprise module check {server}` may say why)"),
        ),
        (Loaded::Never, "without it: ", format!(" (`systemctl restart {server}`)")),
        (Loaded::Unknown, "not known, ask as root: ", String::new()),
    ];
    let said = words.into_iter().map(|(loaded, before, after)| (those(loaded), before, after));
    let said = said.filter(|(numbers, ..)| !numbers.is_empty());
    said.map(|(numbers, before, after)| format!("{before}{numbers}{after}")).collect::<Vec<_>>().join("; ")
}
