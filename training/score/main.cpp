// framemill-score: looks at what a package makes, for eyes (sheets) and without (a judge that reads attributes back).
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "gpu/torch/load/load_generator.h"
#include "models/package.h"
#include "training/catalogue/render.h"
#include "training/score/curve.h"
#include "training/score/judging.h"
#include "training/score/make_clips.h"
#include "training/score/sheet.h"

namespace framemill::score {
namespace {

struct Options {
  std::string package, output, prompt, input, start;
  std::uint64_t seed = 1;
  int count = 16, windows = 8, steps = 0, threads = 1;
  std::optional<float> guidance;
  std::string negative_prompt;
  std::string judge;
  int chain_count = 0, learn_steps = 6000;
  bool list = false;
  double learning_rate = 2e-3;
};

base::Result<std::unique_ptr<gpu::Generator>> load(const Options& options) {
  gpu::DeviceSpec device;
  device.threads = options.threads;
  return gpu::load_torch_generator(options.package, device);
}

ClipRequest request_of(const Options& options, std::string prompt, std::uint64_t seed) {
  ClipRequest request;
  request.prompt = std::move(prompt);
  request.seed = seed;
  request.steps = options.steps;
  request.guidance = options.guidance;
  request.negative_prompt = options.negative_prompt;
  return request;
}

// Prompts of the catalogue's own scenes, or the one that was given.
std::vector<ClipRequest> requests_of(const Options& options, const models::Vocabulary& vocabulary) {
  std::vector<ClipRequest> requests;
  for (int i = 0; i < options.count; ++i) {
    const auto index = static_cast<std::uint64_t>(i);
    const std::string prompt =
        options.prompt.empty() ? train::describe(train::draw_scene(options.seed, index), vocabulary) : options.prompt;
    fmt::print("{:2}  {}\n", i, prompt);
    requests.push_back(request_of(options, prompt, options.seed + index));
  }
  return requests;
}

std::vector<std::string> captions_of(const std::vector<ClipRequest>& requests) {
  std::vector<std::string> captions;
  for (const ClipRequest& request : requests) captions.push_back(request.prompt);
  return captions;
}

base::Status sheet(const Options& options) {
  FM_ASSIGN(const models::Package package, models::open_package(options.package));
  FM_ASSIGN(const std::unique_ptr<gpu::Generator> generator, load(options));
  const std::vector<ClipRequest> requests = requests_of(options, package.vocabulary);
  FM_ASSIGN(const std::vector<gpu::ImageBlock> clips, make_windows(*generator, requests, 4));
  return write_sheet(options.output, clips, captions_of(requests), {});
}

base::Status chains(const Options& options) {
  FM_ASSIGN(const models::Package package, models::open_package(options.package));
  FM_ASSIGN(const std::unique_ptr<gpu::Generator> generator, load(options));
  std::vector<gpu::ImageBlock> films;
  const std::vector<ClipRequest> requests = requests_of(options, package.vocabulary);
  for (const ClipRequest& request : requests) {
    FM_ASSIGN(gpu::ImageBlock film, make_chain(*generator, request, options.windows));
    films.push_back(std::move(film));
  }
  SheetLayout layout;
  layout.clips_per_row = 1;
  layout.frames_per_clip = 2 * options.windows;
  layout.enlarge = 1;
  return write_sheet(options.output, films, captions_of(requests), layout);
}

// Renders above what the autoencoder makes of them.
base::Status reconstruct(const Options& options) {
  FM_ASSIGN(const std::unique_ptr<gpu::Generator> generator, load(options));
  std::vector<gpu::ImageBlock> clips;
  std::vector<std::string> captions;
  for (int i = 0; i < options.count; ++i) {
    gpu::ImageBlock clip =
        rendered(train::draw_scene(options.seed, static_cast<std::uint64_t>(i)), 0, generator->window_frames());
    FM_ASSIGN(const gpu::LatentBlock latents, generator->encode(clip));
    const gpu::LatentBlock* one[] = {&latents};
    FM_ASSIGN(std::vector<gpu::ImageBlock> again, generator->decode(one));
    double squares = 0;
    for (std::size_t k = 0; k < clip.values.size(); ++k) squares += std::pow(clip.values[k] - again[0].values[k], 2);
    const std::string error =
        fmt::format("{:.2f} dB", -10.0 * std::log10(squares / static_cast<double>(clip.values.size())));
    fmt::print("{:2}  {}\n", i, error);
    captions.insert(captions.end(), {"render", error});
    clips.push_back(std::move(clip));
    clips.push_back(std::move(again[0]));
  }
  return write_sheet(options.output, clips, captions, {});
}

base::Status train_judge(const Options& options) {
  at::globalContext().setFlushDenormal(true);
  at::set_num_threads(options.threads);
  Judge judge = Judge::fresh(options.seed);
  if (!options.start.empty()) {
    FM_ASSIGN(judge, Judge::read(options.start));
  }
  judge.learn(options.seed, options.learn_steps, options.learning_rate);
  return judge.write(options.judge);
}

base::Status judge(const Options& options) {
  FM_ASSIGN(const models::Package package, models::open_package(options.package));
  FM_ASSIGN(const std::unique_ptr<gpu::Generator> generator, load(options));
  FM_ASSIGN(const Judge opinion, Judge::read(options.judge));
  JudgingSettings settings;
  settings.seed = seed_of(package);
  settings.clips = options.count;
  settings.chains = options.chain_count;
  settings.windows = options.windows;
  settings.steps = options.steps;
  settings.guidance = options.guidance;
  fmt::print("{}\n", generator->device_class());
  if (options.count > 0) {
    FM_ASSIGN(const Score score, judge_clips(*generator, opinion, package.vocabulary, settings));
    fmt::print("{}", text_of(score));
  }
  if (options.chain_count == 0) return {};
  FM_ASSIGN(const ChainScore chains, judge_chains(*generator, opinion, package.vocabulary, settings));
  fmt::print("{}", text_of(chains));
  if (options.list)
    for (const std::string& line : chains.misread) fmt::print("  {}\n", line);
  return {};
}

// A file that cannot be written is told of before the minutes that its content takes.
std::string why_not_writable(const std::string& file) {
  const std::filesystem::path path = file;
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  if (std::filesystem::is_directory(path)) return fmt::format("'{}' is a directory", file);
  if (!std::filesystem::is_directory(directory)) return fmt::format("directory '{}' not found", directory.string());
  const bool there = std::filesystem::exists(path);
  if (::access(there ? path.c_str() : directory.c_str(), W_OK) == 0) return {};
  return fmt::format("'{}' cannot be written: {}", file, std::strerror(errno));
}

}  // namespace
}  // namespace framemill::score

