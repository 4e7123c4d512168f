//! Tests that every engine of a log store passes.

/// Makes a test of each function for each engine.
macro_rules! with_each_engine {
    ($($test:ident),+ $(,)?) => {
        mod on_sled {
            $(#[test] fn $test() { super::$test(leasehold_store::LogEngine::Sled); })+
        }
        mod on_fjall {
            $(#[test] fn $test() { super::$test(leasehold_store::LogEngine::Fjall); })+
        }
    };
}
pub(crate) use with_each_engine;
