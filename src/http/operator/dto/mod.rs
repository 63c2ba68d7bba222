//! What operators ask and are shown, a file for each noun of the desk.

mod channel;
mod dead_letter;
mod delivery;
mod fan_out;

pub use channel::*;
pub use dead_letter::*;
pub use delivery::*;
pub use fan_out::*;
