//! Pictures and captions: image folders, and avatars drawn from a seed.
