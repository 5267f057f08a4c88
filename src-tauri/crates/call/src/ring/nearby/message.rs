//! Packets of multicast DNS (RFC 1035, RFC 6762): the one question and the one answer that are written, and of what others send as
//! much as they need. Reading is bounded: names by [`MAX_NAME`], questions and records by [`MAX_ENTRIES`].

use core::net::{Ipv4Addr, SocketAddrV4};

use super::SERVICE;

/// Seconds for which others may remember it.
pub(super) const TTL: u32 = 120;
const DOMAIN: &str = "local";

/// Of a packet; what comes after is not read.
const MAX_ENTRIES: usize = 64;
/// Bytes (RFC 1035, section 3.1).
const MAX_NAME: usize = 255;
const HEADER: usize = 12;

const A: u16 = 1;
const PTR: u16 = 12;
const TXT: u16 = 16;
const SRV: u16 = 33;
const ANY: u16 = 255;

const INTERNET: u16 = 1;
/// In the class of a record: no other one holds any more. In that of a question: answer me alone.
const TOP: u16 = 0x8000;
const RESPONSE: u16 = 0x8400;

/// Who is where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    pub(super) address: SocketAddrV4,
}

/// Who is here?
pub(super) fn question() -> Vec<u8> {
    let mut packet = header(0, 1, 0);
    push_name(&mut packet, SERVICE);
    push(&mut packet, &[PTR, INTERNET]);
    packet
}

/// Everything that there is to know. `ttl` 0: forget it.
pub(super) fn answer(place: &Place, ttl: u32) -> Vec<u8> {
    let (instance, host) = (instance(&place.name), host(&place.name));
    let mut packet = header(RESPONSE, 0, 4);
    let mut record = |name: &str, kind: u16, class: u16, data: &dyn Fn(&mut Vec<u8>)| {
        push_name(&mut packet, name);
        push(&mut packet, &[kind, class]);
        packet.extend(ttl.to_be_bytes());
        let mut bytes = Vec::new();
        data(&mut bytes);
        push(&mut packet, &[u16::try_from(bytes.len()).unwrap_or_default()]);
        packet.extend(bytes);
    };
    record(SERVICE, PTR, INTERNET, &|data| push_name(data, &instance));
    record(&instance, SRV, INTERNET | TOP, &|data| {
        push(data, &[0, 0, place.address.port()]);
        push_name(data, &host);
    });
    // It has to be there, and says nothing.
    record(&instance, TXT, INTERNET | TOP, &|data| data.push(0));
    record(&host, A, INTERNET | TOP, &|data| data.extend(place.address.ip().octets()));
    packet
}

/// Whether the packet asks for everybody, or for who has this name.
pub(super) fn asks(packet: &[u8], name: &str) -> bool {
    let Some((mut reader, header)) = Reader::open(packet).filter(|(_, header)| header.flags & RESPONSE & TOP == 0)
    else {
        return false;
    };
    let (instance, host) = (instance(name), host(name));
    for _ in 0..usize::from(header.questions).min(MAX_ENTRIES) {
        let Some(asked) = reader.name() else { return false };
        let (Some(kind), Some(class)) = (reader.number(), reader.number()) else { return false };
        let about = asked == SERVICE && kind == PTR
            || asked == instance && [SRV, TXT].contains(&kind)
            || asked == host && kind == A
            || kind == ANY && [SERVICE, &instance, &host].contains(&asked.as_str());
        if about && class & !TOP == INTERNET {
            return true;
        }
    }
    false
}

