//! Where the agent's socket is, and that nobody else can be there.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use eyre::{Result, WrapErr, bail};
use rustix::fs::FlockOperation;
use rustix::process::{Uid, geteuid};

/// Longest path of a socket, bytes: `sun_path` without its end mark.
const SOCKET_PATH_MAX: usize = 107;

/// The user's own directory for the agent.
#[derive(Clone, Debug)]
pub(super) struct Place {
    directory: PathBuf,
}

impl Place {
    /// `$XDG_RUNTIME_DIR/strongroom`, or `strongroom-<uid>` among the temporary files where that is not set or, as after
    /// `sudo`, is somebody else's.
    pub(super) fn of_user() -> Self {
        let own = |path: &PathBuf| {
            path.is_absolute() && std::fs::metadata(path).is_ok_and(|meta| meta.uid() == geteuid().as_raw())
        };
        let directory = match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(own) {
            Some(runtime) => runtime.join("strongroom"),
            None => std::env::temp_dir().join(format!("strongroom-{}", geteuid().as_raw())),
        };
        Self { directory }
    }

    /// Whether an agent can have been here.
    pub(super) fn exists(&self) -> bool {
        self.socket().exists()
    }

    /// The socket.
    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join("agent.sock")
    }

    /// Makes the directory where it is missing, and checks it.
    ///
    /// # Errors
    /// It belongs to another user, or others may enter it.
    pub(super) fn prepare(&self) -> Result<()> {
        match std::fs::DirBuilder::new().mode(0o700).create(&self.directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).wrap_err_with(|| format!("cannot create {}", self.directory.display()))
            }
            _ => self.check(),
        }
    }

    /// That the directory is the user's alone. Among the temporary files anybody could have made it first.
    ///
    /// # Errors
    /// It is not there, belongs to another user, or others may enter it.
    pub(super) fn check(&self) -> Result<()> {
        let meta = std::fs::symlink_metadata(&self.directory)
            .wrap_err_with(|| format!("cannot look at {}", self.directory.display()))?;
        if !meta.is_dir() || meta.uid() != geteuid().as_raw() || meta.mode() & 0o077 != 0 {
            bail!(
                "{} is not a directory of this user alone (owner {}, mode {:o}); remove it, or set XDG_RUNTIME_DIR to a \
                 directory that only you can enter",
                self.directory.display(),
                meta.uid(),
                meta.mode() & 0o7777
            );
        }
        if self.socket().as_os_str().len() > SOCKET_PATH_MAX {
            bail!(
                "{} is too long for a socket (at most {SOCKET_PATH_MAX} bytes); set XDG_RUNTIME_DIR to a shorter path",
                self.socket().display()
            );
        }
        Ok(())
    }

    /// Holds the place for one agent; `None` when another one has it. Let go when the file is closed.
    pub(super) fn hold(&self) -> Result<Option<std::fs::File>> {
        let path = self.directory.join("agent.lock");
        let open = || std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = open().wrap_err_with(|| format!("cannot open {}", path.display()))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).wrap_err_with(|| format!("cannot lock {}", path.display())),
        }
    }

    /// Listens. A socket that an agent left behind when it was killed is replaced: only who holds the place comes here.
    pub(super) fn bind(&self) -> Result<UnixListener> {
        let path = self.socket();
        remove(&path)?;
        let listener = UnixListener::bind(&path).wrap_err_with(|| format!("cannot listen at {}", path.display()))?;
        // Until here only the directory keeps others out.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Takes the socket away.
    pub(super) fn unbind(&self) -> Result<()> {
        remove(&self.socket())
    }
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).wrap_err_with(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// That the process at the other end of the stream runs as this user.
///
/// # Errors
/// It does not, or the system does not say.
pub(super) fn check_peer(stream: &UnixStream) -> Result<()> {
    let peer = rustix::net::sockopt::socket_peercred(stream.as_fd())
        .wrap_err("the system does not say who is at the other end")?;
    same_user(peer.uid, geteuid())
}

/// Also root is somebody else: it needs no agent to read what it wants, and what it asks here by mistake is refused.
fn same_user(peer: Uid, own: Uid) -> Result<()> {
    if peer != own {
        bail!("the process at the other end belongs to user {}, not {}", peer.as_raw(), own.as_raw());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_user_is_served() {
        let user = |id| Uid::from_raw(id);
        assert!(same_user(user(1000), user(1000)).is_ok());
        for (peer, own) in [(1001, 1000), (0, 1000), (1000, 0)] {
            let error = same_user(user(peer), user(own)).unwrap_err().to_string();
            assert!(error.contains(&peer.to_string()), "{error}");
        }
        let (one, other) = UnixStream::pair().unwrap();
        assert!(check_peer(&one).is_ok() && check_peer(&other).is_ok(), "this process is at both ends");
    }

    #[test]
    fn a_directory_that_others_enter_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let place = Place { directory: root.path().join("strongroom") };
        assert!(place.check().is_err(), "not there");
        place.prepare().unwrap();
        assert_eq!(std::fs::metadata(&place.directory).unwrap().mode() & 0o7777, 0o700);
        place.prepare().unwrap();
        std::fs::set_permissions(&place.directory, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(place.prepare().unwrap_err().to_string().contains("mode 750"));
        let link = Place { directory: root.path().join("link") };
        std::os::unix::fs::symlink(root.path(), &link.directory).unwrap();
        assert!(link.prepare().is_err(), "a link that somebody put there");
        let long = Place { directory: root.path().join("x".repeat(120)) };
        assert!(long.prepare().unwrap_err().to_string().contains("too long"));
    }

    #[test]
    fn one_agent_holds_the_place_and_replaces_a_stale_socket() {
        let root = tempfile::tempdir().unwrap();
        let place = Place { directory: root.path().to_owned() };
        let held = place.hold().unwrap();
        assert!(held.is_some());
        assert!(place.hold().unwrap().is_none(), "taken");
        std::fs::write(place.socket(), b"left behind").unwrap();
        let listener = place.bind().unwrap();
        assert_eq!(std::fs::metadata(place.socket()).unwrap().mode() & 0o7777, 0o600);
        let _client = UnixStream::connect(place.socket()).unwrap();
        drop(listener);
        place.unbind().unwrap();
        place.unbind().unwrap();
        drop(held);
        assert!(place.hold().unwrap().is_some(), "free again");
    }
}
