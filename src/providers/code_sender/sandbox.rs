//! Shows what would be sent to whoever the application names: the sandbox page, a test.

use std::sync::Arc;

use async_trait::async_trait;

use super::{CodeSender, Letter, SendError};
use crate::domain::identity::Address;

/// Where letters are shown.
pub type Show = Arc<dyn Fn(&Address, &Letter) + Send + Sync>;

/// Stands in for mail and text messages.
pub struct Sandbox(Show);

impl Sandbox {
    /// Shows letters there.
    pub fn new(show: Show) -> Self {
        Self(show)
    }
}

#[async_trait]
impl CodeSender for Sandbox {
    async fn send(&self, to: &Address, letter: &Letter) -> Result<(), SendError> {
        (self.0)(to, letter);
        Ok(())
    }
}
