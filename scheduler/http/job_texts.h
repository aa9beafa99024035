// The jobs of a list as JSON text. Many people look at the same list every second, and most of its jobs have not changed
// since: the text of a row is kept until the loop hands over another row for that job. HTTP loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/http/forecast_json.h"

namespace framemill::scheduler {

class JobTexts {
 public:
  // Texts kept, about 1 KiB each. Beyond it all are dropped: whoever pages through ten thousand old jobs writes them
  // again, and who looks at the newest thousand does not.
  static constexpr std::size_t kRowsMax = 4096;

  // {"items": [...], "next": ...} with job_summary_json() of each row and what is foretold of it, which is written anew
  // for those that are not over; `next` is null where it is empty.
  std::string page(const std::vector<JobRow>& rows, const std::string& next, const Foretold& foretold);

  std::size_t size() const { return texts_.size(); }
  std::uint64_t written() const { return written_; }  // rows so far whose text was not there

 private:
  struct Text {
    JobRow row;        // held, so that its address stands for its contents
    std::string json;  // of a job that is over, whole; else the last brace is left out
  };
  const std::string& text_of(const JobRow& row);

  std::unordered_map<JobId, Text> texts_;
  std::uint64_t written_ = 0;
};

}  // namespace framemill::scheduler
