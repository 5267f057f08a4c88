/** The scripted room: what hosts do shows at once, messages arrive, and one text (`fail`) never does. */
import type { CallView, ChatLine, ChatView, Moderation, ParticipantView, RoomBackend, RoomView } from "..";

type Control = {
  view(): CallView;
  set(change: Partial<CallView>): void;
  tell(chat: ChatView): void;
  called(name: string, ...values: unknown[]): void;
};

const at = (hour: number, minute: number) => new Date(2026, 10, 24, hour, minute).getTime() / 1000;
const line = (id: number, name: string, when: number, text: string, change: Partial<ChatLine> = {}): ChatLine => ({
  key: id,
  id,
  from: name.split(" ")[0]?.toLowerCase() ?? "",
  name,
  mine: false,
  to: null,
  text,
  replyTo: null,
  at: when,
  state: "sent",
  reactions: [],
  ...change,
});
const mine = { mine: true, from: "me" };

export const CHAT: ChatLine[] = [
  line(1, "Amir Rahimi", at(10, 12), "The new icons are in the file."),
  line(2, "Noor Abdi", at(10, 15), "Here is the link: https://fika.example/icons", {
    reactions: [{ reaction: "heart", count: 2, mine: true }],
  }),
  line(3, "Elin Lindqvist", at(10, 16), "Thanks! The cup one is my favourite.", { ...mine, replyTo: 2 }),
  line(4, "Mei Tanaka", at(10, 21), "Can we try the larger size too? My eyes would like that."),
  line(5, "Mei Tanaka", at(10, 21), "Only for you: <b>lovely</b> work.", { to: { id: "me", name: "Elin Lindqvist" } }),
];

export class FakeRooms implements RoomBackend {
  #lines: ChatLine[];
  #next = 100;

  constructor(
    private readonly control: Control,
    lines: ChatLine[],
  ) {
    this.#lines = lines;
  }

  tell(): void {
    this.control.tell({ messages: this.#lines });
  }

  async moderate(action: Moderation): Promise<void> {
    const { type, ...rest } = action;
    this.control.called("moderate", type, ...Object.values(rest));
    const { room, participants } = this.control.view();
    if (!room) return;
    const change = (next: Partial<RoomView>) => this.control.set({ room: { ...room, ...next } });
    const person = (who: string, next: Partial<ParticipantView>) =>
      this.control.set({ participants: participants.map((each) => (each.id === who ? { ...each, ...next } : each)) });
    switch (action.type) {
      case "admit":
      case "deny":
        return change({ waiting: room.waiting.filter(({ id }) => id !== action.who) });
      case "admitAll":
        return change({ waiting: [] });
      case "mute":
        return person(action.who, { microphoneOn: false });
      case "muteAll":
        return this.control.set({
          participants: participants.map((each) => ({
            ...each,
            microphoneOn: each.microphoneOn && each.role !== "participant",
          })),
        });
      case "stopCamera":
        return person(action.who, { cameraOn: false, hasVideo: false });
      case "remove":
      case "moveToWaiting":
        return this.control.set({ participants: participants.filter(({ id }) => id !== action.who) });
      case "setCoHost":
        return person(action.who, { role: action.on ? "coHost" : "participant" });
      case "setLocked":
        return change({ locked: action.on });
      case "setWaitingRoom":
        return change({ waitingRoom: action.on });
      case "spotlight":
        return change({ spotlight: action.who });
      case "lowerHand":
        return person(action.who, { hand: null });
      case "end":
        return this.control.set({ phase: "ended", end: "endedByHost", room: null });
      case "ask":
      case "makeHost":
        return;
    }
  }

  async setHand(up: boolean): Promise<void> {
    this.control.called("setHand", up);
    const { room, me } = this.control.view();
    const hands = (room?.hands ?? []).filter((id) => id !== "me");
    if (up) hands.push("me");
    this.control.set({ room: room && { ...room, hands }, me: { ...me, hand: up ? hands.length : null } });
  }

  async react(reaction: Parameters<RoomBackend["react"]>[0]): Promise<void> {
    this.control.called("react", reaction);
    this.control.set({ me: { ...this.control.view().me, reaction } });
  }

  async sendChat(text: string, to: string | null, replyTo: number | null): Promise<void> {
    this.control.called("sendChat", text, to, replyTo);
    const name = this.control.view().participants.find(({ id }) => id === to)?.name ?? "";
    const id = this.#next++;
    const state = text === "fail" ? "failed" : "sent";
    const { me } = this.control.view();
    this.#change([
      ...this.#lines,
      line(id, me.name, at(10, 22), text, { ...mine, replyTo, state, to: to === null ? null : { id: to, name } }),
    ]);
  }

  async retryChat(key: number): Promise<void> {
    this.control.called("retryChat", key);
    this.#change(this.#lines.map((each) => (each.key === key ? { ...each, state: "sent" } : each)));
  }

  async reactToMessage(id: number, reaction: ChatLine["reactions"][number]["reaction"], on: boolean): Promise<void> {
    this.control.called("reactToMessage", id, reaction, on);
    this.#change(
      this.#lines.map((each) => {
        if (each.id !== id) return each;
        const others = each.reactions.filter((one) => one.reaction !== reaction);
        const before = each.reactions.find((one) => one.reaction === reaction);
        const count = (before?.count ?? 0) + (on ? 1 : -1);
        return { ...each, reactions: count > 0 ? [...others, { reaction, count, mine: on }] : others };
      }),
    );
  }

  async readChat(): Promise<void> {
    this.control.called("readChat");
    this.control.set({ unread: 0 });
  }

  async dismissAsk(): Promise<void> {
    this.control.called("dismissAsk");
    this.control.set({ ask: null });
  }

  #change(lines: ChatLine[]): void {
    this.#lines = lines;
    this.tell();
  }
}
