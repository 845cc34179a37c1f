// The files of what is dropped or picked, folders included.

/** A file, or one in a dropped folder that is yet to be opened: asking for thousands takes seconds. */
export type Source = File | FileSystemFileEntry;

export interface Found {
  source: Source;
  path: string;
}

/** What folders have beside photos and nobody chose. */
const unwanted = (name: string) => name.startsWith(".") || name === "Thumbs.db" || name === "desktop.ini";

export function picked(files: FileList): Found[] {
  return [...files]
    .filter(({ name }) => !unwanted(name))
    .map((file) => ({ source: file, path: file.webkitRelativePath || file.name }));
}

/** Must be called before anything is awaited: then the browser empties the transfer. */
export function entriesOf(transfer: DataTransfer): FileSystemEntry[] {
  return [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
}

/** Whoever is told what is in folders, until the signal says that nobody wants them any more. */
export interface Listing {
  signal: AbortSignal;
  found(files: Found[]): void;
  /** A folder that cannot be read. */
  unread(path: string): void;
}

/** Files come in the browser's pieces of a hundred. */
export async function walk(entries: FileSystemEntry[], listing: Listing): Promise<void> {
  const { signal } = listing;
  const files: Found[] = [];
  const folders: FileSystemDirectoryEntry[] = [];
  for (const entry of entries.filter(({ name }) => !unwanted(name))) {
    if (entry.isDirectory) folders.push(entry as FileSystemDirectoryEntry);
    else files.push({ source: entry as FileSystemFileEntry, path: pathOf(entry) });
  }
  if (files.length) listing.found(files);
  const within: Promise<void>[] = [];
  for (const folder of folders) {
    if (signal.aborted) break;
    const reader = folder.createReader();
    try {
      for (;;) {
        const inside = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
        if (!inside.length || signal.aborted) break;
        // The next piece is asked for while folders of this one are.
        within.push(walk(inside, listing));
      }
    } catch {
      listing.unread(pathOf(folder));
    }
  }
  await Promise.all(within);
}

export const opened = (entry: FileSystemFileEntry) =>
  new Promise<File>((done, fail) => entry.file(done, fail));

/** Not when it has gone or was changed since it was chosen. */
export const isReadable = (file: File) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

const pathOf = ({ fullPath }: FileSystemEntry) => fullPath.replace(/^\//, "");
