//! What happens to tokens that were made for one lease.

use crate::model::{id::MintedTokenId, instant::Instant, minted::MintedToken, sealed::Sealed};

/// One step of such a token.
#[derive(Debug, Clone)]
pub enum MintedChange {
    /// The service is about to be asked.
    Begin(Box<MintedToken>),
    /// It gave this token, good until then. Touches nothing when a chore gave the request up meanwhile.
    Keep(MintedTokenId, Sealed, Instant),
    /// A token of this value was found that nobody holds: it is to be withdrawn.
    Find(MintedTokenId, Sealed, Instant),
    /// Withdrawn, never made, or run out: forgotten.
    Forget(MintedTokenId),
    /// It is to be withdrawn at once.
    Withdraw(MintedTokenId, Instant),
    /// Withdrawing it failed: tried again then, for this reason.
    Retry(MintedTokenId, Instant, String),
    /// It cannot be withdrawn, for this reason.
    Abandon(MintedTokenId, String),
    /// Those whose lease is over, or whose request broke off, are due as of the instant given; at most so many.
    Sweep(Instant, u16),
}
