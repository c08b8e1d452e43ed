//! Listing runs: the least ids that match, gathered from every place that a run can be in.

use std::collections::{BTreeMap, HashMap};

use aqueduct_broker_api::wire::{Header, WireError};
use aqueduct_broker_api::{BrokerError, MAX_PAGE, RunFilter, RunPage};
use aqueduct_core::{RunId, TaskRun};
use bytes::Bytes;

use crate::RedisBroker;
use crate::decode;
use crate::decode::admin::{reports, scanned, texts, values};
use crate::link::Args;
use crate::search::Part;
use crate::whole;

/// A page in the making: the least ids that match, and one more.
pub(crate) struct Page<'a> {
    filter: &'a RunFilter,
    runs: BTreeMap<RunId, TaskRun>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(filter: &'a RunFilter) -> Self {
        Self {
            filter,
            runs: BTreeMap::new(),
        }
    }

    /// Takes a stored run if it belongs to the page; the id in place of a run in a list does not.
    fn offer(&mut self, bytes: &[u8]) {
        self.offer_as(bytes, |_| decode::run(bytes));
    }

    /// Takes a held run if it belongs to the page, with what it reports in its attempt.
    fn offer_held(&mut self, bytes: &[u8], reports: &HashMap<RunId, Bytes>) {
        self.offer_as(bytes, |id| {
            let report = reports.get(&id).and_then(|it| it.split_at_checked(4));
            let report = report.filter(|(attempt, _)| bytes.get(20..24) == Some(*attempt));
            decode::held_run(bytes, report.map_or(&[], |(_, report)| report))
        });
    }

    fn offer_as(&mut self, bytes: &[u8], decode: impl FnOnce(RunId) -> Result<TaskRun, WireError>) {
        let Ok(header) = Header::read(&whole::unburdened(bytes)) else {
            return;
        };
        let is_before = self.filter.after.is_some_and(|after| header.id <= after);
        let is_full = self.runs.len() > self.filter.page_size();
        if is_before
            || (is_full
                && self
                    .runs
                    .last_key_value()
                    .is_some_and(|(last, _)| header.id > *last))
        {
            return;
        }
        if let Ok(run) = decode(header.id)
            && self.filter.matches(&run)
        {
            self.runs.insert(run.id, run);
            if self.runs.len() > self.filter.page_size() + 1 {
                self.runs.pop_last();
            }
        }
    }

    pub(crate) fn finish(mut self) -> RunPage {
        let mut page = RunPage::default();
        if self.runs.len() > self.filter.page_size() {
            self.runs.pop_last();
            page.next = self.runs.last_key_value().map(|(last, _)| *last);
        }
        page.runs = self.runs.into_values().collect();
        page
    }
}

impl RedisBroker {
    /// Lists what is stored by id: delayed, with options, or ended.
    pub(crate) async fn list_stored(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        let mut cursor = "0".to_owned();
        loop {
            let mut args = Args::default();
            args.text(&self.0.keys.name("runs"))
                .text(&cursor)
                .word("COUNT")
                .number(MAX_PAGE as u64);
            let reply = self.command(LIST, "HSCAN", args).await?;
            let (next, values) = scanned(reply).map_err(|error| error.during(LIST))?;
            for bytes in &values {
                page.offer(bytes);
            }
            cursor = next;
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    /// Lists what consumers hold.
    pub(crate) async fn list_held(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        let mut args = Args::default();
        args.text(&self.0.keys.name("consumers"))
            .word("0")
            .word("-1");
        let reply = self.command(LIST, "ZRANGE", args).await?;
        for consumer in texts(reply).map_err(|error| error.during(LIST))? {
            let mut args = Args::default();
            args.text(&self.0.keys.name(&format!("own:{consumer}")));
            let reply = self.command(LIST, "HVALS", args).await?;
            let values = values(reply).map_err(|error| error.during(LIST))?;
            let mut args = Args::default();
            args.text(&self.0.keys.name(&format!("progress:{consumer}")));
            let reply = self.command(LIST, "HGETALL", args).await?;
            let reports = reports(reply).map_err(|error| error.during(LIST))?;
            for bytes in &values {
                page.offer_held(bytes, &reports);
            }
        }
        Ok(())
    }

    /// Lists what is in ready lists.
    pub(crate) async fn list_waiting(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        for part in self.parts(LIST).await? {
            let mut args = Args::default();
            Part::push(Some(&part), &mut args);
            let reply = self.command(LIST, "LRANGE", args).await?;
            let entries = values(reply).map_err(|error| error.during(LIST))?;
            for bytes in &entries {
                page.offer(bytes);
            }
        }
        Ok(())
    }
}

/// The operation of listing, for errors.
const LIST: &str = "list";
