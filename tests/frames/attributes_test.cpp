// Headers changed without touching a sample, and digests of files that other tools write.
#include <catch2/catch.hpp>
#include <cstring>

#include "models/safetensors.h"
#include "tests/frames/exr_maker.h"
#include "worker/frames/exr_attributes.h"
#include "worker/frames/file_digests.h"
#include "worker/frames/frame_attributes.h"
#include "worker/frames/frame_file.h"
#include "worker/frames/png_chunks.h"

using namespace framemill;
using namespace framemill::tests;

namespace {

constexpr Box kWindow{0, 0, 40, 24};
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string samples_of(const std::string& bytes) {
  const auto digests = frames::digest_of_bytes(bytes);
  INFO((digests.ok() ? "" : digests.error().message));
  REQUIRE(digests.ok());
  CHECK(digests->has_samples);
  return digests->samples.hex();
}

void append_half(std::string& to, float value) {
  const std::uint16_t bits = models::half_from_float(value);
  to.push_back(static_cast<char>(bits & 0xff));
  to.push_back(static_cast<char>(bits >> 8));
}

}  // namespace

TEST_CASE("an EXR gets our attributes in every part, loses what another job wrote, and keeps its samples") {
  const Pairs foreign{{"framemill:layer", "raw"}, {"framemill:seed", "7"}, {"owner", "studio"}};
  for (const bool tiled : {false, true}) {
    for (const int parts : {1, 3}) {
      std::vector<ExrPart> made;
      for (int i = 0; i < parts; ++i)
        made.push_back(
            {"part" + std::to_string(i), {"B", "G", "R"}, kWindow, {-3, 2, 50, 19}, tiled, i == 1, {}, foreign});
      const std::string before = make_exr(made);
      REQUIRE(frames::attribute(frames::decode_frame(before).value().attributes, "seed") == "7");
      const auto after = frames::with_exr_attributes(before, {{"framemill:layer", "grade"}, {"framemill:job", "12"}});
      INFO((after.ok() ? "" : after.error().message));
      REQUIRE(after.ok());
      const auto decoded = frames::decode_frame(*after).value();
      CHECK(decoded.attributes == frames::Attributes{{"framemill:job", "12"}, {"framemill:layer", "grade"}});
      CHECK(decoded.picture.rgb == frames::decode_frame(before).value().picture.rgb);
      CHECK(samples_of(*after) == samples_of(before));
      CHECK(after->find("owner") != std::string::npos);
      CHECK(after->find("framemill:seed") == std::string::npos);
      CHECK(frames::with_exr_attributes(before, {}).value() == frames::with_exr_attributes(*after, {}).value());
    }
  }
}

TEST_CASE("a file that is cut gets no attributes") {
  const std::string exr = make_exr({{"", {"R", "G", "B"}, kWindow, kWindow}});
  for (const std::size_t cut : {0ul, 40ul, exr.size() / 2})
    CHECK(frames::with_exr_attributes(exr.substr(0, cut), {}).error().code == "frames.unreadable");
  CHECK(frames::with_png_attributes("", {}).error().code == "frames.unreadable");
}

TEST_CASE("a PNG gets our text, loses what another job wrote, and keeps its pixels") {
  frames::Picture picture{3, 2, frames::ColourSpace::Srgb, std::vector<float>(18, 0.25f)};
  const auto before =
      frames::encode_frame(picture, jobs::FrameFormat::Png, {{"framemill:seed", "7"}, {"Author", "studio"}}).value();
  const auto after = frames::with_png_attributes(before.bytes, {{"framemill:layer", "grade"}}).value();
  const auto decoded = frames::decode_frame(after).value();
  CHECK(decoded.attributes == frames::Attributes{{"framemill:layer", "grade"}});
  CHECK(samples_of(after) == before.samples_sha256.hex());
  CHECK(after.find("studio") != std::string::npos);
  CHECK(frames::with_png_attributes(after, {{"framemill:layer", "grade"}}).value() == after);
  CHECK_FALSE(frames::with_png_attributes(before.bytes.substr(0, before.bytes.size() - 12), {}).ok());
}

TEST_CASE("channels of different types have the digest of docs/digests.md, version 2") {
  const Box window{1, 2, 2, 2};
  const std::string file = make_exr({{"", {"B", "G", "R", "id"}, {0, 0, 4, 4}, window, false, false, {"id"}}});
  std::string canonical =
      "framemill-samples 2\npart 2 2 1 2 4\nchannel f16 R\nchannel f16 G\nchannel f16 B\nchannel u32 id\n";
  for (int y = 2; y < 4; ++y) {
    for (int x = 1; x < 3; ++x) {
      for (const std::size_t c : {2ul, 1ul, 0ul}) append_half(canonical, exr_sample(c, x, y));
      const auto id = static_cast<std::uint32_t>(exr_sample(3, x, y));
      canonical.append(reinterpret_cast<const char*>(&id), sizeof id);
    }
  }
  CHECK(samples_of(file) == base::sha256(canonical).hex());
}

TEST_CASE("the digest of a file of several parts sees each of them") {
  const ExrPart one{"a", {"B", "G", "R"}, kWindow, kWindow}, two{"b", {"Z"}, kWindow, kWindow, true, true};
  ExrPart moved = two;
  moved.data.left += 1;
  ExrPart other = two;
  other.sample = [](std::size_t, int x, int) { return x == 39 ? 1.0f : 0.0f; };
  const std::string both = samples_of(make_exr({one, two}));
  CHECK(both == samples_of(make_exr({one, two})));
  CHECK(both != samples_of(make_exr({one, moved})));
  CHECK(both != samples_of(make_exr({one, other})));
  CHECK(both != samples_of(make_exr({one})));
}

TEST_CASE("forty channels of one type keep the first version's digest") {
  const std::string file = make_exr({{"", {"A", "B", "G", "N.X", "N.Y", "N.Z", "R", "Z"}, kWindow, kWindow, true}});
  CHECK(samples_of(file) == frames::samples_digest(frames::stored_samples(file).value()).hex());
}
