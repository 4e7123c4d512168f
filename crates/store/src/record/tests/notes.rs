//! Notes of pools.

use leasehold_core::{Note, Policy};

use super::*;

#[test]
fn note_bytes_are_for_ever() {
    let golden = [
        "v3-note-policy.hex",
        "v3-note-cron.hex",
        "v3-note-every.hex",
    ];
    for (name, note) in golden.into_iter().zip(sample::notes()) {
        let golden = check_golden(name, &seal_note(KEY, &note).unwrap());
        assert_eq!(golden[0], 3);
        assert_eq!(Sealed::open(KEY, &golden).unwrap().note(), Ok(note));
        for len in 0..golden.len() {
            let sealed = Sealed::open(KEY, &golden[..len]);
            assert!(sealed.and_then(|sealed| sealed.note()).is_err());
        }
    }
}

#[test]
fn a_note_that_could_not_be_read_back_is_not_written() {
    let note = |len| {
        Note::Policy(Policy {
            paused: Some("x".repeat(len)),
            ..Policy::default()
        })
    };
    let value = seal_note(KEY, &note(60 * 1024)).unwrap();
    assert_eq!(
        Sealed::open(KEY, &value).unwrap().note(),
        Ok(note(60 * 1024))
    );
    assert_eq!(seal_note(KEY, &note(64 * 1024)), None);
}
