//! The file systems that a power failure may leave behind.

use std::{collections::BTreeMap, fs, io, path::Path, path::PathBuf, sync::Arc};

use super::Disk;

/// What has survived besides what was flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survivors {
    /// Nothing has.
    Nothing,
    /// All names have, as file systems that write contents late do it: files of which no content was flushed are empty.
    Names,
}

/// Names, relative to the root, with the contents of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image(BTreeMap<PathBuf, Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    Directory,
    File(Arc<Vec<u8>>),
}

impl Disk {
    /// What the disk has on it after the power has failed.
    ///
    /// The index of a write-ahead log (`-shm`) is left out: SQLite never flushes it and makes it anew.
    pub fn image(&self, survivors: Survivors) -> Image {
        let durable = self.durable(survivors == Survivors::Nothing);
        let is_kept = |path: &Path| !path.to_string_lossy().ends_with("-shm");
        let entries = durable.into_iter().filter(|(path, _)| is_kept(path)).map(|(path, content)| {
            let entry = match content {
                _ if self.is_directory(path) => Entry::Directory,
                Some(content) => Entry::File(Arc::clone(content)),
                None => Entry::File(Arc::default()),
            };
            (path.strip_prefix(self.root()).unwrap_or(path).to_owned(), entry)
        });
        Image(entries.collect())
    }
}

impl Image {
    /// The contents of the files in `new` and `cur`, of whatever Maildir.
    pub fn delivered(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.0.iter().filter_map(|(path, entry)| match entry {
            Entry::File(content) if is_delivered(path) => Some((path.as_path(), content.as_slice())),
            _ => None,
        })
    }

    /// Puts all of it into a directory that is there, over what is in it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        // A directory comes before what is in it.
        for (path, entry) in &self.0 {
            let path = directory.join(path);
            match entry {
                Entry::Directory => fs::create_dir_all(&path)?,
                Entry::File(content) => write_private(&path, content)?,
            }
        }
        Ok(())
    }
}

/// Whether this is the place of a message for readers to find it.
pub(super) fn is_delivered(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|parent| parent == "new" || parent == "cur")
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(content)
}
