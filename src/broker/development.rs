//! To come.
pub struct Development;
pub const SEED_EMAIL: &str = "";
