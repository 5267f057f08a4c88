//! Calls that ring, over fika-servers: one connection on which we can be called, and one for the call that goes out. On the local
//! network the server is the one inside the callee's program, found by multicast DNS.
//!
//! [`connect`] starts one task that owns both; each connection has a task of its own. All ends when the [`Line`] is dropped.
//! Queues: [`COMMAND_QUEUE`] and [`EVENT_QUEUE`], full: who sends waits. What is said here names nobody in any log.

mod listen;
mod nearby;
mod place;

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fika_call::identity::{Identity, IdentityKey};
use fika_call::ring::ways::{Arrived, Door};
use fika_call::ring::{self, CallId, LineCommand, LineEvent, News, Reach};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub use nearby::{Here, Place, here};

use crate::random;
use crate::trust::Trust;

/// What the engine asks for. Full: it waits.
pub const COMMAND_QUEUE: usize = 16;
/// What the engine is told. Full: the connections wait.
pub const EVENT_QUEUE: usize = 32;
/// Answers to calls that wait for the connection on which they came. Full: the newest is lost; the caller hears nothing.
const ANSWER_QUEUE: usize = 16;
/// How long the last answers may take to arrive when the line is dropped.
const GOODBYE: Duration = Duration::from_secs(2);

/// The ends of the line that the engine holds.
pub struct Line {
    pub commands: mpsc::Sender<LineCommand>,
    pub events: mpsc::Receiver<LineEvent>,
}

/// For a new call.
pub fn call_id() -> CallId {
    CallId::from_bytes(random::bytes())
}

/// `identity`: known later, or `None` where there is none; then nobody is called and nobody can call. `here`: our own server, for the
/// local network.
pub fn connect(identity: impl Future<Output = Option<Identity>> + Send + 'static, trust: Trust, here: Here) -> Line {
    let (commands, asked) = mpsc::channel(COMMAND_QUEUE);
    let (events, told) = mpsc::channel(EVENT_QUEUE);
    tokio::spawn(async move {
        let Some(identity) = identity.await else { return };
        let (doors, shows) = ((None, None), watch::Sender::default());
        let arrived = Arrived::default();
        Station { identity, trust, here, events, doors, shows, arrived, calling: None }.run(asked).await;
    });
    Line { commands, events: told }
}

struct Station {
    identity: Identity,
    trust: Trust,
    here: Here,
    events: mpsc::Sender<LineEvent>,
    /// At the server, and on the local network.
    doors: (Option<Listening>, Option<Listening>),
    /// To whom we show ourselves at the server.
    shows: watch::Sender<BTreeSet<IdentityKey>>,
    arrived: Arrived,
    calling: Option<(CallId, Task)>,
}

struct Listening {
    /// `None`: our own.
    server: Option<url::Url>,
    answers: mpsc::Sender<listen::Answer>,
    calls: mpsc::Receiver<listen::Came>,
    task: Task,
}

