use leasehold_node::{Incarnation, NodeName};
use leasehold_wire::{FromHub, FromNode, Hello, HubCodec, NodeCodec, Refusal, RefusalCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};
use tokio_util::codec::{Decoder, Encoder};

use super::*;

/// What must come comes.
async fn within<T>(happens: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20), happens)
        .await
        .expect("it did not come in time")
}

/// A cable, and both of its ends.
struct Stage {
    proxy: Proxy,
    listener: TcpListener,
}

impl Stage {
    async fn new(seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hub = listener.local_addr().unwrap();
        let proxy = Proxy::to(hub, false, Dice::new(seed)).await.unwrap();
        Self { proxy, listener }
    }

    async fn connect(&self) -> (TcpStream, TcpStream) {
        let node = TcpStream::connect(self.proxy.address());
        let (node, hub) = tokio::join!(node, within(self.listener.accept()));
        (node.unwrap(), hub.unwrap().0)
    }

    /// Of connections that are over.
    async fn tally(&self, is_so: impl Fn(&Tally) -> bool) -> Tally {
        within(async {
            loop {
                let tally = self.proxy.tally();
                if is_so(&tally) {
                    return tally;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }
}

async fn says(from: &mut TcpStream, to: &mut TcpStream, text: &[u8]) {
    from.write_all(text).await.unwrap();
    let mut heard = vec![0; text.len()];
    within(to.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, text);
}

/// What comes up to the end, and whether that was a reset.
async fn rest(of: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut heard = Vec::new();
    let is_reset = within(of.read_to_end(&mut heard)).await.is_err();
    (heard, is_reset)
}

fn frame(message: FromNode) -> Vec<u8> {
    let mut bytes = bytes::BytesMut::new();
    NodeCodec::new().encode(message, &mut bytes).unwrap();
    bytes.to_vec()
}

fn hello() -> Vec<u8> {
    let name = NodeName::new("crane").unwrap();
    frame(FromNode::Hello(Hello::new(name, Incarnation(7))))
}

#[tokio::test]
async fn in_good_weather_all_passes_both_ways_and_so_does_the_end() {
    let stage = Stage::new(1).await;
    let (mut node, mut hub) = stage.connect().await;
    let long: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let (sent, heard) = tokio::join!(node.write_all(&long), async {
        let mut heard = vec![0; long.len()];
        within(hub.read_exact(&mut heard)).await.map(|_| heard)
    });
    sent.unwrap();
    assert!(heard.unwrap() == long);
    says(&mut hub, &mut node, b"well").await;
    node.shutdown().await.unwrap();
    assert_eq!(rest(&mut hub).await, (Vec::new(), false));
    says(&mut hub, &mut node, b"still heard").await;
    drop(hub);
    assert_eq!(rest(&mut node).await, (Vec::new(), false));
    assert_eq!(stage.proxy.tally().connections, 1);
}

#[tokio::test]
async fn a_reset_of_one_end_resets_the_other() {
    let stage = Stage::new(1).await;
    let (node, mut hub) = stage.connect().await;
    connection::reset(&node);
    drop(node);
    assert!(rest(&mut hub).await.1);
}

#[tokio::test]
async fn what_is_lost_comes_late_and_so_does_the_end() {
    let stage = Stage::new(1).await;
    let (mut node, mut hub) = stage.connect().await;
    stage.proxy.set(Way::Up, Weather::Lost);
    node.write_all(b"lost").await.unwrap();
    says(&mut hub, &mut node, b"the other way is open").await;
    node.shutdown().await.unwrap();
    says(&mut hub, &mut node, b"and still").await;
    assert!(hub.try_read(&mut [0; 9]).is_err(), "nothing has passed");
    stage.proxy.mend();
    assert_eq!(rest(&mut hub).await, (b"lost".to_vec(), false));
}

/// Time stands still but where everybody waits for it.
#[tokio::test(start_paused = true)]
async fn what_is_late_is_late_by_so_much_and_in_order() {
    let stage = Stage::new(1).await;
    let (mut node, mut hub) = stage.connect().await;
    let (by, jitter) = (Duration::from_secs(1), Duration::from_millis(500));
    stage.proxy.set(Way::Both, Weather::Late { by, jitter });
    let began = Instant::now();
    says(&mut node, &mut hub, b"there").await;
    let there = began.elapsed();
    assert!(there >= by && there <= by + jitter + jitter, "{there:?}");
    for text in [&b"one"[..], b"two", b"three"] {
        node.write_all(text).await.unwrap();
    }
    let mut heard = [0; 11];
    within(hub.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"onetwothree");
}

#[tokio::test(start_paused = true)]
async fn a_trickle_is_a_byte_at_a_time() {
    let stage = Stage::new(1).await;
    let (mut node, mut hub) = stage.connect().await;
    let every = Duration::from_secs(1);
    stage.proxy.set(Way::Up, Weather::Trickle { every });
    let began = Instant::now();
    says(&mut node, &mut hub, b"slowly").await;
    assert!(began.elapsed() >= every * 5, "{:?}", began.elapsed());
    node.write_all(&[0; 1000]).await.unwrap();
    within(hub.read_exact(&mut [0; 1])).await.unwrap();
    let began = Instant::now();
    stage.proxy.mend();
    within(hub.read_exact(&mut [0; 999])).await.unwrap();
    assert!(began.elapsed() < every * 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_cut_ends_and_a_reset_resets_both_ends() {
    for (blow, is_reset) in [(Blow::Cut, false), (Blow::Reset, true)] {
        let stage = Stage::new(1).await;
        let (mut node, mut hub) = stage.connect().await;
        says(&mut node, &mut hub, b"x").await;
        assert_eq!(stage.proxy.strike(blow), 1);
        assert_eq!(rest(&mut node).await.1, is_reset, "{blow}");
        assert_eq!(rest(&mut hub).await.1, is_reset, "{blow}");
        assert_eq!(stage.tally(|tally| tally.struck > 0).await.struck, 1);
        let (mut node, mut hub) = stage.connect().await;
        says(&mut node, &mut hub, b"the next one is whole").await;
    }
}

#[tokio::test]
async fn half_open_one_end_knows_and_the_other_does_not() {
    for unaware in [End::Node, End::Hub] {
        let stage = Stage::new(1).await;
        let (mut node, mut hub) = stage.connect().await;
        says(&mut node, &mut hub, b"x").await;
        stage.proxy.strike(Blow::HalfOpen { unaware });
        let (mut knows, mut does_not) = match unaware {
            End::Node => (hub, node),
            End::Hub => (node, hub),
        };
        assert!(rest(&mut knows).await.1);
        // It may go on speaking, to nobody.
        does_not.write_all(&[1; 100_000]).await.unwrap();
        does_not.write_all(&[1; 100_000]).await.unwrap();
        assert!(does_not.try_read(&mut [0]).is_err());
    }
}

#[tokio::test]
async fn a_node_that_connects_twice_says_the_same_hello_twice() {
    let stage = Stage::new(1).await;
    let (mut node, mut hub) = stage.connect().await;
    let (hello, ping) = (hello(), frame(FromNode::Ping));
    says(&mut node, &mut hub, &hello[..5]).await;
    says(&mut node, &mut hub, &hello[5..]).await;
    says(&mut node, &mut hub, &ping).await;
    let lasts = Duration::from_millis(1);
    stage.proxy.strike(Blow::Double { lasts });
    let (mut ghost, _) = within(stage.listener.accept()).await.unwrap();
    let (heard, is_reset) = rest(&mut ghost).await;
    assert!(is_reset);
    assert!(heard.is_empty() || heard == hello, "{heard:?}");
    says(&mut node, &mut hub, b"and it is none the worse").await;
    assert_eq!(stage.proxy.tally().doubled, 1);
}

/// What a hub makes of it: messages, and then whether something was wrong.
fn understood(bytes: &[u8]) -> (usize, bool) {
    let (mut codec, mut bytes) = (HubCodec::new(), bytes::BytesMut::from(bytes));
    let mut count = 0;
    loop {
        match codec.decode(&mut bytes) {
            Ok(Some(_)) => count += 1,
            Ok(None) => return (count, !bytes.is_empty()),
            Err(_) => return (count, true),
        }
    }
}

#[tokio::test]
async fn of_a_spoilt_frame_nothing_is_taken_and_all_before_it_is() {
    for (seed, how) in (0..).zip(Mischief::ALL.repeat(10)) {
        let stage = Stage::new(seed).await;
        let (mut node, mut hub) = stage.connect().await;
        let hello = hello();
        says(&mut node, &mut hub, &hello).await;
        // Half of a frame, and then the rest of it with the next one.
        let frames = [hello.clone(), hello].concat();
        says(&mut node, &mut hub, &frames[..7]).await;
        stage.proxy.strike(Blow::Spoil(Way::Up, how));
        // Where the connection ends in the middle, not all of it is taken.
        _ = node.write_all(&frames[7..]).await;
        stage.tally(|tally| tally.spoilt_up == 1).await;
        _ = node.shutdown().await;
        let (heard, is_reset) = rest(&mut hub).await;
        assert_eq!(is_reset, how == Mischief::ResetInside, "{how}");
        if !is_reset {
            let heard = [&frames[..7], &heard].concat();
            assert_eq!(understood(&heard), (1, true), "{how}: {heard:?}");
        }
    }
}

#[tokio::test]
async fn whether_the_hub_gives_its_reason_is_counted() {
    for gives in [true, false] {
        let stage = Stage::new(3).await;
        stage.proxy.spoil_next_greeting(Mischief::FlipMagic);
        let (mut node, mut hub) = stage.connect().await;
        node.write_all(&hello()).await.unwrap();
        let mut heard = vec![0; hello().len()];
        within(hub.read_exact(&mut heard)).await.unwrap();
        assert_ne!(heard, hello());
        let refusal = Refusal {
            code: RefusalCode::Malformed,
            reason: "no hello".to_owned(),
        };
        if gives {
            let mut bytes = bytes::BytesMut::new();
            let word = FromHub::Refused(refusal.clone());
            HubCodec::new().encode(word, &mut bytes).unwrap();
            hub.write_all(&bytes).await.unwrap();
        }
        drop(hub);
        rest(&mut node).await;
        drop(node);
        let tally = stage.tally(|of| of.answered + of.unanswered > 0).await;
        let expected = if gives { (1, 0) } else { (0, 1) };
        assert_eq!((tally.answered, tally.unanswered), expected);
        assert_eq!(tally.refusals, if gives { vec![refusal] } else { vec![] });
        let (mut node, mut hub) = stage.connect().await;
        says(&mut node, &mut hub, &hello()).await;
    }
}
