//! The maildrop that all sessions of a server see, and the lock that one of them holds (RFC 1939 §4).

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::maildrop::{Content, Maildrop, Message};

/// The maildrop on the server.
#[derive(Debug, Default)]
pub(super) struct SharedMaildrop {
    maildrop: Mutex<Maildrop>,
    in_use: AtomicBool,
    released: Notify,
}

impl SharedMaildrop {
    pub(super) fn new(maildrop: Maildrop) -> Self {
        Self { maildrop: Mutex::new(maildrop), ..Self::default() }
    }

    pub(super) fn maildrop(&self) -> MutexGuard<'_, Maildrop> {
        self.maildrop.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Locks the maildrop for a session; `None` when another session has held it for all of `patience`.
    pub(super) async fn lock(self: &Arc<Self>, patience: Duration) -> Option<MaildropLock> {
        let locked = async {
            loop {
                let released = self.released.notified();
                if !self.in_use.swap(true, Ordering::SeqCst) {
                    return MaildropLock(Arc::clone(self));
                }
                released.await;
            }
        };
        tokio::time::timeout(patience, locked).await.ok()
    }

    /// Removes these messages, each once. What came or was changed since the session began stays.
    pub(super) fn remove(&self, marked: Vec<Message>) {
        let mut gone: HashMap<Vec<u8>, Vec<Content>> = HashMap::new();
        for Message { uid, content } in marked {
            gone.entry(uid).or_default().push(content);
        }
        self.maildrop().messages_mut().retain(|message| {
            let Some(contents) = gone.get_mut(&message.uid) else { return true };
            let Some(index) = contents.iter().position(|content| *content == message.content) else { return true };
            contents.swap_remove(index);
            false
        });
    }
}

/// The lock of one session, released on drop.
#[derive(Debug)]
pub(super) struct MaildropLock(Arc<SharedMaildrop>);

impl Drop for MaildropLock {
    fn drop(&mut self) {
        self.0.in_use.store(false, Ordering::SeqCst);
        self.0.released.notify_one();
    }
}
