//! Every cut, many flipped bits, and lengths that lie.

use aqueduct_core::testing::{SEED_VARIABLE, drawn_seed};

use super::*;
use crate::message::{
    self, DoneMeta, FailedMeta, HeartbeatMeta, Hello, InitFailed, Ready, ReplyMeta, WorkMeta,
};
use crate::work::{LogLine, Progress, Stop};

const MAX_BLOB: usize = 1 << 20;

fn bytes_of(kind: Kind, about: u32, meta: &[u8], blob: &[u8]) -> Vec<u8> {
    let mut bytes = encode(kind, about, meta, blob).unwrap();
    if !is_copied(blob) {
        bytes.extend_from_slice(blob);
    }
    bytes
}

/// Feeds `bytes` in pieces of `piece`, and returns the frames and whether the stream ended between two.
fn decode(bytes: &[u8], piece: usize) -> Result<(Vec<Frame>, bool), Violation> {
    let mut decoder = Decoder::new(MAX_BLOB);
    let mut frames = Vec::new();
    let mut rest = bytes;
    loop {
        while let Some(frame) = decoder.next()? {
            frames.push(frame);
        }
        if rest.is_empty() {
            return Ok((frames, decoder.is_between()));
        }
        let space = decoder.space();
        assert!(!space.is_empty(), "there is always room for the next bytes");
        let count = space.len().min(piece).min(rest.len());
        space[..count].copy_from_slice(&rest[..count]);
        decoder.filled(count);
        rest = &rest[count..];
    }
}

fn four_frames() -> Vec<u8> {
    let large = vec![7; SMALL + 4321];
    let mut bytes = bytes_of(Kind::Hello, 0, b"first", b"");
    bytes.extend(bytes_of(Kind::Work, 1, b"", &large));
    let long = vec![9; 20_000];
    bytes.extend(bytes_of(Kind::Failed, 1, &long, b""));
    bytes.extend(bytes_of(Kind::Done, 1, b"last", b"small"));
    bytes
}

#[test]
fn a_head_has_a_bound() {
    let longest = vec![1; MAX_META_BYTES];
    let (frames, _) = decode(&bytes_of(Kind::Done, 1, &longest, b""), usize::MAX).unwrap();
    assert_eq!(frames[0].meta, longest);
    let longer = [longest, vec![1]].concat();
    assert_eq!(encode(Kind::Done, 1, &longer, b""), None);
}

#[test]
fn blobs_of_up_to_a_page_are_copied_behind_their_head() {
    let head = encode(Kind::Done, 1, b"", b"").unwrap().len();
    for (bytes, copied) in [(4096, 4096), (4097, 0)] {
        let encoded = encode(Kind::Done, 1, b"", &vec![1; bytes]).unwrap();
        assert_eq!(encoded.len(), head + copied);
    }
}

const SMALL: usize = 32 * 1024;

#[test]
fn frames_survive_every_way_of_cutting_the_stream() {
    let bytes = four_frames();
    let whole = decode(&bytes, usize::MAX).unwrap();
    assert_eq!(whole.0.len(), 4);
    assert_eq!(whole.0[1].blob.len(), SMALL + 4321);
    for piece in [1, 2, 3, 15, 16, 17, 1000, 65_537] {
        assert_eq!(
            decode(&bytes, piece).unwrap(),
            whole,
            "in pieces of {piece}"
        );
    }
}

#[test]
fn a_long_stream_of_small_frames_always_has_room() {
    let one = bytes_of(Kind::Done, 1, b"meta", b"small");
    let many = one.repeat(4 * MAX_META_BYTES / one.len());
    for piece in [1000, usize::MAX] {
        let (frames, is_between) = decode(&many, piece).unwrap();
        assert_eq!(frames.len(), many.len() / one.len());
        assert!(is_between, "in pieces of {piece}");
    }
}

#[test]
fn a_smaller_bound_of_blobs_counts_from_when_it_is_set() {
    let mut decoder = Decoder::new(MAX_BLOB);
    let feed = |decoder: &mut Decoder, blob: &[u8]| {
        let bytes = bytes_of(Kind::Done, 1, b"", blob);
        decoder.space()[..bytes.len()].copy_from_slice(&bytes);
        decoder.filled(bytes.len());
        decoder.next().map(|frame| frame.unwrap().blob)
    };
    assert_eq!(feed(&mut decoder, b"large").unwrap(), b"large");
    decoder.set_max_blob(4);
    assert_eq!(feed(&mut decoder, b"four").unwrap(), b"four");
    assert!(feed(&mut decoder, b"large").is_err());
}

#[test]
fn every_truncation_is_seen_as_one() {
    let mut bytes = bytes_of(Kind::Hello, 0, b"meta", b"blob");
    bytes.extend(bytes_of(Kind::Done, 1, b"", b""));
    let first = HEADER_BYTES + 8;
    for end in 0..=bytes.len() {
        let (frames, is_between) = decode(&bytes[..end], usize::MAX).unwrap();
        let whole = usize::from(end >= first) + usize::from(end == bytes.len());
        assert_eq!(frames.len(), whole, "cut at {end}");
        assert_eq!(
            is_between,
            [0, first, bytes.len()].contains(&end),
            "cut at {end}"
        );
    }
}

