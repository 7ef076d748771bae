//! Mail as it lies in a real mailbox: mostly small, mostly MIME, a few large ones, and the oddities of three decades.

use super::{Random, encoding, oddity};

/// What messages [`realistic`] may make.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Size of the largest message, about, in octets. One of twenty or more messages is of that size.
    pub largest: usize,
    /// Messages with bare CR, bare LF, NUL and other control octets. Real servers refuse or change them.
    pub raw_octets: bool,
    /// Messages of no octets at all.
    pub empty: bool,
    /// Messages with lines over 998 octets, and over 64 KiB.
    pub long_lines: bool,
}

impl Profile {
    /// What any server stores and gives back unchanged: CRLF line ends only, no NUL, no empty message.
    pub fn crlf_clean() -> Self {
        Self { largest: 1 << 20, raw_octets: false, empty: false, long_lines: true }
    }

    /// Everything, for servers that keep octets as they are, as the model server does.
    pub fn anything() -> Self {
        Self { raw_octets: true, empty: true, ..Self::crlf_clean() }
    }

    /// The same with another size for the largest message, in octets.
    pub fn largest(self, largest: usize) -> Self {
        Self { largest, ..self }
    }
}

/// `count` messages that depend on `seed` and `profile` alone. Every one ends with CRLF or is empty: POP3 has no way to
/// send a last line without its CRLF. The first of them are one of each kind, so that a dozen are enough to see all.
pub fn realistic(seed: u64, count: usize, profile: Profile) -> impl Iterator<Item = Vec<u8>> {
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| kind.is_in(&profile)).collect();
    (0..count).map(move |index| {
        // Each message has its own sequence: the tenth is the same whether or not the nine before were made.
        let mut random = Random::new(seed ^ (index as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
        let kind = kinds.get(index).copied().unwrap_or_else(|| usual(&mut random, &kinds));
        let largest = count >= 20 && index == count - 2;
        match largest {
            true => attachment(&mut random, index, profile.largest),
            false => message(&mut random, index, kind, &profile),
        }
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Utf8,
    Latin1,
    QuotedPrintable,
    Alternative,
    Attachment,
    HeaderOnly,
    Dots,
    Replies,
    LongLines,
    VeryLongLine,
    RawOctets,
    Empty,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Plain,
        Self::Utf8,
        Self::Latin1,
        Self::QuotedPrintable,
        Self::Alternative,
        Self::Attachment,
        Self::HeaderOnly,
        Self::Dots,
        Self::Replies,
        Self::LongLines,
        Self::VeryLongLine,
        Self::RawOctets,
        Self::Empty,
    ];

    fn is_in(self, profile: &Profile) -> bool {
        match self {
            Self::LongLines | Self::VeryLongLine => profile.long_lines,
            Self::RawOctets => profile.raw_octets,
            Self::Empty => profile.empty,
            _ => true,
        }
    }
}

/// The kind of a message somewhere in the mailbox: one of the usual ones, and any in one of twenty cases.
fn usual(random: &mut Random, kinds: &[Kind]) -> Kind {
    match random.between(1, 100) {
        1..=5 => random.choose(kinds),
        6..=25 => Kind::Plain,
        26..=35 => Kind::Utf8,
        36..=50 => Kind::QuotedPrintable,
        51..=80 => Kind::Alternative,
        _ => Kind::Attachment,
    }
}

fn message(random: &mut Random, index: usize, kind: Kind, profile: &Profile) -> Vec<u8> {
    let length = random.between_logarithmic(300, 12_000);
    let plain = |charset: &str, encoding: &str| {
        format!("Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n")
    };
    let (fields, body) = match kind {
        Kind::Empty => return Vec::new(),
        Kind::HeaderOnly => (String::new(), Vec::new()),
        Kind::Attachment => {
            // Some hundred KB mostly; one in thirty is from the long tail.
            let most = if random.percent(3) { profile.largest } else { profile.largest.min(700_000) };
            let size = random.between_logarithmic(most.min(8_000), most);
            return attachment(random, index, size);
        }
        Kind::Alternative => return alternative(random, index, length),
        Kind::Plain => (plain("us-ascii", "7bit"), text(random, length, &ASCII)),
        Kind::Utf8 => (plain("utf-8", "8bit"), text(random, length, &UTF_8)),
        Kind::Latin1 => (plain("iso-8859-1", "8bit"), text(random, length, &LATIN_1)),
        Kind::QuotedPrintable => {
            (plain("utf-8", "quoted-printable"), encoding::quoted_printable(&text(random, length, &UTF_8)))
        }
        Kind::Dots => (plain("us-ascii", "7bit"), oddity::dots(random)),
        Kind::Replies => (plain("us-ascii", "7bit"), oddity::replies(random)),
        Kind::LongLines => (plain("us-ascii", "7bit"), oddity::long_lines(random)),
        Kind::VeryLongLine => (plain("us-ascii", "8bit"), oddity::very_long_line(random)),
        Kind::RawOctets => (plain("x-unknown", "binary"), oddity::raw_octets(random)),
    };
    let mut message = header(random, index, &fields);
    message.extend(body);
    message
}

/// Text as plain and as HTML.
fn alternative(random: &mut Random, index: usize, length: usize) -> Vec<u8> {
    let boundary = format!("=_alternative_{:016x}", random.next_u64());
    let mut message =
        header(random, index, &format!("Content-Type: multipart/alternative;\r\n boundary=\"{boundary}\"\r\n"));
    let words = text(random, length, &UTF_8);
    let mut html = b"<html><body style=3D\"font-family: sans-serif\">\r\n".to_vec();
    html.extend(encoding::quoted_printable(&words));
    html.extend_from_slice(b"</body></html>\r\n");
    for (kind, part) in [("plain", encoding::quoted_printable(&words)), ("html", html)] {
        message.extend_from_slice(
            format!(
                "--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n\
                 Content-Transfer-Encoding: quoted-printable\r\n\r\n"
            )
            .as_bytes(),
        );
        message.extend(part);
    }
    message.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    message
}

/// A few words and a file in base64, about `size` octets in all.
fn attachment(random: &mut Random, index: usize, size: usize) -> Vec<u8> {
    let boundary = format!("=_mixed_{:016x}", random.next_u64());
    let mut message = header(random, index, &format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n"));
    message.extend_from_slice(
        format!("This is a multi-part message in MIME format.\r\n--{boundary}\r\nContent-Type: text/plain\r\n\r\n")
            .as_bytes(),
    );
    message.extend(text(random, 400, &ASCII));
    message.extend_from_slice(
        format!(
            "--{boundary}\r\nContent-Type: application/octet-stream; name=\"file-{index}.bin\"\r\n\
             Content-Disposition: attachment; filename=\"file-{index}.bin\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n"
        )
        .as_bytes(),
    );
    // 57 octets become a line of 78.
    let octets = size.saturating_sub(message.len()) / 78 * 57;
    message.extend(encoding::base64(&random.octets(octets)));
    message.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    message
}

/// Trace and address fields, a subject, the given fields, and the empty line.
fn header(random: &mut Random, index: usize, fields: &str) -> Vec<u8> {
    let id = random.next_u64();
    let (day, hour, minute) = (random.between(1, 28), random.between(0, 23), random.between(0, 59));
    let date = format!("{day} Mar 2025 {hour:02}:{minute:02}:07 +0000");
    let mut lines = format!("Return-Path: <sender-{index}@example.net>\r\n");
    for hop in 0..random.between(1, 4) {
        lines += &format!(
            "Received: from mx{hop}.example.net (mx{hop}.example.net [192.0.2.{hop}])\r\n\
             \tby mail.example.org with ESMTPS id {id:x}\r\n\tfor <reader@example.org>; {date}\r\n"
        );
    }
    lines += &format!(
        "From: Sender <sender-{index}@example.net>\r\nTo: reader@example.org\r\n\
         Subject: {index} =?utf-8?Q?gr=C3=BC=C3=9Fe?= {id:x}\r\n\
         Date: {date}\r\nMessage-ID: <{id:x}.{index}@example.net>\r\nMIME-Version: 1.0\r\n{fields}\r\n"
    );
    lines.into_bytes()
}

/// About `length` octets of words in lines of 72 characters.
fn text(random: &mut Random, length: usize, words: &[&[u8]]) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 80);
    let mut column = 0;
    while text.len() < length {
        let word = random.choose(words);
        if column + word.len() > 72 {
            text.extend_from_slice(if random.percent(12) { b"\r\n\r\n" } else { b"\r\n" });
            column = 0;
        } else if column > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
        column += word.len() + 1;
    }
    text.extend_from_slice(b"\r\n");
    text
}

const ASCII: [&[u8]; 12] = [
    b"the",
    b"maildrop",
    b"is",
    b"opened",
    b"by",
    b"a",
    b"client.",
    b"Messages",
    b"are",
    b"numbered",
    b"from",
    b"one;",
];
const UTF_8: [&[u8]; 10] = [
    "Grüße".as_bytes(),
    b"and",
    "café".as_bytes(),
    b"in",
    "日本語".as_bytes(),
    b"with",
    "Ελληνικά".as_bytes(),
    "🙂".as_bytes(),
    b"some",
    b"words",
];
const LATIN_1: [&[u8]; 8] =
    [b"Gr\xfc\xdfe", b"an", b"alle", b"\xc4rzte", b"\xfcber", b"den", b"Caf\xe9\xa0", b"\xff\xfe"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_depend_on_the_seed_alone() {
        let first: Vec<_> = realistic(1, 40, Profile::anything()).collect();
        assert_eq!(first, realistic(1, 40, Profile::anything()).collect::<Vec<_>>());
        assert_ne!(first, realistic(2, 40, Profile::anything()).collect::<Vec<_>>());
        assert_eq!(first[25], realistic(1, 40, Profile::anything()).nth(25).unwrap());
    }

    #[test]
    fn clean_messages_have_crlf_only_and_no_nul() {
        for message in realistic(3, 300, Profile::crlf_clean().largest(100_000)) {
            assert!(message.ends_with(b"\r\n"));
            let text = String::from_utf8_lossy(&message).replace("\r\n", "");
            assert!(!text.contains(['\r', '\n', '\0']));
        }
    }

    #[test]
    fn sizes_are_those_of_a_mailbox() {
        let mut sizes: Vec<usize> =
            realistic(4, 400, Profile::anything().largest(3_000_000)).map(|m| m.len()).collect();
        sizes.sort_unstable();
        assert!((1_000..30_000).contains(&sizes[200]), "median {}", sizes[200]);
        assert!((2_900_000..3_100_000).contains(&sizes[399]), "largest {}", sizes[399]);
        assert_eq!(sizes[0], 0);
    }

    #[test]
    fn every_oddity_is_among_the_first() {
        let all: Vec<Vec<u8>> = realistic(5, 13, Profile::anything()).collect();
        let any = |test: &dyn Fn(&[u8]) -> bool| all.iter().any(|message| test(message));
        assert!(any(&|m| m.is_empty()));
        assert!(any(&|m| m.ends_with(b"\r\n.\r\n")));
        assert!(any(&|m| m.windows(5).any(|w| w == b"\n+OK\r")));
        assert!(any(&|m| m.contains(&0)));
        assert!(any(&|m| m.split(|&o| o == b'\n').any(|line| line.len() > 65_536)));
        assert!(any(&|m| m.ends_with(b"\r\n\r\n") && m.len() < 2_000));
        assert!(any(&|m| std::str::from_utf8(m).is_err()));
    }
}
