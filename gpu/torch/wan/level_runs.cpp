#include "gpu/torch/wan/level_runs.h"

#include <map>

#include "base/check.h"

namespace framemill::gpu {
namespace {

// Beyond it one gather is cheaper than many small calls.
constexpr std::size_t kRunsMax = 16;

}  // namespace

LevelRuns::LevelRuns(const at::Tensor& level, std::int64_t tokens_per_row, at::Device device) {
  const at::Tensor values = level.to(at::kCPU, at::kFloat).contiguous();
  FM_CHECK(values.dim() == 1 || (values.dim() == 2 && values.size(1) == tokens_per_row),
           "noise levels are per row or per token");
  const std::int64_t tokens_per_value = values.dim() == 1 ? tokens_per_row : 1;
  std::map<float, std::int64_t> seen;
  std::vector<float> distinct;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const float value = values.const_data_ptr<float>()[i];
    const auto [at, is_new] = seen.try_emplace(value, static_cast<std::int64_t>(distinct.size()));
    if (is_new) distinct.push_back(value);
    if (!runs_.empty() && runs_.back().level == at->second)
      runs_.back().count += tokens_per_value;
    else
      runs_.push_back({i * tokens_per_value, tokens_per_value, at->second});
  }
  distinct_ = at::tensor(distinct).to(device);
  if (runs_.size() <= kRunsMax) return;
  at::Tensor indices = at::empty({values.size(0) * tokens_per_row}, at::kLong);
  for (const Run& run : runs_) indices.narrow(0, run.begin, run.count).fill_(run.level);
  level_of_token_ = indices.to(device);
}

at::Tensor LevelRuns::norm(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double epsilon,
                           at::ScalarType compute) const {
  const std::int64_t width = x.size(1);
  const at::Tensor factor = scale + 1.0;
  if (level_of_token_.defined()) {
    const at::Tensor normal = at::layer_norm(x, {width}, {}, {}, epsilon);
    return at::addcmul(shift.index_select(0, level_of_token_), normal, factor.index_select(0, level_of_token_))
        .to(compute);
  }
  const auto norm_of = [&](const Run& run, const at::Tensor& part) {
    return at::layer_norm(part, {width}, factor[run.level], shift[run.level], epsilon);
  };
  if (runs_.size() == 1) return norm_of(runs_.front(), x).to(compute);
  at::Tensor result = at::empty(x.sizes(), x.options().dtype(compute));
  for (const Run& run : runs_)
    result.narrow(0, run.begin, run.count).copy_(norm_of(run, x.narrow(0, run.begin, run.count)));
  return result;
}

void LevelRuns::add_gated(at::Tensor& x, const at::Tensor& y, const at::Tensor& gate) const {
  const at::Tensor added = y.to(at::kFloat);
  if (level_of_token_.defined()) {
    x.addcmul_(added, gate.index_select(0, level_of_token_));
    return;
  }
  for (const Run& run : runs_)
    x.narrow(0, run.begin, run.count).addcmul_(added.narrow(0, run.begin, run.count), gate[run.level]);
}

}  // namespace framemill::gpu
