//! Starts a server and tests it with tokio-tungstenite, which shares no code with it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

/// The timeout for a reply.
const PATIENCE: Duration = Duration::from_mins(1);
/// Less than the time for which the servers wait for the peer to close its half.
const LINGER: Duration = Duration::from_secs(5);

/// A server process, which is killed when this value is dropped.
pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts `program` on a free port. Also returns what it printed before it listened. Without a
    /// server, it exited successfully instead of listening.
    pub fn start(program: &str) -> (Option<Self>, String) {
        Self::run(&mut Command::new(program))
    }

    /// The same with any command, which gets the address as its last argument.
    pub fn run(command: &mut Command) -> (Option<Self>, String) {
        let mut child = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut output = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(address) = line.strip_prefix("listening on ") {
                return (Some(Self { address: address.parse().unwrap(), child }), output);
            }
            output += &line;
            output += "\n";
        }
        assert!(child.wait().unwrap().success(), "{command:?} failed: {output}");
        (None, output)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.child.try_wait().unwrap();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        assert_eq!(ended, None, "the server ended by itself");
    }
}

/// A way to the server under test.
pub trait Target {
    type Stream: AsyncRead + AsyncWrite + Unpin;

    async fn connect(&self) -> WebSocketStream<Self::Stream>;
}

/// A server on plain TCP.
impl Target for Server {
    type Stream = TcpStream;

    async fn connect(&self) -> WebSocketStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let url = format!("ws://{}/", self.address);
        tokio_tungstenite::client_async(url, stream).await.unwrap().0
    }
}

/// The tests for every server. The argument is an expression that creates a [`Target`].
macro_rules! echo_tests {
    ($start:expr) => {
        $crate::common::echo_tests!($start; messages pings fragments closes faults);
    };
    ($start:expr; $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::common::$name(&$start).await;
            }
        )*
    };
}
pub(crate) use echo_tests;

struct Client<S> {
    tx: SplitSink<WebSocketStream<S>, Message>,
    rx: SplitStream<WebSocketStream<S>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    async fn connect(target: &impl Target<Stream = S>) -> Self {
        let (tx, rx) = target.connect().await.split();
        Self { tx, rx }
    }

    /// Sends `messages` and receives `answers` messages concurrently: some servers echo a message
    /// before they have received all of it.
    async fn exchange(&mut self, messages: Vec<Message>, answers: usize) -> Vec<Message> {
        let Self { tx, rx } = self;
        let send = async {
            for message in messages {
                tx.feed(message).await.unwrap();
            }
            tx.flush().await.unwrap();
        };
        let receive = async {
            let mut received = Vec::new();
            while received.len() < answers {
                received.push(rx.next().await.expect("a message").unwrap());
            }
            received
        };
        let both = tokio::time::timeout(PATIENCE, async { tokio::join!(send, receive) });
        both.await.expect("no timeout").1
    }

    /// Sends a message and receives the reply.
    async fn ask(&mut self, message: Message) -> Message {
        self.exchange(vec![message], 1).await.remove(0)
    }

    /// Expects that the server closes with `code`, and then closes its half of the transport
    /// promptly.
    async fn expect_close(mut self, messages: Vec<Message>, code: Option<u16>) {
        let close = self.exchange(messages, 1).await.remove(0);
        let Message::Close(frame) = close else { panic!("{close:?} instead of a Close") };
        assert_eq!(frame.map(|frame| u16::from(frame.code)), code);
        let end = tokio::time::timeout(LINGER, self.rx.next()).await;
        assert!(matches!(end, Ok(None)), "{end:?} instead of the end of the transport");
    }
}

/// A text of `len` bytes with characters of one to four bytes.
fn text(len: usize) -> Message {
    let mut text = "aß世🦀".repeat(len / 10 + 1);
    let end = (0..=len).rev().find(|at| text.is_char_boundary(*at)).unwrap();
    text.truncate(end);
    text.extend(std::iter::repeat_n('x', len - text.len()));
    Message::text(text)
}

fn binary(len: usize) -> Message {
    let mut state = 1_u32;
    let mut byte = || {
        state = state.wrapping_mul(0x9E37_79B9).wrapping_add(0x7F4A_7C15);
        state.to_be_bytes()[0]
    };
    Message::binary((0..len).map(|_| byte()).collect::<Vec<_>>())
}

