//! Every input that is kept, once more. Needs no fuzzer: `cargo test --no-default-features`.

use std::{fs, panic, path::Path};

use leasehold_fuzz::TARGETS;

#[test]
fn what_is_kept_ends_well() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut bad = Vec::new();
    for (name, target) in TARGETS {
        let folder = corpus.join(name);
        let entries = fs::read_dir(&folder).expect("each target has a corpus");
        let mut replayed = 0;
        for entry in entries.flatten() {
            let bytes = fs::read(entry.path()).expect("it is there");
            if panic::catch_unwind(|| target(&bytes)).is_err() {
                bad.push(entry.path());
            }
            replayed += 1;
        }
        assert!(replayed > 0, "nothing is in {}", folder.display());
        println!("{name}: {replayed} inputs");
    }
    assert!(bad.is_empty(), "{bad:#?}");
}
