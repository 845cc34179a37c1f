// Everything known of a photo: its labels, to be corrected, and what the camera wrote.

import Box from "@cloudscape-design/components/box";
import Link from "@cloudscape-design/components/link";
import SpaceBetween from "@cloudscape-design/components/space-between";

import type { ReactNode } from "react";

import type { PhotoDetails } from "../api/client";
import { useSpeech } from "../i18n";
import { PhotoLabels } from "./PhotoLabels";

export function Details({ photo }: { photo: PhotoDetails }) {
  const { t } = useSpeech();
  return (
    <SpaceBetween size="l">
      <PhotoLabels photo={photo} />
      <section>
        <Box variant="h3" tagOverride="h2">{t.details}</Box>
        <dl className="photo-facts">
          {useFacts(photo).map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      </section>
    </SpaceBetween>
  );
}

/** 0.004 is 1/250. */
export const shutter = (seconds: number) => (seconds < 0.4 ? `1/${Math.round(1 / seconds)}` : String(seconds));

/** "Canon EOS 600D": most makers begin the model with their own name. */
export function cameraOf(make: string | null, model: string | null) {
  const first = make?.split(" ")[0]?.toLowerCase();
  return model && first && model.toLowerCase().startsWith(first) ? model : [make, model].filter(Boolean).join(" ");
}

function useFacts({ exif, ...photo }: PhotoDetails): [string, ReactNode][] {
  const { t, dateTime, number, bytes } = useSpeech();
  // The camera's clock has no zone: it is shown as it was.
  const taken = photo.taken_at && dateTime(photo.taken_at.replace(/(Z|[+-]\d\d:\d\d)$/, ""));
  const exposure = [
    exif.exposure_time && `${shutter(exif.exposure_time)} s`,
    exif.f_number && `ƒ/${number(exif.f_number)}`,
    exif.iso && `ISO ${exif.iso}`,
    exif.focal_length && `${number(exif.focal_length)} mm`,
  ].filter(Boolean);
  const { latitude, longitude } = exif;
  const placed = latitude !== null && longitude !== null;
  const facts: [string, ReactNode][] = [
    [t.file, photo.name],
    [t.taken, taken],
    [t.uploaded, dateTime(photo.uploaded_at)],
    [t.dimensions, `${number(photo.width)} × ${number(photo.height)}, ${bytes(photo.size)}`],
    [t.camera, cameraOf(exif.camera_make, exif.camera_model)],
    [t.lens, exif.lens],
    [t.exposure, exposure.join(" · ")],
    [t.altitude, exif.altitude !== null && `${number(Math.round(exif.altitude))} m`],
    [t.place, placed && <Place latitude={latitude} longitude={longitude} />],
  ];
  return facts.filter(([, value]) => value);
}

function Place({ latitude, longitude }: { latitude: number; longitude: number }) {
  const { t } = useSpeech();
  const map = `https://www.openstreetmap.org/?mlat=${latitude}&mlon=${longitude}#map=14/${latitude}/${longitude}`;
  return (
    <>
      <div>{latitude.toFixed(5)}, {longitude.toFixed(5)}</div>
      <Link href={map} external rel="noreferrer noopener">{t.openMap}</Link>
      <Box color="text-body-secondary" fontSize="body-s">{t.openMapHint}</Box>
    </>
  );
}
