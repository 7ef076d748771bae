//! The URL that names a server: `pop3://[user@]host[:port]`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// A POP3 server and, where the URL says so, the user.
///
/// ```text
/// pop3://[user@]host[:port]     port 110 unless given
/// pop3s://[user@]host[:port]    port 995 unless given, TLS from the first octet
/// ```
///
/// The user is percent-encoded UTF-8, an IPv6 address stands in brackets, an international host name becomes its ASCII
/// form. There is no place for a password: one in the text is refused, because the command line shows in `ps`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    scheme: Scheme,
    user: Option<String>,
    host: Host,
    port: u16,
}

impl ServerUrl {
    /// Whether TLS is implicit.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The user, decoded. Never empty and without control characters.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The host as it is to be resolved and shown.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The TCP port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same server for this user, taken literally, without percent-encoding.
    ///
    /// # Errors
    /// [`UrlError::EmptyUser`] or [`UrlError::ControlInUser`].
    pub fn with_user(self, user: &str) -> Result<Self, UrlError> {
        Ok(Self { user: Some(checked_user(user.to_owned())?), ..self })
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
        // A password may contain anything, `/`, `?` and `#` too. So it is looked for before the text is taken apart,
        // and no error from here on repeats a part of the text.
        if rest.rsplit_once('@').is_some_and(|(userinfo, _)| userinfo.contains(':')) {
            return Err(UrlError::Password);
        }
        let scheme = scheme.parse()?;
        let authority = authority(rest)?;
        let (user, server) = match authority.rsplit_once('@') {
            Some((user, server)) => (Some(decoded_user(user)?), server),
            None => (None, authority),
        };
        let (host, port) = split_port(server)?;
        let host = host.parse()?;
        let port = match port {
            None | Some("") => Scheme::default_port(scheme),
            Some(digits) => parsed_port(digits)?,
        };
        Ok(Self { scheme, user, host, port })
    }
}

impl fmt::Display for ServerUrl {
    /// The URL in its shortest form; parsing it gives the same value again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(user) = &self.user {
            write!(f, "{}@", utf8_percent_encode(user, ENCODED_IN_USER))?;
        }
        write!(f, "{}", self.host)?;
        if self.port != self.scheme.default_port() {
            write!(f, ":{}", self.port)?;
        }
        Ok(())
    }
}

/// How the connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `pop3`: in clear text, with STLS perhaps.
    Pop3,
    /// `pop3s`: with TLS from the first octet.
    Pop3s,
}

impl Scheme {
    /// 110 or 995.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Pop3 => 110,
            Self::Pop3s => 995,
        }
    }
}

impl FromStr for Scheme {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.eq_ignore_ascii_case("pop3") {
            Ok(Self::Pop3)
        } else if text.eq_ignore_ascii_case("pop3s") {
            Ok(Self::Pop3s)
        } else {
            Err(UrlError::UnknownScheme)
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pop3 => "pop3",
            Self::Pop3s => "pop3s",
        })
    }
}

/// A host: a name to be resolved, or an address. `Display` is the form in a URL, with brackets around IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An ASCII domain name in lower case; international names are in their `xn--` form.
    Name(String),
    /// An address that needs no resolver.
    Address(IpAddr),
}

impl Host {
    /// The host without brackets, as resolvers and TLS want it.
    pub fn unbracketed(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Address(address) => address.to_string(),
        }
    }
}

