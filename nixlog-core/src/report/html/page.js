"use strict";
// Zoom, search and hover. All that it reads is in the drawing: where each bar is, and its title.
(() => {
  const $ = (id) => document.getElementById(id);
  const NS = "http://www.w3.org/2000/svg";
  const chart = $("chart"), plot = $("p"), units = $("u"), counters = $("k"), axis = $("a");
  const wall = Number(chart.dataset.wall), width = Number(chart.dataset.plot);
  const left = Number(plot.getAttribute("x")), top = Number(plot.getAttribute("y"));
  const height = chart.viewBox.baseVal.height;
  const bars = [];
  for (const path of units.querySelectorAll("path")) {
    const at = /^M([\d.]+) 0h([\d.]+)v([\d.]+)/.exec(path.getAttribute("d"));
    const title = path.firstElementChild;
    const says = title.textContent;
    title.remove();
    const lane = path.parentNode;
    // One unit may have several bars: stretches, and steps of the critical path. A wait is none.
    const unit = path.dataset.u ?? path;
    bars.push({ path, lane, unit, x: +at[1], w: +at[2], h: at[3], says, name: says.split("\n")[0], mark: path.classList.contains("x") ? "✗ " : "" });
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

  const draw = () => {
    for (const text of units.querySelectorAll("text")) text.remove();
    let texts = 0;
    for (const bar of bars) {
      const x = (bar.x - from) * zoom, end = x + bar.w * zoom;
      const shown = end > 0 && x < width;
      bar.path.style.display = shown ? "" : "none";
      if (!shown) continue;
      // Far outside, some renderers lose precision.
      const a = Math.max(x, -10), w = Math.max(Math.min(end, width + 10) - a, 0.3);
      bar.path.setAttribute("d", `M${a.toFixed(2)} 0h${w.toFixed(2)}v${bar.h}h-${w.toFixed(2)}z`);
      bar.path.classList.toggle("t", w < 2);
      const seen = Math.max(x, 0), room = Math.floor((Math.min(end, width) - seen - 8) / 6);
      if (bar.h > 12 && room >= 3 && texts++ < 3000) {
        const whole = bar.mark + bar.name;
        const name = whole.length > room ? whole.slice(0, room - 1) + "…" : whole;
        bar.path.after(make("text", { class: "n", x: (seen + 4).toFixed(2), y: 12 }, name));
      }
    }
    counters.setAttribute("transform", `scale(${zoom} 1) translate(${-from} 0)`);
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

  // Where the pointer is, in points of the plot.
  const pointer = (event) => {
    const box = chart.getBoundingClientRect();
    return ((event.clientX - box.left) * chart.viewBox.baseVal.width) / box.width - left;
  };
  const inside = (event) => {
    const x = pointer(event);
    return x >= 0 && x <= width;
  };

  let drag = null;
  const mark = make("rect", { id: "s", y: 0, height: height - top, width: 0 });
  chart.addEventListener("mousedown", (event) => {
    if (event.button !== 0 || !inside(event)) return;
    event.preventDefault();
    drag = { x: pointer(event), from, pan: event.shiftKey };
  });
  addEventListener("mousemove", (event) => {
    if (!drag) return;
    const x = Math.min(Math.max(pointer(event), 0), width);
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
    if (!pan && Math.abs(end - x) > 3) {
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

  const hint = $("m").textContent;
  $("q").oninput = () => {
    const text = $("q").value.toLowerCase();
    chart.classList.toggle("q", text !== "");
    const count = (some) => new Set(some.map((bar) => bar.unit).filter((unit) => unit !== "")).size;
    const matches = bars.filter((bar) => text !== "" && bar.name.toLowerCase().includes(text));
    for (const bar of bars) bar.path.classList.remove("m");
    for (const bar of matches) bar.path.classList.add("m");
    $("m").textContent = text === "" ? hint : `${count(matches)} of ${count(bars)} units`;
  };

  const of = new Map(bars.map((bar) => [bar.path, bar]));
  const hover = document.createElement("div");
  hover.id = "h";
  units.addEventListener("mousemove", (event) => {
    const bar = of.get(event.target);
    if (!bar || drag) return hover.remove();
    hover.textContent = bar.says;
    document.body.append(hover);
    const x = Math.min(event.clientX + 14, innerWidth - hover.offsetWidth - 8);
    const below = event.clientY + 18, fits = below + hover.offsetHeight < innerHeight;
    hover.style.left = Math.max(x, 0) + "px";
    hover.style.top = (fits ? below : event.clientY - hover.offsetHeight - 8) + "px";
  });
  units.addEventListener("mouseleave", () => hover.remove());

  $("t").hidden = false;
  $("c").classList.add("on");
})();
