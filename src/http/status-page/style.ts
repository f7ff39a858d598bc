export const style = `
:root{color-scheme:light dark;--ink:#1a1c1f;--dim:#565b63;--paper:#fff;--line:#d9dce1;--pass:#116329;--warn:#7d4e00;--fail:#b3141d;--other:#5b3cc4}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--dim:#a3a9b3;--paper:#131518;--line:#33373e;--pass:#57d17f;--warn:#f0b64b;--fail:#ff7b7b;--other:#b8a4ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:70rem;padding:1rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.25rem;font-weight:600;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}
#state{font-size:1.25rem;margin:1rem 0}#live,small,time{color:var(--dim)}small{font-size:.85em;font-weight:400}
.badge,time{white-space:nowrap}.badge{border:1px solid;border-radius:.4rem;padding:.05rem .5rem;color:var(--other)}
.badge.pass{color:var(--pass)}.badge.warn{color:var(--warn)}.badge.fail{color:var(--fail)}
.group{display:inline-block;margin:0 .75rem .5rem 0}
ul{padding-left:1.25rem}li,td,dd,th[scope=row]{overflow-wrap:anywhere}th[scope=row]{min-width:6rem}
.chain{display:flex;flex-wrap:wrap;gap:.5rem;list-style:none;padding:0}
.chain li{border:1px solid var(--line);border-radius:.4rem;padding:.25rem .6rem}
.chain li+li::before{content:"→ ";color:var(--dim)}.chain .root{border-color:var(--fail)}.root strong{color:var(--fail)}
table{width:100%;border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--line)}
th time{font-weight:400}thead th{color:var(--dim);font-weight:400}
time[data-ago]::after{content:" (" attr(data-ago) " ago)"}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:0 2rem;margin:0}
dl div{display:flex;justify-content:space-between;border-bottom:1px solid var(--line);padding:.2rem 0}dd{margin:0;font-variant-numeric:tabular-nums}
body.lost #live{color:var(--fail);font-weight:600}
@media (max-width:40rem){thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--line)}time{white-space:normal}th,td{display:block;border:0;padding:.1rem 0}
td[data-label]::before{content:attr(data-label) ": ";color:var(--dim)}}
`;
