//! What is on disk, whole and damaged.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn spec(name: &str) -> TokenSpec {
    TokenSpec {
        name: name.to_owned(),
        roles: vec![Role::Node, Role::Producer],
        pools: vec!["mail".parse().unwrap()],
        node: Some(NodeName::new("worker-1").unwrap()),
        labels: vec!["zone=a".to_owned()],
        good_for_ms: Some(60_000),
    }
}

fn damaged(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    fs::write(&path, text).unwrap();
    let error = read(&path).unwrap_err();
    assert!(matches!(error, TokenError::Damaged { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&*path.to_string_lossy()), "{text}");
    text
}

#[test]
fn what_was_made_is_there_when_it_is_opened_again_and_nobody_else_may_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("made/by/it");
    let mut file = TokenFile::in_data(&data).unwrap();
    let (token, view) = file.create(spec("a"), "me").unwrap();
    file.create(spec("b"), "me").unwrap();
    drop(file);
    let mut file = TokenFile::in_data(&data).unwrap();
    assert_eq!(file.list()[0], view);
    assert_eq!(view.ends_at_ms, Some(view.made_at_ms + 60_000));
    let path = data.join("tokens.json");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let kept = fs::read_to_string(&path).unwrap();
    let (_, secret) = token.reveal().rsplit_once('.').unwrap();
    assert!(kept.contains("\"a\"") && !kept.contains(secret), "{kept}");
    file.revoke("b").unwrap();
    assert!(file.revoke("b").is_err());
    drop(file);
    let names: Vec<_> = TokenFile::in_data(&data).unwrap().list();
    assert_eq!(names, [view]);
}

#[test]
fn a_file_that_somebody_has_is_not_opened_by_another() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let held = TokenFile::open(&path).unwrap();
    let error = TokenFile::open(&path).unwrap_err();
    assert!(matches!(error, TokenError::InUse(_)), "{error}");
    assert!(error.to_string().contains("a hub runs on it"), "{error}");
    drop(held);
    TokenFile::open(&path).unwrap();
}

/// As a kill leaves it between the writing of the new file and its taking the name.
#[test]
fn a_new_file_that_never_took_the_name_is_in_nobodys_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let mut file = TokenFile::open(&path).unwrap();
    file.create(spec("a"), "me").unwrap();
    fs::write(beside(&path, ".new"), "half of").unwrap();
    file.create(spec("b"), "me").unwrap();
    drop(file);
    assert_eq!(TokenFile::open(&path).unwrap().list().len(), 2);
    assert!(!beside(&path, ".new").exists());
}

#[test]
fn what_cannot_be_written_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let mut file = TokenFile::open(&path).unwrap();
    // What cannot be removed as a file.
    fs::create_dir(beside(&path, ".new")).unwrap();
    let error = file.create(spec("a"), "me").unwrap_err();
    assert!(
        matches!(error, TokenError::Io { what: "write", .. }),
        "{error}"
    );
    assert!(!path.exists());
}

#[test]
fn damage_is_named_with_its_place() {
    assert!(damaged("").contains("line 1 column 0"));
    assert!(damaged("{\"format\": 1, \"tokens\": [{]}").contains("line 1 column"));
    assert!(damaged("{\"format\": 2, \"of\": \"others\"}").contains("format 2"));
    assert!(damaged("{\"format\": 1, \"tokens\": [], \"more\": 1}").contains("more"));
    let line = |name: &str, sha256: &str| {
        format!(
            "{{\"name\": \"{name}\", \"sha256\": \"{sha256}\", \"roles\": [\"node\"], \"pools\": [], \
             \"node\": null, \"labels\": [], \"good_for_ms\": null, \"made_at_ms\": 1, \
             \"made_by\": \"me\", \"ends_at_ms\": null}}"
        )
    };
    let page = |lines: &[String]| format!("{{\"format\": 1, \"tokens\": [{}]}}", lines.join(","));
    let hash = "A".repeat(43);
    let short = page(&[line("a", &hash), line("b", "AAAA")]);
    assert!(damaged(&short).contains("token 2 of the list: its sha256"));
    let twice = page(&[line("a", &hash), line("a", &hash)]);
    assert!(damaged(&twice).contains("token 2 of the list: there is a token"));
    let misnamed = page(&[line("a b", &hash)]);
    assert!(damaged(&misnamed).contains("token 1 of the list: a token's name"));
}

/// Bytes are for ever: what this version has written is read by each later one.
#[test]
fn the_format_is_the_one_that_was_written_first() {
    let text = include_str!("golden.json");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    fs::write(&path, text).unwrap();
    let book = read(&path).unwrap();
    write(&path, &book).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(book.all().count(), 2);
}
