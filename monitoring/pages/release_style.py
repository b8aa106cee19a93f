"""The style of the release page, in addition to what all pages share."""

STYLE = """\
  html { scroll-behavior: smooth; scroll-padding-top: 1rem }
  h2 { margin: 0 0 .25rem; font-size: 1.25rem }
  h3 { margin: 1.5rem 0 .25rem; font-size: 1rem }
  h4 { margin: 1rem 0 .35rem; font-size: .95rem }
  h4 .dim { font-weight: 400 }
  p { margin: .35rem 0 }
  .block { display: block }
  .good { color: var(--good) }
  .bad { color: var(--bad) }
  .verdict { margin: 1rem 0 0; font-size: 1.25rem; font-weight: 600 }
  nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 1.25rem 0 }
  section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.25rem;
             margin: 0 0 1rem }
  .wide { overflow-x: auto }
  table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
  th, td { padding: .35rem 0 .35rem 1rem; border-bottom: 1px solid var(--line); text-align: right; font-weight: 400;
            vertical-align: top }
  td { font-variant-numeric: tabular-nums; white-space: nowrap }
  th:first-child { text-align: left; padding-left: .4rem; min-width: 11rem }
  tr > :last-child { padding-right: .4rem }
  .own { background: var(--own) }
  .best { font-weight: 700 }
  .two { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)) }
  .curves { display: flex; flex-wrap: wrap; gap: 1rem }
  figure { margin: 0; width: min(100%, 21rem) }
  figcaption { font-size: .875rem; color: var(--dim) }
  svg { width: 100%; height: auto; display: block }
  svg text { font: 10px system-ui, sans-serif; fill: var(--dim) }
  .grid { stroke: var(--line) }
  .curve { fill: none; stroke: var(--link); stroke-width: 1.75 }
  .dot { fill: var(--link) }
  .ring { fill: none; stroke: var(--good); stroke-width: 2 }
  details { margin: .5rem 0 }
  summary { cursor: pointer }
  .viewer { border-top: 1px solid var(--line); padding: .6rem 0 0 }
  .viewer summary .block { padding-left: 1.1rem }
  dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .15rem 1rem; font-size: .875rem;
        overflow-wrap: anywhere }
  dt { color: var(--dim) }
  dd { margin: 0 }
  .row { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem;
          grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)) }
  .row li { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .6rem; line-height: 1.3 }
  .row .title { font-weight: 600; font-size: .95rem }
  .row .dim { font-size: .8rem; margin-top: .15rem }
  pre { overflow-x: auto; font-size: .8125rem; margin: .25rem 0 }
"""
