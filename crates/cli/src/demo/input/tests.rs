use super::*;

fn folder(files: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in 0..files {
        fs::write(folder.path().join(format!("{file}.txt")), "0123456789").unwrap();
    }
    folder
}

#[test]
fn few_files_are_split_and_nothing_is_left_out() {
    let folder = folder(100);
    let input = Input::read(folder.path()).unwrap();
    assert_eq!(
        (input.files, input.parts, input.pieces.len()),
        (100, 4, 400)
    );
    let first = input.pieces[..4].iter().map(|piece| piece.range.bytes);
    assert_eq!(first.sum::<u64>(), 10);
    assert!(input.described()[0].contains("in 4 parts"));
}

#[test]
fn many_files_are_capped_and_it_is_said() {
    let folder = folder(FILES_MAX + 1);
    let input = Input::read(folder.path()).unwrap();
    assert_eq!((input.files, input.parts), (FILES_MAX, 1));
    assert!(input.described()[1].contains("there are more files"));
}

#[test]
fn what_is_nobodys_work_is_skipped() {
    let folder = folder(1);
    for name in SKIPPED {
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("file"), "x").unwrap();
    }
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/file"), "x").unwrap();
    assert_eq!(Input::read(folder.path()).unwrap().files, 2);
}

#[test]
fn a_folder_without_files_is_an_error() {
    assert!(Input::read(folder(0).path()).is_err());
}

#[test]
fn a_payload_is_read_back_whatever_the_path() {
    let path = std::ffi::OsString::from_vec(b"/a b/\xff\n c".to_vec()).into();
    let range = Range {
        path,
        offset: 3,
        bytes: 40,
    };
    assert_eq!(Range::from_payload(&range.to_payload()), Some(range));
    for wrong in ["", "1", "1 2", "x 2 p", "-1 2 p"] {
        assert_eq!(Range::from_payload(wrong.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn a_file_that_was_written_to_has_changed() {
    let folder = folder(1);
    let piece = Input::read(folder.path()).unwrap().pieces.remove(0);
    assert!(!piece.has_changed());
    fs::write(&piece.range.path, "longer than before").unwrap();
    assert!(piece.has_changed());
}

#[test]
fn the_fewer_the_tasks_the_longer_they_rest_within_bounds() {
    let input = Input::read(folder(320).path()).unwrap();
    assert_eq!(input.rest(9), REST_MAX);
    assert_eq!(input.rest(5), WORK_FOR / 64);
    assert_eq!(input.rest(1), REST_MIN);
}
