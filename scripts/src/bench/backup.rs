//! Strongroom and restic on the same tree, in the same run, turn by turn.

use eyre::Result;
use serde_json::{Value, json};

use super::process::Cost;
use super::trees::Tree;
use super::{ours, report, restic};
use crate::cargo;

/// Operations, in the order of a round.
const OPERATIONS: [&str; 3] = ["backup", "re-backup", "restore"];

/// Measures both programs on one tree.
pub(super) fn beside_restic(tree: &Tree) -> Result<Value> {
    let binary = cargo::strongroom()?;
    let with_restic = restic::ensure();
    let place = tempfile::Builder::new().prefix("strongroom-bench-").tempdir()?;
    let source = place.path().join("source");
    println!("making {} …", tree.name);
    tree.make(&source)?;
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..tree.rounds {
        // New directories each round: ext4 avoids inodes freed a moment ago, which would slow the second program.
        mine.push(ours::round(&binary, &place.path().join(format!("ours-{round}")), &source)?);
        if with_restic {
            theirs.push(restic::round(&place.path().join(format!("restic-{round}")), &source)?);
        }
    }
    let mut rows = Vec::new();
    let mut document = serde_json::Map::new();
    for (index, operation) in OPERATIONS.iter().enumerate() {
        let my_costs: Vec<Cost> = mine.iter().map(|round| round.operations[index]).collect();
        let other_costs: Vec<Cost> = theirs.iter().map(|round| round.operations[index]).collect();
        let (mine, other) = (median(&my_costs), median(&other_costs));
        rows.push(vec![
            (*operation).to_owned(),
            show_wall(mine),
            show_wall(other),
            match (mine, other) {
                (Some(mine), Some(other)) => format!("{:.1}×", other.wall.as_secs_f64() / mine.wall.as_secs_f64()),
                _ => "–".to_owned(),
            },
            show_rss(mine),
            show_rss(other),
        ]);
        document.insert(
            (*operation).to_owned(),
            json!({ "strongroomSeconds": seconds(&my_costs), "resticSeconds": seconds(&other_costs),
                    "strongroomRssBytes": mine.map(|cost| cost.rss_bytes), "resticRssBytes": other.map(|cost| cost.rss_bytes) }),
        );
    }
    let node_rss = mine.iter().map(|round| round.node_rss_bytes).max().unwrap_or_default();
    document.insert("nodeRssBytes".to_owned(), json!(node_rss));
    report::table(&[tree.name, "strongroom", "restic", "ratio", "RSS strongroom", "RSS restic"], &rows);
    println!("peak RSS of the node process: {} MiB", node_rss >> 20);
    document.insert("keys".to_owned(), keys(&mine, &theirs));
    Ok(Value::Object(document))
}

/// Says what the keys cost in these times, and what they do not.
fn keys(mine: &[ours::Round], theirs: &[restic::Round]) -> Value {
    let unlocked: Vec<Cost> = mine.iter().map(|round| round.again).collect();
    let with_passphrase: Vec<Cost> = mine.iter().map(|round| round.with_passphrase).collect();
    let opening: Vec<Cost> = theirs.iter().map(|round| round.opening).collect();
    println!(
        "keys: strongroom's was unlocked before (`strongroom key unlock`); a re-backup takes {} so, and {} ({}) when it is \
         given the passphrase",
        show_wall(median(&unlocked)),
        show_wall(median(&with_passphrase)),
        show_rss(median(&with_passphrase)),
    );
    println!(
        "      restic derives its key in each command (a scrypt of its own), which is in its times: `restic cat config`, \
         which does little else, takes {}",
        show_wall(median(&opening))
    );
    if let Some(opening) = median(&opening) {
        let ratio = |index: usize| {
            let of = |costs: Vec<Cost>| median(&costs).map_or(f64::NAN, |cost| cost.wall.as_secs_f64());
            let mine = of(mine.iter().map(|round| round.operations[index]).collect());
            let other = of(theirs.iter().map(|round| round.operations[index]).collect());
            format!("{} {:.1}×", OPERATIONS[index], (other - opening.wall.as_secs_f64()) / mine)
        };
        println!("      with that taken off restic's times the ratios are: {}, {}, {}", ratio(0), ratio(1), ratio(2));
    }
    json!({ "unlockedSeconds": seconds(&unlocked), "passphraseSeconds": seconds(&with_passphrase),
            "resticOpenSeconds": seconds(&opening) })
}

fn median(costs: &[Cost]) -> Option<Cost> {
    let mut sorted = costs.to_vec();
    sorted.sort_by_key(|cost| cost.wall);
    sorted.get(sorted.len() / 2).copied()
}

fn show_wall(cost: Option<Cost>) -> String {
    cost.map_or_else(|| "–".to_owned(), |cost| format!("{:.2} s", cost.wall.as_secs_f64()))
}

fn show_rss(cost: Option<Cost>) -> String {
    cost.map_or_else(|| "–".to_owned(), |cost| format!("{} MiB", cost.rss_bytes >> 20))
}

fn seconds(costs: &[Cost]) -> Vec<f64> {
    costs.iter().map(|cost| cost.wall.as_secs_f64()).collect()
}
