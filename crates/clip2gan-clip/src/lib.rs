//! CLIP: tokenizer, preprocessing, vision and text transformers, contrastive training.
