//! The native body of the score network: a quantised Transformer forward with an exact prefix cache, a streaming proposal head and
//! velocities; and the decoders of its continuous kinds. No text, no Python, no downloads.
#![deny(missing_docs)]

mod attend;
mod block;
mod body;
pub mod cache;
pub mod choice;
mod embed;
pub mod import;
pub mod latent;
pub mod law;
mod linear;
pub mod network;
pub mod noise;
pub mod operand;
pub mod pass;
mod propose;
mod race;
mod rows;
mod scratch;
pub mod spec;
mod tally;
mod time;
mod turns;

pub use cache::Cache;
pub use choice::{Ask, Choice, Proposal};
pub use kernels::attention::See;
pub use law::{Attention, Prediction};
pub use network::Network;
pub use operand::Precision;
pub use pass::{Input, Pass};
pub use spec::Spec;
