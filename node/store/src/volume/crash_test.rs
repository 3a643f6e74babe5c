//! Stops at every step of a write, and failures at every step: a shard is absent or complete, and what was acknowledged
//! is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use mounts::Mount;
use primitives::ShardId;
use rustix::io::Errno;

use super::steps::Step;
use super::volume_test::{file_of, marker, shard};
use super::*;

const STEPS: [Step; 5] = [Step::Created, Step::Written, Step::Synced, Step::Renamed, Step::DirectorySynced];
/// Lengths that take the cached, the direct and the direct-with-a-tail way.
const LENGTHS: [usize; 3] = [5000, 1 << 20, (2 << 20) + 64];

/// A disk, mounted, and the file that is its block device.
fn disk(dir: &Path) -> Option<(PathBuf, Mount)> {
    let image = dir.join("disk");
    let mount = Mount::ext4(&dir.join("disk-mounted"), &image, 24 << 20)?;
    Some((image, mount))
}

/// The invariant, on a volume opened again: `kept` was acknowledged, `other` was on its way.
fn check(path: &Path, kept: &(ShardId, Vec<u8>), other: &(ShardId, Vec<u8>), acknowledged: bool, what: &str) {
    let volume = Volume::open(path).unwrap_or_else(|error| panic!("{what}: {error}"));
    let read = |(id, bytes): &(ShardId, Vec<u8>)| volume.read(id, 0..u64::try_from(bytes.len()).unwrap());
    assert_eq!(read(kept).unwrap(), kept.1, "{what}: acknowledged and missing");
    match read(other) {
        Ok(bytes) => assert!(bytes == other.1, "{what}: there, but wrong"),
        Err(VolumeError::Absent { .. }) => assert!(!acknowledged, "{what}: acknowledged and missing"),
        Err(error) => panic!("{what}: {error}"),
    }
    for directory in fs::read_dir(path.join("shards")).unwrap() {
        for file in fs::read_dir(directory.unwrap().path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            assert!(name == kept.0.to_string() || name == other.0.to_string(), "{what}: {name} was left");
        }
    }
    volume.put(&other.0, &other.1).unwrap();
    assert_eq!(read(other).unwrap(), other.1, "{what}: can be written again");
}

/// What the child process of the next test does; in a plain run of all tests there is nothing to do.
#[test]
fn child() {
    let Ok(text) = std::env::var("STRONGROOM_TEST_CRASH") else { return };
    let mut words = text.split(' ');
    let mut number = || words.next().unwrap().parse::<usize>().unwrap();
    let (step, length) = (STEPS[number()], number());
    let volume = Volume::open(Path::new(words.next().unwrap())).unwrap();
    let (kept, kept_bytes) = shard(length, 1);
    volume.put(&kept, &kept_bytes).unwrap();
    volume.steps.set(Box::new(move |reached| {
        if reached == step {
            // As `kill -9`: nothing is unwound, nothing flushed.
            std::process::abort();
        }
        Ok(())
    }));
    let (other, other_bytes) = shard(length, 2);
    volume.put(&other, &other_bytes).unwrap();
}

#[test]
fn a_process_that_dies_at_any_step_leaves_a_shard_absent_or_complete() {
    for (number, step) in STEPS.iter().enumerate() {
        for length in LENGTHS {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("v");
            drop(Volume::create(&path, marker()).unwrap());
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "volume::crash_test::child", "--nocapture"])
                .env("STRONGROOM_TEST_CRASH", format!("{number} {length} {}", path.display()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert!(!status.success(), "{step:?}: the child was to die");
            check(&path, &shard(length, 1), &shard(length, 2), false, &format!("{step:?}, {length} bytes"));
        }
    }
}

