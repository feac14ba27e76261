// Draws the table of collapse.interactive.Explorer: curves that follow sliders, no library, no network.
// render({ model, el }) has the shape of an anywidget view; model.get("spec") is the table.

const CSS = `
.explorer-live { --ground: var(--pst-color-background, #fff); --ink: #1f2328; --quiet: #57606a;
  --grid: #e7eaee; --edge: #8c959f; --accent: #1667c9;
  background: var(--ground); color: var(--ink); font-size: 15px; line-height: 1.4; padding: 4px 0 8px; }
.explorer-live.explorer-dark { --ground: var(--pst-color-background, #14181e); --ink: #e6eaef;
  --quiet: #a9b3be; --grid: #29303a; --edge: #77818d; --accent: #4f97ec; color-scheme: dark; }
/* The book's theme lays a pale ground under every HTML output in dark mode; this figure has its own. */
html[data-theme=dark] .text_html:has(> .explorer-live) { background: none !important; padding: 0 !important; }
.explorer-live > img { display: none; }
.explorer-live .x-head { display: flex; justify-content: space-between; align-items: center; gap: 12px; margin: 0 0 6px; }
.explorer-live .x-title { font-weight: 600; }
.explorer-live .x-plot { position: relative; }
.explorer-live svg { display: block; width: 100%; touch-action: pan-y; }
.explorer-live text { fill: var(--quiet); font-size: 12px; }
.explorer-live .x-axis { fill: var(--ink); font-size: 13px; }
.explorer-live .x-halo { paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }
.explorer-live .x-grid { stroke: var(--grid); }
.explorer-live .x-base { stroke: var(--edge); }
.explorer-live .x-mark { stroke: var(--edge); }
.explorer-live .x-curve { fill: none; stroke: var(--light, var(--quiet)); stroke-width: 2.25; stroke-linejoin: round; }
.explorer-live .x-reference { stroke-width: 1.5; }
.explorer-live .x-dot { fill: var(--light, var(--quiet)); stroke: var(--ground); stroke-width: 1.5; }
.explorer-live .x-name { fill: var(--light, var(--quiet)); font-size: 13px; font-weight: 600; }
.explorer-dark .x-curve { stroke: var(--dark, var(--quiet)); }
.explorer-dark .x-dot, .explorer-dark .x-name { fill: var(--dark, var(--quiet)); }
.explorer-live .x-cursor { position: absolute; inset: 0; pointer-events: none; border-radius: 4px; }
.explorer-live output { display: flex; flex-wrap: wrap; gap: 2px 20px; margin: 6px 0 10px; font-size: 14px;
  font-variant-numeric: tabular-nums; }
.explorer-live .x-at { flex-basis: 100%; color: var(--quiet); }
.explorer-live .x-key { display: inline-flex; align-items: center; gap: 7px; }
.explorer-live .x-key svg { width: 30px; flex: none; }
.explorer-live .x-key b { font-weight: 600; min-width: 4.5em; }
.explorer-live .x-sliders { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(200px, 100%), 1fr));
  align-items: end; gap: 6px 32px; }
.explorer-live .x-label { display: flex; justify-content: space-between; align-items: end; gap: 12px; }
.explorer-live .x-label b { font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.explorer-live .x-row { display: flex; align-items: center; gap: 12px; }
.explorer-live input { flex: 1; min-width: 0; height: 44px; margin: 0; accent-color: var(--accent); cursor: pointer; }
/* The circle is quiet, the target as large as a thumb. */
.explorer-live button { position: relative; width: 44px; height: 44px; flex: none; margin: 0 -7px; padding: 0; border: 0;
  background: none; color: var(--ink); font: 18px/1 system-ui, sans-serif; cursor: pointer; touch-action: manipulation; }
.explorer-live button::before { content: ""; position: absolute; inset: 7px; border: 1px solid var(--edge); border-radius: 50%; }
.explorer-live button:hover::before { border-color: var(--accent); }
.explorer-live .x-play { width: auto; min-width: 96px; margin: 0; padding: 0 14px; font: inherit; font-weight: 600; }
.explorer-live .x-play::before { inset: 4px 0; border-radius: 18px; }
.explorer-live button[aria-disabled=true] { color: var(--edge); cursor: default; }
.explorer-live :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.explorer-live details { margin-top: 8px; font-size: 14px; }
.explorer-live summary { color: var(--quiet); cursor: pointer; padding: 8px 0; width: fit-content; }
.explorer-live .x-scroll { overflow-x: auto; }
.explorer-live table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0; }
.explorer-live th, .explorer-live td { padding: 3px 14px 3px 0; text-align: right; color: var(--ink);
  background: none; border: 0; border-bottom: 1px solid var(--grid); font-weight: 400; }
.explorer-live thead th { font-weight: 600; }
@media (prefers-reduced-motion: no-preference) { .explorer-live .x-curve { transition: d 120ms ease-out; } }
@media print { .explorer-live { background: none; } .explorer-live > * { display: none !important; }
  .explorer-live > img { display: block !important; } }
`;

