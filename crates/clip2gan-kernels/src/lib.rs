//! Convolutions, resampling and epilogues as custom burn operations, fast on the CPU.
