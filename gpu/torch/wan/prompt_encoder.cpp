#include "gpu/torch/wan/prompt_encoder.h"

#include <fmt/format.h>

#include "gpu/torch/wan/umt5.h"
#include "models/text/clean_prompt.h"

namespace framemill::gpu {

using models::ComponentRole;

base::Result<at::Tensor> PromptEncoder::encode(const std::string& prompt, const WanFacts& facts,
                                               WanComponents& components, at::Device device,
                                               const std::function<void()>& working) {
  const auto limit = static_cast<std::size_t>(facts.manifest().conditioning.max_tokens);
  const std::vector<int> ids = tokenizer_->encode(models::clean_prompt(prompt), limit).ids;
  if (at::Tensor known = known_.find(ids); known.defined()) return known;
  const models::Umt5Config& config = facts.text_encoder();
  at::Tensor tokens = at::empty({1, static_cast<std::int64_t>(ids.size())}, at::kLong);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0 || ids[i] >= config.vocabulary)
      return base::Error{
          "model.weights",
          fmt::format("the tokeniser gives token {}; the text encoder has {}", ids[i], config.vocabulary), "",
          "import the model again, with its own tokeniser"};
    tokens[0][static_cast<std::int64_t>(i)] = static_cast<std::int64_t>(ids[i]);
  }
  tokens = tokens.to(device);
  const auto weights = components.use(ComponentRole::TextEncoder, 0);
  const at::Tensor made = umt5_encode(weights->parameters, config, tokens, at::ones_like(tokens),
                                      components.compute(ComponentRole::TextEncoder), working)[0];
  known_.put(ids, made);
  return made;
}

}  // namespace framemill::gpu
