//! StyleGAN2: mapping, synthesis, discriminator, losses with exact R1, and the trainer.
