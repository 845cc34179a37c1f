import "@cloudscape-design/global-styles/index.css";
import "./app/app.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { Problem } from "./api/client";
import { App } from "./app/App";
import { ErrorBoundary } from "./app/ErrorBoundary";
import { Noticing } from "./app/notices";
import { Theming } from "./app/theme";
import { Speaking } from "./i18n";
import { Uploading } from "./uploads/uploading";

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      // What the server refuses it refuses again; what did not reach it may.
      retry: (failures, error) => failures < 5 && error instanceof Problem && error.status === 0,
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

const root = document.getElementById("app");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Speaking>
        <ErrorBoundary>
          <QueryClientProvider client={queries}>
            <Theming>
              <BrowserRouter>
                <Noticing>
                  <Uploading>
                    <App />
                  </Uploading>
                </Noticing>
              </BrowserRouter>
            </Theming>
          </QueryClientProvider>
        </ErrorBoundary>
      </Speaking>
    </StrictMode>,
  );
}
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  window.addEventListener("load", () => void navigator.serviceWorker.register("/sw.js"));
}
