//! Listing runs: the least ids that match, gathered from every place that a run can be in.

use std::collections::{BTreeMap, HashMap};

use aqueduct_broker_api::wire::{Header, WireError};
use aqueduct_broker_api::{BrokerError, FULL_PAGE_BYTES, RunFilter, RunPage};
use aqueduct_core::{RunId, TaskRun};
use bytes::Bytes;

use crate::RedisBroker;
use crate::decode;
use crate::decode::admin::{reports, scanned, texts, values};
use crate::link::Args;
use crate::pace::Pace;
use crate::whole;

/// A page in the making: the least ids that match.
pub(crate) struct Page<'a> {
    filter: &'a RunFilter,
    runs: BTreeMap<RunId, Listed>,
    /// How much the runs take together, as they are stored.
    bytes: usize,
    /// Whether there were more than the page has.
    is_full: bool,
}

/// A run of a page, and how much it takes.
struct Listed {
    run: TaskRun,
    bytes: usize,
}

impl<'a> Page<'a> {
    pub(crate) fn new(filter: &'a RunFilter) -> Self {
        Self {
            filter,
            runs: BTreeMap::new(),
            bytes: 0,
            is_full: false,
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
        let last = self.runs.last_key_value().map(|(last, _)| *last);
        if is_before || (self.is_full && last.is_some_and(|last| header.id > last)) {
            return;
        }
        if let Ok(run) = decode(header.id)
            && self.filter.matches(&run)
        {
            let listed = Listed {
                run,
                bytes: bytes.len(),
            };
            let before = self.runs.insert(header.id, listed);
            self.bytes += bytes.len();
            self.bytes -= before.map_or(0, |before| before.bytes);
            self.trim();
        }
    }

    /// Drops the last runs until those before the last do not fill the page.
    fn trim(&mut self) {
        while let Some(last) = self.runs.last_entry() {
            let before = self.bytes - last.get().bytes;
            let number = self.runs.len();
            if number <= self.filter.page_size() && (number == 1 || before < FULL_PAGE_BYTES) {
                return;
            }
            self.runs.pop_last();
            self.bytes = before;
            self.is_full = true;
        }
    }

    pub(crate) fn finish(self) -> RunPage {
        let mut page = RunPage::default();
        page.runs = self.runs.into_values().map(|listed| listed.run).collect();
        if self.is_full {
            page.next = page.runs.last().map(|last| last.id);
        }
        page
    }
}

impl RedisBroker {
    /// Lists what is stored by id: delayed, with options, or ended.
    pub(crate) async fn list_stored(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        let runs = self.0.keys.name("runs");
        self.scan(&runs, |bytes| page.offer(bytes)).await
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
            args.text(&self.0.keys.name(&format!("progress:{consumer}")));
            let reply = self.command(LIST, "HGETALL", args).await?;
            let reports = reports(reply).map_err(|error| error.during(LIST))?;
            let own = self.0.keys.name(&format!("own:{consumer}"));
            self.scan(&own, |bytes| page.offer_held(bytes, &reports))
                .await?;
        }
        Ok(())
    }

    /// Shows all values of a hash.
    async fn scan(&self, hash: &str, mut show: impl FnMut(&[u8])) -> Result<(), BrokerError> {
        let (mut cursor, mut pace) = ("0".to_owned(), Pace::new());
        loop {
            let mut args = Args::default();
            args.text(hash)
                .text(&cursor)
                .word("COUNT")
                .number(pace.entries());
            let reply = self.command(LIST, "HSCAN", args).await?;
            let (next, values) = scanned(reply).map_err(|error| error.during(LIST))?;
            for bytes in &values {
                show(bytes);
            }
            pace.learn(&values);
            cursor = next;
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    /// Lists what is in ready lists, from the tails to the heads.
    pub(crate) async fn list_waiting(&self, page: &mut Page<'_>) -> Result<(), BrokerError> {
        for list in self.lists().await? {
            let length = self.length(LIST, &list).await?;
            let (mut from, mut pace) = (1, Pace::new());
            while from <= length {
                let next = from + pace.entries();
                let mut args = Args::default();
                args.text(&list)
                    .text(&format!("-{}", next - 1))
                    .text(&format!("-{from}"));
                let reply = self.command(LIST, "LRANGE", args).await?;
                let entries = values(reply).map_err(|error| error.during(LIST))?;
                for bytes in &entries {
                    page.offer(bytes);
                }
                pace.learn(&entries);
                from = next;
            }
        }
        Ok(())
    }
}

/// The operation of listing, for errors.
const LIST: &str = "list";
