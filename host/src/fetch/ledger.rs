//! The journal of one account, shared between the task that talks to the server and the thread that stores.

use std::sync::{Arc, Mutex, PoisonError};

use super::FetchError;
use crate::journal::{Journal, JournalError};

#[derive(Clone, Debug)]
pub(super) struct Ledger {
    journal: Arc<Mutex<Journal>>,
    account: Arc<str>,
}

impl Ledger {
    pub(super) fn new(journal: Journal, account: String) -> Self {
        Ledger { journal: Arc::new(Mutex::new(journal)), account: account.into() }
    }

    /// Reads or notes something. It blocks for as long as the disk takes.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Journal, &str) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        // A transaction that a panic has left is rolled back: the journal is as good as before.
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut journal, &self.account)
    }

    /// The same in a thread of its own.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Journal, &str) -> Result<T, FetchError> + Send + 'static,
    ) -> Result<T, FetchError> {
        let ledger = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let mut journal = ledger.journal.lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut journal, &ledger.account)
        });
        done.await.map_err(|_| FetchError::Internal("the thread that works on the journal ended early"))?
    }
}
