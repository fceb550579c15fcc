#include "src/report/page.hpp"

#include <fmt/format.h>

#include "src/drawing/style.hpp"
#include "src/report/html.hpp"

namespace alignment::report {
namespace {

constexpr std::string_view kStyle = R"(:root { color-scheme: light dark; }
body { margin: 0; background: #ffffff; color: #1b1f24; font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", Helvetica, Arial, sans-serif; }
main { max-width: 980px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 27px; line-height: 1.25; margin: 8px 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 21px; margin: 44px 0 8px; padding-top: 12px; border-top: 1px solid #c3c9d1; }
h3 { font-size: 17px; margin: 26px 0 6px; overflow-wrap: anywhere; }
p { margin: 8px 0; max-width: 75ch; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; }
.tiles > div { flex: 1 1 128px; background: #f1f3f6; border-radius: 6px; padding: 10px 14px; }
.tiles dt { font-size: 14px; color: #4a5058; }
.tiles dd { margin: 0; font-size: 24px; font-weight: 600; }
.tiles dd.remark { font-size: 13px; font-weight: 400; color: #4a5058; line-height: 1.35; }
.beside { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 16px 24px; align-items: start; }
figure { margin: 12px 0; }
figcaption, caption { font-size: 14px; color: #4a5058; text-align: left; padding: 4px 0; }
svg.picture { display: block; max-width: 100%; height: auto; margin: 10px 0; }
img.cells { display: block; width: 100%; border: 1px solid #6b7280; box-sizing: border-box; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 15px; }
th, td { text-align: left; padding: 3px 14px 3px 0; vertical-align: baseline; border-bottom: 1px solid #e1e5ea; font-weight: 400; }
thead th { font-weight: 600; font-size: 14px; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar-room { display: inline-block; width: 110px; height: 10px; background: #e1e5ea; margin-right: 8px; }
.bar-part { display: block; height: 10px; background: #56697d; }
.bar-room + data { display: inline-block; min-width: 4.5em; }
details { margin: 12px 0; }
summary { cursor: pointer; font-weight: 600; padding: 6px 0; }
pre { font-size: 13px; line-height: 1.4; background: #f1f3f6; padding: 10px 14px; border-radius: 6px; }
@media (prefers-color-scheme: dark) {
body { background: #14171b; color: #eceff3; }
h2 { border-color: #4a525d; }
.tiles > div, pre { background: #22272e; }
.tiles dt, .tiles dd.remark, figcaption, caption { color: #b9c0c9; }
th, td { border-color: #343a42; }
.bar-room { background: #343a42; }
.bar-part { background: #93a5b8; }
}
@media (max-width: 700px) {
main { padding: 12px 14px 40px; }
.beside { grid-template-columns: minmax(0, 1fr); }
h1 { font-size: 23px; }
th, td { padding-right: 10px; }
.bar-room { display: none; }
}
)";

}  // namespace

Page::Page(std::string_view title, std::string_view about_html)
    : head_(fmt::format("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                        "style-src 'unsafe-inline'\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                        "<title>{}</title>\n<style>\n{}{}</style>\n</head>\n",
                        escaped(title), kStyle, drawing::picture_style())),
      body_(fmt::format("<h1>{}</h1>\n{}", escaped(title), paragraph(about_html))) {}

void Page::section(std::string_view heading, std::string_view html) {
  if (html.empty()) return;
  body_ += fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escaped(heading), html);
}

std::string Page::document() const {
  return fmt::format("{}<body>\n<main>\n{}</main>\n</body>\n</html>\n", head_, body_);
}

}  // namespace alignment::report
