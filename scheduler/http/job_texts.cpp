#include "scheduler/http/job_texts.h"

#include <boost/json/serialize.hpp>
#include <memory>

#include "scheduler/http/to_json.h"

namespace framemill::scheduler {

namespace {

constexpr std::size_t kTextBytesTypical = 1024;

std::string foretold_text(const JobView& job, const Foretold& foretold) {
  json::object told;
  add_foretold(told, job, foretold);
  return json::serialize(told).replace(0, 1, ",");
}

}  // namespace

const std::string& JobTexts::text_of(const JobRow& row) {
  if (texts_.size() >= kRowsMax && !texts_.contains(row->id)) texts_.clear();
  Text& text = texts_[row->id];
  if (text.row != row) {
    text = {row, json::serialize(job_summary_json(*row))};
    text.json.pop_back();
    // Nothing is foretold of what is over, whatever the time.
    if (jobs::is_final(row->state)) text.json += foretold_text(*row, {std::make_shared<forecast::Forecasts>(), {}});
    ++written_;
  }
  return text.json;
}

std::string JobTexts::page(const std::vector<JobRow>& rows, const std::string& next, const Foretold& foretold) {
  std::string out = "{\"items\":[";
  out.reserve(rows.size() * kTextBytesTypical);
  for (const JobRow& row : rows) {
    if (out.back() != '[') out += ',';
    out += text_of(row);
    if (!jobs::is_final(row->state)) out += foretold_text(*row, foretold);
  }
  return out + "],\"next\":" + (next.empty() ? "null" : json::serialize(json::string(next))) + "}";
}

}  // namespace framemill::scheduler
