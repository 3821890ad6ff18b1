#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/carrier/carrier.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::cluster::openpai {

// How the cluster's nodes are reached; both empty: straight.
struct Way {
  std::string jump;               // [USER@]HOST[:PORT], by the user's own ssh
  std::vector<std::string> dial;  // a program with "{host}" and "{port}" in its words
};

// The program that joins its stdin and stdout to HOST:PORT; empty when none is needed.
Result<std::vector<std::string>> way_command(const Way& way, const std::string& host,
                                             std::uint16_t port);

// Connections to the cluster's nodes. The programs that carry them live as long as this does.
class Nodes final {
 public:
  explicit Nodes(Way way) : way_(std::move(way)) {}

  struct Connection {
    base::Fd socket;
    const carrier::Carrier* carrier = nullptr;  // until the next dial(); null: straight
  };
  awaitable<Result<Connection>> dial(std::string host, std::uint16_t port);

 private:
  Way way_;
  std::vector<std::unique_ptr<carrier::Carrier>> carriers_;
};

}  // namespace rdev::cluster::openpai
