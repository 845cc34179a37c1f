// Around every page: navigation, notices, live updates, and the place where photos are dropped.

import { type ReactNode, useEffect, useState } from "react";

import { useLive } from "../api/live";
import { useSpeech } from "../i18n";
import { DropAnywhere, useQueue } from "../uploads/uploading";
import { UploadStatus } from "../uploads/UploadStatus";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";
import { Navigation } from "./Navigation";
import { NoticesBar } from "./notices";
import { Top } from "./Top";
import { useConnection } from "./useConnection";
import { useNarrow } from "./useMedia";

interface Props {
  owner: string;
  email: string;
  /** The moment that what is shown was asked after. */
  since: number;
  children: ReactNode;
}

export function Shell({ owner, email, since, children }: Props) {
  const { t } = useSpeech();
  const narrow = useNarrow();
  const [beside, setBeside] = useState(true);
  const [over, setOver] = useState(false);
  const queue = useQueue();
  useLive(since);
  useConnection();
  useEffect(() => queue.signedIn(owner), [queue, owner]);

  const close = () => setOver(false);
  return (
    <>
      <Top
        email={email} open={narrow ? over : beside}
        onToggle={() => (narrow ? setOver(true) : setBeside(!beside))}
      />
      <div className="frame">
        {!narrow && beside && <div className="side"><Navigation /></div>}
        {narrow && over && (
          <Dialog label={t.navigation} className="drawer" onClose={close}>
            <div className="drawer-head">
              <button type="button" className="drawer-close" aria-label={t.navClose} onClick={close}><Icon name="close" /></button>
              Fototeca
            </div>
            <Navigation onFollow={close} />
          </Dialog>
        )}
        <main className="page">
          {children}
          <NoticesBar />
        </main>
      </div>
      <UploadStatus />
      <DropAnywhere />
    </>
  );
}
