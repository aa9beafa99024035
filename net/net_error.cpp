#include "net/net_error.h"

namespace framemill::net {
namespace {

constexpr base::Names<NetError, 11> kNetErrors{{"net.bind", "net.closed", "net.connect", "net.interrupted",
                                                "net.message_too_large", "net.not_loopback", "net.not_secure",
                                                "net.peer_gone", "net.queue_full", "net.timeout", "net.zmq"}};
constexpr base::Names<HttpError, 9> kHttpErrors{
    {"http.bad_reply", "http.busy", "http.media_type", "http.method_not_allowed", "http.not_found", "http.too_large",
     "http.too_many_connections", "http.too_many_requests", "http.too_many_streams"}};

}  // namespace

std::string_view text_of(NetError error) {
  return kNetErrors.of(error);
}

std::optional<NetError> net_error_from_code(std::string_view code) {
  return kNetErrors.find(code);
}

std::string_view text_of(HttpError error) {
  return kHttpErrors.of(error);
}

}  // namespace framemill::net
