/** Which tile or overlay lies over which: the `z` of tiles and overlays. An overlay lies over the tiles up to its own. */

export const LAYER = {
  stage: 0,
  /** My own picture in a corner of the stage. */
  self: 1,
  /** The settings cover the stage. */
  settings: 100,
  /** The camera's picture in the settings. */
  settingsTile: 101,
  /** Menus, dialogs, toasts, tooltips, banners, bars. */
  top: 255,
} as const;
