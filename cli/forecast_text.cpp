#include "cli/forecast_text.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <ctime>

#include "cli/text.h"

namespace framemill::cli {
namespace {

constexpr double kSafe = 0.9;  // likely enough that nobody needs to act
constexpr std::int64_t kDayMs = 86'400'000;

std::optional<double> share_of(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double share = value->to_number<double>();
  if (!(share >= 0 && share <= 1)) return std::nullopt;
  return share;
}

bool is_same_day(const std::tm& a, const std::tm& b) {
  return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
}

std::tm local(std::int64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

ForecastView read_forecast(const json::value& whole) {
  ForecastView forecast;
  const json::object* object = whole.if_object();
  const json::value* told = object == nullptr ? nullptr : object->if_contains("forecast");
  if (told == nullptr || !told->is_object()) return forecast;  // an older scheduler
  JsonReader reader(*told, "forecast");
  forecast.state = reader.text_or_empty("state");
  forecast.ready_p50 = reader.text_or_empty("ready_p50");
  forecast.ready_p90 = reader.text_or_empty("ready_p90");
  forecast.later_than = reader.text_or_empty("later_than");
  forecast.reason = reader.text_or_empty("reason");
  forecast.on_time = share_of(told->get_object(), "on_time");
  forecast.progress = share_of(told->get_object(), "progress");
  return forecast;
}

base::Result<std::vector<LeverView>> read_levers(const json::value& answer) {
  std::vector<LeverView> levers;
  const json::object* object = answer.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains("levers");
  if (list == nullptr || list->is_null()) return levers;
  JsonReader reader(*list, "levers");
  for (const json::value& item : reader.list("items")) {
    JsonReader lever(item, "lever");
    levers.push_back({lever.text("sentence")});
    reader.take(lever.status());
  }
  if (const base::Status status = reader.status(); !status.ok()) return status.error();
  return levers;
}

std::string moment_text(const std::string& rfc3339, std::int64_t now_unix_ms) {
  const std::int64_t moment = unix_ms_of(rfc3339);
  if (moment == 0) return "-";
  constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const std::tm at = local(moment), now = local(now_unix_ms);
  const std::string clock = fmt::format("{:02}:{:02}", at.tm_hour, at.tm_min);
  if (is_same_day(at, now)) return clock;
  const std::int64_t apart = moment - now_unix_ms;
  if (apart > 0 && apart < 6 * kDayMs)
    return fmt::format("{} {}", kDays.at(static_cast<std::size_t>(at.tm_wday)), clock);
  return fmt::format("{:04}-{:02}-{:02} {}", at.tm_year + 1900, at.tm_mon + 1, at.tm_mday, clock);
}

std::string odds_text(double share) {
  if (share > 0.99) return "> 99 %";
  if (share < 0.01) return "< 1 %";
  return fmt::format("{:.0f} %", 100 * share);
}

std::string ready_cell(const ForecastView& forecast, std::int64_t now_unix_ms) {
  if (forecast.state == "estimated") return moment_text(forecast.ready_p50, now_unix_ms);
  if (forecast.state == "beyond") return "after " + moment_text(forecast.later_than, now_unix_ms);
  return forecast.state == "measuring" ? forecast.state : "-";
}

std::string odds_cell(const ForecastView& forecast) {
  return forecast.on_time ? odds_text(*forecast.on_time) : "-";
}

std::string forecast_line(const ForecastView& forecast, const std::string& deadline, std::int64_t now_unix_ms) {
  std::string out;
  if (forecast.state == "estimated")
    out = fmt::format("ready {} (p90 {})", moment_text(forecast.ready_p50, now_unix_ms),
                      moment_text(forecast.ready_p90, now_unix_ms));
  else if (forecast.state == "beyond")
    out = fmt::format("ready after {}", moment_text(forecast.later_than, now_unix_ms));
  else if (forecast.state == "measuring" || (forecast.state == "blocked" && !forecast.reason.empty()))
    out = forecast.reason.empty() ? forecast.state : fmt::format("{}: {}", forecast.state, forecast.reason);
  else if (forecast.state.empty() || forecast.state == "none" || deadline.empty())
    return {};
  if (deadline.empty()) return out;
  out += fmt::format("{}deadline {}", out.empty() ? "" : ", ", moment_text(deadline, now_unix_ms));
  if (forecast.on_time) out += fmt::format(": {} likely", odds_text(*forecast.on_time));
  return out;
}

bool is_at_risk(const ForecastView& forecast) {
  return forecast.on_time && *forecast.on_time < kSafe;
}

}  // namespace framemill::cli
