//! `--component` names something that is not the component.

use std::fs;

use popfetch_tests::command::script;
use popfetch_tests::server::ModelServer;

use super::{assert_no_harm, fetch, popfetch, three_messages};

/// The file is refused with 78, and nobody is connected to.
fn refused(content: &[u8], cause: &str) {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let file = popfetch.path("component.wasm");
    fs::write(&file, content).unwrap();
    let words = ["component.wasm is not a component of the world popfetch:pop3/client-plugin", cause];
    fetch(&popfetch, &server).arg("--component").arg(&file).run().assert_failure(78, &words);
    popfetch.info(&server).arg("--component").arg(&file).run().assert_failure(78, &words);
    assert_eq!(server.connections(), 0);
    assert_no_harm(&popfetch, &server);
}

#[test]
fn it_is_text() {
    refused(b"This is not WebAssembly.\n", "");
    refused(b"(component)", "");
}

#[test]
fn it_is_empty() {
    refused(b"", "");
}

#[test]
fn it_is_a_core_module() {
    refused(b"\0asm\x01\0\0\0", "");
}

#[test]
fn it_is_an_empty_component() {
    refused(b"\0asm\x0d\0\x01\0", "");
}

#[test]
fn it_is_cut_short() {
    for octets in [10, popfetch::COMPONENT.len() / 2, popfetch::COMPONENT.len() - 1] {
        refused(&popfetch::COMPONENT[..octets], "");
    }
}

#[test]
fn it_is_damaged() {
    let mut damaged = popfetch::COMPONENT.to_vec();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    refused(&damaged, "");
}

/// The command component wants the file system, which is not to be had in this sandbox.
#[test]
fn it_is_a_component_of_another_world() {
    refused(&fs::read(env!("POPFETCH_COMMAND_COMPONENT")).unwrap(), "wasi:");
}

/// Nothing that is named on the command line is run as it is.
#[test]
fn it_is_machine_code() {
    let engine = wasmtime::Engine::default();
    refused(&engine.precompile_component(popfetch::COMPONENT).unwrap(), "");
}

#[test]
fn it_is_not_there_or_not_a_file() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    for (path, cause) in [("missing.wasm", "No such file"), (".", "directory")] {
        let run = fetch(&popfetch, &server).args(["--component", path]).run();
        run.assert_failure(78, &["cannot read the component", path, cause]);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_real_one_from_a_file_works() {
    let server = ModelServer::start(script(three_messages()));
    let popfetch = popfetch();
    let file = popfetch.path("component.wasm");
    fs::write(&file, popfetch::COMPONENT).unwrap();
    fetch(&popfetch, &server).arg("--component").arg(&file).run().assert_success();
    popfetch.maildir().assert_holds(three_messages().fingerprints());
}
