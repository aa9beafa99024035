// The kept texts of a list say what the rows say, and are written again only for a row that is another one.
#include "scheduler/http/job_texts.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/http/forecast_json.h"
#include "scheduler/http/to_json.h"
#include "tests/scheduler_http/fake_farm.h"

namespace framemill::scheduler {
namespace {

JobRow row_of(std::uint32_t id) {
  return std::make_shared<JobView>(testing::sample_job(JobId(id), "ana"));
}

const Foretold kForetold = [] {
  forecast::Forecasts forecasts;
  forecasts.made = {1'795'000'000'000};
  forecasts.jobs.emplace(JobId(2), testing::sample_forecast());
  return Foretold{std::make_shared<forecast::Forecasts>(std::move(forecasts)), {1'795'000'000'000}};
}();

std::string plainly(const std::vector<JobRow>& rows, const std::string& next) {
  json::array items;
  for (const JobRow& row : rows) {
    json::object summary = job_summary_json(*row);
    add_foretold(summary, *row, kForetold);
    items.emplace_back(std::move(summary));
  }
  return json::serialize(page_json(std::move(items), next));
}

TEST_CASE("a page of kept texts is the page of its rows") {
  JobTexts texts;
  std::vector<JobRow> rows;
  CHECK(texts.page(rows, "", kForetold) == plainly(rows, ""));
  for (std::uint32_t id = 3; id > 0; --id) rows.push_back(row_of(id));
  CHECK(texts.page(rows, "", kForetold) == plainly(rows, ""));
  CHECK(texts.page(rows, "1", kForetold) == plainly(rows, "1"));
  CHECK(texts.written() == 3);

  JobView changed = *rows[1];
  changed.frames_published += 1;
  changed.name = "another \"name\"";
  rows[1] = std::make_shared<JobView>(changed);
  CHECK(texts.page(rows, "1", kForetold) == plainly(rows, "1"));
  CHECK(texts.written() == 4);

  // Nothing is foretold of what is over, also where it was before.
  changed = *rows[1];
  changed.state = jobs::JobState::Done;
  rows[1] = std::make_shared<JobView>(changed);
  CHECK(rows[1]->id == JobId(2));
  CHECK(texts.page(rows, "1", kForetold) == plainly(rows, "1"));
  CHECK(texts.page(rows, "1", kForetold) == plainly(rows, "1"));
  CHECK(texts.written() == 5);
}

TEST_CASE("the texts that are kept have a bound, and a page longer than it is whole") {
  JobTexts texts;
  std::vector<JobRow> rows;
  for (std::uint32_t id = 1; id <= JobTexts::kRowsMax + 10; ++id) rows.push_back(row_of(id));
  CHECK(texts.page(rows, "", kForetold) == plainly(rows, ""));
  CHECK(texts.size() <= JobTexts::kRowsMax);
}

}  // namespace
}  // namespace framemill::scheduler
