//! One volume: what is written comes back, what is wrong is told apart.

use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use primitives::{NetworkId, NodeKey, ShardId, VolumeId};

use super::*;

pub(super) fn marker() -> VolumeMarker {
    VolumeMarker { volume: VolumeId(3), node: NodeKey::new([1; 32]), network: NetworkId::new([2; 32]) }
}

/// `len` bytes that differ from block to block, and their id.
pub(super) fn shard(len: usize, seed: u8) -> (ShardId, Vec<u8>) {
    let bytes: Vec<u8> = (0..len).map(|i| seed ^ u8::try_from((i ^ (i >> 8) ^ (i >> 16)) & 0xff).unwrap()).collect();
    (ShardId::of(&bytes), bytes)
}

pub(super) fn file_of(volume: &Path, shard: &ShardId) -> std::path::PathBuf {
    let name = shard.to_string();
    volume.join("shards").join(&name[..2]).join(name)
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap()
}

#[test]
fn shards_of_every_length_come_back_whole_and_in_ranges() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::create(&dir.path().join("v"), marker()).unwrap();
    for size in [1, 64, 4095, 4096, 131_072, 131_136, 1 << 20, (5 << 20) + 64, (6 << 20) + 4096] {
        let (id, bytes) = shard(size, 7);
        volume.put(&id, &bytes).unwrap();
        assert_eq!(volume.len(&id).unwrap(), Some(len(&bytes)));
        assert_eq!(volume.read(&id, 0..len(&bytes)).unwrap(), bytes, "{size}");
        assert_eq!(fs::read(file_of(volume.path(), &id)).unwrap(), bytes, "{size}: no padding stays");
        for (start, end) in [(0, 1), (size / 2, size), (size / 3, size / 3 + size / 2), (1, size)] {
            let (start, end) = (start.min(size), end.min(size).max(start.min(size)));
            let range = u64::try_from(start).unwrap()..u64::try_from(end).unwrap();
            assert_eq!(volume.read(&id, range).unwrap(), bytes[start..end], "{size}: {start}..{end}");
        }
        let beyond = volume.read(&id, 0..len(&bytes) + 1);
        assert!(matches!(beyond, Err(VolumeError::Short { found, .. }) if found == len(&bytes)), "{beyond:?}");
    }
    assert_eq!(volume.list().unwrap().len(), 9);
}

#[test]
fn unaligned_and_aligned_buffers_and_no_direct_io_write_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::create(dir.path(), marker()).unwrap();
    let (_, bytes) = shard((3 << 20) + 4097, 9);
    for from in [0, 1, 64, 4095] {
        let slice = &bytes[from..];
        let id = ShardId::of(slice);
        volume.put(&id, slice).unwrap();
        assert_eq!(volume.read(&id, 0..len(slice)).unwrap(), slice);
    }
    let mut aligned = aligned::Aligned::new(1 << 20);
    aligned.as_mut_slice().copy_from_slice(&bytes[..1 << 20]);
    let id = ShardId::of(aligned.as_slice());
    volume.put(&id, aligned.as_slice()).unwrap();
    assert_eq!(volume.read(&id, 0..1 << 20).unwrap(), aligned.as_slice());
    volume.direct.store(false, Ordering::Relaxed);
    let id = ShardId::of(&bytes);
    volume.put(&id, &bytes).unwrap();
    assert_eq!(volume.read(&id, 5..len(&bytes)).unwrap(), bytes[5..]);
}

#[test]
fn absent_deleted_and_quarantined_shards_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::create(dir.path(), marker()).unwrap();
    let (id, bytes) = shard(1000, 1);
    assert_eq!(volume.read(&id, 0..1000), Err(VolumeError::Absent { shard: id }));
    assert_eq!(volume.len(&id), Ok(None));
    assert_eq!(volume.delete(&id), Ok(false));
    assert_eq!(volume.quarantine(&id), Ok(false));
    volume.put(&id, &bytes).unwrap();
    assert_eq!(volume.delete(&id), Ok(true));
    assert_eq!(volume.read(&id, 0..1000), Err(VolumeError::Absent { shard: id }));
    for count in 1..=3 {
        volume.put(&id, &bytes).unwrap();
        assert_eq!(volume.quarantine(&id), Ok(true));
        assert_eq!(volume.quarantined(), Ok(count), "each damaged file is kept");
    }
    assert_eq!(volume.list().unwrap(), []);
}

