import { STATES, type StateName } from "../../src/lib/backend/fake/states";

export const stateNames = Object.keys(STATES) as StateName[];
