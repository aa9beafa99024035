#include "scheduler/http/job_texts.h"

#include <boost/json/serialize.hpp>

#include "scheduler/http/to_json.h"

namespace framemill::scheduler {

const std::string& JobTexts::text_of(const JobRow& row) {
  if (texts_.size() >= kRowsMax && !texts_.contains(row->id)) texts_.clear();
  Text& text = texts_[row->id];
  if (text.row != row) {
    text = {row, json::serialize(job_summary_json(*row))};
    ++written_;
  }
  return text.json;
}

std::string JobTexts::page(const std::vector<JobRow>& rows, const std::string& next) {
  std::string out = "{\"items\":[";
  for (const JobRow& row : rows) {
    if (out.back() != '[') out += ',';
    out += text_of(row);
  }
  return out + "],\"next\":" + (next.empty() ? "null" : json::serialize(json::string(next))) + "}";
}

}  // namespace framemill::scheduler
