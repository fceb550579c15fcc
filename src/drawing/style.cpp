#include "src/drawing/style.hpp"

namespace alignment::drawing {

std::string_view picture_style() {
  // The colours of series are those of Okabe and Ito (2008) that stand out from the background; each has its own
  // dashes.
  return R"(text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; fill: #1b1f24; }
.title { font-size: 19px; font-weight: 600; }
.heading { font-size: 15px; font-weight: 600; }
.soft { fill: #4a5058; }
.small { font-size: 10px; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.background { fill: #ffffff; }
.frame { fill: none; stroke: #6b7280; stroke-width: 1; }
.tick { stroke: #6b7280; stroke-width: 1; }
.grid { stroke: #d8dce1; stroke-width: 1; }
.none { fill: #d8dce1; }
.bar { fill: #56697d; }
.cells { image-rendering: optimizeSpeed; image-rendering: pixelated; }
.halo, .trace { fill: none; stroke-linejoin: round; stroke-linecap: round; }
.halo { stroke: #ffffff; stroke-width: 3; }
.trace { stroke: #c4341c; stroke-width: 1.4; }
.casing { stroke: #4a5058; stroke-width: 4; }
.link { stroke-width: 2.4; }
.plain { stroke: #6b7280; stroke-dasharray: 3 3; stroke-width: 1.5; }
.on-dark { fill: #ffffff; }
.on-light { fill: #111111; }
.series { fill: none; stroke-width: 2; stroke-linejoin: round; }
.mark { stroke: none; }
.series-0 { stroke: #0072b2; }
.series-1 { stroke: #d55e00; stroke-dasharray: 7 3; }
.series-2 { stroke: #00805c; stroke-dasharray: 2 3; }
.series-3 { stroke: #b0508a; stroke-dasharray: 10 3 2 3; }
.series-4 { stroke: #1b1f24; stroke-dasharray: 4 2 1 2 1 2; }
.mark-0 { fill: #0072b2; }
.mark-1 { fill: #d55e00; }
.mark-2 { fill: #00805c; }
.mark-3 { fill: #b0508a; }
.mark-4 { fill: #1b1f24; }
@media (prefers-color-scheme: dark) {
text { fill: #eceff3; }
.soft { fill: #b9c0c9; }
.background { fill: #14171b; }
.frame, .tick, .plain { stroke: #8b94a1; }
.grid { stroke: #343a42; }
.none { fill: #3a4049; }
.bar { fill: #93a5b8; }
.casing { stroke: #cfd5dc; }
.on-dark { fill: #ffffff; }
.on-light { fill: #111111; }
.series-0 { stroke: #56b4e9; }
.series-1 { stroke: #f08030; }
.series-2 { stroke: #2fc49a; }
.series-3 { stroke: #e39ac4; }
.series-4 { stroke: #eceff3; }
.mark-0 { fill: #56b4e9; }
.mark-1 { fill: #f08030; }
.mark-2 { fill: #2fc49a; }
.mark-3 { fill: #e39ac4; }
.mark-4 { fill: #eceff3; }
}
)";
}

}  // namespace alignment::drawing
