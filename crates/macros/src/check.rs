//! Refuses functions that cannot be tasks, with the error at what is wrong; collects all errors.

use syn::spanned::Spanned;
use syn::{Error, FnArg, Type};

use crate::args::{Retry, RetryArgs, TaskArgs};
use crate::expand::Flavour;
use crate::key::check_key;
use crate::limit::check_shared;
use crate::model::{Param, Source, TaskFn};

/// Checks the function, its parameters and its options.
pub(crate) fn check(
    flavour: Flavour,
    function: &TaskFn,
    params: &[Param],
    args: &TaskArgs,
) -> syn::Result<()> {
    let mut errors = Vec::new();
    check_flavour(flavour, params, args, &mut errors);
    check_signature(function, &mut errors);
    for param in params {
        check_param(param, &mut errors);
    }
    check_struct(params, &mut errors);
    check_input(params, &mut errors);
    check_limits(args, &mut errors);
    check_waits(args, &mut errors);
    check_shared(&args.limits, &mut errors);
    check_debounce(args, &mut errors);
    for key in args.keys() {
        check_key(key, params, &mut errors);
    }
    let mut errors = errors.into_iter();
    let Some(mut first) = errors.next() else {
        return Ok(());
    };
    first.extend(errors);
    Err(first)
}

/// Refuses options of CPU tasks elsewhere, and state that nobody makes.
fn check_flavour(flavour: Flavour, params: &[Param], args: &TaskArgs, errors: &mut Vec<Error>) {
    if flavour == Flavour::Io {
        if let Some((span, name)) = &args.cpu.first {
            errors.push(Error::new(*span, format!("`{name}` is for `#[cpu_task]`")));
        }
        return;
    }
    let states = params.iter().filter(|param| param.source == Source::State);
    let states: Vec<&Param> = states.collect();
    let makers = args.cpu.init.len();
    for param in states.iter().skip(makers) {
        let message = "a CPU task runs in a worker process: name a function that makes this state there, \
                       `#[cpu_task(init = …)]`, or `init(a, b)` for several, in the order of the parameters";
        errors.push(Error::new(param.ty.span(), message));
    }
    for path in args.cpu.init.iter().skip(states.len()) {
        let message = "no parameter `State<T>` receives what this makes";
        errors.push(Error::new(path.span(), message));
    }
}

