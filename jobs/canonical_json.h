// One text for one value: JSON with sorted keys and no spaces, so that it can be hashed. Private to this room.
#pragma once

#include <string>

namespace boost::json {
class value;
}

namespace framemill::jobs {

std::string canonical_text(const boost::json::value& value);

}  // namespace framemill::jobs
