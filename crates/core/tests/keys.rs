//! Keys made of parameters: what a template may be, and what parameters make of it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct_core::Payload;
use aqueduct_core::key::{KeyTemplate, MAX_KEY_BYTES};
use aqueduct_core::manager::{QueueErrorKind, TaskCall};
use aqueduct_core::payload::Params;
use aqueduct_core::task::UniqueTemplate;
use aqueduct_core::{RunId, TaskDefinition, TaskName};
use serde::Serialize;

fn render(template: &str, params: Params) -> Result<String, String> {
    let template = KeyTemplate::new(template).unwrap();
    let params = params.into_payload().unwrap();
    template.render(&params).map_err(|error| error.to_string())
}

/// Checks that a text is no template, and that the error has these words.
fn refused(template: &str, words: &str) {
    let error = KeyTemplate::new(template).unwrap_err().to_string();
    assert!(error.contains(words), "{template}: {error}");
}

/// Checks that parameters make no key, and that the error has these words.
fn no_key(template: &str, params: Params, words: &str) {
    let error = render(template, params).unwrap_err();
    assert!(error.contains(words), "{error}");
    assert!(error.contains(template), "{error}");
}

#[derive(Serialize)]
struct Order {
    customer: Customer,
    lines: Vec<u32>,
    total: f64,
}

#[derive(Serialize)]
struct Customer {
    id: u64,
    #[serde(rename = "vat-no")]
    vat: Option<String>,
}

#[derive(Serialize)]
enum Kind {
    Full,
}

fn order() -> Params {
    let customer = Customer { id: 7, vat: None };
    let order = Order {
        customer,
        lines: vec![1],
        total: 2.5,
    };
    Params::new().with("order", &order)
}

#[test]
fn scalars_of_every_width_are_written_as_people_write_them() {
    let numbers: [(i128, &str); 11] = [
        (0, "k0"),
        (127, "k127"),
        (200, "k200"),
        (60_000, "k60000"),
        (3_000_000_000, "k3000000000"),
        (u64::MAX.into(), "k18446744073709551615"),
        (-1, "k-1"),
        (-100, "k-100"),
        (-30_000, "k-30000"),
        (-2_000_000_000, "k-2000000000"),
        (i64::MIN.into(), "k-9223372036854775808"),
    ];
    for (number, key) in numbers {
        let params = match (u64::try_from(number), i64::try_from(number)) {
            (Ok(number), _) => Params::new().with("it", &number),
            (_, number) => Params::new().with("it", &number.unwrap()),
        };
        assert_eq!(render("k{it}", params).unwrap(), key);
    }
    let texts = ["a", &"b".repeat(31), &"c".repeat(32), &"d".repeat(255)];
    for text in texts {
        assert_eq!(
            render("{it}", Params::new().with("it", text)).unwrap(),
            text
        );
    }
    let flags = Params::new().with("a", &true).with("b", &false);
    assert_eq!(render("{a}/{b}", flags).unwrap(), "true/false");
    let kind = Params::new().with("kind", &Kind::Full);
    assert_eq!(render("{kind}", kind).unwrap(), "Full");
    let bytes = Params::new().with("id", &Bytes(&[0x00, 0xff, 0x1a]));
    assert_eq!(render("{id}", bytes).unwrap(), "00ff1a");
}

#[test]
fn a_length_may_be_written_wider_than_it_must_be() {
    let cases: [(&[u8], &str); 6] = [
        (&[0xd9, 2], "xy"),
        (&[0xda, 0, 2], "xy"),
        (&[0xdb, 0, 0, 0, 2], "xy"),
        (&[0xc4, 2], "7879"),
        (&[0xc5, 0, 2], "7879"),
        (&[0xc6, 0, 0, 0, 2], "7879"),
    ];
    let template = KeyTemplate::new("{id}").unwrap();
    for (head, key) in cases {
        let params = [b"\x81\xa2id", head, b"xy"].concat();
        let params = Payload::from_bytes(&params).unwrap();
        assert_eq!(template.render(&params).unwrap(), key, "{head:?}");
    }
}

/// Travels as a byte string.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

#[test]
fn fields_and_braces() {
    let key = render("{{{order.customer.id}}}", order());
    assert_eq!(key.unwrap(), "{7}");
    let template = KeyTemplate::new("a{b.c}d{e}").unwrap();
    let places: Vec<&str> = template.placeholders().collect();
    assert_eq!(places, ["b.c", "e"]);
    assert_eq!(template.to_string(), "a{b.c}d{e}");
    assert_eq!(render("no place", Params::new()).unwrap(), "no place");
}

