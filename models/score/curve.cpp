#include "models/score/curve.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

#include "base/file.h"
#include "models/score/sheet.h"

namespace framemill::score {
namespace {

constexpr int kWidth = 720, kHeight = 320, kMargin = 12;
constexpr std::uint64_t kCsvBytesMax = 64 << 20;

struct Plot {
  gpu::ImageBlock image{1, kHeight, kWidth, std::vector<float>(static_cast<std::size_t>(kWidth) * kHeight * 3, 1.0f)};

  void dot(int x, int y, float r, float g, float b) {
    if (x < 0 || x >= kWidth || y < 0 || y >= kHeight) return;
    float* pixel = image.values.data() + (static_cast<std::size_t>(y) * kWidth + static_cast<std::size_t>(x)) * 3;
    pixel[0] = r;
    pixel[1] = g;
    pixel[2] = b;
  }
};

}  // namespace

std::vector<CurvePoint> curve_points(std::string_view csv) {
  std::map<double, double> rows;
  std::size_t begin = 0;
  while (begin < csv.size()) {
    const std::size_t end = std::min(csv.find('\n', begin), csv.size());
    const std::string line(csv.substr(begin, end - begin));
    begin = end + 1;
    const std::size_t first = line.find(','), second = line.find(',', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const double step = std::strtod(line.c_str(), nullptr), loss = std::strtod(line.c_str() + second + 1, nullptr);
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
    return kMargin + static_cast<int>(step / points.back().step * (kWidth - 2 * kMargin - 1));
  };
  const auto y_of = [&](double loss) {
    return kHeight - kMargin - 1 -
           static_cast<int>((std::log2(loss) - bottom) / (top - bottom) * (kHeight - 2 * kMargin - 1));
  };
  Plot plot;
  for (double line = bottom; line <= top; line += 1) {
    for (int x = kMargin; x < kWidth - kMargin; ++x) plot.dot(x, y_of(std::exp2(line)), 0.85f, 0.85f, 0.85f);
  }
  for (std::size_t i = 1; i < points.size(); ++i) {
    const int x0 = x_of(points[i - 1].step), x1 = x_of(points[i].step), y0 = y_of(points[i - 1].loss),
              y1 = y_of(points[i].loss);
    const int length = std::max({std::abs(x1 - x0), std::abs(y1 - y0), 1});
    for (int k = 0; k <= length; ++k) {
      const int x = x0 + (x1 - x0) * k / length, y = y0 + (y1 - y0) * k / length;
      plot.dot(x, y, 0.12f, 0.35f, 0.70f);
      plot.dot(x, y + 1, 0.12f, 0.35f, 0.70f);
    }
  }
  SheetLayout layout;
  layout.frames_per_clip = layout.clips_per_row = layout.enlarge = 1;
  return write_sheet(png, {plot.image}, layout);
}

}  // namespace framemill::score
