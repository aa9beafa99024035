#include "training/score/judging.h"

#include <algorithm>
#include <charconv>

#include "training/score/make_clips.h"

namespace framemill::score {
namespace {

// The catalogue's own mix of scenes with one thing.
std::vector<models::Condition> draw_conditions(std::uint64_t seed, int count) {
  std::vector<models::Condition> conditions;
  for (int i = 0; i < count; ++i) conditions.push_back(single_thing_condition(seed, static_cast<std::uint64_t>(i)));
  return conditions;
}

std::vector<ClipRequest> requests_for(const std::vector<models::Condition>& conditions,
                                      const models::Vocabulary& vocabulary, std::uint64_t seed,
                                      const JudgingSettings& settings) {
  std::vector<ClipRequest> requests;
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    ClipRequest request;
    request.prompt = models::prompt_from(vocabulary, conditions[i]);
    request.seed = seed + i;
    request.steps = settings.steps;
    request.guidance = settings.guidance;
    requests.push_back(std::move(request));
  }
  return requests;
}

std::vector<AttributeScore> scores_of(const std::vector<double>& made, const std::vector<double>& rendered) {
  std::vector<AttributeScore> scores;
  for (std::size_t a = 0; a < kAttributes.size(); ++a)
    scores.push_back({kAttributes[a].name, rendered[a], made[a], 1.0 / kAttributes[a].values});
  return scores;
}

// The catalogue's clips of the same words, from frame `first` of their films.
std::vector<gpu::ImageBlock> matching_renders(const std::vector<models::Condition>& conditions, std::uint64_t seed,
                                              int first, int frames) {
  std::vector<gpu::ImageBlock> renders;
  for (std::size_t i = 0; i < conditions.size(); ++i)
    renders.push_back(rendered(train::draw_scene_like(conditions[i], seed, i), first, frames));
  return renders;
}

}  // namespace

std::uint64_t seed_of(const models::Package& package) {
  const std::string hex = package.manifest.file(models::FileRole::Weights)->sha256.hex().substr(0, 16);
  std::uint64_t seed = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), seed, 16);
  return seed;
}

base::Result<Score> judge_clips(gpu::Generator& generator, const Judge& judge, const models::Vocabulary& vocabulary,
                                const JudgingSettings& settings) {
  const std::vector<models::Condition> conditions = draw_conditions(settings.seed, settings.clips);
  FM_ASSIGN(const std::vector<gpu::ImageBlock> made,
            make_windows(generator, requests_for(conditions, vocabulary, settings.seed, settings), settings.batch));
  const std::vector<gpu::ImageBlock> renders =
      matching_renders(conditions, settings.seed, 0, generator.window_frames());
  Score score;
  score.clips = settings.clips;
  score.attributes = scores_of(shares_read_back(judge, made, conditions), shares_read_back(judge, renders, conditions));
  double energy_made = 0, energy_rendered = 0;
  for (std::size_t i = 0; i < made.size(); ++i) {
    energy_made += motion_energy(made[i]);
    energy_rendered += motion_energy(renders[i]);
  }
  score.motion_energy_ratio = energy_made / energy_rendered;
  return score;
}

base::Result<ChainScore> judge_chains(gpu::Generator& generator, const Judge& judge,
                                      const models::Vocabulary& vocabulary, const JudgingSettings& settings) {
  const std::vector<models::Condition> conditions = draw_conditions(settings.seed + 1, settings.chains);
  const int stride = generator.window_frames() - generator.context_frames();
  std::vector<std::vector<gpu::ImageBlock>> made(static_cast<std::size_t>(settings.windows));  // by window, by chain
  std::vector<double> inside;
  double seams = 0;
  int seam_count = 0;
  for (const ClipRequest& request : requests_for(conditions, vocabulary, settings.seed + 1, settings)) {
    FM_ASSIGN(const gpu::ImageBlock film, make_chain(generator, request, settings.windows));
    for (std::size_t window = 0; window < made.size(); ++window)
      made[window].push_back(gpu::slice_frames(film, static_cast<int>(window) * stride, generator.window_frames()));
    for (int frame = 0; frame + 1 < film.frames; ++frame) {
      // The first made frame of a later window follows its context: frame 15 to 16, 27 to 28, ...
      const bool seam = frame + 1 >= generator.window_frames() && (frame + 1 - generator.window_frames()) % stride == 0;
      const double difference = frame_difference(film, frame);
      if (seam) {
        seams += difference;
        ++seam_count;
      } else {
        inside.push_back(difference);
      }
    }
  }
  ChainScore score;
  score.chains = settings.chains;
  score.windows = settings.windows;
  for (const std::vector<gpu::ImageBlock>& window : made)
    score.by_window.push_back(shares_read_back(judge, window, conditions));
  const auto renders_read_back = [&](int frame) {
    return shares_read_back(judge, matching_renders(conditions, settings.seed + 1, frame, generator.window_frames()),
                            conditions);
  };
  score.first = scores_of(score.by_window.front(), renders_read_back(0));
  score.last = scores_of(score.by_window.back(), renders_read_back((settings.windows - 1) * stride));
  score.misread = misread_lines(judge, vocabulary, made.back(), conditions, "chain");
  score.seam_difference = seam_count > 0 ? seams / seam_count : 0.0;
  const auto p95 = inside.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(inside.size()) * 0.95);
  std::nth_element(inside.begin(), p95, inside.end());
  score.inside_p95 = *p95;
  return score;
}

}  // namespace framemill::score
