//! The clip2gan command: sample, edit, generate, embed, train, info.
fn main() {}
