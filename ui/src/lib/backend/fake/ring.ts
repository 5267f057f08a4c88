/** Calls that ring in the scripted backend: `?ring=` names what there is at first, and what the page does shows at once. */
import type {
  CallView,
  ContactView,
  IncomingView,
  MissedView,
  OutgoingView,
  OutgoingState,
  RingBackend,
  RingView,
} from "..";
import type { StateName } from "./states";

type Control = {
  call(): CallView;
  set(change: Partial<CallView>): void;
  show(name: StateName): void;
  tell(view: RingView): void;
  called(name: string, ...values: unknown[]): void;
};

const MINUTE = 60;
const DAY = 24 * 60 * MINUTE;

const contact = (key: string, name: string, verified = false): ContactView => ({ key, name, verified, here: false });
const CONTACTS = [
  contact("amir-key", "Amir Rahimi", true),
  contact("sofia-key", "Sofia Marin"),
  contact("lars-key", "Lars Nyström", true),
];
const MORE = [
  contact("mei-key", "Mei Tanaka"),
  contact("david-key", "David Okafor"),
  contact("karin-key", "Karin Ek"),
  contact("noor-key", "Noor Abdi"),
  contact("long-key", "Maximiliana von Hohenstein-Lindqvist zu Söderköping"),
];

/** So many seconds ago. */
const missed = (name: string, ago: number, change: Partial<MissedView> = {}): MissedView => ({
  key: `${name.split(" ")[0]?.toLowerCase() ?? ""}-key`,
  name,
  saved: true,
  video: true,
  at: Math.floor(Date.now() / 1000) - ago,
  ...change,
});
const MISSED = [
  missed("Amir Rahimi", 25 * MINUTE),
  missed("Maja Sund", 3 * DAY, { saved: false }),
  missed("Sofia Marin", 4 * DAY, { video: false }),
];

const INCOMING: IncomingView = {
  call: "1",
  key: "amir-key",
  name: "Amir Rahimi",
  saved: true,
  verified: true,
  video: true,
};
const STRANGER: IncomingView = { ...INCOMING, key: "maja-key", name: "Maja Sund", saved: false, verified: false };

const NOBODY: RingView = { reach: "off", nearby: "off", incoming: null, outgoing: null, missed: [], contacts: [] };
const PEOPLE: RingView = { ...NOBODY, reach: "on", contacts: CONTACTS };
const outgoing = (state: OutgoingState, change: Partial<OutgoingView> = {}): RingView => ({
  ...PEOPLE,
  outgoing: { key: "amir-key", name: "Amir Rahimi", video: true, state, message: null, ...change },
});

/** Show that they can be called. */
const HERE = ["amir-key", "sofia-key", "long-key"];
const MANY: RingView = { ...PEOPLE, contacts: [...CONTACTS, ...MORE] };
const present = (view: RingView): RingView => ({
  ...view,
  contacts: view.contacts.map((each) => ({ ...each, here: HERE.includes(each.key) })),
});

export const RINGS = {
  nobody: NOBODY,
  contacts: PEOPLE,
  "contacts-off": { ...PEOPLE, reach: "off" },
  "contacts-connecting": { ...PEOPLE, reach: "connecting" },
  "contacts-failed": { ...PEOPLE, reach: "failed" },
  "contacts-no-server": { ...PEOPLE, reach: "noServer" },
  "contacts-nearby": { ...PEOPLE, reach: "noServer", nearby: "on" },
  "contacts-nearby-failed": { ...PEOPLE, reach: "off", nearby: "failed" },
  "contacts-many": MANY,
  "contacts-present": present(MANY),
  missed: { ...PEOPLE, missed: MISSED },
  "missed-only": { ...NOBODY, reach: "failed", missed: MISSED.slice(1, 2) },
  incoming: { ...PEOPLE, incoming: INCOMING },
  "incoming-sound": { ...PEOPLE, incoming: { ...INCOMING, video: false, verified: false } },
  "incoming-stranger": { ...PEOPLE, incoming: STRANGER },
  "incoming-long": {
    ...PEOPLE,
    incoming: { ...STRANGER, name: "Maximiliana von Hohenstein-Lindqvist zu Söderköping" },
  },
  calling: outgoing("calling"),
  ringing: outgoing("ringing"),
  "ringing-sound": outgoing("ringing", { video: false }),
  answered: outgoing("answered"),
  declined: outgoing("declined"),
  "declined-message": outgoing("declined", { message: "I am in a meeting. Can we talk after lunch?" }),
  busy: outgoing("busy"),
  "no-answer": outgoing("noAnswer"),
  unreachable: outgoing("unreachable"),
  failed: outgoing("failed"),
} satisfies Record<string, RingView>;