#[test]
fn flipped_bits_never_panic_and_never_allocate_beyond_the_limit() {
    let bytes = bytes_of(Kind::Request, 9, b"some map", b"and a blob");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Ok((frames, _)) = decode(&flipped, usize::MAX) {
            assert!(frames.iter().all(|frame| frame.blob.len() <= MAX_BLOB));
        }
    }
}

/// Random and damaged streams: whatever comes, and however it is cut, is the same frames or the same refusal,
/// nothing panics, and no blob is over the limit.
#[test]
fn fuzz_random_mutated_and_truncated_streams() {
    let seed = drawn_seed();
    println!("{SEED_VARIABLE}={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..20_000 {
        let bytes = stream(&mut random);
        let whole = decode(&bytes, usize::MAX);
        let cut = decode(&bytes, 1 + random.usize(..40));
        assert_eq!(whole, cut, "{bytes:?}");
        for frame in whole.into_iter().flat_map(|(frames, _)| frames) {
            assert!(frame.blob.len() <= MAX_BLOB && frame.meta.len() <= MAX_META_BYTES);
            read_all(&frame.meta);
        }
    }
}

/// Makes a stream of frames, or of bytes that begin like one, and damages it.
fn stream(random: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..random.usize(..4) {
        let kind = Kind::ALL[random.usize(..Kind::ALL.len())];
        let meta = meta(random);
        let blob = vec![random.u8(..); random.usize(..50)];
        bytes.extend(bytes_of(kind, random.u32(..), &meta, &blob));
    }
    if random.bool() {
        bytes.extend(MAGIC);
    }
    bytes.extend((0..random.usize(..60)).map(|_| random.u8(..)));
    for _ in 0..random.usize(..4) {
        let Some(at) = bytes.len().checked_sub(1).map(|last| random.usize(..=last)) else {
            break;
        };
        match random.u8(..4) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = random.u8(..),
            2 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, [random.u8(..)])),
        }
    }
    bytes
}

/// Makes the map of a frame, or something like it.
fn meta(random: &mut fastrand::Rng) -> Vec<u8> {
    let packed = match random.u8(..4) {
        0 => message::pack(&HeartbeatMeta::default()),
        1 => message::pack(&FailedMeta::default()),
        2 => message::pack(&Hello::default()),
        _ => return (0..random.usize(..30)).map(|_| random.u8(..)).collect(),
    };
    let mut bytes = packed.unwrap();
    let at = random.usize(..bytes.len());
    bytes[at] = random.u8(..);
    bytes
}

/// Reads a map as everything that it may be: each is a value or a refusal.
fn read_all(meta: &[u8]) {
    let _ = message::read::<Hello>(meta);
    let _ = message::read::<WorkMeta>(meta);
    let _ = message::read::<Stop>(meta);
    let _ = message::read::<ReplyMeta>(meta);
    let _ = message::read::<Ready>(meta);
    let _ = message::read::<InitFailed>(meta);
    let _ = message::read::<Progress>(meta);
    let _ = message::read::<HeartbeatMeta>(meta);
    let _ = message::read::<LogLine>(meta);
    let _ = message::read::<DoneMeta>(meta);
    let _ = message::read::<FailedMeta>(meta);
}

#[test]
fn lengths_are_checked_before_anything_is_allocated() {
    let lie = |meta: u32, blob: u32| {
        let mut bytes = bytes_of(Kind::Done, 1, b"", b"");
        bytes[8..12].copy_from_slice(&meta.to_le_bytes());
        bytes[12..16].copy_from_slice(&blob.to_le_bytes());
        decode(&bytes, usize::MAX).map_err(|violation| violation.to_string())
    };
    assert!(lie(65_537, 0).unwrap_err().contains("a map of 65537 bytes"));
    assert!(
        lie(0, u32::MAX)
            .unwrap_err()
            .contains("a blob of 4294967295 bytes")
    );
    assert!(
        lie(65_536, 1 << 20).is_ok(),
        "waits for bytes that are allowed"
    );
}

#[test]
fn an_unknown_kind_is_refused_unless_it_may_be_skipped() {
    let mut bytes = bytes_of(Kind::Done, 1, b"x", &vec![1; SMALL + 1]);
    bytes.extend(bytes_of(Kind::Goodbye, 2, b"", b""));
    bytes[2] = 0x7F;
    let refused = decode(&bytes, usize::MAX).unwrap_err();
    assert!(refused.to_string().starts_with("unknown kind 0x7f"));
    bytes[3] = MAY_SKIP;
    let (frames, _) = decode(&bytes, 100).unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].kind, Kind::Goodbye);
}

#[test]
fn a_head_that_is_too_long_is_not_encoded() {
    assert!(encode(Kind::Log, 0, &vec![0; MAX_META_BYTES + 1], b"").is_none());
}
