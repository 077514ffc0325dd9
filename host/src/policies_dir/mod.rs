//! Watching the directory of policies.
use crate::policy::{Chain, Runtime};
use arc_swap::ArcSwap;
use std::{path::Path, sync::Arc, sync::mpsc};
/// stub
pub struct PoliciesDir;
/// stub
#[derive(Clone, Default)]
pub struct DirOptions;
/// stub
pub enum PolicyEvent {}
impl PoliciesDir {
    /// stub
    pub fn start(_: &Path, _: Runtime, _: Arc<ArcSwap<Chain>>, _: DirOptions) -> anyhow::Result<Self> {
        Ok(Self)
    }
    /// stub
    pub fn subscribe(&self) -> mpsc::Receiver<PolicyEvent> {
        mpsc::channel().1
    }
}
