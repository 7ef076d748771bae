//! One connection: reads lines, and plays actions onto the wire as the wire options say.

use std::{
    future::poll_fn,
    io,
    ops::RangeInclusive,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, Interest, ReadBuf},
    net::TcpStream,
};

use super::{Action, Direction, Ending, LineEnd, Segments, Stuffing, Wire, log::Log, stream::Stream};
use crate::maildrop::{Content, LfLines, Random};

/// Output that is gathered before it is written.
const GATHERED: usize = 64 * 1024;
/// How long what a client still sends is read after the server has closed its end.
const LINGER: Duration = Duration::from_secs(5);

/// Why a session goes no further.
#[derive(Debug)]
pub(super) enum Over {
    /// The client has closed the connection, or it broke.
    Lost,
    /// The server is to end it in this way.
    End(Ending),
}

pub(super) struct Link {
    stream: Stream,
    /// What a TLS handshake needs; none where there is no TLS.
    tls: Option<Arc<ServerConfig>>,
    /// What comes is a handshake.
    tls_due: bool,
    connection: usize,
    log: Arc<Log>,
    wire: Wire,
    /// Instead of the wire's segments and pause, within one reply.
    pace: Option<(Segments, Duration)>,
    /// So many octets may still be sent, within one reply.
    cut: Option<(u64, Ending)>,
    input: Vec<u8>,
    output: Vec<u8>,
    lf_lines: LfLines,
    /// Octets written in this connection.
    written: u64,
    /// Segments written in this connection.
    segments: u64,
    random: Random,
}

impl Link {
    pub(super) fn new(
        stream: TcpStream,
        tls: Option<Arc<ServerConfig>>,
        connection: usize,
        log: Arc<Log>,
        wire: Wire,
    ) -> Self {
        let seed = if let Segments::Random { seed, .. } = wire.segments { seed } else { 0 };
        Self {
            stream: Stream::new(stream),
            tls,
            tls_due: false,
            connection,
            log,
            wire,
            pace: None,
            cut: None,
            input: Vec::new(),
            output: Vec::new(),
            lf_lines: LfLines::default(),
            written: 0,
            segments: 0,
            random: Random::new(seed),
        }
    }

    /// All lines that are there, at least one, each with its line end, after what was gathered has been written.
    pub(super) async fn read_lines(&mut self) -> Result<Vec<Vec<u8>>, Over> {
        self.flush().await?;
        loop {
            if let Some(end) = memchr::memrchr(b'\n', &self.input) {
                let rest = self.input.split_off(end + 1);
                let lines = std::mem::replace(&mut self.input, rest);
                return Ok(lines.split_inclusive(|&octet| octet == b'\n').map(<[u8]>::to_vec).collect());
            }
            if self.stream.read_buf(&mut self.input).await.map_err(lost)? == 0 {
                return Err(Over::Lost);
            }
        }
    }

    /// Throws away what has arrived and was not taken by [`read_lines`](Self::read_lines). True when there was something.
    pub(super) async fn discard_input(&mut self) -> bool {
        self.read_waiting().await;
        let waiting = !self.input.is_empty();
        if waiting {
            self.log.write(self.connection, Direction::Discarded, &self.input);
            self.input.clear();
        }
        waiting
    }

    /// Reads what has arrived by now into the input.
    async fn read_waiting(&mut self) {
        let (stream, input) = (&mut self.stream, &mut self.input);
        poll_fn(|context| {
            loop {
                let mut octets = [0; 4096];
                let mut buffer = ReadBuf::new(&mut octets);
                let read = Pin::new(&mut *stream).poll_read(context, &mut buffer);
                // An error or the end of the stream shows at the next read.
                let (Poll::Ready(Ok(())), [_, ..]) = (read, buffer.filled()) else { return Poll::Ready(()) };
                input.extend_from_slice(buffer.filled());
            }
        })
        .await;
    }

    /// From now on the client is to send a TLS handshake.
    pub(super) fn expect_tls(&mut self) {
        self.tls_due = true;
    }

    /// Waits until the client begins its handshake. Ends the session, and throws away what came, when the client says
    /// something else.
    pub(super) async fn client_hello(&mut self) -> Result<(), Over> {
        const HANDSHAKE: u8 = 0x16;
        self.flush().await?;
        let Some(tcp) = self.stream.tcp() else { return Err(Over::Lost) };
        let mut first = [0];
        if tcp.peek(&mut first).await.map_err(lost)? == 0 {
            return Err(Over::Lost);
        }
        if first != [HANDSHAKE] {
            self.discard_input().await;
            return Err(Over::End(Ending::Close));
        }
        Ok(())
    }

