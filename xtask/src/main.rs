//! Chores of the workspace: train, dataset, ci.
fn main() {}
