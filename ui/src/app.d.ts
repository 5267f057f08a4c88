/** True in the build around the scripted backend. */
declare const __FAKE__: boolean;
/** True in the build for a guest's browser. */
declare const __WEB__: boolean;