fn ping(payload: &[u8]) -> Message {
    Message::Ping(payload.to_vec().into())
}

fn pong(payload: &[u8]) -> Message {
    Message::Pong(payload.to_vec().into())
}

fn frame(opcode: Data, fin: bool, payload: &[u8]) -> Message {
    Message::Frame(Frame::message(payload.to_vec(), OpCode::Data(opcode), fin))
}

/// Text and binary messages of up to 1 MiB, around the boundaries between the length encodings.
pub async fn messages(target: &impl Target) {
    let mut client = Client::connect(target).await;
    for len in [0, 1, 125, 126, 127, 1024, 8191, 8192, 8193, 65_535, 65_536, 1 << 20] {
        for message in [text(len), binary(len)] {
            assert!(
                client.ask(message.clone()).await == message,
                "the echo of {len} bytes differs"
            );
        }
    }
    // Many messages at once.
    let many: Vec<_> = (0..64).map(|i| text(i * 100)).collect();
    assert!(client.exchange(many.clone(), many.len()).await == many);
}

/// A Ping is answered before the echo of later messages.
pub async fn pings(target: &impl Target) {
    let mut client = Client::connect(target).await;
    for payload in [&b""[..], b"there?", &[0xFF; 125]] {
        assert_eq!(client.ask(ping(payload)).await, pong(payload));
    }
    let sent = vec![text(100_000), ping(b"now?"), text(5), binary(100_000)];
    let received = client.exchange(sent, 4).await;
    let at = |message: &Message| received.iter().position(|each| each == message).unwrap();
    assert!(at(&text(100_000)) < at(&text(5)) && at(&text(5)) < at(&binary(100_000)));
    assert!(at(&pong(b"now?")) < at(&text(5)));
}

/// Fragments that end inside a character, with a Ping between them, and empty ones.
pub async fn fragments(target: &impl Target) {
    let mut client = Client::connect(target).await;
    let bytes = "Grüße, 世界".as_bytes();
    let frames = vec![
        frame(Data::Text, false, &bytes[..3]),
        ping(b"between"),
        frame(Data::Continue, false, b""),
        frame(Data::Continue, false, &bytes[3..11]),
        frame(Data::Continue, true, &bytes[11..]),
    ];
    let received = client.exchange(frames, 2).await;
    assert_eq!(received, [pong(b"between"), Message::text("Grüße, 世界")]);

    // A message and fragments longer than any buffer.
    let whole = binary(600_000).into_data();
    let (first, rest) = whole.split_at(100_000);
    let (second, third) = rest.split_at(300_000);
    let frames = vec![
        frame(Data::Binary, false, first),
        frame(Data::Continue, false, second),
        frame(Data::Continue, true, third),
    ];
    let echo = client.exchange(frames, 1).await;
    assert!(echo == [Message::Binary(whole)], "the echo of the fragments differs");
}

/// A Close is answered with its own code, after the echo of earlier messages.
pub async fn closes(target: &impl Target) {
    for code in [1000, 1001, 3000, 4999] {
        let mut client = Client::connect(target).await;
        assert_eq!(client.ask(text(9)).await, text(9));
        let close = CloseFrame { code: CloseCode::from(code), reason: "bye".into() };
        client.expect_close(vec![Message::Close(Some(close))], Some(code)).await;
    }
    let client = Client::connect(target).await;
    client.expect_close(vec![Message::Close(None)], None).await;
    // A client that disconnects without a Close does not affect the others.
    drop(Client::connect(target).await);
    let mut client = Client::connect(target).await;
    assert_eq!(client.ask(text(9)).await, text(9));
}

/// Each protocol error is answered with a Close with its code.
pub async fn faults(target: &impl Target) {
    let faults = [
        (vec![frame(Data::Text, true, b"\xC3\x28")], 1007),
        (
            vec![frame(Data::Text, false, "ü".as_bytes()), frame(Data::Continue, true, b"\xC3")],
            1007,
        ),
        (vec![frame(Data::Continue, true, b"of nothing")], 1002),
        (vec![frame(Data::Reserved(3), true, b"")], 1002),
    ];
    for (frames, code) in faults {
        Client::connect(target).await.expect_close(frames, Some(code)).await;
    }
}
