//! Replies of Redis, whose scripts may be of another release.

use aqueduct_broker_redis::testing::read_reply;

use super::Target;

/// Which reader, and a reply as it comes over the wire, in a small notation: see `read_reply`.
pub(super) const REPLIES: Target = Target {
    name: "replies",
    body: read_reply,
    examples: || {
        let replies: [&[u8]; 6] = [
            b"012DAAAAAAAAAAAAAAAAF",
            b"1\x04\xff\x02",
            b"2*\x02$\x10AAAAAAAAAAAAAAAA$\x07\xa6enough",
            b"3*\x03:\x01*\x01$\x05queue$\x04name",
            b"4*\x02$\x010*\x01$\x03key",
            b"5*\x04$\x04task:\x05:\x01:\x02",
        ];
        replies.map(<[u8]>::to_vec).to_vec()
    },
};
