// Why files did not get their final names, as the publishing worker says it, and what the scheduler does about it. The
// text is on the wire (farm.proto, PublishFailure) and in the record of the task. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error_code.h"

namespace framemill::jobs {

enum class PublishError : std::uint8_t {
  Missing,      // the staged file is gone, or is not the committed one
  ExistsOther,  // another file has the name
  Intact,       // what is published is whole, and the layer promises that no other contents can be right
  Path,         // the name is not one that this job may have
  Root          // the worker does not see the root
};
inline constexpr int kPublishErrorCount = 5;

enum class PublishRemedy : std::uint8_t {
  MakeAgain,  // after a few tries: a network file system may be late in showing a file
  GiveUp,     // no other try can end differently
  TryAgain,   // a few times
  Wait        // the host's or the storage's trouble, which says nothing about the file: until they are well
};

struct PublishErrorRow {
  PublishError error;
  std::string_view code;  // "publish.exists_other"
  PublishRemedy remedy;
  bool files_stay;  // what was committed lies in its staging directory: a retry publishes it again
};
const PublishErrorRow& publish_error_row(PublishError error);
std::string_view text_of(PublishError error);

std::optional<PublishError> publish_error_from_code(std::string_view code);

// For any code: those of base/path_error.h are tried again; one that no table has (base/os_error.h, another version's)
// waits, so that nothing that was made is lost by it.
PublishRemedy publish_remedy(std::string_view code);

}  // namespace framemill::jobs
