//! What came of programs' handshakes, for Prometheus.

use std::{
    fmt::{self, Debug},
    sync::{Arc, Weak},
};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::workers::Shared;
use crate::metrics::{Sheet, count, families as family, level};

/// What an agent counts of the programs that ask it, read when it is encoded: to be registered beside [`crate::metrics::Metrics`].
#[derive(Clone)]
pub struct Metrics(Weak<Shared>);

impl Metrics {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self(Arc::downgrade(shared))
    }
}

impl Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(shared) = self.0.upgrade() else { return Ok(()) };
        let programs = shared.programs();
        let mut sheet = Sheet(encoder);
        let mut handshakes = sheet.family(&family::PROGRAM_HANDSHAKES)?;
        for its in &programs {
            for (handshake, number) in [("full", its.counted.full), ("resumed", its.counted.resumed)] {
                count(&mut handshakes, &[("program", &*its.program), ("handshake", handshake)], number)?;
            }
        }
        let mut misses = sheet.family(&family::PROGRAM_MISSES)?;
        for its in &programs {
            count(&mut misses, &[("program", &*its.program)], its.counted.missed)?;
        }
        let mut refused = sheet.family(&family::PROGRAM_REFUSED)?;
        for its in &programs {
            for (offered, number) in &its.counted.refused {
                count(&mut refused, &[("program", &*its.program), ("offered", offered)], *number)?;
            }
        }
        let mut left = sheet.family(&family::PROGRAM_LEFT_ALONE)?;
        for its in &programs {
            for (reason, number) in &its.counted.left_alone {
                count(&mut left, &[("program", &*its.program), ("reason", reason)], *number)?;
            }
        }
        let mut processes = sheet.family(&family::PROGRAM_PROCESSES)?;
        for its in &programs {
            level(&mut processes, &[("program", &*its.program)], its.processes as u64)?;
        }
        Ok(())
    }
}
