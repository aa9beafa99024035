#include "jobs/publish_error.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/path_error.h"

namespace framemill::jobs {
namespace {

constexpr std::array<PublishErrorRow, kPublishErrorCount> kPublishErrors{{
    // error, code, remedy, files_stay
    {PublishError::Missing, "publish.missing", PublishRemedy::MakeAgain, false},
    {PublishError::ExistsOther, "publish.exists_other", PublishRemedy::GiveUp, true},
    {PublishError::Intact, "publish.intact", PublishRemedy::GiveUp, true},
    {PublishError::Path, "publish.path", PublishRemedy::TryAgain, true},
    {PublishError::Root, "publish.root", PublishRemedy::TryAgain, true},
}};

const PublishErrorRow* find_publish_error(std::string_view code) {
  const auto row = std::find_if(kPublishErrors.begin(), kPublishErrors.end(),
                                [&](const PublishErrorRow& r) { return r.code == code; });
  return row == kPublishErrors.end() ? nullptr : &*row;
}

}  // namespace

const PublishErrorRow& publish_error_row(PublishError error) {
  const auto index = static_cast<std::size_t>(error);
  FM_CHECK(index < kPublishErrors.size() && kPublishErrors[index].error == error,
           "an error of publishing outside its table");
  return kPublishErrors[index];
}

std::string_view text_of(PublishError error) {
  return publish_error_row(error).code;
}

std::optional<PublishError> publish_error_from_code(std::string_view code) {
  const PublishErrorRow* row = find_publish_error(code);
  return row == nullptr ? std::nullopt : std::optional(row->error);
}

PublishRemedy publish_remedy(std::string_view code) {
  if (const PublishErrorRow* row = find_publish_error(code)) return row->remedy;
  return base::path_error_from_code(code) ? PublishRemedy::TryAgain : PublishRemedy::Wait;
}

}  // namespace framemill::jobs
