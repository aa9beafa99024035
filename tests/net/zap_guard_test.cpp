#include "net/zap_guard.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace framemill::net {

TEST_CASE("the guard lets in a listed key for its own socket alone, and nothing that is not a whole question") {
  const CurveKeyPair good = make_curve_key_pair(), stranger = make_curve_key_pair();
  zmq::context_t context;
  auto guard = ZapGuard::start(context, zmq::socket_t(), {good.public_key});
  REQUIRE(guard.ok());
  zmq::socket_t library(context, zmq::socket_type::req);
  library.set(zmq::sockopt::linger, 0);
  library.connect("inproc://zeromq.zap.01");
  const auto bytes_of = [](const CurvePublicKey& key) { return std::string(key.bytes.begin(), key.bytes.end()); };
  const auto answer = [&](std::vector<std::string> question) {
    for (std::size_t i = 0; i < question.size(); ++i)
      library.send(zmq::buffer(question[i]),
                   i + 1 < question.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    std::vector<std::string> parts;
    zmq::message_t part;
    do {
      REQUIRE(library.recv(part).has_value());
      parts.push_back(part.to_string());
    } while (part.more());
    REQUIRE(parts.size() == 6);
    CHECK(parts[1] == question[1]);
    CHECK(parts[4] == (parts[2] == "200" ? good.public_key.z85() : ""));
    return parts[2];
  };
  const std::string key = bytes_of(good.public_key), domain(kZapDomain);
  CHECK(answer({"1.0", "7", domain, "10.0.0.7", "", "CURVE", key}) == "200");
  CHECK(answer({"1.0", "8", domain, "10.0.0.7", "", "CURVE", bytes_of(stranger.public_key)}) == "400");
  CHECK(answer({"1.0", "9", "", "10.0.0.7", "", "CURVE", key}) == "400");
  CHECK(answer({"1.0", "9", "another", "10.0.0.7", "", "CURVE", key}) == "400");
  CHECK(answer({"1.1", "9", domain, "10.0.0.7", "", "CURVE", key}) == "400");
  CHECK(answer({"1.0", "9", domain, "10.0.0.7", "", "PLAIN", key}) == "400");
  CHECK(answer({"1.0", "9", domain, "10.0.0.7", "", "CURVE", key.substr(1)}) == "400");
  CHECK(answer({"1.0", "9", domain, "10.0.0.7", "", "CURVE", key, "more"}) == "400");
  CHECK(answer({"1.0", "9", domain}) == "400");
  (*guard)->allow_only({});
  CHECK(answer({"1.0", "9", domain, "10.0.0.7", "", "CURVE", key}) == "400");
}

}  // namespace framemill::net
