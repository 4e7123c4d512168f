//! `leasehold chaos check`: histories that were recorded before.

use std::process::ExitCode;

use leasehold_judge::{History, judge, table};

use crate::{args::CheckArgs, error::ChaosError, teller::print};

pub(crate) fn run(args: &CheckArgs) -> Result<ExitCode, ChaosError> {
    let (mut runs, mut is_clean) = (Vec::new(), true);
    for folder in &args.folders {
        let history = History::read(folder);
        let history = history.map_err(ChaosError::io(format!("read {}", folder.display())))?;
        let verdict = judge(&history);
        is_clean &= verdict.is_clean();
        if !args.json {
            print(format!("{}: {verdict}", folder.display()));
        }
        runs.push(verdict.summary);
    }
    if args.json {
        print(serde_json::to_string(&runs).unwrap_or_default());
    } else {
        print(format!("\n{}", table(&runs)));
    }
    Ok(ExitCode::from(u8::from(!is_clean)))
}
