//! Tidy: the rules of the house as a test, over the text of the repository.
//!
//! Each check is a function from text to findings, and is itself tested with a planted violation,
//! so that a check that finds nothing is known to be able to. What a compiler or clippy can hold is
//! not here; see the lints of the root manifest.
//!
//! `cargo test -p leasehold-tests --test tidy -- --nocapture` prints the measures as well.

mod tidy {
    pub(crate) mod arrows;
    pub(crate) mod bans;
    pub(crate) mod documents;
    pub(crate) mod house;
    pub(crate) mod lengths;
    pub(crate) mod pins;
    pub(crate) mod source;
    pub(crate) mod time;
    pub(crate) mod words;
}

use tidy::{
    arrows, bans, documents,
    house::{Finding, House},
    lengths, pins, time, words,
};

/// Fails with one line a finding.
fn hold(mut findings: Vec<Finding>) {
    findings.sort();
    let lines: String = findings
        .iter()
        .map(|finding| format!("\n  {finding}"))
        .collect();
    assert!(findings.is_empty(), "{} found:{lines}", findings.len());
}

#[test]
fn crates_see_only_whom_they_may() {
    hold(arrows::check(&arrows::packages()));
}

#[test]
fn each_pinned_crate_is_named_in_one_module() {
    let house = House::load();
    hold(house.rust().flat_map(pins::check_source).collect());
}

#[test]
fn pins_are_exact() {
    hold(pins::check_manifest(&House::load().text("Cargo.toml")));
}

#[test]
fn files_and_functions_are_short() {
    let house = House::load();
    hold(house.rust().flat_map(lengths::check).collect());
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the measures are for whoever asks with --nocapture"
)]
fn most_functions_are_very_short() {
    let house = House::load();
    let measures = lengths::measure(house.rust());
    println!("{measures}");
    assert!(
        measures.function_median <= lengths::FUNCTION_MEDIAN_MAX,
        "{measures}"
    );
}

#[test]
fn names_are_the_words_of_the_house() {
    let house = House::load();
    hold(house.rust().flat_map(words::check).collect());
}

#[test]
fn nothing_banned_is_written() {
    let house = House::load();
    hold(house.rust().flat_map(bans::check_source).collect());
}

#[test]
fn no_path_of_a_machine_is_written() {
    let house = House::load();
    let texts = house.texts();
    hold(
        texts
            .flat_map(|(path, text)| bans::check_text(path, text))
            .collect(),
    );
}

#[test]
fn only_the_clock_asks_for_the_time() {
    let house = House::load();
    hold(house.rust().flat_map(time::check).collect());
}

#[test]
fn the_core_knows_no_machine() {
    let house = House::load();
    hold(house.rust().flat_map(time::check_core).collect());
}

#[test]
fn paths_in_the_architecture_exist() {
    let house = House::load();
    let text = house.text(documents::ARCHITECTURE);
    hold(documents::check_paths(&text, |path| house.has(path)));
}

#[test]
fn every_crate_is_in_the_code_map() {
    let house = House::load();
    let text = house.text(documents::ARCHITECTURE);
    hold(documents::check_code_map(&text, &house.crates()));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let house = House::load();
    let pages = house.texts().filter(|(path, _)| documents::is_page(path));
    hold(
        pages
            .flat_map(|(path, text)| documents::check_links(path, text, |path| house.has(path)))
            .collect(),
    );
}

#[test]
fn the_annotated_configuration_has_its_test() {
    let house = House::load();
    for path in ["config/hub.toml", "crates/hub/tests/config.rs"] {
        assert!(house.has(path), "{path} is gone");
    }
}
