//! Files that are not the component.

use std::fs;
use std::path::Path;

use popfetch::{COMPONENT, Component, LoadError, Sandbox, SandboxOptions};
use wasm_encoder::{ComponentImportSection, ComponentSection, ComponentTypeRef, ComponentTypeSection, InstanceType};
use wasmparser::Validator;

use crate::{assert_goes_on, misbehaving};

fn load_file(path: &Path) -> Result<Sandbox, LoadError> {
    let component = Component::File(path.to_owned());
    Sandbox::load(SandboxOptions { component, ..SandboxOptions::default() })
}

fn load(octets: &[u8]) -> Result<Sandbox, LoadError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), octets).unwrap();
    load_file(file.path())
}

/// What is wrong with these octets: one line.
#[track_caller]
fn refusal(octets: &[u8]) -> String {
    let error = load(octets).unwrap_err();
    let line = error.to_string();
    assert!(!line.contains('\n') && line.len() < 600, "{line}");
    let LoadError::NotTheComponent { cause, .. } = error else { panic!("{error:?}") };
    assert!(!cause.is_empty());
    cause
}

/// The very component, which wants one interface more.
fn component_with(import: &str) -> Vec<u8> {
    let types = Validator::new().validate_all(COMPONENT).unwrap();
    let index = types.as_ref().component_type_count();
    let mut interface = InstanceType::new();
    interface.ty().function().params([] as [(&str, wasm_encoder::ComponentValType); 0]).result(None);
    interface.export("function", ComponentTypeRef::Func(0));
    let (mut declared, mut imported) = (ComponentTypeSection::new(), ComponentImportSection::new());
    declared.instance(&interface);
    imported.import(import, ComponentTypeRef::Instance(index));
    let mut component = COMPONENT.to_vec();
    declared.append_to_component(&mut component);
    imported.append_to_component(&mut component);
    Validator::new().validate_all(&component).unwrap();
    component
}

#[test]
fn a_component_that_wants_more_is_not_loaded() {
    for import in [
        "wasi:sockets/ip-name-lookup@0.2.12",
        "wasi:sockets/udp-create-socket@0.2.12",
        "wasi:filesystem/preopens@0.2.12",
        "wasi:cli/environment@0.2.12",
        "wasi:cli/stdout@0.2.12",
        "wasi:random/insecure@0.2.12",
        "wasi:tls/types@0.3.0",
        "evil:host/everything",
    ] {
        let cause = refusal(&component_with(import));
        assert!(cause.contains(import), "{import}: {cause}");
    }
}

/// The command component of this project is a component, and not this one: it has files and a standard output.
#[test]
fn another_component_is_not_loaded() {
    let command = fs::read(env!("POPFETCH_COMMAND_COMPONENT")).unwrap();
    let cause = refusal(&command);
    assert!(cause.contains("wasi:"), "{cause}");
}

#[test]
fn what_is_no_component_is_not_loaded() {
    let empty_module = b"\0asm\x01\0\0\0";
    let empty_component = b"\0asm\x0d\0\x01\0";
    for octets in [&b""[..], b"\0", b"\0asm", empty_module, empty_component, b"hello\n", b"(component)", b"(module)"] {
        refusal(octets);
    }
    // An ELF file, and code which a wasmtime has compiled, which would be run as it is.
    refusal(&fs::read("/proc/self/exe").unwrap()[..4096]);
    let code = wasmtime::Engine::default().precompile_component(empty_component).unwrap();
    refusal(&code);
}

#[test]
fn a_component_that_was_cut_is_not_loaded() {
    // The last section says only what the component was made with: without it, it is whole.
    for length in (0..COMPONENT.len()).step_by(COMPONENT.len() / 50).take(50) {
        refusal(&COMPONENT[..length]);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_another_matter() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("missing"), directory.path().to_owned()] {
        let error = load_file(&path).unwrap_err();
        assert!(matches!(error, LoadError::Read { .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("cannot read the component {}", path.display())));
    }
}

/// So that the refusals above are about what they say.
#[tokio::test]
async fn the_component_is_loaded_from_a_file_too() {
    load(COMPONENT).unwrap();
    assert_goes_on(&load_file(&misbehaving()).unwrap()).await;
}
