#include "worker/frames/frame_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "models/safetensors.h"
#include "worker/frames/file_digests.h"
#include "worker/frames/frame_attributes.h"

using namespace framemill;
using frames::ColourSpace;

namespace {

frames::Picture ramp(ColourSpace space) {
  frames::Picture picture{16, 8, space, {}};
  picture.rgb.resize(picture.sample_count());
  for (std::size_t i = 0; i < picture.rgb.size(); ++i)
    picture.rgb[i] = static_cast<float>(i) / static_cast<float>(picture.rgb.size());
  return picture;
}

wire::Recipe recipe() {
  wire::Recipe r;
  r.set_show("harbor");
  r.set_sequence("hb");
  r.set_shot("hb_0010");
  r.set_layer("boards");
  r.set_variant(2);
  r.set_seed(9007199254740993ull);
  r.set_version(3);
  r.set_reproducibility("exact");
  r.mutable_generate()->set_model("demo-clips@1");
  r.mutable_generate()->set_model_digest(std::string(32, '\xab'));
  r.mutable_generate()->set_prompt("calm \"harbor\" at dusk, red boat");
  r.set_recipe_digest(std::string(32, '\x01'));
  r.set_plan_digest(std::string(32, '\x02'));
  return r;
}

// Two hexadecimal digits, for each byte of a digest.
std::string digest_of(const std::string& digits) {
  std::string out;
  for (int i = 0; i < 32; ++i) out += digits;
  return out;
}

constexpr jobs::FrameFormat kFormats[] = {jobs::FrameFormat::Exr, jobs::FrameFormat::Png};

}  // namespace

TEST_CASE("the same picture and attributes give the same bytes, also a second later") {
  for (const auto format : kFormats) {
    const auto attributes = frames::frame_attributes(recipe(), 1001, "cpu avx2");
    const auto one = frames::encode_frame(ramp(ColourSpace::Srgb), format, attributes).value();
    ::sleep(1);  // a time stamp in a header would differ now
    const auto two = frames::encode_frame(ramp(ColourSpace::Srgb), format, attributes).value();
    CHECK(one.bytes == two.bytes);
    CHECK(one.sha256 == base::sha256(one.bytes));
    CHECK(one.bytes.find("capDate") == std::string::npos);
    CHECK(one.bytes.find("OpenImageIO") == std::string::npos);
  }
}

TEST_CASE("a frame file carries the recipe's attributes and nothing about who made it when") {
  const auto attributes = frames::frame_attributes(recipe(), -7, "cpu avx2 torch threads=1");
  for (const auto format : kFormats) {
    const auto file = frames::encode_frame(ramp(ColourSpace::Srgb), format, attributes).value();
    const auto back = frames::decode_frame(file.bytes).value();
    for (const auto& [name, value] : attributes) CHECK(frames::attribute(back.attributes, name.substr(10)) == value);
    CHECK(frames::attribute(back.attributes, "frame") == "-7");
    CHECK(frames::attribute(back.attributes, "seed") == "9007199254740993");
    CHECK(frames::attribute(back.attributes, "prompt") == "calm \"harbor\" at dusk, red boat");
    CHECK(frames::attribute(back.attributes, "colour_space") ==
          (format == jobs::FrameFormat::Exr ? "lin_rec709" : "srgb"));
    CHECK(back.attributes.size() == attributes.size() + 1);
  }
}

TEST_CASE("a frame's attributes are where it belongs, what it was made from and how, each once") {
  const frames::Attributes generated{{"framemill:show", "harbor"},
                                     {"framemill:sequence", "hb"},
                                     {"framemill:shot", "hb_0010"},
                                     {"framemill:layer", "boards"},
                                     {"framemill:variant", "2"},
                                     {"framemill:version", "3"},
                                     {"framemill:frame", "1001"},
                                     {"framemill:seed", "9007199254740993"},
                                     {"framemill:model", "demo-clips@1"},
                                     {"framemill:model_digest", digest_of("ab")},
                                     {"framemill:prompt", "calm \"harbor\" at dusk, red boat"},
                                     {"framemill:recipe_digest", digest_of("01")},
                                     {"framemill:plan_digest", digest_of("02")},
                                     {"framemill:reproducibility", "exact"},
                                     {"framemill:device_class", "cpu avx2"}};
  CHECK(frames::frame_attributes(recipe(), 1001, "cpu avx2") == generated);
  wire::Recipe command = recipe();
  command.mutable_command();
  const auto of_a_program = frames::frame_attributes(command, 1001, "");
  CHECK(of_a_program.size() == generated.size() - 5);
  for (const char* none : {"seed", "model", "model_digest", "prompt", "device_class"})
    CHECK(frames::attribute(of_a_program, none).empty());
}

