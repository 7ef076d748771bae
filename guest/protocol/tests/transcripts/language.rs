//! `LANG` and `UTF8` (RFC 6856).

use crate::play::{play, play_signed_in, play_with};
use pop3_protocol::Limits;

const GREETED: &str = "S: +OK\n-> greeting\n";

#[test]
fn the_languages_of_a_server() {
    let story = r"
    C: LANG
    S: +OK Language listing follows:
    S: en English
    S: en-boont English Boontling dialect
    S: de Deutsch
    S: it Italiano
    S: es Espa\xc3\xb1ol
    S: sv Svenska
    S: .
    -> accepted LANG: Language listing follows:
    -> language 'en': English
    -> language 'en-boont': English Boontling dialect
    -> language 'de': Deutsch
    -> language 'it': Italiano
    -> language 'es': Espa\xc3\xb1ol
    -> language 'sv': Svenska
    -> end of listing";
    play(&(GREETED.to_owned() + story + "\n= AUTHORIZATION"));
    play_signed_in(&(story.to_owned() + "\n= TRANSACTION"));
}

#[test]
fn rows_that_need_care() {
    play(&format!(
        r"{GREETED}
    C: LANG
    S: +OK
    S: en
    S: de\tDeutsch\s\s
    S:  fr Fran\xe7ais
    S: ..x dots
    S: ..
    S:
    S: \x00\xff
    S: .
    -> accepted LANG
    -> language 'en': {nothing}
    -> language 'de': Deutsch
    -> language '': fr Fran\xe7ais
    -> language '.x': dots
    -> language '.': {nothing}
    -> language '': {nothing}
    -> language '\0\xff': {nothing}
    -> end of listing",
        nothing = ""
    ));
    let limits = Limits { listing_entries: 1, ..Limits::default() };
    play_with(
        limits,
        "",
        "S: +OK\n-> greeting\nC: LANG\nS: +OK\nS: en\nS: de\n-> accepted LANG\n-> language 'en': \n-> error: answered LANG with more than 1 rows",
    );
}

#[test]
fn a_language() {
    let story = r"
    C: LANG es
    S: +OK es El idioma ha cambiado
    -> accepted LANG: es El idioma ha cambiado
    C: LANG uga
    S: -ERR [SYS/PERM] es Idioma desconocido
    -> refused LANG (permanent): es Idioma desconocido
    C: LANG *
    S: +OK
    -> accepted LANG
    C: LANG
    S: -ERR
    -> refused LANG";
    play(&(GREETED.to_owned() + story));
    play_signed_in(story);
}

#[test]
fn several_at_a_time() {
    play_signed_in(
        r"
    C: LANG en
    C: LANG
    C: NOOP
    S: +OK en
    S: +OK
    S: en English
    S: .
    S: +OK
    -> accepted LANG: en
    -> accepted LANG
    -> language 'en': English
    -> end of listing
    -> accepted NOOP",
    );
}

#[test]
fn tags_that_are_more_than_a_tag() {
    for (tag, fault) in [
        (r"en\r\nDELE 1", "has CR, LF or NUL in it"),
        (r"\ren", "has CR, LF or NUL in it"),
        (r"en\n", "has CR, LF or NUL in it"),
        (r"e\0n", "has CR, LF or NUL in it"),
        ("", "is empty"),
    ] {
        let story = format!("C! LANG {tag}\n-> not sent: the language {fault}\n");
        play(&format!("{GREETED}{story}C: LANG en"));
        play_signed_in(&story);
    }
    let limits = Limits { credential: 5, ..Limits::default() };
    play_with(
        limits,
        "",
        &format!("{GREETED}C! LANG en-USA\n-> not sent: the language is longer than 5 octets\nC: LANG en-US"),
    );
}

#[test]
fn utf8() {
    play(&format!(
        r"{GREETED}
    C: UTF8
    S: +OK UTF8 enabled
    -> accepted UTF8: UTF8 enabled
    = AUTHORIZATION
    C: UTF8
    S: -ERR
    -> refused UTF8
    = AUTHORIZATION
    C: USER gr\xc3\xb6\xc3\x9fe
    S: +OK
    -> accepted USER
    C: UTF8
    S: +OK
    -> accepted UTF8
    # PASS comes right behind its USER.
    C! PASS mvan99
    -> not sent: PASS needs a USER that was accepted right before it"
    ));
    play_signed_in("C! UTF8\n-> not sent: UTF8 is not a command of the TRANSACTION state");
    play(&format!("{GREETED}C: UTF8\nS: what?\n-> error: answered UTF8 with neither +OK nor -ERR: what?"));
}
