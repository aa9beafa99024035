#include "cli/table.h"

#include <algorithm>

#include "base/check.h"
#include "cli/text.h"

namespace framemill::cli {
namespace {

constexpr std::size_t kGap = 2;       // blanks between columns
constexpr std::size_t kLeastCut = 8;  // a column that may be cut keeps at least this

void append_cell(std::string& line, const Terminal& terminal, Align align, const Table::Cell& cell, std::size_t width,
                 bool last) {
  const std::string text = cut_to(cell.text, width, terminal.utf8);
  const std::size_t own = display_width(text);
  const std::string blanks(width > own ? width - own : 0, ' ');
  if (align == Align::Right) line += blanks;
  line += paint(terminal, cell.tone, text);
  if (align == Align::Left && !last) line += blanks;
  if (!last) line += std::string(kGap, ' ');
}

}  // namespace

void Table::add(std::vector<Cell> cells) {
  FM_CHECK(cells.size() == columns_.size(), "a table's row has a cell per column");
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(const Terminal& terminal) const {
  std::vector<std::size_t> widths;
  for (const Column& column : columns_) widths.push_back(display_width(column.heading));
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i].text));
  if (!terminal.interactive) return widths;

  std::size_t line = kGap * (widths.size() - 1);
  for (const std::size_t width : widths) line += width;
  const auto limit = static_cast<std::size_t>(std::max(terminal.width, 20));
  for (std::size_t i = widths.size(); i-- > 0 && line > limit;) {
    if (!columns_[i].may_be_cut || widths[i] <= kLeastCut) continue;
    const std::size_t given = std::min(line - limit, widths[i] - kLeastCut);
    widths[i] -= given;
    line -= given;
  }
  return widths;
}

std::string Table::text(const Terminal& terminal) const {
  const std::vector<std::size_t> width = widths(terminal);
  const std::size_t last = columns_.size() - 1;
  std::string out;
  for (std::size_t i = 0; i <= last; ++i)
    append_cell(out, terminal, columns_[i].align, Cell(columns_[i].heading, Tone::Strong), width[i], i == last);
  out += '\n';
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i <= last; ++i) append_cell(out, terminal, columns_[i].align, row[i], width[i], i == last);
    while (!out.empty() && out.back() == ' ') out.pop_back();
    out += '\n';
  }
  return out;
}

}  // namespace framemill::cli
