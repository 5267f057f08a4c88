/** True in the build around the scripted backend. */
declare const __FAKE__: boolean;
