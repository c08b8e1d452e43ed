//! Cron texts that cannot be: each error names the field, what it takes, and what is easily missed.

use aqueduct_core::Schedule;

/// Checks that a text is refused because of a field, with these words.
fn refused(text: &str, field: Option<&str>, words: &str) {
    let error = Schedule::cron(text).unwrap_err();
    assert_eq!(error.field(), field, "{text}: {error}");
    let message = error.to_string();
    assert!(message.contains(words), "{text}: {message}");
}

/// Checks that the message of a text ends so.
fn ends(text: &str, end: &str) {
    let message = Schedule::cron(text).unwrap_err().to_string();
    assert!(message.ends_with(end), "{text}: {message}");
}

#[test]
fn the_field_is_named_in_texts_of_every_length() {
    refused("60 * * * *", Some("minute"), "must be 0-59");
    refused("* 24 * * *", Some("hour"), "must be 0-23");
    refused("* * 32 * *", Some("day of month"), "1-31, L, or nW");
    refused("* * * 13 *", Some("month"), "1-12 or JAN-DEC");
    refused("* * * * 8", Some("weekday"), "0-7 or SUN-SAT");
    refused("60 * * * * *", Some("second"), "must be 0-59");
    refused("* 60 * * * *", Some("minute"), "must be 0-59");
    refused("* * * * * * 9999", Some("year"), "1-5000");
    refused("* * * * * 8 *", Some("weekday"), "0-7 or SUN-SAT");
    refused("* * * *", None, "has 4 fields");
    refused("* * * * * * * *", None, "has 8 fields");
}

#[test]
fn what_is_easily_missed_is_said() {
    let list = "; a list has a value on each side of a comma";
    let step = "; a step is 1 or more";
    let range = "; a range goes up: write two with a comma between, such as 22-23,0-5";
    ends("0,,5 * * * *", list);
    ends("*/0 * * * *", step);
    ends("0-30/00 * * * *", step);
    ends("* 22-5 * * *", range);
    ends("* 1,22-5/2 * * *", range);
    // Nothing is missed here but the bounds.
    ends("60 * * * *", "must be 0-59");
    ends("5-60 * * * *", "must be 0-59");
    ends("*/ * * * *", "must be 0-59");
    ends("60-60 * * * *", "must be 0-59");
}

#[test]
fn nicknames_that_nobody_knows_are_told_the_known_ones() {
    let known = "nicknames are @yearly, @monthly, @weekly, @daily, @hourly";
    ends("@fortnightly", known);
    for text in ["@yearly", "@monthly", "@weekly", "@daily", "@hourly"] {
        assert!(Schedule::cron(text).is_ok(), "{text}");
    }
}

#[test]
fn what_never_fires_says_which_field_it_may_be() {
    refused("0 0 30 2 *", Some("day of month"), "never fires");
    refused("0 0 0 30 2 * *", Some("day of month"), "never fires");
    refused("0 0 0 1 1 * 2020", Some("year"), "never fires");
}

#[test]
fn a_text_has_a_longest_length() {
    let longest = format!("10{} * * * *", ",1".repeat(123));
    let longer = format!("0{} * * * *", ",1".repeat(124));
    assert_eq!((longest.len(), longer.len()), (256, 257));
    assert!(Schedule::cron(&longest).is_ok());
    refused(&longer, None, "at most 256 bytes");
}
