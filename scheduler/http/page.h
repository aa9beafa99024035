// The dashboard's files over HTTP: compressed, with ETags and a policy that lets the page load nothing from elsewhere and
// run nothing that is written into it. They hold no data of the farm, so that nobody has to show a token for them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.h"

namespace framemill::scheduler {

// The answer to a request for a file of the dashboard; absent where the path is not one of its files.
// Refusals: 405 for other methods than GET and HEAD, 421 for a Host that is not this farm's, 503 where the program was
// built without the dashboard.
std::optional<net::HttpResponse> page_answer(const net::HttpRequest& request, const std::vector<std::string>& hosts);

// Whether a browser's Host header names this farm: an address, localhost, or one of `hosts` (lower case). A page of a
// stranger whose name was made to lead here (DNS rebinding) shows the stranger's name.
bool is_own_host(const std::string* host_header, const std::vector<std::string>& hosts);
// Whether the Host header names this machine itself: browsers treat it as secure also without TLS.
bool is_loopback_host(const std::string* host_header);

net::HttpResponse misdirected(const std::string* host_header);

}  // namespace framemill::scheduler
