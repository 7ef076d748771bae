//! A file system of which two states are known: what programs see, and what would be there after the power failed.

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::recording::{Event, Moment, Operation, Source};

/// The file system below one directory.
///
/// It is the strictest one that POSIX permits: a file keeps only the content that it had when a flush of it began which
/// has ended, and a directory only such names. To flush a file makes no name of it durable.
#[derive(Clone, Debug)]
pub struct Disk {
    root: PathBuf,
    nodes: Vec<Node>,
    /// Which node has this number now. The file system gives numbers again.
    by_inode: HashMap<u64, usize>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// What was there when the flush began that a thread is busy with.
    flushing: HashMap<i32, Snapshot>,
}

/// A file or a directory.
#[derive(Clone, Debug, Default)]
struct Node {
    is_directory: bool,
    content: Arc<Vec<u8>>,
    durable: Option<Arc<Vec<u8>>>,
    /// A flush has failed. What it was to write may be gone, and a later one that does not fail says nothing about it.
    is_suspect: bool,
}

#[derive(Clone, Debug)]
struct Snapshot {
    contents: Vec<(usize, Arc<Vec<u8>>)>,
    /// The directories with the names in them.
    directories: Vec<(PathBuf, BTreeMap<PathBuf, usize>)>,
}

/// Something that the model does not know how to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmodelled(pub String);

