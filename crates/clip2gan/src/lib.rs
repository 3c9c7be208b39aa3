//! From a sentence to a picture: CLIP, mapper and StyleGAN2 in one bundle.
