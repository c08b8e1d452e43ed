//! Payloads at their limits, and bytes that are no payload.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use aqueduct_core::Payload;
use aqueduct_core::payload::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, Params, PayloadErrorKind};

/// Checks that bytes are refused with this kind, and a message with these words.
fn refused(bytes: &[u8], kind: PayloadErrorKind, words: &str) {
    let error = Payload::from_bytes(bytes).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

/// Returns a text whose encoding has this many bytes.
fn text_of(encoded: usize) -> String {
    "x".repeat(encoded - 5) // a marker and a length of 32 bits
}

/// Returns a number within so many arrays of one element.
fn nested(arrays: usize) -> Vec<u8> {
    let mut bytes = vec![0x91; arrays];
    bytes.push(7);
    bytes
}

#[test]
fn the_largest_payload_is_accepted_and_one_byte_more_is_not() {
    let largest = Payload::encode(&text_of(MAX_PAYLOAD_BYTES)).unwrap();
    assert_eq!(largest.len(), MAX_PAYLOAD_BYTES);
    assert_eq!(Payload::from_bytes(largest.as_bytes()).unwrap(), largest);
    let error = Payload::encode(&text_of(MAX_PAYLOAD_BYTES + 1)).unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::TooLarge);
    assert!(error.to_string().contains("pass a reference"), "{error}");
    let mut bytes = largest.as_bytes().to_vec();
    bytes.push(0);
    refused(&bytes, PayloadErrorKind::TooLarge, "1048576 bytes");
}

#[test]
fn the_deepest_payload_is_accepted_and_one_level_more_is_not() {
    let deepest = Payload::from_bytes(&nested(MAX_PAYLOAD_DEPTH)).unwrap();
    assert_eq!(deepest.as_bytes(), nested(MAX_PAYLOAD_DEPTH));
    let deeper = nested(MAX_PAYLOAD_DEPTH + 1);
    refused(&deeper, PayloadErrorKind::TooDeep, "64 levels");
    refused(&vec![0x91; 100_000], PayloadErrorKind::TooDeep, "64 levels");
}

#[test]
fn bytes_that_are_not_one_whole_value_are_refused() {
    for bytes in [
        &b""[..],
        b"{\"n\": 7}",               // JSON: a number, then more
        &[0xc1],                     // never used
        &[0x81, 0xa1, b'n'],         // a map that ends early
        &[0xa5, b'a'],               // a text that ends early
        &[0xdd, 255, 255, 255, 255], // an array that says it has four billion elements
        &[0xdb, 255, 255, 255, 255], // a text that says it has four gigabytes
        &[0xc6, 255, 255, 255, 255],
        &[0x80, 0x00], // trailing bytes
        &[7, 7],
    ] {
        refused(bytes, PayloadErrorKind::Malformed, "");
    }
}

#[test]
fn a_value_of_another_type_does_not_decode() {
    let payload = Payload::encode("seven").unwrap();
    let error = payload.decode::<u32>().unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::Mismatch);
}

/// One value of each form of MessagePack, by its first byte.
fn forms() -> Vec<Vec<u8>> {
    let with = |head: &[u8], body: usize| [head, &vec![b'a'; body]].concat();
    let mut forms = vec![
        with(&[0xc4, 3], 3),
        with(&[0xc5, 1, 2], 258),
        with(&[0xc6, 0, 1, 0, 2], 65_538),
        with(&[0xc7, 3], 1 + 3),
        with(&[0xc8, 1, 2], 1 + 258),
        with(&[0xc9, 0, 1, 0, 2], 1 + 65_538),
        with(&[0xd9, 3], 3),
        with(&[0xda, 1, 2], 258),
        with(&[0xdb, 0, 1, 0, 2], 65_538),
        with(&[0xa0], 0),
        with(&[0xbf], 31),
        with(&[0x80], 0),
        with(&[0x8f], 30),
        with(&[0x90], 0),
        with(&[0x9f], 15),
        with(&[0xdc, 1, 2], 258),
        with(&[0xdd, 0, 1, 0, 2], 65_538),
        with(&[0xde, 1, 2], 2 * 258),
        with(&[0xdf, 0, 1, 0, 2], 2 * 65_538),
    ];
    forms.extend([0x00, 0x7f, 0xe0, 0xff, 0xc0, 0xc2, 0xc3].map(|byte| vec![byte]));
    let fixed = [
        (0xcc, 1),
        (0xcd, 2),
        (0xce, 4),
        (0xcf, 8),
        (0xd0, 1),
        (0xd1, 2),
        (0xd2, 4),
        (0xd3, 8),
        (0xca, 4),
        (0xcb, 8),
        (0xd4, 2),
        (0xd5, 3),
        (0xd6, 5),
        (0xd7, 9),
        (0xd8, 17),
    ];
    forms.extend(fixed.map(|(marker, body)| with(&[marker], body)));
    forms
}

