//! Where the password comes from. What is wrong with one is in the suite of bad input.

use popfetch_tests::command::{PASSWORD, script};
use popfetch_tests::server::{ModelServer, Script};

use super::{TIMESTAMP, popfetch, three_messages};

#[test]
fn the_file_may_end_with_a_line_end_or_not() {
    let popfetch = popfetch();
    for line_end in ["", "\n", "\r\n"] {
        let server = ModelServer::start(script(three_messages()).with_apop(TIMESTAMP));
        popfetch.write_password(format!("{PASSWORD}{line_end}"));
        for auth in ["apop", "user"] {
            popfetch.list(&server).args(["--auth", auth]).run().assert_success();
        }
    }
}

#[test]
fn space_and_everything_else_belongs_to_the_password() {
    let popfetch = popfetch();
    for password in [" leading and trailing ", "\ttab\t", "   ", "grüße 日本", "a:b@c%20d\\e\"f'g$h`i"] {
        let server = ModelServer::start(Script { password: password.to_owned(), ..script(three_messages()) });
        popfetch.write_password(format!("{password}\n"));
        popfetch.list(&server).args(["--auth", "user"]).run().assert_success();
    }
}

#[test]
fn a_command_may_print_it() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let url = format!("pop3://alice@{}", server.address());
    let command = "cat \"$HOME\"/password | tee /dev/null";
    let run = popfetch.run("list").arg(url).args(["--tls", "off", "--auth", "user", "--password-command", command]);
    run.run().assert_success();
}

#[test]
fn a_file_may_be_a_pipe() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let url = format!("pop3://alice@{}", server.address());
    let run = popfetch.run("list").arg(url).args(["--tls", "off", "--auth", "user", "--password-file", "/dev/stdin"]);
    let password = std::fs::File::open(popfetch.password_file()).unwrap();
    let run = run.with(|command| {
        command.stdin(password);
    });
    run.run().assert_success();
}
