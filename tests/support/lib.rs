//! What the end-to-end tests share. They are targets of `crates/cli`, where cargo tells them the
//! path of the built binary; `tidy` needs nothing from here.
