/** Meetings of the scripted backend: as many as the state names, planned and taken away in memory. */
import type { MeetingsBackend, Planned, UiErrorCode } from "..";

const LINK = "https://meet.example.org/j/aaaq-eaye-auda-oceb#MDEyMzQ1Njc4OWFiY2RlZg";

/** Today, so many minutes from now. */
function planned(id: string, title: string, inMinutes: number, minutes: number, mine: boolean): Planned {
  const start = Math.floor(Date.now() / 1000) + inMinutes * 60;
  return { id, meeting: { title, start, minutes, link: LINK }, mine };
}

export const MEETINGS = (): Planned[] => [
  planned("review", "Design review", 5, 45, false),
  planned("interview", "Interview: Maja Sund", 210, 60, true),
  planned("budget", "Budget 2027", 26 * 60, 30, false),
];

export class FakeMeetings implements MeetingsBackend {
  constructor(
    private kept: Planned[],
    private readonly server: () => string | null,
    private readonly opened: (link: string, mine: boolean) => void,
    private readonly called: (name: string, ...values: unknown[]) => void,
  ) {}

  list = async () => this.kept;

  plan = async (title: string, start: number, minutes: number, waitingRoom: boolean) => {
    this.called("planMeeting", title, minutes, waitingRoom);
    if (!this.server()) return refuse("noServer");
    const made = { id: `made-${start}`, meeting: { title, start, minutes, link: LINK }, mine: true };
    return (this.kept = [...this.kept, made].sort((a, b) => a.meeting.start - b.meeting.start));
  };

  import = async (file: string, zone: string) => {
    this.called("importMeetings", zone);
    if (!file.startsWith("BEGIN:VCALENDAR")) return refuse("notACalendar");
    if (!file.includes("/j/")) return refuse("noMeetings");
    return (this.kept = MEETINGS());
  };

  forget = async (id: string) => {
    this.called("forgetMeeting", id);
    return (this.kept = this.kept.filter((each) => each.id !== id));
  };

  open = async (id: string) => {
    this.called("openMeeting", id);
    const found = this.kept.find((each) => each.id === id);
    if (found) this.opened(found.meeting.link, found.mine);
  };

  save = async (id: string) => {
    this.called("saveMeeting", id);
    return `${this.kept.find((each) => each.id === id)?.meeting.title ?? ""}.ics`;
  };
}

const refuse = (code: UiErrorCode): Promise<never> => Promise.reject({ code, message: code });
