//! What stands behind `+OK` and in the rows of listings.

use nom::bytes::complete::take_while1;
use nom::character::complete::digit1;
use nom::combinator::{all_consuming, map_opt, opt, rest};
use nom::sequence::{preceded, separated_pair, terminated};
use nom::{IResult, Parser};

use crate::reply::blanks;

/// Digits that are less than 2^64, whatever they are.
const ALWAYS_FIT: usize = 19;

/// One line of the answer to `CAPA` (RFC 2449 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability<'a> {
    line: &'a [u8],
}

impl<'a> Capability<'a> {
    /// The line as sent.
    pub(crate) fn of(line: &'a [u8]) -> Self {
        Capability { line }
    }

    /// The whole line, as sent.
    pub fn octets(&self) -> &'a [u8] {
        self.line
    }

    /// The tag, in the case that was sent; empty only for an empty line.
    pub fn name(&self) -> &'a [u8] {
        self.words().next().unwrap_or_default()
    }

    /// What follows the tag.
    pub fn parameters(&self) -> impl Iterator<Item = &'a [u8]> {
        self.words().skip(1)
    }

    fn words(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.line.split(|octet| matches!(octet, b' ' | b'\t')).filter(|word| !word.is_empty())
    }
}

/// `nn mm` of `STAT` and of `LIST`, whatever follows. A number that does not fit is none.
pub(crate) fn two_numbers(text: &[u8]) -> Option<(u32, u64)> {
    let blank = take_while1(is_blank);
    let numbers = separated_pair(number::<u32>, blank, number::<u64>);
    all_consuming(terminated(numbers, opt(preceded(take_while1(is_blank), rest))))
        .parse(text)
        .ok()
        .map(|(_, numbers)| numbers)
}

/// `n unique-id` of `UIDL`. The unique-id is all to the end of the line but for blanks around it, and may be nothing.
pub(crate) fn number_and_unique_id(text: &[u8]) -> Option<(u32, &[u8])> {
    let (text, number) = number::<u32>(text).ok()?;
    if text.first().is_some_and(|octet| !is_blank(*octet)) {
        return None;
    }
    let (unique_id, _) = blanks(text).ok()?;
    Some((number, unique_id.trim_ascii_end()))
}

/// The size in the `+OK` line of `RETR`: its first word, if that is a number.
pub(crate) fn announced_octets(text: &[u8]) -> Option<u64> {
    let (behind, octets) = number::<u64>(text).ok()?;
    behind.first().is_none_or(|octet| is_blank(*octet)).then_some(octets)
}

fn number<N: TryFrom<u64>>(text: &[u8]) -> IResult<&[u8], N> {
    map_opt(digit1, |digits| N::try_from(decimal(digits)?).ok()).parse(text)
}

/// What digits say. Where they cannot be too many, which is nearly always, no step needs a check.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.len() > ALWAYS_FIT {
        return core::str::from_utf8(digits).ok()?.parse().ok();
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit & 0xf)))
}

fn is_blank(octet: u8) -> bool {
    octet == b' ' || octet == b'\t'
}

#[cfg(test)]
mod tests {
    use super::{announced_octets, number_and_unique_id, two_numbers};

    #[test]
    fn numbers_are_whole_words_that_fit() {
        assert_eq!(two_numbers(b"2 320"), Some((2, 320)));
        assert_eq!(two_numbers(b"10 8"), Some((10, 8)));
        assert_eq!(two_numbers(b"123 45"), Some((123, 45)));
        assert_eq!(two_numbers(b"1  4294967400 octets"), Some((1, 4_294_967_400)));
        assert_eq!(two_numbers(b"4294967295 18446744073709551615"), Some((u32::MAX, u64::MAX)));
        for bad in [
            &b""[..],
            b"7",
            b"7 ",
            b" 7 8",
            b"-1 5",
            b"1 -5",
            b"+1 5",
            b"1 ten",
            b"1 5x",
            b"4294967296 1",
            b"1 18446744073709551616",
            b"1\x005",
        ] {
            assert_eq!(two_numbers(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn unique_ids_are_the_rest_of_the_line() {
        assert_eq!(number_and_unique_id(b"1 whqtswO00WBw418f9t5JxYwZ"), Some((1, &b"whqtswO00WBw418f9t5JxYwZ"[..])));
        assert_eq!(number_and_unique_id(b"1 a b "), Some((1, &b"a b"[..])));
        assert_eq!(number_and_unique_id(b"1 ../\x1b\xff"), Some((1, &b"../\x1b\xff"[..])));
        assert_eq!(number_and_unique_id(b"3"), Some((3, &b""[..])));
        assert_eq!(number_and_unique_id(b"3 "), Some((3, &b""[..])));
        for bad in [&b""[..], b"x y", b"3x y", b"-3 y", b"4294967296 y"] {
            assert_eq!(number_and_unique_id(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn announced_sizes() {
        assert_eq!(announced_octets(b"120 octets"), Some(120));
        assert_eq!(announced_octets(b"120"), Some(120));
        for none in [&b""[..], b"message follows", b"120octets", b"99999999999999999999"] {
            assert_eq!(announced_octets(none), None, "{none:?}");
        }
    }
}
