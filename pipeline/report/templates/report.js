"use strict";
// The table of invoices: sorts, filters and searches without asking anybody, and draws only what is seen.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const find = (id) => document.getElementById(id);
  const page = read("page");
  const lines = read("lines");
  const words = page.words;
  // The places in a line, as report/as_html.py writes it.
  const [BILLNUM, CUSTOMER, BILLDATE, OUTCOME, NET, VAT, TOTAL, JOBID, KIND, JOBTYPE, ROWS, CAUSES] = Array(12).keys();

  // ---- texts -------------------------------------------------------------------------------------

  const money = new Intl.NumberFormat(page.locale, { minimumFractionDigits: 2, maximumFractionDigits: 20 });
  const whole = new Intl.NumberFormat(page.locale);
  const collator = new Intl.Collator(page.locale, { numeric: true });
  const fill = (text, names) => text.replace(/\{(\w+)\}/g, (_, name) => names[name]);
  const counted = (count) => count === 1 ? words.count.one : fill(words.count.many, { count: whole.format(count) });

  function day(text) {
    const parts = page.locale === "fi" && /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? "");
    return parts ? `${+parts[3]}.${+parts[2]}.${parts[1]}` : text ?? "";
  }

  const tableOf = (source) => page.sources.length > 1 ? `${page.sources[source]?.[0] ?? ""} ` : "";

  function rows(line) {
    let before = null;
    return line[ROWS].map(([source, first, last]) => {
      const name = source === before ? "" : tableOf(source);
      before = source;
      return `${name}${first}${last > first ? `–${last}` : ""}`;
    }).join(", ").trim();
  }

  // An element with texts and elements in it; texts stay texts, whatever they hold.
  function make(tag, attributes = {}, ...inside) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...inside.filter((each) => each !== null));
    return element;
  }

  const outcome = (line) => {
    const [key, label] = page.outcomes[line[OUTCOME]];
    return make("span", { class: `state ${key}` }, label);
  };
  const codes = (line) => [...new Set(line[CAUSES].map((cause) => page.causes[cause][0]))].join(", ");

  // ---- which invoices, in which order ------------------------------------------------------------

  const columns = [
    { name: "billnum", text: (line) => line[BILLNUM] ?? words.table.nameless, by: (line) => line[BILLNUM] ?? "" },
    { name: "customer", text: (line) => line[CUSTOMER] ?? "", by: (line) => line[CUSTOMER] ?? "" },
    { name: "billdate", text: (line) => day(line[BILLDATE]), by: (line) => line[BILLDATE] ?? "", plain: true },
    { name: "outcome", text: outcome, by: (line) => line[OUTCOME] },
    { name: "total", text: (line) => money.format(line[TOTAL]), by: (line) => Number(line[TOTAL]), number: true },
    { name: "jobid", text: (line) => line[JOBID] ?? "", by: (line) => line[JOBID] ?? "" },
    { name: "findings", text: codes, by: codes },
    { name: "rows", text: rows, by: (_, index) => index },
  ];
  const state = { column: null, falling: false, outcome: "", cause: "", search: "", shown: [] };

  const orders = new Map();
  function order(column) {
    if (!orders.has(column)) {
      const keys = lines.map(column.by);
      let ranks = keys;
      if (typeof keys[0] === "string") {  // each distinct text is compared, not each invoice
        const compare = column.plain ? undefined : collator.compare;
        const sorted = [...new Set(keys)].sort(compare);
        const rank = new Map(sorted.map((key, place) => [key, place]));
        ranks = keys.map((key) => rank.get(key));
      }
      orders.set(column, Uint32Array.from(lines.keys()).sort((a, b) => ranks[a] - ranks[b] || a - b));
    }
    return orders.get(column);
  }

  let searched = null;
  function haystacks() {
    searched ??= lines.map((line) => [
      line[BILLNUM], line[CUSTOMER], line[BILLDATE], day(line[BILLDATE]), line[JOBID], codes(line),
      line[TOTAL], line[TOTAL].replace(".", ","), line[NET], line[NET].replace(".", ","),
    ].join("\n").toLowerCase());
    return searched;
  }

  function choose() {
    const wanted = page.outcomes.findIndex(([key]) => key === state.outcome);
    const cause = Number(state.cause);
    // "1 234,50" and "1,234.50" are found as 1234,50 and 1234.50.
    const query = state.search.toLowerCase().replace(/(?<=\d)[\s\u00a0\u202f](?=\d{3}\b)|(?<=\d),(?=\d{3}\b)/g, "");
    const terms = [...query.matchAll(/"([^"]+)"|\S+/g)].map(([word, phrase]) => phrase ?? word);
    const texts = terms.length ? haystacks() : null;
    const all = state.column ? order(state.column) : lines.keys();
    state.shown = [];
    for (const index of all) {
      const line = lines[index];
      if ((wanted < 0 || line[OUTCOME] === wanted) && (!state.cause || line[CAUSES].includes(cause))
          && terms.every((term) => texts[index].includes(term))) {
        state.shown.push(index);
      }
    }
    if (state.falling) state.shown.reverse();
  }

  // ---- the table: only the rows in sight are in the page -----------------------------------------

  const view = find("window");
  const table = find("table");
  const body = table.tBodies[0];
  const MARGIN = 8;  // rows above and below what is in sight
  const PRINTED = 1000;
  let height = 0;
  let drawn = [0, 0];
  let printing = false;

  function row(place, reachable) {
    const index = state.shown[place];
    const line = lines[index];
    const cells = columns.map((column, number) => {
      const inside = column.text(line, index);
      if (!number) {
        const button = make("button", { type: "button", class: "link", "data-place": place, tabindex: reachable ? 0 : -1 }, inside);
        return make("th", { scope: "row", class: column.name }, button);
      }
      const title = typeof inside === "string" ? inside : inside.textContent;
      return make("td", { class: `${column.name}${column.number ? " number" : ""}`, title }, inside);
    });
    return make("tr", { "aria-rowindex": place + 2, "data-place": place }, ...cells);
  }

  function gap(rows) {
    const cell = make("td");  // no colspan: on a phone some columns are not there
    const element = make("tr", { class: "gap", "aria-hidden": "true" }, cell);
    cell.style.height = `${rows * height}px`;
    return element;
  }

  function draw(anew = true) {
    const total = state.shown.length;
    let [first, end] = [0, Math.min(total, printing ? PRINTED : 30)];
    if (height && !printing) {
      first = Math.max(0, Math.floor(view.scrollTop / height) - MARGIN);
      end = Math.min(total, Math.ceil((view.scrollTop + view.clientHeight) / height) + MARGIN);
    }
    if (!anew && first === drawn[0] && end === drawn[1]) return;
    drawn = [first, end];
    const focused = document.activeElement?.dataset.place;
    // One row can be reached by the tabulator; from there the arrow keys go on.
    const reached = Number(focused ?? Math.min(Math.ceil(height && view.scrollTop / height), total - 1));
    const rows = [];
    for (let place = first; place < end; place++) rows.push(row(place, place === reached));
    if (!printing) rows.unshift(gap(first)), rows.push(gap(total - end));
    if (!total) rows.push(make("tr", {}, make("td", { colspan: columns.length, class: "quiet" }, words.table.nothing)));
    body.replaceChildren(...rows);
    table.setAttribute("aria-rowcount", total + 1);
    // Whoever was on a row stays on it, or on the table when the row has gone out of sight.
    if (focused !== undefined && !focus(focused)) view.focus({ preventScroll: true });
  }

  function focus(place) {
    const button = body.querySelector(`button[data-place="${place}"]`);
    if (!button) return false;
    for (const each of body.querySelectorAll("button")) each.tabIndex = each === button ? 0 : -1;
    button.focus({ preventScroll: true });
    return true;
  }

  function measure() {
    height = body.querySelector("tr[data-place]")?.getBoundingClientRect().height ?? height;
  }

  function go(place) {
    if (!state.shown.length) return;
    const to = Math.max(0, Math.min(state.shown.length - 1, place));
    const head = table.tHead.getBoundingClientRect().height;
    if (to * height < view.scrollTop) view.scrollTop = to * height;
    const below = (to + 1) * height - (view.clientHeight - head);
    if (below > view.scrollTop) view.scrollTop = below;
    draw();
    focus(to);
  }

  // In whole cents as big integers: no sum here is ever a float.
  const cents = lines.map((line) => BigInt(line[TOTAL].replace(".", "")));
  function sumOf(indices) {
    const sum = indices.reduce((before, index) => before + cents[index], 0n);
    const digits = String(sum < 0n ? -sum : sum).padStart(3, "0");
    return money.format(`${sum < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`);
  }

  function refresh() {
    choose();
    view.scrollTop = 0;
    draw();
    const found = fill(words.table.found, { shown: whole.format(state.shown.length), all: counted(lines.length) });
    find("found").textContent = `${found} · ${fill(words.table.sum, { total: sumOf(state.shown) })}`;
    for (const each of document.querySelectorAll("[data-outcome]")) {
      each.setAttribute("aria-pressed", each.dataset.outcome === state.outcome);
    }
  }

  function sortBy(column) {
    state.falling = state.column === column && !state.falling;
    state.column = column;
    for (const cell of table.tHead.rows[0].cells) {
      const mine = cell.dataset.column === column.name;
      cell.setAttribute("aria-sort", mine ? (state.falling ? "descending" : "ascending") : "none");
    }
    refresh();
  }

  // ---- one invoice -------------------------------------------------------------------------------

  const dialog = find("detail");
  let packs = null;
  let unpacked = [-1, null];
  let open = -1;

  async function detail(index) {
    packs ??= read("details");
    const number = Math.floor(index / page.pack);
    if (unpacked[0] !== number) {
      const bytes = Uint8Array.from(atob(packs[number]), (sign) => sign.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      unpacked = [number, await new Response(stream).json()];
    }
    return unpacked[1][index % page.pack];
  }

  // The JSON in lines, digit for digit: parsing and printing it again would change 35.00 to 35.
  function laidOut(json) {
    let depth = 0;
    const line = (text) => `\n${"  ".repeat(depth)}${text}`;
    return json.replace(/("(?:[^"\\]|\\.)*")|([{[])(?=([}\]])?)|([}\]])|(,)|(:)/g, (sign, text, opens, _, closes, comma, colon) => {
      if (text) return text;
      if (opens) return (depth++, opens + line(""));
      if (closes) return (depth--, line(closes));
      return comma ? `,${line("")}` : ": ";
    });
  }

  const heading = (text) => make("h3", {}, text);
  const quiet = (text) => make("p", { class: "quiet" }, text);

  function grid(name, head, rows) {
    const cells = (row, tag) => row.map((cell) => make(tag, tag === "th" ? { scope: "col" } : {}, cell));
    const table = make("table", {}, make("thead", {}, make("tr", {}, ...cells(head, "th"))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row, "td")))));
    return make("div", { class: "scroll", role: "region", "aria-label": name, tabindex: "0" }, table);
  }

  function facts(line) {
    const list = [
      [words.table.customer, line[CUSTOMER]], [words.table.outcome, outcome(line)],
      [words.table.billdate, day(line[BILLDATE])],
      [words.table.net, money.format(line[NET])], [words.table.vat, money.format(line[VAT])],
      [words.table.total, money.format(line[TOTAL])],
      [words.table.jobid, line[JOBID]], [words.detail.kind, [words.kinds[line[KIND]], line[JOBTYPE]].filter(Boolean).join(" · ")],
      [words.detail.where, rows(line)],
    ];
    return make("dl", { class: "facts" }, ...list.filter(([, value]) => value).map(
      ([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
  }

  function findings(list) {
    if (!list.length) return [quiet(words.detail.no_findings)];
    return list.map(([code, severity, message, remedy, , value, file, sheet, row, column, cell]) => {
      const spot = cell ?? (row ? fill(words.causes.unclear, { row }) : null);
      const where = [file, sheet, spot, column && `“${column}”`, value && `= ${value}`].filter(Boolean).join(" · ");
      return make("div", { class: `finding ${severity}` },
        make("p", {}, make("span", { class: "badge" }, words.causes[severity]), " ", message),
        make("p", {}, make("strong", {}, words.causes.do), " ", remedy),
        make("p", { class: "quiet" }, where, " ", make("code", {}, code)));
    });
  }

  // Every row of an invoice gives at most one payrow, in order: with as many of both it is known which is which.
  function places(line, payrows) {
    const all = [];
    for (const [source, first, last] of line[ROWS]) {
      for (let row = first; row <= last; row++) all.push([source, row]);
    }
    return all.length === payrows.length ? all : null;
  }

  function payrows(line, list) {
    const where = places(line, list);
    const tags = [...new Set(list.flatMap(Object.keys))];
    const preferred = ["desc", "count", "itemtype", "amount", "taxpr", "discount"];
    tags.sort((a, b) => (preferred.indexOf(a) + 1 || 99) - (preferred.indexOf(b) + 1 || 99));
    const rows = list.map((payrow, number) => {
      const [source, row] = where?.[number] ?? [];
      const cells = tags.map((tag) => {
        const column = where && page.sources[source]?.[1][`payrow.${tag}`];
        const value = payrow[tag] ?? "";
        return make("span", {}, typeof value === "object" ? JSON.stringify(value) : value,
          column ? make("small", { class: "address" }, `${column[0]}${row}`) : null);
      });
      return [where ? `${tableOf(source)}${row}` : String(number + 1), ...cells];
    });
    const table = grid(words.detail.payrows, [words.table.rows, ...tags], rows);
    return where ? [table] : [table, quiet(words.detail.unplaced)];
  }

  function fields(line, dataset) {
    const sources = [...new Set(line[ROWS].map(([source]) => source))];
    const column = (tag) => {
      const names = tag === "company" || tag === "person" ? [tag, "name"] : [tag];
      for (const source of sources) {
        for (const name of names) {
          const found = page.sources[source]?.[1][name];
          if (found) return `${found[1]} · ${fill(words.detail.column, { column: found[0] })}`;
        }
      }
      return "";
    };
    const rows = Object.entries(dataset).filter(([, value]) => typeof value !== "object")
      .map(([tag, value]) => [make("code", {}, tag), String(value), column(tag)]);
    return grid(words.detail.fields, [words.detail.field, words.detail.value, words.detail.from], rows);
  }

  function answered(answer, batch) {
    const request = page.batches[batch];
    const parts = [];
    if (request) {
      const { name, sent, status, meaning } = request;
      const at = `${day(sent.slice(0, 10))} ${sent.slice(11, 19)} UTC`;
      parts.push(quiet(fill(words.detail.request, { name, sent: at, status: status ? `HTTP ${status}` : words.detail.no_status, meaning: meaning ?? "" })));
    }
    const said = answer ?? request?.answer;
    if (said) parts.push(make("pre", { tabindex: "0" }, typeof said === "string" ? said : JSON.stringify(said, null, 2)));
    return parts.length ? parts : [quiet(words.detail.no_answer)];
  }

  function content(line, sent) {
    const key = page.outcomes[line[OUTCOME]][0];
    const gone = key === "invalid" || key === "not-sent" ? words.detail.no_json : words.detail.purged;
    if (!sent) return [heading(words.detail.sent), quiet(gone)];
    const dataset = JSON.parse(sent);
    const title = { conflict: words.detail.before, "not-sent": words.detail.planned }[key] ?? words.detail.sent;
    const ours = key !== "conflict";  // what was sent before came from other cells
    return [
      ...(ours && dataset.payrow ? [heading(words.detail.payrows), ...payrows(line, dataset.payrow)] : []),
      ...(ours ? [heading(words.detail.fields), fields(line, dataset)] : []),
      heading(title), make("pre", { tabindex: "0" }, laidOut(sent)), quiet(words.detail.privacy),
    ];
  }

  async function show(place) {
    if (place < 0 || place >= state.shown.length) return;
    open = place;
    const index = state.shown[place];
    const line = lines[index];
    find("detail-title").textContent = line[BILLNUM] ?? words.table.nameless;
    find("previous").disabled = place === 0;
    find("next").disabled = place === state.shown.length - 1;
    const inside = find("detail-body");
    inside.replaceChildren(facts(line));
    if (!dialog.open) dialog.showModal();
    try {
      const [sent, answer, batch, found, life] = await detail(index);
      if (open !== place) return;
      if (life) inside.append(heading(words.lives.heading), make("p", {}, life));
      inside.append(heading(words.detail.findings), ...findings(found), heading(words.detail.answer),
        ...answered(answer, batch), ...content(line, sent));
    } catch (error) {
      if (!(error instanceof ReferenceError || error instanceof TypeError)) throw error;
      inside.append(quiet(words.detail.old_browser));
    }
    dialog.scrollTop = 0;
  }

  // ---- beginning ---------------------------------------------------------------------------------

  function begin() {
    for (const column of columns) {
      const button = make("button", { type: "button" }, words.table[column.name]);
      button.addEventListener("click", () => sortBy(column));
      const place = `${column.name}${column.number ? " number" : ""}`;
      table.tHead.rows[0].append(make("th", {
        scope: "col", class: place, "aria-sort": "none", "data-column": column.name, "data-title": words.table[column.name],
      }, button));
    }
    // As wide as the longest outcome there is.
    const ended = [...new Set(lines.map((line) => line[OUTCOME]))];
    const longest = Math.max(0, ...ended.map((each) => page.outcomes[each][1].length));
    table.tHead.querySelector(".outcome").style.setProperty("--longest", longest);
    const causes = page.causes.map(([code, field], number) => [field ? `${code}: ${field}` : code, number]).sort();
    find("cause").append(...causes.map(([name, number]) => make("option", { value: number }, name)));
    for (const each of document.querySelectorAll("[hidden]")) each.hidden = false;

    const form = find("filters");
    const inputs = ["outcome", "cause", "search"].map(find);
    const take = () => (inputs.forEach((input) => { state[input.id] = input.value; }), refresh());
    let pending = 0;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(take));
    form.addEventListener("input", () => { cancelAnimationFrame(pending); pending = requestAnimationFrame(take); });

    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-outcome], [data-cause]");
      if (!button) return;
      form.reset();
      find("outcome").value = button.dataset.outcome ?? "";
      find("cause").value = button.dataset.cause ?? "";
      take();
      find("invoices").scrollIntoView();
      view.focus({ preventScroll: true });
    });

    let waiting = false;
    view.addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => { waiting = false; draw(false); });
    });
    addEventListener("resize", () => { measure(); draw(); });
    body.addEventListener("click", (event) => {
      const place = event.target.closest("tr[data-place]")?.dataset.place;
      if (place !== undefined && !String(getSelection())) show(Number(place));
    });
    view.addEventListener("keydown", (event) => {
      const place = document.activeElement.dataset.place;
      if (place === undefined) return;
      const page = Math.max(1, Math.floor(view.clientHeight / height) - 2);
      const to = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(Number(place) + to);
    });

    find("previous").addEventListener("click", () => show(open - 1));
    find("next").addEventListener("click", () => show(open + 1));
    find("close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => { go(open); open = -1; });

    addEventListener("beforeprint", () => {
      printing = true;
      draw();
      const more = state.shown.length > PRINTED;
      find("printed").textContent = more ? fill(words.table.printed, { shown: whole.format(PRINTED), all: whole.format(state.shown.length) }) : "";
    });
    addEventListener("afterprint", () => { printing = false; draw(); });

    refresh();
    measure();
    draw();
    find("needs-script").remove();
  }

  begin();
})();
