//! Messages known by their descriptors alone: read and written on the wire, and turned to JSON and back.
//!
//! For the calls that the table of operations does by itself, and for clients in the same spirit.

mod codec;
mod transcode;

pub use codec::{DynamicCodec, Reader, Writer};
pub use transcode::{Misfit, from_json, to_json};
