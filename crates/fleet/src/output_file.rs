//! Files that this program makes, so that nothing of the user's is lost by it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use countermand_core::text::looks_secret;
use tempfile::NamedTempFile;

use crate::system::{self, folder_of};

/// A file that appears under its name when it is whole, and not before.
///
/// It is written beside its place, under a name that is not known before, and
/// [`commit`](Self::commit) moves it there; dropped before that, it leaves nothing behind. A new file is
/// for its owner only (mode 0600); a regular file at the path is replaced by the move and its mode is kept. A
/// symbolic link at the path is refused, because the file it leads to may be another user's; so are a folder
/// and a file without permission to write. A pipe, a terminal or a device (`/dev/stdout`) is written
/// directly.
///
/// ```
/// use std::io::Write;
/// use countermand_fleet::OutputFile;
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
pub struct OutputFile(Output);

#[derive(Debug)]
enum Output {
    /// A pipe or a device.
    Direct(File),
    /// The file and its final path.
    Moved(NamedTempFile, PathBuf),
}

impl OutputFile {
    /// Begins a file.
    ///
    /// # Errors
    /// `path` is a link, a folder, a read-only file, an SQLite database or `-`; or the file system refuses.
    pub fn create(path: &Path) -> io::Result<Self> {
        refuse_odd(path)?;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(there) if !there.is_file() => {
                return open_directly(path, &there).map(|file| Self(Output::Direct(file)));
            }
            Ok(there) if there.permissions().readonly() => {
                return Err(refused(
                    ErrorKind::PermissionDenied,
                    "the file there is read-only",
                ));
            }
            Ok(_) if is_database(path) => {
                let problem = "the file there is an SQLite database, such as a job file: its proof would be lost";
                return Err(refused(ErrorKind::AlreadyExists, problem));
            }
            Ok(_) => {}
        }
        let mut part = tempfile::Builder::new();
        part.prefix(".countermand-").suffix(".part").rand_bytes(16);
        let folder = folder_of(path);
        let part = part
            .tempfile_in(folder)
            .map_err(|error| of_folder(folder, error))?;
        Ok(Self(Output::Moved(part, path.into())))
    }

    /// Brings the content to the disk, then gives the file its name.
    ///
    /// # Errors
    /// The file system's; the file that was there before is then still there.
    pub fn commit(self) -> io::Result<()> {
        let Output::Moved(part, path) = self.0 else {
            return Ok(());
        };
        if let Ok(replaced) = fs::symlink_metadata(&path)
            && replaced.is_file()
        {
            system::adopt(part.as_file(), &replaced)?;
        }
        part.as_file().sync_all()?;
        // Another kind of thing may have come there meanwhile: a link would be replaced itself, and
        // a folder makes the move fail.
        part.persist(&path)?;
        // The file is whole and has its name; without this only a power failure could take that.
        let _ = system::sync_folder(folder_of(&path));
        Ok(())
    }
}

/// The error of a file that could not be made in a folder, without its temporary name where the folder explains it.
fn of_folder(folder: &Path, error: io::Error) -> io::Error {
    match fs::metadata(folder) {
        Err(of_folder) => of_folder,
        Ok(_) if error.kind() == ErrorKind::PermissionDenied => refused(
            ErrorKind::PermissionDenied,
            "its folder does not let files be made in it",
        ),
        Ok(_) => error,
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Output::Direct(file) => file.write(bytes),
            Output::Moved(part, _) => part.write(bytes),
        }
    }

    /// Neither kind of file holds anything back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes a new file for its owner only (mode 0600). A file or a link of that name is left alone and
/// refused as [`io::ErrorKind::AlreadyExists`], and `-` is not a name.
///
/// # Errors
/// As said, and the file system's.
pub fn create_new(path: &Path) -> io::Result<File> {
    refuse_odd(path)?;
    // `create_new` is O_EXCL, which follows no link either.
    let mut options = OpenOptions::new();
    system::private(options.write(true).create_new(true)).open(path)
}

/// Opens something that is no file, so that nothing is lost by writing to it.
fn open_directly(path: &Path, there: &Metadata) -> io::Result<File> {
    if there.is_dir() {
        return Err(refused(
            ErrorKind::IsADirectory,
            "it is a folder, and a file is expected",
        ));
    }
    // A shell has emptied a file that stands behind a descriptor, if it was meant to.
    if is_descriptor(path) {
        return OpenOptions::new().append(true).open(path);
    }
    let is_special = |there: &Metadata| !there.is_file() && !there.is_dir();
    if !fs::metadata(path).is_ok_and(|there| is_special(&there)) {
        return Err(refused(
            ErrorKind::AlreadyExists,
            "it is a symbolic link, which is not followed: name the file itself, or remove the link",
        ));
    }
    let file = OpenOptions::new().write(true).open(path)?;
    match is_special(&file.metadata()?) {
        true => Ok(file),
        // It was another one a moment ago.
        false => Err(refused(
            ErrorKind::AlreadyExists,
            "a file took the place of a device while it was opened",
        )),
    }
}

/// `/dev/stdout`, `/dev/fd/3` and their like name files that this process has open already.
fn is_descriptor(path: &Path) -> bool {
    if ["/dev/stdout", "/dev/stderr"]
        .map(Path::new)
        .contains(&path)
    {
        return true;
    }
    let mine = PathBuf::from(format!("/proc/{}/fd", std::process::id()));
    let folder = fs::canonicalize(folder_of(path));
    folder.is_ok_and(|folder| folder == mine || folder == Path::new("/dev/fd"))
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
    Err(refused(ErrorKind::InvalidInput, problem))
}

/// True for a file that begins as each SQLite database does.
fn is_database(path: &Path) -> bool {
    let mut begin = [0; 16];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == *b"SQLite format 3\0"
}

fn refused(kind: ErrorKind, problem: impl Into<String>) -> io::Error {
    io::Error::new(kind, problem.into())
}