const SVG = "http://www.w3.org/2000/svg";
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

function make(namespace, tag, attributes = {}, ...children) {
  const node = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
const html = (...parts) => make(null, ...parts);
const svg = (...parts) => make(SVG, ...parts);

// The same words as number_text in interactive.py.
function numberText(value) {
  if (value === null || value === undefined) return "—";
  const size = Math.abs(value);
  if (size && !(size >= 1e-3 && size < 1e5)) return powerText(value);
  return (size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)))).replace("-", "−");
}

function powerText(value) {
  const [mantissa, exponent] = value.toExponential(3).split("e").map(Number);
  const power = "10" + [...String(exponent)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("");
  return mantissa === 1 ? power : `${mantissa}·${power}`.replace("-", "−");
}

// On one axis either all ticks are powers of ten or none is.
function tickTexts(kind, ticks) {
  const powers = kind === "log" && ticks.some((t) => t < 1e-3 || t >= 1e5);
  return ticks.map((t) => (powers && t !== 1 && t !== 10 ? powerText(t) : numberText(t)));
}

// A long name in two lines, broken where they come out most equal.
function inTwoLines(name) {
  const breaks = [...name].flatMap((c, i) => (c === " " ? [i] : []));
  if (!breaks.length) return [name];
  const at = breaks.reduce((a, b) => (Math.abs(b - name.length / 2) < Math.abs(a - name.length / 2) ? b : a));
  return [name.slice(0, at), name.slice(at + 1)];
}

function scaleOf(kind, [low, high], [from, to]) {
  const f = kind === "log" ? Math.log : (v) => v;
  return (v) => from + ((to - from) * (f(v) - f(low))) / (f(high) - f(low));
}

function ticksOf(kind, [low, high], most) {
  if (kind === "log") {
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
    if (last - first >= 1) {
      const stride = Math.ceil((last - first + 1) / most), powers = [];
      for (let p = Math.ceil(first / stride) * stride; p <= last; p += stride) powers.push(10 ** p);
      if (powers.length > 2 || stride > 1) return powers;
    }
    const some = [];
    for (let p = first - 1; p <= last; p++) for (const m of [1, 2, 5]) some.push(Number(`${m}e${p}`));
    const inside = some.filter((v) => v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9));
    if (inside.length > 1) return inside;
  }
  const raw = (high - low) / most, power = 10 ** Math.floor(Math.log10(raw));
  // A little more than wanted rather than far fewer: from -4 to 4 a step of 5 would leave a single tick.
  const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * 0.7);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

