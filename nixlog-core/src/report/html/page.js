"use strict";
// Draws the timeline, as much as can be seen at once: zoom, search, pins and tables. `data.rs` says what it reads.
(() => {
  const $ = (id) => document.getElementById(id);
  const chart = $("c"), canvas = $("v"), pen = canvas.getContext("2d");

  // What there is. Times are microseconds.
  const rows = [], lanes = [], units = [], steps = [], kinds = [], between = [];
  let wall = 1, height = 0, texts = [];
  const READ = {
    wall: (f) => { wall = Math.max(+f[1], 1); height = +f[2]; },
    texts: (f) => { texts = f.slice(1); },
    kind: (f) => kinds.push({ color: f[1], name: f[2] }),
    row: (f) => rows.push({ y: +f[1], height: +f[2], label: f[3], remark: f[4], lanes: [], steps: [], counter: null }),
    lane: (f) => {
      const lane = { row: rows.at(-1), machine: f[1], from: units.length, until: units.length, last: 0 };
      lanes.push(lane);
      lane.row.lanes.push(lane);
    },
    between: (f) => between.push(f[1]),
    step: (f) => {
      const row = rows.at(-1), start = +f[2];
      const step = { row, kind: kinds[f[1]], start, end: start + +f[3], name: f[4], unit: f[5] === "" ? null : +f[5], marks: "", fields: [] };
      row.steps.push(step);
      steps.push(step);
    },
    counter: (f) => {
      const at = [], values = [], numbers = f[3].split(" ");
      for (let n = 0, last = 0; n + 1 < numbers.length; n += 2) { at.push(last += +numbers[n]); values.push(+numbers[n + 1]); }
      rows.at(-1).counter = { peak: Math.max(+f[1], 1), is_rate: f[2] !== "units", at, values };
    },
  };
  for (const line of $("d").textContent.split("\n")) {
    const fields = line.split("\t"), [first] = fields, lane = lanes.at(-1);
    if (READ[first]) { READ[first](fields); continue; }
    if (fields.length < 4) continue;
    const start = lane.last + +fields[1], end = lane.last = start + +fields[2];
    units.push({ row: lane.row, lane, kind: kinds[parseInt(first, 10)], marks: first.replace(/^\d+/, ""), start, end, name: fields[3], fields });
    lane.until = units.length;
  }
  $("d").remove();

  const field = (unit, letter) => unit.fields.slice(4).filter((f) => f[0] === letter).map((f) => f.slice(1));
  const length = (unit) => {
    const [took] = field(unit, "t");
    return took === undefined ? unit.end - unit.start : took === "" ? null : +took;
  };
  // What it was doing when, read when it is first needed.
  const parts = (unit) => {
    if (!unit.parts) {
      const [told = ""] = field(unit, "p"), numbers = told.split(" ");
      unit.parts = [];
      for (let n = 0, at = unit.start; n + 2 < numbers.length; n += 3) {
        const start = at + +numbers[n + 1];
        at = start + +numbers[n + 2];
        unit.parts.push({ name: texts[numbers[n]], start, end: at });
      }
    }
    return unit.parts;
  };

  // What each needs, directly: through what did not run, but stands between. `null`: nothing is known.
  const edges_of = (unit) => field(unit, "n")[0];
  const edges = (number) => {
    const told = number < units.length ? edges_of(units[number]) : between[number - units.length];
    if (told === undefined) return null;
    const is_known = told[0] !== "?", numbers = is_known ? told : told.slice(1);
    return { is_known, of: numbers === "" ? [] : numbers.split(" ").map(Number) };
  };
  let backward = null;
  const dependents = (number) => {
    if (!backward) {
      backward = { of: new Map(), is_known: true };
      for (let from = 0; from < units.length + between.length; from++) {
        const told = edges(from);
        if (from < units.length && told && !told.is_known) backward.is_known = false;
        for (const to of told?.of ?? []) {
          if (!backward.of.has(to)) backward.of.set(to, []);
          backward.of.get(to).push(from);
        }
      }
    }
    return backward.of.get(number) ?? [];
  };
  const through = (number, next) => {
    const found = new Set(), seen = new Set(), todo = [...next(number)];
    while (todo.length) {
      const other = todo.pop();
      if (seen.has(other)) continue;
      seen.add(other);
      if (other < units.length) found.add(other);
      else todo.push(...next(other));
    }
    found.delete(number);
    return [...found].sort((a, b) => units[a].start - units[b].start);
  };
  const needs = (number) => {
    const told = edges(number);
    if (!told) return null;
    return { is_known: told.is_known, of: through(number, (n) => edges(n)?.of ?? []) };
  };

  // Numbers as people read them: as in every other format.
  const two = (n) => String(n).padStart(2, "0");
  const duration = (micros) => {
    if (micros === null) return "";
    const tenths = Math.round(micros / 1e5), hundredths = Math.round(micros / 1e4), seconds = Math.round(micros / 1e6);
    if (micros === 0) return "0s";
    if (seconds >= 3600) { const minutes = Math.round(seconds / 60); return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`; }
    if (tenths >= 600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
    if (hundredths >= 1000) return (tenths / 10).toFixed(1) + "s";
    if (Math.round(micros / 1e3) >= 1000) return (hundredths / 100).toFixed(2) + "s";
    return micros >= 1000 ? Math.round(micros / 1000) + "ms" : micros + "µs";
  };
  const bytes = (size) => {
    if (size < 1024) return size + " B";
    let unit = 0;
    for (size /= 1024; size >= 1024 && unit < 5; unit++) size /= 1024;
    return size.toFixed(size < 10 ? 2 : size < 100 ? 1 : 0) + " " + ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][unit];
  };
  // An instant, as fine as the marks beside it.
  const instant = (micros, step) => {
    const s = Math.round(micros / 1e3) / 1e3;
    if (micros === 0) return "0";
    if (step < 1e3) return (micros / 1e3).toFixed(3) + "ms";
    if (wall < 1e6) return Math.round(micros / 1e3) + "ms";
    const digits = step >= 1e6 ? 0 : step >= 1e5 ? 1 : step >= 1e4 ? 2 : 3;
    if (wall < 6e7) return s.toFixed(digits) + "s";
    const seconds = (Math.floor((s % 60) * 1000) / 1000).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    if (wall < 3.6e9) return Math.floor(s / 60) + ":" + seconds;
    return Math.floor(s / 3600) + ":" + two(Math.floor((s / 60) % 60)) + ":" + seconds;
  };
  const mark = (unit) => (unit.marks.includes("x") ? "✗ " : "");
  const facts = (unit) => [
    ...field(unit, "f"),
    ...field(unit, "b").map((size) => bytes(+size)),
    ...(unit.lane?.machine ? [unit.lane.machine] : []),
    ...field(unit, "s").map((source) => texts[source]),
  ];
  const says = (unit) => [mark(unit) + unit.name, [unit.kind.name, duration(length(unit)), ...facts(unit)].join(" · ")];

  // What is shown: from where, and how many points a microsecond takes.
  const TOP = 24, GAP = 0.7;
  let left = 150, right = 110, width = 900, from = 0, scale = 0, colors = {};
  const x_of = (at) => (at - from) * scale;
  const at_of = (x) => from + x / scale;

  // The first of those in order that is not yet over.
  const first_after = (of, low, high, at) => {
    while (low < high) {
      const middle = (low + high) >> 1;
      if (of[middle].end < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  const fit_text = (text, room) => {
    if (room < 8) return "";
    const wide = pen.measureText(text).width;
    if (wide <= room) return text;
    let n = Math.floor((text.length * room) / wide);
    while (n > 0 && pen.measureText(text.slice(0, n) + "…").width > room) n--;
    return n > 0 ? text.slice(0, n) + "…" : "";
  };

  const draw_axis = () => {
    const least = 80 / scale;
    // 1, 2, 5 below a second; what people count in above.
    const steps = [1e6, 2e6, 5e6, 1e7, 1.5e7, 2e7, 3e7, 6e7, 1.2e8, 3e8, 6e8, 9e8, 1.2e9, 1.8e9, 3.6e9, 7.2e9, 1.44e10, 2.16e10, 4.32e10];
    let step = 1;
    while (step < 1e6 && step < least) step *= String(step)[0] === "2" ? 2.5 : 2;
    if (step >= 1e6) step = steps.find((s) => s >= least) ?? 8.64e10 * Math.ceil(least / 8.64e10);
    pen.textAlign = "left";
    for (let n = Math.ceil(from / step); n * step <= wall; n++) {
      const x = Math.round(x_of(n * step)) + 0.5;
      if (x > width) break;
      pen.fillStyle = colors.line;
      pen.fillRect(left + x - 0.5, TOP, 1, height);
      pen.fillStyle = colors.faint;
      if (x < width - 30) pen.fillText(instant(n * step, step), left + x + 3, TOP - 7);
    }
  };

  // Which units are lit: those that match, or the pinned one and what it needs and what needs it.
  const PINNED = 1, NEEDED = 2, NEEDING = 4, MATCH = 8;
  let lit = new Map(), is_dim = false;

  const bar = (unit, row, state) => {
    const x = Math.max(x_of(unit.start), -4), end = Math.min(x_of(unit.end), width + 4);
    const h = row.height > 3 ? row.height - 2 : row.height, y = row.y;
    const w = Math.max(end - x - (end - x > 3 ? GAP : 0), 0.5);
    pen.globalAlpha = is_dim && !state ? 0.22 : 1;
    pen.fillStyle = colors[unit.marks.includes("x") ? "x" : unit.kind.color];
    // The evaluator goes on and off.
    const stretches = unit.kind.name === "evaluation" ? parts(unit) : [];
    if (stretches.length) {
      for (const part of stretches) {
        const a = x_of(part.start);
        if (a < width && x_of(part.end) > 0) pen.fillRect(a, y, Math.max(x_of(part.end) - a, 0.5), h);
      }
    } else {
      pen.fillRect(x, y, w, h);
    }
    const name_y = h >= 28 ? y + 12 : y + h / 2 + 4, shown = Math.max(x, 0), room = Math.min(end, width) - shown - 8;
    if (w > 40 && h > 12 && !stretches.length) {
      parts(unit).forEach((part, number) => {
        const a = Math.max(x_of(part.start), x), b = Math.min(x_of(part.end), end);
        if (b - a < 1) return;
        if (number % 2) { pen.fillStyle = colors.shade; pen.fillRect(a, y, b - a, h); }
        if (h < 28) return;
        pen.font = colors.small;
        const text = fit_text(part.name, Math.min(b, width) - Math.max(a, 0) - 6);
        pen.fillStyle = colors.fg;
        if (text.length > 2) pen.fillText(text, Math.max(a, 0) + 4, y + h - 6);
      });
    }
    // Below the bar, so that its own colour shows.
    if (unit.marks.includes("c")) {
      const line = Math.min(Math.max(h / 5, 1), 4);
      pen.fillStyle = colors.c;
      pen.fillRect(x, y + h - line, w, line);
    }
    if (h > 12 && room >= 16 && !stretches.length) {
      pen.font = colors.font;
      pen.fillStyle = colors.fg;
      const open = unit.marks.includes("o") && x_of(unit.end) <= width ? 10 : 0;
      pen.fillText(fit_text(mark(unit) + unit.name, room - open), shown + 4, name_y);
      if (open) pen.fillText("»", end - 11, name_y);
    }
    if (state & ~MATCH) {
      pen.strokeStyle = colors[state & PINNED ? "fg" : state & NEEDED ? "n" : "d"];
      pen.lineWidth = 2;
      pen.strokeRect(x - 1, y - 0.5, Math.max(w, 1) + 2, h + 1);
    }
    pen.globalAlpha = 1;
  };

  const draw_lane = (lane, row) => {
    const h = row.height > 3 ? row.height - 2 : row.height, last = at_of(width);
    // What is too small to be seen is drawn together with what touches it.
    let run = null;
    const flush = () => {
      if (!run) return;
      pen.globalAlpha = is_dim ? 0.22 : 1;
      pen.fillStyle = run.color;
      pen.fillRect(run.x, row.y, Math.max(run.end - run.x, 0.5), h);
      pen.globalAlpha = 1;
      run = null;
    };
    for (let n = first_after(units, lane.from, lane.until, from); n < lane.until && units[n].start <= last; n++) {
      const unit = units[n], x = x_of(unit.start), end = x_of(unit.end);
      if (end - x >= 1) {
        flush();
        if (!lit.has(n)) bar(unit, row, 0);
        continue;
      }
      const color = colors[unit.kind.color];
      if (run && x - run.end < 0.5 && run.color === color) { run.end = end; continue; }
      flush();
      run = { x, end, color };
    }
    flush();
  };

  // The highest value of each column.
  const draw_counter = (row) => {
    const { at, values, peak } = row.counter, columns = new Float64Array(Math.ceil(width));
    for (let n = 0; n < at.length; n++) {
      const x = x_of(at[n]), end = n + 1 < at.length ? x_of(at[n + 1]) : x_of(wall);
      if (end < 0 || x > width || values[n] === 0) continue;
      for (let column = Math.max(Math.floor(x), 0); column < Math.min(Math.max(end, Math.floor(x) + 1), columns.length); column++) columns[column] = Math.max(columns[column], values[n]);
    }
    pen.fillStyle = colors.y;
    for (let x = 0, end; x < columns.length; x = end) {
      for (end = x + 1; end < columns.length && columns[end] === columns[x];) end++;
      const h = (columns[x] / peak) * row.height;
      pen.fillRect(x, row.y + row.height - h, end - x, h);
    }
  };

  let special = [];
  const draw = () => {
    const dense = devicePixelRatio || 1, whole = left + width + right;
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, whole, TOP + height);
    pen.font = colors.font;
    draw_axis();
    pen.fillStyle = colors.fg;
    for (const row of rows) {
      const y = TOP + row.y + Math.min(Math.max(row.height, 10), 20) / 2 + 4;
      pen.textAlign = "right";
      pen.fillStyle = colors.fg;
      if (row.label) pen.fillText(fit_text(row.label, left - 12), left - 8, y);
      pen.textAlign = "left";
      pen.fillStyle = colors.faint;
      if (row.remark && right > 20) pen.fillText(row.remark, left + width + 8, y);
    }
    pen.save();
    pen.translate(left, TOP);
    pen.beginPath();
    pen.rect(0, 0, width, height);
    pen.clip();
    for (const row of rows) {
      for (const lane of row.lanes) draw_lane(lane, row);
      const last = at_of(width);
      for (let n = first_after(row.steps, 0, row.steps.length, from); n < row.steps.length && row.steps[n].start <= last; n++) bar(row.steps[n], row, lit.get(row.steps[n].unit) ?? 0);
      if (row.counter) draw_counter(row);
    }
    // What stands out lies above the rest, however small it is.
    for (const n of special) if (!lit.has(n)) small(units[n]);
    for (const [n, state] of lit) if (units[n]) bar(units[n], units[n].row, state);
    arrows();
    if (focus && document.activeElement === chart) frame(focus);
    pen.restore();
    pen.strokeStyle = colors.line;
    pen.lineWidth = 1;
    pen.strokeRect(left + 0.5, TOP + 0.5, width - 1, height - 1);
  };
  // Failed and critical ones that are too narrow to be drawn alone.
  const small = (unit) => {
    const x = x_of(unit.start), end = x_of(unit.end), h = unit.row.height;
    if (end - x >= 1 || end < 0 || x > width) return;
    const line = unit.marks.includes("x") ? h : Math.min(Math.max(h / 5, 1), 4);
    pen.globalAlpha = is_dim ? 0.3 : 1;
    pen.fillStyle = colors[unit.marks.includes("x") ? "x" : "c"];
    pen.fillRect(x, unit.row.y + h - line, 1.5, line);
    pen.globalAlpha = 1;
  };
  const frame = (item) => {
    const x = Math.max(x_of(item.start), 1), end = Math.min(x_of(item.end), width - 1);
    pen.strokeStyle = colors.n;
    pen.lineWidth = 1.5;
    pen.setLineDash([3, 2]);
    pen.strokeRect(x - 1, item.row.y - 1, Math.max(end - x, 1) + 2, item.row.height);
    pen.setLineDash([]);
  };
  // From what is needed to what needs it, while they can be told apart.
  const arrows = () => {
    const links = [...lit].filter(([, state]) => state & (NEEDED | NEEDING));
    if (!pinned || pinned.unit === null || links.length > 60) return;
    const self = units[pinned.unit];
    for (const [n, state] of links) {
      const [a, b] = state & NEEDED ? [units[n], self] : [self, units[n]];
      const x = x_of(a.end), y = a.row.y + a.row.height / 2, to = x_of(b.start), to_y = b.row.y + b.row.height / 2;
      pen.strokeStyle = colors[state & NEEDED ? "n" : "d"];
      pen.globalAlpha = 0.6;
      pen.lineWidth = 1.2;
      pen.beginPath();
      pen.moveTo(x, y);
      const bend = Math.min(Math.max(Math.abs(to - x) / 2, 8), 60);
      pen.bezierCurveTo(x + bend, y, to - bend, to_y, to, to_y);
      pen.stroke();
      pen.globalAlpha = 1;
    }
  };

  let due = false;
  const redraw = () => {
    if (!due) requestAnimationFrame(() => { due = false; draw(); });
    due = true;
  };
  const show = (start, points) => {
    scale = Math.min(Math.max(points, width / wall), Math.max(width / wall, width / 10));
    from = Math.min(Math.max(start, 0), wall - width / scale);
    redraw();
  };
  const around = (x, factor) => {
    const at = at_of(x), next = Math.min(Math.max(scale * factor, width / wall), Math.max(width / wall, width / 10));
    show(at - x / next, next);
  };
  const show_all = () => show(0, width / wall);

  const paint = () => {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["bg", "fg", "faint", "line", "b", "f", "q", "e", "i", "k", "h", "x", "c", "w", "y", "n", "d"]) colors[name] = style.getPropertyValue("--" + name).trim();
    colors.shade = "#0002";
    colors.font = "11px ui-sans-serif,system-ui,sans-serif";
    colors.small = "10px ui-sans-serif,system-ui,sans-serif";
    redraw();
  };
  // As wide as the page.
  const fit = () => {
    const whole = Math.max(chart.clientWidth, 240), dense = devicePixelRatio || 1, shown = width / scale;
    const is_all = scale === 0 || (from === 0 && shown >= wall * 0.999);
    [left, right] = whole < 640 ? [96, 6] : [150, 110];
    width = whole - left - right;
    canvas.width = Math.round(whole * dense);
    canvas.height = Math.round((TOP + height) * dense);
    canvas.style.width = whole + "px";
    canvas.style.height = TOP + height + "px";
    show(from, is_all ? width / wall : width / shown);
  };

  // What is at a place: of a crowd of small units the nearest one.
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left - left, event.clientY - box.top - TOP];
  };
  const row_at = (y) => rows.find((row) => y >= row.y && y < row.y + Math.max(row.height, 1));
  const find = (x, y) => {
    const row = row_at(y);
    if (!row || x < 0 || x > width) return null;
    const at = at_of(x), slack = 2 / scale;
    let best = null, away = slack;
    const look = (of, low, high) => {
      for (let n = first_after(of, low, high, at - slack); n < high && of[n].start <= at + slack; n++) {
        const distance = Math.max(of[n].start - at, at - of[n].end, 0);
        if (distance < away || best === null) [best, away] = [of[n], distance];
        if (distance === 0) return;
      }
    };
    for (const lane of row.lanes) {
      look(units, lane.from, lane.until);
      if (away === 0 && best) break;
    }
    look(row.steps, 0, row.steps.length);
    return best;
  };

  const hover = document.createElement("div");
  hover.id = "h";
  hover.setAttribute("role", "tooltip");
  const say = (lines, x, y) => {
    hover.textContent = lines.join("\n");
    document.body.append(hover);
    const over = Math.min(x + 14, innerWidth - hover.offsetWidth - 8), below = y + 18;
    hover.style.left = Math.max(over, 0) + "px";
    hover.style.top = (below + hover.offsetHeight < innerHeight ? below : Math.max(y - hover.offsetHeight - 8, 0)) + "px";
  };
  const told = (item, at) => {
    const unit = units[item.unit] ?? item, lines = says(unit);
    if (item !== unit && item.name !== unit.name) lines.unshift(item.name);
    const now = at === undefined ? null : parts(unit).find((part) => part.start <= at && at < part.end);
    const longest = [...parts(unit)].sort((a, b) => b.end - b.start - a.end + a.start).slice(0, 20);
    if (unit.kind.name !== "evaluation") {
      for (const part of parts(unit)) if (longest.includes(part)) lines.push(`${part === now ? "▸ " : ""}${part.name} ${duration(part.end - part.start)}`);
    }
    return lines;
  };
  const point = (event) => {
    const [x, y] = place(event), item = find(x, y), row = row_at(y);
    if (item) {
      const lines = told(item, at_of(x)), near = item.lane && (item.end - item.start) * scale < 1;
      if (near) {
        let n = 0;
        for (let k = first_after(units, item.lane.from, item.lane.until, at_of(x - 1)); k < item.lane.until && units[k].start <= at_of(x + 1); k++) n++;
        if (n > 1) lines.push(`${n} short units here: zoom in to tell them apart`);
      }
      return say(lines, event.clientX, event.clientY);
    }
    if (row?.counter && x >= 0 && x <= width) {
      const { at, values, is_rate } = row.counter, now = at_of(x);
      let low = 0, high = at.length;
      while (low < high) { const middle = (low + high) >> 1; if (at[middle] <= now) low = middle + 1; else high = middle; }
      const value = low ? values[low - 1] : 0;
      return say([`${row.label}: ${is_rate ? bytes(value) + "/s" : value}`, instant(now, 1 / scale)], event.clientX, event.clientY);
    }
    hover.remove();
  };

  // A pinned unit stays lit, with what it needs and what needs it, and says more below the chart.
  let pinned = null, focus = null, matches = new Set();
  const light = () => {
    lit = new Map();
    for (const n of matches) lit.set(n, MATCH);
    const add = (n, state) => lit.set(n, (lit.get(n) ?? 0) | state);
    if (pinned && pinned.unit !== null) {
      for (const n of pinned.needs?.of ?? []) add(n, NEEDED);
      for (const n of pinned.needed) add(n, NEEDING);
      add(pinned.unit, PINNED);
    }
    is_dim = pinned !== null || searched !== "";
    redraw();
  };
  const element = (name, text, parent, of) => {
    const made = Object.assign(document.createElement(name), of);
    if (text !== undefined) made.textContent = text;
    parent?.append(made);
    return made;
  };
  const MOST_LINKS = 100;
  const links = (panel, kind, word, all) => {
    const line = element("p", undefined, panel);
    element("span", word + " ", line, { className: kind });
    for (const n of all.slice(0, MOST_LINKS)) element("button", mark(units[n]) + units[n].name, line, { onclick: () => { chart.focus({ preventScroll: true }); go(n); } });
    if (all.length > MOST_LINKS) line.append(` and ${all.length - MOST_LINKS} more`);
  };
  const pin = (item) => {
    const panel = $("pin");
    hover.remove();
    panel.replaceChildren();
    panel.hidden = !item;
    if (!item) { pinned = null; light(); return; }
    const number = item.lane ? units.indexOf(item) : item.unit;
    pinned = { item, unit: number, needs: null, needed: [] };
    element("button", "×", panel, { className: "close", title: "let go (Escape)", ariaLabel: "let go", onclick: () => { pin(null); chart.focus(); } });
    const [title, ...lines] = told(item);
    element("h2", title, panel);
    const unit = units[number] ?? item;
    element("p", `${lines[0]} · from ${instant(unit.start, wall / 1000)} to ${instant(unit.end, wall / 1000)}`, panel);
    if (lines.length > 1) element("p", lines.slice(1).join(" · "), panel);
    if (number === null) { light(); return; }
    pinned.needs = needs(number);
    pinned.needed = through(number, dependents);
    if (!pinned.needs) {
      const why = !units.some((other) => edges_of(other)) ? "not known, since no derivations were found" : "known of builds and substitutions only";
      element("p", `what it needs and what needs it is ${why}`, panel);
    } else {
      const least = (is_known, all) => (is_known ? all.length : all.length ? `at least ${all.length}` : "(not known)");
      links(panel, "n", `needs ${least(pinned.needs.is_known, pinned.needs.of)}`, pinned.needs.of);
      links(panel, "d", `needed by ${least(backward.is_known, pinned.needed)}`, pinned.needed);
    }
    light();
  };
  // Shows an item with as much before and after it, and pins it.
  const go = (n) => {
    const item = typeof n === "number" ? units[n] : n, long = Math.max(item.end - item.start, 10);
    focus = item;
    if (x_of(item.end) < 0 || x_of(item.start) > width || (item.end - item.start) * scale < 4) show(item.start - long, width / long / 3);
    pin(item);
    if (chart.getBoundingClientRect().bottom < 80) chart.scrollIntoView({ block: "nearest" });
  };

  // A press that moved is no click.
  let drag = null;
  const sheet = element("div", undefined, chart, { hidden: true });
  sheet.style.cssText = "position:absolute;background:var(--c);opacity:.2;pointer-events:none";
  canvas.addEventListener("pointerdown", (event) => {
    const [x] = place(event);
    if (event.button !== 0 || x < 0 || x > width) return;
    drag = { x, from, pan: event.shiftKey || event.pointerType === "touch", moved: false };
    hover.remove();
  });
  addEventListener("pointermove", (event) => {
    if (!drag) { if (event.target === canvas && event.pointerType !== "touch") point(event); else hover.remove(); return; }
    const x = Math.min(Math.max(place(event)[0], 0), width);
    drag.moved ||= Math.abs(x - drag.x) > 3;
    if (!drag.moved) return;
    if (drag.pan) { show(drag.from - (x - drag.x) / scale, scale); return; }
    sheet.hidden = false;
    Object.assign(sheet.style, { left: left + Math.min(x, drag.x) + "px", width: Math.abs(x - drag.x) + "px", top: TOP + "px", height: height + "px" });
  });
  addEventListener("pointercancel", () => { drag = null; sheet.hidden = true; });
  addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { x, pan, moved } = drag, [end_x, y] = place(event), end = Math.min(Math.max(end_x, 0), width);
    drag = null;
    sheet.hidden = true;
    if (!moved) {
      const item = find(x, y);
      focus = item;
      pin(item && item !== pinned?.item ? item : null);
    } else if (!pan) {
      show(at_of(Math.min(x, end)), (scale * width) / Math.abs(end - x));
    }
  });
  canvas.addEventListener("dblclick", show_all);
  canvas.addEventListener("wheel", (event) => {
    const [x] = place(event);
    if (x < 0 || x > width) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      around(x, Math.exp(-event.deltaY / 300));
    } else if (scale > width / wall && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      event.preventDefault();
      show(from + (event.deltaX || event.deltaY) / scale, scale);
    }
  }, { passive: false });
  $("in").onclick = () => around(width / 2, 2);
  $("out").onclick = () => around(width / 2, 0.5);
  $("all").onclick = show_all;

  // From unit to unit: along a row, or to what is above or below at the same time.
  const all_rows = rows.filter((row) => row.lanes.length || row.steps.length);
  const items = (row) => (row.steps.length ? row.steps : row.lanes.length === 1 ? units.slice(row.lanes[0].from, row.lanes[0].until) : row.lanes.flatMap((lane) => units.slice(lane.from, lane.until)).sort((a, b) => a.start - b.start));
  const walk = (along, down) => {
    let next = null;
    if (!focus) next = items(all_rows[0])[0];
    else if (along) next = items(focus.row)[items(focus.row).indexOf(focus) + along];
    else {
      const row = all_rows[all_rows.indexOf(focus.row) + down];
      const middle = (focus.start + focus.end) / 2, away = (item) => Math.max(item.start - middle, middle - item.end, 0);
      for (const item of row ? items(row) : []) if (!next || away(item) < away(next)) next = item;
    }
    if (!next) return;
    focus = next;
    const shown = width / scale;
    if (focus.start < from || focus.end > from + shown) show(Math.max(focus.start - Math.max(shown - (focus.end - focus.start), 0) / 2, 0), scale);
    const box = canvas.getBoundingClientRect();
    say(told(focus), box.left + left + Math.max(x_of(focus.start), 0), box.top + TOP + focus.row.y + focus.row.height - 14);
    redraw();
  };
  chart.addEventListener("focus", redraw);
  chart.addEventListener("blur", () => { hover.remove(); redraw(); });
  addEventListener("keydown", (event) => {
    if (event.target === $("q") && event.key !== "Escape" || event.ctrlKey || event.metaKey || event.altKey) return;
    const on_chart = event.target === chart, step = width / scale / 5;
    const pan = event.shiftKey || !on_chart;
    const keys = {
      "+": () => around(width / 2, 2), "=": () => around(width / 2, 2), "-": () => around(width / 2, 0.5), "0": show_all, "/": () => $("q").focus(),
      Escape: () => { pin(null); focus = null; hover.remove(); },
      ArrowLeft: () => (pan ? show(from - step, scale) : walk(-1, 0)), ArrowRight: () => (pan ? show(from + step, scale) : walk(1, 0)),
    };
    if (on_chart) Object.assign(keys, {
      ArrowUp: () => walk(0, -1), ArrowDown: () => walk(0, 1),
      Enter: () => focus && pin(focus === pinned?.item ? null : focus), " ": () => keys.Enter(),
    });
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  // Tables: a sorted list is long, what is on the page is not.
  const COLUMNS = [["name", (u) => u.name], ["kind", (u) => u.kind.name], ["started", (u) => u.start], ["took", (u) => length(u) ?? -1], ["", null]];
  const SOME = 200, MORE = 1000;
  const table = (parent, all, by, sort) => {
    const head = element("tr");
    COLUMNS.forEach(([title, key], n) => {
      const th = element("th", sort ? undefined : title, head);
      if (!sort || !key) return;
      th.ariaSort = by[0] === n ? (by[1] ? "descending" : "ascending") : "none";
      element("button", title + (by[0] === n ? (by[1] ? " ↓" : " ↑") : ""), th, { onclick: () => sort([n, by[0] === n ? !by[1] : n === 3]) });
    });
    parent.replaceChildren(head);
    let shown = 0;
    const add = (count) => {
      for (const item of all.slice(shown, shown + count)) {
        const line = element("tr", undefined, parent, { tabIndex: 0 }), unit = units[item.unit] ?? item;
        for (const text of [mark(unit) + item.name, item.kind.name, instant(item.start, wall / 1000), duration(item.lane ? length(item) : item.end - item.start), facts(unit).join(" · ")]) element("td", text, line);
        line.onclick = () => go(item);
        line.onkeydown = (event) => event.key === "Enter" && go(item);
      }
      shown = Math.min(shown + count, all.length);
      if (shown === all.length) return;
      const line = element("tr", undefined, parent), cell = element("td", undefined, line, { colSpan: COLUMNS.length });
      element("button", `${all.length - shown} more`, cell, { onclick: () => { line.remove(); add(MORE); } });
    };
    add(SOME);
  };
  let by = [3, true], searched = "";
  const sort = (next) => {
    by = next;
    const [column, down] = by, key = COLUMNS[column][1];
    const found = (searched === "" ? units.map((unit) => [key(unit), unit]) : [...matches].map((n) => [key(units[n]), units[n]]));
    found.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
    table($("units"), found.map(([, unit]) => unit), by, sort);
  };
  const hint = $("m").textContent;
  $("q").oninput = () => {
    searched = $("q").value.toLowerCase();
    matches = new Set();
    if (searched !== "") units.forEach((unit, n) => { if (unit.name.toLowerCase().includes(searched)) matches.add(n); });
    $("m").textContent = searched === "" ? hint : `${matches.size} of ${units.length} units`;
    light();
    sort(by);
  };

  special = units.flatMap((unit, n) => (/[xc]/.test(unit.marks) ? [n] : []));
  for (const id of ["c", "t", "tables"]) $(id).hidden = false;
  paint();
  fit();
  addEventListener("resize", fit);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
  table($("path"), steps, null, null);
  $("path").parentNode.hidden = steps.length === 0;
  sort(by);
})();