int main(int argc, char** argv) {
  using framemill::score::Options;
  Options options;
  CLI::App app{"Judge a model package, with eyes and without"};
  app.require_subcommand(1);
  framemill::base::Status status;
  const CLI::Validator writable(framemill::score::why_not_writable, "FILE");
  const auto add_sampling = [&options](CLI::App* command) {
    command->add_option("--steps", options.steps, "default: the package's")->check(CLI::Range(1, 1000));
    command->add_option("--guidance", options.guidance, "default: the package's")->check(CLI::Range(0.0, 100.0));
    command->add_option("--threads", options.threads)->capture_default_str()->check(CLI::Range(1, 256));
  };
  const auto add = [&](const char* name, const char* help, framemill::base::Status (*run)(const Options&)) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("package", options.package, "a package directory")->required();
    command->add_option("-o,--output", options.output, "the PNG to write")->required()->check(writable);
    command->add_option("--prompt", options.prompt, "this prompt for every clip; default: those of catalogue scenes");
    command->add_option("--seed", options.seed)->capture_default_str();
    command->add_option("--count", options.count)->capture_default_str()->check(CLI::Range(1, 4096));
    command->add_option("--windows", options.windows)->capture_default_str()->check(CLI::Range(1, 64));
    command->add_option("--negative-prompt", options.negative_prompt, "what clips are led away from");
    add_sampling(command);
    command->callback([&options, &status, run] { status = run(options); });
  };
  add("sheet", "a contact sheet, one window per prompt", framemill::score::sheet);
  add("chains", "long clips of chained windows, one per row", framemill::score::chains);
  add("reconstruct", "renders beside what the autoencoder makes of them", framemill::score::reconstruct);

  CLI::App* curve = app.add_subcommand("curve", "the loss curve of a training run as a picture");
  curve->add_option("csv", options.input, "denoiser.csv or autoencoder.csv of a run")->required();
  curve->add_option("-o,--output", options.output, "the PNG to write")->required()->check(writable);
  curve->callback([&] { status = framemill::score::draw_curve(options.input, options.output); });

  CLI::App* learn = app.add_subcommand("train-judge", "fit the judge to renders");
  learn->add_option("judge", options.judge, "the judge's weights to write")->required()->check(writable);
  learn->add_option("--steps", options.learn_steps)->capture_default_str()->check(CLI::Range(1, 1 << 30));
  learn->add_option("--from", options.start, "a judge to go on from")->check(CLI::ExistingFile);
  learn->add_option("--learning-rate", options.learning_rate)->capture_default_str()->check(CLI::Range(1e-9, 1.0));
  learn->add_option("--seed", options.seed)->capture_default_str();
  learn->add_option("--threads", options.threads)->capture_default_str()->check(CLI::Range(1, 256));
  learn->callback([&] { status = framemill::score::train_judge(options); });

  CLI::App* command = app.add_subcommand("judge", "read attributes back from generated clips");
  command->add_option("package", options.package, "a package directory")->required();
  command->add_option("judge", options.judge, "the judge's weights")->required();
  command->add_option("--count", options.count, "clips")->capture_default_str()->check(CLI::Range(0, 100'000));
  command->add_option("--chains", options.chain_count, "chains, beside the clips")
      ->capture_default_str()
      ->check(CLI::Range(0, 100'000));
  command->add_flag("--list", options.list, "name the chains whose last window reads as something else");
  command->add_option("--windows", options.windows, "of a chain")->capture_default_str()->check(CLI::Range(2, 64));
  add_sampling(command);
  command->callback([&] { status = framemill::score::judge(options); });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    status = framemill::base::Error{"score.failed", error.what(), "", ""};
  }
  if (status.ok()) return 0;
  fmt::print(stderr, "framemill-score: {} ({})\n", status.error().message, status.error().code);
  if (!status.error().hint.empty()) fmt::print(stderr, "  {}\n", status.error().hint);
  return 1;
}
