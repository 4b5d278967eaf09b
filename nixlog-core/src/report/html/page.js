"use strict";
// Zoom, search, hover, pins and tables. All that it reads is in the drawing: where each bar is, and its title.
(() => {
  const $ = (id) => document.getElementById(id);
  const NS = "http://www.w3.org/2000/svg";
  const chart = $("chart"), plot = $("p"), units = $("u"), counters = $("k"), axis = $("a");
  const wall = Number(chart.dataset.wall), drawn = Number(chart.dataset.plot);
  const left = Number(plot.getAttribute("x")), top = Number(plot.getAttribute("y"));
  const height = chart.viewBox.baseVal.height, right = chart.viewBox.baseVal.width - left - drawn;
  // How wide the plot is now; bars are where they are in one as wide as it was drawn.
  let width = drawn;
  const bars = [];
  for (const path of units.querySelectorAll("path")) {
    const at = /^M([\d.]+) 0h([\d.]+)v([\d.]+)/.exec(path.getAttribute("d"));
    const title = path.firstElementChild;
    const says = title.textContent;
    title.remove();
    const lane = path.parentNode;
    // One unit may have several bars: stretches, and steps of the critical path. A wait is none.
    const unit = path.dataset.u ?? path;
    bars.push({ path, lane, unit, is_step: lane.id === "cp", x: +at[1], w: +at[2], h: at[3], says, name: says.split("\n")[0], mark: path.classList.contains("x") ? "✗ " : "" });
  }
  let from = 0, zoom = 1;

  const make = (name, attributes, text) => {
    const element = document.createElementNS(NS, name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  const label = (ns, step) => {
    const s = Math.round(ns / 1e6) / 1e3, two = (n) => String(Math.floor(n)).padStart(2, "0");
    if (ns === 0) return "0";
    if (step < 1e6) return (ns / 1e6).toFixed(3) + "ms";
    if (wall < 1e9) return Math.round(ns / 1e6) + "ms";
    const digits = step >= 1e9 ? 0 : step >= 1e8 ? 1 : step >= 1e7 ? 2 : 3;
    if (wall < 6e10) return s.toFixed(digits) + "s";
    const seconds = (s % 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
    if (wall < 3.6e12) return Math.floor(s / 60) + ":" + seconds;
    return Math.floor(s / 3600) + ":" + two((s / 60) % 60) + ":" + seconds;
  };

  const draw_axis = () => {
    const perPoint = wall / width / zoom;
    let step = 1;
    // 1, 2, 5 below a second; what people count in above.
    const steps = [1e9, 2e9, 5e9, 1e10, 1.5e10, 2e10, 3e10, 6e10, 1.2e11, 3e11, 6e11, 9e11, 1.2e12, 1.8e12, 3.6e12, 7.2e12, 1.44e13, 2.16e13, 4.32e13];
    while (step < 1e9 && step < 80 * perPoint) step *= String(step)[0] === "2" ? 2.5 : 2;
    if (step >= 1e9) step = steps.find((s) => s >= 80 * perPoint) ?? 8.64e13 * Math.ceil((80 * perPoint) / 8.64e13);
    axis.replaceChildren();
    const first = Math.ceil((from * wall) / width / step);
    for (let n = first; n * step <= wall; n++) {
      const x = ((n * step * width) / wall - from) * zoom;
      if (x > width) break;
      axis.append(make("path", { class: "g", d: `M${left + x} ${top}V${height}` }));
      axis.append(make("text", { class: "a", x: left + x + 3, y: top - 5 }, label(n * step, step)));
    }
  };

  const pen = document.createElement("canvas").getContext("2d");
  pen.font = getComputedStyle(chart).font;
  const clip = (text, room) => {
    const wide = pen.measureText(text).width;
    if (wide <= room) return text;
    let n = Math.floor((text.length * room) / wide);
    while (n > 0 && pen.measureText(text.slice(0, n) + "…").width > room) n--;
    return n > 0 ? text.slice(0, n) + "…" : "";
  };

  const draw = () => {
    const scale = width / drawn;
    for (const text of units.querySelectorAll("text")) text.remove();
    let texts = 0;
    for (const bar of bars) {
      const x = (bar.x * scale - from) * zoom, end = x + bar.w * scale * zoom;
      const shown = end > 0 && x < width;
      bar.path.style.display = shown ? "" : "none";
      if (!shown) continue;
      // Far outside, some renderers lose precision.
      const a = Math.max(x, -10), w = Math.max(Math.min(end, width + 10) - a, 0.3);
      bar.path.setAttribute("d", `M${a.toFixed(2)} 0h${w.toFixed(2)}v${bar.h}h-${w.toFixed(2)}z`);
      bar.path.classList.toggle("t", w < 2);
      const seen = Math.max(x, 0), room = Math.min(end, width) - seen - 8;
      if (bar.h > 12 && room >= 16 && texts++ < 3000) {
        const name = clip(bar.mark + bar.name, room);
        if (name) bar.path.after(make("text", { class: "n", x: (seen + 4).toFixed(2), y: 12 }, name));
      }
    }
    counters.setAttribute("transform", `scale(${zoom * scale} 1) translate(${-from / scale} 0)`);
    draw_axis();
  };

  let due = false;
  const show = (start, scale) => {
    zoom = Math.min(Math.max(scale, 1), Math.max(1, wall / width / 10));
    from = Math.min(Math.max(start, 0), width - width / zoom);
    if (!due) requestAnimationFrame(() => { due = false; draw(); });
    due = true;
  };
  const around = (x, factor) => {
    const at = from + x / zoom, scale = Math.min(Math.max(zoom * factor, 1), 1e9);
    show(at - x / scale, scale);
  };

  // As wide as the page. On a narrow one, the chart scrolls.
  const frame = chart.querySelector(":scope > path.g"), remarks = chart.querySelectorAll(".r");
  const fit = () => {
    const before = width, whole = Math.max($("c").clientWidth, left + right + 360);
    width = whole - left - right;
    chart.setAttribute("viewBox", `0 0 ${whole} ${height}`);
    chart.setAttribute("width", whole);
    plot.setAttribute("width", width);
    frame.setAttribute("d", `M${left} ${top}h${width}V${height}h${-width}z`);
    for (const remark of remarks) remark.setAttribute("x", left + width + 8);
    show((from * width) / before, zoom);
  };
  addEventListener("resize", fit);

  // Where the pointer is, in points of the plot.
  const pointer = (event) => {
    const box = chart.getBoundingClientRect();
    return ((event.clientX - box.left) * chart.viewBox.baseVal.width) / box.width - left;
  };
  const inside = (event) => {
    const x = pointer(event);
    return x >= 0 && x <= width;
  };

  // A press that moved is no click.
  let drag = null, moved = false;
  const mark = make("rect", { id: "s", y: 0, height: height - top, width: 0 });
  chart.addEventListener("mousedown", (event) => {
    if (event.button !== 0 || !inside(event)) return;
    event.preventDefault();
    drag = { x: pointer(event), from, pan: event.shiftKey };
    moved = false;
  });
  addEventListener("mousemove", (event) => {
    if (!drag) return;
    const x = Math.min(Math.max(pointer(event), 0), width);
    moved ||= Math.abs(x - drag.x) > 3;
    if (drag.pan) return show(drag.from - (x - drag.x) / zoom, zoom);
    mark.setAttribute("x", Math.min(x, drag.x));
    mark.setAttribute("width", Math.abs(x - drag.x));
    plot.append(mark);
  });
  addEventListener("mouseup", (event) => {
    if (!drag) return;
    const { x, pan } = drag, end = Math.min(Math.max(pointer(event), 0), width);
    drag = null;
    mark.remove();
    if (!pan && moved) {
      show(from + Math.min(x, end) / zoom, (zoom * width) / Math.abs(end - x));
    }
  });
  chart.addEventListener("dblclick", () => show(0, 1));
  chart.addEventListener("wheel", (event) => {
    if (!inside(event)) return;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      around(pointer(event), Math.exp(-event.deltaY / 300));
    } else if (zoom > 1 && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      event.preventDefault();
      show(from + (event.deltaX || event.deltaY) / zoom, zoom);
    }
  }, { passive: false });

  $("in").onclick = () => around(width / 2, 2);
  $("out").onclick = () => around(width / 2, 0.5);
  $("all").onclick = () => show(0, 1);
  addEventListener("keydown", (event) => {
    if (event.target === $("q") || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = width / zoom / 5;
    const keys = {
      "+": () => around(width / 2, 2), "=": () => around(width / 2, 2), "-": () => around(width / 2, 0.5),
      "0": () => show(0, 1), ArrowLeft: () => show(from - step, zoom), ArrowRight: () => show(from + step, zoom),
      "/": () => $("q").focus(),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  const of = new Map(bars.map((bar) => [bar.path, bar]));
  const hover = document.createElement("div");
  hover.id = "h";
  let pinned = null;
  const say = (bar, left_of, above) => {
    hover.textContent = bar.says;
    document.body.append(hover);
    const x = Math.min(left_of + 14, innerWidth - hover.offsetWidth - 8);
    const below = above + 18, fits = below + hover.offsetHeight < innerHeight;
    hover.style.left = Math.max(x, 0) + "px";
    hover.style.top = (fits ? below : above - hover.offsetHeight - 8) + "px";
  };
  // A pinned unit stays lit, wherever it is drawn, and what it says stays.
  const pin = (bar) => {
    pinned = bar;
    // A wait is no unit, and nothing but itself.
    const same = (each) => each === bar || (each.unit !== "" && each.unit === bar?.unit);
    for (const each of bars) each.path.classList.toggle("pin", same(each));
    if (bar === null) hover.remove();
  };
  units.addEventListener("mousemove", (event) => {
    const bar = of.get(event.target);
    if (pinned) return;
    if (!bar || drag) return hover.remove();
    say(bar, event.clientX, event.clientY);
  });
  units.addEventListener("mouseleave", () => pinned || hover.remove());
  chart.addEventListener("click", (event) => {
    if (moved) return;
    const bar = of.get(event.target);
    pin(bar && bar !== pinned ? bar : null);
    if (pinned) say(bar, event.clientX, event.clientY);
  });
  addEventListener("keydown", (event) => event.key === "Escape" && pin(null));

  // How long a length of time is, in nanoseconds: as written, since a bar is no finer than the chart.
  const NANOS = { h: 3.6e12, m: 6e10, s: 1e9, ms: 1e6, "µs": 1e3 };
  const nanos = (text) => [...text.matchAll(/([\d.]+)(h|ms|m|s|µs)/g)].reduce((sum, [, n, unit]) => sum + n * NANOS[unit], 0);

  // Each unit once: an evaluation has a bar for each of its stretches.
  const rows = new Map(), steps = [];
  for (const bar of bars) {
    const [kind, took, ...more] = (bar.says.split("\n")[1] ?? "").split(" · ");
    const row = { bar, name: bar.name, kind, took, more: more.join(" · "), start: bar.x, length: nanos(took ?? "") };
    if (bar.is_step) steps.push(row);
    else if (!rows.has(bar.unit)) rows.set(bar.unit, row);
  }
  const COLUMNS = [["name", "name"], ["kind", "kind"], ["started", "start"], ["took", "length"], ["", "more"]];
  const MOST = 200;
  const started = (row) => label((row.start * wall) / drawn, wall / 1000);
  // Shows the largest first, or those of which a column was chosen; `match` tells which.
  const table = (element, all, by, match, sorts) => {
    const [column, down] = by, found = all.filter(match);
    if (column) found.sort((a, b) => (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : 0) * (down ? -1 : 1));
    const cell = (row, name, text) => {
      const cell = document.createElement(name);
      cell.textContent = text;
      row.append(cell);
      return cell;
    };
    const head = document.createElement("tr");
    for (const [title, key] of COLUMNS) {
      const th = cell(head, "th", title + (column === key ? (down ? " ↓" : " ↑") : ""));
      if (!sorts || !title) continue;
      th.tabIndex = 0;
      th.onclick = () => sorts([key, column === key ? !down : key === "length"]);
      th.onkeydown = (event) => event.key === "Enter" && th.onclick();
    }
    const lines = found.slice(0, MOST).map((row) => {
      const line = document.createElement("tr");
      for (const text of [row.bar.mark + row.name, row.kind, started(row), row.took, row.more]) cell(line, "td", text);
      line.tabIndex = 0;
      // A unit is shown with as much before and after it.
      line.onclick = () => {
        const w = Math.max(row.bar.w, drawn / 1e4) * (width / drawn), scale = Math.max(1, width / w / 3);
        show(row.bar.x * (width / drawn) - w, scale);
        pin(row.bar);
        chart.scrollIntoView({ block: "nearest" });
      };
      line.onkeydown = (event) => event.key === "Enter" && line.onclick();
      return line;
    });
    if (found.length > MOST) {
      const line = document.createElement("tr");
      cell(line, "td", `${found.length - MOST} more: search by name`).colSpan = COLUMNS.length;
      lines.push(line);
    }
    element.replaceChildren(head, ...lines);
  };
  let by = ["length", true], text = "";
  const match = (row) => row.name.toLowerCase().includes(text);
  const sort = (next) => {
    by = next;
    table($("all-units"), [...rows.values()], by, match, sort);
  };
  table($("path"), steps, [null, false], () => true, null);
  $("path").parentNode.hidden = steps.length === 0;

  const hint = $("m").textContent;
  $("q").oninput = () => {
    text = $("q").value.toLowerCase();
    chart.classList.toggle("q", text !== "");
    const count = (some) => new Set(some.map((bar) => bar.unit).filter((unit) => unit !== "")).size;
    const matches = bars.filter((bar) => text !== "" && bar.name.toLowerCase().includes(text));
    for (const bar of bars) bar.path.classList.remove("m");
    for (const bar of matches) bar.path.classList.add("m");
    $("m").textContent = text === "" ? hint : `${count(matches)} of ${count(bars)} units`;
    sort(by);
  };

  sort(by);
  fit();
  $("tables").hidden = false;
  $("t").hidden = false;
  $("c").classList.add("on");
})();
