//! Suggests the known word that is most like a wrong one.

/// Returns the known word that shares the longest beginning with `word`, or differs least.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |other: &str| {
        let same = word
            .bytes()
            .zip(other.bytes())
            .take_while(|(a, b)| a == b)
            .count();
        let missing = other.chars().filter(|char| !word.contains(*char)).count();
        let extra = word.chars().filter(|char| !other.contains(*char)).count();
        (missing + extra, usize::MAX - same)
    };
    let best = known.iter().copied().min_by_key(|other| distance(other))?;
    (distance(best).0 <= 2).then_some(best)
}
