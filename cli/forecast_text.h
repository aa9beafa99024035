// When a job will be ready, as the scheduler foretells it: read from its answers and put into words. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/json_reader.h"

namespace framemill::cli {

struct ForecastView {
  // "none" "held" "stuck" "blocked" "starved" "input_missing" "pending" "measuring" "estimated" "beyond"; empty: from a
  // scheduler that does not foretell.
  std::string state;
  std::string ready_p50, ready_p90, later_than;  // RFC 3339; empty: there is none
  std::optional<double> on_time, progress;       // 0..1
  std::string reason;
};
ForecastView read_forecast(const json::value& whole);  // of a job's answer

struct LeverView {
  std::string sentence;
};
base::Result<std::vector<LeverView>> read_levers(const json::value& answer);  // the most helpful first

// "17:40" on the same day, "Fri 17:40" within a week, else "2026-12-24 17:40"; in the local time zone.
std::string moment_text(const std::string& rfc3339, std::int64_t now_unix_ms);
std::string odds_text(double share);  // "78 %", "> 99 %", "< 1 %"

// Cells of a list: "17:40", "after 18:00", "measuring"; and "78 %". "-" where there is nothing to say.
std::string ready_cell(const ForecastView& forecast, std::int64_t now_unix_ms);
std::string odds_cell(const ForecastView& forecast);

// "ready 17:40 (p90 18:20), deadline 18:00: 78 % likely"; "measuring, deadline 18:00"; empty: nothing to say.
std::string forecast_line(const ForecastView& forecast, const std::string& deadline, std::int64_t now_unix_ms);
// It may well miss its deadline, so what would help is worth asking for.
bool is_at_risk(const ForecastView& forecast);

}  // namespace framemill::cli
