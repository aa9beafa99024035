#include "scheduler/http/job_texts.h"

#include <boost/json/serialize.hpp>

#include "scheduler/http/to_json.h"

namespace framemill::scheduler {

const std::string& JobTexts::text_of(const JobRow& row) {
  if (texts_.size() >= kRowsMax && !texts_.contains(row->id)) texts_.clear();
  Text& text = texts_[row->id];
  if (text.row != row) {
    text = {row, json::serialize(job_summary_json(*row))};
    text.json.pop_back();
    ++written_;
  }
  return text.json;
}

std::string JobTexts::page(const std::vector<JobRow>& rows, const std::string& next, const Foretold& foretold) {
  std::string out = "{\"items\":[";
  for (const JobRow& row : rows) {
    if (out.back() != '[') out += ',';
    json::object told;
    add_foretold(told, *row, foretold);
    const std::string rest = json::serialize(told);
    out += text_of(row) + "," + rest.substr(1);
  }
  return out + "],\"next\":" + (next.empty() ? "null" : json::serialize(json::string(next))) + "}";
}

}  // namespace framemill::scheduler
