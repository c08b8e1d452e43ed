//! Payloads at their limits, and bytes that are no payload.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aqueduct_core::Payload;
use aqueduct_core::payload::{MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH, PayloadErrorKind};

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
