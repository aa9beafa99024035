#include "scheduler/store/wal_scan.h"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <span>
#include <vector>

#include "scheduler/store/store_error.h"

namespace framemill::scheduler::store {
namespace {

constexpr std::size_t kHeaderBytes = 32, kFrameHeaderBytes = 24;
constexpr std::uint32_t kMagic = 0x377f0682;  // with its last bit set: checksums over big-endian words

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) | (std::uint32_t{bytes[2]} << 8) | bytes[3];
}
std::uint32_t little_endian(const std::uint8_t* bytes) {
  return (std::uint32_t{bytes[3]} << 24) | (std::uint32_t{bytes[2]} << 16) | (std::uint32_t{bytes[1]} << 8) | bytes[0];
}

struct Checksum {
  bool big = false;
  std::uint32_t s0 = 0, s1 = 0;

  void add(std::span<const std::uint8_t> bytes) {
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
      s0 += (big ? big_endian(&bytes[at]) : little_endian(&bytes[at])) + s1;
      s1 += (big ? big_endian(&bytes[at + 4]) : little_endian(&bytes[at + 4])) + s0;
    }
  }
  bool is(const std::uint8_t* stored) const { return s0 == big_endian(stored) && s1 == big_endian(stored + 4); }
};

}  // namespace

base::Result<WalScan> scan_wal(const std::filesystem::path& wal) {
  WalScan scan;
  std::ifstream file(wal, std::ios::binary);
  std::array<std::uint8_t, kHeaderBytes> header{};
  if (!file || !file.read(reinterpret_cast<char*>(header.data()), kHeaderBytes)) return scan;
  const std::uint32_t magic = big_endian(&header[0]);
  const std::uint32_t page_bytes = big_endian(&header[8]);
  Checksum sum{(magic & 1) != 0};
  sum.add(std::span(header).first(24));
  if ((magic & ~1u) != kMagic || !sum.is(&header[24]) || page_bytes < 512 || page_bytes > 65536)
    return base::error_of(StoreError::Corrupt,
                          fmt::format("the head of {} is damaged: none of its transactions can be read", wal.string()));
  std::vector<std::uint8_t> frame(kFrameHeaderBytes + page_bytes);
  bool whole = true;
  while (file.read(reinterpret_cast<char*>(frame.data()), static_cast<std::streamsize>(frame.size()))) {
    // Frames of an earlier generation of the log have other salts: what was written before it was last begun anew.
    const bool same_generation = std::equal(&frame[8], &frame[16], &header[16]);
    sum.add(std::span(frame).first(8));
    sum.add(std::span(frame).subspan(kFrameHeaderBytes));
    whole = whole && same_generation && sum.is(&frame[16]);
    const bool commits = big_endian(&frame[4]) != 0;
    if (whole) {
      ++scan.frames_whole;
      scan.commits_whole += commits;
    } else if (same_generation) {
      ++scan.frames_after_break;
      scan.commits_after_break += commits;
    }
  }
  return scan;
}

}  // namespace framemill::scheduler::store
