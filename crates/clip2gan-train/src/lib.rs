//! What every trainer of clip2gan shares: Adam, EMA, checkpoints, run directories, seeded randomness.
