// The pictures of the first paint: Cloudscape's come all at once, in 80 kB.

const CIRCLE = "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1";
const TRAY = "M1.5 11v3.5h13V11";

const PATHS = {
  menu: "M1 3h14M1 8h14M1 13h14",
  bell: "M3.5 11.5V7a4.5 4.5 0 0 1 9 0v4.5zM1.5 11.5h13M6.5 15h3",
  person: "M8 1.5a3 3 0 1 0 0 6a3 3 0 1 0 0-6M2 15c0-3 2-5 6-5s6 2 6 5",
  down: "M4.5 6h7L8 11z",
  download: `M8 1v9M4 6.5l4 4 4-4${TRAY}`,
  upload: `M8 11V2M4 5.5l4-4 4 4${TRAY}`,
  folder: "M1 13.5v-11h5l2 2h7v9z",
  trash: "M1.5 4h13M5.5 4V1.5h5V4M3.5 4l.8 10.5h7.4l.8-10.5",
  undo: "M5 1.5L1.5 5 5 8.5M1.5 5h8a4.75 4.75 0 0 1 0 9.5H4",
  left: "M10.5 1.5L4 8l6.5 6.5",
  right: "M5.5 1.5L12 8l-6.5 6.5",
  photos: "M1.5 2.5h13v11h-13zM1.5 11.5L6 7l4 4 2-2 2.5 2.5M10.5 5.5h1",
  tag: "M1.5 1.5h6l7 7-6 6-7-7zM4.5 5h1",
  sparkle: "M8 1.5l1.8 4.7L14.5 8 9.8 9.8 8 14.5 6.2 9.8 1.5 8l4.7-1.8z",
  sliders: "M1 4h7M12 4h3M1 12h3M8 12h7M8 1.8h4v4.4H8zM4 9.8h4v4.4H4z",
  check: "M1.5 8.5l4 4 9-9",
  plus: "M8 2v12M2 8h12",
  close: "M2.5 2.5l11 11M13.5 2.5l-11 11",
  success: `${CIRCLE}M5 8l2 2.5L11 6`,
  info: `${CIRCLE}M8 7v5M8 4v1.5`,
  warning: "M8 1.5l7 13H1zM8 6v4M8 11v1.5",
  error: `${CIRCLE}M5.5 5.5l5 5M10.5 5.5l-5 5`,
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" width={16} height={16} aria-hidden="true">
      <path d={PATHS[name]} {...(name === "down" && { fill: "currentColor" })} />
    </svg>
  );
}