#[test]
fn what_is_no_scalar_is_named() {
    no_key("{order}", order(), "`order` is a map");
    no_key("{order.lines}", order(), "`order.lines` is a list");
    no_key(
        "{order.total}",
        order(),
        "`order.total` is a floating-point number",
    );
    no_key(
        "{order.customer.vat-no}",
        order(),
        "`order.customer.vat-no` is nothing",
    );
    no_key("{account}", order(), "the parameter `account` is not given");
    no_key(
        "{order.customer.name}",
        order(),
        "`order.customer` has no field `name`",
    );
    no_key(
        "{order.lines.x}",
        order(),
        "`order.lines` is a list, which has no field `x`",
    );
    let list = KeyTemplate::new("{a}").unwrap();
    let error = list.render(&Payload::encode(&[1]).unwrap()).unwrap_err();
    assert!(
        error.to_string().contains("the parameters are a list"),
        "{error}"
    );
}

#[test]
fn a_key_has_a_length() {
    let of = |length| Params::new().with("it", "x".repeat(length).as_str());
    assert_eq!(
        render("k{it}", of(MAX_KEY_BYTES - 1)).unwrap().len(),
        MAX_KEY_BYTES
    );
    no_key("k{it}", of(MAX_KEY_BYTES), "more than 256 bytes");
    no_key("{it}", of(0), "it would be empty");
}

#[test]
fn two_series_of_values_make_two_keys() {
    let key =
        |a: &str, b: &str| render("{a}:{b}", Params::new().with("a", a).with("b", b)).unwrap();
    assert_eq!(key("x", "y"), "x:y");
    assert_eq!(key("x:y", "z"), "x\\:y:z");
    let values = ["", ":", "\\", "\\:", "x", "x:", ":x", "x\\", "x:y", "::"];
    let mut keys = std::collections::HashMap::new();
    for pair in values.iter().flat_map(|a| values.map(|b| (*a, b))) {
        let before = keys.insert(key(pair.0, pair.1), pair);
        assert_eq!(before, None, "{pair:?}");
    }
    let signed = |a: i8, b: i8| render("{a}-{b}", Params::new().with("a", &a).with("b", &b));
    assert_eq!(signed(-1, -1).unwrap(), "\\-1--1");
}

#[test]
fn what_is_no_template_is_refused_with_its_place() {
    refused("", "this one has 0");
    refused(&"x".repeat(257), "this one has 257");
    assert!(KeyTemplate::new("x".repeat(256)).is_ok());
    refused("ab{", "wrong at byte 3: `{` is not closed");
    refused("ab}c", "wrong at byte 3: `}` closes nothing");
    refused("x{}", "wrong at byte 2: `{}` names nothing");
    refused("{a b}", "`{a b}` is no placeholder");
    refused("{a.}", "`{a.}` is no placeholder");
    refused("{a{b}", "`{a{b}` is no placeholder");
    refused("{a}{b}", "wrong at byte 4: `{a}` and `{b}` touch");
    let many = |count: usize| "{a}-".repeat(count);
    assert!(KeyTemplate::new(many(8)).is_ok());
    refused(&many(9), "more than 8 placeholders");
}

#[test]
fn a_call_whose_parameters_make_no_key_says_so_when_it_is_queued() {
    let template = KeyTemplate::new("sync:{account}").unwrap();
    let definition = TaskDefinition::new(TaskName::from_static("sync"))
        .with_unique(UniqueTemplate::new(template));
    let call = |params: Params| {
        let call: TaskCall<()> = TaskCall::new(&definition, params.into_payload());
        let id = RunId::from_u128(1);
        call.into_queued(id, aqueduct_core::run::Lineage::root_of(id))
    };
    let queued = call(Params::new().with("account", &7)).unwrap();
    let unique = queued.options.and_then(|options| options.unique);
    assert_eq!(unique.unwrap().key.as_str(), "sync:7");
    let error = call(Params::new().with("account", &0.5)).unwrap_err();
    assert_eq!(error.kind(), QueueErrorKind::InvalidParams);
    for words in [
        "task `sync`",
        "\"sync:{account}\"",
        "`account` is a floating-point number",
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}
