//! Sets owner, mode, attributes and times.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use rustix::fs::{
    AtFlags, Gid, Mode, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chownat, fchmod, fchown, fgetxattr,
    fsetxattr, futimens, utimensat,
};
use rustix::io::Errno;
use seal::tree::{Meta, Mtime, Xattr};

use super::Restore;
use crate::meta::FileStat;

/// What a new file is like before anything is set, so that what is right already costs no call.
#[derive(Clone, Copy)]
pub(super) struct Fresh {
    /// Whose process this is: user and group.
    ids: (u32, u32),
    /// New files belong to them.
    certain: bool,
    /// Permissions that the process takes away from new files; all when unknown.
    umask: u32,
}

impl Fresh {
    /// Learns it for a target; `certain` says that no directory in it passes its group on.
    pub(super) fn learn(certain: bool) -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        let umask = umask.and_then(|text| u32::from_str_radix(text.trim(), 8).ok()).unwrap_or(0o7777);
        let ids = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { ids, certain, umask }
    }

    /// The mode to make a file with, and whether it must be set again later. While it is written its owner can always
    /// write to it, for several threads open it.
    pub(super) fn mode(self, meta: &Meta) -> (Mode, bool) {
        let mode = meta.mode & 0o7777;
        let at_once = mode & (0o7000 | self.umask) == 0 && mode & 0o600 == 0o600;
        (Mode::from_raw_mode(if at_once { mode } else { 0o600 }), !at_once)
    }

    fn is(self, uid: Uid, gid: Gid) -> bool {
        self.ids == (uid.as_raw(), gid.as_raw())
    }

    fn owns(self, uid: Uid, gid: Gid) -> bool {
        self.certain && self.is(uid, gid)
    }
}

/// Sets everything of a new file that was made with [`Fresh::mode`]; returns what could not be set.
pub(super) fn apply_new(restore: &Restore<'_>, file: impl AsFd, meta: &Meta) -> Vec<String> {
    let (uid, gid) = owner(restore, meta);
    let (_, set_mode) = restore.fresh.mode(meta);
    if set_mode || !meta.xattrs.is_empty() || (restore.root && !restore.fresh.owns(uid, gid)) {
        return apply(restore, file, meta);
    }
    count_left_out(restore, meta);
    set_times(&file, meta.mtime).err().map(|error| format!("cannot set times: {error}")).into_iter().collect()
}

/// Whether an open file has this owner, mode and attributes.
pub(super) fn is_set(restore: &Restore<'_>, file: impl AsFd, stat: &FileStat, meta: &Meta) -> bool {
    let (uid, gid) = owner(restore, meta);
    let is_owner = !restore.root || (stat.uid, stat.gid) == (uid.as_raw(), gid.as_raw());
    let has = |xattr: &Xattr| {
        let mut value = vec![0; xattr.value.len() + 1];
        fgetxattr(&file, xattr.name.as_slice(), &mut value).is_ok_and(|len| value.get(..len) == Some(&xattr.value))
    };
    is_owner && stat.mode & 0o7777 == meta.mode & mode_mask(restore) && kept_xattrs(restore, meta).all(has)
}

/// Sets everything of an open file or directory; returns what could not be set.
pub(super) fn apply(restore: &Restore<'_>, file: impl AsFd, meta: &Meta) -> Vec<String> {
    count_left_out(restore, meta);
    let mut failed = Vec::new();
    let mut note = |what: &str, result: Result<(), Errno>| {
        if let Err(error) = result {
            failed.push(format!("cannot set {what}: {error}"));
        }
    };
    if restore.root {
        let (uid, gid) = owner(restore, meta);
        note("owner", fchown(&file, Some(uid), Some(gid)));
    }
    for xattr in kept_xattrs(restore, meta) {
        let name = String::from_utf8_lossy(&xattr.name).into_owned();
        let set = fsetxattr(&file, xattr.name.as_slice(), &xattr.value, XattrFlags::empty());
        note(&format!("attribute {name}"), set);
    }
    // After the owner, whose change takes set-id bits away.
    note("mode", fchmod(&file, Mode::from_raw_mode(meta.mode & mode_mask(restore))));
    note("times", set_times(&file, meta.mtime));
    failed
}

/// Attributes that are restored: without privileges some belong to the system.
fn kept_xattrs<'m>(restore: &Restore<'_>, meta: &'m Meta) -> impl Iterator<Item = &'m Xattr> {
    let root = restore.root;
    meta.xattrs.iter().filter(move |xattr| root || !is_system(xattr))
}

fn is_system(xattr: &Xattr) -> bool {
    xattr.name.starts_with(b"security.") || xattr.name.starts_with(b"trusted.")
}

/// Counts what is not set for lack of privileges.
fn count_left_out(restore: &Restore<'_>, meta: &Meta) {
    if restore.root {
        return;
    }
    let (uid, gid) = owner(restore, meta);
    let counters = &restore.counters;
    for (is_left_out, counter) in [
        (!restore.fresh.is(uid, gid), &counters.owners_left),
        (meta.mode & 0o7777 & !mode_mask(restore) != 0, &counters.set_ids_left),
        (meta.xattrs.iter().any(is_system), &counters.attributes_left),
    ] {
        counter.fetch_add(u64::from(is_left_out), Ordering::Relaxed);
    }
}

/// The bits of a mode that are restored. Without privileges the owner is whoever restores: a program that ran as somebody
/// else must not run as them.
fn mode_mask(restore: &Restore<'_>) -> u32 {
    if restore.root { 0o7777 } else { 0o1777 }
}

/// Sets owner and times of a symbolic link itself.
pub(super) fn apply_link(restore: &Restore<'_>, directory: impl AsFd, name: &[u8], meta: &Meta) -> Result<(), Errno> {
    if restore.root {
        let (uid, gid) = owner(restore, meta);
        chownat(&directory, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    }
    count_left_out(restore, meta);
    utimensat(&directory, name, &times(meta.mtime), AtFlags::SYMLINK_NOFOLLOW)
}

/// Sets the time of last modification.
pub(super) fn set_times(file: impl AsFd, mtime: Mtime) -> Result<(), Errno> {
    futimens(file, &times(mtime))
}

fn times(mtime: Mtime) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime.secs, tv_nsec: i64::from(mtime.nanos) },
    }
}

fn owner(restore: &Restore<'_>, meta: &Meta) -> (Uid, Gid) {
    let uid = restore.names.user(&meta.user, meta.uid);
    let gid = restore.names.group(&meta.group, meta.gid);
    (Uid::from_raw(uid), Gid::from_raw(gid))
}