function render({ model, el }) {
  const spec = model.get("spec"), { x, y, curves, sliders, marks } = spec, last = x.values.length - 1;
  const stops = sliders.map((s) => s.start);
  let cursor = null; // index into x.values, or null while nothing is read

  // Where the sliders stand in the table: the last one runs fastest.
  const cell = () => stops.reduce((at, stop, k) => at * sliders[k].texts.length + stop, 0);
  const row = (c) => spec.rows[spec.index[c][cell()]];
  const colours = (curve) => (curve.light ? `--light:${curve.light};--dark:${curve.dark}` : "");
  const look = (curve) => ({
    class: curve.reference ? "x-curve x-reference" : "x-curve", style: colours(curve),
    "stroke-dasharray": curve.dash.map((d) => d * (curve.reference ? 1.5 : 2.25)).join(" ") || "none",
  });

  // -- the parts that stay ---------------------------------------------------------------------------
  const drawing = svg("svg", { role: "img", "aria-label": `${spec.title}. ${spec.alt}` });
  const reader = html("div", { class: "x-cursor", role: "slider", tabindex: 0, "aria-label": `Read the curves along ${x.label}`,
    "aria-valuemin": 0, "aria-valuemax": last, "aria-valuenow": 0, "aria-valuetext": "no point chosen" });
  const plot = html("div", { class: "x-plot" }, drawing, reader);
  const at = html("span", { class: "x-at" }), values = curves.map(() => html("b"));
  const keys = curves.map((curve, c) => html("span", { class: "x-key" },
    svg("svg", { viewBox: "0 0 30 10", height: 10, "aria-hidden": "true" }, svg("path", { d: "M0,5H30", ...look(curve) })),
    html("span", {}, curve.name), values[c]));
  const output = html("output", { "aria-live": "polite" }, at, ...keys);
  const table = html("div", { class: "x-scroll", tabindex: 0, role: "group", "aria-label": "Values as a table" });
  const details = html("details", {}, html("summary", {}, "Values as a table"), table);

  const setters = [];
  const controls = sliders.map((slider, k) => {
    const input = html("input", { type: "range", min: 0, max: slider.texts.length - 1, step: 1, "aria-label": slider.label });
    const value = html("b"), most = slider.texts.length - 1;
    const less = html("button", { type: "button", "aria-label": `Decrease ${slider.label}` }, "−");
    const more = html("button", { type: "button", "aria-label": `Increase ${slider.label}` }, "+");
    const set = (stop) => {
      input.value = stops[k] = clamp(stop, 0, most);
      value.textContent = slider.texts[stops[k]];
      input.setAttribute("aria-valuetext", `${slider.label}: ${slider.texts[stops[k]]}`);
      less.setAttribute("aria-disabled", stops[k] === 0);
      more.setAttribute("aria-disabled", stops[k] === most);
    };
    const move = (stop) => { set(stop); follow(); };
    setters.push(move);
    input.addEventListener("input", () => move(Number(input.value)));
    less.addEventListener("click", () => move(stops[k] - 1));
    more.addEventListener("click", () => move(stops[k] + 1));
    set(slider.start);
    return html("div", { role: "group", "aria-label": slider.label },
      html("div", { class: "x-label", "aria-hidden": "true" }, html("span", {}, slider.label), value),
      html("div", { class: "x-row" }, less, input, more));
  });

  // -- the drawing, made anew for each width ---------------------------------------------------------
  let width = 0, px, py, box, paths, names, lines, rule, dots;
  const measure = document.createElement("canvas").getContext("2d");
  const lengthOf = (text, font) => { measure.font = `${font} ${getComputedStyle(el).fontFamily}`; return measure.measureText(text).width; };

  function draw() {
    const height = clamp(0.56 * width, 260, 420);
    const nameLength = (text) => lengthOf(text, "600 13px");
    const texts = curves.map((c) => (nameLength(c.name) > 0.2 * width ? inTwoLines(c.name) : [c.name]));
    const longest = Math.max(...texts.flat().map(nameLength)) + 14;
    const direct = longest <= 0.28 * width; // else only the key below the plot names the curves
    const yTicks = ticksOf(y.scale, y.range, height / 50);
    const yTexts = tickTexts(y.scale, yTicks), left = Math.max(...yTexts.map((t) => lengthOf(t, "12px"))) + 10;
    box = { left, right: width - (direct ? longest : 20), top: marks.some((m) => m.axis === "x") ? 36 : 30, bottom: height - 46 };
    px = scaleOf(x.scale, [x.values[0], x.values[last]], [box.left, box.right]);
    py = scaleOf(y.scale, y.range, [box.bottom, box.top]);
    const xTicks = ticksOf(x.scale, [x.values[0], x.values[last]], (box.right - box.left) / 70);
    const xTexts = tickTexts(x.scale, xTicks);
    const clip = `clip-${Math.random().toString(36).slice(2)}`;

    drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    drawing.setAttribute("height", height);
    lines = marks.map((m) => ({ line: svg("line", { class: "x-mark" }), text: svg("text", { class: "x-halo" }, m.label) }));
    paths = curves.map((c) => svg("path", look(c)));
    names = curves.map((c, i) => svg("text", { class: "x-name x-halo", style: colours(c) },
      ...texts[i].map((t) => svg("tspan", {}, t))));
    rule = svg("line", { class: "x-base", y1: box.top, y2: box.bottom });
    dots = curves.map((c) => svg("circle", { class: "x-dot", r: 4.5, style: colours(c) }));
    drawing.replaceChildren(
      svg("clipPath", { id: clip }, svg("rect", { x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top })),
      ...yTicks.map((t) => svg("line", { class: "x-grid", x1: box.left, x2: box.right, y1: py(t), y2: py(t) })),
      ...yTicks.map((t, i) => svg("text", { x: box.left - 7, y: py(t) + 4, "text-anchor": "end" }, yTexts[i])),
      svg("line", { class: "x-base", x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom }),
      ...xTicks.map((t) => svg("line", { class: "x-base", x1: px(t), x2: px(t), y1: box.bottom, y2: box.bottom + 5 })),
      ...xTicks.map((t, i) => svg("text", { x: px(t), y: box.bottom + 19, "text-anchor": "middle" }, xTexts[i])),
      svg("text", { class: "x-axis", x: 0, y: 14 }, y.label),
      svg("text", { class: "x-axis", x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle" }, x.label),
      ...lines.map((m) => m.line), rule, svg("g", { "clip-path": `url(#${clip})` }, ...paths),
      ...lines.map((m) => m.text), ...dots, ...(direct ? names : []));
    follow();
  }

  // -- what follows the sliders and the cursor -------------------------------------------------------
  function follow() {
    if (width) {
      // Curves are clipped by the frame, never bent along it; the bound only keeps coordinates finite.
      const far = 20 * (box.bottom - box.top), level = (v) => clamp(py(v), box.top - far, box.bottom + far);
      paths.forEach((path, c) => {
        let pen = "M";
        path.setAttribute("d", row(c).map((v, i) => {
          const step = v === null ? "" : `${pen}${px(x.values[i]).toFixed(1)},${level(v).toFixed(1)}`;
          pen = v === null ? "M" : "L";
          return step;
        }).join(""));
      });
      placeNames();
      const taken = [];
      marks.forEach((mark, m) => placeMark(mark, lines[m], taken));
    }
    if (details.open) fillTable();
    read();
  }

  const inside = (v) => v !== null && v >= y.range[0] && v <= y.range[1];

  // Each name beside the last visible point of its curve, pushed apart where they would touch.
  function placeNames() {
    const placed = [];
    names.forEach((name, c) => {
      const end = row(c).findLastIndex(inside);
      name.setAttribute("visibility", end < 0 ? "hidden" : "visible");
      const half = 8 * name.children.length; // half the height of its lines
      if (end >= 0) placed.push({ name, half, x: px(x.values[end]) + 7, y: py(row(c)[end]) });
    });
    placed.sort((a, b) => a.y - b.y);
    let edge = box.top - 6;
    for (const p of placed) { p.y = Math.max(p.y, edge + p.half); edge = p.y + p.half; }
    edge = box.bottom + 6;
    for (const p of placed.reverse()) { p.y = Math.min(p.y, edge - p.half); edge = p.y - p.half; }
    for (const p of placed) [...p.name.children].forEach((line, i) => {
      line.setAttribute("x", p.x);
      line.setAttribute("y", p.y - p.half + 12.5 + 16 * i);
    });
  }

  function placeMark(mark, { line, text }, taken) {
    const where = mark.at.length > 1 ? mark.at[cell()] : mark.at[0];
    const [low, high] = mark.axis === "x" ? [x.values[0], x.values[last]] : y.range;
    const visibility = where === null || where < low || where > high ? "hidden" : "visible";
    const set = (node, attributes) => Object.entries(attributes).forEach(([k, v]) => node.setAttribute(k, v));
    set(line, { visibility });
    set(text, { visibility });
    if (visibility === "hidden") return;
    if (mark.axis === "x") {
      // The words stand above the frame, a row lower where others are in the way.
      const p = px(where), half = lengthOf(mark.label, "12px") / 2 + 4, middle = clamp(p, half, width - half);
      let level = 0;
      while (taken.some((t) => t.level === level && Math.abs(t.middle - middle) < t.half + half)) level++;
      taken.push({ level, middle, half });
      set(line, { x1: p, x2: p, y1: box.top, y2: box.bottom });
      set(text, { x: middle, y: box.top - 5 + 16 * level, "text-anchor": "middle" });
    } else {
      set(line, { x1: box.left, x2: box.right, y1: py(where), y2: py(where) });
      // The words go to the end where the curves leave more room.
      const room = (i) => Math.min(...curves.map((_, c) => Math.abs(py(row(c)[i] ?? Infinity) - py(where) + 9)));
      const atLeft = room(Math.round(0.15 * last)) > room(Math.round(0.85 * last));
      set(text, { x: atLeft ? box.left + 8 : box.right - 8, y: py(where) - 5, "text-anchor": atLeft ? "start" : "end" });
    }
  }

  function read() {
    at.textContent = cursor === null ? "Touch or point at the plot to read values."
      : `${x.label}: ${numberText(x.values[cursor])}`;
    values.forEach((node, c) => { node.textContent = cursor === null ? "" : numberText(row(c)[cursor]); });
    reader.setAttribute("aria-valuenow", cursor ?? 0);
    reader.setAttribute("aria-valuetext", cursor === null ? "no point chosen" : at.textContent);
    if (!width) return;
    rule.setAttribute("visibility", cursor === null ? "hidden" : "visible");
    dots.forEach((dot, c) => dot.setAttribute("visibility", cursor !== null && inside(row(c)[cursor]) ? "visible" : "hidden"));
    if (cursor === null) return;
    const p = px(x.values[cursor]);
    rule.setAttribute("x1", p);
    rule.setAttribute("x2", p);
    dots.forEach((dot, c) => { dot.setAttribute("cx", p); dot.setAttribute("cy", py(row(c)[cursor] ?? y.range[0])); });
  }

  function fillTable() {
    const some = [...new Set(Array.from({ length: 8 }, (_, i) => Math.round((i * last) / 7)))];
    const head = html("tr", {}, ...[x.label, ...curves.map((c) => c.name)].map((t) => html("th", { scope: "col" }, t)));
    const body = some.map((i) => html("tr", {}, html("th", { scope: "row" }, numberText(x.values[i])),
      ...curves.map((_, c) => html("td", {}, numberText(row(c)[i])))));
    table.replaceChildren(html("table", {}, html("thead", {}, head), html("tbody", {}, ...body)));
  }

  // -- pointer, keys, page ---------------------------------------------------------------------------
  function point(event) {
    const p = event.clientX - drawing.getBoundingClientRect().left;
    const distance = x.values.map((v) => Math.abs(px(v) - p));
    cursor = distance.indexOf(Math.min(...distance));
    read();
  }
  drawing.addEventListener("pointerdown", point);
  drawing.addEventListener("pointermove", point);
  drawing.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "mouse" && document.activeElement !== reader) { cursor = null; read(); }
  });
  reader.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.round(last / 10)), from = cursor ?? 0;
    const to = { ArrowLeft: from - 1, ArrowDown: from - 1, ArrowRight: from + 1, ArrowUp: from + 1,
      PageDown: from - page, PageUp: from + page, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    cursor = to === null ? null : clamp(to, 0, last);
    read();
  });
  details.addEventListener("toggle", () => details.open && fillTable());

  // -- the first slider runs by itself ---------------------------------------------------------------
  const final = sliders[0].texts.length - 1, head = html("div", { class: "x-head" }, html("div", { class: "x-title" }, spec.title));
  if (spec.play) {
    const button = html("button", { type: "button", class: "x-play" }), calm = matchMedia("(prefers-reduced-motion: reduce)");
    let timer = null, begun = false; // begun: by itself or by the reader, after which nothing starts unasked
    const run = (on) => {
      clearInterval(timer);
      if (on && stops[0] === final) setters[0](0);
      // Some nine seconds from end to end, at most five steps a second.
      timer = on ? setInterval(() => { setters[0](stops[0] + 1); if (stops[0] === final) run(false); }, clamp(9000 / final, 200, 900)) : null;
      button.textContent = on ? "❚❚ Pause" : "▶\uFE0E Play"; // drawn as text, not as a coloured picture
      button.setAttribute("aria-label", `${on ? "Pause" : "Play"}: ${sliders[0].label}`);
      output.setAttribute("aria-live", on ? "off" : "polite"); // not every step is read aloud
    };
    button.addEventListener("click", () => { begun = true; run(timer === null); });
    // Whoever takes hold of the figure has it to themselves.
    for (const kind of ["focusin", "pointerdown"]) el.addEventListener(kind, (event) => {
      begun = true;
      if (!button.contains(event.target)) run(false);
    });
    calm.addEventListener("change", () => calm.matches && run(false));
    new IntersectionObserver(([entry]) => {
      if (!entry.isIntersecting) run(false);
      else if (!begun && !calm.matches) { begun = true; run(true); }
    }, { threshold: 0.6 }).observe(plot);
    run(false);
    head.append(button);
  }

  // A page that says which theme it shows is believed; elsewhere the colour of its letters tells.
  function colour() {
    const theme = document.documentElement.dataset.theme;
    const [r, g, b] = getComputedStyle(el.parentElement).color.match(/[\d.]+/g).map(Number);
    el.classList.toggle("explorer-dark", theme ? theme === "dark" : 0.3 * r + 0.6 * g + 0.1 * b > 140);
  }
  for (const node of [document.documentElement, document.body])
    new MutationObserver(colour).observe(node, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colour);

  el.classList.add("explorer-live");
  el.append(html("style", {}, CSS), head, plot, output,
    html("div", { class: "x-sliders" }, ...controls), details);
  colour();
  new ResizeObserver(() => {
    if (plot.clientWidth && plot.clientWidth !== width) { width = plot.clientWidth; draw(); }
  }).observe(plot);
  follow();
}

export default { render };
