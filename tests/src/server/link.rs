//! One connection: reads lines, and plays actions onto the wire as the wire options say.

use std::{future::poll_fn, io, pin::pin, sync::Arc, task::Poll, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::TcpStream,
};

use super::{Action, Direction, Ending, LineEnd, Segments, Stuffing, Wire, log::Log};
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
    stream: TcpStream,
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
    pub(super) fn new(stream: TcpStream, connection: usize, log: Arc<Log>, wire: Wire) -> Self {
        let seed = if let Segments::Random { seed, .. } = wire.segments { seed } else { 0 };
        Self {
            stream,
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

    /// Throws away what has arrived and was not taken by [`read_lines`](Self::read_lines).
    pub(super) fn discard_input(&mut self) {
        // An error or the end of the stream shows at the next read.
        while let Ok(1..) = self.stream.try_read_buf(&mut self.input) {}
        if !self.input.is_empty() {
            self.log.write(self.connection, Direction::Discarded, &self.input);
            self.input.clear();
        }
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
                if self.stream.shutdown().await.is_ok() {
                    // Else the kernel would answer late commands with a reset, which takes the last reply from a slow
                    // client.
                    let _ = tokio::time::timeout(LINGER, self.listen_only()).await;
                }
            }
            Ending::Reset => {
                self.note("[reset]");
                // Octets in flight are delivered on the loopback before the reset is.
                let _ = self.stream.set_zero_linger();
            }
            Ending::Silence => {
                self.note("[silence]");
                self.listen_only().await;
            }
        }
    }

    /// Records what the client says, and answers nothing.
    async fn listen_only(&mut self) {
        while let Ok(lines) = self.read_lines().await {
            for line in lines {
                let line = line.strip_suffix(b"\r\n").unwrap_or(&line);
                self.log.write(self.connection, Direction::Client, line);
            }
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
        let mut ready = pin!(self.stream.ready(Interest::READABLE));
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
