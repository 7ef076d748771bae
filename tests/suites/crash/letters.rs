//! The messages that are fetched.

use popfetch_tests::maildrop::{Content, Maildrop, Message};

/// Twelve messages: some of one line, some of many writes, one that is empty, and some that POP3 makes difficult.
pub(crate) fn mixed() -> Maildrop {
    let letter = |number: usize, lines: usize| {
        let text = format!("text of letter {number}\r\n").repeat(lines);
        Message::new(format!("uid-{number}"), format!("Subject: letter {number}\r\n\r\n{text}"))
    };
    let sizes = [1, 40, 3, 4000, 1, 300, 20, 1];
    let mut messages: Vec<Message> = (1..).zip(sizes).map(|(number, lines)| letter(number, lines)).collect();
    messages.push(Message::with_content("uid-large", Content::generated(9, 300_000)));
    messages.push(Message::new("uid-dots", ".\r\n..\r\n.text\r\n\r\n.\r\n+OK\r\n-ERR\r\n"));
    messages.push(Message::new("uid-8bit", b"Subject: \xe9\0\xff\r\n\r\nbare\rand\nbare\r\n".to_vec()));
    messages.push(letter(12, 2));
    Maildrop::new(messages)
}
