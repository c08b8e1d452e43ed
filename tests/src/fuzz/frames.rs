//! Frames on the pipes of a worker: however a stream is cut, it is the same frames or the same refusal.

use aqueduct_cpu_pool::testing::{frame, read_frames};

use super::Target;

/// The size of a piece, and the stream.
pub(super) const FRAMES: Target = Target {
    name: "frames",
    body: |bytes| {
        let Some((piece, stream)) = bytes.split_first() else {
            return;
        };
        let whole = read_frames(stream, usize::MAX);
        let cut = read_frames(stream, usize::from(*piece).max(1));
        assert_eq!(whole, cut, "it depends on how the stream is cut");
    },
    examples: || {
        let hello = frame(0x01, 0, b"\x81\xa6number\x01", b"");
        let done = frame(0x88, 3, b"", b"a value");
        let both = [&*hello, &*done].concat();
        let cut = |stream: &[u8]| [b"\x07", stream].concat();
        vec![cut(&hello), cut(&done), cut(&both)]
    },
};
