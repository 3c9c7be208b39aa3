//! The bridge from CLIP features to StyleGAN2 latents: mappers, modality bridges, losses, trainer, edits.
