#include "training/score/curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

#include "base/file.h"
#include "training/score/drawing.h"

namespace framemill::score {
namespace {

constexpr int kWidth = 720, kHeight = 320;
constexpr int kLeft = 52, kRight = 16, kTop = 14, kBottom = 40;  // margins, with room for labels
constexpr int kLetters = 12;
constexpr Ink kPaper{1, 1, 1}, kGrid{0.85f, 0.85f, 0.85f}, kText{0.25f, 0.25f, 0.25f}, kCurve{0.12f, 0.35f, 0.70f};
constexpr std::uint64_t kCsvBytesMax = 64 << 20;

// A step between labels such that there are four to eight of them: 1, 2 or 5 times a power of ten.
double label_distance(double last) {
  const double power = std::pow(10.0, std::floor(std::log10(last / 4)));
  for (double times : {5.0, 2.0}) {
    if (last / (times * power) >= 4) return times * power;
  }
  return power;
}

}  // namespace

std::vector<CurvePoint> curve_points(std::string_view csv) {
  std::map<double, double> rows;
  std::size_t loss_column = 2;
  for (std::size_t begin = 0; begin < csv.size();) {
    const std::size_t end = std::min(csv.find('\n', begin), csv.size());
    std::vector<std::string> cells(1);
    for (char c : csv.substr(begin, end - begin)) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    begin = end + 1;
    if (const auto named = std::find(cells.begin(), cells.end(), "loss"); named != cells.end())
      loss_column = static_cast<std::size_t>(named - cells.begin());
    if (cells.size() <= loss_column) continue;
    const double step = std::strtod(cells[0].c_str(), nullptr), loss = std::strtod(cells[loss_column].c_str(), nullptr);
    if (step > 0 && loss > 0 && std::isfinite(loss)) rows[step] = loss;
  }
  std::vector<CurvePoint> points;
  for (const auto& [step, loss] : rows) points.push_back({step, loss});
  return points;
}

base::Status draw_curve(const std::filesystem::path& csv, const std::filesystem::path& png) {
  FM_ASSIGN(const std::string text, base::read_file(csv, kCsvBytesMax));
  const std::vector<CurvePoint> points = curve_points(text);
  if (points.size() < 2) return base::Error{"score.curve", csv.string() + " holds fewer than two rows", "", ""};
  double low = points.front().loss, high = low;
  for (const CurvePoint& point : points) {
    low = std::min(low, point.loss);
    high = std::max(high, point.loss);
  }
  const double bottom = std::floor(std::log2(low)), top = std::max(bottom + 1, std::ceil(std::log2(high)));
  const auto x_of = [&](double step) {
    return kLeft + static_cast<int>(step / points.back().step * (kWidth - kLeft - kRight - 1));
  };
  const auto y_of = [&](double loss) {
    return kHeight - kBottom - 1 -
           static_cast<int>((std::log2(loss) - bottom) / (top - bottom) * (kHeight - kTop - kBottom - 1));
  };
  Drawing drawing(kWidth, kHeight, kPaper);
  for (double line = bottom; line <= top; line += 1) {
    const int y = y_of(std::exp2(line));
    drawing.line(kLeft, y, kWidth - kRight, y, kGrid);
    FM_TRY(drawing.text(8, y + kLetters / 3, kLetters, kText, fmt::format("{:.3g}", std::exp2(line)), kLeft - 12));
  }
  const double distance = label_distance(points.back().step);
  for (double step = 0; step <= points.back().step; step += distance) {
    const int x = x_of(step);
    drawing.line(x, kHeight - kBottom, x, kHeight - kBottom + 4, kText);
    FM_TRY(drawing.text(x - 4, kHeight - kBottom + 4 + kLetters, kLetters, kText, fmt::format("{:.0f}", step), kWidth));
  }
  FM_TRY(drawing.text(kLeft, kHeight - 6, kLetters, kText, "loss (logarithmic) over training steps", kWidth));
  for (std::size_t i = 1; i < points.size(); ++i) {
    const int x0 = x_of(points[i - 1].step), x1 = x_of(points[i].step), y0 = y_of(points[i - 1].loss),
              y1 = y_of(points[i].loss);
    drawing.line(x0, y0, x1, y1, kCurve);
    drawing.line(x0, y0 + 1, x1, y1 + 1, kCurve);
  }
  return drawing.write_png(png);
}

}  // namespace framemill::score