/// Who is where, as far as this packet says it. Whoever says goodbye is nowhere.
pub(super) fn places(packet: &[u8]) -> Vec<Place> {
    let Some((mut reader, header)) = Reader::open(packet).filter(|(_, header)| header.flags & TOP != 0) else {
        return Vec::new();
    };
    let (mut services, mut hosts) = (Vec::new(), Vec::new());
    for _ in 0..usize::from(header.questions).min(MAX_ENTRIES) {
        if reader.name().is_none() || reader.take(4).is_none() {
            return Vec::new();
        }
    }
    for _ in 0..header.records.min(MAX_ENTRIES) {
        let Some(record) = reader.record() else { break };
        if record.ttl == 0 || record.class & !TOP != INTERNET {
            continue;
        }
        match record.kind {
            SRV => {
                let mut data = Reader { packet, at: record.data.start + 4 };
                let (Some(port), Some(host)) = (data.number(), data.name()) else { break };
                let name = record.name.strip_suffix(SERVICE).and_then(|name| name.strip_suffix('.'));
                services.extend(name.map(|name| (name.to_owned(), port, host)));
            }
            A => {
                let bytes: Option<[u8; 4]> = packet.get(record.data).and_then(|bytes| bytes.try_into().ok());
                hosts.extend(bytes.map(|bytes| (record.name, Ipv4Addr::from(bytes))));
            }
            _ => {}
        }
    }
    let mut places = Vec::new();
    for (name, port, host) in services {
        let addresses = hosts.iter().filter(|(of, _)| *of == host).map(|(_, address)| *address);
        let found = addresses.map(|ip| Place { name: name.clone(), address: SocketAddrV4::new(ip, port) });
        places.extend(found.take(MAX_ENTRIES - places.len()));
    }
    places
}

fn instance(name: &str) -> String {
    format!("{name}.{SERVICE}")
}

fn host(name: &str) -> String {
    format!("{name}.{DOMAIN}")
}

fn header(flags: u16, questions: u16, answers: u16) -> Vec<u8> {
    let mut packet = Vec::with_capacity(300);
    push(&mut packet, &[0, flags, questions, answers, 0, 0]);
    packet
}

fn push(packet: &mut Vec<u8>, numbers: &[u16]) {
    packet.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
}

/// Of ours; none has a label longer than 63 bytes.
fn push_name(packet: &mut Vec<u8>, name: &str) {
    for label in name.split('.') {
        packet.push(u8::try_from(label.len()).unwrap_or_default());
        packet.extend(label.bytes());
    }
    packet.push(0);
}

struct Header {
    flags: u16,
    questions: u16,
    /// In all three sections.
    records: usize,
}

struct Record {
    /// In lower case.
    name: String,
    kind: u16,
    class: u16,
    ttl: u32,
    data: std::ops::Range<usize>,
}

struct Reader<'a> {
    packet: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn open(packet: &'a [u8]) -> Option<(Self, Header)> {
        let mut reader = Self { packet, at: 2 };
        let (flags, questions) = (reader.number()?, reader.number()?);
        let records = (0..3).map(|_| reader.number().map(usize::from)).sum::<Option<usize>>()?;
        debug_assert_eq!(reader.at, HEADER);
        Some((reader, Header { flags, questions, records }))
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.packet.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    /// In lower case, with dots. A dot inside a label becomes none of ours, and so does what is no ASCII.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let (mut at, mut behind, mut start) = (self.at, None, self.at);
        loop {
            let length = usize::from(*self.packet.get(at)?);
            match length {
                0 => break,
                1..=63 => {
                    let label = self.packet.get(at + 1..at + 1 + length)?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                    let read = |byte: &u8| if plain(byte) { char::from(byte.to_ascii_lowercase()) } else { '?' };
                    name.extend(label.iter().map(read));
                    if name.len() > MAX_NAME {
                        return None;
                    }
                    at += 1 + length;
                }
                0xc0.. => {
                    let to = (length & 0x3f) << 8 | usize::from(*self.packet.get(at + 1)?);
                    behind.get_or_insert(at + 2);
                    // Only back, so that it ends.
                    if to >= start {
                        return None;
                    }
                    (at, start) = (to, to);
                }
                _ => return None,
            }
        }
        self.at = behind.unwrap_or(at + 1);
        Some(name)
    }

    fn record(&mut self) -> Option<Record> {
        let name = self.name()?;
        let (kind, class) = (self.number()?, self.number()?);
        let ttl = u32::from_be_bytes(self.take(4)?.try_into().ok()?);
        let length = usize::from(self.number()?);
        let data = self.at..self.at + length;
        self.take(length)?;
        Some(Record { name, kind, class, ttl, data })
    }
}
