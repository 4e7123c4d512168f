//! Stores and sessions of every format that ever was, as their own releases left them in
//! `tests/upgrade`; `scripts/record_release.py` recorded them.

mod support;

mod upgrade {
    pub(crate) mod recording;
    mod sessions;
    mod stores;
}
