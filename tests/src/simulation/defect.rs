//! What a broker does wrong on purpose, to show that the laws see it.

/// Lists what a broker can do wrong, and all of it.
macro_rules! defects {
    ($($(#[doc = $doc:literal])+ $name:ident,)*) => {
        /// What a broker does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Defect { $($(#[doc = $doc])+ $name,)* }

        impl Defect {
            /// Everything.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

defects! {
    /// A repeated enqueue is done again.
    ForgetsEnqueues,
    /// A repeated claim is done again.
    ForgetsClaims,
    /// A settlement of an older attempt is recorded.
    HasNoFence,
    /// What is released is removed.
    LosesReleased,
    /// The runs of a consumer whose lease has not passed are taken back.
    TakesFromTheLiving,
    /// Nothing is taken back.
    NeverReclaims,
    /// It takes back at once after a standstill.
    NeverPauses,
    /// A tick that was fired is fired again.
    FiresTwice,
    /// A further attempt has the number of the last one.
    KeepsTheAttempt,
    /// A release is counted as a failure.
    CountsReleases,
    /// A delay is ignored.
    IgnoresDelays,
    /// What a consumer does not know of stays in its hands.
    KeepsOrphans,
    /// A settlement that comes with a claim is not recorded.
    DropsSettlements,
    /// A cancel of a running run is not passed on.
    IgnoresCancels,
    /// The last task of a batch is not stored.
    StoresOneLess,
    /// A heartbeat renews nothing.
    RenewsNothing,
    /// A run is given to two consumers.
    GivesTwice,
    /// One more run is let start than a limit says.
    AllowsOneMore,
    /// One run less is let start than a limit says.
    AllowsOneLess,
    /// Limits are not stored.
    ForgetsLimits,
    /// Runs with fair keys start as they come.
    IgnoresFairKeys,
    /// A turn is one run longer than its weight says.
    TakesLongTurns,
    /// A failure holds nothing back.
    HoldsNothingBack,
    /// A follow-up does not wait for the last of those that it follows.
    ReleasesEarly,
    /// The last of those that a follow-up waits for does not tell it of its end.
    ReleasesNobody,
    /// A follow-up runs although one that it follows failed.
    IgnoresFailures,
    /// The values of a group are in the wrong order.
    MixesUpInputs,
    /// A follow-up gets no input.
    DropsInputs,
    /// Nobody who waits is told of an end.
    TellsNobody,
    /// Whoever waits is told of an end that has not come.
    TellsTooEarly,
    /// A run that has not ended is unknown to whoever waits for it.
    KnowsNoWaits,
    /// What an older attempt reports is shown.
    ShowsOldReports,
    /// What is reported is not shown.
    DropsReports,
}
