//! Files that this program makes, so that nothing of the user's is lost by it.

use std::collections::hash_map::RandomState;
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use countermand_core::text::looks_secret;

/// The mode of a file that is for its owner only.
const PRIVATE: u32 = 0o600;
/// The mode of a file that holds no secret and that other accounts need, like a CA certificate.
const PUBLIC: u32 = 0o644;

/// A file that appears under its name when it is whole, and not before.
///
/// It is written beside its place, under a name that cannot be predicted, and
/// [`commit`](Self::commit) moves it there; dropped before that, it leaves nothing behind. A regular
/// file at the path is replaced by the move and its mode is kept. A symbolic link at the path is
/// refused, because the file it leads to may be another user's; so are a folder and a file without
/// permission to write. A pipe, a terminal or a device (`/dev/stdout`) is written directly.
///
/// ```
/// use std::io::Write;
/// use countermand_hyper::OutputFile;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("report.csv");
/// let mut file = OutputFile::create(&path)?;
/// file.write_all(b"name,verdict\n")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert!(path.exists());
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct OutputFile {
    file: File,
    /// `None` where the file is written directly.
    place: Option<Place>,
}

/// The part file, its final path, and the file it replaces.
#[derive(Debug)]
struct Place {
    part: PathBuf,
    path: PathBuf,
    replaced: Option<Metadata>,
}

impl OutputFile {
    /// Begins a file that only its owner can read (mode 0600), unless it replaces one of another
    /// mode.
    ///
    /// # Errors
    /// `path` is a link, a folder, a read-only file or `-`; or the file system refuses.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::begin(path, PRIVATE, true)
    }

    /// As [`create`](Self::create), for a file that all accounts may read (mode 0644, less the umask).
    ///
    /// # Errors
    /// Likewise.
    pub fn create_public(path: &Path) -> io::Result<Self> {
        Self::begin(path, PUBLIC, true)
    }

    /// As [`create`](Self::create), for a file that others look for by its name: a pipe or a device in its
    /// place is refused, as nothing may ever read it.
    ///
    /// # Errors
    /// Likewise.
    pub fn create_regular(path: &Path) -> io::Result<Self> {
        Self::begin(path, PRIVATE, false)
    }

    /// As [`create_regular`](Self::create_regular) and [`create_public`](Self::create_public).
    ///
    /// # Errors
    /// Likewise.
    pub fn create_regular_public(path: &Path) -> io::Result<Self> {
        Self::begin(path, PUBLIC, false)
    }

    fn begin(path: &Path, mode: u32, pipes: bool) -> io::Result<Self> {
        let replaced = match look(path, pipes)? {
            Target::Direct(file) => return Ok(Self { file, place: None }),
            Target::New => None,
            Target::File(metadata) => Some(metadata),
        };
        let folder = folder_of(path);
        loop {
            let part = folder.join(unpredictable(".countermand-", ".part"));
            match new_file(&part, mode) {
                Ok(file) => {
                    let place = Some(Place {
                        part,
                        path: path.into(),
                        replaced,
                    });
                    return Ok(Self { file, place });
                }
                // 64 bits do not meet by chance; one that was there is left alone.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Brings the content to the disk, then gives the file its name.
    ///
    /// # Errors
    /// The file system's; the file that was there before is then still there.
    pub fn commit(mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some(place) = &self.place else {
            return Ok(());
        };
        if let Some(replaced) = &place.replaced {
            adopt(&self.file, replaced)?;
        }
        self.file.sync_all()?;
        // Another kind of thing may have come there meanwhile: a link would be replaced itself, and
        // a folder makes the move fail.
        fs::rename(&place.part, &place.path)?;
        // The file is whole and has its name; without this only a power failure could take that.
        let _ = File::open(folder_of(&place.path)).and_then(|folder| folder.sync_all());
        self.place = None;
        Ok(())
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(place) = &self.place {
            // Half a file is of no use; that it stays is no second failure.
            let _ = fs::remove_file(&place.part);
        }
    }
}

/// Makes a new file for its owner only (mode 0600). A file or a link of that name is left alone and
/// refused as [`io::ErrorKind::AlreadyExists`], and `-` is not a name.
///
/// # Errors
/// As said, and the file system's.
pub fn create_new(path: &Path) -> io::Result<File> {
    refuse_odd(path)?;
    new_file(path, PRIVATE)
}

/// Makes a folder and those above it, unless they are there. A name that looks like a secret is refused.
///
/// # Errors
/// As said, and the file system's.
pub fn create_folder(path: &Path) -> io::Result<()> {
    refuse_odd(path)?;
    fs::create_dir_all(path)
}

/// Makes a new folder for its owner only (mode 0700) in `parent`, with an unpredictable name that
/// begins with `prefix`.
///
/// # Errors
/// The file system's.
pub fn private_folder(parent: &Path, prefix: &str) -> io::Result<PathBuf> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    loop {
        let folder = parent.join(unpredictable(prefix, ""));
        match builder.create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// The thing at a path that is to be written.
enum Target {
    New,
    File(Metadata),
    /// Something that is no file, open for writing.
    Direct(File),
}

/// Looks at it; `pipes` are taken, or refused because opening one waits for its reader.
fn look(path: &Path, pipes: bool) -> io::Result<Target> {
    refuse_odd(path)?;
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Target::New),
        Err(error) => return Err(error),
    };
    let kind = there.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder, and a file is expected",
        ));
    }
    if kind.is_file() {
        return match there.permissions().readonly() {
            true => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the file there is read-only",
            )),
            false => Ok(Target::File(there)),
        };
    }
    if kind.is_symlink() && !is_descriptor(path) && !fs::metadata(path).is_ok_and(is_special) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it is a symbolic link, which is not followed: name the file itself, or remove the link",
        ));
    }
    if !pipes && !is_descriptor(path) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a pipe or a device, and a file is expected",
        ));
    }
    let mut options = OpenOptions::new();
    // A shell has emptied a file that stands behind a descriptor, if it was meant to.
    let file = match is_descriptor(path) {
        true => options.append(true).open(path)?,
        false => options.write(true).open(path)?,
    };
    match is_descriptor(path) || is_special(file.metadata()?) {
        true => Ok(Target::Direct(file)),
        // It was another one a moment ago.
        false => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a file took the place of a device while it was opened",
        )),
    }
}