impl FromStr for Host {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(UrlError::EmptyHost);
        }
        if let Some(address) = text.strip_prefix('[') {
            let address = address.strip_suffix(']').and_then(|address| address.parse::<Ipv6Addr>().ok());
            return Ok(Self::Address(address.ok_or(UrlError::InvalidIpv6)?.into()));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Address(address.into()));
        }
        // The parser of the URL standard decodes percents and reads `127.1` or `0x7f000001` as addresses, which nobody
        // means here.
        match url::Host::parse(text) {
            Ok(url::Host::Domain(name)) if !text.contains('%') && has_valid_lengths(&name) => Ok(Self::Name(name)),
            _ => Err(UrlError::InvalidHost),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Why a text is not the URL of a server. No case repeats the text, which may contain a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no `scheme://`.
    #[error("the server is named by a URL: pop3://[user@]host[:port], or pop3s://… for TLS from the start")]
    NoScheme,
    /// The scheme is another one.
    #[error("the URL begins with pop3:// or pop3s://; other schemes are not known")]
    UnknownScheme,
    /// There is a password, or what looks like one.
    #[error(
        "a password in the URL would show in ps and in the shell's history; \
         use --password-file or --password-command"
    )]
    Password,
    /// There is something behind the host and port.
    #[error("the URL ends with the host and port: no path, ? or # (in a user name they are written %2F, %3F, %23)")]
    Trailing,
    /// The user is there and empty.
    #[error("the user name is empty")]
    EmptyUser,
    /// The user contains CR, LF, NUL or another control character.
    #[error("the user name contains a control character")]
    ControlInUser,
    /// The percent-encoding of the user is wrong, or does not give UTF-8.
    #[error("the user name in the URL is not percent-encoded UTF-8 (% itself is written %25)")]
    InvalidUser,
    /// The user has an RFC 2384 `;AUTH=` part.
    #[error("the URL does not name the sign-in mechanism; use --auth (a ; in a user name is written %3B)")]
    AuthInUser,
    /// There is no host.
    #[error("the URL has no host")]
    EmptyHost,
    /// The host is neither a domain name nor a dotted IPv4 address.
    #[error("the host in the URL is neither a domain name nor an address (IPv6 addresses stand in brackets)")]
    InvalidHost,
    /// What stands in brackets is not an IPv6 address.
    #[error("in brackets the URL has an IPv6 address such as [2001:db8::1], without a zone")]
    InvalidIpv6,
    /// The port is not a number from 1 to 65535.
    #[error("the port in the URL is a number from 1 to 65535")]
    InvalidPort,
}

/// Everything but what RFC 3986 calls unreserved.
const ENCODED_IN_USER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The part that names user, host and port.
fn authority(rest: &str) -> Result<&str, UrlError> {
    match rest.split_once(['/', '?', '#', '\\']) {
        None => Ok(rest),
        Some((authority, "")) if rest.ends_with('/') => Ok(authority),
        Some(_) => Err(UrlError::Trailing),
    }
}

fn decoded_user(encoded: &str) -> Result<String, UrlError> {
    if encoded.to_ascii_lowercase().contains(";auth=") {
        return Err(UrlError::AuthInUser);
    }
    let each_percent_encodes = encoded.split('%').skip(1).all(|after| {
        let mut octets = after.bytes();
        octets.next().is_some_and(|first| first.is_ascii_hexdigit())
            && octets.next().is_some_and(|second| second.is_ascii_hexdigit())
    });
    if !each_percent_encodes {
        return Err(UrlError::InvalidUser);
    }
    let user = percent_decode_str(encoded).decode_utf8().map_err(|_| UrlError::InvalidUser)?;
    checked_user(user.into_owned())
}

fn checked_user(user: String) -> Result<String, UrlError> {
    if user.is_empty() {
        return Err(UrlError::EmptyUser);
    }
    if user.contains(char::is_control) {
        return Err(UrlError::ControlInUser);
    }
    Ok(user)
}

/// The host and the text behind its colon.
fn split_port(server: &str) -> Result<(&str, Option<&str>), UrlError> {
    if server.starts_with('[') {
        let end = server.find(']').ok_or(UrlError::InvalidIpv6)?;
        let (host, behind) = server.split_at_checked(end.saturating_add(1)).ok_or(UrlError::InvalidIpv6)?;
        return match behind.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if behind.is_empty() => Ok((host, None)),
            None => Err(UrlError::InvalidIpv6),
        };
    }
    match server.split_once(':') {
        // Several colons: an IPv6 address without its brackets.
        Some((_, port)) if port.contains(':') => Err(UrlError::InvalidHost),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((server, None)),
    }
}

