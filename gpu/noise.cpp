#include "gpu/noise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "base/philox.h"

namespace framemill::gpu {
namespace {

// Every operation below is one correctly rounded binary64 + - * / or sqrt, in the order written (the build forbids
// contraction), so any IEEE 754 machine gives the same bits. Polynomial coefficients are part of the format.

// ln(u) for u in (0, 1): u = m * 2^e with m in [0.75, 1.5), ln m by the series of atanh((m-1)/(m+1)).
double natural_log(double u) {
  int exponent = 0;
  while (u < 0.75) {  // exact: doubling changes the exponent alone; at most 33 turns
    u = u * 2.0;
    --exponent;
  }
  const double s = (u - 1.0) / (u + 1.0);
  const double z = s * s;
  double p = 1.0 / 19.0;
  for (double odd = 17.0; odd >= 1.0; odd = odd - 2.0) p = p * z + 1.0 / odd;
  return exponent * 0.6931471805599453 + 2.0 * s * p;
}

// sin and cos of a * pi/4 for a in [0, 1), by Taylor's series.
void sine_cosine(double a, double& sine, double& cosine) {
  const double x = a * 0.7853981633974483;
  const double z = x * x;
  double p = 1.0, q = 1.0;
  for (double k = 16.0; k >= 2.0; k = k - 2.0) {
    p = 1.0 - p * z / (k * (k + 1.0));
    q = 1.0 - q * z / (k * (k - 1.0));
  }
  sine = x * p;
  cosine = q;
}

// Box-Muller: two words to two normals. The angle's top three bits are its octant, the others its place in it.
void normal_pair(std::uint32_t radius_word, std::uint32_t angle_word, float& first, float& second) {
  const double u = (static_cast<double>(radius_word) + 0.5) * 0x1p-32;
  const double radius = std::sqrt(-2.0 * natural_log(u));
  const std::uint32_t octant = angle_word >> 29;
  double a = (static_cast<double>(angle_word & 0x1fffffffu) + 0.5) * 0x1p-29;
  if (octant & 1) a = 1.0 - a;
  double s = 0, c = 0;
  sine_cosine(a, s, c);
  if (((octant + 1) & 2) != 0) std::swap(s, c);  // octants 1, 2, 5, 6 lie nearer to the other axis
  if (octant >= 2 && octant <= 5) c = -c;
  if (octant >= 4) s = -s;
  first = static_cast<float>(radius * c);
  second = static_cast<float>(radius * s);
}

}  // namespace

void normals_from_words(const std::uint32_t words[4], float normals[4]) {
  normal_pair(words[0], words[1], normals[0], normals[1]);
  normal_pair(words[2], words[3], normals[2], normals[3]);
}

void fill_normals(const NoiseKey& key, std::span<float> out) {
  const base::PhiloxKey philox = base::philox_key(key.seed);
  for (std::size_t block = 0; block * 4 < out.size(); ++block) {
    const base::PhiloxCounter words =
        base::philox4x32_10({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(key.frame),
                             static_cast<std::uint32_t>(key.stream), key.sample},
                            philox);
    float normals[4];
    normals_from_words(words.data(), normals);
    std::copy_n(normals, std::min<std::size_t>(4, out.size() - block * 4),
                out.begin() + static_cast<std::ptrdiff_t>(block * 4));
  }
}

}  // namespace framemill::gpu
