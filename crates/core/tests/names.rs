//! What a name may be.

use leasehold_core::PoolName;
use serde::{
    Deserialize,
    de::{IntoDeserializer, value::Error},
};

fn given(text: &str) -> Result<PoolName, Error> {
    PoolName::deserialize(text.into_deserializer())
}

fn stored(text: &str) -> Result<PoolName, Error> {
    PoolName::deserialize_stored(text.into_deserializer())
}

#[test]
fn a_numbered_name_is_read_from_a_store_and_from_nobody_else() {
    let mail = PoolName::new("mail").unwrap();
    let numbered = mail.numbered(3);
    assert_eq!(numbered.as_str(), "mail#3");
    assert_eq!(numbered.parts(), Some((mail.clone(), 3)));
    assert_eq!(mail.parts(), None);
    assert_eq!(stored("mail#3").unwrap(), numbered);
    assert_eq!(stored("mail").unwrap(), mail);
    assert!(given("mail#3").is_err());
    assert!(PoolName::new("mail#3").is_err());
    for neither in [
        "mail#",
        "mail#03",
        "mail#+3",
        "mail#x",
        "#3",
        "mail#3#3",
        "no name#3",
        "",
    ] {
        assert!(stored(neither).is_err(), "{neither}");
    }
}

#[test]
fn the_longest_name_can_be_numbered() {
    let longest = PoolName::new(&"m".repeat(PoolName::BYTES_MAX)).unwrap();
    let numbered = longest.numbered(15);
    assert_eq!(stored(numbered.as_str()).unwrap(), numbered);
    assert_eq!(numbered.parts(), Some((longest, 15)));
}
