//! What would be on the disk if the power failed now: a model of a file system that keeps only what was flushed, into
//! which a [recording](crate::recording) is played, and the rules that a delivery has to keep.

mod disk;
mod image;
mod order;

pub use disk::{Disk, Unmodelled};
pub use image::{Image, Survivors};
pub use order::{Expected, Violation, check};

#[cfg(test)]
mod tests;
