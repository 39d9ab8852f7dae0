// The live page of a heap: asks for heap.json now and then, and draws. Loads nothing else, and sends nothing.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  const ROWS = 22;
  const WINDOWS = [1, 2, 5];
  let data = null, census = null, heap = null, paused = false, timer = 0, asking = false, size = { cells: 1024 };
  let censusAt = 0, censusCycle = -1, counting = false;
  const cursor = { map: -1, curve: -1, cycles: -1 };

  // ---- words and numbers ----

  const bytes = (n) => {
    if (n === null || n === undefined) return "–";
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let at = 0;
    while (n >= 1024 && at < 4) { n /= 1024; at += 1; }
    return `${n >= 100 || Number.isInteger(n) ? Math.round(n) : n.toFixed(n >= 10 ? 1 : 2)} ${units[at]}`;
  };
  const count = (n) => Math.round(n).toLocaleString("en-US").replaceAll(",", " ");
  const time = (s) => {
    if (s === null || s === undefined) return "–";
    if (s >= 1) return `${s.toFixed(2)} s`;
    if (s >= 0.001) return `${(s * 1e3).toFixed(s >= 0.01 ? 0 : 2)} ms`;
    return `${(s * 1e6).toFixed(s >= 0.0001 ? 0 : 1)} µs`;
  };
  // For axes: three digits at most, and no zeros behind the point.
  const mark = (s) => {
    const [scale, unit] = s >= 1 ? [1, "s"] : s >= 0.001 ? [1e3, "ms"] : [1e6, "µs"];
    return s === 0 ? "0" : `${Number((s * scale).toPrecision(3))} ${unit}`;
  };
  const some = (n, word) => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
  const share = (part, all) => (all > 0 ? `${(100 * part / all).toFixed(part > 0 && part < all / 100 ? 1 : 0)} %` : "–");
  const times = (x) => `${x < 10 ? x.toFixed(2) : x < 100 ? x.toFixed(1) : count(x)} ×`;
  const ago = (at) => `${Math.max(0, (data.at - at) / 1000).toFixed(1)} s ago`;

  const put = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  const element = (tag, text, cls) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (cls) made.className = cls;
    return made;
  };

  const shape = (tag, attributes) => {
    const made = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  // A table whose cells are changed in place, so that who reads or selects one is not thrown out.
  const fill = (table, caption, head, rows) => {
    if (!table.tHead) {
      table.createCaption();
      const line = table.createTHead().insertRow();
      head.forEach((word) => { const th = element("th", word); th.scope = "col"; line.append(th); });
      table.createTBody();
    }
    put(table.caption, caption);
    const body = table.tBodies[0];
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((row, at) => {
      const line = body.rows[at] || body.insertRow();
      row.forEach((value, column) => {
        const cell = line.cells[column] || line.insertCell();
        if (typeof value === "string") put(cell, value);
        else if (value.wide !== undefined) { cell.className = "wide"; put(cell, value.wide); }
        else value(cell);
      });
    });
  };

  // ---- colours ----

  let palette = {};
  const readPalette = () => {
    const style = getComputedStyle(document.documentElement);
    palette = {};
    for (const name of ["panel", "ink", "soft", "line", "focus", "scan", "noscan", "frames", "idle", "released", "held", "alloc", "in-use",
      "goal", "resident", "low", "high", "hot"]) {
      palette[name] = style.getPropertyValue(`--${name}`).trim();
    }
  };
  const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const blend = (from, to, part) => {
    const [a, b] = [channels(from), channels(to)];
    return `rgb(${a.map((x, at) => Math.round(x + (b[at] - x) * part)).join(" ")})`;
  };
  const hue = (layout) => `hsl(${Math.round((layout * 137.508) % 360)} 58% 52%)`;

  const sheet = (canvas, height) => {
    const ratio = window.devicePixelRatio || 1;
    const wide = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const high = Math.max(1, Math.round(height * ratio));
    if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, canvas.clientWidth, height);
    return pen;
  };

  // ---- the map ----

  const field = {};
  const KINDS = ["scan", "noscan", "frames", "idle", "released"];
  const KIND_WORDS = {
    scan: "spans with references", noscan: "spans without", frames: "frames", idle: "idle, kept", released: "released to the system",
  };
  const grid = () => {
    const width = $("map").clientWidth;
    const pitch = width < 500 ? 10 : 13;
    const columns = Math.max(8, Math.floor(width / pitch));
    return { columns, pitch: width / columns };
  };
  const cellsOf = () => data.map.cells;
  const inSpans = (cell) => cell[field.scan] + cell[field.noscan];

  const colourOf = (cell, by) => {
    const spans = inSpans(cell);
    if (spans === 0) return palette[cell[field.idle] >= cell[field.released] ? "idle" : "released"];
    if (by === "layout") return hue(cell[field.layout] || 0);
    if (by === "lone") return blend(palette.low, palette.hot, cell[field.spans] ? cell[field.lone] / cell[field.spans] : 0);
    const resting = spans - cell[field.held];
    if (resting <= 0) return palette.held;
    const page = data.map.cell_bytes / data.map.cell_pages;
    return blend(palette.low, palette.high, Math.min(1, cell[field.occupied] / (resting * page)));
  };

  const drawMap = () => {
    const canvas = $("map"), cells = cellsOf(), { columns, pitch } = grid(), by = $("colour").value;
    const rows = Math.max(1, Math.ceil(cells.length / columns)), height = Math.ceil(rows * pitch) + 2;
    canvas.style.height = `${height}px`;
    const pen = sheet(canvas, height), inner = pitch - (pitch > 8 ? 2 : 1);
    cells.forEach((cell, at) => {
      const x = (at % columns) * pitch + 1, y = Math.floor(at / columns) * pitch + 1;
      if (by === "kind") {
        const all = KINDS.reduce((sum, kind) => sum + cell[field[kind]], 0) || 1;
        let top = y;
        for (const kind of KINDS) {
          const part = inner * cell[field[kind]] / all;
          if (part > 0) { pen.fillStyle = palette[kind]; pen.fillRect(x, top, inner, part); top += part; }
        }
      } else {
        pen.fillStyle = colourOf(cell, by);
        pen.fillRect(x, y, inner, inner);
      }
    });
    if (cursor.map >= cells.length) cursor.map = cells.length - 1;
    if (cursor.map >= 0) {
      const x = (cursor.map % columns) * pitch, y = Math.floor(cursor.map / columns) * pitch;
      pen.lineWidth = 3; pen.strokeStyle = palette.panel; pen.strokeRect(x + 0.5, y + 0.5, inner + 1, inner + 1);
      pen.lineWidth = 2; pen.strokeStyle = palette.ink; pen.strokeRect(x, y, inner + 2, inner + 2);
    }
    put($("cell-size"), bytes(data.map.cell_bytes));
    put($("map-cell"), cursor.map >= 0 ? describe(cells[cursor.map], cursor.map) : "\u00a0");
  };

  const layoutName = (id) => {
    const found = data.layouts.find((one) => one.id === id);
    if (!found) return "";
    const slot = found.size ? `${found.size} B` : "large";
    const known = census && census.layouts.find((one) => one.id === id);
    return found.name || (known && known.label) || `${slot}${found.noscan ? ", without references" : ""}`;
  };

  const describe = (cell, at) => {
    const all = KINDS.reduce((sum, kind) => sum + cell[field[kind]], 0) || 1, page = data.map.cell_bytes / data.map.cell_pages;
    const parts = KINDS.filter((kind) => cell[field[kind]] > 0).map((kind) => `${share(cell[field[kind]], all)} ${KIND_WORDS[kind]}`);
    const words = [`${bytes(at * data.map.cell_bytes)} from the start: ${parts.join(", ")}`];
    const spans = inSpans(cell), resting = (spans - cell[field.held]) * page;
    if (spans > 0) {
      if (cell[field.spans]) words.push(`${cell[field.spans] === 1 ? "1 span begins" : `${count(cell[field.spans])} spans begin`} here, ${cell[field.lone]} with one object`);
      if (resting > 0) words.push(`${share(Math.min(cell[field.occupied], resting), resting)} of spans at rest is objects`);
      if (cell[field.held]) words.push(`${share(cell[field.held], spans)} in threads’ hands`);
      if (cell[field.layout] !== null) words.push(`mostly ${layoutName(cell[field.layout])}`);
    }
    return `${words.join("; ")}.`;
  };

  const legend = (list, items) => {
    const key = items.map(([cls, word]) => cls + word).join();
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...items.map(([cls, word, dash]) => {
      const line = element("li"), icon = shape("svg", { viewBox: "0 0 10 10", "aria-hidden": "true" });
      if (dash === undefined) icon.append(shape("rect", { width: 10, height: 10, rx: 2, class: cls }));
      else for (let x = 0; x < 10; x += dash[0] + dash[1]) icon.append(shape("rect", { x, y: 3.5, width: Math.min(dash[0], 10 - x), height: 3, class: cls }));
      line.append(icon, word);
      return line;
    }));
  };

  const mapLegend = () => {
    const none = [["s-idle", "idle, kept"], ["s-released", "released to the system"]];
    legend($("map-legend"), {
      kind: KINDS.map((kind) => [`s-${kind}`, KIND_WORDS[kind]]),
      full: [["s-low", "empty spans"], ["s-high", "full spans"], ["s-held", "in threads’ hands"], ...none],
      lone: [["s-low", "no span with one object"], ["s-hot", "all spans with one object"], ...none],
      layout: [["s-bar", "a hue for each layout"], ...none],
    }[$("colour").value]);
  };

  const mapTable = () => {
    const cells = cellsOf(), most = 32, each = Math.max(1, Math.ceil(cells.length / most)), rows = [];
    for (let first = 0; first < cells.length; first += each) {
      const some = cells.slice(first, first + each), sum = (name) => some.reduce((all, cell) => all + cell[field[name]], 0);
      const page = data.map.cell_bytes / data.map.cell_pages;
      rows.push([bytes(first * data.map.cell_bytes), ...KINDS.map((kind) => bytes(sum(kind) * page)), count(sum("spans")), count(sum("lone")),
        bytes(sum("occupied"))]);
    }
    fill($("map-table"), `The address space in ${rows.length} parts`,
      ["from", "with references", "without", "frames", "idle", "released", "spans", "one object", "objects"], rows);
  };

  // ---- charts ----

  const PAD = { left: 62, right: 10, top: 8, bottom: 24 };
  const nice = (most, step) => {
    if (!(most > 0)) return step;
    let top = step === 1024 ? 1024 : 10 ** Math.floor(Math.log10(most));
    if (step === 1024) while (top * 1024 <= most) top *= 1024;
    for (const factor of [1, 1.5, 2, 3, 4, 5, 6, 8, 10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]) {
      if (top * factor >= most) return top * factor;
    }
    return most;
  };

  const axes = (pen, width, height, top, label) => {
    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    pen.lineWidth = 1;
    for (let at = 0; at <= 4; at += 1) {
      const y = height - PAD.bottom - (height - PAD.top - PAD.bottom) * at / 4;
      pen.strokeStyle = palette.line;
      pen.beginPath(); pen.moveTo(PAD.left, Math.round(y) + 0.5); pen.lineTo(width - PAD.right, Math.round(y) + 0.5); pen.stroke();
      pen.fillStyle = palette.soft;
      pen.fillText(label(top * at / 4), PAD.left - 6, y);
    }
    pen.textBaseline = "alphabetic";
    const minutes = span() / 60000, marks = minutes === 1 ? [0, 0.5, 1] : minutes === 2 ? [0, 1, 2] : width < 480 ? [0, 2, 4] : [0, 1, 2, 3, 4, 5];
    for (const at of marks) {
      const x = width - PAD.right - (width - PAD.left - PAD.right) * at / minutes;
      pen.textAlign = at === 0 ? "right" : at === minutes ? "left" : "center";
      pen.fillText(at === 0 ? "now" : at < 1 ? `−${at * 60} s` : `−${at} min`, x, height - 6);
    }
  };
  // As many minutes as there are points for: one, two or five.
  const span = () => {
    const oldest = data.curve.at.length ? data.at - data.curve.at[0] : 0;
    return 60000 * (WINDOWS.find((minutes) => oldest <= minutes * 60000) || 5);
  };
  const xOf = (at, width) => width - PAD.right - (width - PAD.left - PAD.right) * (data.at - at) / span();

  const LINES = [["alloc", "allocated", []], ["in_use", "in use", []], ["goal", "goal", [6, 4]], ["resident", "resident, of the process", [2, 3]]];

  const drawCurve = () => {
    const canvas = $("curve"), height = canvas.clientHeight, width = canvas.clientWidth, pen = sheet(canvas, height), curve = data.curve;
    const top = nice(Math.max(1, ...LINES.flatMap(([name]) => curve[name].map((n) => n || 0))), 1024);
    axes(pen, width, height, top, bytes);
    const yOf = (n) => height - PAD.bottom - (height - PAD.top - PAD.bottom) * n / top;
    pen.save();
    pen.beginPath(); pen.rect(PAD.left, 0, width - PAD.left - PAD.right, height); pen.clip();
    for (const [name, , dash] of LINES) {
      pen.strokeStyle = palette[name.replace("_", "-")];
      pen.lineWidth = 2;
      pen.setLineDash(dash);
      pen.beginPath();
      let open = false;
      curve[name].forEach((n, at) => {
        if (n === null) { open = false; return; }
        const x = xOf(curve.at[at], width), y = yOf(n);
        if (open) pen.lineTo(x, y); else pen.moveTo(x, y);
        open = true;
      });
      pen.stroke();
    }
    pen.restore();
    pen.setLineDash([]);
    const at = cursor.curve;
    if (at >= 0 && at < curve.at.length) {
      const x = xOf(curve.at[at], width);
      pen.strokeStyle = palette.ink; pen.lineWidth = 1;
      pen.beginPath(); pen.moveTo(x, PAD.top); pen.lineTo(x, height - PAD.bottom); pen.stroke();
      put($("curve-read"), `${ago(curve.at[at])}: ${LINES.map(([name, word]) => `${word} ${bytes(curve[name][at])}`).join(", ")}.`);
    } else put($("curve-read"), "\u00a0");
  };

  const cycleWords = (one) => {
    const rounds = one.rounds.map(([name, , slowest]) => `${name} ${time(slowest)}`).join(", ");
    return `Collection ${count(one.number)} (${one.reason}), ${ago(one.ended)}: ${time(one.wall)} in all, marking ${time(one.mark)}; ` +
      `${bytes(one.before)} before, ${bytes(one.live)} live. ` +
      (one.pause > 0 ? `The world stood still for ${time(one.pause)}.` : rounds ? `Waited for the slowest thread: ${rounds}.` : "");
  };

  const shownCycles = () => data.cycles.filter((one) => data.at - one.ended <= span());

  const drawCycles = () => {
    const canvas = $("cycles"), height = canvas.clientHeight, width = canvas.clientWidth, pen = sheet(canvas, height);
    const what = $("what").value, cycles = shownCycles();
    const top = nice(Math.max(...cycles.map((one) => one[what]), 0) || 0.001, 10);
    axes(pen, width, height, top, mark);
    if (cursor.cycles >= cycles.length) cursor.cycles = cycles.length - 1;
    const floor = height - PAD.bottom;
    cycles.forEach((one, at) => {
      const tall = Math.max(1.5, (floor - PAD.top) * one[what] / top), x = xOf(one.ended, width);
      pen.fillStyle = at === cursor.cycles ? palette.ink : palette[one.pause > 0 ? "goal" : "scan"];
      const wide = at === cursor.cycles ? 5 : 3;
      pen.fillRect(Math.max(PAD.left, x - wide / 2), floor - tall, wide, tall);
    });
    if (cycles.length === 0) {
      pen.fillStyle = palette.soft; pen.textAlign = "center";
      pen.fillText("no collection in this time", (width + PAD.left) / 2, height / 2);
    }
    put($("cycle-read"), cursor.cycles >= 0 ? cycleWords(cycles[cursor.cycles]) : cycles.length ? `Last: ${cycleWords(cycles[cycles.length - 1])}` : "\u00a0");
  };

  // ---- figures and tables ----

  const cards = () => {
    const f = data.figures, last = data.cycles[data.cycles.length - 1];
    const items = [
      ["Allocated", bytes(f.alloc), some(f.objects, "object")],
      ["In use", bytes(f.in_use), f.frames ? `${bytes(f.frames)} of it frames` : `${bytes(f.metadata)} of tables beside`],
      ["Goal", f.goal === null ? "none" : bytes(f.goal), "the next collection"],
      ["Resident", bytes(f.resident), "the whole process"],
      ["Released", bytes(f.released), `${bytes(f.idle)} idle and kept`],
      ["Fragmentation", times(f.fragmentation), `at rest ${times(f.at_rest)}`],
      ["Spans with one object", count(f.lone), `of ${count(f.spans)}; ${bytes(f.pinned)} pinned`],
      ["Collections", count(f.cycles), `${(100 * f.cpu).toFixed(2)} % of all processors`],
      ["Longest wait", last ? time(last.slowest) : "–", f.pauses ? `felt: p99.9 ${time(f.pauses.p999)}` : "of the last collection"],
      ["Threads", count(f.mutators), some(f.roots, "root")],
    ];
    const list = $("cards");
    while (list.children.length < items.length) {
      const card = element("div");
      card.append(element("dt"), element("dd"));
      card.lastChild.append(document.createTextNode(""), element("small"));
      list.append(card);
    }
    items.forEach(([name, value, more], at) => {
      const [term, figure] = list.children[at].children;
      put(term, name);
      if (figure.firstChild.nodeValue !== value) figure.firstChild.nodeValue = value;
      put(figure.lastChild, more);
    });
  };

  const tenths = (one) => (cell) => {
    const words = `of ${one.spans - one.held} spans at rest, by tenths full: ${one.tenths.join(", ")}`;
    if (cell.dataset.key === words) return;
    cell.dataset.key = words;
    const chart = shape("svg", { viewBox: "0 0 100 16", role: "img", "aria-label": words, preserveAspectRatio: "none" });
    const most = Math.max(1, ...one.tenths);
    one.tenths.forEach((n, at) => {
      const tall = n > 0 ? Math.max(1.5, 15 * n / most) : 0.5;
      chart.append(shape("rect", { x: at * 10 + 0.5, y: 16 - tall, width: 9, height: tall, class: at === 0 ? "s-hot" : "s-bar" }));
    });
    cell.replaceChildren(chart);
    cell.title = words;
  };

  const classTable = () => fill($("class-table"), `${data.classes.length} classes with spans`,
    ["slot", "spans", "one object", "ratio", "pinned", "tenths full", "objects", "in use"],
    data.classes.map((one) => [one.size ? `${one.size} B` : "large", count(one.spans), count(one.lone),
      one.spans > one.held ? times(one.ratio) : "–", bytes(one.pinned), tenths(one), bytes(one.occupied), bytes(one.in_use)]));

  const meter = (part, all) => (cell) => {
    let bar = cell.firstChild;
    if (!bar) { bar = element("meter"); cell.append(bar); bar.min = 0; bar.max = 1; }
    bar.value = all > 0 ? part / all : 0;
    bar.textContent = share(part, all);
    bar.title = share(part, all);
    bar.setAttribute("aria-label", "share of bytes");
  };

  const typeTable = () => {
    const rows = census.types.slice(0, 30).map(([label, objects, size]) =>
      [{ wide: label }, count(objects), bytes(size), meter(size, census.bytes)]);
    const rest = census.types.length - rows.length;
    fill($("type-table"), `${count(census.objects)} objects, ${bytes(census.bytes)}${rest > 0 ? `; ${count(rest)} smaller types are left out` : ""}`,
      ["type or shape", "objects", "bytes", "share"], rows);
    put($("type-hint"), `As collection ${count(census.cycle)} left them.`);
  };

  const openTables = () => {
    if ($("map-table").closest("details").open) mapTable();
    if ($("curve-table").closest("details").open) {
      const curve = data.curve, rows = [];
      for (let at = curve.at.length - 1; at >= 0 && rows.length < 60; at -= 10) {
        rows.push([ago(curve.at[at]), ...LINES.map(([name]) => bytes(curve[name][at]))]);
      }
      fill($("curve-table"), "Every five seconds, newest first", ["when", ...LINES.map(([, word]) => word)], rows);
    }
    if ($("cycle-table").closest("details").open) {
      fill($("cycle-table"), "Newest first", ["number", "why", "when", "in all", "marking", "longest wait", "before", "live", "goal"],
        shownCycles().reverse().slice(0, 60).map((one) => [count(one.number), one.reason, ago(one.ended), time(one.wall), time(one.mark),
          time(one.slowest), bytes(one.before), bytes(one.live), one.goal === null ? "none" : bytes(one.goal)]));
    }
  };

  const notes = () => {
    const list = $("notes"), recent = data.notes.filter((note) => data.at - note.at < 60000).slice(-5).reverse();
    list.hidden = recent.length === 0;
    const lines = recent.map((note) => `${ago(note.at)}: ${note.text}`);
    if (list.dataset.key !== lines.join()) { list.dataset.key = lines.join(); list.replaceChildren(...lines.map((line) => element("li", line))); }
  };

  const chooser = () => {
    const pick = $("heaps");
    if (pick.dataset.key !== data.heaps.join("\n")) {
      pick.dataset.key = data.heaps.join("\n");
      pick.replaceChildren(...data.heaps.map((name) => { const one = element("option", name); one.value = name; return one; }));
    }
    pick.value = data.heap;
    $("pick").hidden = data.heaps.length < 2;
    put($("name"), data.heap);
    const query = `heap=${encodeURIComponent(data.heap)}`;
    for (const [id, path] of [["to-heap", "heap.json?"], ["to-census", "census.json?"], ["to-inuse", "debug/pprof/heap?"],
      ["to-allocs", "debug/pprof/allocs?"], ["to-folded", "debug/pprof/heap?debug=1&"]]) {
      $(id).href = path + query;
    }
    $("profiles").hidden = !data.has_profiler;
    document.title = `${bytes(data.figures.alloc)}, heap ${data.heap}`;
  };

  const draw = () => {
    if (!data) return;
    chooser(); cards(); notes(); mapLegend(); drawMap();
    legend($("curve-legend"), LINES.map(([name, word, dash]) => [`s-${name.replace("_", "-")}`, word, dash.length ? dash.map((n) => n / 1.5) : [10, 0]]));
    drawCurve(); drawCycles(); classTable(); openTables();
  };

  // ---- asking ----

  const say = (text, bad) => { put($("state"), text); $("state").classList.toggle("bad", Boolean(bad)); };

  const ask = async (path) => {
    const end = new AbortController(), late = setTimeout(() => end.abort(), 8000);
    try {
      const reply = await fetch(path, { signal: end.signal, cache: "no-store" });
      if (!reply.ok) throw Object.assign(new Error(String(reply.status)), { status: reply.status });
      return await reply.json();
    } finally { clearTimeout(late); }
  };

  const named = (path) => (heap === null ? path : `${path}${path.includes("?") ? "&" : "?"}heap=${encodeURIComponent(heap)}`);

  const countTypes = async (wanted) => {
    if (counting || !data) return;
    if (!wanted && (data.figures.cycles === censusCycle || Date.now() - censusAt < 5000)) return;
    counting = true;
    $("count").disabled = true;
    try {
      census = await ask(named("census.json"));
      censusAt = Date.now(); censusCycle = data.figures.cycles;
      typeTable();
      if (wanted) put($("say"), `Counted: ${count(census.objects)} objects.`);
    } catch (error) {
      censusAt = Date.now();
      if (wanted) put($("type-hint"), error.status === 503 ? "A collection is ending: ask again in a moment." : "No answer.");
    } finally { counting = false; $("count").disabled = false; }
  };

  const tick = async () => {
    clearTimeout(timer);
    if (!paused && !document.hidden && !asking) {
      asking = true;
      try {
        const { columns } = grid();
        size = { cells: columns * ROWS };
        const next = await ask(named(`heap.json?cells=${size.cells}`));
        next.map.fields.forEach((name, at) => { field[name] = at; });
        data = next;
        draw();
        if (!paused) say("live");
        countTypes(false);
      } catch (error) {
        if (error.status === 410) say("the heap is gone", true);
        else if (error.status === 404) { heap = null; say("no such heap", true); }
        else if (error.status === 503) say("busy");
        else say("no answer: is the program still running?", true);
      } finally { asking = false; }
    }
    timer = setTimeout(tick, Number($("every").value));
  };

  // ---- hands ----

  const speak = (id, byKeyboard) => $(id).setAttribute("aria-live", byKeyboard ? "polite" : "off");

  const steer = (id, reading, name, length, columns, redraw) => {
    const canvas = $(id);
    canvas.addEventListener("keydown", (event) => {
      if (!data || event.ctrlKey || event.altKey || event.metaKey) return;
      const last = length() - 1, wide = columns();
      const moves = {
        ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide, PageUp: -wide * 5, PageDown: wide * 5, Home: -Infinity, End: Infinity,
      };
      if (event.key === "Escape") cursor[name] = -1;
      else if (!(event.key in moves) || last < 0) return;
      else {
        const from = cursor[name] < 0 ? (name === "map" ? 0 : last) : cursor[name];
        cursor[name] = cursor[name] < 0 && Math.abs(moves[event.key]) === 1 ? from : Math.max(0, Math.min(last, from + moves[event.key]));
      }
      event.preventDefault();
      speak(reading, true);
      redraw();
    });
    canvas.addEventListener("blur", () => { speak(reading, false); });
  };

  const point = (id, reading, name, find, redraw) => {
    const canvas = $(id);
    const move = (event) => {
      if (!data) return;
      const box = canvas.getBoundingClientRect(), found = find(event.clientX - box.left, event.clientY - box.top);
      if (found === cursor[name]) return;
      speak(reading, false);
      cursor[name] = found;
      redraw();
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerdown", move);
    canvas.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse" && document.activeElement !== canvas && data) { cursor[name] = -1; redraw(); }
    });
  };

  const nearest = (list, at) => list.reduce((best, one, index) => (best < 0 || Math.abs(one - at) < Math.abs(list[best] - at) ? index : best), -1);

  steer("map", "map-cell", "map", () => cellsOf().length, () => grid().columns, drawMap);
  steer("curve", "curve-read", "curve", () => data.curve.at.length, () => 10, drawCurve);
  steer("cycles", "cycle-read", "cycles", () => shownCycles().length, () => 10, drawCycles);
  point("map", "map-cell", "map", (x, y) => {
    const { columns, pitch } = grid(), column = Math.floor(x / pitch), at = Math.floor(y / pitch) * columns + column;
    return column >= 0 && column < columns && at >= 0 && at < cellsOf().length ? at : -1;
  }, drawMap);
  point("curve", "curve-read", "curve", (x) => nearest(data.curve.at.map((at) => xOf(at, $("curve").clientWidth)), x), drawCurve);
  point("cycles", "cycle-read", "cycles", (x) => nearest(shownCycles().map((one) => xOf(one.ended, $("cycles").clientWidth)), x), drawCycles);

  const stored = (name, value) => {
    // Private windows may refuse.
    try { if (value === undefined) return localStorage.getItem(name); localStorage.setItem(name, value); } catch { /* not kept */ }
    return null;
  };
  const THEMES = ["system", "light", "dark"];
  let theme = THEMES.includes(stored("heap-theme")) ? stored("heap-theme") : "system";
  const dress = () => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    put($("theme"), `Theme: ${theme}`);
    readPalette();
    draw();
  };
  $("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    stored("heap-theme", theme);
    dress();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
  $("pause").addEventListener("click", () => {
    paused = !paused;
    $("pause").setAttribute("aria-pressed", String(paused));
    say(paused ? "paused" : "live");
    if (!paused) tick();
  });
  $("every").addEventListener("change", tick);
  $("colour").addEventListener("change", () => { if (data) { mapLegend(); drawMap(); } });
  $("what").addEventListener("change", () => { if (data) drawCycles(); });
  $("count").addEventListener("click", () => countTypes(true));
  $("heaps").addEventListener("change", () => {
    heap = $("heaps").value; census = null; censusCycle = -1; censusAt = 0;
    cursor.map = cursor.curve = cursor.cycles = -1;
    tick();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
  document.querySelectorAll("details").forEach((one) => one.addEventListener("toggle", () => { if (data) openTables(); }));
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(document.querySelector("main"));

  dress();
  tick();
})();
