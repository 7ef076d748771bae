//! The tables.

use std::time::Duration;

use crate::{
    measured::Taken,
    programs::{CURL, FETCHMAIL, MPOP, MPOP_PROCESSES, POPFETCH, POPLIB, Present, RAW},
    rounds::Measured,
};

/// Peers that get a column in the overview.
const COLUMNS: [&str; 5] = [MPOP, MPOP_PROCESSES, CURL, POPLIB, FETCHMAIL];

/// A line for each work: medians of wall time, and what is behind them for popfetch.
pub(crate) fn overview(results: &[Measured], present: &Present) -> String {
    let mut table = String::from("| wall seconds, medians | raw | popfetch | × raw | × best peer |");
    for name in COLUMNS {
        table += &format!(" {name} |");
    }
    table += "\n|---|---|---|---|---|---|---|---|---|---|\n";
    for result in results {
        let wall = |name| result.median(name, |run| run.wall);
        let ours = wall(POPFETCH);
        let best = COLUMNS.into_iter().filter_map(wall).min();
        table += &format!("| {} | {} | {} |", result.work, seconds(wall(RAW)), seconds(ours));
        table += &format!(" {} | {} |", ratio(ours, wall(RAW)), ratio(ours, best));
        for name in COLUMNS {
            let missing = if present.missing.contains(&name) { "missing" } else { "–" };
            table += &format!(" {} |", wall(name).map_or(missing.to_owned(), |wall| seconds(Some(wall))));
        }
        table.push('\n');
    }
    table
}

/// A line for each program and work.
pub(crate) fn details(results: &[Measured]) -> String {
    let mut table = String::from(
        "| work | program | wall s | least to most | × raw | × mpop | user s | system s | peak MiB | runs |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for result in results {
        for (name, runs) in &result.runs {
            let time = |of: fn(&Taken) -> Duration| result.median(name, of);
            let wall = time(|run| run.wall);
            let to = |other| ratio(wall, result.median(other, |run| run.wall));
            let [least, most] = [runs.iter().map(|run| run.wall).min(), runs.iter().map(|run| run.wall).max()];
            let memory = runs.iter().map(|run| run.memory).max().unwrap_or_default();
            table += &format!(
                "| {} | {name} | {} | {} to {} | {} | {} | {} | {} | {:.1} | {} |\n",
                result.work,
                seconds(wall),
                seconds(least),
                seconds(most),
                to(RAW),
                to(MPOP),
                seconds(time(|run| run.user)),
                seconds(time(|run| run.system)),
                memory as f64 / f64::from(1 << 20),
                runs.len(),
            );
        }
    }
    table
}

/// The medians of wall time of a work in one line.
pub(crate) fn medians(result: &Measured) -> String {
    let medians =
        result.runs.iter().map(|(name, _)| format!("{name} {}", seconds(result.median(name, |run| run.wall))));
    medians.collect::<Vec<_>>().join(", ")
}

impl Measured {
    /// The median of a program's runs, if it has any.
    pub(crate) fn median(&self, name: &str, of: fn(&Taken) -> Duration) -> Option<Duration> {
        let (_, runs) = self.runs.iter().find(|(program, _)| *program == name)?;
        median(runs.iter().map(of))
    }
}

/// The one in the middle; of two in the middle, the lower one.
pub(crate) fn median(values: impl IntoIterator<Item = Duration>) -> Option<Duration> {
    let mut values: Vec<Duration> = values.into_iter().collect();
    values.sort();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

pub(crate) fn seconds(duration: Option<Duration>) -> String {
    duration.map_or("–".to_owned(), |duration| format!("{:.3}", duration.as_secs_f64()))
}

pub(crate) fn ratio(one: Option<Duration>, other: Option<Duration>) -> String {
    match (one, other) {
        (Some(one), Some(other)) => format!("{:.2}", one.as_secs_f64() / other.as_secs_f64()),
        _ => "–".to_owned(),
    }
}
