"""How a review looks: as a page, in light and dark, on paper and on a phone, and in a notebook of any colours."""

_PAGE = """
:root {
  --ground: #f4f5f7; --card: #fff; --ink: #1c2330; --soft: #5c6675; --edge: #dde1e7; --accent: #2f5fd0;
  --good: #17723f; --good-bg: #e0f4e7; --warn: #8a5300; --warn-bg: #fdf0d5; --bad: #b3261e; --bad-bg: #fce4e2;
  --plain-bg: #e9ecf1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161d; --card: #1b212b; --ink: #e6e9ef; --soft: #a0a9b8; --edge: #303947; --accent: #8fb0ff;
    --good: #79d89c; --good-bg: #16382a; --warn: #f2c063; --warn-bg: #3d2f12; --bad: #ff9a92; --bad-bg: #46201f;
    --plain-bg: #2a323f;
  }
}
body {
  margin: 0; background: var(--ground); color: var(--ink); overflow-wrap: anywhere;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 28px 20px 64px; }
@media (max-width: 700px) { main { padding: 18px 12px 40px; } }
"""

PARTS = """
* { box-sizing: border-box; }
.kicker { margin: 0; color: var(--accent); font-size: 12px; font-weight: 600; letter-spacing: .08em;
  text-transform: uppercase; }
h1 { margin: 2px 0 4px; font-size: 28px; line-height: 1.2; }
h1 .badge { vertical-align: middle; }
header p:last-child, .workload { margin: 0; color: var(--soft); }
h2 { margin: 36px 0 12px; font-size: 18px; }
h2 .note { font-weight: 400; }
h3 { margin: 0 0 8px; font-size: 16px; font-weight: 400; }
h4 { margin: 12px 0 4px; font-size: 14px; }
p { margin: 0 0 8px; }
ul { margin: 4px 0 8px; padding-left: 20px; }
code { font: 12.5px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.note { color: var(--soft); font-size: 13px; }
.title { unicode-bidi: isolate; }
.why { display: block; color: var(--soft); font-size: 13px; }
.label { display: none; color: var(--soft); font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(96px, 1fr)); gap: 10px; margin: 20px 0 10px; }
.tiles.metrics { grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); }
.tile { display: flex; flex-direction: column; padding: 10px 12px; background: var(--card);
  font-size: 14px; overflow-wrap: normal; border: 1px solid var(--edge); border-top: 3px solid var(--edge);
  border-radius: 8px; }
.tile .value { font-size: 24px; font-weight: 650; line-height: 1.25; }
.tile.good { border-top-color: var(--good); } .tile.good .value { color: var(--good); }
.tile.warn { border-top-color: var(--warn); } .tile.warn .value { color: var(--warn); }
.tile.bad { border-top-color: var(--bad); } .tile.bad .value { color: var(--bad); }
.steps { margin: 0; padding: 14px 20px 14px 40px; background: var(--card); border: 1px solid var(--edge);
  border-radius: 8px; }
.steps li { padding: 3px 0; }
.command { padding: 2px 7px; background: var(--plain-bg); border-radius: 5px; user-select: all; }
.badge { display: inline-block; margin: 0 4px 3px 0; padding: 1px 9px; border-radius: 999px;
  background: var(--plain-bg); font-size: 12px; font-weight: 600; line-height: 1.6; max-width: 100%; }
.badge.good { color: var(--good); background: var(--good-bg); }
.badge.warn { color: var(--warn); background: var(--warn-bg); }
.badge.bad { color: var(--bad); background: var(--bad-bg); }
.badge.flag { background: none; border: 1px solid var(--warn); color: var(--warn); font-weight: 500; }
.queue { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card);
  border: 1px solid var(--edge); border-radius: 8px; }
.queue th { padding: 10px 12px 6px; color: var(--soft); font-size: 12px; font-weight: 600; text-align: left;
  white-space: nowrap; }
.queue td { padding: 10px 12px 0; vertical-align: top; }
.queue .item > tr:first-child > td { border-top: 1px solid var(--edge); }
.queue .number { width: 36px; color: var(--soft); text-align: right; padding-right: 0; }
.queue .what { width: 44%; }
.queue .score { width: 92px; }
.queue .size { white-space: nowrap; }
.queue .size .note { display: block; }
.queue .more td { padding: 2px 12px 10px; }
.points { font-weight: 650; }
.bar { position: relative; display: block; height: 6px; margin-top: 4px; background: var(--plain-bg);
  border-radius: 3px; }
.bar i { display: block; height: 6px; border-radius: 3px; background: var(--good); }
.bar.bad i { background: var(--bad); }
.bar::after { content: ""; position: absolute; left: var(--pass); top: -2px; width: 2px; height: 10px;
  background: var(--soft); }
summary { color: var(--accent); font-size: 13px; cursor: pointer; }
details[open] summary { margin-bottom: 6px; }
.gates { list-style: none; padding: 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; margin: 8px 0; font-size: 13px; }
dt { color: var(--soft); } dd { margin: 0; }
.escalation, .entry { margin-bottom: 10px; padding: 14px 16px; background: var(--card); border: 1px solid var(--edge);
  border-left: 4px solid var(--edge); border-radius: 8px; }
.escalation, .entry.warn { border-left-color: var(--warn); }
.entry.bad { border-left-color: var(--bad); }
.entry.good { border-left-color: var(--good); }
.entry { padding: 9px 16px; }
.signs { list-style: none; padding: 0; }
.sign { display: inline-block; width: 1.2em; font-weight: 700; }
.sign.good { color: var(--good); } .sign.warn { color: var(--warn); } .sign.bad { color: var(--bad); }
.entry ul { margin-bottom: 0; }
.blocks { color: var(--warn); } .answer { color: var(--good); font-weight: 600; }
.options { display: grid; grid-template-columns: repeat(auto-fit, minmax(230px, 1fr)); gap: 10px; margin: 10px 0; }
.option { padding: 4px 14px 10px; border: 1px solid var(--edge); border-radius: 8px; }
.option.advised { border-color: var(--good); }
.option h4 { margin: 8px 0 4px; }
.option ul { list-style: none; padding: 0; font-size: 14px; }
.pro::before { content: "+\\00a0"; color: var(--good); font-weight: 700; }
.con::before { content: "\\2212\\00a0"; color: var(--bad); font-weight: 700; }
.graph { overflow-x: auto; padding: 4px 0; }
.graph svg { display: block; max-width: none; font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.graph text { fill: currentColor; stroke: none; }
.graph .id { font-weight: 650; }
.graph rect { fill: var(--plain-bg); stroke: var(--edge); stroke-width: 1.5; }
.graph .good rect { fill: var(--good-bg); stroke: var(--good); }
.graph .warn rect { fill: var(--warn-bg); stroke: var(--warn); }
.graph .bad rect { fill: var(--bad-bg); stroke: var(--bad); }
.graph path { fill: none; stroke: var(--soft); stroke-width: 1.4; }
.graph polygon { fill: var(--soft); }
@media (max-width: 700px) {
  .tiles { grid-template-columns: repeat(auto-fill, minmax(98px, 1fr)); }
  .tiles.metrics { grid-template-columns: 1fr 1fr; }
  .queue, .queue tbody, .queue tr, .queue td { display: block; width: auto; }
  .queue thead, .queue td.number, .more td:first-child { display: none; }
  .queue .item > tr:first-child > td { border-top: 0; }
  .queue .item + .item { border-top: 1px solid var(--edge); }
  .queue .item > tr:first-child { display: flex; flex-wrap: wrap; align-items: center; gap: 4px 10px;
    padding: 12px 14px 0; }
  .queue td, .queue .what { width: auto; padding: 0; }
  .queue .what { flex: 0 0 100%; }
  .queue .score { flex: 0 0 84px; width: auto; }
  .queue .size { flex: 0 0 100%; }
  .queue .size .note { display: inline; }
  .queue .more td { padding: 3px 14px 12px; }
  .label { display: inline; }
  .steps { padding: 10px 14px 10px 32px; }
  .command { display: inline-block; }
}
"""

_PAPER = """
@media print {
  body { background: #fff; font-size: 11px; }
  main { max-width: none; padding: 0; }
  .item, .escalation, .entry, .tile { break-inside: avoid; }
  details::details-content { content-visibility: visible; display: block; }
}
"""

NOTEBOOK = """
h1 { margin: 2px 0 4px; font-size: 20px; }
h2 { margin: 20px 0 8px; font-size: 15px; }
.tile { padding: 6px 10px; }
.tile .value { font-size: 19px; }
"""

STYLE = _PAGE + PARTS + _PAPER
