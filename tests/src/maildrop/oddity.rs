//! Bodies that are rare, and that a client must carry through unchanged.

use super::Random;

/// Lines that begin with dots, so that every case of dot-stuffing is there (RFC 1939 §3).
pub(super) fn dots(random: &mut Random) -> Vec<u8> {
    const LINES: [&str; 9] = [".", "..", "...", ".text", "..text", "...text", ". ", ".\t.", "a line. with. dots."];
    let mut body = b".\r\n".to_vec();
    for _ in 0..random.between(5, 200) {
        body.extend_from_slice(random.choose(&LINES).as_bytes());
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"..\r\n.\r\n");
    body
}

/// Lines that look like the protocol.
pub(super) fn replies(random: &mut Random) -> Vec<u8> {
    const LINES: [&str; 10] = [
        "+OK",
        "-ERR",
        "+OK 120 octets",
        "-ERR [IN-USE] do you have another POP session running?",
        "+OK POP3 server signing off",
        "+ ",
        "QUIT",
        "RETR 1",
        "From nobody@example.org Sat Jan  3 01:05:34 1996",
        "--",
    ];
    (0..random.between(5, 100)).flat_map(|_| format!("{}\r\n", random.choose(&LINES)).into_bytes()).collect()
}

/// One line or a few of more than 998 octets, which RFC 5322 §2.1.1 forbids and mail has all the same.
pub(super) fn long_lines(random: &mut Random) -> Vec<u8> {
    (0..random.between(1, 20)).flat_map(|_| line_of(random, 999, 9_000)).collect()
}

/// A line of more than 64 KiB: no buffer of that size holds it.
pub(super) fn very_long_line(random: &mut Random) -> Vec<u8> {
    let mut body = line_of(random, 65_537, 300_000);
    body.extend_from_slice(b".short\r\n");
    body
}

/// NUL, bare CR, bare LF, and any other octet. It ends with CRLF.
pub(super) fn raw_octets(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 9] =
        [b"\0", b"\r", b"\n", b"\r\r\n", b"\n.\n", b"\n.\r\n", b"\r.\r", b"\x1b[2J\x07", b"text\n.text"];
    let mut body = Vec::new();
    for _ in 0..random.between(10, 300) {
        if random.percent(50) {
            body.extend_from_slice(random.choose(&PIECES));
        } else {
            let count = random.between(1, 60);
            body.extend(random.octets(count));
        }
    }
    body.extend_from_slice(b"\r\n");
    body
}

fn line_of(random: &mut Random, low: usize, high: usize) -> Vec<u8> {
    let length = random.between(low, high);
    let mut line: Vec<u8> = random.octets(length).iter().map(|octet| b' ' + octet % 95).collect();
    line.extend_from_slice(b"\r\n");
    line
}
