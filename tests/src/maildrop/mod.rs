//! Messages: what a maildrop holds, and a deterministic generator of realistic ones.

mod content;
mod encoding;
mod lf_lines;
mod message;
mod oddity;
mod random;
mod realistic;

pub use content::{Content, Reader};
pub use lf_lines::LfLines;
pub use message::{Maildrop, Message};
pub use random::Random;
pub use realistic::{Profile, realistic};
