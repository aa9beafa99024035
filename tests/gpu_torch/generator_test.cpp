// The generator over the shipped package, with few steps: what is promised of it holds whatever the weights.
#include <unistd.h>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "base/file.h"
#include "gpu/torch/autoencoder.h"
#include "gpu/torch/load/load_generator.h"
#include "gpu/torch/transformer.h"
#include "models/package.h"
#include "models/weights.h"

#include <catch2/catch.hpp>  // last: torch has a CHECK of its own

namespace framemill::gpu {
namespace {

const char* const kPackage = FRAMEMILL_SOURCE_DIR "/models/demo-clips@1";

std::unique_ptr<Generator> load(std::uint64_t budget_bytes = 0) {
  DeviceSpec device;
  device.threads = 1;
  device.memory_budget_bytes = budget_bytes;
  auto generator = load_torch_generator(kPackage, device);
  REQUIRE(generator.ok());
  return std::move(generator).value();
}

WindowRequest request_of(const char* prompt, std::uint64_t seed, int steps = 3) {
  WindowRequest request;
  request.prompt = prompt;
  request.seed = seed;
  request.steps = steps;
  return request;
}

std::unique_ptr<Window> begun(Generator& generator, const WindowRequest& request) {
  auto window = generator.begin(request);
  REQUIRE(window.ok());
  return std::move(window).value();
}

void step_all(Generator& generator, std::vector<Window*> windows) {
  REQUIRE(generator.step(windows).ok());
}

LatentBlock finished(Generator& generator, Window& window) {
  while (!window.done()) step_all(generator, {&window});
  auto block = generator.finish(window);
  REQUIRE(block.ok());
  return std::move(block).value();
}

LatentBlock made(Generator& generator, const WindowRequest& request) {
  return finished(generator, *begun(generator, request));
}

ImageBlock decoded(Generator& generator, const LatentBlock& block) {
  const LatentBlock* one[] = {&block};
  auto images = generator.decode(one);
  REQUIRE(images.ok());
  return std::move(images->front());
}

float largest_difference(const ImageBlock& a, const ImageBlock& b) {
  REQUIRE(a.values.size() == b.values.size());
  float most = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) most = std::max(most, std::abs(a.values[i] - b.values[i]));
  return most;
}

TEST_CASE("a generator says what it is") {
  const auto generator = load();
  CHECK(generator->name() == "demo-clips@1");
  CHECK(generator->root_digest().size() == 64);
  CHECK(generator->window_frames() == 16);
  CHECK(generator->context_frames() == 4);
  CHECK_THAT(generator->device_class(), Catch::Contains("threads"));
  CHECK(generator->memory().resident_bytes > 4'000'000);
  CHECK(generator->predicted_step_bytes({}, 4) > generator->predicted_step_bytes({}, 1));
}

TEST_CASE("the same request gives the same bits, another seed gives others") {
  const auto generator = load();
  const LatentBlock first = made(*generator, request_of("sea at night, red boat moving left", 11));
  CHECK(first == made(*generator, request_of("sea at night, red boat moving left", 11)));
  CHECK(first != made(*generator, request_of("sea at night, red boat moving left", 12)));
  CHECK(first != made(*generator, request_of("hills at day, red ball moving left", 11)));
  CHECK(decoded(*generator, first) == decoded(*generator, first));
}

TEST_CASE("a window makes the same picture alone and in batches whose size changes at every step") {
  const auto generator = load();
  const WindowRequest request = request_of("desert at dusk, blue balloon rising", 21, 4);
  const ImageBlock alone = decoded(*generator, made(*generator, request));

  const auto window = begun(*generator, request);
  const auto second = begun(*generator, request_of("sea, yellow boat", 5, 3));
  const auto third = begun(*generator, request_of("city at night", 6, 7));
  CHECK(generator->batch_key(*window) == generator->batch_key(*third));
  step_all(*generator, {second.get(), window.get(), third.get()});
  step_all(*generator, {window.get()});
  step_all(*generator, {third.get(), second.get()});
  step_all(*generator, {third.get(), window.get()});
  step_all(*generator, {window.get(), second.get(), third.get()});
  REQUIRE(window->done());
  CHECK(second->done());
  CHECK(third->step() == 4);
  CHECK(largest_difference(decoded(*generator, *generator->finish(*window)), alone) <= 1.0f / 255.0f);
}

TEST_CASE("guided and unguided windows do not share a batch") {
  const auto generator = load();
  WindowRequest plain = request_of("sea", 1);
  plain.guidance = 1.0f;
  WindowRequest guided = request_of("sea", 1);
  guided.guidance = 2.0f;
  CHECK(generator->batch_key(*begun(*generator, plain)) != generator->batch_key(*begun(*generator, guided)));
}

TEST_CASE("clean frames come back bit for bit, whichever they are") {
  const auto generator = load();
  const LatentBlock before = made(*generator, request_of("hills at dawn, green ball moving right", 31));
  WindowRequest chained = request_of("hills at dawn, green ball moving right", 31);
  chained.first_frame = 12;
  chained.clean_frames = {0, 1, 2, 3};
  chained.clean_latents = slice_frames(before, 12, 4);
  const LatentBlock after = made(*generator, chained);
  CHECK(slice_frames(after, 0, 4) == slice_frames(before, 12, 4));
  CHECK(slice_frames(after, 4, 4) != slice_frames(before, 4, 4));

  WindowRequest between = request_of("hills at dawn", 32);
  between.clean_frames = {0, 15};
  between.clean_latents = slice_frames(before, 3, 2);
  const LatentBlock filled = made(*generator, between);
  CHECK(slice_frames(filled, 0, 1) == slice_frames(before, 3, 1));
  CHECK(slice_frames(filled, 15, 1) == slice_frames(before, 4, 1));
}

TEST_CASE("a chained window starts from the carry file's values") {
  const auto generator = load();
  const LatentBlock carry = slice_frames(made(*generator, request_of("sea", 3)), 12, 4);
  const auto read = latent_block_from_bytes(to_bytes(carry, CarryDtype::F32));
  REQUIRE(read.ok());
  CHECK(*read == carry);
}

TEST_CASE("masked cells keep what they were and the others are made") {
  const auto generator = load();
  const LatentBlock before = made(*generator, request_of("forest in fog", 41));
  WindowRequest request = request_of("forest in fog, red bird moving left", 42);
  request.mask = RegionMask{before, std::vector<std::uint8_t>(16 * 8 * 8, 0)};
  for (std::size_t i = 0; i < request.mask->known.size(); ++i) request.mask->known[i] = (i % 8) < 4;  // the left half
  const LatentBlock after = made(*generator, request);
  std::size_t kept = 0, changed = 0;
  for (std::size_t i = 0; i < after.values.size(); ++i) {
    const bool left = i % 8 < 4;
    if (left && std::abs(after.values[i] - before.values[i]) < 1e-5f) ++kept;
    if (!left && after.values[i] != before.values[i]) ++changed;
  }
  CHECK(kept == after.values.size() / 2);
  CHECK(changed > after.values.size() / 4);
}

TEST_CASE("a short window makes as many frames as it was asked for") {
  const auto generator = load();
  WindowRequest request = request_of("sea", 3);
  request.frames = 7;
  CHECK(made(*generator, request).frames == 7);
}

TEST_CASE("requests that cannot be are refused with their reason") {
  const auto generator = load();
  const auto code = [&](const WindowRequest& request) {
    const auto window = generator->begin(request);
    return window.ok() ? std::string("accepted") : window.error().code;
  };
  CHECK(code(request_of("a spaceship", 1)) == "prompt.unknown_word");
  CHECK(code(request_of("sea", 1, -1)) == "model.steps");
  CHECK(code(request_of("sea", 1, 100'000)) == "model.steps");
  WindowRequest request = request_of("sea", 1);
  request.guidance = 1000.0f;
  CHECK(code(request) == "model.guidance");
  request.guidance = std::nanf("");
  CHECK(code(request) == "model.guidance");
  request = request_of("sea", 1);
  request.frames = 17;
  CHECK(code(request) == "model.frames");
  request = request_of("sea", 1);
  request.clean_frames = {2, 2};
  CHECK(code(request) == "gpu.latent_shape");
  request.clean_frames = {0};
  CHECK(code(request) == "gpu.latent_shape");
  request = request_of("sea", 1);
  request.mask = RegionMask{};
  CHECK(code(request) == "gpu.latent_shape");
  CHECK(generator->encode(ImageBlock{1, 8, 8, std::vector<float>(192)}).error().code == "gpu.image_shape");
}

TEST_CASE("a batch that does not fit the memory budget says so, changes no window, and a smaller one runs") {
  const auto generator = load(80'000'000);
  const LatentBlock expected = made(*generator, request_of("sea, red boat", 100));
  std::vector<std::unique_ptr<Window>> windows;
  std::vector<Window*> pointers;
  for (std::uint64_t i = 0; i < 16; ++i) {
    windows.push_back(begun(*generator, request_of("sea, red boat", 100 + i)));
    pointers.push_back(windows.back().get());
  }
  const auto status = generator->step(pointers);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().code == "gpu.out_of_memory");
  CHECK(std::all_of(pointers.begin(), pointers.end(), [](const Window* window) { return window->step() == 0; }));
  CHECK(generator->memory().current_bytes < 80'000'000);
  CHECK(finished(*generator, *windows.front()) == expected);
}

TEST_CASE("a model that does not fit its budget is refused at load") {
  DeviceSpec device;
  device.threads = 1;
  device.memory_budget_bytes = 1'000'000;
  CHECK(load_torch_generator(kPackage, device).error().code == "gpu.out_of_memory");
  device.memory_budget_bytes = 0;
  CHECK(load_torch_generator(kPackage, device).ok());
}

TEST_CASE("a manifest whose network is not that of its weights is refused, however large it claims to be") {
  const std::filesystem::path root = std::filesystem::temp_directory_path() / ("claims-" + std::to_string(getpid()));
  const std::filesystem::path directory = root / "demo-clips@1";
  std::filesystem::create_directories(root);
  std::filesystem::copy(kPackage, directory);
  const std::string text = *base::read_file(directory / "model.toml", 1 << 20);
  const auto refusal = [&](const std::string& was, const std::string& claim) {
    std::string changed = text;
    changed.replace(changed.find(was), was.size(), claim);
    REQUIRE(base::write_file_durably(directory / "model.toml", changed).ok());
    DeviceSpec device;
    device.threads = 1;
    const auto loaded = load_torch_generator(directory, device);
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.error().code == "model.weights");
    return loaded.error().message;
  };
  CHECK(refusal("layers = 6", "layers = 5").find("tensors that the manifest's network does not have") !=
        std::string::npos);
  CHECK(refusal("modulation_rank = 32", "modulation_rank = 16").find("another shape") != std::string::npos);
  // 103 billion weights: refused by their shapes, before a machine's memory is asked for.
  const std::string huge = refusal("width = 192\nlayers = 6", "width = 8190\nlayers = 128");
  CHECK(huge.find("missing tensors") != std::string::npos);
  CHECK(huge.find("another shape") != std::string::npos);
  std::filesystem::remove_all(root);
}

TEST_CASE("the tensors that a package is checked for are those that the networks have") {
  const models::Package package = models::open_package(kPackage).value();
  models::NetworkShape other = package.manifest.network();
  other.layers = 2;
  other.width = 96;
  other.patch = 1;
  other.object_values = {3};
  for (const models::NetworkShape& shape : {package.manifest.network(), other}) {
    std::map<std::string, std::vector<std::int64_t>> built;
    const Parameters autoencoder = init_autoencoder(shape, 0), transformer = init_transformer(shape, 0);
    for (const auto& [name, tensor] : autoencoder.table()) built["autoencoder." + name] = tensor.sizes().vec();
    for (const auto& [name, tensor] : transformer.table()) built["transformer." + name] = tensor.sizes().vec();
    CHECK(models::network_tensors(shape) == built);
  }
}

TEST_CASE("threads are fixed by the first load of the process") {
  const auto generator = load();
  DeviceSpec device;
  device.threads = 2;
  CHECK(load_torch_generator(kPackage, device).error().code == "gpu.threads");
}

TEST_CASE("the peak of a step is measured") {
  const auto generator = load();
  const auto window = begun(*generator, request_of("sea", 9));
  generator->reset_peak();
  step_all(*generator, {window.get()});
  const MemoryFigures figures = generator->memory();
  CHECK(figures.peak_bytes > figures.resident_bytes);
  CHECK(figures.peak_bytes >= figures.current_bytes);
  // The manifest's prior is an honest first guess: what one window took fits into it.
  CHECK(figures.peak_bytes - figures.current_bytes <= generator->predicted_step_bytes({}, 1));
  CAPTURE(figures.peak_bytes - figures.current_bytes);
  CHECK(generator->predicted_step_bytes({}, 1) < 3 * (figures.peak_bytes - figures.current_bytes));
}

TEST_CASE("frames are decoded apart from each other") {
  const auto generator = load();
  const LatentBlock block = made(*generator, request_of("city at night", 8));
  const ImageBlock whole = decoded(*generator, block);
  CHECK(whole.frames == 16);
  CHECK(whole.width == 64);
  CHECK(largest_difference(slice_frames(whole, 5, 1), decoded(*generator, slice_frames(block, 5, 1))) <= 1.0f / 255.0f);
  CHECK(std::all_of(whole.values.begin(), whole.values.end(), [](float v) { return v >= 0.0f && v <= 1.0f; }));
}

}  // namespace
}  // namespace framemill::gpu