/// A power cut: what the block device has been given at each step is copied, and the copy mounted, as after a reboot.
#[test]
fn a_power_cut_at_any_step_leaves_a_shard_absent_or_complete_and_keeps_the_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let Some((image, mount)) = disk(dir.path()) else { return };
    let volume = Volume::create(&mount.path().join("v"), marker()).unwrap();
    for (round, length) in (0u8..).zip(LENGTHS) {
        let (kept, other) = (shard(length, 10 + 2 * round), shard(length, 11 + 2 * round));
        let copies = Arc::new(Mutex::new(Vec::new()));
        volume.steps.set(Box::new(|_| Ok(())));
        volume.put(&kept.0, &kept.1).unwrap();
        let (from, to, list) = (image.clone(), dir.path().to_owned(), copies.clone());
        volume.steps.set(Box::new(move |step| {
            let copy = to.join(format!("{round}-{step:?}"));
            fs::copy(&from, &copy).unwrap();
            list.lock().unwrap().push((step, copy));
            Ok(())
        }));
        volume.put(&other.0, &other.1).unwrap();
        let copies = std::mem::take(&mut *copies.lock().unwrap());
        assert_eq!(copies.len(), STEPS.len());
        for (step, copy) in copies {
            let mounted = Mount::image(&copy.with_extension("mounted"), &copy).expect("mounted before");
            let after = mounted.path().join("v");
            for earlier in 0..round {
                for seed in [10 + 2 * earlier, 11 + 2 * earlier] {
                    let (id, bytes) = shard(LENGTHS[usize::from(earlier)], seed);
                    assert!(fs::read(file_of(&after, &id)).unwrap() == bytes, "{step:?}: an earlier shard is damaged");
                    fs::remove_file(file_of(&after, &id)).unwrap();
                }
            }
            let what = format!("power cut at {step:?}, {length} bytes");
            check(&after, &kept, &other, step == Step::DirectorySynced, &what);
            drop(mounted);
            fs::remove_file(copy).unwrap();
        }
    }
}

#[test]
fn a_note_is_there_after_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let Some((image, mount)) = disk(dir.path()) else { return };
    let volume = Volume::create(&mount.path().join("v"), marker()).unwrap();
    for text in ["9\n", "12\n", "13\n"] {
        volume.write_note("packs", text).unwrap();
        let copy = dir.path().join("copy");
        fs::copy(&image, &copy).unwrap();
        let mounted = Mount::image(&dir.path().join("copy-mounted"), &copy).expect("mounted before");
        assert_eq!(fs::read_to_string(mounted.path().join("v/packs")).unwrap(), text);
    }
}

#[test]
fn a_note_says_the_old_or_the_new_after_a_failure_at_any_step_and_a_failed_sync_ends_all_writing() {
    for step in STEPS {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::create(dir.path(), marker()).unwrap();
        volume.write_note("packs", "9\n").unwrap();
        let reached = Arc::new(Mutex::new(Vec::new()));
        let list = reached.clone();
        volume.steps.set(Box::new(move |now| {
            list.lock().unwrap().push(now);
            if now == step { Err(Errno::IO) } else { Ok(()) }
        }));
        let error = volume.write_note("packs", "13\n").unwrap_err();
        let until = STEPS.iter().position(|other| *other == step).unwrap();
        assert_eq!(*reached.lock().unwrap(), STEPS[..=until], "in this order");
        let is_sync = matches!(step, Step::Synced | Step::DirectorySynced);
        assert_eq!(matches!(error, VolumeError::ReadOnly { .. }), is_sync, "{step:?}: {error}");
        let is_new = matches!(step, Step::Renamed | Step::DirectorySynced);
        assert_eq!(volume.read_note("packs").unwrap().unwrap(), if is_new { "13\n" } else { "9\n" }, "{step:?}");
        volume.steps.set(Box::new(|_| Ok(())));
        assert_eq!(volume.write_note("packs", "14\n").is_err(), is_sync, "{step:?}: an fsync is never tried again");
    }
}

