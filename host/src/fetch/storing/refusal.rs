//! The words in which a server does not give a message.

use crate::sandbox::contract::{Reply, ResponseCode};

/// How much of them is remembered, in characters. There may be as many refusals as messages.
const CAUSE: usize = 160;

pub(in crate::fetch) fn cause(reply: &Reply) -> String {
    format!("-ERR {}", reply.to_line()).chars().take(CAUSE).collect()
}

/// Whether a refusal is for a trouble that will pass.
pub(in crate::fetch) fn is_temporary(reply: &Reply) -> bool {
    matches!(reply.code, Some(ResponseCode::InUse | ResponseCode::LoginDelay | ResponseCode::SysTemp))
}
