//! The octets of a connection, in clear text or under TLS, and a large buffer for them.

use std::{
    error::Error,
    fs,
    io::{self, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    path::Path,
    sync::Arc,
};

use memchr::memmem;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

/// What is read at once.
const BUFFER: usize = 256 << 10;

/// Where to connect to, and whom to trust there.
pub(super) struct Server {
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

impl Server {
    /// With TLS, who has signed its certificate.
    pub(super) fn new(port: u16, ca_file: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let tls = ca_file.map(trusting).transpose()?;
        Ok(Self { port, tls })
    }

    pub(super) fn connect(&self) -> io::Result<Connection> {
        let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        tcp.set_nodelay(true)?;
        let stream = match &self.tls {
            None => Stream::Clear(tcp),
            Some(config) => {
                let name = "localhost".try_into().map_err(io::Error::other)?;
                let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                Stream::Tls(Box::new(connection), BufReader::with_capacity(BUFFER, tcp))
            }
        };
        Ok(Connection { stream, buffer: vec![0; BUFFER], start: 0, end: 0 })
    }
}

fn trusting(ca_file: &Path) -> Result<Arc<ClientConfig>, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&fs::read(ca_file)?)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

enum Stream {
    Clear(TcpStream),
    /// rustls reads a few thousand octets at once; the buffer makes that one call of the system for many.
    Tls(Box<ClientConnection>, BufReader<TcpStream>),
}

impl Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (connection, tcp) = match self {
            Self::Clear(tcp) => return tcp.read(into),
            Self::Tls(connection, tcp) => (connection, tcp),
        };
        let mut filled = 0;
        loop {
            match connection.reader().read(&mut into[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(read) => filled += read,
                // Waits for nothing while there is something.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if filled > 0 && tcp.buffer().is_empty() {
                        return Ok(filled);
                    }
                    while connection.wants_write() {
                        connection.write_tls(tcp.get_mut())?;
                    }
                    connection.read_tls(tcp)?;
                    connection.process_new_packets().map_err(io::Error::other)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        match self {
            Self::Clear(tcp) => tcp.write_all(octets),
            Self::Tls(connection, tcp) => {
                connection.writer().write_all(octets)?;
                while connection.wants_write() {
                    connection.write_tls(tcp.get_mut())?;
                }
                Ok(())
            }
        }
    }
}

/// A connection and what has come of it and was not taken yet.
pub(super) struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Connection {
    pub(super) fn send(&mut self, commands: &str) -> io::Result<()> {
        self.stream.write_all(commands.as_bytes())
    }

    /// What has come and was not taken.
    pub(super) fn octets(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn take(&mut self, count: usize) {
        self.start += count;
    }

    /// Waits for more behind what has come.
    pub(super) fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        match self.stream.read(&mut self.buffer[self.end..])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.end += read;
                Ok(())
            }
        }
    }

    /// The rest of a line, which has to be `+OK`.
    pub(super) fn ok(&mut self) -> io::Result<String> {
        loop {
            let octets = self.octets();
            if let Some(end) = memmem::find(octets, b"\r\n") {
                let line = String::from_utf8_lossy(&octets[..end]).into_owned();
                self.take(end + 2);
                return match line.strip_prefix("+OK") {
                    Some(rest) => Ok(rest.to_owned()),
                    None => Err(io::Error::other(line)),
                };
            }
            self.fill()?;
        }
    }

    /// Passes over `+OK` and the lines behind it.
    pub(super) fn listing(&mut self) -> io::Result<()> {
        const END: &[u8] = b"\r\n.\r\n";
        self.ok()?;
        // The end of that line is the beginning of the end, where there are no lines.
        self.start -= 2;
        loop {
            let octets = self.octets();
            if let Some(end) = memmem::find(octets, END) {
                self.take(end + END.len());
                return Ok(());
            }
            self.take(octets.len().saturating_sub(END.len() - 1));
            self.fill()?;
        }
    }
}
