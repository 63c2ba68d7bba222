//! What operators see and do: how far fan-outs are, what became of deliveries, and what is dead and can be tried again;
//! and what a user was told, and why.

mod channels;
mod dead_letters;
mod deliveries;
mod fan_outs;
mod queue;
mod users;

pub use crate::storage::channel::Sender;
pub use crate::storage::dead_letter::{DeadChunk, DeadEntry, Narrowed as DeadFilter};
pub use crate::storage::delivery_list::{Listed as Delivery, Narrowed as DeliveryFilter};
pub use crate::storage::progress::{Chunks, FanOut, Narrowed as FanOutFilter, OpenChunk};
pub use channels::{ChannelStanding, channels};
pub use dead_letters::{DeadLetter, Replay, Replayed, list_dead_letters, replay};
pub(in crate::services) use deliveries::explained;
pub use deliveries::{Explained, Try, list_deliveries};
pub use fan_outs::{Progress, get_fan_out, list_fan_outs};
pub use queue::{Standing, standing};
pub use users::explain;
