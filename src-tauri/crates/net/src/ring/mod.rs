//! Calls that ring, over fika-servers: one connection on which we can be called, and one for the call that goes out.
//!
//! [`connect`] starts one task that owns both; each connection has a task of its own. All ends when the [`Line`] is dropped.
//! Queues: [`COMMAND_QUEUE`] and [`EVENT_QUEUE`], full: who sends waits. What is said here names nobody in any log.

mod listen;
mod place;

use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fika_call::identity::Identity;
use fika_call::ring::{self, Answering, CallId, LineCommand, LineEvent, News, Reach};
use fika_call::signal::ClientMessage;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::random;
use crate::trust::Trust;

/// What the engine asks for. Full: it waits.
pub const COMMAND_QUEUE: usize = 16;
/// What the engine is told. Full: the connections wait.
pub const EVENT_QUEUE: usize = 32;
/// Answers to calls that wait for the connection on which they came. Full: the newest is lost; the caller hears nothing.
const ANSWER_QUEUE: usize = 16;
/// How long the last answers may take to leave when the line is dropped.
const GOODBYE: Duration = Duration::from_secs(1);
/// Calls that may be answered at a time. Full: the oldest can no longer.
const MAX_INCOMING: usize = 16;

/// The ends of the line that the engine holds.
pub struct Line {
    pub commands: mpsc::Sender<LineCommand>,
    pub events: mpsc::Receiver<LineEvent>,
}

/// For a new call.
pub fn call_id() -> CallId {
    CallId::from_bytes(random::bytes())
}

/// `identity`: known later, or `None` where there is none; then nobody is called and nobody can call.
pub fn connect(identity: impl Future<Output = Option<Identity>> + Send + 'static, trust: Trust) -> Line {
    let (commands, asked) = mpsc::channel(COMMAND_QUEUE);
    let (events, told) = mpsc::channel(EVENT_QUEUE);
    tokio::spawn(async move {
        let Some(identity) = identity.await else { return };
        Station { identity, trust, events, listening: None, calling: None }.run(asked).await;
    });
    Line { commands, events: told }
}

struct Station {
    identity: Identity,
    trust: Trust,
    events: mpsc::Sender<LineEvent>,
    listening: Option<Listening>,
    calling: Option<(CallId, Task)>,
}

struct Listening {
    server: url::Url,
    answers: mpsc::Sender<ClientMessage>,
    calls: mpsc::Receiver<listen::Came>,
    /// Of calls that came, the oldest first.
    incoming: Vec<(CallId, Answering)>,
    task: Task,
}

impl Station {
    /// Until the line is dropped and what was said before has left. Only then the events end.
    async fn run(mut self, mut commands: mpsc::Receiver<LineCommand>) {
        loop {
            tokio::select! {
                // What the engine asks comes first: while calls flood in, it and we would wait for each other else.
                biased;
                command = commands.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => break,
                },
                came = came(&mut self.listening) => self.came(came).await,
            }
        }
        if let Some(Listening { answers, calls: _calls, mut task, .. }) = self.listening.take() {
            drop(answers);
            let _ = timeout(GOODBYE, &mut task.0).await;
        }
    }

    async fn command(&mut self, command: LineCommand) {
        match command {
            LineCommand::Listen { server } => {
                if server == self.listening.as_ref().map(|listening| listening.server.clone()) {
                    return;
                }
                self.listening = server.map(|server| self.listen(server));
                let reach = if self.listening.is_some() { Reach::Connecting } else { Reach::Off };
                self.tell(LineEvent::Reach(reach)).await;
            }
            LineCommand::Ring { call, to, servers, invitation } => {
                let random = (random::bytes(), random::bytes());
                let Some((payload, calling)) = ring::call(&self.identity, &to, &call, &invitation, random, unix())
                else {
                    return self.tell(LineEvent::News { call, news: News::Unreachable }).await;
                };
                let what = place::What { call: call.clone(), to, payload, calling };
                let task = tokio::spawn(place::run(what, servers, self.trust.clone(), self.events.clone()));
                self.calling = Some((call, Task(task)));
            }
            LineCommand::Hang { call } => {
                self.calling.take_if(|(ours, _)| *ours == call);
            }
            LineCommand::Reply { call, reply } => {
                let Some(listening) = &mut self.listening else { return };
                let Some((_, answering)) = listening.incoming.iter().find(|(came, _)| *came == call) else { return };
                let payload = ring::answer(answering, random::bytes(), &reply);
                if reply != ring::Reply::Ringing {
                    listening.incoming.retain(|(came, _)| *came != call);
                }
                let _ = listening.answers.try_send(ClientMessage::AnswerRing { call, payload });
            }
        }
    }

    fn listen(&self, server: url::Url) -> Listening {
        let (answers, to_send) = mpsc::channel(ANSWER_QUEUE);
        let (told, calls) = mpsc::channel(EVENT_QUEUE);
        let (seen, changes) = watch::channel(0);
        let (identity, trust, at) = (self.identity.clone(), self.trust.clone(), server.clone());
        let task = tokio::spawn(async move {
            let listener = listen::Listener { server: at, identity, trust, told, answers: to_send, changes };
            tokio::join!(listener.run(), crate::changes::run(seen));
        });
        Listening { server, answers, calls, incoming: Vec::new(), task: Task(task) }
    }

    async fn came(&mut self, came: listen::Came) {
        match came {
            listen::Came::Reach(reach) => self.tell(LineEvent::Reach(reach)).await,
            listen::Came::Ended(call) => {
                if let Some(listening) = &mut self.listening {
                    listening.incoming.retain(|(came, _)| *came != call);
                }
                self.tell(LineEvent::News { call, news: News::Ended }).await;
            }
            listen::Came::Call { call, payload } => {
                let (from, invitation, answering) = match ring::open(&self.identity, &call, &payload, unix()) {
                    Ok(opened) => opened,
                    Err(error) => return tracing::debug!(%error, "a call is not understood"),
                };
                if let Some(listening) = &mut self.listening {
                    if listening.incoming.len() == MAX_INCOMING {
                        listening.incoming.remove(0);
                    }
                    listening.incoming.push((call.clone(), answering));
                }
                self.tell(LineEvent::Incoming { call, from, invitation }).await;
            }
        }
    }

    /// The line is dropped when the engine ends, and so are we.
    async fn tell(&self, event: LineEvent) {
        let _ = self.events.send(event).await;
    }
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