#[test]
fn each_form_is_one_value_and_neither_a_byte_less_nor_one_more_is() {
    for form in forms() {
        let payload = Payload::from_bytes(&form);
        assert_eq!(payload.unwrap().as_bytes(), form, "{:#x}", form[0]);
        refused(
            &form[..form.len() - 1],
            PayloadErrorKind::Malformed,
            "not one complete",
        );
        let more = [&form[..], &[0x01]].concat();
        let words = format!("trailing bytes at byte {}", form.len());
        refused(&more, PayloadErrorKind::Malformed, &words);
        let is_map = matches!(form[0], 0x80..=0x8f | 0xde | 0xdf);
        assert_eq!(Payload::from_bytes(&form).unwrap().is_map(), is_map);
    }
}

#[test]
fn a_refusal_says_where() {
    let cases: [(&[u8], &str); 4] = [
        (&[0x92, 1, 0xc1], "begins with at byte 2"),
        (&[0x91, 0xa2, b'a'], "end too early at byte 3"),
        (&[0x91, 0xa1, 0xff], "not UTF-8 at byte 1"),
        (&[0x91, 0x92, 1], "over the end at byte 2"),
    ];
    for (bytes, words) in cases {
        refused(bytes, PayloadErrorKind::Malformed, words);
    }
}

#[test]
fn many_values_are_not_deep_and_what_is_gathered_has_two_levels_more() {
    let inner = nested(MAX_PAYLOAD_DEPTH - 1);
    let wide = [&[0x93][..], &inner, &inner, &inner].concat();
    assert_eq!(Payload::from_bytes(&wide).unwrap().len(), wide.len());
    let deeper = [&[0x93][..], &inner, &nested(MAX_PAYLOAD_DEPTH), &inner].concat();
    refused(&deeper, PayloadErrorKind::TooDeep, "64 levels");
    let gathered = Payload::gathered(&nested(MAX_PAYLOAD_DEPTH + 2)).unwrap();
    assert_eq!(gathered.len(), MAX_PAYLOAD_DEPTH + 3);
    let error = Payload::gathered(&nested(MAX_PAYLOAD_DEPTH + 3)).unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::TooDeep);
    let largest = Payload::encode(&text_of(MAX_PAYLOAD_BYTES)).unwrap();
    assert_eq!(Payload::gathered(largest.as_bytes()).unwrap(), largest);
    let larger = [&[0x91], largest.as_bytes()].concat();
    let error = Payload::gathered(&larger).unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::TooLarge);
}

#[test]
fn no_parameters_are_an_empty_map() {
    for empty in [
        Payload::empty(),
        Payload::default(),
        Payload::from_bytes(&[0x80]).unwrap(),
        Payload::gathered(&[0x80]).unwrap(),
        Params::from(()).into_payload().unwrap(),
    ] {
        assert!(empty.is_map());
        assert_eq!(empty.keys(), Some(Vec::new()));
        assert_eq!(empty.decode::<BTreeMap<String, u8>>().unwrap().len(), 0);
    }
    assert!(Payload::empty().is_empty());
    assert_eq!(Payload::empty().as_bytes(), [0x80]);
    let one = Payload::encode(&7).unwrap();
    assert!(!one.is_empty() && !one.is_map());
    assert_eq!(format!("{one:?}"), "Payload(1 bytes)");
    assert!(!Payload::gathered(&[7]).unwrap().is_empty());
}

#[test]
fn the_keys_are_those_of_a_map_of_texts() {
    let params = Params::new()
        .with("b", &vec![1, 2])
        .with("a", "text")
        .with("c", &());
    let payload = params.into_payload().unwrap();
    let keys = payload.keys().unwrap();
    assert_eq!(keys, ["b", "a", "c"]);
    let values: BTreeMap<String, Value> = payload.decode().unwrap();
    assert_eq!(values["a"], Value::Text("text".to_owned()));
    assert_eq!(values["b"], Value::Numbers(vec![1, 2]));
    for no_texts in [&[0x91, 7][..], &[0x81, 7, 7], &[0xa1, b'a']] {
        let payload = Payload::from_bytes(no_texts).unwrap();
        assert_eq!(payload.keys(), None, "{no_texts:?}");
    }
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Numbers(Vec<u8>),
    Nothing(()),
}

