// A file in memory for the OpenEXR library to read. For this room alone. One thread.
#pragma once

#include <OpenEXR/ImfIO.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace framemill::frames {

class ExrMemory : public Imf::IStream {
 public:
  explicit ExrMemory(const std::string& bytes) : Imf::IStream("frame.exr"), bytes_(bytes) {}
  bool read(char to[], int count) override {
    if (count < 0 || at_ > bytes_.size() || static_cast<std::uint64_t>(count) > bytes_.size() - at_)
      throw std::runtime_error("the EXR file is truncated");
    std::memcpy(to, bytes_.data() + at_, static_cast<std::size_t>(count));
    at_ += static_cast<std::uint64_t>(count);
    return at_ < bytes_.size();
  }
  std::uint64_t tellg() override { return at_; }
  void seekg(std::uint64_t position) override { at_ = position; }

 private:
  const std::string& bytes_;
  std::uint64_t at_ = 0;
};

}  // namespace framemill::frames
