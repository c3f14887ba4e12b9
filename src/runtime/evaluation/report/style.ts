/** The report's style sheet: no font or picture from elsewhere; light and dark; fit for print. */
export const STYLE = `
:root{--ink:#17202e;--soft:#566174;--line:#d9dfe8;--page:#f5f7fa;--card:#fff;--accent:#1d5fd1;--strong:#c2620a;--good:#127a4b;--good-bg:#e4f5ec;--warn:#94600a;--warn-bg:#fdf2dc;--bad:#b3261e;--bad-bg:#fce8e6;
--c0:#4c78a8;--c1:#b0752f;--c2:#54a24b;--c3:#b279a2;--c4:#3aa6a0;--c5:#e45756;--c6:#8c6bb1;--c7:#7f7f7f}
@media (prefers-color-scheme:dark){:root{--ink:#e7ecf3;--soft:#9fabbd;--line:#303a4a;--page:#11161e;--card:#1a212c;--accent:#7fb0ff;--strong:#f0a35c;--good:#6fd3a1;--good-bg:#16352a;--warn:#f0c274;--warn-bg:#3a2e14;--bad:#ff9b92;--bad-bg:#431d1a;--c1:#e0b070}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:1040px;margin:0 auto;padding:32px 20px 64px}
header h1{margin:0;font-size:1.7rem;letter-spacing:-.01em}
header p{margin:.25rem 0 0;color:var(--soft)}
h2{margin:0 0 .35rem;font-size:1.2rem}
h3{margin:1.1rem 0 .3rem;font-size:1rem}
p{margin:.35rem 0}
.lead{color:var(--soft);max-width:70ch}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:22px 24px;margin-top:18px}
.verdict{border-left:8px solid var(--warn);background:var(--warn-bg)}
.verdict.beats_controls{border-color:var(--good);background:var(--good-bg)}
.verdict.below_controls,.verdict.undefined{border-color:var(--bad);background:var(--bad-bg)}
.verdict .answer{font-size:1.25rem;font-weight:650;margin:0 0 .4rem}
.verdict .sentence{font-size:1.02rem;max-width:75ch}
.notice{font-size:.9rem;color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:14px 0 0}
.tile{border:1px solid var(--line);border-radius:10px;padding:10px 14px;background:var(--card)}
.tile b{display:block;font-size:1.5rem;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:.85rem}
.two{display:grid;grid-template-columns:minmax(0,auto) minmax(0,1fr);gap:28px;align-items:start}
@media (max-width:820px){.two{grid-template-columns:minmax(0,1fr)}}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.92rem}
caption{caption-side:bottom;text-align:left;color:var(--soft);font-size:.85rem;padding-top:6px}
th,td{padding:6px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
thead th{vertical-align:bottom;white-space:normal}
th:first-child,td:first-child{text-align:left}
td.text,th.text{text-align:left;white-space:normal}
thead th{color:var(--soft);font-weight:600;font-size:.85rem}
.scroll{overflow-x:auto}
.confusion{width:auto}
.confusion .cell{text-align:center;min-width:76px;height:54px;padding:4px 6px;border:2px solid var(--card);border-radius:6px}
.confusion .cell small{display:block;font-size:.75rem}
.confusion .right{background:color-mix(in srgb,var(--accent) calc(var(--share)*45%),var(--page))}
.confusion .wrong{background:color-mix(in srgb,var(--strong) calc(var(--share)*45%),var(--page))}
.confusion thead th{text-align:center}
.chart{width:100%;min-width:560px;height:auto;display:block;max-width:820px}
.chart.square{width:340px;min-width:0;max-width:100%}
.chart text{font-size:13px;fill:var(--ink)}
.chart .tick,.chart .range{font-size:11.5px;fill:var(--soft)}
.chart .label.model,.chart .value.model{font-weight:700}
.chart .label.strong{font-weight:650;fill:var(--strong)}
.chart .grid{stroke:var(--line);stroke-width:1}
.chart .chance{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}
.chart .whisker{stroke:var(--soft);stroke-width:2.5;stroke-linecap:round}
.chart .whisker.model{stroke:var(--accent);stroke-width:4}
.chart .whisker.strong{stroke:var(--strong)}
.chart .dot{fill:var(--soft)}.chart .dot.model{fill:var(--accent)}.chart .dot.strong{fill:var(--strong)}
.chart .line{fill:none;stroke-width:1.8;stroke:var(--soft)}
.chart .line.main{stroke:var(--accent);stroke-width:3}.chart .point.main{fill:var(--accent)}
${[0, 1, 2, 3, 4, 5, 6, 7].map((at) => `.chart .line.c${at}{stroke:var(--c${at})}.chart .point.c${at}{fill:var(--c${at})}`).join('\n')}
.key i{display:inline-block;width:18px;height:3px;border-radius:2px;vertical-align:middle;margin:0 6px 0 0}
.key span{margin-right:18px}
.cases{display:grid;grid-template-columns:repeat(auto-fill,minmax(290px,1fr));gap:16px;margin-top:12px}
figure{margin:0;border:1px solid var(--line);border-radius:10px;overflow:hidden;background:var(--card)}
figure img{display:block;width:100%;background:#000}
figcaption{padding:8px 12px;font-size:.88rem}
figcaption b{font-weight:650}
code,.mono{font-family:ui-monospace,"SFMono-Regular",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86rem;word-break:break-all}
pre{overflow-x:auto;background:var(--page);border:1px solid var(--line);border-radius:8px;padding:12px;font-size:.82rem;line-height:1.45}
details summary{cursor:pointer;color:var(--accent);margin-top:8px}
ul{margin:.3rem 0;padding-left:1.2rem}
@media print{body{background:#fff}section{break-inside:avoid;border-color:#bbb}details{display:block}}
`;
