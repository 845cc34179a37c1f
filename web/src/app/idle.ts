const PAUSE = 200; // Milliseconds.
const MOST = 3000;

/** When the pictures of the page are there and the browser has nothing else to do, or in a while. */
export async function idle() {
  const latest = performance.now() + MOST;
  do await pause();
  while (performance.now() < latest && [...document.images].some(({ complete }) => !complete));
}

const pause = () =>
  new Promise<void>((resolve) => {
    setTimeout(() => {
      if ("requestIdleCallback" in window) requestIdleCallback(() => resolve(), { timeout: MOST });
      else resolve();
    }, PAUSE);
  });
