//! AMQP 0-9-1, as much of it as is needed: one channel, tasks of one frame each.

use bytes::{Buf, BufMut, BytesMut};

use crate::{BenchError, Connection};

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;
const END: u8 = 0xCE;

/// Bytes of a frame beside its content: type, channel, length, end.
const FRAME_BYTES: usize = 8;

/// The class that carries tasks.
const BASIC: u16 = 60;

/// Deliver, publish and the rest, as (class, method).
pub(super) const DELIVER: (u16, u16) = (BASIC, 60);
pub(super) const CONFIRM: (u16, u16) = (BASIC, 80);
const REFUSE: (u16, u16) = (BASIC, 120);
const PUBLISH: (u16, u16) = (BASIC, 40);
const CONNECTION_CLOSE: (u16, u16) = (10, 50);
const CHANNEL_CLOSE: (u16, u16) = (20, 40);

/// In the flags of a header: which of its properties are there. Only one is: how it is kept.
const DELIVERY_MODE: u16 = 1 << 12;

/// Kept on disk.
const PERSISTENT: u8 = 2;

/// What RabbitMQ says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// Its number, and its arguments.
    Method((u16, u16), &'a [u8]),
    /// What comes before a body.
    Header,
    Body(&'a [u8]),
    Heartbeat,
}

/// The first frame of `input` and how many bytes it takes, if it is whole.
pub(super) fn parse(input: &[u8]) -> Result<Option<(Frame<'_>, usize)>, BenchError> {
    let Some((mut head, rest)) = input.split_at_checked(FRAME_BYTES - 1) else {
        return Ok(None);
    };
    let (kind, _channel, length) = (head.get_u8(), head.get_u16(), head.get_u32() as usize);
    let Some((content, end)) = rest.split_at_checked(length) else {
        return Ok(None);
    };
    let Some(end) = end.first() else {
        return Ok(None);
    };
    let frame = match kind {
        METHOD => method(content)?,
        HEADER => Frame::Header,
        BODY => Frame::Body(content),
        HEARTBEAT => Frame::Heartbeat,
        _ => return Err(unreadable(input)),
    };
    if *end != END {
        return Err(unreadable(input));
    }
    Ok(Some((frame, length + FRAME_BYTES)))
}

fn method(content: &[u8]) -> Result<Frame<'_>, BenchError> {
    let Some((mut number, arguments)) = content.split_at_checked(4) else {
        return Err(unreadable(content));
    };
    let number = (number.get_u16(), number.get_u16());
    if number == CONNECTION_CLOSE || number == CHANNEL_CLOSE || number == REFUSE {
        // A code, and why.
        let why = String::from_utf8_lossy(arguments.get(3..).unwrap_or_default());
        return Err(BenchError::unexpected("rabbitmq", why));
    }
    Ok(Frame::Method(number, arguments))
}

fn unreadable(input: &[u8]) -> BenchError {
    let begin = String::from_utf8_lossy(&input[..input.len().min(40)]);
    BenchError::unexpected("rabbitmq", format_args!("unreadable: {begin:?}"))
}

/// Arguments that begin with a number which grows, and go on with a flag that says whether all
/// before it are meant too.
pub(super) fn tag_and_flag(mut arguments: &[u8]) -> Result<(u64, bool), BenchError> {
    if arguments.len() < 9 {
        return Err(unreadable(arguments));
    }
    let tag = arguments.get_u64();
    Ok((tag, arguments.get_u8() & 1 == 1))
}

/// The tag of a task that is delivered: behind the name of the consumer.
pub(super) fn delivered_tag(arguments: &[u8]) -> Result<u64, BenchError> {
    let name = usize::from(arguments.first().copied().unwrap_or_default());
    let rest = arguments.get(1 + name..).unwrap_or_default();
    Ok(tag_and_flag(rest)?.0)
}

/// Writes a frame whose content `write` writes.
fn frame(kind: u8, channel: u16, output: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    output.put_u8(kind);
    output.put_u16(channel);
    let at = output.len();
    output.put_u32(0);
    write(output);
    let length = u32::try_from(output.len() - at - 4).unwrap_or(u32::MAX);
    output[at..at + 4].copy_from_slice(&length.to_be_bytes());
    output.put_u8(END);
}

/// Writes a method with what `write` writes as its arguments.
pub(super) fn call(
    (class, method): (u16, u16),
    output: &mut BytesMut,
    write: impl FnOnce(&mut BytesMut),
) {
    let channel = if class == 10 { 0 } else { 1 };
    frame(METHOD, channel, output, |output| {
        output.put_u16(class);
        output.put_u16(method);
        write(output);
    });
}