#[test]
fn opening_removes_temporary_files_and_leaves_strange_ones_alone() {
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::create(dir.path(), marker()).unwrap();
    let (id, bytes) = shard(5000, 2);
    volume.put(&id, &bytes).unwrap();
    drop(volume);
    let file = file_of(dir.path(), &id);
    fs::write(file.with_extension("0.tmp"), b"half").unwrap();
    let strange = file.with_file_name("README");
    fs::write(&strange, b"mine").unwrap();
    fs::remove_dir(dir.path().join("shards").join(if id.to_string().starts_with("00") { "01" } else { "00" })).unwrap();
    let volume = Volume::open(dir.path()).unwrap();
    assert!(!file.with_extension("0.tmp").exists() && strange.exists());
    assert_eq!(volume.list().unwrap(), [ShardFile { shard: id, len: 5000 }]);
    assert_eq!(*volume.marker(), marker());
    assert_eq!(Volume::peek(dir.path()), Some(marker()), "also while it is open");
    assert_eq!(Volume::peek(&dir.path().join("nothing")), None);
}

#[test]
fn every_directory_that_is_made_is_durable_under_its_name() {
    use std::os::unix::fs::MetadataExt;
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("disk/strongroom/v");
    steps::synced();
    drop(Volume::create(&path, marker()).unwrap());
    let synced = steps::synced();
    for parent in [dir.path(), &dir.path().join("disk"), &dir.path().join("disk/strongroom"), &path] {
        assert!(synced.contains(&inode(parent)), "what was made in {}", parent.display());
    }

    // What a volume has lost is made again when it is opened.
    for lost in ["shards/07", "shards", "quarantine"] {
        fs::remove_dir_all(path.join(lost)).unwrap();
        drop(Volume::open(&path).unwrap());
        let synced = steps::synced();
        let parent = path.join(lost).parent().unwrap().to_owned();
        assert!(synced.contains(&inode(&parent)), "{lost} in {}", parent.display());
    }

    // One that stands already may have been made a moment ago.
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    drop(Volume::create(&empty, marker()).unwrap());
    assert!(steps::synced().contains(&inode(dir.path())));
}

#[test]
fn a_volume_is_created_only_where_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v");
    assert!(matches!(Volume::open(&path), Err(VolumeError::Missing { .. })));
    fs::create_dir(&path).unwrap();
    assert!(matches!(Volume::open(&path), Err(VolumeError::Missing { .. })), "an empty directory is no volume");
    fs::write(path.join("photo.jpg"), b"x").unwrap();
    assert!(
        matches!(Volume::create(&path, marker()), Err(VolumeError::NotEmpty { found, .. }) if found == "photo.jpg")
    );
    fs::remove_file(path.join("photo.jpg")).unwrap();
    // What an interrupted creation leaves, a new file system's own directory and the operator's claim are no obstacle.
    fs::create_dir_all(path.join("shards/00")).unwrap();
    fs::create_dir(path.join("lost+found")).unwrap();
    fs::write(path.join(Volume::CLAIM_FILE), b"").unwrap();
    let volume = Volume::create(&path, marker()).unwrap();
    assert!(!path.join(Volume::CLAIM_FILE).exists(), "a claim counts once");
    let (id, bytes) = shard(100, 3);
    volume.put(&id, &bytes).unwrap();
    assert!(matches!(Volume::open(&path), Err(VolumeError::InUse { .. })));
    drop(volume);
    fs::remove_file(path.join(VolumeMarker::FILE)).unwrap();
    assert!(
        matches!(Volume::create(&path, marker()), Err(VolumeError::NotEmpty { .. })),
        "shards are never taken over by a new volume"
    );
}

#[test]
fn a_removed_replaced_or_unmarked_directory_is_noticed_and_never_written_to() {
    let dir = tempfile::tempdir().unwrap();
    let (id, bytes) = shard(200_000, 4);
    let path = dir.path().join("v");

    let volume = Volume::create(&path, marker()).unwrap();
    assert!(volume.is_present());
    fs::remove_dir_all(&path).unwrap();
    assert!(!volume.is_present());
    assert!(matches!(volume.put(&id, &bytes), Err(VolumeError::Missing { .. })));
    assert!(matches!(volume.read(&id, 0..1), Err(VolumeError::Missing { .. })));
    assert!(!path.exists(), "a volume that vanished is not made again");

    // An empty directory in its place, as under an unmounted disk.
    fs::create_dir(&path).unwrap();
    assert!(!volume.is_present());
    assert!(volume.put(&id, &bytes).is_err());
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    drop(volume);

    let volume = Volume::create(&path, marker()).unwrap();
    fs::write(path.join(VolumeMarker::FILE), VolumeMarker { volume: VolumeId(9), ..marker() }.to_text()).unwrap();
    assert!(!volume.is_present(), "another volume's marker");
    fs::remove_file(path.join(VolumeMarker::FILE)).unwrap();
    assert!(!volume.is_present());
}

