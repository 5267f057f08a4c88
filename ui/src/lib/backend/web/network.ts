/** That this device has moved to another network, where the browser tells (`online`, Network Information API). */

/** Calls `act` when it may have; returns what ends that. */
export function watchNetwork(act: () => void): () => void {
  const { connection } = navigator as { connection?: EventTarget };
  addEventListener("online", act);
  connection?.addEventListener("change", act);
  return () => {
    removeEventListener("online", act);
    connection?.removeEventListener("change", act);
  };
}
