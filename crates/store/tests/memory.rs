//! The store in memory keeps the contract.

use leasehold_store::{MemoryDisk, MemoryStore, conformance};

#[test]
fn keeps_the_contract() {
    conformance::exercise(|| {
        let disk = MemoryDisk::default();
        move || MemoryStore::on(disk.clone())
    });
}
