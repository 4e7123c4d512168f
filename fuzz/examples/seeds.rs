//! Writes the inputs that every search begins with into `corpus`, each named `seed-…`: the golden
//! files of wire and store, the annotated configuration, what the pages have as examples.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use leasehold_wire::{FromHub, FromNode, decode_message};

/// How a knob's value may look, by the number of the knob in `leasehold_fuzz`.
const VALUES: [(u8, &str); 22] = [
    (0, "127.0.0.1:7411"),
    (0, "[::1]:0"),
    (0, "none"),
    (1, "10s"),
    (1, "1h"),
    (2, "2m 30s 5ms"),
    (3, "512MiB"),
    (3, "16TiB"),
    (4, "0B"),
    (4, "1_024 KiB"),
    (5, "fjall"),
    (6, "data/\u{fc}"),
    (7, "false"),
    (8, "100_000"),
    (9, "strict"),
    (9, "1d"),
    (10, "365days"),
    (10, "none"),
    (11, "1GiB"),
    (12, "100/1s"),
    (12, "100/1m burst 20"),
    (13, "1000000/24h"),
];

/// Seconds since 1970, seconds until now, an expression or an interval, a zone or its first instant.
const SCHEDULES: [(u64, u32, &str, &str); 16] = [
    (1_764_000_000, 86_400, "30 4 * * MON-FRI", "Europe/Vienna"),
    (1_764_000_000, 3600, "*/5 * * * *", "UTC"),
    (1_764_000_000, 100, "*/10 * * * * *", "UTC"),
    (1_764_000_000, 864_000, "@hourly", "Asia/Kolkata"),
    (1_764_000_000, 31_536_000, "0 0 L * *", "America/New_York"),
    (
        1_764_000_000,
        31_536_000,
        "0 9 * * MON#2",
        "Pacific/Auckland",
    ),
    (1_764_000_000, 864_000, "0 0 30 2 *", "UTC"),
    (1_764_000_000, 864_000, "0 0 29 2 *", "UTC"),
    // Where clocks are set forward, and back.
    (1_774_742_000, 7200, "30 2 * * *", "Europe/Vienna"),
    (1_792_886_000, 14_400, "30 2 * * *", "Europe/Vienna"),
    (1_792_886_000, 14_400, "*/15 * * * *", "Europe/Vienna"),
    (1_792_886_000, 864_000, "0 2 * * *", "Australia/Lord_Howe"),
    (0, 4_000_000_000, "0 0 13 * FRI", "UTC"),
    (250_000_000_000, 3_600_000_000, "0 0 1 1 *", "UTC"),
    (1_764_000_000, 86_400, "600000", "1764000000000"),
    (1_764_000_000, 4_000_000_000, "1000", "0"),
];

const NAMES: [&str; 9] = [
    "mail",
    "images.resize-2",
    "mail#3",
    "worker-7@host.example:9000/a",
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "01890A5DAC96774BBCCEB302099A8057",
    "1-3-42",
    "ffffffff-ffffffff-ffffffffffffffff",
    "",
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    wire(&root.join("crates/wire/tests/golden"))?;
    store(&root.join("crates/store/tests/golden"))?;
    keep("config", "hub", &fs::read(root.join("config/hub.toml"))?)?;
    keep("config", "pools", POOLS.as_bytes())?;
    for (number, (knob, value)) in VALUES.iter().enumerate() {
        keep(
            "knobs",
            &number.to_string(),
            &[&[*knob], value.as_bytes()].concat(),
        )?;
    }
    for (number, (at, span, when, of)) in SCHEDULES.iter().enumerate() {
        let times = [&at.to_be_bytes()[3..], &span.to_be_bytes()].concat();
        let text = format!("{when}\n{of}");
        keep(
            "schedules",
            &number.to_string(),
            &[&times, text.as_bytes()].concat(),
        )?;
    }
    for (number, name) in NAMES.iter().enumerate() {
        keep("names", &number.to_string(), name.as_bytes())?;
    }
    Ok(())
}

const POOLS: &str = r#"
[pools]
open = false
[pool_defaults]
lease = "2m"
rate = "100/1m burst 20"
[pool.mail]
attempts_max = 0x3
aging_step = "strict"
[pool."images.resize"]
partitions = 4
bytes_max = "1GiB"
"#;

fn keep(target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("seed-{name}")), bytes)
}

/// Each message for itself, and those of a file and direction one after the other.
fn wire(golden: &Path) -> io::Result<()> {
    for version in ["v1", "v2"] {
        let text = fs::read_to_string(golden.join(format!("{version}.txt")))?;
        let (mut of_node, mut of_hub) = (vec![2, 7], vec![3, 9]);
        for (name, hex) in text.lines().filter_map(|line| line.split_once(" = ")) {
            let bytes = bytes(hex);
            let framed = [
                &u32::try_from(bytes.len()).unwrap_or(0).to_be_bytes(),
                bytes.as_slice(),
            ]
            .concat();
            if decode_message::<FromNode>(&bytes).is_ok() {
                keep("from_node", &format!("{version}-{name}"), &bytes)?;
                of_node.extend(&framed);
            }
            if decode_message::<FromHub>(&bytes).is_ok() {
                keep("from_hub", &format!("{version}-{name}"), &bytes)?;
                of_hub.extend(&framed);
            }
            if name.contains("Hello") {
                keep(
                    "frames",
                    &format!("{version}-{name}"),
                    &[&[0, 1], framed.as_slice()].concat(),
                )?;
            }
        }
        keep("frames", &format!("{version}-node"), &of_node)?;
        keep("frames", &format!("{version}-hub"), &of_hub)?;
    }
    Ok(())
}

/// Bodies of records, and exports.
fn store(golden: &Path) -> io::Result<()> {
    for entry in fs::read_dir(golden)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let text = fs::read_to_string(entry.path())?;
        let Some(stem) = name.strip_suffix(".hex") else {
            keep("transfer", name.trim_end_matches(".jsonl"), text.as_bytes())?;
            continue;
        };
        let bytes = bytes(&text);
        if let Some(part) = stem.strip_prefix("journal-v1-") {
            let (kind, body) = match part {
                "mark" => (0, bytes.as_slice()),
                "segment" => (1, bytes.as_slice()),
                // As long as its head says.
                _ => (3, bytes.get(40..76).unwrap_or_default()),
            };
            keep("journal", part, &[&[kind], body].concat())?;
        } else if let Some((seal, body)) = bytes.split_at_checked(5) {
            let kinds = ["header", "pool", "note", "log"];
            let kind = kinds.iter().position(|kind| stem.contains(kind));
            let kind = kind.and_then(|kind| u8::try_from(kind).ok()).unwrap_or(4);
            let body = if kind == 4 { bytes.as_slice() } else { body };
            keep("records", stem, &[&[kind, seal[0]], body].concat())?;
        }
    }
    Ok(())
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok())
        .collect()
}
