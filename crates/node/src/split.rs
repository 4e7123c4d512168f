//! Lists into requests that fit.

use crate::requests::Limits;

/// What an item takes on the wire beside its bytes of payload, at most.
const ITEM_BYTES: usize = 64;

/// What a request takes beside its items, at most.
const REQUEST_BYTES: usize = 256;

/// `items` in runs of at most `batch_max` that fit a frame each. An item that fits none gets a run
/// of its own, for the hub or the codec to say so.
pub(crate) fn split<T>(items: Vec<T>, limits: Limits, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let room = limits.frame_bytes_max.saturating_sub(REQUEST_BYTES);
    let mut runs: Vec<Vec<T>> = Vec::new();
    let mut used = 0;
    for item in items {
        let size = bytes(&item) + ITEM_BYTES;
        match runs.last_mut() {
            Some(run) if run.len() < limits.batch_max && used + size <= room => {
                run.push(item);
                used += size;
            }
            _ => {
                runs.push(vec![item]);
                used = size;
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        batch_max: 3,
        frame_bytes_max: REQUEST_BYTES + 1000,
    };

    #[test]
    fn by_count_and_by_bytes_in_order() {
        let by_count = split(vec![1; 7], LIMITS, |&size| size);
        assert_eq!(by_count, [vec![1; 3], vec![1; 3], vec![1]]);
        let by_bytes = split(vec![500, 300, 400, 200], LIMITS, |&size| size);
        assert_eq!(by_bytes, [vec![500, 300], vec![400, 200]]);
    }

    #[test]
    fn what_fits_nowhere_stands_alone() {
        let runs = split(vec![1, 5000, 1], LIMITS, |&size| size);
        assert_eq!(runs, [vec![1], vec![5000], vec![1]]);
        assert!(split(Vec::<usize>::new(), LIMITS, |&size| size).is_empty());
    }
}