impl Station {
    /// Until the line is dropped and what was said before has left. Only then the events end.
    async fn run(mut self, mut commands: mpsc::Receiver<LineCommand>) {
        loop {
            let (server, nearby) = &mut self.doors;
            tokio::select! {
                // What the engine asks comes first: while calls flood in, it and we would wait for each other else.
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => break,
                },
                came = came(server) => self.came(Door::Server, came).await,
                came = came(nearby) => self.came(Door::Nearby, came).await,
            }
        }
        let (server, nearby) = self.doors;
        tokio::join!(goodbye(server), goodbye(nearby));
    }

    async fn command(&mut self, command: LineCommand) {
        match command {
            LineCommand::Listen { server, nearby } => {
                let at = self.doors.0.as_ref().and_then(|listening| listening.server.clone());
                if server != at {
                    self.listen(Door::Server, server.map(listen::At::Server)).await;
                }
                if nearby != self.doors.1.is_some() {
                    let here = nearby.then(|| listen::At::Here(self.here.clone()));
                    self.listen(Door::Nearby, here).await;
                }
            }
            LineCommand::Ring { call, to, servers, nearby, invitation } => {
                let random = (random::bytes(), random::bytes());
                let Some((payload, calling)) = ring::call(&self.identity, &to, &call, &invitation, random, unix())
                else {
                    return self.tell(LineEvent::News { call, news: News::Unreachable }).await;
                };
                let what = place::What { call: call.clone(), to, payload, calling };
                let places = place::Places { servers, here: nearby.then(|| self.here.clone()) };
                let task = tokio::spawn(place::run(what, places, self.trust.clone(), self.events.clone()));
                self.calling = Some((call, Task(task)));
            }
            LineCommand::Show { to } => drop(self.shows.send_replace(to)),
            LineCommand::Hang { call } => {
                self.calling.take_if(|(ours, _)| *ours == call);
            }
            LineCommand::Reply { call, reply } => {
                let Some((answering, doors)) = self.arrived.answer(&call, &reply) else { return };
                let payload = ring::answer(&answering, random::bytes(), &reply);
                let last = reply != ring::Reply::Ringing;
                for door in doors {
                    let Some(listening) = self.door(door) else { continue };
                    let (call, payload) = (call.clone(), payload.clone());
                    let _ = listening.answers.try_send(listen::Answer { call, payload, last });
                }
            }
        }
    }

    fn door(&mut self, door: Door) -> &mut Option<Listening> {
        match door {
            Door::Server => &mut self.doors.0,
            Door::Nearby => &mut self.doors.1,
        }
    }

    /// There from now on, or nowhere.
    async fn listen(&mut self, door: Door, at: Option<listen::At>) {
        let reach = if at.is_some() { Reach::Connecting } else { Reach::Off };
        let listening = at.map(|at| self.start(at));
        *self.door(door) = listening;
        self.tell(reached(door, reach)).await;
        if door == Door::Server {
            self.tell(LineEvent::Present(BTreeSet::new())).await;
        }
        for call in self.arrived.closed(door) {
            self.tell(LineEvent::News { call, news: News::Ended }).await;
        }
    }

    fn start(&self, at: listen::At) -> Listening {
        let (answers, to_send) = mpsc::channel(ANSWER_QUEUE);
        let (told, calls) = mpsc::channel(EVENT_QUEUE);
        let (seen, changes) = watch::channel(0);
        let (identity, trust) = (self.identity.clone(), self.trust.clone());
        let (server, shows) = match &at {
            listen::At::Server(server) => (Some(server.clone()), self.shows.subscribe()),
            // There nobody is asked.
            listen::At::Here(_) => (None, watch::Sender::default().subscribe()),
        };
        let task = tokio::spawn(async move {
            let listener = listen::Listener { at, identity, trust, told, answers: to_send, shows, changes };
            let watching = async {
                crate::changes::run(seen).await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = listener.run() => {}
                () = watching => {}
            }
        });
        Listening { server, answers, calls, task: Task(task) }
    }

    async fn came(&mut self, door: Door, came: listen::Came) {
        match came {
            listen::Came::Reach(reach) => self.tell(reached(door, reach)).await,
            listen::Came::Ended(call) => {
                if self.arrived.ended(&call, door) {
                    self.tell(LineEvent::News { call, news: News::Ended }).await;
                }
            }
            listen::Came::Present(here) => self.tell(LineEvent::Present(here)).await,
            listen::Came::Call { call, payload } => {
                let (from, invitation, answering) = match ring::open(&self.identity, &call, &payload, unix()) {
                    Ok(opened) => opened,
                    Err(error) => return tracing::debug!(%error, "a call is not understood"),
                };
                self.arrived.came(call.clone(), answering, door);
                let nearby = door == Door::Nearby;
                self.tell(LineEvent::Incoming { call, from, nearby, invitation }).await;
            }
        }
    }

    /// The line is dropped when the engine ends, and so are we.
    async fn tell(&self, event: LineEvent) {
        let _ = self.events.send(event).await;
    }
}

fn reached(door: Door, reach: Reach) -> LineEvent {
    match door {
        Door::Server => LineEvent::Reach(reach),
        Door::Nearby => LineEvent::Nearby(reach),
    }
}

/// When the last answers have left, or it takes too long.
async fn goodbye(listening: Option<Listening>) {
    if let Some(Listening { answers, calls: _calls, mut task, .. }) = listening {
        drop(answers);
        let _ = timeout(GOODBYE, &mut task.0).await;
    }
}

/// Links and servers on the local network have no TLS.
fn root(address: SocketAddr) -> url::Url {
    url::Url::parse(&format!("http://{address}/")).expect("an address and a port make a URL")
}

async fn came(listening: &mut Option<Listening>) -> listen::Came {
    if let Some(listening) = listening
        && let Some(came) = listening.calls.recv().await
    {
        return came;
    }
    std::future::pending().await
}

/// Ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}
