//! A request that the codec wrote once, to be filled in many times: only the request's id, the
//! task's id and the payload differ between any two.

use bytes::{BufMut, Bytes, BytesMut};
use leasehold_core::{PoolName, TaskId};
use leasehold_wire::{EnqueueItem, FRAME_BYTES_MAX_DEFAULT, FromNode, Request, encode_message};

use crate::BenchError;

/// Stands where the task's id is to be.
const PLACE: [u8; 16] = *b"id of the task!!";

/// The bytes between what differs.
#[derive(Debug)]
pub(super) struct Form {
    /// Before the request's id.
    head: Vec<u8>,
    /// Between the request's id and the task's.
    middle: Vec<u8>,
    /// Between the task's id and the payload.
    tail: Vec<u8>,
}

impl Form {
    /// Of an enqueue of one task that is not to run before so long from now.
    pub(super) fn of_enqueue(pool: PoolName, delay_ms: u64) -> Result<Self, BenchError> {
        let failed = |why: &str| BenchError::failed("prepare an enqueue", why);
        let message = enqueue(0, pool, TaskId::from_bytes(PLACE), delay_ms, Bytes::new());
        let mut bytes = BytesMut::new();
        encode_message(&message, FRAME_BYTES_MAX_DEFAULT, &mut bytes)
            .map_err(|error| failed(&error.to_string()))?;
        let mut places = bytes.windows(PLACE.len());
        let place = places.position(|window| window == PLACE);
        let place = place.ok_or_else(|| failed("the task's id is not where it was"))?;
        // One byte of the number of the message, one of the request's id, and at the end one of
        // the payload's length.
        Ok(Self {
            head: bytes[..1].to_vec(),
            middle: bytes[2..place].to_vec(),
            tail: bytes[place + PLACE.len()..bytes.len() - 1].to_vec(),
        })
    }

    /// Writes a frame of it.
    pub(super) fn write(
        &self,
        request: u64,
        task: TaskId,
        payload: &[u8],
        output: &mut BytesMut,
    ) -> Result<(), BenchError> {
        let before = output.len();
        output.put_u32(0);
        output.put_slice(&self.head);
        put_varint(request, output);
        output.put_slice(&self.middle);
        output.put_slice(task.as_bytes());
        output.put_slice(&self.tail);
        put_varint(payload.len() as u64, output);
        output.put_slice(payload);
        let length = u32::try_from(output.len() - before - 4)
            .map_err(|error| BenchError::failed("write an enqueue", error))?;
        output[before..before + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

fn enqueue(id: u64, pool: PoolName, task: TaskId, delay_ms: u64, payload: Bytes) -> FromNode {
    let item = EnqueueItem {
        id: task,
        priority: 0,
        attempts_max: None,
        delay_ms,
        payload,
    };
    let tasks = vec![item];
    let body = Request::Enqueue { pool, tasks };
    FromNode::Request { id, body }
}

/// As `docs/PROTOCOL.md` has it.
fn put_varint(number: u64, output: &mut BytesMut) {
    if let (Ok(byte), true) = (u8::try_from(number), number <= 250) {
        output.put_u8(byte);
    } else if let Ok(number) = u16::try_from(number) {
        output.put_u8(251);
        output.put_u16_le(number);
    } else if let Ok(number) = u32::try_from(number) {
        output.put_u8(252);
        output.put_u32_le(number);
    } else {
        output.put_u8(253);
        output.put_u64_le(number);
    }
}

#[cfg(test)]
mod tests {
    use leasehold_wire::NodeCodec;
    use tokio_util::codec::Encoder;

    use super::*;

    #[test]
    fn a_form_that_is_filled_in_is_what_the_codec_writes() {
        let pool = PoolName::new("bench").unwrap();
        let form = Form::of_enqueue(pool.clone(), 70_000).unwrap();
        let task = TaskId::from_u128(7);
        let mut codec = NodeCodec::new();
        codec.set_frame_bytes_max(FRAME_BYTES_MAX_DEFAULT);
        for id in [0, 250, 251, 65_535, 65_536, u64::MAX] {
            for length in [0, 8, 250, 251, 70_000] {
                let payload = vec![b'p'; length];
                let (mut ours, mut theirs) = (BytesMut::new(), BytesMut::new());
                form.write(id, task, &payload, &mut ours).unwrap();
                let message = enqueue(id, pool.clone(), task, 70_000, payload.into());
                codec.encode(&message, &mut theirs).unwrap();
                assert_eq!(ours, theirs, "{id}, {length} bytes");
            }
        }
    }
}
