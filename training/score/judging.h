// The judgement itself: prompts drawn from a seed, clips made of them, attributes read back.
#pragma once

#include "base/result.h"
#include "gpu/generator.h"
#include "models/package.h"
#include "models/prompt.h"
#include "training/score/report.h"

namespace framemill::score {

struct JudgingSettings {
  std::uint64_t seed = 0;  // of prompts and clips
  int clips = 200;
  int chains = 32;
  int windows = 8;
  int batch = 2;
  int steps = 0;                  // 0: the package's
  std::optional<float> guidance;  // the package's
};

// A seed nobody chose: the first eight bytes of the SHA-256 of the weights, so that prompts cannot be picked to please.
std::uint64_t seed_of(const models::Package& package);

base::Result<Score> judge_clips(gpu::Generator& generator, const Judge& judge, const models::Vocabulary& vocabulary,
                                const JudgingSettings& settings);
base::Result<ChainScore> judge_chains(gpu::Generator& generator, const Judge& judge,
                                      const models::Vocabulary& vocabulary, const JudgingSettings& settings);

}  // namespace framemill::score