    async fn handshake(&mut self) -> Result<(), Over> {
        let Some(config) = self.tls.clone() else { return Ok(()) };
        self.flush().await?;
        let cut = self.cut.take();
        if let Err(error) = self.stream.secure(config, cut.map(|(octets, _)| octets)).await {
            self.note(&format!("[TLS handshake failed: {error}]"));
            return Err(Over::End(cut.map_or(Ending::Close, |(_, ending)| ending)));
        }
        self.tls_due = false;
        self.log.secure(self.connection);
        if let Some(tls) = self.stream.tls() {
            let version = tls.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
            let name = tls.server_name().map(|name| format!(", server name {name}")).unwrap_or_default();
            let protocol = tls.alpn_protocol().map(|protocol| format!(", ALPN {}", protocol.escape_ascii()));
            let client = if tls.peer_certificates().is_some() { ", client certificate" } else { "" };
            self.note(&format!("[{version}{name}{}{client}]", protocol.unwrap_or_default()));
        }
        Ok(())
    }

    /// Whether there is TLS now.
    pub(super) fn is_under_tls(&self) -> bool {
        self.stream.tls().is_some()
    }

    /// The client's certificate in DER, which its authority has signed.
    pub(super) fn client_certificate(&self) -> Option<&[u8]> {
        Some(self.stream.tls()?.peer_certificates()?.first()?.as_ref())
    }

    /// Plays the actions of one reply.
    pub(super) async fn play(&mut self, actions: Vec<Action>) -> Result<(), Over> {
        let played = self.play_each(actions).await;
        let paced = self.pace.is_some();
        if paced || !self.wire.coalesce {
            self.flush().await?;
        }
        (self.pace, self.cut) = (None, None);
        played
    }

    async fn play_each(&mut self, actions: Vec<Action>) -> Result<(), Over> {
        for action in actions {
            match action {
                Action::Send(octets) => {
                    self.log.write(self.connection, Direction::Server, &octets);
                    self.send(&octets).await?;
                }
                Action::Repeat(octets) => {
                    self.note(&format!("[for ever: {}]", octets[..octets.len().min(80)].escape_ascii()));
                    loop {
                        self.send(&octets).await?;
                    }
                }
                Action::RepeatRows(first) => {
                    self.note("[rows for ever]");
                    for number in first.. {
                        self.send(format!("{number} {number}\r\n").as_bytes()).await?;
                    }
                }
                Action::Content { content, octets, stuffed } => {
                    let octets = octets.min(content.len());
                    self.note(&format!("[{octets} octets of content]"));
                    self.send_content(&content, octets, stuffed).await?;
                }
                // What stands for the honest reply has been put in its place by now; an unreplaced one is nothing.
                Action::Honest => {}
                Action::Handshake => self.handshake().await?,
                Action::Pause(time) => {
                    self.flush().await?;
                    self.pause(time).await?;
                }
                Action::Pace(segments, pause) => {
                    self.flush().await?;
                    self.pace = Some((segments, pause));
                }
                Action::CutAfter(octets, ending) => self.cut = Some((octets, ending)),
                Action::End(ending) => return Err(Over::End(ending)),
            }
        }
        Ok(())
    }

    /// Writes what was gathered.
    pub(super) async fn flush(&mut self) -> Result<(), Over> {
        if self.output.is_empty() {
            return Ok(());
        }
        let output = std::mem::take(&mut self.output);
        let (segments, pause) = self.pace.clone().unwrap_or_else(|| (self.wire.segments.clone(), self.wire.pause));
        let mut rest = output.as_slice();
        while !rest.is_empty() {
            if self.segments > 0 && !pause.is_zero() {
                self.pause(pause).await?;
            }
            let (segment, after) = rest.split_at(self.segment(&segments, rest.len()));
            self.stream.write_all(segment).await.map_err(lost)?;
            // What TLS has made of it.
            self.stream.flush().await.map_err(lost)?;
            self.written += segment.len() as u64;
            self.segments += 1;
            rest = after;
        }
        // The allocation serves the next output.
        self.output = output;
        self.output.clear();
        Ok(())
    }

    /// Waits, but no longer than the client stays.
    pub(super) async fn pause(&mut self, time: Duration) -> Result<(), Over> {
        const LOOK: Duration = Duration::from_millis(50);
        let mut left = time;
        while left > LOOK {
            tokio::time::sleep(LOOK).await;
            left -= LOOK;
            if self.client_has_closed().await {
                return Err(Over::Lost);
            }
        }
        tokio::time::sleep(left).await;
        Ok(())
    }

    /// Ends the connection in the given way, after what was gathered has been written.
    pub(super) async fn end(mut self, ending: Ending) {
        if self.flush().await.is_err() {
            return;
        }
        match ending {
            Ending::Close => {
                self.note("[close]");
                let shut = self.stream.shutdown().await;
                self.linger(shut).await;
            }
            Ending::Truncate => {
                self.note("[close without close_notify]");
                let shut = self.stream.truncate().await;
                self.linger(shut).await;
            }
            Ending::Reset => {
                self.note("[reset]");
                // Octets in flight are delivered on the loopback before the reset is.
                if let Some(tcp) = self.stream.tcp() {
                    let _ = tcp.set_zero_linger();
                }
            }
            Ending::Silence => {
                self.note("[silence]");
                self.listen_only().await;
            }
        }
    }