/// A pipe, a socket, a terminal or another device: there is nothing in it that could be lost.
#[expect(clippy::needless_pass_by_value, reason = "for `is_ok_and`")]
fn is_special(there: Metadata) -> bool {
    !there.is_file() && !there.is_dir()
}

/// `/dev/stdout`, `/dev/fd/3` and their like name files that this process has open already.
fn is_descriptor(path: &Path) -> bool {
    if ["/dev/stdout", "/dev/stderr"]
        .map(Path::new)
        .contains(&path)
    {
        return true;
    }
    let parent = path
        .parent()
        .and_then(|parent| fs::canonicalize(parent).ok());
    let mine = PathBuf::from(format!("/proc/{}/fd", std::process::id()));
    parent.is_some_and(|parent| parent == mine || parent == Path::new("/dev/fd"))
}

/// Refuses a text that is meant as something else than the name of a file: `-`, and a secret, which would
/// stand in the folder for all to see.
fn refuse_odd(path: &Path) -> io::Result<()> {
    let problem = match looks_secret(&path.to_string_lossy()) {
        _ if path.as_os_str() == "-" => {
            "`-` is not the name of a file; for one of that name say `./-`".to_owned()
        }
        Some(like) => format!("it looks like {like}, and no file is made of that name"),
        None => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, problem))
}

fn new_file(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // `create_new` is O_EXCL, which follows no link either.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    options.open(path)
}

/// Gives a file the owner, group and mode of the one it replaces. Where the group cannot be kept,
/// another group gains nothing.
#[cfg(unix)]
fn adopt(file: &File, replaced: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let mut mode = replaced.mode() & 0o777;
    let made = file.metadata()?;
    if made.uid() != replaced.uid() {
        // Only root can; otherwise the file stays the user's.
        let _ = fchown(file, Some(replaced.uid()), None);
    }
    if made.gid() != replaced.gid() && fchown(file, None, Some(replaced.gid())).is_err() {
        mode &= !0o070;
    }
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn adopt(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// A name that cannot be predicted: std keys each of its hashers by the system's randomness.
fn unpredictable(before: &str, after: &str) -> String {
    let number = RandomState::new().build_hasher().finish();
    format!("{before}{number:016x}{after}")
}
