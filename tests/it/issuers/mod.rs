//! What is lent when the broker makes it: tokens of services that stand-ins play, refreshed before they run out, whatever the
//! services answer. Time is moved for both sides; nothing here waits.

mod connect;
mod limits;
mod minted;
mod refresh;
mod signed;
mod upstreams;
