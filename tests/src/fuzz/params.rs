//! Parameters and results: MessagePack from another process.

use std::collections::BTreeMap;

use aqueduct::Payload;
use aqueduct::serde::de::IgnoredAny;

use super::Target;

pub(super) const PARAMS: Target = Target {
    name: "params",
    body: |bytes| {
        let Ok(payload) = Payload::from_bytes(bytes) else {
            return;
        };
        assert_eq!(payload.as_bytes(), bytes, "a payload changes");
        let is_value = payload.decode::<IgnoredAny>().is_ok();
        let keys = payload.keys();
        assert!(keys.is_none() || payload.is_map(), "keys of what is no map");
        if let Ok(map) = payload.decode::<BTreeMap<String, i64>>() {
            assert!(is_value, "a map of numbers that is no value");
            let again = Payload::encode(&map).expect("what was read can be written");
            assert_eq!(again.decode::<BTreeMap<String, i64>>().ok(), Some(map));
        }
        let _ = payload.decode::<(String, Option<f64>, Vec<u8>)>();
        let _ = payload.decode::<()>();
    },
    examples: || {
        let maps = [
            Payload::encode(&BTreeMap::from([("left", 1), ("right", -70_000)])),
            Payload::encode(&("text", Some(2.5), vec![1_u8, 2, 3])),
            Payload::encode(&vec![vec![vec![u64::MAX; 3]; 2]; 2]),
            Ok(Payload::empty()),
        ];
        let nested = [vec![0x91; 600], vec![0x81, 0xa1, b'a', 0xc0]];
        let maps = maps.into_iter().flatten();
        maps.map(|it| it.as_bytes().to_vec())
            .chain(nested)
            .collect()
    },
};
