import { describe, expect, it } from "vitest";

import { beside, gridOf, movedTo, rowAt, rowOf } from "./layout";

const MEASURES = { width: 1000, rowHeight: 200, gap: 4, heading: 40 };
const RATIOS = Array.from({ length: 1000 }, (_, at) => [150, 67, 100, 178, 900][at % 5] ?? 100);
const DAYS = [
  { day: "2026-06-02", photos: 7 },
  { day: "2026-06-01", photos: 993 },
];

describe("a grid", () => {
  const grid = gridOf(DAYS, RATIOS, MEASURES);

  it("has every photo once, in order", () => {
    const photos = grid.rows.filter(({ heading }) => heading === null);
    let next = 0;
    for (const row of photos) {
      expect(row.start).toBe(next);
      next = row.stop;
    }
    expect(next).toBe(1000);
  });

  it("has no row below another's bottom or over its top", () => {
    grid.rows.reduce((bottom, row) => {
      expect(row.top).toBeGreaterThanOrEqual(bottom - 1e-6);
      return row.top + row.height;
    }, 0);
  });

  it("finds rows by place and by photo", () => {
    for (const [at, row] of grid.rows.entries()) {
      expect(rowAt(grid.rows, row.top + row.height / 2)).toBe(at);
      if (row.heading === null) expect(rowOf(grid.rows, row.start)).toBe(at);
      if (row.heading === null) expect(rowOf(grid.rows, row.stop - 1)).toBe(at);
    }
  });

  it("goes down and up again to a neighbour in the next row", () => {
    const row = grid.rows[rowOf(grid.rows, 500)];
    const below = beside(grid, RATIOS, 500, true);
    expect(below).toBeGreaterThanOrEqual(row?.stop ?? Infinity);
    expect(rowOf(grid.rows, beside(grid, RATIOS, below, false))).toBe(rowOf(grid.rows, 500));
  });

  it("finds a photo again among others, by its day", () => {
    const before = [{ day: "2026-06-03", photos: 2 }, { day: "2026-06-01", photos: 4 }];
    expect(movedTo(3, before, [{ day: "2026-06-04", photos: 9 }, ...before])).toBe(12);
    expect(movedTo(3, before, [{ day: "2026-06-01", photos: 1 }])).toBe(0);
    expect(movedTo(1, before, before.slice(1))).toBe(0);
    expect(movedTo(3, before, [{ day: "2026-06-02", photos: 5 }])).toBe(5);
  });

  it("groups by month where days have few photos", () => {
    const sparse = gridOf([{ day: "2026-06-02", photos: 1 }, { day: "2026-06-01", photos: 2 }], [100, 100, 100], MEASURES);
    expect(sparse.monthly).toBe(true);
    expect(sparse.rows.filter(({ heading }) => heading)).toHaveLength(1);
  });
});
