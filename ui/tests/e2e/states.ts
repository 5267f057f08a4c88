import { STATES, type StateName } from "../../src/lib/backend/fake/states";

export const stateNames = Object.keys(STATES) as StateName[];
/** Those that the small window can be in. */
export const calls = stateNames.filter((name) => STATES[name].phase === "inCall");
export const SMALL_WINDOW = { width: 320, height: 200 };
