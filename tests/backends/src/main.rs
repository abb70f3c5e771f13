//! The stand-ins as a program.

fn main() {}
