#include "models/safetensors.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <map>

#include "base/file.h"
#include "temporary_directory.h"

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
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F4","shape":[16],"data_offsets":[0,8]}})"),
             Catch::Contains("tensor 'x' has dtype 'F4'") && Catch::Contains("F8_E4M3"));
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
             Catch::Contains("tensor 'x' has dtype twice"));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}})"),
             Catch::Contains("twice"));
  CHECK_THAT(
      reason_for(
          R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
      Catch::Contains("appears twice"));
  CHECK_THAT(
      reason_for(
          R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})"),
      Catch::Contains("tensor 'y' overlaps the one before it at data byte 2"));
  CHECK_THAT(
      reason_for(
          R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}})"),
      Catch::Contains("a hole in the data before tensor 'y': bytes 2 to 6"));
  CHECK_THAT(reason_for(R"({"__metadata__":1})", ""), Catch::Contains("a number where none belongs"));
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

TEST_CASE("metadata that is not text is refused with its key") {
  for (const char* value : {"1", "1.5", "true", "null", "[]", "[\"x\"]", "{}", "18446744073709551615"})
    CHECK_THAT(reason_for(R"({"__metadata__":{"a":)" + std::string(value) + "}}", ""),
               Catch::Contains("__metadata__: 'a' is") && Catch::Contains("the format allows texts alone"));
  CHECK_THAT(reason_for(R"({"__metadata__":{"a":"1","a":"2"}})", ""), Catch::Contains("'a' appears twice"));
  CHECK_THAT(reason_for(R"({"__metadata__":{},"__metadata__":{}})", ""), Catch::Contains("appears twice"));
}

TEST_CASE("odd headers that the safetensors format allows are read") {
  // A header that is padded and says its metadata last; a single value, one without values, one at an odd offset.
  const std::string header = R"({"odd":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},)"
                             R"("byte":{"dtype":"U8","shape":[],"data_offsets":[0,1]},)"
                             R"("none":{"dtype":"F16","shape":[3,0],"data_offsets":[5,5]},)"
                             R"("first":{"dtype":"I8","shape":[0],"data_offsets":[0,0]},)"
                             R"("__metadata__":{"format":"pt"}})"
                             "   \n\t  ";
  const float value = 1.5f;
  const std::string data = "\x07" + std::string(reinterpret_cast<const char*>(&value), 4);
  const auto file = SafetensorsFile::parse(file_with(header, data));
  REQUIRE(file.ok());
  CHECK(file->metadata().at("format") == "pt");
  CHECK(file->find("byte")->shape.empty());
  CHECK(file->find("byte")->bytes == "\x07");
  CHECK(file->find("none")->bytes.empty());
  CHECK(floats_of(*file->find("odd")) == std::vector<float>{1.5f});
  CHECK(file->find("odd")->is_aligned() !=
        (reinterpret_cast<std::uintptr_t>(file->find("odd")->bytes.data()) % 4 != 0));
  CHECK_THAT(reason_for(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                        R"("none":{"dtype":"U8","shape":[0],"data_offsets":[3,3]}})"),
             Catch::Contains("overlaps"));
}

TEST_CASE("every dtype has a name and a size by which files are read") {
  const std::map<std::string, std::size_t> sizes = {{"F64", 8},     {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1},
                                                    {"F8_E5M2", 1}, {"I64", 8}, {"I32", 4}, {"I16", 2},  {"I8", 1},
                                                    {"U64", 8},     {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}};
  for (const auto& [name, size] : sizes) {
    INFO(name);
    REQUIRE(dtype_from_name(name));
    CHECK(dtype_name(*dtype_from_name(name)) == name);
    CHECK(dtype_size(*dtype_from_name(name)) == size);
    const std::string header =
        R"({"x":{"dtype":")" + name + R"(","shape":[2],"data_offsets":[0,)" + std::to_string(2 * size) + "]}}";
    CHECK(reason_for(header, std::string(2 * size, '\0')) == "accepted");
  }
  CHECK_FALSE(dtype_from_name("f32"));
}