    /// Reads what the client still says. Else the kernel would answer late commands with a reset, which takes the last
    /// reply from a slow client.
    async fn linger(&mut self, shut: io::Result<()>) {
        if shut.is_ok() {
            let _ = tokio::time::timeout(LINGER, self.listen_only()).await;
        }
    }

    /// Records what the client says, and answers nothing.
    async fn listen_only(&mut self) {
        if self.tls_due {
            return self.listen_for_clear_text().await;
        }
        while let Ok(lines) = self.read_lines().await {
            for line in lines {
                let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
                self.log.write(self.connection, Direction::Client, line);
            }
        }
    }

    /// Reads a handshake in which nobody takes part; but clear text in its place is recorded.
    async fn listen_for_clear_text(&mut self) {
        // From change_cipher_spec to application_data (RFC 8446 §5.1).
        const RECORDS: RangeInclusive<u8> = 0x14..=0x17;
        let mut in_clear = None;
        let mut octets = Vec::with_capacity(GATHERED);
        while let Ok(1..) = self.stream.read_buf(&mut octets).await {
            let first = octets.first();
            if *in_clear.get_or_insert(first.is_some_and(|octet| !RECORDS.contains(octet))) {
                self.log.write(self.connection, Direction::Discarded, &octets);
            }
            octets.clear();
        }
    }

    async fn send_content(&mut self, content: &Content, octets: u64, stuffed: bool) -> Result<(), Over> {
        // The two octets before a piece; content begins like a line.
        let mut before = *b"\r\n";
        let mut reader = content.reader().limit(octets);
        while let Some(piece) = reader.next_piece() {
            let mut from = 0;
            for dot in memchr::memchr_iter(b'.', piece).filter(|_| stuffed) {
                let previous = match dot {
                    0 => before,
                    1 => [before[1], piece[0]],
                    _ => [piece[dot - 2], piece[dot - 1]],
                };
                let begins_line = match self.wire.stuffing {
                    Stuffing::AfterCrlf => previous == *b"\r\n",
                    Stuffing::AfterAnyLf => previous[1] == b'\n',
                };
                if begins_line {
                    self.send(&piece[from..dot]).await?;
                    self.send(b".").await?;
                    from = dot;
                }
            }
            self.send(&piece[from..]).await?;
            before = match piece {
                [.., first, second] => [*first, *second],
                [only] => [before[1], *only],
                [] => before,
            };
        }
        Ok(())
    }

    async fn send(&mut self, mut octets: &[u8]) -> Result<(), Over> {
        let converted;
        if self.wire.line_end == LineEnd::Lf {
            let mut lines = Vec::with_capacity(octets.len());
            self.lf_lines.convert(octets, &mut lines);
            converted = lines;
            octets = &converted;
        }
        let nearest = [self.cut, self.wire.cut_after].into_iter().flatten().min_by_key(|(left, _)| *left);
        if let Some((left, ending)) = nearest
            && octets.len() as u64 >= left
        {
            self.output.extend_from_slice(&octets[..left as usize]);
            return Err(Over::End(ending));
        }
        for (left, _) in [&mut self.cut, &mut self.wire.cut_after].into_iter().flatten() {
            *left -= octets.len() as u64;
        }
        // In pieces, so that a message in memory is not held twice.
        for piece in octets.chunks(GATHERED) {
            self.output.extend_from_slice(piece);
            if self.output.len() >= GATHERED {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Size of the next segment when so many octets wait.
    fn segment(&mut self, segments: &Segments, waiting: usize) -> usize {
        let size = match segments {
            Segments::Whole => waiting,
            Segments::Each(size) => *size,
            Segments::At(offsets) => {
                let next = offsets.iter().find(|offset| **offset > self.written);
                next.map_or(waiting, |offset| usize::try_from(offset - self.written).unwrap_or(usize::MAX))
            }
            Segments::Cycle(sizes) => sizes[(self.segments % sizes.len() as u64) as usize],
            Segments::Random { largest, .. } => self.random.between(1, *largest),
        };
        size.clamp(1, waiting)
    }

    async fn client_has_closed(&self) -> bool {
        let Some(tcp) = self.stream.tcp() else { return true };
        let mut ready = pin!(tcp.ready(Interest::READABLE));
        poll_fn(|context| match ready.as_mut().poll(context) {
            Poll::Ready(Ok(ready)) => Poll::Ready(ready.is_read_closed()),
            Poll::Ready(Err(_)) => Poll::Ready(true),
            Poll::Pending => Poll::Ready(false),
        })
        .await
    }

    fn note(&self, text: &str) {
        self.log.write(self.connection, Direction::Server, text.as_bytes());
    }
}

fn lost(_: io::Error) -> Over {
    Over::Lost
}
