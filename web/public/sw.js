// Keeps the application's own files, so that it opens without a connection. Never photos or answers.

const CACHE = "fototeca-1";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.add("/")).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && !pathname.startsWith("/api/")) event.respondWith(page(request));
  else if (pathname.startsWith("/assets/")) event.respondWith(asset(request));
});

/** The newest page; the one that was kept when the server is not reached. */
async function page(request) {
  const cache = await caches.open(CACHE);
  let response;
  try {
    response = await fetch(request);
  } catch (error) {
    return (await cache.match("/")) ?? Promise.reject(error);
  }
  await keep(cache, response.clone()).catch(() => undefined); // A full disk keeps nobody out.
  return response;
}

/** Keeps the application alone: in a tab one also opens a picture, or what a proxy says. */
async function keep(cache, response) {
  if (!response.ok || !response.headers.get("content-type")?.startsWith("text/html")) return;
  const text = await response.clone().text();
  if (!text.includes('<div id="app">')) return;
  const kept = await cache.match("/");
  if ((await kept?.text()) !== text) {
    // Another release: nothing asks for the files of the one before.
    const files = (await cache.keys()).filter(({ url }) => new URL(url).pathname.startsWith("/assets/"));
    await Promise.all(files.map((file) => cache.delete(file)));
  }
  await cache.put("/", response);
}

/** Named by its content: what is kept is right for good. */
async function asset(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

/** The page that is open goes where the notice leads, without loading: it may be uploading. */
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data.path));
});

async function show(path) {
  const [page] = await self.clients.matchAll({ type: "window" });
  if (!page) return self.clients.openWindow(path);
  page.postMessage({ path });
  return page.focus();
}
