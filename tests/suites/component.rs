//! The component as it is built: what it asks of its host, what it gives, how large it is, and what it tells of the
//! machine that built it.

use std::collections::BTreeSet;
use std::{env, fs};

use popfetch::COMPONENT;
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, Validator};

/// The most octets of the component, so that it stays a small thing to ship and to compile.
const MOST_OCTETS: usize = 200_000;

fn types() -> Types {
    Validator::new().validate_all(COMPONENT).expect("the component is valid")
}

/// What the component itself imports and exports, not its parts.
fn imports_and_exports() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut imports, mut exports, mut depth) = (BTreeSet::new(), BTreeSet::new(), 0);
    for payload in Parser::new(0).parse_all(COMPONENT) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                imports.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    (imports, exports)
}

/// The names in an exported interface: of functions, and of resources or other types.
fn exported(interface: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let types = types();
    let item = types.component_item_for_export(interface).expect("it is exported");
    let ComponentEntityType::Instance(instance) = item.ty else { panic!("{interface} is no interface") };
    let (mut functions, mut others) = (BTreeSet::new(), BTreeSet::new());
    for (name, item) in &types[instance].exports {
        match item.ty {
            ComponentEntityType::Func(_) => functions.insert(name.clone()),
            ComponentEntityType::Type { .. } => others.insert(name.clone()),
            _ => panic!("{name} is neither a function nor a type"),
        };
    }
    (functions, others)
}

/// The contract without its comments.
fn wit(file: &str) -> String {
    let path = format!("{}/../wit/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The names behind these keywords.
fn declared(wit: &str, keywords: &[&str]) -> BTreeSet<String> {
    let name = |line: &str| {
        let (keyword, rest) = line.trim_start().split_once(' ')?;
        let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        keywords.contains(&keyword).then_some(name)
    };
    wit.lines().filter_map(name).collect()
}

#[track_caller]
fn assert_names<'a>(names: &BTreeSet<String>, expected: impl IntoIterator<Item = &'a str>) {
    let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
    assert_eq!(*names, expected);
}

/// The list of its capabilities. One more would be one more thing that a server could abuse.
#[test]
fn it_imports_these_interfaces_and_no_other() {
    let (imports, _) = imports_and_exports();
    let expected = [
        "wasi:clocks/monotonic-clock@0.2.12",
        "wasi:io/error@0.2.12",
        "wasi:io/poll@0.2.12",
        "wasi:io/streams@0.2.12",
        "wasi:sockets/instance-network@0.2.12",
        "wasi:sockets/network@0.2.12",
        "wasi:sockets/tcp-create-socket@0.2.12",
        "wasi:sockets/tcp@0.2.12",
    ];
    assert_names(&imports, expected);
    let types = types();
    for import in &imports {
        let item = types.component_item_for_import(import).unwrap();
        assert!(matches!(item.ty, ComponentEntityType::Instance(_)), "{import}");
    }
    // And the world says the same.
    let world = wit("world.wit");
    let cleartext = world.split("world cleartext-client-plugin").nth(1).unwrap();
    assert_names(&imports, cleartext.lines().filter_map(|line| line.trim().strip_prefix("import ")?.strip_suffix(';')));
}

#[test]
fn it_exports_the_contract_and_nothing_else() {
    let (_, exports) = imports_and_exports();
    assert_names(&exports, ["popfetch:pop3/client@0.1.0", "popfetch:pop3/types@0.1.0"]);

    let (functions, types) = exported("popfetch:pop3/client@0.1.0");
    let session = [
        "capabilities",
        "delete",
        "greeting",
        "noop",
        "quit",
        "reset",
        "retrieve",
        "scan-listing",
        "scan-listings",
        "sign-in",
        "stat",
        "top",
        "unique-id",
        "unique-ids",
    ];
    let mut verbs: Vec<String> = session.map(|verb| format!("[method]session.{verb}")).into();
    verbs.extend(["[method]transfer.next".to_owned(), "[static]session.connect".to_owned()]);
    assert_names(&functions, verbs.iter().map(String::as_str));
    assert!(types.contains("session") && types.contains("transfer"));
}

/// What stands in `wit/` is what was built.
#[test]
fn the_contract_is_that_of_wit() {
    let client = wit("client.wit");
    let (functions, types) = exported("popfetch:pop3/client@0.1.0");
    let verbs = client.lines().filter(|line| line.contains(": func(") || line.contains(": static func(")).count();
    assert_eq!(functions.len(), verbs);
    assert!(types.is_superset(&declared(&client, &["resource"])));

    let (functions, types) = exported("popfetch:pop3/types@0.1.0");
    assert_eq!(functions.len(), 0);
    let mut declared = declared(&wit("types.wit"), &["record", "variant", "enum", "type"]);
    // Used from other packages, and so exported with the others.
    declared.extend(["duration".to_owned(), "ip-socket-address".to_owned()]);
    assert_eq!(types, declared);
}

#[test]
fn it_is_small() {
    let octets = COMPONENT.len();
    assert!(octets <= MOST_OCTETS, "{octets} octets");
}

/// A panic would name the place in the source; where that lay is nobody's business.
#[test]
fn it_does_not_tell_who_built_it() {
    let root = format!("{}/..", env!("CARGO_MANIFEST_DIR"));
    let root = fs::canonicalize(root).unwrap().display().to_string();
    let here = ["HOME", "CARGO_HOME", "RUSTUP_HOME", "USER", "LOGNAME"].map(|name| env::var(name).ok());
    let anywhere = ["/root/", "/home/", "/Users/", ".cargo/registry"].map(|path| Some(path.to_owned()));
    let telling = here.into_iter().chain(anywhere).flatten().chain([root]);
    // A user may be called anything; a name that could be part of a word tells nothing.
    for telling in telling.filter(|telling| telling.contains('/') && telling.len() > 1) {
        assert!(memchr::memmem::find(COMPONENT, telling.as_bytes()).is_none(), "{telling} is in the component");
    }
    // Nor any name of its own: nothing but code and what the component model needs.
    for payload in Parser::new(0).parse_all(COMPONENT) {
        if let Payload::CustomSection(section) = payload.unwrap() {
            assert!(!section.name().starts_with(".debug"), "{} is left in", section.name());
        }
    }
}
