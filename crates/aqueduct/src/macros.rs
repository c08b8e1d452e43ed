//! `tasks!` and `params!`.

/// Lists tasks for an application: `tasks![fetch, reports::monthly]`.
///
/// Each name is a function with `#[task]`.
///
/// ```
/// use aqueduct::{task, tasks};
///
/// #[task]
/// async fn hello(name: String) -> String {
///     format!("hello, {name}")
/// }
///
/// let list = tasks![hello];
/// assert_eq!(list.len(), 1);
/// ```
#[macro_export]
macro_rules! tasks {
    ($($($task:ident)::+),* $(,)?) => {
        $crate::__private::vec![$($crate::__private::erase($($task)::+ {})),*]
    };
}

/// Names parameters for a task that is queued by name: `params! { url: "…", depth: 3 }`.
///
/// ```
/// let url = "https://example.org";
/// let params = aqueduct::params! { url, depth: 3 };
/// assert_eq!(params.into_payload()?.keys(), Some(vec!["url".into(), "depth".into()]));
/// # Ok::<(), aqueduct::payload::PayloadError>(())
/// ```
#[macro_export]
macro_rules! params {
    (@add $params:expr;) => { $params };
    (@add $params:expr; $name:ident: $value:expr $(, $($rest:tt)*)?) => {
        $crate::params!(@add $params.with($crate::__private::stringify!($name), &$value); $($($rest)*)?)
    };
    (@add $params:expr; $name:ident $(, $($rest:tt)*)?) => {
        $crate::params!(@add $params.with($crate::__private::stringify!($name), &$name); $($($rest)*)?)
    };
    ($($entries:tt)*) => {
        $crate::params!(@add $crate::__private::Params::new(); $($entries)*)
    };
}
