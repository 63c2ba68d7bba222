//! Whether the record can be read.

use crate::services::{Deps, Result};
use crate::storage::order;

/// Reads one row; fails when the database does not answer.
pub async fn check(deps: &Deps) -> Result<()> {
    order::position(deps.db.reader()).await?;
    Ok(())
}