TEST_CASE("an EXR frame is scene-linear half and comes back as the sRGB picture within a code value of 8 bits") {
  const auto picture = ramp(ColourSpace::Srgb);
  const auto file = frames::encode_frame(picture, jobs::FrameFormat::Exr, {}).value();
  const auto stored = frames::stored_samples(file.bytes).value();
  CHECK(stored.type == frames::SampleType::F16);
  CHECK(stored.channels == std::vector<std::string>{"R", "G", "B"});
  const auto back = frames::in_space(frames::decode_frame(file.bytes).value().picture, ColourSpace::Srgb);
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) REQUIRE(std::abs(back.rgb[i] - picture.rgb[i]) < 0.5f / 255);
}

TEST_CASE("a PNG frame rounds to 8 bits and clamps what lies outside") {
  frames::Picture picture{2, 1, ColourSpace::Srgb, {-0.5f, 0.5f, 1.5f, 0.25f, 0.0f, 1.0f}};
  const auto file = frames::encode_frame(picture, jobs::FrameFormat::Png, {}).value();
  const auto stored = frames::stored_samples(file.bytes).value();
  CHECK(stored.bytes == std::string("\x00\x80\xff\x40\x00\xff", 6));
  CHECK(frames::samples_digest(stored) == file.samples_sha256);
}

TEST_CASE("the sRGB curve and its inverse are one another's inverse") {
  for (int i = 0; i <= 1000; ++i) {
    const float v = static_cast<float>(i) / 1000;
    CHECK(std::abs(frames::srgb_from_linear(frames::linear_from_srgb(v)) - v) < 1e-6f);
  }
  CHECK(frames::linear_from_srgb(0.5f) == Approx(0.21404114));  // IEC 61966-2-1
}

TEST_CASE("the samples digest is that of docs/digests.md") {
  // The worked example of the page: a picture of two pixels, 8 bits.
  const frames::ImageSamples image{
      2, 1, {"R", "G", "B"}, frames::SampleType::U8, std::string("\x00\x80\xff\x40\x00\xff", 6)};
  const auto expected = base::sha256(std::string("framemill-samples 1\nimage 2 1 3 u8\nR G B\n") + image.bytes);
  CHECK(frames::samples_digest(image) == expected);
  CHECK(expected.hex() == "aef98a3b599c5ebffab2bfc655f37d5005b2b161fc2bade4fc8df329a237832e");
}

TEST_CASE("the samples digest ignores compression and attributes but sees one changed sample") {
  const auto plain = frames::encode_frame(ramp(ColourSpace::Srgb), jobs::FrameFormat::Exr, {}).value();
  const auto named =
      frames::encode_frame(ramp(ColourSpace::Srgb), jobs::FrameFormat::Exr, {{"framemill:show", "x"}}).value();
  CHECK(plain.bytes != named.bytes);
  CHECK(plain.samples_sha256 == named.samples_sha256);
  CHECK(frames::digest_of_bytes(named.bytes).value().samples == named.samples_sha256);
  auto other = ramp(ColourSpace::Srgb);
  other.rgb[100] += 0.01f;
  CHECK(frames::encode_frame(other, jobs::FrameFormat::Exr, {}).value().samples_sha256 != plain.samples_sha256);
}

TEST_CASE("latents have a samples digest that ignores the file's metadata") {
  const std::vector<float> values{1, 2, 3, 4};
  models::SafetensorsWriter plain, noted;
  plain.add_floats("latents", {1, 1, 2, 2}, values);
  noted.add_floats("latents", {1, 1, 2, 2}, values);
  noted.set_metadata("note", "x");
  const auto a = frames::digest_of_bytes(plain.bytes()).value();
  const auto b = frames::digest_of_bytes(noted.bytes()).value();
  CHECK(a.bytes != b.bytes);
  CHECK(a.has_samples);
  CHECK(a.samples == b.samples);
  CHECK_FALSE(frames::digest_of_bytes("just text").value().has_samples);
}

TEST_CASE("hostile frame files are errors, never more") {
  const auto whole = frames::encode_frame(ramp(ColourSpace::Srgb), jobs::FrameFormat::Exr, {}).value().bytes;
  CHECK(frames::decode_frame("").error().code == "frames.unreadable");
  CHECK(frames::decode_frame("#!/bin/sh\n").error().code == "frames.unreadable");
  for (const std::size_t cut : {5ul, 60ul, 300ul, whole.size() - 1})
    CHECK_FALSE(frames::decode_frame(whole.substr(0, cut)).ok());
  const auto png = frames::encode_frame(ramp(ColourSpace::Srgb), jobs::FrameFormat::Png, {}).value().bytes;
  std::string huge = png;
  huge[16] = 0x7f;  // the width of the header chunk: two thousand million pixels
  CHECK_FALSE(frames::decode_frame(huge).ok());
  CHECK_FALSE(frames::decode_frame(png.substr(0, 40)).ok());
}
