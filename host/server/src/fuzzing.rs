//! What fuzz targets need and nobody else.

pub use crate::serve::proxy::{Endpoints, endpoints};