#[test]
fn the_first_parameter_that_cannot_be_is_the_error() {
    let too_large = text_of(MAX_PAYLOAD_BYTES + 1);
    let params = || Params::new().with("a", &1).with("b", &too_large);
    let error = params().with("c", &Unencodable).into_payload().unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::TooLarge);
    let error = Params::new().with("c", &Unencodable).with("b", &too_large);
    let error = error.into_payload().unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::Unencodable);
    assert!(error.to_string().contains("cannot be encoded"), "{error}");
    // Each fits, and all of them do not.
    let half = text_of(MAX_PAYLOAD_BYTES / 2);
    let both = Params::new().with("a", &half).with("b", &half);
    let error = both.into_payload().unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::TooLarge);
    let both = Params::new().with("a", &half).with("b", &half);
    let error = both.with("c", &Unencodable).into_payload().unwrap_err();
    assert_eq!(error.kind(), PayloadErrorKind::TooLarge);
    // A header of a map, and a name of one letter: 7 bytes.
    let fits = Params::new().with("a", &text_of(MAX_PAYLOAD_BYTES - 7));
    assert_eq!(fits.into_payload().unwrap().len(), MAX_PAYLOAD_BYTES);
}

struct Unencodable;

impl serde::Serialize for Unencodable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("it has no form"))
    }
}

#[test]
fn a_value_that_does_not_fit_is_named_with_its_place() {
    let cases: [(&[u8], &str); 8] = [
        (&[0xa1, b'a'], "a text"),
        (&[0xd9, 1, b'a'], "a text"),
        (&[0x80], "a map"),
        (&[0xde, 0, 0], "a map"),
        (&[0x90], "a list"),
        (&[0xdc, 0, 0], "a list"),
        (&[0xc4, 1, 0], "a byte string"),
        (&[0xd4, 1, 1], "a value of this kind"),
    ];
    for (bytes, kind) in cases {
        let value = Payload::from_bytes(bytes).unwrap();
        let error = value.decode::<u32>().unwrap_err();
        assert_eq!(error.to_string(), format!("{kind} does not fit"));
        let field = [&[0x81, 0xa4][..], b"size", bytes].concat();
        let field = Payload::from_bytes(&field).unwrap();
        let error = field.decode::<Sized>().unwrap_err();
        assert_eq!(error.to_string(), format!("`size`: {kind} does not fit"));
    }
    // Where the words name the field, the place is not said again.
    let missing = Payload::empty().decode::<Sized>().unwrap_err();
    assert_eq!(missing.to_string(), "missing field `size`");
    // Nor is a key that has no name.
    let by_list = Payload::from_bytes(&[0x81, 0x92, 1, 2, 0xa1, b'a']).unwrap();
    let error = by_list.decode::<BTreeMap<(u8, u8), u32>>().unwrap_err();
    assert_eq!(error.to_string(), "a text does not fit");
}

#[derive(Debug, serde::Deserialize)]
struct Sized {
    #[serde(rename = "size")]
    _size: u32,
}

#[test]
fn a_number_of_128_bits_and_an_extension_are_read_from_nothing_else() {
    let cases: [(&[u8], &str); 4] = [
        (&[0xc0], "nil"),
        (&[0xc2], "a boolean"),
        (&[0xc3], "a boolean"),
        (&[0xca, 0, 0, 0, 0], "a floating-point number"),
    ];
    for (bytes, kind) in cases {
        let value = Payload::from_bytes(bytes).unwrap();
        let error = value.decode::<u128>().unwrap_err();
        assert_eq!(error.to_string(), format!("{kind} does not fit"));
    }
    for number in [
        &[7][..],
        &[0xff],
        &[0xcc, 200],
        &[0xd3, 0, 0, 0, 0, 0, 0, 0, 1],
    ] {
        let value = Payload::from_bytes(number).unwrap();
        let error = value.decode::<Extension>().unwrap_err();
        assert_eq!(error.to_string(), "a whole number does not fit");
    }
}

/// A value with a number for its type, by the name that the decoder knows.
#[derive(Debug, serde::Deserialize)]
#[serde(rename = "_ExtStruct")]
struct Extension(#[expect(dead_code, reason = "it is never read")] (i8, Vec<u8>));

#[test]
fn what_is_as_deep_as_it_may_be_is_decoded() {
    let deepest = Payload::gathered(&nested(MAX_PAYLOAD_DEPTH + 2)).unwrap();
    let mut level = deepest.decode::<Level>().unwrap();
    let mut levels = 0;
    while let Level::List(list) = level {
        [level] = list.try_into().unwrap();
        levels += 1;
    }
    assert_eq!((levels, level), (MAX_PAYLOAD_DEPTH + 2, Level::Number(7)));
}

#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(untagged)]
enum Level {
    Number(u64),
    List(Vec<Level>),
}
