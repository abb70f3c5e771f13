//! What must hold, theme by theme. Each scenario reads as what somebody does and what comes of it.

mod resolution;