fn parsed_port(digits: &str) -> Result<u16, UrlError> {
    // `parse` alone would take `+110`.
    let only_digits = digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|port| only_digits && *port != 0).ok_or(UrlError::InvalidPort)
}

/// RFC 1035 section 2.3.4: labels of 1 to 63 octets, 253 octets in all; one dot at the end is the root.
fn has_valid_lengths(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()))
}

#[cfg(test)]
mod tests {
    use super::{Host, Scheme, ServerUrl, UrlError};

    fn url(text: &str) -> ServerUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str) -> UrlError {
        text.parse::<ServerUrl>().expect_err(text)
    }

    #[test]
    fn the_ports_are_110_and_995_unless_given() {
        assert_eq!(url("pop3://mail.example").port(), 110);
        assert_eq!(url("pop3s://mail.example/").port(), 995);
        assert_eq!(url("pop3://mail.example:").port(), 110);
        assert_eq!(url("pop3://mail.example:8110").port(), 8110);
        assert_eq!(url("POP3S://Mail.Example:65535").scheme(), Scheme::Pop3s);
    }

    #[test]
    fn the_user_is_decoded() {
        assert_eq!(url("pop3://mail.example").user(), None);
        assert_eq!(url("pop3://fred@mail.example").user(), Some("fred"));
        assert_eq!(url("pop3://fred%40example.org@mail.example").user(), Some("fred@example.org"));
        assert_eq!(url("pop3://fred@example.org@mail.example").user(), Some("fred@example.org"));
        assert_eq!(url("pop3://j%C3%B6rg%2F100%25@mail.example").user(), Some("jörg/100%"));
    }

    #[test]
    fn hosts_are_names_or_addresses() {
        assert_eq!(url("pop3://Mail.Example.").host(), &Host::Name("mail.example.".into()));
        assert_eq!(url("pop3://bücher.example").host(), &Host::Name("xn--bcher-kva.example".into()));
        assert_eq!(url("pop3://192.0.2.7:110").host(), &Host::Address([192, 0, 2, 7].into()));
        let v6 = url("pop3://fred@[2001:DB8::1]:8110");
        assert_eq!((v6.host().unbracketed(), v6.host().to_string()), ("2001:db8::1".into(), "[2001:db8::1]".into()));
        assert_eq!(v6.port(), 8110);
        assert_eq!(url("pop3://[::1]").port(), 110);
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        for text in [
            "pop3://mail.example",
            "pop3s://mail.example:110",
            "pop3://j%C3%B6rg%3A%40%20x@[2001:db8::1]:8110",
            "pop3://a-b._~c@192.0.2.7",
        ] {
            assert_eq!(url(text).to_string(), text);
        }
        assert_eq!(url("POP3://Fred@MAIL.example:110/").to_string(), "pop3://Fred@mail.example");
    }

    #[test]
    fn a_password_is_refused_and_never_repeated() {
        for text in [
            "pop3://fred:hunter2@mail.example",
            "pop3s://fred:hunter2@mail.example:995/",
            "pop3://:hunter2@mail.example",
            "pop3://fred:@mail.example",
            "pop3://fred:hunter2@",
            "pop3://fred:hun/ter2@mail.example",
            "pop3://fred:hunter2?#@mail.example",
            "pop3://fred:hunter2@x@mail.example",
            "pop3://fred@example.org:hunter2@mail.example",
            "pop3://fred:hunter2@[::1]:0",
            "imap://fred:hunter2@mail.example",
        ] {
            assert_eq!(refused(text), UrlError::Password, "{text}");
        }
        // Not recognised as a password, and still not repeated.
        for text in
            ["fred:hunter2@mail.example", "pop3:fred:hunter2@mail.example", "pop3://fred:hunter2", "hunter2://x"]
        {
            let error = refused(text);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
        assert!(UrlError::Password.to_string().contains("--password-file or --password-command"));
    }

    #[test]
    fn other_schemes_are_told_what_is_expected() {
        assert_eq!(refused("imap://mail.example"), UrlError::UnknownScheme);
        assert_eq!(refused("pop://mail.example"), UrlError::UnknownScheme);
        assert_eq!(refused("://mail.example"), UrlError::UnknownScheme);
        assert_eq!(refused("mail.example:110"), UrlError::NoScheme);
        assert_eq!(refused(""), UrlError::NoScheme);
        assert!(UrlError::NoScheme.to_string().contains("pop3://"));
    }

    #[test]
    fn nothing_may_follow_the_port() {
        for text in
            ["pop3://h/INBOX", "pop3://h//", "pop3://h?x", "pop3://h#", "pop3://h/?", "pop3://h:110/x", "pop3://h\\"]
        {
            assert_eq!(refused(text), UrlError::Trailing, "{text}");
        }
    }

    #[test]
    fn bad_users_are_refused() {
        assert_eq!(refused("pop3://@mail.example"), UrlError::EmptyUser);
        for text in ["pop3://a%0D%0ADELE@h", "pop3://a%00@h", "pop3://a\nb@h", "pop3://%C2%9B@h"] {
            assert_eq!(refused(text), UrlError::ControlInUser, "{text}");
        }
        for text in ["pop3://100%@h", "pop3://a%zz@h", "pop3://a%4@h", "pop3://%ff@h"] {
            assert_eq!(refused(text), UrlError::InvalidUser, "{text}");
        }
        assert_eq!(refused("pop3://fred;AUTH=+APOP@mail.example"), UrlError::AuthInUser);
    }

    #[test]
    fn a_user_given_elsewhere_is_literal_and_checked() {
        let given = url("pop3://fred@mail.example").with_user("100%@x").unwrap();
        assert_eq!(given.user(), Some("100%@x"));
        assert_eq!(url("pop3://h").with_user("a\r\nb"), Err(UrlError::ControlInUser));
        assert_eq!(url("pop3://h").with_user(""), Err(UrlError::EmptyUser));
    }

    #[test]
    fn bad_hosts_are_refused() {
        for text in ["pop3://", "pop3:///", "pop3://fred@", "pop3://:110"] {
            assert_eq!(refused(text), UrlError::EmptyHost, "{text}");
        }
        let long_label = format!("pop3://{}.example", "a".repeat(64));
        let long_name = format!("pop3://{}example", "a.".repeat(130));
        for text in [
            "pop3://mail\r\nexample",
            "pop3://mail\0example",
            "pop3://mail\texample",
            "pop3://mail example",
            "pop3://mail%0aexample",
            "pop3://mail%2eexample",
            "pop3://mail..example",
            "pop3://.",
            "pop3://127.1",
            "pop3://0x7f000001",
            "pop3://256.1.1.1",
            "pop3://010.0.0.1",
            "pop3://2001:db8::1",
            "pop3://a:b:110",
            "pop3://xn--a",
            &long_label,
            &long_name,
        ] {
            assert_eq!(refused(text), UrlError::InvalidHost, "{text:?}");
        }
        for text in ["pop3://[::1", "pop3://[]", "pop3://[fe80::1%25eth0]", "pop3://[192.0.2.7]", "pop3://[::1]x"] {
            assert_eq!(refused(text), UrlError::InvalidIpv6, "{text}");
        }
    }

    #[test]
    fn bad_ports_are_refused() {
        for port in ["0", "65536", "-1", "+110", "pop3", "11O", " 110", "110 "] {
            assert_eq!(refused(&format!("pop3://h:{port}")), UrlError::InvalidPort, "{port}");
        }
    }
}