/// Writes a string of up to 255 bytes.
pub(super) fn short(text: &str, output: &mut BytesMut) {
    output.put_u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
    output.put_slice(text.as_bytes());
}

/// Writes a string of any length.
pub(super) fn long(text: &str, output: &mut BytesMut) {
    output.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    output.put_slice(text.as_bytes());
}

/// Writes a task for this place, to be kept on disk.
pub(super) fn task(place: &str, payload: &[u8], output: &mut BytesMut) {
    call(PUBLISH, output, |output| {
        output.put_u16(0);
        short("", output);
        short(place, output);
        output.put_u8(0);
    });
    frame(HEADER, 1, output, |output| {
        output.put_u16(BASIC);
        output.put_u16(0);
        output.put_u64(payload.len() as u64);
        output.put_u16(DELIVERY_MODE);
        output.put_u8(PERSISTENT);
    });
    frame(BODY, 1, output, |output| output.put_slice(payload));
}

/// What a connection says first: up to one open channel.
pub(super) async fn greet(connection: &mut Connection) -> Result<(), BenchError> {
    connection.output.put_slice(b"AMQP\0\0\x09\x01");
    expect(connection, (10, 10)).await?;
    call((10, 11), &mut connection.output, |output| {
        output.put_u32(0);
        short("PLAIN", output);
        long("\0guest\0guest", output);
        short("en_US", output);
    });
    let tune = expect(connection, (10, 30)).await?;
    call((10, 31), &mut connection.output, |output| {
        // What it proposed, but for heartbeats: none.
        output.put_slice(tune.get(..6).unwrap_or_default());
        output.put_u16(0);
    });
    call((10, 40), &mut connection.output, |output| {
        short("/", output);
        short("", output);
        output.put_u8(0);
    });
    expect(connection, (10, 41)).await?;
    call((20, 10), &mut connection.output, |output| short("", output));
    expect(connection, (20, 11)).await?;
    Ok(())
}

/// Sends what is written, and waits for this method: gives its arguments.
pub(super) async fn expect(
    connection: &mut Connection,
    number: (u16, u16),
) -> Result<Vec<u8>, BenchError> {
    connection.send().await?;
    loop {
        if let Some((frame, used)) = parse(&connection.input)? {
            let Frame::Method(came, arguments) = frame else {
                return Err(unreadable(&connection.input));
            };
            if came != number {
                let said = format!("method {came:?} where {number:?} was due");
                return Err(BenchError::unexpected("rabbitmq", said));
            }
            let arguments = arguments.to_vec();
            connection.input.advance(used);
            return Ok(arguments);
        }
        connection.receive().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_three_frames() {
        let mut output = BytesMut::new();
        task("ab", b"xyz", &mut output);
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some((frame, used)) = parse(&output[at..]).expect("readable") {
            frames.push(frame);
            at += used;
        }
        let publish = Frame::Method(PUBLISH, b"\0\0\0\x02ab\0");
        assert_eq!(frames, [publish, Frame::Header, Frame::Body(b"xyz")]);
        assert_eq!(at, output.len());
    }

    #[test]
    fn a_part_is_no_frame() {
        let mut output = BytesMut::new();
        call(DELIVER, &mut output, |output| output.put_u8(1));
        for length in 0..output.len() {
            assert_eq!(
                parse(&output[..length]).expect("readable"),
                None,
                "{length}"
            );
        }
    }

    #[test]
    fn a_wrong_end_and_a_close_are_errors() {
        let mut output = BytesMut::new();
        call(CHANNEL_CLOSE, &mut output, |output| {
            output.put_u16(404);
            short("NOT_FOUND", output);
        });
        let error = parse(&output).expect_err("closed").to_string();
        assert_eq!(error, "rabbitmq said: NOT_FOUND");
        assert!(parse(b"\x08\0\0\0\0\0\0\0").is_err());
    }

    #[test]
    fn tags_are_found_behind_the_name_of_the_consumer() {
        let arguments = b"\x03abc\0\0\0\0\0\0\0\x2a\x01rest";
        assert_eq!(delivered_tag(arguments).expect("readable"), 42);
        assert_eq!(tag_and_flag(&arguments[4..]).expect("readable"), (42, true));
        assert!(delivered_tag(b"\x05ab").is_err());
    }
}
