#include "worker/frames/png_chunks.h"

#include <array>
#include <boost/crc.hpp>
#include <optional>

#include "worker/frames/frame_format.h"

namespace framemill::frames {
namespace {

constexpr std::size_t kAroundData = 12;  // length, type and checksum of a chunk
constexpr std::size_t kKeywordBytesMax = 79;

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(0, 4)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

void append_big_endian(std::string& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>(value >> shift & 0xff));
}

struct Chunk {
  std::string_view type;  // "IHDR"
  std::string_view data;
  std::string_view whole;  // with length, type and checksum
};

// The chunk at the front, which is taken off. Nothing: the file is cut here.
std::optional<Chunk> take_chunk(std::string_view& bytes) {
  if (bytes.size() < kAroundData) return std::nullopt;
  const std::size_t length = big_endian(bytes);
  if (length > bytes.size() - kAroundData) return std::nullopt;
  const Chunk chunk{bytes.substr(4, 4), bytes.substr(8, length), bytes.substr(0, length + kAroundData)};
  bytes.remove_prefix(chunk.whole.size());
  return chunk;
}

bool is_our_text(const Chunk& chunk) {
  const bool text = chunk.type == "tEXt" || chunk.type == "zTXt" || chunk.type == "iTXt";
  return text && chunk.data.starts_with(kAttributePrefix);
}

std::string text_chunk(const std::string& keyword, const std::string& value) {
  std::string typed = "tEXt" + keyword.substr(0, kKeywordBytesMax);
  typed.push_back('\0');
  typed += value;
  boost::crc_32_type sum;
  sum.process_bytes(typed.data(), typed.size());
  std::string chunk;
  append_big_endian(chunk, static_cast<std::uint32_t>(typed.size() - 4));
  chunk += typed;
  append_big_endian(chunk, sum.checksum());
  return chunk;
}

base::Error png_is_cut() {
  return unreadable_frame("the PNG file is truncated: its last chunk is missing");
}

}  // namespace

base::Status check_png_is_whole(std::string_view file_bytes) {
  if (!file_bytes.starts_with(kPngMagic)) return unreadable_frame("not a PNG file");
  file_bytes.remove_prefix(kPngMagic.size());
  while (const auto chunk = take_chunk(file_bytes))
    if (chunk->type == "IEND") return {};
  return png_is_cut();
}

base::Result<std::string> with_png_attributes(std::string_view file_bytes, const Attributes& attributes) {
  FM_TRY(check_png_is_whole(file_bytes));
  std::string out(kPngMagic);
  out.reserve(file_bytes.size() + 4096);
  file_bytes.remove_prefix(kPngMagic.size());
  while (const auto chunk = take_chunk(file_bytes)) {
    if (!is_our_text(*chunk)) out += chunk->whole;
    if (chunk->type == "IHDR")
      for (const auto& [name, value] : attributes) out += text_chunk(name, value);
    if (chunk->type == "IEND") break;
  }
  return out;
}

}  // namespace framemill::frames