impl Disk {
    /// What is below this directory now; all of it counts as durable.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let mut disk = Self {
            root: root.clone(),
            nodes: Vec::new(),
            by_inode: HashMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            flushing: HashMap::new(),
        };
        disk.load_directory(&root)?;
        disk.durable_names = disk.names.clone();
        for node in &mut disk.nodes {
            node.durable = Some(Arc::clone(&node.content));
        }
        Ok(disk)
    }

    fn load_directory(&mut self, directory: &Path) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            let node = self.node(metadata.ino());
            self.names.insert(path.clone(), node);
            if metadata.is_dir() {
                self.nodes[node].is_directory = true;
                self.load_directory(&path)?;
            } else if metadata.is_file() {
                self.nodes[node].content = Arc::new(fs::read(&path)?);
            }
        }
        Ok(())
    }

    /// The directory whose content this is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Plays an event.
    ///
    /// # Errors
    /// When the model cannot follow it, so that it would tell something wrong from now on.
    pub fn play(&mut self, event: &Event) -> Result<(), Unmodelled> {
        match (event.moment, &event.operation) {
            (Moment::Before, Operation::Flush { .. } | Operation::FlushAll) => {
                let snapshot = self.snapshot(&event.operation)?;
                self.flushing.insert(event.thread, snapshot);
                Ok(())
            }
            (Moment::Before, _) => Ok(()),
            (Moment::After(Ok(result)), operation) => self.done(event.thread, operation, result),
            (Moment::After(Err(error)), operation) => {
                let snapshot = self.flushing.remove(&event.thread);
                // A failed flush of everything does not say which file it is, and leaves it to a flush of that to say so.
                if error != INTERRUPTED && *operation != Operation::FlushAll {
                    for (node, _) in snapshot.into_iter().flat_map(|snapshot| snapshot.contents) {
                        self.nodes[node].is_suspect = true;
                    }
                }
                Ok(())
            }
        }
    }

    fn snapshot(&self, operation: &Operation) -> Result<Snapshot, Unmodelled> {
        let below = |directory: &Path| {
            let names = self.names.iter().filter(|(path, _)| path.parent() == Some(directory));
            (directory.to_owned(), names.map(|(path, node)| (path.clone(), *node)).collect())
        };
        let Operation::Flush { file } = operation else {
            let contents = self.nodes.iter().enumerate().map(|(node, file)| (node, Arc::clone(&file.content)));
            let directories = self.names.iter().filter(|(_, node)| self.nodes[**node].is_directory);
            let directories = directories.map(|(path, _)| below(path)).chain([below(&self.root)]);
            return Ok(Snapshot { contents: contents.collect(), directories: directories.collect() });
        };
        if file.path == self.root {
            return Ok(Snapshot { contents: Vec::new(), directories: vec![below(&self.root)] });
        }
        let node = self.known(file.inode, &file.path)?;
        Ok(if self.nodes[node].is_directory {
            Snapshot { contents: Vec::new(), directories: vec![below(&file.path)] }
        } else {
            Snapshot { contents: vec![(node, Arc::clone(&self.nodes[node].content))], directories: Vec::new() }
        })
    }

    fn done(&mut self, thread: i32, operation: &Operation, result: u64) -> Result<(), Unmodelled> {
        match operation {
            Operation::Open { path, creates, truncates, unnamed, inode } => {
                let inode = inode.ok_or_else(|| Unmodelled(operation.to_string()))?;
                if *unnamed {
                    self.new_node(inode);
                } else if *creates && !self.names.contains_key(path) {
                    let node = self.new_node(inode);
                    self.names.insert(path.clone(), node);
                } else if *truncates {
                    let node = self.known(inode, path)?;
                    self.nodes[node].content = Arc::default();
                }
            }
            Operation::MakeDirectory { path, inode } => {
                let node = self.new_node(inode.ok_or_else(|| Unmodelled(operation.to_string()))?);
                self.nodes[node].is_directory = true;
                self.names.insert(path.clone(), node);
            }
            Operation::Write { file, at, octets } => {
                let node = self.known(file.inode, &file.path)?;
                let content = Arc::make_mut(&mut self.nodes[node].content);
                let written = &octets[..octets.len().min(result as usize)];
                let (from, to) = (*at as usize, *at as usize + written.len());
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(written);
            }
            Operation::Resize { file, length, shortens } => {
                let node = self.known(file.inode, &file.path)?;
                let content = Arc::make_mut(&mut self.nodes[node].content);
                if *shortens || content.len() < *length as usize {
                    content.resize(*length as usize, 0);
                }
            }
            Operation::Flush { .. } | Operation::FlushAll => {
                let snapshot = self.flushing.remove(&thread);
                self.flushed(snapshot.ok_or_else(|| Unmodelled(format!("the end of: {operation}")))?);
            }
            Operation::Rename { from, to } => {
                let node = self.names.remove(from).ok_or_else(|| Unmodelled(operation.to_string()))?;
                self.names.insert(to.clone(), node);
            }
            Operation::Link { from, to } => {
                let node = match from {
                    Source::Named(from) => self.names.get(from).copied(),
                    Source::Open(file) => self.by_inode.get(&file.inode).copied(),
                };
                self.names.insert(to.clone(), node.ok_or_else(|| Unmodelled(operation.to_string()))?);
            }
            Operation::Unlink { path } => drop(self.names.remove(path)),
            Operation::Close { .. } | Operation::Connect | Operation::Send { .. } | Operation::Shutdown => {}
        }
        Ok(())
    }

    fn flushed(&mut self, snapshot: Snapshot) {
        for (node, content) in snapshot.contents {
            if !self.nodes[node].is_suspect {
                self.nodes[node].durable = Some(content);
            }
        }
        for (directory, names) in snapshot.directories {
            self.durable_names.retain(|path, _| path.parent() != Some(&directory));
            self.durable_names.extend(names);
        }
    }

    /// What programs see.
    pub fn seen(&self) -> impl Iterator<Item = (&Path, &Content)> {
        self.names.iter().map(|(path, node)| (path.as_path(), &*self.nodes[*node].content))
    }

    /// The names that programs see, or those that are durable, each with the content that is durable: nothing for a file
    /// of which none is. A name counts only if those of all directories above it do. Of directories there is no content.
    pub(super) fn durable(&self, only_durable_names: bool) -> BTreeMap<&Path, Option<&Arc<Vec<u8>>>> {
        let names = if only_durable_names { &self.durable_names } else { &self.names };
        let reachable = |path: &Path| {
            let above = path.ancestors().skip(1).take_while(|above| *above != self.root);
            above.into_iter().all(|above| names.contains_key(above))
        };
        let nodes = names.iter().filter(|(path, _)| reachable(path)).map(|(path, node)| (path, &self.nodes[*node]));
        nodes.map(|(path, node)| (path.as_path(), node.durable.as_ref())).collect()
    }

    /// The content of the file of this name that is durable, where all of what programs see of it is.
    pub fn whole(&self, path: &Path) -> Option<&Content> {
        let node = &self.nodes[*self.names.get(path)?];
        node.durable.as_deref().filter(|durable| **durable == *node.content)
    }

    /// As [`whole`](Self::whole), for a file without a name.
    pub fn whole_unnamed(&self, inode: u64) -> Option<&Content> {
        let node = &self.nodes[*self.by_inode.get(&inode)?];
        node.durable.as_deref().filter(|durable| **durable == *node.content)
    }

    /// Whether something is there as a directory.
    pub(super) fn is_directory(&self, path: &Path) -> bool {
        self.names.get(path).or(self.durable_names.get(path)).is_some_and(|node| self.nodes[*node].is_directory)
    }

    fn known(&self, inode: u64, path: &Path) -> Result<usize, Unmodelled> {
        self.by_inode.get(&inode).copied().ok_or_else(|| Unmodelled(format!("{} was never opened", path.display())))
    }

    /// The node of this number, which may be a new one.
    fn node(&mut self, inode: u64) -> usize {
        self.by_inode.get(&inode).copied().unwrap_or_else(|| self.new_node(inode))
    }

    fn new_node(&mut self, inode: u64) -> usize {
        self.nodes.push(Node::default());
        self.by_inode.insert(inode, self.nodes.len() - 1);
        self.nodes.len() - 1
    }
}

/// The octets of a file.
type Content = Vec<u8>;

/// `EINTR`, the one error after which nothing is amiss.
const INTERRUPTED: i32 = 4;
