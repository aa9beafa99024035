#include "base/error_text.h"

#include <catch2/catch.hpp>

TEST_CASE("what to do follows the message in brackets, where an error says it") {
  using framemill::base::Error;
  using framemill::base::text_with_hint;
  CHECK(text_with_hint(Error{"publish.exists_other", "a.exr exists with other contents", "", "move it away"}) ==
        "a.exr exists with other contents (move it away)");
  CHECK(text_with_hint(Error{"host.memory", "fork failed", "", ""}) == "fork failed");
}
