//! Makes a plan that fails smaller, so that a person can read it.

/// How often a smaller plan is tried.
const MAX_TRIES: usize = 500;

/// Returns a plan that fails with fewer steps, and how it fails.
///
/// Leaves out runs of steps, long ones first and single ones last, as long as what is left fails.
///
/// # Cancel safety
///
/// Dropping the future ends the search.
pub async fn shrink<S: Clone>(
    plan: Vec<S>,
    failure: String,
    fails: impl AsyncFn(&[S]) -> Option<String>,
) -> (Vec<S>, String) {
    let (mut smallest, mut failure) = (plan, failure);
    let mut tries = 0;
    let mut length = smallest.len() / 2;
    while length > 0 {
        let before = smallest.len();
        let mut start = 0;
        while start < smallest.len() && tries < MAX_TRIES {
            let end = smallest.len().min(start + length);
            let mut smaller = smallest.clone();
            smaller.drain(start..end);
            tries += 1;
            match fails(&smaller).await {
                Some(how) => (smallest, failure) = (smaller, how),
                None => start = end,
            }
        }
        let again = length == 1 && smallest.len() < before && tries < MAX_TRIES;
        length = if again { 1 } else { length / 2 };
    }
    (smallest, failure)
}
