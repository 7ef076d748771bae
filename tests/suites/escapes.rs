//! What a server said is escaped twice: in the sandbox, and by the host, which does not trust the sandbox.

#[test]
fn both_sides_escape_alike() {
    for character in '\0'..=char::MAX {
        let text = character.to_string();
        let inside = pop3_protocol::escape(text.as_bytes(), usize::MAX);
        assert_eq!(popfetch::escape(text.as_bytes()).to_string(), inside, "{character:?}");
        // Escaping what is escaped changes nothing.
        assert_eq!(popfetch::escape(inside.as_bytes()).to_string(), inside, "{character:?}");
    }
    for octets in [&b"\xff"[..], b"a\xc3", b"\xf0\x9f\x99", b"\xed\xa0\x80", b"\x80\x9b"] {
        let inside = pop3_protocol::escape(octets, usize::MAX);
        assert_eq!(popfetch::escape(octets).to_string(), inside, "{octets:?}");
    }
}
