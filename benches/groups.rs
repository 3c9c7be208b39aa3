//! The groups under divan: `cargo xtask bench`. divan prints spread and median of each case, and the rate of its
//! arithmetic (an `item` is one floating point operation) and of its traffic.

use std::process::ExitCode;
use std::sync::OnceLock;

use clip2gan_bench::{Case, Error, Scale, cases};
use clip2gan_kernels::keep_freed_memory;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

/// Read before anything is measured, so that a broken file is told of in words.
static CASES: OnceLock<Vec<Case>> = OnceLock::new();

fn main() -> ExitCode {
    keep_freed_memory();
    match cases(Scale::Full) {
        Ok(all) => {
            CASES.get_or_init(|| all);
            divan::main();
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn of(group: &'static str) -> impl Iterator<Item = &'static Case> {
    let all = CASES.get().into_iter().flatten();
    all.filter(move |case| case.group == group)
}

fn measure(bencher: Bencher, case: &Case) {
    let cost = case.cost() * case.steps() as f64;
    let mut work = case.prepare().unwrap_or_else(|error| end(case, &error));
    bencher
        .counter(ItemsCount::new(cost.flops as u64))
        .counter(BytesCount::new(cost.bytes as u64))
        .bench_local(|| work.run().unwrap_or_else(|error| end(case, &error)));
}

/// Times of work that fails mean nothing.
fn end(case: &Case, error: &Error) -> ! {
    eprintln!("error: {} {case}: {error}", case.group);
    std::process::exit(1)
}

#[divan::bench(args = of("conv"))]
fn conv(bencher: Bencher, case: &Case) {
    measure(bencher, case);
}

#[divan::bench(args = of("generate"))]
fn generate(bencher: Bencher, case: &Case) {
    measure(bencher, case);
}

#[divan::bench(name = "train-step", args = of("train-step"))]
fn train_step(bencher: Bencher, case: &Case) {
    measure(bencher, case);
}

#[divan::bench(args = of("clip"))]
fn clip(bencher: Bencher, case: &Case) {
    measure(bencher, case);
}