fn check_signature(function: &TaskFn, errors: &mut Vec<Error>) {
    let sig = &function.sig;
    let mut refuse =
        |span: proc_macro2::Span, message: &str| errors.push(Error::new(span, message));
    if let Some(FnArg::Receiver(receiver)) = sig.inputs.first() {
        refuse(
            receiver.span(),
            "a task has no `self`; take what it needs as `State<T>`",
        );
    }
    if !sig.generics.params.is_empty() {
        let span = sig.generics.params.span();
        refuse(
            span,
            "a task has no generic parameters: runs are stored under one name with one type",
        );
    }
    if let Some(clause) = &sig.generics.where_clause {
        refuse(clause.span(), "a task has no `where` clause");
    }
    if let Some(token) = &sig.constness {
        refuse(token.span(), "a task cannot be `const`");
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        refuse(
            token.span(),
            "a task cannot be `unsafe`: the consumer calls it",
        );
    }
    if let Some(abi) = &sig.abi {
        refuse(abi.span(), "a task cannot be `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        refuse(variadic.span(), "a task cannot be variadic");
    }
}

fn check_param(param: &Param, errors: &mut Vec<Error>) {
    let mut refuse =
        |span: proc_macro2::Span, message: &str| errors.push(Error::new(span, message));
    if param.name.is_none() {
        let message = "name this parameter: its name is its key in the parameters of the run; take it \
                       apart in the body";
        refuse(param.ty.span(), message);
    }
    if let Some(cfg) = &param.cfg {
        refuse(
            cfg.span(),
            "a parameter of a task cannot be conditional: producers and consumers must agree",
        );
    }
    if !param.serde.is_empty() && !matches!(param.source, Source::Wire | Source::Input) {
        refuse(param.ty.span(), "`#[serde]` is for parameters of the run");
    }
    match (&param.ty, param.source) {
        (Type::ImplTrait(ty), _) => {
            refuse(
                ty.span(),
                "a task needs a concrete type here, not `impl Trait`",
            );
        }
        (Type::Reference(ty), Source::Wire | Source::Params | Source::Input) => {
            refuse(
                ty.span(),
                "a parameter of a run is owned: use `String` for `&str`, `Vec<T>` for `&[T]`",
            );
        }
        (Type::Reference(ty), Source::State) => {
            refuse(ty.span(), "take `State<T>` by value: it is cheap to clone");
        }
        _ => {}
    }
}

/// Refuses limits that leave nothing of each other.
fn check_limits(args: &TaskArgs, errors: &mut Vec<Error>) {
    if let (Some(schedule), true) = (&args.schedule, args.unique.is_some())
        && schedule.overlap == Some("CancelPrevious")
    {
        let message = "`unique` keeps the next run out while the one before has not ended: leave it out, or \
                       `overlap = cancel_previous`";
        errors.push(Error::new(schedule.span, message));
    }
    let Some(total) = &args.total_timeout else {
        return;
    };
    if let Some(expiry) = args
        .expires_in
        .as_ref()
        .filter(|it| it.value >= total.value)
    {
        let message = "`total_timeout` is over before the run expires: leave `expires_in` out";
        errors.push(Error::new(expiry.literal.span(), message));
    }
    if let Some(timeout) = args.timeout.as_ref().filter(|it| it.value > total.value) {
        let message = "an attempt cannot take longer than the run: this is over `total_timeout`";
        errors.push(Error::new(timeout.literal.span(), message));
    }
    if let Some(Retry::Policy(RetryArgs {
        backoff: Some(backoff),
        ..
    })) = &args.retry
        && backoff.value >= total.value
    {
        let message = "no retry would ever begin: the first wait is not below `total_timeout`";
        errors.push(Error::new(backoff.literal.span(), message));
    }
}

/// Refuses a first wait that the longest one cuts.
fn check_waits(args: &TaskArgs, errors: &mut Vec<Error>) {
    if let Some(Retry::Policy(RetryArgs {
        backoff: Some(first),
        max_wait: Some(longest),
        ..
    })) = &args.retry
        && first.value > longest.value
    {
        let message = "no wait is that short: the first one, `backoff`, is over `max_wait`";
        errors.push(Error::new(longest.literal.span(), message));
    }
}

/// Refuses a tick that would wait for a pause of its schedule, and a run that expires before it is due.
fn check_debounce(args: &TaskArgs, errors: &mut Vec<Error>) {
    let Some(unique) = &args.unique else {
        return;
    };
    let Some(wait) = unique.puts_off_by() else {
        return;
    };
    if args.schedule.is_some() {
        let message =
            "a tick of a schedule has its time: `debounce` and `schedule` contradict each other";
        errors.push(Error::new(unique.span, message));
    }
    if let Some(expiry) = args.expires_in.as_ref().filter(|it| it.value <= wait) {
        let message = "a run would expire before it is due: `expires_in` counts from the call, and \
                       `debounce` puts the run off for longer";
        errors.push(Error::new(expiry.literal.span(), message));
    }
}

/// What ran before is one value.
fn check_input(params: &[Param], errors: &mut Vec<Error>) {
    let inputs = params.iter().filter(|param| param.source == Source::Input);
    for param in inputs.skip(1) {
        let message =
            "a task has one `#[input]`: what ran before is one value, and a `Vec` behind a group";
        errors.push(Error::new(param.ty.span(), message));
    }
}

/// A struct that holds all parameters stands alone.
fn check_struct(params: &[Param], errors: &mut Vec<Error>) {
    let wire = params
        .iter()
        .filter(|param| matches!(param.source, Source::Wire | Source::Params | Source::Input));
    let wire: Vec<&Param> = wire.collect();
    if wire.len() > 1 {
        for param in wire.iter().filter(|param| param.source == Source::Params) {
            let message =
                "a `#[params]` struct holds all parameters: it stands alone beside the context";
            errors.push(Error::new(param.ty.span(), message));
        }
    }
}
