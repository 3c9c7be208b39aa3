//! End-to-end tests: the `clip2gan` program from its command line to its files.
//!
//! The bundle they draw with is a tiny one, trained once for all of them by the smoke preset. What it draws is nothing to
//! look at; that it can be trained, and what the program does with it, is what is tested here.

mod bad_input;
mod classes;
mod commands;
mod features;
mod networks;
mod pipeline;
mod support;
