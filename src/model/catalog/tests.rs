//! The built-in descriptions, and deposits checked against them.

use proptest::{collection::btree_map, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::{
    super::address::Reach, Catalog, CatalogError, Field, FieldFault, FieldKind, MAX_BYTES, Service,
    issuing::IssuerKind,
};

fn service(name: &str) -> &'static Service {
    Catalog::built_in().find(&name.parse().expect("a name")).expect("a known service")
}

fn check(name: &str, fields: &Value) -> Result<Map<String, Value>, Vec<FieldFault>> {
    service(name).check(fields.as_object().expect("an object").clone(), Reach::Public)
}

fn fault(path: &str, reason: &str) -> FieldFault {
    FieldFault { path: path.to_owned(), reason: reason.to_owned() }
}

fn examples(service: &Service) -> Map<String, Value> {
    service.fields.iter().map(|field| (field.name.clone(), field.example.clone())).collect()
}

#[test]
fn every_example_can_be_deposited() {
    let names: Vec<&str> = Catalog::built_in().services().map(|service| service.name.as_str()).collect();
    for name in [
        "todoist",
        "jira",
        "notion",
        "sentry",
        "openai",
        "anthropic",
        "github",
        "gmail",
        "tray",
        "orderdesk",
        "todo",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    for service in Catalog::built_in().services() {
        let whole = examples(service);
        assert_eq!(service.check(whole.clone(), Reach::Public), Ok(whole), "{}", service.name);
        let made = service.issuing.kind != IssuerKind::Static;
        assert!(
            made || service.fields.iter().any(|field| field.secret && field.required),
            "{}",
            service.name
        );
        assert!(!service.authentication.is_empty() && !service.hosts.is_empty(), "{}", service.name);
        assert!(service.fields.iter().all(|field| !field.description.is_empty()), "{}", service.name);
    }
}

#[test]
fn one_of_two_fields_will_do() {
    let base_url = json!("https://yata.example.com");
    let client = json!({ "base_url": base_url, "client_id": "c", "client_secret": "s" });
    assert!(check("todo", &client).is_ok());
    assert!(check("todo", &json!({ "base_url": base_url, "access_token": "t" })).is_ok());
    let neither = check("todo", &json!({ "base_url": base_url, "client_id": "c" }));
    assert_eq!(neither, Err(vec![fault("fields.access_token", "required")]));
}

#[test]
fn the_path_of_an_address_is_put_right() {
    let given = |address: &str| json!({ "access_token": "t", "store_id": "1", "api_address": address });
    for address in ["https://loja.example", "http://loja.example/web_api/", "loja.example/web_api/web_api"] {
        let kept = check("tray", &given(address)).expect("an address");
        assert_eq!(kept.get("api_address"), Some(&json!("https://loja.example/web_api")), "{address}");
    }
    let refused = check("tray", &given("https://ann:secret@loja.example/web_api")).expect_err("a user");
    assert!(refused.iter().all(|fault| fault.path == "fields.api_address"), "{refused:?}");
}

#[test]
fn what_is_left_out_gets_its_default() {
    let given =
        json!({ "url": "https://dev-team.atlassian.net", "email": "jira@dev-team.local", "api_token": "t" });
    let kept = check("jira", &given).expect("complete");
    assert_eq!(kept.get("cloud"), Some(&json!(true)));
    let kept = check("todoist", &json!({ "api_token": "t" })).expect("the alias");
    assert_eq!(Value::Object(kept), json!({ "access_token": "t" }));
    let kept = check("notion", &json!({ "access_token": "t", "database_id": null })).expect("nothing");
    assert_eq!(Value::Object(kept), json!({ "access_token": "t" }));
}

#[test]
fn each_fault_is_named_by_its_path() {
    let url = "https://jira.example.com";
    for (name, given, faults) in [
        ("todoist", json!({}), vec![fault("fields.access_token", "required")]),
        ("todoist", json!({ "access_token": null }), vec![fault("fields.access_token", "required")]),
        ("todoist", json!({ "access_token": 7 }), vec![fault("fields.access_token", "must be text")]),
        ("todoist", json!({ "access_token": "" }), vec![fault("fields.access_token", "must not be empty")]),
        (
            "todoist",
            json!({ "access_token": "a", "api_token": "b" }),
            vec![fault("fields.access_token", "given twice, under two names")],
        ),
        (
            "todoist",
            json!({ "access_token": "a", "base": "b" }),
            vec![fault("fields.base", "unknown field; todoist has access_token")],
        ),
        (
            "todoist",
            json!({ "access_token": "a", "Sneaky value": "b" }),
            vec![fault("fields", "unknown field; todoist has access_token")],
        ),
        ("jira", json!({ "url": url, "api_token": "t" }), vec![fault("fields.email", "required")]),
        (
            "jira",
            json!({ "url": "http://jira.example.com", "api_token": "t", "email": "ann", "cloud": "yes" }),
            vec![
                fault("fields.url", "must begin with `https://`"),
                fault("fields.email", "must be an e-mail address"),
                fault("fields.cloud", "must be true or false"),
            ],
        ),
        (
            "anthropic",
            json!({ "api_key": "k", "max_tokens": 0 }),
            vec![fault("fields.max_tokens", "must be at least 1")],
        ),
        (
            "anthropic",
            json!({ "api_key": "k", "max_tokens": 1.5 }),
            vec![fault("fields.max_tokens", "must be a whole number")],
        ),
        (
            "basic",
            json!({ "username": "a:b", "password": "p" }),
            vec![fault("fields.username", "must not contain a colon")],
        ),
    ] {
        assert_eq!(check(name, &given), Err(faults), "{name} {given}");
    }
    assert!(check("jira", &json!({ "url": url, "api_token": "t", "cloud": false })).is_ok());
    let long = "a".repeat(MAX_BYTES);
    assert_eq!(
        check("todoist", &json!({ "access_token": long })),
        Err(vec![fault("fields", "at most 65536 bytes")])
    );
}

#[test]
fn headers_are_checked_one_by_one() {
    for (name, given, faults) in [
        ("custom_headers", json!({ "headers": {} }), vec![fault("fields.headers", "1 to 32 headers")]),
        (
            "custom_headers",
            json!({ "headers": "X: y" }),
            vec![fault("fields.headers", "must be an object of header names and values")],
        ),
        (
            "custom_headers",
            json!({ "headers": { "Host": "x", "X-A": "1", "x-a": "2", "X-B": 1 } }),
            vec![
                fault(
                    "fields.headers",
                    "a header that the connection or the request itself sets cannot be a credential",
                ),
                fault("fields.headers.X-B", "must be text"),
                fault("fields.headers.x-a", "given twice: names differ in case alone"),
            ],
        ),
    ] {
        assert_eq!(check(name, &given), Err(faults), "{name} {given}");
    }
}

#[test]
fn addresses_inside_are_for_development() {
    let fields = json!({ "access_token": "t", "base_url": "http://127.0.0.1:9000" });
    let fields = fields.as_object().expect("an object");
    assert!(service("todo").check(fields.clone(), Reach::Public).is_err());
    assert_eq!(service("todo").check(fields.clone(), Reach::Anywhere).as_ref(), Ok(fields));
}

#[test]
fn descriptions_that_contradict_themselves_are_refused() {
    const HEAD: &str = "title = \"T\"\naccount = \"A\"\n";
    const FIELD: &str = "[[fields]]\nname = \"x\"\nkind = \"text\"\nexample = \"e\"\ndescription = \"d\"\n";
    let read = |name, text: String| Catalog::read([(name, text.as_str())]);
    assert!(read("t", format!("{HEAD}{FIELD}")).is_ok());
    assert!(matches!(read("T", format!("{HEAD}{FIELD}")), Err(CatalogError::Name { .. })));
    assert!(matches!(read("t", format!("{HEAD}{FIELD}{FIELD}")), Err(CatalogError::Field { .. })));
    assert!(matches!(read("t", format!("{HEAD}colour = 1\n{FIELD}")), Err(CatalogError::Form { .. })));
    let dangling = format!("{HEAD}{FIELD}required_if = {{ field = \"y\", is = true }}\n");
    assert!(matches!(read("t", dangling), Err(CatalogError::Field { .. })));
}

#[test]
fn descriptions_of_requests_and_issuers_go_together() {
    const HEAD: &str = "title = \"T\"\naccount = \"A\"\n";
    const FIELD: &str = "[[fields]]\nname = \"x\"\nkind = \"text\"\nexample = \"e\"\ndescription = \"d\"\n";
    const CODE: &str = "[issuer]\nkind = \"authorization_code\"\n[issuer.authorize]\nurl = \"https://a.example/{x}\"\n\
                        [issuer.token]\nurl = \"https://a.example\"\n";
    let read = |more: &str| Catalog::read([("t", format!("{HEAD}{FIELD}{more}").as_str())]);
    for good in [
        "[[authentication]]\nheader = \"X-Key\"\nvalue = \"{x}\"\n",
        "[[authentication]]\nuser = \"me\"\npassword = \"{x}\"\n[validation]\nurl = \"https://a.example/{x}\"\n",
        CODE,
    ] {
        assert!(read(good).is_ok(), "{good}");
    }
    for (wrong, near) in [
        ("[[authentication]]\nheader = \"X-Key\"\n", "[[authentication]]"),
        ("[[authentication]]\nheader = \"X-Key\"\nvalue = \"{y}\"\n", "y"),
        ("[[authentication]]\nquery = \"k\"\nvalue = \"{access_token}\"\n", "access_token"),
        ("[validation]\nurl = \"{y}\"\n", "y"),
        ("[issuer]\nkind = \"authorization_code\"\n", "[issuer]"),
        ("[issuer]\nkind = \"signed\"\naudience = \"{z}\"\n", "{z}"),
        ("[issuer]\nkind = \"static\"\naudience = \"z\"\n", "audience"),
        ("[issuer]\nkind = \"signed\"\naudience = \"z\"\nrepeat_header = \"X-Id\"\n", "repeat_header"),
        (&CODE.replace("[issuer.authorize]", "start = [\"y\"]\n[issuer.authorize]"), "y"),
    ] {
        let Err(CatalogError::Wrong { near: told, .. }) = read(wrong) else { panic!("{wrong}") };
        assert_eq!(told, near, "{wrong}");
    }
    let hosts = Catalog::read([("t", format!("{HEAD}hosts = [\"{{y}}\"]\n{FIELD}").as_str())]);
    assert!(matches!(hosts, Err(CatalogError::Wrong { .. })));
    for malformed in ["[validation]\nurl = \"{x\"\n", "[issuer]\nkind = \"magic\"\n"] {
        assert!(matches!(read(malformed), Err(CatalogError::Form { .. })), "{malformed}");
    }
}

fn services() -> impl Strategy<Value = &'static Service> {
    select(Catalog::built_in().services().collect::<Vec<_>>())
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "https://[a-z.]{1,12}/?".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("[A-Za-z-]{0,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Some of the service's own fields, and some of other names.
fn deposits() -> impl Strategy<Value = (&'static Service, Map<String, Value>)> {
    services().prop_flat_map(|service| {
        let own: Vec<&'static Field> = service.fields.iter().collect();
        let good = select(own).prop_map(|field| (field.name.clone(), field.example.clone()));
        let own: Vec<String> = service.fields.iter().map(|field| field.name.clone()).collect();
        let odd = (prop_oneof![select(own), "[a-zA-Z_ ]{0,8}".prop_map(String::from)], values());
        let entries = proptest::collection::vec(prop_oneof![3 => good, 1 => odd], 0..8);
        (Just(service), entries.prop_map(|entries| entries.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn what_was_accepted_is_accepted_unchanged((service, given) in deposits()) {
        if let Ok(kept) = service.check(given, Reach::Public) {
            prop_assert_eq!(service.check(kept.clone(), Reach::Public), Ok(kept.clone()));
            for field in &service.fields {
                prop_assert!(!field.required || kept.contains_key(&field.name));
            }
            prop_assert!(kept.keys().all(|name| service.fields.iter().any(|field| field.name == *name)));
        }
    }

    #[test]
    fn no_fault_repeats_a_value(service in services(), canary in "canary[0-9]{8}", at in 0_usize..9, odd in "[ :\r\n]?") {
        let value = format!("{odd}{canary}\n");
        let mut given = examples(service);
        let field = &service.fields[at % service.fields.len()];
        given.insert(field.name.clone(), json!(value));
        given.insert(value.clone(), json!(value));
        if field.kind == FieldKind::Headers {
            given.insert(field.name.clone(), json!({ "X-A": value, value: "x" }));
        }
        let faults = service.check(given, Reach::Public).expect_err("a line break");
        let shown = format!("{faults:?}");
        prop_assert!(!shown.contains(&canary), "{}", shown);
    }
}
