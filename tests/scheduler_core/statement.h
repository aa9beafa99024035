// One line of a scenario: its words, and its key=value pairs.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace framemill::scheduler::stage {

using Words = std::vector<std::string>;

struct Wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

Words split(const std::string& text, char at);

// The words of a line, and its key=value pairs. A statement remembers what was read of it, so that a key or a word that
// nobody reads (a misspelt one) is an error instead of an expectation that always holds.
class Statement {
 public:
  explicit Statement(const std::string& line);
  bool empty() const { return words_.empty(); }
  std::size_t size() const { return words_.size(); }
  const std::string& word(std::size_t i) const;
  Words words_from(std::size_t first) const;
  bool has(const std::string& key) const;
  std::string text(const std::string& key, const std::string& otherwise) const;
  std::uint64_t number(const std::string& key, std::uint64_t otherwise) const;
  const std::map<std::string, std::string>& all_keys() const;
  void require_all_read() const;

 private:
  Words words_;
  std::map<std::string, std::string> keys_;
  mutable std::set<std::size_t> words_read_;
  mutable std::set<std::string> keys_read_;
};

}  // namespace framemill::scheduler::stage
