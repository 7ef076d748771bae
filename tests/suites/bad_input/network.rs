//! Nobody is there, or not for long.

use std::net::TcpStream;
use std::time::Duration;

use popfetch_tests::command::script;
use popfetch_tests::server::{At, Ending, Fault, ModelServer};

use super::{assert_no_harm, assert_the_second_is_left, fetch, popfetch, three_messages};

#[test]
fn the_host_is_unknown() {
    // RFC 6761 §6.4: there is never such a name.
    let popfetch = popfetch();
    for verb in ["fetch", "list", "info"] {
        let mut run = popfetch.run(verb).arg("pop3://alice@popfetch.invalid").args(["--tls", "off"]);
        if verb != "info" {
            run = run.args(["--auth", "user", "--password-file"]).arg(popfetch.password_file());
        }
        if verb == "fetch" {
            run = run.arg("--maildir").arg(popfetch.maildir().path());
        }
        run.run().assert_failure(69, &["cannot find the host popfetch.invalid", "check the host in the URL"]);
    }
    assert_eq!(popfetch.maildir().delivered(), []);
}

#[test]
fn the_connection_is_refused() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let popfetch = popfetch();
    let address = format!("127.0.0.1:{port}: connection refused");
    popfetch.info(port).run().assert_failure(69, &["cannot connect", &address, "check the host and port"]);
    popfetch.fetch(port).run().assert_failure(69, &["cannot connect", &address]);
    assert_eq!(popfetch.maildir().delivered(), []);
}

#[test]
fn nobody_takes_the_connection() {
    // Once the queue of a listener is full, the system drops what else wants to connect.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).unwrap()
    });
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
        queued.push(stream);
    }

    let run = popfetch().fetch(address.port()).args(["--timeout", "0.2"]).run();
    run.assert_failure(75, &["connecting timed out", "try again later"]);
}

#[test]
fn the_server_closes_the_connection_at_once() {
    for ending in [Ending::Close, Ending::Reset] {
        let server = ModelServer::start(script(three_messages()).fault(At::greeting(), Fault::End(ending)));
        let popfetch = popfetch();
        let run = fetch(&popfetch, &server).run();
        // The reset may come before the system has told that there is a connection.
        if run.code == Some(69) {
            run.assert_failure(69, &["cannot connect", "connection reset"]);
        } else {
            run.assert_failure(74, &["connection", "try again; nothing was deleted"]);
        }
        assert_no_harm(&popfetch, &server);
    }
}

#[test]
fn the_server_goes_away_in_the_middle() {
    for (verb, ending) in
        [("USER", Ending::Close), ("PASS", Ending::Reset), ("CAPA", Ending::Close), ("STAT", Ending::Reset)]
            .into_iter()
            .chain([("RETR", Ending::Close), ("DELE", Ending::Close), ("DELE", Ending::Reset)])
    {
        let server = ModelServer::start(script(three_messages()).fault(At::verb(verb), Fault::End(ending)));
        let popfetch = popfetch();
        let run = fetch(&popfetch, &server).run();
        run.assert_failure(74, &["connection", "nothing was deleted"]);
        assert_no_harm(&popfetch, &server);
    }
}

#[test]
fn the_server_goes_away_in_the_middle_of_a_message() {
    for ending in [Ending::Close, Ending::Reset] {
        let cut = Fault::CutContent { after: 10_000, ending };
        let server = ModelServer::start(script(three_messages()).fault(At::verb("RETR").argument(2), cut));
        let (stubborn, resigned) = (popfetch(), popfetch());
        let run = fetch(&resigned, &server).args(["--reconnect", "0"]).run();
        run.assert_failure(74, &["connection", "nothing was deleted"]);
        assert_no_harm(&resigned, &server);
        // By another connection what is behind it comes, too.
        let run = fetch(&stubborn, &server).run();
        run.assert_failure(75, &["2 messages are stored, 1 could not be fetched (the ", "tried again"]);
        assert_the_second_is_left(&stubborn, &server);
    }
}

#[test]
fn whether_the_server_has_deleted_is_open_when_quit_is_not_answered() {
    let lost = Fault::End(Ending::Close);
    let server = ModelServer::start(script(three_messages()).fault(At::verb("QUIT"), lost));
    let popfetch = popfetch();
    let run = fetch(&popfetch, &server).run();
    run.assert_failure(75, &["3 messages are stored", "whether the server has deleted them is open", "QUIT"]);
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}
