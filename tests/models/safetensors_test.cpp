#include "models/safetensors.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>

namespace framemill::models {
namespace {

std::string file_with(const std::string& header, const std::string& data) {
  const std::uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}

std::string reason_for(const std::string& header, const std::string& data = std::string(8, 'x')) {
  const auto parsed = SafetensorsFile::parse(file_with(header, data));
  return parsed.ok() ? "accepted" : parsed.error().message;
}

TEST_CASE("a safetensors file that was written reads back, metadata included") {
  SafetensorsWriter writer;
  const std::vector<float> values{1.0f, -2.5f, 3.25f, 0.0f, 5.0f, 6.0f};
  writer.add_floats("b", {2, 3}, values);
  writer.add("a", Dtype::F16, {1}, std::string("\x00\x3c", 2));
  writer.set_metadata("quote", "a \"quoted\" line\n");
  const auto file = SafetensorsFile::parse(writer.bytes());
  REQUIRE(file.ok());
  CHECK(file->tensors().size() == 2);
  CHECK(floats_of(*file->find("b")) == values);
  CHECK(file->find("b")->shape == std::vector<std::int64_t>{2, 3});
  CHECK(floats_of(*file->find("a")) == std::vector<float>{1.0f});
  CHECK(file->metadata().at("quote") == "a \"quoted\" line\n");
  CHECK(file->find("c") == nullptr);
}

TEST_CASE("equal contents give equal safetensors bytes whatever the order of adding") {
  SafetensorsWriter one, two;
  const std::vector<float> x{1.0f}, y{2.0f};
  one.add_floats("x", {1}, x);
  one.add_floats("y", {1}, y);
  two.add_floats("y", {1}, y);
  two.add_floats("x", {1}, x);
  CHECK(one.bytes() == two.bytes());
}

TEST_CASE("views stay valid when a safetensors file is moved") {
  SafetensorsWriter writer;
  writer.add_floats("x", {2}, std::vector<float>{4.0f, 5.0f});
  auto parsed = SafetensorsFile::parse(writer.bytes());
  REQUIRE(parsed.ok());
  const SafetensorsFile moved = std::move(parsed).value();
  CHECK(floats_of(*moved.find("x")) == std::vector<float>{4.0f, 5.0f});
}

TEST_CASE("hostile safetensors headers are refused with the reason") {
  const std::string good = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  REQUIRE(reason_for(good) == "accepted");
  CHECK_THAT(reason_for(good, std::string(9, 'x')), Catch::Contains("1 bytes after the last tensor"));
  CHECK_THAT(reason_for(good, std::string(7, 'x')), Catch::Contains("outside the data"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})"),
             Catch::Contains("shape does not match"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})"),
             Catch::Contains("shape does not match"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})"), Catch::Contains("F64"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"), Catch::Contains("negative"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})"),
             Catch::Contains("not an integer"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})"),
             Catch::Contains("outside the data"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0]}})"), Catch::Contains("two numbers"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2]}})"), Catch::Contains("lacks"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"extra":1}})"),
             Catch::Contains("unknown key"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
             Catch::Contains("a text where none belongs"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}})"),
             Catch::Contains("twice"));
  CHECK_THAT(
      reason_for(
          R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
      Catch::Contains("appears twice"));
  CHECK_THAT(
      reason_for(
          R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})"),
      Catch::Contains("overlap"));
  CHECK_THAT(
      reason_for(
          R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}})"),
      Catch::Contains("hole"));
  CHECK_THAT(reason_for(R"({"__metadata__":{"a":1}})", ""), Catch::Contains("number where none belongs"));
  CHECK_THAT(reason_for(R"([1])", ""), Catch::Contains("array where none belongs"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})"), Catch::Contains("header"));
  CHECK_THAT(reason_for("{}garbage", ""), Catch::Contains("header"));
  CHECK_THAT(reason_for("7", ""), Catch::Contains("header"));
}

TEST_CASE("a safetensors header length that lies is refused before anything is allocated") {
  std::string bytes(8, '\xff');
  CHECK_FALSE(SafetensorsFile::parse(bytes).ok());
  CHECK_FALSE(SafetensorsFile::parse("short").ok());
  CHECK_FALSE(SafetensorsFile::parse("").ok());
  bytes = std::string("\x01\x00\x00\x01\x00\x00\x00\x00", 8) + std::string(17 << 20, ' ');
  const auto parsed = SafetensorsFile::parse(bytes);
  REQUIRE_FALSE(parsed.ok());
  CHECK_THAT(parsed.error().message, Catch::Contains("header length 16777217"));
}

TEST_CASE("metadata as large as a workflow's is read") {
  SafetensorsWriter writer;
  writer.add_floats("weights", {1}, std::vector<float>{1});
  writer.set_metadata("workflow", std::string(3 << 20, 'w'));
  writer.set_metadata("prompt", std::string(100'000, 'p'));
  const auto file = SafetensorsFile::parse(writer.bytes());
  REQUIRE(file.ok());
  CHECK(file->metadata().at("workflow").size() == 3 << 20);
}

TEST_CASE("what is over a limit of the safetensors reader is called a limit, not a fault") {
  const auto refused = [](const std::string& header, const std::string& data = "") {
    const std::uint64_t size = header.size();
    const auto file = SafetensorsFile::parse(std::string(reinterpret_cast<const char*>(&size), 8) + header + data);
    REQUIRE_FALSE(file.ok());
    return file.error().message + " | " + file.error().hint;
  };
  const auto is_limit = Catch::Contains("this is a limit");
  CHECK_THAT(refused("{" + std::string(kSafetensorsHeaderBytesMax, ' ') + "}"),
             is_limit && Catch::Contains("the limit is 16777216 bytes"));
  std::string many = "{";
  for (int i = 0; i < 5000; ++i)
    many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})";
  CHECK_THAT(refused(many + "}"), is_limit && Catch::Contains("4096"));
  CHECK_THAT(refused("{\"" + std::string(300, 'n') + R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
             is_limit && Catch::Contains("256 bytes in a name"));
  CHECK_THAT(refused(R"({"x":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", "x"),
             is_limit && Catch::Contains("8 dimensions"));
  CHECK_THAT(refused("{"), !is_limit);
}

TEST_CASE("every truncation of a good safetensors file is refused") {
  SafetensorsWriter writer;
  writer.add_floats("weights", {3}, std::vector<float>{1, 2, 3});
  writer.set_metadata("k", "v");
  const std::string whole = writer.bytes();
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_FALSE(SafetensorsFile::parse(whole.substr(0, length)).ok());
}

TEST_CASE("half precision rounds to nearest even and keeps every half value") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float_from_half(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) continue;
    REQUIRE(half_from_float(value) == bits);
  }
  CHECK(half_from_float(1.0f + 0x1p-11f) == 0x3c00);  // a tie goes to even
  CHECK(half_from_float(1.0f + 3 * 0x1p-11f) == 0x3c02);
  CHECK(half_from_float(65520.0f) == 0x7c00);  // rounds to infinity
  CHECK(half_from_float(65519.0f) == 0x7bff);
  CHECK(half_from_float(1e-10f) == 0);
  CHECK(std::isnan(float_from_half(half_from_float(NAN))));
}

}  // namespace
}  // namespace framemill::models