export type RingName = keyof typeof RINGS;

const hereIn = (view: RingView) => view.contacts.filter((each) => each.here).map((each) => each.key);

export class FakeRing implements RingBackend {
  #view: RingView;
  /** How the state has the local network, and who can be called. */
  #network: RingView["nearby"];
  #here: string[];

  constructor(
    name: RingName,
    private readonly control: Control,
  ) {
    this.#view = RINGS[name];
    this.#network = RINGS[name].nearby;
    this.#here = hereIn(RINGS[name]);
  }

  show(name: RingName): void {
    this.#network = RINGS[name].nearby;
    this.#here = hereIn(RINGS[name]);
    this.#change(RINGS[name]);
  }

  /** As the settings are now: what is switched on works at once, unless the state says that it does not. */
  nearby(on: boolean): void {
    const works = this.#network === "failed" ? "failed" : "on";
    const nearby = on ? works : "off";
    if (nearby !== this.#view.nearby) this.#change({ nearby });
  }

  /** Whoever does not show themselves sees nobody. */
  presence(on: boolean): void {
    const contacts = this.#view.contacts.map((each) => ({ ...each, here: on && this.#here.includes(each.key) }));
    if (hereIn({ ...this.#view, contacts }).length !== hereIn(this.#view).length) this.#change({ contacts });
  }

  view = async () => this.#view;

  async call(key: string, video: boolean): Promise<void> {
    this.control.called("ring.call", key, video);
    const { contacts, missed } = this.#view;
    const name = [...contacts, ...missed].find((each) => each.key === key)?.name ?? "";
    this.control.show("alone");
    this.#change({ outgoing: { key, name, video, state: "calling", message: null } });
  }

  async cancel(): Promise<void> {
    this.control.called("ring.cancel");
    this.#change({ outgoing: null });
    this.control.show("home");
  }

  async answer(call: string): Promise<void> {
    this.control.called("ring.answer", call);
    this.#change({ incoming: null });
    this.control.show("one-to-one");
  }

  async decline(call: string, message: string | null): Promise<void> {
    this.control.called("ring.decline", call, message);
    this.#change({ incoming: null });
  }

  async save(participant: string, name: string): Promise<void> {
    this.control.called("ring.save", participant, name);
    const { participants } = this.control.call();
    this.#change({ contacts: [...this.#view.contacts, contact(`${participant}-key`, name)] });
    this.control.set({
      participants: participants.map((each) => (each.id === participant ? { ...each, saved: true } : each)),
    });
  }

  async rename(key: string, name: string): Promise<void> {
    this.control.called("ring.rename", key, name);
    this.#change({ contacts: this.#view.contacts.map((each) => (each.key === key ? { ...each, name } : each)) });
  }

  async forget(key: string): Promise<void> {
    this.control.called("ring.forget", key);
    this.#change({ contacts: this.#view.contacts.filter((each) => each.key !== key) });
  }

  async clearMissed(): Promise<void> {
    this.control.called("ring.clearMissed");
    this.#change({ missed: [] });
  }

  #change(change: Partial<RingView>): void {
    this.#view = { ...this.#view, ...change };
    this.control.tell(this.#view);
  }
}