#[test]
fn a_note_as_long_as_the_one_before_is_written_over_it() {
    for step in [Step::Written, Step::Synced] {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::create(dir.path(), marker()).unwrap();
        volume.write_note("packs", "12\n").unwrap();
        volume.steps.set(Box::new(move |now| if now == step { Err(Errno::IO) } else { Ok(()) }));
        let error = volume.write_note("packs", "13\n").unwrap_err();
        let is_sync = step == Step::Synced;
        assert_eq!(matches!(error, VolumeError::ReadOnly { .. }), is_sync, "{step:?}: {error}");
        volume.steps.set(Box::new(|now| {
            assert!(matches!(now, Step::Written | Step::Synced), "{now:?}: no other file");
            Ok(())
        }));
        assert_eq!(volume.write_note("packs", "14\n").is_err(), is_sync, "{step:?}: an fsync is never tried again");
        drop(volume);
        let says = Volume::open(dir.path()).unwrap().read_note("packs").unwrap().unwrap();
        assert_eq!(says, if is_sync { "13\n" } else { "14\n" }, "{step:?}");
    }
}

#[test]
fn a_volume_that_is_being_deleted_gets_no_new_note() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v");
    let volume = Volume::create(&path, marker()).unwrap();
    volume.write_note("packs", "12\n").unwrap();
    for entry in fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() { fs::remove_dir_all(entry).unwrap() } else { fs::remove_file(entry).unwrap() }
    }
    volume.write_note("packs", "13\n").unwrap();
    fs::remove_dir(&path).unwrap();
}

#[test]
fn opening_makes_durable_what_an_earlier_process_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::create(&dir.path().join("v"), marker()).unwrap();
    let synced = Arc::new(Mutex::new(0));
    let count = synced.clone();
    volume.steps.set(Box::new(move |step| {
        assert_eq!(step, Step::DirectorySynced);
        *count.lock().unwrap() += 1;
        Ok(())
    }));
    volume.tidy().unwrap();
    assert_eq!(*synced.lock().unwrap(), 256, "every directory");
    volume.steps.set(Box::new(|_| Err(Errno::IO)));
    assert!(matches!(volume.tidy(), Err(VolumeError::Io { errno: Errno::IO, .. })), "not to be used");
}

#[test]
fn an_error_at_any_step_is_no_acknowledgement_and_a_failed_sync_ends_all_writing() {
    for step in STEPS {
        let dir = tempfile::tempdir().unwrap();
        let (kept, other) = (shard(1 << 20, 1), shard(1 << 20, 2));
        let volume = Volume::create(dir.path(), marker()).unwrap();
        volume.put(&kept.0, &kept.1).unwrap();
        volume.steps.set(Box::new(move |reached| if reached == step { Err(Errno::IO) } else { Ok(()) }));
        let error = volume.put(&other.0, &other.1).unwrap_err();
        let is_sync = matches!(step, Step::Synced | Step::DirectorySynced);
        assert_eq!(matches!(error, VolumeError::ReadOnly { .. }), is_sync, "{step:?}: {error}");
        assert_eq!(volume.read_only().is_some(), is_sync);
        volume.steps.set(Box::new(|_| Ok(())));
        assert_eq!(volume.put(&other.0, &other.1).is_err(), is_sync, "{step:?}: an fsync is never tried again");
        assert_eq!(volume.read(&kept.0, 0..1 << 20).unwrap(), kept.1, "{step:?}: reads go on");
        drop(volume);
        check(dir.path(), &kept, &other, !is_sync, &format!("{step:?} failed"));
    }
}

#[test]
fn a_full_disk_at_any_step_is_called_full() {
    for step in [Step::Created, Step::Written, Step::Renamed] {
        let dir = tempfile::tempdir().unwrap();
        let volume = Volume::create(dir.path(), marker()).unwrap();
        volume.steps.set(Box::new(move |reached| if reached == step { Err(Errno::NOSPC) } else { Ok(()) }));
        let (id, bytes) = shard(1 << 20, 1);
        assert!(matches!(volume.put(&id, &bytes), Err(VolumeError::Full { .. })), "{step:?}");
        assert_eq!(volume.read_only(), None);
    }
}
