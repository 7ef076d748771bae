//! Base64 and quoted-printable, as mail programs write them (RFC 2045 §6.7, §6.8).

/// Base64 in lines of 76 characters with CRLF, the last one included.
pub(super) fn base64(octets: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = Vec::with_capacity(octets.len() / 57 * 78 + 80);
    for line in octets.chunks(57) {
        for group in line.chunks(3) {
            let bits = group.iter().fold(0u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - group.len()));
            for index in 0..4 {
                let sextet = (bits >> (18 - 6 * index)) & 63;
                encoded.push(if index <= group.len() { ALPHABET[sextet as usize] } else { b'=' });
            }
        }
        encoded.extend_from_slice(b"\r\n");
    }
    encoded
}

/// Quoted-printable in lines of at most 76 characters. Line ends of `text` (CRLF) are kept.
pub(super) fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(text.len() * 3 / 2);
    for line in text.split_inclusive(|&octet| octet == b'\n') {
        let (line, end) = match line.strip_suffix(b"\r\n") {
            Some(line) => (line, &b"\r\n"[..]),
            None => (line, &b""[..]),
        };
        let mut column = 0;
        for (index, &octet) in line.iter().enumerate() {
            let last = index + 1 == line.len();
            let plain = matches!(octet, b'!'..=b'<' | b'>'..=b'~') || (octet == b' ' && !last);
            let width = if plain { 1 } else { 3 };
            if column + width > 75 {
                encoded.extend_from_slice(b"=\r\n");
                column = 0;
            }
            if plain {
                encoded.push(octet);
            } else {
                encoded.extend_from_slice(format!("={octet:02X}").as_bytes());
            }
            column += width;
        }
        encoded.extend_from_slice(end);
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        for (plain, encoded) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), format!("{encoded}\r\n").as_bytes());
        }
        assert!(base64(&[7; 1000]).split(|&octet| octet == b'\n').all(|line| line.len() <= 77));
    }

    #[test]
    fn quoted_printable_encodes_what_is_not_plain() {
        assert_eq!(quoted_printable("é = 1 \r\nb\r\n".as_bytes()), b"=C3=A9 =3D 1=20\r\nb\r\n");
        let long = quoted_printable(&[b'a'; 200]);
        assert!(long.split(|&octet| octet == b'\n').all(|line| line.len() <= 77));
    }
}
