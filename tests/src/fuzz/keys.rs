//! Templates of keys, and the keys that parameters make of them.

use aqueduct::Payload;
use aqueduct_core::key::{KeyTemplate, MAX_KEY_BYTES};
use aqueduct_core::payload::Params;

use super::Target;

/// A template to the first line break, and parameters behind it.
pub(super) const KEYS: Target = Target {
    name: "key",
    body: |bytes| {
        let mut halves = bytes.splitn(2, |byte| *byte == b'\n');
        let (text, params) = (halves.next(), halves.next());
        let text = String::from_utf8_lossy(text.unwrap_or_default());
        let Ok(template) = KeyTemplate::new(text.clone()) else {
            return;
        };
        assert_eq!(template.as_str(), text);
        let again = KeyTemplate::new(template.as_str());
        assert_eq!(again.as_ref(), Ok(&template), "it is read in two ways");
        let Ok(params) = Payload::from_bytes(params.unwrap_or_default()) else {
            return;
        };
        if let Ok(key) = template.render(&params) {
            assert!((1..=MAX_KEY_BYTES).contains(&key.len()), "{key:?}");
            assert_eq!(template.render(&params), Ok(key), "two keys of one run");
        }
    },
    examples: || {
        let params = Params::new().with("account", &7).with("kind", "full:{}");
        let params = params.into_payload().expect("parameters");
        let texts = [
            "sync:{account}:{kind}",
            "{{literal}}{kind}",
            "{order.customer}/{kind}",
        ];
        let example = |text: &str| [text.as_bytes(), b"\n", params.as_bytes()].concat();
        texts.map(example).to_vec()
    },
};
