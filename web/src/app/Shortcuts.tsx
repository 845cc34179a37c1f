// The keys there are, in a dialog: by "?" or from the account's menu.

import { useEffect } from "react";

import { useSpeech } from "../i18n";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";

interface Props {
  shown: boolean;
  onShow(shown: boolean): void;
}

export function Shortcuts({ shown, onShow }: Props) {
  const { t } = useSpeech();
  useEffect(() => {
    const onKeyDown = ({ key, target }: KeyboardEvent) => {
      if (key !== "?" || (target instanceof Element && target.closest("input, textarea, dialog, [role=dialog]"))) return;
      onShow(true);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [onShow]);
  const groups: [string, [string[], string][]][] = [
    [t.navGallery, [
      [["←", "→", "↑", "↓"], t.keyMove],
      [["Enter"], t.keyOpen],
      [["Space"], t.keyChoose],
      [["Shift", "→"], t.keyRange],
      [["Ctrl", "A"], t.keyAll],
      [["Delete"], t.keyTrash],
      [["Esc"], t.keyEscape],
    ]],
    [t.photo, [
      [["←", "→"], t.keySteps],
      [["+", "−", "0"], t.keyZoom],
      [["I"], t.keyDetails],
      [["Delete"], t.toTrash],
      [["Esc"], t.close],
    ]],
  ];
  if (!shown) return null;
  const close = () => onShow(false);
  return (
    <Dialog className="sheet" label={t.shortcuts} onClose={close}>
      <div className="sheet-head">
        <h2>{t.shortcuts}</h2>
        <button type="button" aria-label={t.close} onClick={close}><Icon name="close" /></button>
      </div>
      <div className="shortcuts">
        {groups.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([names, what]) => (
                <div key={what}>
                  <dt>{names.map((name) => <kbd key={name}>{name}</kbd>)}</dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
