use super::*;

const CONFIRM: Duration = Duration::from_millis(1000);

fn machine(repairs_max: usize, bytes_per_second: u64) -> Machine {
    let mut machine =
        Machine::new(Limits { confirm_loss: CONFIRM, repair_bytes_per_second: bytes_per_second, repairs_max });
    for volume in 0..3 {
        machine.step(Duration::ZERO, Input::Added { volume: VolumeId(volume), state: VolumeState::Up });
    }
    machine
}

const V: VolumeId = VolumeId(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn pack(n: u8) -> PackId {
    PackId::new([n; 32])
}

#[test]
fn a_volume_goes_slowly_and_comes_back_more_slowly() {
    use VolumeState::{Lost, ReadOnly, Suspect, Up};
    let again = || vec![Effect::CheckAgain(V, CONFIRM)];
    let lost = || vec![Effect::Lost(V), Effect::Announce];
    let returned = || vec![Effect::Returned(V), Effect::Announce];
    let mut machine = machine(1, 1000);
    // time, what is seen, state after, effects
    let steps = [
        (0, Seen::Present, Up, vec![]),
        // V1, V3: missed for a moment
        (100, Seen::Absent, Suspect, again()),
        (200, Seen::Absent, Suspect, again()),
        (300, Seen::Present, Suspect, again()),
        (400, Seen::Present, Up, vec![]),
        // V2: a good look in between starts the calm anew, not the clock
        (1000, Seen::Absent, Suspect, again()),
        (1500, Seen::Present, Suspect, again()),
        (1999, Seen::Absent, Suspect, again()),
        (2000, Seen::Absent, Lost, lost()),
        (2100, Seen::Absent, Lost, vec![]),
        // V4: three in a row
        (3000, Seen::Present, Lost, again()),
        (3001, Seen::Present, Lost, again()),
        (3002, Seen::Absent, Lost, vec![]),
        (3003, Seen::Present, Lost, again()),
        (3004, Seen::Present, Lost, again()),
        (3005, Seen::Present, Up, returned()),
        // V6: read-only for ever, also after a doubt
        (4000, Seen::SyncFailed, ReadOnly, vec![Effect::Announce]),
        (4001, Seen::SyncFailed, ReadOnly, vec![]),
        (4002, Seen::Absent, Suspect, again()),
        (4003, Seen::Present, Suspect, again()),
        (4004, Seen::Present, ReadOnly, vec![]),
        // V1, V3, V6: looks that see it read-only end the doubt too
        (4100, Seen::Absent, Suspect, again()),
        (4101, Seen::ReadOnly, Suspect, again()),
        (4102, Seen::ReadOnly, ReadOnly, vec![]),
        (4103, Seen::ReadOnly, ReadOnly, vec![]),
        // V4, V6: and after a loss
        (5000, Seen::Absent, Suspect, again()),
        (6000, Seen::Absent, Lost, lost()),
        (6001, Seen::Present, Lost, again()),
        (6002, Seen::Present, Lost, again()),
        (6003, Seen::Present, ReadOnly, returned()),
    ];
    for (at, seen, state, effects) in steps {
        assert_eq!(machine.step(ms(at), Input::Observed { volume: V, seen }), effects, "at {at}");
        assert_eq!(machine.volume(V), Some(state), "at {at}");
    }
}

#[test]
fn many_failed_reads_in_a_short_time_lose_a_volume_and_a_few_do_not() {
    let failed = Input::Observed { volume: V, seen: Seen::ReadFailed };
    let mut slow = machine(1, 1000);
    for minute in 0..50 {
        slow.step(Duration::from_secs(minute * 100), failed.clone());
        assert_eq!(slow.volume(V), Some(VolumeState::Up), "minute {minute}");
    }
    let mut fast = machine(1, 1000);
    for _ in 0..7 {
        assert_eq!(fast.step(ms(5), failed.clone()), []);
    }
    assert_eq!(fast.step(ms(6), failed.clone()), [Effect::Lost(V), Effect::Announce]);
    assert_eq!(fast.step(ms(7), failed), []);
    // Given up: neither its marker nor another absence brings it back; a restart does.
    for seen in [Seen::Present, Seen::Present, Seen::Present, Seen::Present, Seen::Absent, Seen::Present] {
        assert_eq!(fast.step(ms(7), Input::Observed { volume: V, seen }), [], "{seen:?}");
        assert_eq!(fast.volume(V), Some(VolumeState::Lost), "{seen:?}");
    }
    assert_eq!(fast.step(ms(7), Input::Added { volume: V, state: VolumeState::Up }), [Effect::Announce]);
    assert_eq!(fast.step(ms(8), Input::Observed { volume: VolumeId(9), seen: Seen::Absent }), [], "unknown volume");
}

#[test]
fn a_disk_that_hangs_is_doubted_and_lost_only_after_ten_minutes_and_not_for_ever() {
    use VolumeState::{Lost, ReadOnly, Suspect, Up};
    let again = || vec![Effect::CheckAgain(V, CONFIRM)];
    let lost = || vec![Effect::Lost(V), Effect::Announce];
    let mut machine = machine(1, 1000);
    // time, what is seen, state after, effects
    let steps = [
        // V8: however often it is seen, it is one stall
        (0, Seen::Stalled, Suspect, again()),
        (1, Seen::Stalled, Suspect, vec![]),
        (599_999, Seen::Stalled, Suspect, vec![]),
        // V3: calm again; the next stall has its own ten minutes
        (599_999, Seen::Present, Suspect, again()),
        (599_999, Seen::Present, Up, vec![]),
        (600_000, Seen::Stalled, Suspect, again()),
        (600_001, Seen::Present, Suspect, again()),
        (600_002, Seen::Stalled, Suspect, vec![]),
        // V2: that it hung before does not shorten what a disk has that is missed
        (700_000, Seen::Absent, Suspect, again()),
        (700_999, Seen::Absent, Suspect, again()),
        (1_199_999, Seen::Stalled, Suspect, vec![]),
        // V9, V4: lost, and back once it answers
        (1_200_000, Seen::Stalled, Lost, lost()),
        (1_200_001, Seen::Present, Lost, again()),
        (1_200_002, Seen::Present, Lost, again()),
        (1_200_003, Seen::Stalled, Lost, vec![]),
        (1_200_004, Seen::Present, Lost, again()),
        (1_200_005, Seen::Present, Lost, again()),
        (1_200_006, Seen::Present, Up, vec![Effect::Returned(V), Effect::Announce]),
        // V8: one that takes no writes takes none afterwards
        (1_200_007, Seen::SyncFailed, ReadOnly, vec![Effect::Announce]),
        (1_200_008, Seen::Stalled, Suspect, again()),
        (1_200_009, Seen::Present, Suspect, again()),
        (1_200_010, Seen::Present, ReadOnly, vec![]),
    ];
    for (number, (at, seen, state, effects)) in steps.into_iter().enumerate() {
        assert_eq!(machine.step(ms(at), Input::Observed { volume: V, seen }), effects, "step {number}, at {at}");
        assert_eq!(machine.volume(V), Some(state), "step {number}, at {at}");
    }
}

#[test]
fn the_pack_with_the_least_margin_is_repaired_first_then_the_oldest() {
    let mut machine = machine(1, u64::MAX >> 20);
    let add = |n, margin| Input::Damaged { pack: pack(n), margin };
    assert_eq!(machine.step(ms(1), add(1, 1)), [Effect::Repair(pack(1))], "nothing else to do");
    for (at, n, margin) in [(2, 2, 1), (3, 3, 0), (4, 4, 1), (5, 5, -1), (6, 4, 0)] {
        assert_eq!(machine.step(ms(at), add(n, margin)), []);
    }
    assert_eq!((machine.repairs().queued, machine.repairs().running), (4, 1));
    let mut order = Vec::new();
    let mut running = pack(1);
    loop {
        let outcome = Outcome::Complete { shards: 1, bytes: 10 };
        match machine.step(ms(10), Input::Repaired { pack: running, outcome }).as_slice() {
            [Effect::Repair(next)] => {
                order.push(*next);
                running = *next;
            }
            [] => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(order, [5, 3, 4, 2].map(pack));
    let status = machine.repairs();
    assert_eq!((status.done, status.shards, status.bytes, status.queued, status.running), (5, 5, 50, 0, 0));
}

#[test]
fn damage_during_a_repair_leads_to_another_look() {
    let mut machine = machine(1, u64::MAX >> 20);
    let damaged = Input::Damaged { pack: pack(1), margin: 1 };
    machine.step(ms(1), damaged.clone());
    assert_eq!(machine.step(ms(2), damaged.clone()), []);
    let complete = Input::Repaired { pack: pack(1), outcome: Outcome::Complete { shards: 1, bytes: 1 } };
    assert_eq!(machine.step(ms(3), complete.clone()), [Effect::Repair(pack(1))]);
    machine.step(ms(4), damaged.clone());
    let stuck = Outcome::Stuck { unrepairable: false, shards: 0, bytes: 0 };
    assert_eq!(machine.step(ms(5), Input::Repaired { pack: pack(1), outcome: stuck }), [Effect::Repair(pack(1))]);
    assert_eq!(machine.step(ms(6), complete), []);
    assert_eq!(machine.repairs().running + machine.repairs().queued, 0);
    assert_eq!(machine.step(ms(7), damaged), [Effect::Repair(pack(1))], "forgotten once it is whole");
}

#[test]
fn failures_wait_longer_each_time_and_stuck_packs_wait_for_a_volume() {
    let mut machine = machine(4, u64::MAX >> 20);
    machine.step(ms(0), Input::Damaged { pack: pack(1), margin: 0 });
    let failed = || Input::Repaired { pack: pack(1), outcome: Outcome::Failed { shards: 0, bytes: 0 } };
    assert_eq!(machine.step(ms(0), failed()), []);
    assert_eq!(machine.step(ms(1999), Input::Tick), []);
    assert_eq!(machine.step(ms(2000), Input::Tick), [Effect::Repair(pack(1))]);
    assert_eq!(machine.step(ms(2000), failed()), []);
    assert_eq!(machine.step(ms(5999), Input::Tick), []);
    assert_eq!(machine.step(ms(6000), Input::Tick), [Effect::Repair(pack(1))]);
    let stuck = Outcome::Stuck { unrepairable: true, shards: 0, bytes: 0 };
    assert_eq!(machine.step(ms(6000), Input::Repaired { pack: pack(1), outcome: stuck.clone() }), []);
    assert_eq!((machine.repairs().failed, machine.unrepairable(10)), (1, vec![pack(1)]));
    assert_eq!(machine.step(ms(60_000), Input::Tick), [], "ten minutes");
    let added = machine.step(ms(61_000), Input::Added { volume: VolumeId(7), state: VolumeState::Up });
    assert_eq!(added, [Effect::Announce, Effect::Repair(pack(1))]);
    assert_eq!((machine.repairs().failed, machine.unrepairable(10)), (0, vec![]));
    machine.step(ms(61_000), Input::Repaired { pack: pack(1), outcome: stuck });
    assert_eq!(machine.step(ms(661_000), Input::Tick), [Effect::Repair(pack(1))]);
}

#[test]
fn repair_keeps_to_its_bytes_and_its_number() {
    let mut machine = machine(2, 1000);
    for n in 0..20 {
        machine.step(ms(0), Input::Damaged { pack: pack(n), margin: 0 });
    }
    assert_eq!(machine.repairs().running, 2);
    let done = |n| Input::Repaired { pack: pack(n), outcome: Outcome::Complete { shards: 1, bytes: 3000 } };
    assert_eq!(machine.step(ms(0), done(0)), [], "2,000 bytes in debt");
    assert_eq!(machine.step(ms(2000), Input::Tick), []);
    assert_eq!(machine.step(ms(2001), Input::Tick), [Effect::Repair(pack(2))]);
}
