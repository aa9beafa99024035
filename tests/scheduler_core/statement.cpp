#include "statement.h"

#include <sstream>

namespace framemill::scheduler::stage {

Words split(const std::string& text, char at) {
  Words parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, at);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

Statement::Statement(const std::string& line) {
  for (const std::string& part : split(line.substr(0, line.find('#')), ' ')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string::npos || equals == 0)
      words_.push_back(part);
    else if (!keys_.emplace(part.substr(0, equals), part.substr(equals + 1)).second)
      throw Wrong("the key " + part.substr(0, equals) + " is given twice");
  }
}

const std::string& Statement::word(std::size_t i) const {
  if (i >= words_.size()) throw Wrong("a word is missing");
  words_read_.insert(i);
  return words_[i];
}

Words Statement::words_from(std::size_t first) const {
  Words rest;
  for (std::size_t i = first; i < words_.size(); ++i) rest.push_back(word(i));
  return rest;
}

bool Statement::has(const std::string& key) const {
  keys_read_.insert(key);
  return keys_.contains(key);
}

std::string Statement::text(const std::string& key, const std::string& otherwise) const {
  return has(key) ? keys_.at(key) : otherwise;
}

std::uint64_t Statement::number(const std::string& key, std::uint64_t otherwise) const {
  return has(key) ? std::stoull(keys_.at(key)) : otherwise;
}

const std::map<std::string, std::string>& Statement::all_keys() const {
  for (const auto& [key, value] : keys_) keys_read_.insert(key);
  return keys_;
}

void Statement::require_all_read() const {
  for (const auto& [key, value] : keys_)
    if (!keys_read_.contains(key)) throw Wrong("this statement does not use the key " + key);
  for (std::size_t i = 0; i < words_.size(); ++i)
    if (!words_read_.contains(i)) throw Wrong("this statement does not use the word " + words_[i]);
}

}  // namespace framemill::scheduler::stage
