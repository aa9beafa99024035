#include "gpu/torch/wan/causal_layers.h"

#include <cmath>

namespace framemill::gpu {
namespace {

constexpr std::int64_t kCachedValues = 256 * 1024;  // float32 values that the caches of two cores hold twice
// With more channels than this, oneDNN's 2-D convolutions, one for each frame seen, are together faster than its 3-D
// ones: 1.2 to 1.3 times with 384 channels. With 96 and 192 they are level, and take more memory.
constexpr std::int64_t kVideoChannelsMax = 256;

// [B, T, H, W, C] contiguous as the [B, C, T, H, W] and the [B * T, C, H, W] that convolutions take, without a copy.
at::Tensor as_video(const at::Tensor& x) {
  return x.permute({0, 4, 1, 2, 3});
}
at::Tensor as_pictures(const at::Tensor& x) {
  return x.flatten(0, 1).permute({0, 3, 1, 2});
}
at::Tensor from_video(const at::Tensor& y) {
  return y.permute({0, 2, 3, 4, 1}).contiguous();
}
at::Tensor from_pictures(const at::Tensor& y, std::int64_t batch) {
  return y.permute({0, 2, 3, 1}).contiguous().unflatten(0, {batch, -1});
}

// Doubling each pixel and then convolving with 3 x 3 weights: a result pixel sees two rows and two columns of x, so per
// parity of row and column the weights that meet the same pixel are added up first. 4 / 9 of the arithmetic, and
// nothing of double size but the result.
at::Tensor doubled_conv(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const auto folded = [](const at::Tensor& w, int dim, int parity) {  // three taps to two
    const at::Tensor a = w.narrow(dim, 0, 1), b = w.narrow(dim, 1, 1), c = w.narrow(dim, 2, 1);
    return parity == 0 ? at::cat({a, b + c}, dim) : at::cat({a + b, c}, dim);
  };
  const std::int64_t n = x.size(0), height = x.size(2), width = x.size(3);
  const at::Tensor padded = at::constant_pad_nd(x, {1, 1, 1, 1}).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor out = at::empty({n, weight.size(0), 2 * height, 2 * width}, x.options(), at::MemoryFormat::ChannelsLast);
  for (int row = 0; row < 2; ++row) {
    const at::Tensor of_row = folded(weight, 2, row);
    const at::Tensor rows = padded.narrow(2, row, height + 1);
    for (int column = 0; column < 2; ++column) {
      const at::Tensor piece = rows.narrow(3, column, width + 1).contiguous(at::MemoryFormat::ChannelsLast);
      const at::Tensor w = folded(of_row, 3, column).contiguous(at::MemoryFormat::ChannelsLast);
      out.slice(2, row, std::nullopt, 2).slice(3, column, std::nullopt, 2).copy_(at::conv2d(piece, w, bias));
    }
  }
  return out;
}

}  // namespace

// Room for new frames, `shape` [B, T, H, W, C], behind the last ones of this convolution's earlier input.
at::Tensor CausalPass::room_after_history(const std::string& name, at::IntArrayRef shape) const {
  const auto kept = history_.find(name);
  std::vector<std::int64_t> whole = shape.vec();
  if (kept != history_.end()) whole[1] += kept->second.size(1);
  at::Tensor room = at::empty(whole, p_[name + ".bias"].options().dtype(compute_));
  if (kept != history_.end()) room.narrow(1, 0, kept->second.size(1)).copy_(kept->second);
  return room;
}

void CausalPass::keep(const std::string& name, const at::Tensor& input, std::int64_t frames) {
  const std::int64_t kept = std::min(frames, input.size(1));
  const at::Tensor last = input.narrow(1, input.size(1) - kept, kept);
  at::Tensor& history = history_[name];
  if (history.defined() && history.sizes() == last.sizes()) {
    history.copy_(last);
  } else {
    history = last.clone(at::MemoryFormat::Contiguous);
  }
}

at::Tensor CausalPass::conv(const std::string& name, const at::Tensor& x) {
  at::Tensor input = room_after_history(name, x.sizes());
  input.narrow(1, input.size(1) - x.size(1), x.size(1)).copy_(x);
  return conv_over(name, std::move(input), x.size(1));
}

at::Tensor CausalPass::norm_silu_conv(const std::string& norm, const std::string& name, const at::Tensor& x) {
  at::Tensor input = room_after_history(name, x.sizes());
  const at::Tensor fresh = input.narrow(1, input.size(1) - x.size(1), x.size(1));
  // On a CPU in pieces that stay in a core's cache: each of the operations would else read and write all of memory.
  const std::int64_t rows_at_once = x.is_cpu() ? std::max<std::int64_t>(1, kCachedValues / x.size(4)) : x.numel();
  for (std::int64_t window = 0; window < x.size(0); ++window) {
    const at::Tensor from = x[window].flatten(0, 2), to = fresh[window].flatten(0, 2);
    for (std::int64_t row = 0; row < from.size(0); row += rows_at_once) {
      const std::int64_t rows = std::min(rows_at_once, from.size(0) - row);
      at::Tensor values = normed(norm, from.narrow(0, row, rows));
      to.narrow(0, row, rows).copy_(at::silu_(values));
    }
  }
  return conv_over(name, std::move(input), x.size(1));
}

// `input` ends with the `frames` frames that are to be convolved.
at::Tensor CausalPass::conv_over(const std::string& name, at::Tensor input, std::int64_t frames) {
  at::Tensor w = weight(name);
  const std::int64_t before = w.size(2) - 1, missing = before + frames - input.size(1), batch = input.size(0);
  keep(name, input, before);
  if (missing > 0 && frames == 1) {
    w = w.slice(2, missing);  // what lies before the clip is zero: those taps need no arithmetic
  } else if (missing > 0) {
    at::Tensor zeros = at::zeros_like(input.narrow(1, 0, 1)).expand({-1, missing, -1, -1, -1});
    input = at::cat({zeros, input}, 1);
  }
  const std::int64_t rows = w.size(3) / 2, columns = w.size(4) / 2;
  if (w.size(2) == 1) {
    w = w.squeeze(2).contiguous(at::MemoryFormat::ChannelsLast);
    return from_pictures(at::conv2d(as_pictures(input), w, bias(name), {1, 1}, {rows, columns}), batch);
  }
  if (input.is_cpu() && input.size(4) > kVideoChannelsMax && batch == 1) {
    at::Tensor sum;
    for (std::int64_t tap = 0; tap < w.size(2); ++tap) {
      const at::Tensor seen = as_pictures(input.narrow(1, tap, frames));
      const at::Tensor of_tap = w.select(2, tap).contiguous(at::MemoryFormat::ChannelsLast);
      if (!sum.defined()) {
        sum = at::conv2d(seen, of_tap, bias(name), {1, 1}, {rows, columns});
      } else {
        sum.add_(at::conv2d(seen, of_tap, {}, {1, 1}, {rows, columns}));
      }
    }
    return from_pictures(sum, batch);
  }
  w = w.contiguous(at::MemoryFormat::ChannelsLast3d);
  return from_video(at::conv3d(as_video(input), w, bias(name), {1, 1, 1}, {0, rows, columns}));
}

at::Tensor CausalPass::pointwise(const std::string& name, const at::Tensor& x) const {
  return at::linear(x, weight(name).flatten(1), bias(name));
}

at::Tensor CausalPass::normed(const std::string& name, const at::Tensor& x) const {
  const at::Tensor gamma = p_[name + ".gamma"].to(at::kFloat).flatten() * std::sqrt(static_cast<double>(x.size(-1)));
  const at::Tensor values = x.to(at::kFloat);
  const at::Tensor length = at::linalg_vector_norm(values, 2, at::IntArrayRef{-1}, true).clamp_min_(1e-12);
  return at::div(values, length).mul_(gamma);
}

at::Tensor CausalPass::residual_block(const std::string& name, const at::Tensor& x) {
  at::Tensor y = norm_silu_conv(name + ".norm1", name + ".conv1", x);
  y = norm_silu_conv(name + ".norm2", name + ".conv2", y);
  return y.add_(p_.has(name + ".conv_shortcut.weight") ? pointwise(name + ".conv_shortcut", x) : x);
}

at::Tensor CausalPass::attention(const std::string& name, const at::Tensor& x) const {
  const at::Tensor cells = normed(name + ".norm", x).to(compute_).flatten(0, 1).flatten(1, 2);  // [B * T, H * W, C]
  const auto qkv = pointwise(name + ".to_qkv", cells).unsqueeze(1).chunk(3, -1);
  const at::Tensor seen = at::scaled_dot_product_attention(qkv[0], qkv[1], qkv[2]).squeeze(1);
  return pointwise(name + ".proj", seen).view(x.sizes()).add_(x);
}

at::Tensor CausalPass::downsample(const std::string& name, const at::Tensor& x) {
  const at::Tensor w = weight(name + ".resample.1").contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor padded = at::constant_pad_nd(as_pictures(x), {0, 1, 0, 1});  // below and to the right alone
  at::Tensor y = from_pictures(at::conv2d(padded, w, bias(name + ".resample.1"), {2, 2}), x.size(0));
  const std::string over_time = name + ".time_conv";
  if (!p_.has(over_time + ".weight")) return y;
  at::Tensor input = room_after_history(over_time, y.sizes());
  input.narrow(1, input.size(1) - y.size(1), y.size(1)).copy_(y);
  keep(over_time, input, 1);
  if (in_first_piece()) return y;
  return from_video(at::conv3d(as_video(input), weight(over_time), bias(over_time), {2, 1, 1}));
}

at::Tensor CausalPass::upsample(const std::string& name, const at::Tensor& x) {
  at::Tensor y = x;
  const std::string over_time = name + ".time_conv";
  if (!in_first_piece() && p_.has(over_time + ".weight")) {
    // Twice the channels: those of the earlier and of the later of two frames. The first frame of the clip is no part
    // of this convolution's past.
    y = conv(over_time, x).unflatten(-1, {2, -1}).permute({0, 1, 4, 2, 3, 5}).flatten(1, 2);
  }
  const at::Tensor doubled =
      doubled_conv(as_pictures(y.contiguous()), weight(name + ".resample.1"), bias(name + ".resample.1"));
  return from_pictures(doubled, x.size(0));
}

}  // namespace framemill::gpu
