//! What a server says that it can do: CAPA (RFC 2449 §5), and LANG (RFC 6856 §3).

use super::{
    TlsMode,
    reply::{Body, Reply},
    session::{Security, Session, State},
};

impl Session {
    pub(super) fn capa(&self) -> Reply {
        let script = &self.script;
        let capabilities = match (&self.state, self.security) {
            (State::Authorization { .. }, Security::Tls) => &script.capabilities_tls,
            (State::Authorization { .. }, _) => &script.capabilities,
            _ => &script.capabilities_signed_in,
        };
        let Some(lines) = capabilities else { return Reply::line("-ERR unknown command") };
        let derived = self.derived().into_iter();
        let derived = derived.filter(|derived| !lines.iter().any(|line| name(line) == name(derived)));
        let rows = lines.iter().cloned().chain(derived).map(String::into_bytes).collect();
        Reply::new("+OK capability list follows", Body::Rows(rows))
    }

    /// What follows from the rest of the script.
    fn derived(&self) -> Vec<String> {
        let script = &self.script;
        let mut lines = Vec::new();
        if self.security == Security::Clear && self.mode() == Some(TlsMode::Stls { announced: true }) {
            lines.push("STLS".to_owned());
        }
        if !script.mechanisms.is_empty() && self.permits_sign_in() {
            let names: Vec<&str> = script.mechanisms.iter().map(|mechanism| mechanism.name()).collect();
            lines.push(format!("SASL {}", names.join(" ")));
        }
        if script.utf8 {
            lines.push("UTF8 USER".to_owned());
        }
        if !script.languages.is_empty() {
            lines.push("LANG".to_owned());
        }
        lines
    }

    pub(super) fn mode(&self) -> Option<TlsMode> {
        self.script.tls.as_ref().map(|tls| tls.mode)
    }

    pub(super) fn knows_stls(&self) -> bool {
        self.security == Security::Clear && matches!(self.mode(), Some(TlsMode::Stls { .. }))
    }

    /// The languages, or whether this is one.
    pub(super) fn lang(&self, argument: &str) -> Reply {
        let languages = &self.script.languages;
        let row = |(tag, description): &(String, String)| format!("{tag} {description}");
        if argument.is_empty() {
            let rows = languages.iter().map(|language| row(language).into_bytes()).collect();
            return Reply::new("+OK language listing follows", Body::Rows(rows));
        }
        let wanted = |(tag, _): &&(String, String)| argument == "*" || tag.eq_ignore_ascii_case(argument);
        match languages.iter().find(wanted) {
            Some(language) => Reply::line(format!("+OK {}", row(language))),
            None => Reply::line(format!("-ERR invalid language {argument}")),
        }
    }
}

/// The name of a capability, without what follows it in its line.
fn name(line: &str) -> &str {
    line.split_once(' ').map_or(line, |(name, _)| name)
}