#[test]
fn a_note_says_what_was_written_last_and_goes_to_the_volume_and_not_to_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v");
    let volume = Volume::create(&path, marker()).unwrap();
    assert_eq!(volume.read_note("packs"), Ok(None));
    // What an interrupted write left is no obstacle.
    fs::write(path.join("packs.tmp"), "longer than what comes").unwrap();
    for text in ["12\n", "7\n", ""] {
        volume.write_note("packs", text).unwrap();
        assert_eq!(volume.read_note("packs"), Ok(Some(text.to_owned())));
    }
    assert!(!path.join("packs.tmp").exists());
    assert!(volume.write_note("packs", &"x".repeat(Volume::NOTE_MAX + 1)).is_err());
    assert_eq!(volume.read_note("packs"), Ok(Some(String::new())), "as before");

    // Its disk is unmounted: what is below the mount point is another directory.
    let aside = dir.path().join("aside");
    fs::rename(&path, &aside).unwrap();
    fs::create_dir(&path).unwrap();
    volume.write_note("packs", "13\n").unwrap();
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "the mount point stays empty");
    assert_eq!(fs::read_to_string(aside.join("packs")).unwrap(), "13\n");
    fs::write(path.join("packs"), "99\n").unwrap();
    assert_eq!(volume.read_note("packs"), Ok(Some("13\n".to_owned())));
}

#[test]
fn a_damaged_marker_is_told_apart_from_a_missing_one() {
    let dir = tempfile::tempdir().unwrap();
    drop(Volume::create(dir.path(), marker()).unwrap());
    fs::write(dir.path().join(VolumeMarker::FILE), b"\xff\xfe").unwrap();
    assert!(matches!(Volume::open(dir.path()), Err(VolumeError::Marker { .. })));
}

#[test]
fn a_full_disk_is_a_typed_error_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = mounts::Mount::tmpfs(dir.path(), "4m") else { return };
    let volume = Volume::create(&dir.path().join("v"), marker()).unwrap();
    let (id, bytes) = shard(1 << 20, 5);
    volume.put(&id, &bytes).unwrap();
    let (big, big_bytes) = shard(6 << 20, 6);
    let full = volume.put(&big, &big_bytes);
    assert!(matches!(full, Err(VolumeError::Full { needed, .. }) if needed == 6 << 20), "{full:?}");
    assert_eq!(volume.list().unwrap(), [ShardFile { shard: id, len: 1 << 20 }]);
    let names: Vec<_> = fs::read_dir(file_of(volume.path(), &big).parent().unwrap()).unwrap().collect();
    assert!(names.iter().all(|name| !name.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp")));
    // A smaller one still fits, and room that is freed can be used.
    let (small, small_bytes) = shard(100_000, 7);
    volume.put(&small, &small_bytes).unwrap();
    assert!(volume.space().unwrap().total >= 4 << 20);
    assert_eq!(volume.read_only(), None, "full is not broken");
}

#[test]
fn a_file_is_as_young_as_its_last_touch() {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};
    let dir = tempfile::tempdir().unwrap();
    let volume = Volume::create(dir.path(), marker()).unwrap();
    let (id, bytes) = shard(1000, 1);
    assert_eq!((volume.touched(&id), volume.touch(&id)), (Ok(None), Ok(false)));
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let touched = || volume.touched(&id).unwrap().unwrap().get();
    // File systems take their time from a clock that ticks every few milliseconds.
    let is_young = |since: u64| (since - 50..=now() + 50).contains(&touched());
    let began = now();
    volume.put(&id, &bytes).unwrap();
    assert!(is_young(began));
    let old = UNIX_EPOCH + Duration::from_millis(1_234_567);
    fs::File::options().write(true).open(file_of(volume.path(), &id)).unwrap().set_modified(old).unwrap();
    assert_eq!(touched(), 1_234_567);
    let began = now();
    assert_eq!(volume.touch(&id), Ok(true));
    assert!(is_young(began));
}
