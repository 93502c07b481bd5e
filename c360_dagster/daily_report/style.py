"""The style of the page: one column, light or dark, from 320 pixels on; nothing is fetched."""

# Colour-blind people can tell this blue and orange apart (Okabe and Ito). Nothing is said by colour
# alone: every change has its sign.
STYLE = """
:root {color-scheme: light dark; --ink: #1c2330; --soft: #566070; --line: #d9dee6;
  --ground: #fff; --card: #f5f7fa; --blue: #0072b2; --bar: #9cc7e3; --orange: #b45309}
@media (prefers-color-scheme: dark) {:root {--ink: #e8ebf0; --soft: #a5afbd; --line: #39424f;
  --ground: #12161c; --card: #1b2129; --blue: #56b4e9; --bar: #2b5d7d; --orange: #e69f00}}
* {box-sizing: border-box}
body {margin: 0 auto; padding: 1rem .9rem 3rem; max-width: 60rem; background: var(--ground);
  color: var(--ink); font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: break-word}
h1 {font-size: 1.5rem; line-height: 1.2; margin: .2rem 0}
h2 {font-size: 1.15rem; margin: 2rem 0 .5rem; padding-bottom: .2rem;
  border-bottom: 2px solid var(--line)}
h3 {font-size: .9rem; font-weight: 600; margin: 0; color: var(--soft)}
p, ul {margin: .4rem 0} ul {padding-left: 1.1rem} li {margin: .25rem 0}
.soft, caption, figcaption {color: var(--soft); font-size: .875rem}
.lead {font-size: 1.08rem}
.cards {display: grid; gap: .7rem; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr))}
.card {background: var(--card); border-radius: .5rem; padding: .7rem .8rem}
.card .big {font-size: 1.6rem; font-weight: 650; margin: 0; font-variant-numeric: tabular-nums}
.card ul {list-style: none; padding: 0; margin: .2rem 0 0; font-size: .875rem}
.card li {margin: .1rem 0} .up {color: var(--blue)} .down {color: var(--orange)}
.up, .down, .same {font-weight: 650; white-space: nowrap}
figure {margin: .5rem 0}
.plot {position: relative} .plot svg {display: block; width: 100%; height: 11rem}
.plot .most {position: absolute; top: .1rem; left: .2rem; font-size: .75rem; color: var(--soft);
  background: var(--ground); padding: 0 .2rem; border-radius: .2rem}
.days {display: flex; justify-content: space-between; font-size: .75rem; color: var(--soft)}
.bars {fill: var(--bar)}
.mean, .before, .grid, .ground {fill: none; vector-effect: non-scaling-stroke}
.mean {stroke: var(--blue); stroke-width: 2.5}
.before {stroke: var(--orange); stroke-width: 2; stroke-dasharray: 5 4}
.grid {stroke: var(--line)} .ground {stroke: var(--soft)}
.key {display: inline-block; width: 1.4rem; height: 0; vertical-align: middle;
  margin: 0 .3rem 0 .8rem; border-top: 3px solid var(--blue)}
.key.dashed {border-top: 2px dashed var(--orange)}
.key.bar {border-top: .6rem solid var(--bar); width: .7rem; margin-left: 0}
.wide {overflow-x: auto} .wide:focus-visible {outline: 2px solid var(--blue)}
table {border-collapse: collapse; width: 100%; font-size: .875rem}
caption {text-align: left; padding: .2rem 0}
th, td {text-align: right; padding: .35rem .25rem; white-space: nowrap;
  border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; vertical-align: top}
thead th {vertical-align: bottom; color: var(--soft); font-weight: 600; font-size: .8rem;
  white-space: normal}
tbody th {font-weight: 500}
th:first-child {text-align: left; padding-left: 0; white-space: normal; min-width: 4rem}
td:last-child, thead th:last-child {padding-right: 0}
.new {font-size: .72rem; border: 1px solid var(--blue); color: var(--blue); border-radius: .6rem;
  padding: 0 .35rem; margin-left: .3rem}
footer {margin-top: 2rem; border-top: 2px solid var(--line); padding-top: .6rem}
@media print {body {max-width: none}}
"""
