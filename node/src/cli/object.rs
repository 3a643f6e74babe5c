//! `put`, `get`, `list`: single objects by key.

use std::fs::{File, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use client::{Cancel, Progress};
use eyre::{WrapErr, bail, eyre};
use serde_json::json;
use tempfile::NamedTempFile;

use super::exit::{Exit, Failure};
use super::progress::{Bar, cancel_on_signal};
use super::{Global, account, output};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom put papers contract.pdf\n  pg_dump shop | strongroom put dumps - --key shop.sql"
)]
pub(crate) struct PutArgs {
    /// The vault's name
    vault: String,
    /// The file, or - for standard input
    file: PathBuf,
    /// Its key; default: the file's name
    #[arg(long)]
    key: Option<String>,
    /// Media type; default: guessed from the name
    #[arg(long = "type", value_name = "TYPE")]
    media_type: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  strongroom get papers contract.pdf\n  strongroom get dumps shop.sql --output - | psql shop"
)]
pub(crate) struct GetArgs {
    /// The vault's name
    vault: String,
    /// The object's key
    key: String,
    /// File or directory to write, or - for standard output; default: the original name, here
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace a file that is in the way
    #[arg(long)]
    overwrite: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: strongroom list papers")]
pub(crate) struct ListArgs {
    /// The vault's name
    vault: String,
}

/// `strongroom put`.
pub(crate) fn put(global: &Global, args: PutArgs) -> Result<Exit, Failure> {
    let stdin = args.file.as_os_str() == "-";
    let file_name =
        if stdin { args.key.clone() } else { args.file.file_name().map(|name| name.to_string_lossy().into_owned()) };
    let file_name = file_name.ok_or_else(|| eyre!("standard input has no name; give one with --key"))?;
    let key = args.key.unwrap_or_else(|| file_name.clone());
    let bar = Bar::new(global, "put");
    let mut source: Box<dyn Read> = if stdin {
        Box::new(std::io::stdin())
    } else {
        let file = File::open(&args.file).wrap_err_with(|| format!("cannot read {}", args.file.display()))?;
        bar.total(1, file.metadata()?.len());
        Box::new(file)
    };
    let owner = account::owner(global)?;
    let outcome = owner.put(&args.vault, &key, &file_name, args.media_type.as_deref(), &mut source, bar.clone());
    bar.finish();
    let object = outcome?;
    output::print(global, &document(&object), || {
        let (name, kind) = (output::text(&object.name), output::text(&object.media_type));
        println!("{name} version {}, {}, {kind}", object.version, output::bytes(object.size));
    });
    Ok(Exit::Done)
}

/// `strongroom get`. The file is written aside and takes its name only when every byte is there and verified.
pub(crate) fn get(global: &Global, args: GetArgs) -> Result<Exit, Failure> {
    let owner = account::owner(global)?;
    let bar = Bar::new(global, "get");
    if args.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        let mut out = std::io::stdout().lock();
        let outcome = owner.get(&args.vault, &args.key, &mut out, bar.clone());
        bar.finish();
        outcome?;
        out.flush()?;
        return Ok(Exit::Done);
    }
    let known = owner.object(&args.vault, &args.key)?;
    // The name comes out of the vault; only its last part is used, so that it cannot point anywhere else.
    let original = PathBuf::from(&known.file_name);
    let original = original
        .file_name()
        .ok_or_else(|| eyre!("the object's original name {:?} is no file name; use --output", known.file_name))?;
    let path = match args.output {
        Some(directory) if directory.is_dir() => directory.join(original),
        Some(file) => file,
        None => PathBuf::from(original),
    };
    let place = Place::open(&path, args.overwrite)?;
    bar.total(1, known.size);
    // Stopped in between, it takes the file away that is not complete.
    let mut target = Stoppable { file: place.file(), cancel: cancel_on_signal() };
    let outcome = owner.get(&args.vault, &args.key, &mut target, bar.clone());
    bar.finish();
    let object = outcome?;
    place.settle()?;
    let mut answer = document(&object);
    answer["file"] = json!(path);
    output::print(global, &answer, || println!("{} ({}, verified)", output::path(&path), output::bytes(object.size)));
    Ok(Exit::Done)
}

/// `strongroom list`.
pub(crate) fn list(global: &Global, args: ListArgs) -> Result<Exit, Failure> {
    let objects = account::owner(global)?.list(&args.vault)?;
    output::print(global, &objects.iter().map(document).collect(), || {
        for object in &objects {
            println!(
                "{:>12}  {}  v{:<4} {:24} {}",
                output::bytes(object.size),
                output::time(object.put_at.get()),
                object.version,
                output::text(&object.media_type),
                output::text(&object.name)
            );
        }
    });
    Ok(Exit::Done)
}

/// A file that takes no more bytes once the user has stopped the command.
struct Stoppable<'a> {
    file: &'a File,
    cancel: Cancel,
}

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(std::io::Error::other("stopped"));
        }
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file to be written: aside until it is whole, so that what was there before goes only then.
pub(super) struct Place {
    path: PathBuf,
    overwrite: bool,
    aside: NamedTempFile,
}

impl Place {
    /// Looks whether there may be a file at `path`, and begins it.
    ///
    /// # Errors
    /// Something is there, and may not be replaced; or the directory takes no file.
    pub(super) fn open(path: &Path, overwrite: bool) -> eyre::Result<Self> {
        Self::check(path, overwrite)?;
        Ok(Self { path: path.to_path_buf(), overwrite, aside: aside(parent(path))? })
    }

    /// Looks whether there may be a file at `path`, before long work is done for nothing.
    ///
    /// # Errors
    /// Something is there, and may not be replaced.
    pub(super) fn check(path: &Path, overwrite: bool) -> eyre::Result<()> {
        if path.exists() && !overwrite {
            bail!("{} exists; use --overwrite, or another --output", output::path(path));
        }
        Ok(())
    }

    /// What is written to.
    pub(super) fn file(&self) -> &File {
        self.aside.as_file()
    }

    /// Gives the whole file its name, durably.
    pub(super) fn settle(self) -> eyre::Result<()> {
        let Self { path, overwrite, aside } = self;
        aside.as_file().sync_all()?;
        let named = if overwrite { aside.persist(&path) } else { aside.persist_noclobber(&path) };
        named.map_err(|error| error.error).wrap_err_with(|| format!("cannot write {}", output::path(&path)))?;
        // A directory that may be written and not read, or one whose file system syncs no directories, has done what it can.
        match File::open(parent(&path)).and_then(|directory| directory.sync_all()) {
            Err(error) if !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => Err(error)
                .wrap_err_with(|| format!("{} is written, and may be lost with the power", output::path(&path))),
            _ => Ok(()),
        }
    }
}

/// The directory of a file.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// A file in this directory that takes its name when it is complete. Its mode is that of any new file: what the umask leaves.
pub(super) fn aside(directory: &Path) -> eyre::Result<NamedTempFile> {
    if !directory.is_dir() {
        bail!("there is no directory {}", directory.display());
    }
    let made = tempfile::Builder::new().permissions(Permissions::from_mode(0o666)).tempfile_in(directory);
    made.wrap_err_with(|| format!("cannot write into {}", directory.display()))
}

/// The JSON document of an object.
pub(crate) fn document(object: &client::ObjectInfo) -> serde_json::Value {
    let mut document = json!(object);
    document["key"] = json!(object.name);
    document
}
