//! What a running program and all its descendants take of the machine, read from /proc.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::Context as _;

/// /proc counts in hundredths of a second, whatever the kernel's own clock is.
const TICK: Duration = Duration::from_millis(10);

/// CPU time and memory of a process tree.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// User and system time of all processes that run now.
    pub cpu: Duration,
    /// Proportional set size: shared pages count in parts. Bytes.
    pub pss: u64,
    /// The part of [`Self::pss`] that is in no file, by the name of the program: what nothing but the program can grow.
    pub own: BTreeMap<String, u64>,
    pub processes: usize,
    /// Open file descriptors.
    pub files: usize,
    /// Of each thread that runs now, by its id.
    pub each: BTreeMap<u32, Work>,
    /// CPU time by thread name, without the numbers at its end.
    pub threads: BTreeMap<String, Duration>,
}

/// What a thread has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Time on a processor, to the nanosecond.
    pub ran: Duration,
    /// Times that it went to sleep of itself, so about as often it was woken.
    pub sleeps: u64,
}

impl Usage {
    /// What all threads have done since then. What one has done that ended meanwhile is not known.
    pub fn since(&self, before: &Self) -> Work {
        let mut all = Work::default();
        for (id, now) in &self.each {
            let then = before.each.get(id).copied().unwrap_or_default();
            all.ran += now.ran.saturating_sub(then.ran);
            all.sleeps += now.sleeps.saturating_sub(then.sleeps);
        }
        all
    }
}

/// Reads the tree below `root`, with itself.
pub fn usage(root: u32) -> anyhow::Result<Usage> {
    let mut usage = Usage::default();
    for pid in tree(root)? {
        // A process that just ended is not there any more.
        let Some(cpu) = cpu(&format!("/proc/{pid}/stat")) else { continue };
        usage.cpu += cpu;
        let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let bytes = |name| field(&memory, name).unwrap_or_default() * 1024;
        usage.pss += bytes("Pss:");
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        *usage.own.entry(name.trim().to_owned()).or_default() += bytes("Pss_Anon:");
        usage.processes += 1;
        usage.files += fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let path = task.path();
            let name = fs::read_to_string(path.join("comm")).unwrap_or_default();
            let name = name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '#');
            let ran = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            let ran = Duration::from_nanos(ran.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default());
            let status = fs::read_to_string(path.join("status")).unwrap_or_default();
            let sleeps = field(&status, "voluntary_ctxt_switches:").unwrap_or_default();
            if let Some(id) = path.file_name().and_then(|id| id.to_str()?.parse().ok()) {
                usage.each.insert(id, Work { ran, sleeps });
            }
            *usage.threads.entry(name.to_owned()).or_default() +=
                cpu_of(&fs::read_to_string(path.join("stat")).unwrap_or_default()).unwrap_or_default();
        }
    }
    anyhow::ensure!(usage.processes > 0, "process {root} does not run");
    Ok(usage)
}

/// `root` and all its descendants.
pub fn tree(root: u32) -> anyhow::Result<Vec<u32>> {
    let mut parents = BTreeMap::<u32, Vec<u32>>::new();
    for entry in fs::read_dir("/proc").context("/proc can be read")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(parent) = fields(&stat).nth(1).and_then(|parent| parent.parse().ok()) {
            parents.entry(parent).or_default().push(pid);
        }
    }
    let mut all = vec![root];
    let mut at = 0;
    while at < all.len() {
        all.extend(parents.remove(&all[at]).unwrap_or_default());
        at += 1;
    }
    Ok(all)
}

fn cpu(path: &str) -> Option<Duration> {
    cpu_of(&fs::read_to_string(path).ok()?)
}

/// The ports of the UDP sockets of the tree below `root`.
pub fn udp_ports(root: u32) -> anyhow::Result<Vec<u16>> {
    let mut ports = Vec::new();
    for pid in tree(root)? {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let names: Vec<_> = files.filter_map(|file| fs::read_link(file.path()).ok()).collect();
        for list in ["udp", "udp6"] {
            let sockets = fs::read_to_string(format!("/proc/{pid}/net/{list}")).unwrap_or_default();
            ports.extend(sockets.lines().filter_map(|line| {
                let (port, inode) = socket(line)?;
                names.iter().any(|name| name.as_os_str() == &*format!("socket:[{inode}]")).then_some(port)
            }));
        }
    }
    Ok(ports)
}

/// Port and number of a line of /proc/net/udp.
fn socket(line: &str) -> Option<(u16, &str)> {
    let mut words = line.split_whitespace().skip(1);
    let (_, port) = words.next()?.split_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, words.nth(7)?))
}

/// utime and stime of proc(5).
fn cpu_of(stat: &str) -> Option<Duration> {
    let ticks: Vec<u32> = fields(stat).skip(11).take(2).map_while(|ticks| ticks.parse().ok()).collect();
    let [user, system] = ticks[..] else { return None };
    Some(TICK * (user + system))
}

/// What follows the name, which may hold blanks and brackets.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit(") ").next().unwrap_or_default().split(' ')
}

/// The number behind `name` at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_ends_takes_nothing_from_the_others() {
        let work = |ran, sleeps| Work { ran: Duration::from_secs(ran), sleeps };
        let usage = |each: &[(u32, Work)]| Usage { each: each.iter().copied().collect(), ..Usage::default() };
        let before = usage(&[(1, work(2, 20)), (2, work(50, 500))]);
        let after = usage(&[(1, work(3, 25)), (3, work(1, 1))]);
        assert_eq!(after.since(&before), work(2, 6));
    }

    #[test]
    fn our_own_work_is_seen() {
        let me = std::process::id();
        let before = usage(me).unwrap();
        let mut sum = 0u64;
        // Counted work: enough for several ticks on any machine.
        for i in 0..200_000_000u64 {
            sum = std::hint::black_box(sum.wrapping_add(i));
        }
        let after = usage(me).unwrap();
        assert!(after.cpu > before.cpu && after.pss > 0, "{sum}");
        assert!(after.since(&before).ran > Duration::ZERO && after.since(&Usage::default()).sleeps > 0);
        assert!(after.threads.values().sum::<Duration>() > Duration::ZERO);
    }

    #[test]
    fn our_own_sockets_are_found() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(udp_ports(std::process::id()).unwrap().contains(&port));
    }

    #[test]
    fn a_child_belongs_to_the_tree() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let tree = tree(std::process::id()).unwrap();
        assert!(tree.contains(&child.id()) && tree.contains(&std::process::id()));
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn a_name_with_brackets_is_read_over() {
        let stat = "7 (a) (b) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_of(stat), Some(Duration::from_secs(2)));
    }
}
