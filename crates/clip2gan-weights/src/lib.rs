//! Checkpoint readers and writers: files in, named arrays out. Executes nothing.
