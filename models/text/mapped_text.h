// A text that was made from another one, and for each of its bytes where in that one it comes from. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace framemill::models {

class MappedText {
 public:
  MappedText() = default;
  // Every byte from itself.
  explicit MappedText(std::string_view text, std::size_t offset = 0) : text_(text) {
    for (std::size_t i = 0; i < text.size(); ++i) origins_.push_back(static_cast<std::uint32_t>(offset + i));
  }

  std::string_view text() const { return text_; }
  std::size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }
  std::size_t origin(std::size_t byte) const { return origins_[byte]; }  // byte < size()

  void append(std::string_view text, std::size_t origin) {
    text_ += text;
    origins_.resize(text_.size(), static_cast<std::uint32_t>(origin));
  }
  void shorten(std::size_t size) {
    text_.resize(size);
    origins_.resize(size);
  }

 private:
  std::string text_;
  std::vector<std::uint32_t> origins_;
};

}  // namespace framemill::models