TEST_CASE("8-bit floats have the values of their formats") {
  CHECK(float_from_e4m3(0x00) == 0.0f);
  CHECK(float_from_e4m3(0x01) == 0x1p-9f);  // the smallest
  CHECK(float_from_e4m3(0x08) == 0x1p-6f);  // the smallest normal
  CHECK(float_from_e4m3(0x38) == 1.0f);
  CHECK(float_from_e4m3(0x3c) == 1.5f);
  CHECK(float_from_e4m3(0x7e) == 448.0f);
  CHECK(float_from_e4m3(0xfe) == -448.0f);
  CHECK(std::isnan(float_from_e4m3(0x7f)));
  CHECK(std::isnan(float_from_e4m3(0xff)));
  const auto e5m2 = floats_from(Dtype::F8_E5M2, std::string_view("\x3c\x01\x7b\x7c\xbc", 5));
  CHECK(e5m2[0] == 1.0f);
  CHECK(e5m2[1] == 0x1p-16f);
  CHECK(e5m2[2] == 57344.0f);
  CHECK(std::isinf(e5m2[3]));
  CHECK(e5m2[4] == -1.0f);
  CHECK(floats_from(Dtype::BF16, std::string_view("\xc0\x3f", 2)) == std::vector<float>{1.5f});
  const double wide = 0.1;
  CHECK(floats_from(Dtype::F64, {reinterpret_cast<const char*>(&wide), 8}) == std::vector<float>{0.1f});
  CHECK(floats_from(Dtype::I32, "abcd").empty());
}

TEST_CASE("a mapped safetensors file is the file itself") {
  const TemporaryDirectory directory;
  const std::filesystem::path path = directory.path() / "weights.safetensors";
  SafetensorsWriter writer;
  writer.add_floats("x", {2}, std::vector<float>{4.0f, 5.0f});
  REQUIRE(base::write_file_durably(path, writer.bytes()).ok());
  std::shared_ptr<const void> storage;
  std::string_view bytes;
  {
    auto mapped = SafetensorsFile::map(path);
    REQUIRE(mapped.ok());
    const SafetensorsFile moved = std::move(mapped).value();
    CHECK(floats_of(*moved.find("x")) == std::vector<float>{4.0f, 5.0f});
    CHECK(moved.find("x")->is_aligned());
    storage = moved.storage();
    bytes = moved.find("x")->bytes;
  }
  std::filesystem::remove(path);  // a mapping outlives the file's name, and `storage` the SafetensorsFile
  CHECK(floats_from(Dtype::F32, bytes) == std::vector<float>{4.0f, 5.0f});
}

TEST_CASE("what cannot be mapped is an error with the file's name") {
  const TemporaryDirectory directory;
  const auto code_of = [](const std::filesystem::path& path) {
    const auto file = SafetensorsFile::map(path);
    REQUIRE_FALSE(file.ok());
    CHECK_THAT(file.error().message, Catch::Contains(path.filename().string()));
    return file.error().code;
  };
  CHECK(code_of(directory.path() / "absent") == "file.open");
  CHECK(code_of(directory.path()) == "file.not_regular");
  REQUIRE(::mkfifo((directory.path() / "fifo").c_str(), 0600) == 0);
  CHECK(code_of(directory.path() / "fifo") == "file.not_regular");
  for (const std::string& contents : {std::string(), std::string("short"), std::string(64, '\xff')}) {
    REQUIRE(base::write_file_durably(directory.path() / "bad", contents).ok());
    CHECK(code_of(directory.path() / "bad") == "model.safetensors");
  }
}

TEST_CASE("no damage to a safetensors header is read as other tensors without an error") {
  SafetensorsWriter writer;
  writer.add_floats("a.weight", {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  writer.add("b", Dtype::F8_E4M3, {5}, "abcde");
  writer.add_floats("c", {}, std::vector<float>{7});
  writer.set_metadata("format", "pt");
  const std::string whole = writer.bytes();
  const std::size_t header_end = whole.find('}', whole.rfind("data_offsets")) + 2;
  for (std::size_t at = 0; at < header_end; ++at) {
    for (const int flip : {0x01, 0x02, 0x10, 0x20, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const auto file = SafetensorsFile::parse(damaged);
      if (!file.ok()) continue;
      // What was accepted is another name, another dtype of the same size or other metadata: every byte has one owner.
      std::size_t covered = 0;
      for (const auto& [name, view] : file->tensors()) {
        std::size_t count = 1;
        for (const std::int64_t extent : view.shape) count *= static_cast<std::size_t>(extent);
        REQUIRE(count * dtype_size(view.dtype) == view.bytes.size());
        covered += view.bytes.size();
      }
      REQUIRE(covered == 24 + 5 + 4);
    }
  }
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
