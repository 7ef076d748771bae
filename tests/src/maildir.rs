//! Reads a Maildir back: what lies in `new`, `cur` and `tmp`, and whether it is what should.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::fingerprint::{Difference, Fingerprint, compare};

/// A Maildir on disk. It is read anew at each call, and never changed.
#[derive(Clone, Debug)]
pub struct Maildir {
    root: PathBuf,
}

/// The three folders of a Maildir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Folder {
    /// Delivered, not yet seen by a mail program.
    New,
    /// Seen by a mail program.
    Cur,
    /// Deliveries that are not complete.
    Tmp,
}

impl Folder {
    /// Its name on disk.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Cur => "cur",
            Self::Tmp => "tmp",
        }
    }
}

/// One file in a Maildir.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The folder.
    pub folder: Folder,
    /// The file name, with replacement characters for what is not UTF-8.
    pub name: String,
    /// The whole path.
    pub path: PathBuf,
}

impl Entry {
    /// The content.
    ///
    /// # Panics
    /// When the file cannot be read.
    pub fn octets(&self) -> Vec<u8> {
        fs::read(&self.path).unwrap_or_else(|error| panic!("cannot read {}: {error}", self.path.display()))
    }

    /// Size and digest of the content, labelled with the path in the Maildir and the subject.
    ///
    /// # Panics
    /// When the file cannot be read.
    pub fn fingerprint(&self) -> Fingerprint {
        let octets = self.octets();
        Fingerprint::of(format!("{}/{}{}", self.folder.name(), self.name, subject(&octets)), &octets)
    }
}

impl Maildir {
    /// The Maildir at this path, which need not exist yet.
    pub fn at(root: impl AsRef<Path>) -> Self {
        Self { root: root.as_ref().to_owned() }
    }

    /// The path it is at.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The files in a folder, by name. A folder that is not there has none.
    ///
    /// # Panics
    /// When the folder cannot be read.
    pub fn entries(&self, folder: Folder) -> Vec<Entry> {
        let path = self.root.join(folder.name());
        let listing = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            listing => listing.unwrap_or_else(|error| panic!("cannot list {}: {error}", path.display())),
        };
        let mut entries: Vec<Entry> = listing
            .map(|file| {
                let file = file.unwrap_or_else(|error| panic!("cannot list {}: {error}", path.display()));
                Entry { folder, name: file.file_name().to_string_lossy().into_owned(), path: file.path() }
            })
            .collect();
        entries.sort();
        entries
    }

    /// What counts as delivered: the files in `new` and `cur`.
    pub fn delivered(&self) -> Vec<Entry> {
        [self.entries(Folder::New), self.entries(Folder::Cur)].concat()
    }

    /// What was begun: the files in `tmp`.
    pub fn unfinished(&self) -> Vec<Entry> {
        self.entries(Folder::Tmp)
    }

    /// Compares what was delivered with what should have been, in any order, file for file and octet for octet.
    ///
    /// ```
    /// use popfetch_tests::{maildir::Maildir, maildrop::Maildrop};
    ///
    /// let expected = Maildrop::of_octets(["Subject: hello\r\n\r\nbody\r\n"]);
    /// let difference = Maildir::at("/nowhere").compare(expected.fingerprints_lf()).unwrap_err();
    /// assert_eq!(difference.missing.len(), 1);
    /// ```
    ///
    /// # Errors
    /// What is missing, what is there twice, and what should not be there.
    pub fn compare(&self, expected: impl IntoIterator<Item = Fingerprint>) -> Result<(), Difference> {
        compare(expected, self.delivered().iter().map(Entry::fingerprint))
    }

    /// As [`compare`](Self::compare), for a test that goes on only when all is well. What is in `tmp` is not looked at.
    ///
    /// # Panics
    /// With a list of the differences.
    pub fn assert_holds(&self, expected: impl IntoIterator<Item = Fingerprint>) {
        if let Err(difference) = self.compare(expected) {
            panic!("{} does not hold what it should\n{difference}", self.root.display());
        }
    }
}

/// The subject field, in words behind a name, for a reader of a failed test.
fn subject(octets: &[u8]) -> String {
    let header = octets.split(|&octet| octet == b'\n').take(100);
    let line = header.into_iter().find(|line| line.starts_with(b"Subject:"));
    line.map(|line| format!(" ({})", line.trim_ascii_end().escape_ascii())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maildrop::Maildrop;

    #[test]
    fn what_is_there_is_compared_with_what_should_be() {
        let folder = tempfile::tempdir().unwrap();
        let maildir = Maildir::at(folder.path().join("mail"));
        let expected = Maildrop::of_octets(["Subject: one\r\n\r\n", "Subject: two\r\n\r\n"]);
        assert_eq!(maildir.compare(expected.fingerprints()).unwrap_err().missing.len(), 2);

        for folder in [Folder::New, Folder::Cur, Folder::Tmp] {
            fs::create_dir_all(maildir.path().join(folder.name())).unwrap();
        }
        fs::write(maildir.path().join("new/1"), "Subject: one\n\n").unwrap();
        fs::write(maildir.path().join("cur/2:2,S"), "Subject: two\n\n").unwrap();
        fs::write(maildir.path().join("tmp/3"), "Subj").unwrap();
        assert_eq!(maildir.compare(expected.fingerprints_lf()), Ok(()));
        assert_eq!(maildir.unfinished().len(), 1);

        fs::write(maildir.path().join("new/4"), "Subject: two\n\n").unwrap();
        let difference = maildir.compare(expected.fingerprints_lf()).unwrap_err();
        assert_eq!(difference.repeated.len(), 1);
        assert!(difference.to_string().contains("cur/2:2,S (Subject: two)"), "{difference}");
    }
}
