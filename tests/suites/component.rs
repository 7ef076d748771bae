//! The component as it is built, with TLS and without: what it asks of its host, what it gives, how large it is, and what
//! it tells of the machine that built it.

use std::collections::BTreeSet;
use std::{env, fs};

use popfetch::{CLEARTEXT_COMPONENT, COMPONENT};
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::Types;
use wasmparser::{Parser, Payload, Validator};

/// The most octets of a component, so that it stays a small thing to ship and to compile.
const MOST_OCTETS: usize = 400_000;

/// Both builds: with TLS, and for hosts that have none.
const BOTH: [&[u8]; 2] = [COMPONENT, CLEARTEXT_COMPONENT];

const CLIENT: &str = "popfetch:pop3/client@0.1.0";
const TYPES: &str = "popfetch:pop3/types@0.1.0";
const TLS: &str = "wasi:tls/types@0.2.0-draft";

fn types(component: &[u8]) -> Types {
    Validator::new().validate_all(component).expect("the component is valid")
}

/// What the component itself imports and exports, not its parts.
fn imports_and_exports(component: &[u8]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut imports, mut exports, mut depth) = (BTreeSet::new(), BTreeSet::new(), 0);
    for payload in Parser::new(0).parse_all(component) {
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
fn exported(component: &[u8], interface: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let types = types(component);
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

/// The interfaces that a world of `world.wit` imports by itself.
fn imports_of_world(name: &str) -> BTreeSet<String> {
    let worlds = wit("world.wit");
    let world = worlds.split(&format!("world {name} {{")).nth(1).unwrap().split('}').next().unwrap();
    let import = |line: &str| Some(line.trim().strip_prefix("import ")?.strip_suffix(';')?.to_owned());
    world.lines().filter_map(import).collect()
}

/// The list of its capabilities. One more would be one more thing that a server could abuse.
#[test]
fn it_imports_these_interfaces_and_no_other() {
    let of_cleartext = [
        "wasi:clocks/monotonic-clock@0.2.12",
        "wasi:io/error@0.2.12",
        "wasi:io/poll@0.2.12",
        "wasi:io/streams@0.2.12",
        "wasi:random/random@0.2.12",
        "wasi:sockets/instance-network@0.2.12",
        "wasi:sockets/network@0.2.12",
        "wasi:sockets/tcp-create-socket@0.2.12",
        "wasi:sockets/tcp@0.2.12",
    ];
    let (imports, _) = imports_and_exports(CLEARTEXT_COMPONENT);
    assert_names(&imports, of_cleartext);
    let (with_tls, _) = imports_and_exports(COMPONENT);
    assert_names(&with_tls, of_cleartext.into_iter().chain([TLS]));
    for (component, imports) in [(CLEARTEXT_COMPONENT, &imports), (COMPONENT, &with_tls)] {
        let types = types(component);
        for import in imports {
            let item = types.component_item_for_import(import).unwrap();
            assert!(matches!(item.ty, ComponentEntityType::Instance(_)), "{import}");
        }
    }
    // And the worlds say the same.
    assert_eq!(imports_of_world("cleartext-client-plugin"), imports);
    assert!(wit("world.wit").contains("world client-plugin {\n  include cleartext-client-plugin;\n"));
    assert_names(&imports_of_world("client-plugin"), [TLS]);
}

#[test]
fn it_exports_the_contract_and_nothing_else() {
    let session = [
        "capabilities",
        "delete",
        "greeting",
        "languages",
        "next-unique-ids",
        "noop",
        "quit",
        "reset",
        "retrieve",
        "scan-listing",
        "scan-listings",
        "sign-in",
        "speak",
        "stat",
        "survey",
        "top",
        "unique-id",
        "unique-ids",
        "utf8",
    ];
    let mut verbs: Vec<String> = session.map(|verb| format!("[method]session.{verb}")).into();
    let others = ["[constructor]trace", "[method]trace.lines", "[method]transfer.next", "[static]session.connect"];
    verbs.extend(others.map(str::to_owned));
    for component in BOTH {
        let (_, exports) = imports_and_exports(component);
        assert_names(&exports, [CLIENT, TYPES]);
        let (functions, types) = exported(component, CLIENT);
        assert_names(&functions, verbs.iter().map(String::as_str));
        assert!(["session", "trace", "transfer"].iter().all(|resource| types.contains(*resource)), "{types:?}");
    }
}

/// What stands in `wit/` is what was built.
#[test]
fn the_contract_is_that_of_wit() {
    for component in BOTH {
        let client = wit("client.wit");
        let (functions, types) = exported(component, CLIENT);
        let is_verb =
            |line: &&str| [": func(", ": static func(", " constructor("].iter().any(|part| line.contains(part));
        assert_eq!(functions.len(), client.lines().filter(is_verb).count());
        assert!(types.is_superset(&declared(&client, &["resource"])));

        let (functions, types) = exported(component, TYPES);
        assert_eq!(functions.len(), 0);
        let mut declared = declared(&wit("types.wit"), &["record", "variant", "enum", "type"]);
        // Used from other packages, and so exported with the others.
        declared.extend(["duration".to_owned(), "ip-socket-address".to_owned()]);
        assert_eq!(types, declared);
    }
}

#[test]
fn it_is_small() {
    for component in BOTH {
        let octets = component.len();
        assert!(octets <= MOST_OCTETS, "{octets} octets");
    }
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
        for component in BOTH {
            assert!(memchr::memmem::find(component, telling.as_bytes()).is_none(), "{telling} is in the component");
        }
    }
    // Nor any name of its own: nothing but code and what the component model needs.
    for payload in BOTH.into_iter().flat_map(|component| Parser::new(0).parse_all(component)) {
        if let Payload::CustomSection(section) = payload.unwrap() {
            assert!(!section.name().starts_with(".debug"), "{} is left in", section.name());
        }
    }
}
